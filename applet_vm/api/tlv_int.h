/* BER-TLV in bytes, for javacardx.framework.tlv. Inside the API module. */
#ifndef MM_API_TLV_INT_H
#define MM_API_TLV_INT_H

#include "applet_vm/api/api_int.h"

/* TLVException's reasons; 0 is no fault. */
enum mm_tlv_fault {
    MM_TLV_OK = 0,
    MM_TLV_INVALID_PARAM = 1,
    MM_TLV_ILLEGAL_SIZE = 2,
    MM_TLV_EMPTY_TAG = 3,
    MM_TLV_EMPTY_TLV = 4,
    MM_TLV_MALFORMED_TAG = 5,
    MM_TLV_MALFORMED_TLV = 6,
    MM_TLV_INSUFFICIENT_STORAGE = 7,
    MM_TLV_TAG_SIZE_GREATER_THAN_127 = 8,
    MM_TLV_TAG_NUMBER_GREATER_THAN_32767 = 9,
    MM_TLV_TLV_SIZE_GREATER_THAN_32767 = 10,
    MM_TLV_TLV_LENGTH_GREATER_THAN_32767 = 11,
    MM_TLV_CUT_OFF /* the bytes end before the structure does */
};

#define MM_TLV_TAG_MAX     4      /* bytes of a tag: numbers up to 1FFFFF; the API asks for 3FFF */
#define MM_TLV_SIZE_MAX    0x7FFF /* bytes of a TLV */
#define MM_TLV_DEPTH       32     /* constructed TLVs in each other */
#define MM_TLV_CONSTRUCTED 0x20

struct mm_tlv {
    size_t tag_n;
    size_t head_n; /* tag and length */
    size_t len;    /* of the value */
    bool constructed;
};

enum mm_run mm_tlv_throw(struct mm_vm *vm, enum mm_tlv_fault fault);

/* The tag at p: CUT_OFF, MALFORMED_TAG (a number that begins with a zero group), ILLEGAL_SIZE, or
 * TAG_SIZE_GREATER_THAN_127. */
enum mm_tlv_fault mm_tlv_tag(const uint8_t *p, size_t n, size_t *tag_n);
/* Tag and length at p, in definite form: MALFORMED_TLV, ILLEGAL_SIZE, CUT_OFF (also when the value
 * is not there in full), or TLV_LENGTH_GREATER_THAN_32767. */
enum mm_tlv_fault mm_tlv_read(const uint8_t *p, size_t n, struct mm_tlv *out);
/* The same, and what it contains is well formed at every level; deeper than MM_TLV_DEPTH is not. */
enum mm_tlv_fault mm_tlv_check(const uint8_t *p, size_t n, struct mm_tlv *out);
/* n bytes that are a series of well-formed TLVs and nothing else; how many at the top. */
enum mm_tlv_fault mm_tlv_check_all(const uint8_t *p, size_t n, size_t *count);

/* Write a tag; its bytes. number is below 8000. */
size_t mm_tlv_tag_put(uint8_t out[MM_TLV_TAG_MAX], unsigned cls, bool constructed, uint16_t number);
/* The shortest length in definite form; its bytes. */
size_t mm_tlv_len_put(uint8_t out[3], size_t len);
static inline size_t mm_tlv_size(size_t tag_n, size_t len)
{
    return tag_n + (len < 0x80 ? 1u : len < 0x100 ? 2u : 3u) + len;
}

/* Throw for an array that was read to its end: CUT_OFF is ArrayIndexOutOfBoundsException. */
enum mm_run mm_tlv_failed(struct mm_vm *vm, enum mm_tlv_fault fault);
/* tagNumber: TAG_NUMBER_GREATER_THAN_32767 */
enum mm_run mm_tlv_number(struct mm_vm *vm, const uint8_t *tag, size_t n, uint16_t *ret);
/* The bytes of an array from off to its end. */
enum mm_run mm_tlv_rest(struct mm_vm *vm, mm_ref array, int off, const uint8_t **p, size_t *n);

/* ---- BERTag objects ---- */
/* The bytes of a tag; 0: it is empty. */
size_t mm_tlv_tag_bytes(struct mm_vm *vm, mm_ref tag, uint8_t out[MM_TLV_TAG_MAX]);
/* The same; EMPTY_TAG. */
enum mm_run mm_tlv_filled_tag(struct mm_vm *vm, mm_ref tag, uint8_t bytes[MM_TLV_TAG_MAX],
                              size_t *n);
/* Of the class its bytes say; INSUFFICIENT_STORAGE. */
enum mm_run mm_tlv_tag_new(struct mm_vm *vm, const uint8_t *bytes, size_t n, mm_ref *tag);
bool mm_tlv_same_tag(struct mm_vm *vm, mm_ref a, mm_ref b); /* an empty one is like none */

#endif
