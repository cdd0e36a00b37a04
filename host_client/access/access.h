/*
 * Card access: one interface, three ways. PC/SC readers by name, "tcp:HOST:PORT" (a chip that runs
 * with --listen), "chip:PATH" (an image opened inside this process). Nothing above knows which.
 */
#ifndef MM_ACCESS_H
#define MM_ACCESS_H

#include "applet_vm/base/base.h"

struct mm_access; /* one connection to one card */

/*
 * Connect. reader: NULL or "" for the first PC/SC reader that holds a card; else as above (a PC/SC
 * reader name may be given by any unique part). Never resets or powers off a card that is on.
 * MM_NO_READER with a text that says which is missing: pcscd, the reader, or the card. Waits at most
 * timeout_ms where another holds the card exclusively (MM_BUSY).
 */
enum mm_status mm_access_open(const char *reader, unsigned timeout_ms, struct mm_access **out,
                              struct mm_err *err) MM_USE_RESULT;
void mm_access_close(struct mm_access **access); /* leaves the card powered */

/* Exclusive use (SCardBeginTransaction); nests not. MM_BUSY after the timeout of open. */
enum mm_status mm_access_begin(struct mm_access *access, struct mm_err *err) MM_USE_RESULT;
void mm_access_end(struct mm_access *access);

/* Send one command, get one response, following 61xx (GET RESPONSE) and 6Cxx by itself. resp:
 * data and the final status word appended. MM_NO_READER when reader or card went away. MM_STATE when
 * the card was reset by another since the last command. */
enum mm_status mm_access_send(struct mm_access *access, const uint8_t *apdu, size_t apdu_len,
                              struct mm_buf *resp, struct mm_err *err) MM_USE_RESULT;
/* The same without following anything: the bytes as they are. */
enum mm_status mm_access_send_raw(struct mm_access *access, const uint8_t *apdu, size_t apdu_len,
                                  struct mm_buf *resp, struct mm_err *err) MM_USE_RESULT;

/* Build and send: header, data, Le. le < 0: none; data_len > 255 or le > 256 uses extended length.
 * Response data to resp (without status word), status word to *sw. */
enum mm_status mm_access_call(struct mm_access *access, uint8_t cla, uint8_t ins, uint8_t p1,
                              uint8_t p2, const uint8_t *data, size_t data_len, int le,
                              struct mm_buf *resp, uint16_t *sw, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_access_select(struct mm_access *access, const struct mm_aid *aid,
                                struct mm_buf *resp, uint16_t *sw, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_access_reset(struct mm_access *access, struct mm_err *err) MM_USE_RESULT;
const uint8_t *mm_access_atr(const struct mm_access *access, size_t *len);
const char *mm_access_reader(const struct mm_access *access);

/* List PC/SC readers, one callback each; present: a card is in. */
enum mm_status mm_access_list(void (*each)(void *ctx, const char *reader, bool present), void *ctx,
                              struct mm_err *err) MM_USE_RESULT;
/* Wait for card insertion, removal or reset in the reader of access-like name; returns MM_OK on a
 * change, MM_TIMEOUT after timeout_ms. For agents that watch a reader. */
enum mm_status mm_access_wait(const char *reader, unsigned timeout_ms, bool *present,
                              struct mm_err *err) MM_USE_RESULT;

#endif
