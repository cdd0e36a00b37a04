/*
 * Card access: one interface, three ways. PC/SC readers by name, "tcp:HOST:PORT" (a chip that runs
 * with --listen), "chip:PATH" (an image opened inside this process). Nothing above knows which.
 *
 * Nothing here waits without end: each call that talks to a reader has a limit of time, after which
 * it returns MM_TIMEOUT or MM_BUSY and the connection is given up (later calls say MM_NO_READER).
 * One struct mm_access is used by one thread at a time.
 */
#ifndef MM_ACCESS_H
#define MM_ACCESS_H

#include "applet_vm/base/base.h"

struct mm_access; /* one connection to one card */

/* Longest wait for the answer to one command, unless mm_access_set_timeout says otherwise: longer
 * than the slowest thing a card does (an RSA key on a real card), short enough for a user. */
#define MM_ACCESS_ANSWER_MS 20000

/*
 * Connect. reader: NULL or "" for the first PC/SC reader that holds a card; else as above (a PC/SC
 * reader name may be given by any unique part). Never resets or powers off a card that is on.
 * MM_NO_READER with a text that says which is missing: pcscd, the reader, or the card. Waits at
 * most timeout_ms where another holds the card exclusively (MM_BUSY).
 */
enum mm_status mm_access_open(const char *reader, unsigned timeout_ms, struct mm_access **out,
                              struct mm_err *err) MM_USE_RESULT;
void mm_access_close(struct mm_access **access); /* leaves the card powered */
void mm_access_set_timeout(struct mm_access *access, unsigned answer_ms);
/* Called with every command and response as they cross, GET RESPONSE included: for tools that show
 * the traffic. What crosses may be a PIN; nothing here keeps or logs it. NULL: no more. */
typedef void (*mm_access_trace)(void *ctx, bool response, const uint8_t *data, size_t data_len);
void mm_access_set_trace(struct mm_access *access, mm_access_trace trace, void *ctx);

/* Exclusive use (SCardBeginTransaction); nests not. MM_BUSY after the timeout of open. */
enum mm_status mm_access_begin(struct mm_access *access, struct mm_err *err) MM_USE_RESULT;
void mm_access_end(struct mm_access *access);

/*
 * Send one command, get one response, following 61xx (GET RESPONSE) and 6Cxx by itself.
 * apdu  4 bytes at least; short or extended length
 * resp  what it held is replaced: response data, then the final status word. Empty on failure.
 * MM_NO_READER when reader or card went away. MM_STATE when the card was reset by another since the
 * last command: said once, the command was not sent, the next one will be.
 */
enum mm_status mm_access_send(struct mm_access *access, const uint8_t *apdu, size_t apdu_len,
                              struct mm_buf *resp, struct mm_err *err) MM_USE_RESULT;
/* The same without following anything: the bytes as they are. */
enum mm_status mm_access_send_raw(struct mm_access *access, const uint8_t *apdu, size_t apdu_len,
                                  struct mm_buf *resp, struct mm_err *err) MM_USE_RESULT;

/* Build and send: header, data, Le. le < 0: none; data_len > 255 or le > 256 uses extended length.
 * Response data to resp (without status word; resp may be NULL), status word to *sw. */
enum mm_status mm_access_call(struct mm_access *access, uint8_t cla, uint8_t ins, uint8_t p1,
                              uint8_t p2, const uint8_t *data, size_t data_len, int le,
                              struct mm_buf *resp, uint16_t *sw, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_access_select(struct mm_access *access, const struct mm_aid *aid,
                                struct mm_buf *resp, uint16_t *sw,
                                struct mm_err *err) MM_USE_RESULT;
/* Warm reset by us: nothing is selected afterwards; ends no transaction. */
enum mm_status mm_access_reset(struct mm_access *access, struct mm_err *err) MM_USE_RESULT;
/* Borrowed until the next reset. */
const uint8_t *mm_access_atr(const struct mm_access *access, size_t *len);
/* Full name of the reader, or the string of open. Borrowed. */
const char *mm_access_reader(const struct mm_access *access);

/* A command APDU from its fields, as mm_access_call sends it, appended to out. */
void mm_access_build(uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, const uint8_t *data,
                     size_t data_len, int le, struct mm_buf *out);

/* List PC/SC readers, one callback each; present: a card is in. */
enum mm_status mm_access_list(void (*each)(void *ctx, const char *reader, bool present), void *ctx,
                              struct mm_err *err) MM_USE_RESULT;
/*
 * Wait for card insertion or removal in the reader of access-like name. For agents that watch a
 * reader. *present: in, what the caller last knew (a state that differs from it is a change at
 * once, so none is missed between calls); out, what is. MM_OK on a change, MM_TIMEOUT after timeout_ms
 * without one; MM_NO_READER when pcscd is not running. A reader that is not there has no card.
 * "tcp:" and "chip:" are always there: only the time passes.
 */
enum mm_status mm_access_wait(const char *reader, unsigned timeout_ms, bool *present,
                              struct mm_err *err) MM_USE_RESULT;

#endif
