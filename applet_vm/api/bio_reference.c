/* Biometric reference data: enrolment in parts, then ready. */
#include "applet_vm/api/bio_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_MAX 0x7FFF

enum { REF_DATA, REF_TYPE, REF_STATE, REF_PUBLIC, REF_LEN, REF_CELLS };
enum { BLANK, ENROLLING, READY };

static uint16_t get(struct mm_vm *vm, mm_ref ref, uint8_t cell)
{
    return mm_vm_hidden(vm, ref, MM_BIO_REFERENCE, cell);
}

static enum mm_run set(struct mm_vm *vm, mm_ref ref, uint8_t cell, uint16_t value)
{
    return mm_vm_hidden_set(vm, ref, MM_BIO_REFERENCE, cell, value, false);
}

enum mm_run mm_bio_failed(struct mm_vm *vm, mm_ref receiver, uint16_t reason)
{
    return mm_vm_throw(vm,
                       mm_vm_instance_of(vm, receiver, MM_BIO_TEMPLATE)
                           ? "javacardx/biometry/BioException"
                           : "javacardx/biometry1toN/Bio1toNException",
                       reason);
}

enum mm_run mm_bio_reference_init(struct mm_vm *vm, mm_ref reference, int type, int public_n)
{
    enum mm_run run = set(vm, reference, REF_TYPE, (uint16_t)type);

    return run == MM_RUN_OK ? set(vm, reference, REF_PUBLIC, (uint16_t)public_n) : run;
}

bool mm_bio_ready(struct mm_vm *vm, mm_ref reference)
{
    return reference != MM_REF_NULL && get(vm, reference, REF_STATE) == READY;
}

uint16_t mm_bio_type(struct mm_vm *vm, mm_ref reference)
{
    return get(vm, reference, REF_TYPE);
}

const uint8_t *mm_bio_pattern(struct mm_vm *vm, mm_ref reference, size_t *n)
{
    size_t skip = get(vm, reference, REF_PUBLIC), len = get(vm, reference, REF_LEN);
    const uint8_t *data = mm_api_hidden_bytes(vm, get(vm, reference, REF_DATA), n);

    if (data == NULL || len > *n || skip >= len)
        return NULL;
    *n = len - skip;
    return data + skip;
}

/* What a method of a template or of template data works on. */
static mm_ref reference_of(struct mm_vm *vm, mm_ref receiver)
{
    return mm_vm_instance_of(vm, receiver, MM_BIO_TEMPLATE) ? mm_bio_get(vm, receiver, 0)
                                                            : receiver;
}

/* Append n bytes to the keep that are there; what is left of earlier data is overwritten. */
static enum mm_run store(struct mm_vm *vm, mm_ref ref, size_t keep, const uint8_t *bytes, size_t n)
{
    mm_ref array = get(vm, ref, REF_DATA);
    size_t room, need = keep + n;
    const uint8_t *old = mm_api_hidden_bytes(vm, array, &room);
    bool fits = old != NULL && need <= room;
    uint16_t cells[REF_CELLS] = {array, get(vm, ref, REF_TYPE), ENROLLING, get(vm, ref, REF_PUBLIC),
                                 (uint16_t)need};
    uint8_t *copy;
    enum mm_run run;

    if (!fits)
        room = need + need / 2 < LENGTH_MAX ? need + need / 2 : LENGTH_MAX;
    copy = calloc(room + 1, 1);
    if (copy == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    if (keep != 0)
        memcpy(copy, old, keep);
    memcpy(copy + keep, bytes, n);
    if (!fits)
        cells[REF_DATA] = mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY, (uint16_t)room, MM_PERSISTENT);
    run = cells[REF_DATA] != MM_REF_NULL
              ? mm_vm_array_write(vm, cells[REF_DATA], 0, copy, (uint16_t)room, true)
              : mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    OPENSSL_cleanse(copy, room);
    free(copy);
    return run == MM_RUN_OK ? mm_vm_hidden_put(vm, ref, MM_BIO_REFERENCE, cells, REF_CELLS) : run;
}

/* A part of the reference: to the keep bytes that are there. */
static enum mm_run enrol(struct mm_vm *vm, const uint16_t *args, size_t keep)
{
    int len = MM_ARG_SHORT(3);
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    if (run != MM_RUN_OK)
        return run;
    if (keep + (size_t)len > LENGTH_MAX)
        return mm_bio_failed(vm, args[0], MM_BIO_INVALID_DATA);
    return store(vm, reference_of(vm, args[0]), keep, data, (size_t)len);
}

/* init(bytes, off, len) begins anew; a template is not validated any more. */
enum mm_run mm_n_bio_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run = enrol(vm, args, 0);

    if (run == MM_RUN_OK && mm_vm_instance_of(vm, args[0], MM_BIO_TEMPLATE))
        run = mm_n_bio_reset(vm, args, ret);
    return run;
}

enum mm_run mm_n_bio_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref ref = reference_of(vm, args[0]);

    (void)ret;
    if (get(vm, ref, REF_STATE) != ENROLLING)
        return mm_bio_failed(vm, args[0], MM_BIO_ILLEGAL_USE);
    return enrol(vm, args, get(vm, ref, REF_LEN));
}

/* doFinal: something must be there to match with. A template gets all its tries. */
enum mm_run mm_n_bio_do_final(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref ref = reference_of(vm, args[0]);
    enum mm_run run;

    (void)ret;
    if (get(vm, ref, REF_STATE) != ENROLLING)
        return mm_bio_failed(vm, args[0], MM_BIO_ILLEGAL_USE);
    if (get(vm, ref, REF_LEN) <= get(vm, ref, REF_PUBLIC))
        return mm_bio_failed(vm, args[0], MM_BIO_INVALID_DATA);
    run = set(vm, ref, REF_STATE, READY);
    return run == MM_RUN_OK && ref != args[0] ? mm_bio_unblock(vm, args[0]) : run;
}

enum mm_run mm_n_bio_reference_ready(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_bio_ready(vm, args[0]);
    return MM_RUN_OK;
}

enum mm_run mm_n_bio_reference_type(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_bio_type(vm, args[0]);
    return MM_RUN_OK;
}

/* getPublicData, getPublicTemplateData(publicOff, dest, off, length) */
enum mm_run mm_n_bio_public(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref ref = reference_of(vm, args[0]);
    int from = MM_ARG_SHORT(1), want = MM_ARG_SHORT(4), have;
    const uint8_t *data;
    size_t n;
    enum mm_run run = mm_api_room(vm, args[2], MM_ARG_SHORT(3), want);

    if (run != MM_RUN_OK)
        return run;
    if (!mm_bio_ready(vm, ref))
        return mm_bio_failed(vm, args[0], MM_BIO_NOT_ENROLLED);
    have = get(vm, ref, REF_PUBLIC) - from;
    data = mm_api_hidden_bytes(vm, get(vm, ref, REF_DATA), &n);
    if (from < 0 || have <= 0 || data == NULL) {
        ret[0] = 0;
        return MM_RUN_OK;
    }
    ret[0] = (uint16_t)(want < have ? want : have);
    return mm_api_put(vm, args[2], MM_ARG_SHORT(3), data + from, ret[0]);
}
