/*
 * BER-TLV (ISO 8825-1, 8.1) as cards have it: tags of one or two bytes, definite lengths. One reader and one
 * writer for the chip and for the host side.
 */
#ifndef MM_BASE_BER_H
#define MM_BASE_BER_H

#include "applet_vm/base/base.h"

/* A length of 1 to 4 bytes; rd->bad when it has another form. */
size_t mm_ber_len(struct mm_rd *rd);
/* One object. value: borrowed from what rd reads; NULL on failure. false: malformed, and rd->bad. */
bool mm_ber_take(struct mm_rd *rd, uint16_t *tag, const uint8_t **value, size_t *len);

/* A length in the shortest form, up to 65535. */
void mm_ber_put_len(struct mm_buf *out, size_t len);
/* One object of up to 65535 bytes. */
void mm_ber_put(struct mm_buf *out, uint16_t tag, const void *value, size_t len);

#endif
