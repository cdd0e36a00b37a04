/*
 * The purse applet's messages (docs/protocol.md, "Purse applet"): building and reading them, and the
 * exchange with a card that has the purse selected. Readers check lengths and nothing is assumed.
 */
#ifndef MM_PAY_PURSE_H
#define MM_PAY_PURSE_H

#include "applet_vm/base/base.h"

struct mm_access;

enum { MM_PURSE_LOAD = 1, MM_PURSE_RESTORE = 2, MM_PURSE_DEBIT = 3 }; /* record types */
enum { MM_PURSE_INSTALLED = 0, MM_PURSE_PERSONALISED = 1 };

#define MM_PURSE_ID_LEN        8
#define MM_PURSE_MERCHANT_LEN  8
#define MM_PURSE_NONCE_LEN     16
#define MM_PURSE_MAC_LEN       16
#define MM_PURSE_LOAD_INIT_LEN 45
#define MM_PURSE_CREDIT_LEN    24
#define MM_PURSE_RECORD_LEN    53
#define MM_PURSE_LOG_LEN       21
#define MM_PURSE_LOG_N         10

struct mm_purse_info {
    uint8_t state;
    uint8_t id[MM_PURSE_ID_LEN];
    uint16_t currency; /* ISO 4217, numeric, binary coded decimal */
    uint32_t counter, balance, max_balance, max_debit, pin_free;
    uint8_t tries;
};
enum mm_status mm_purse_read_info(const uint8_t *data, size_t data_len, struct mm_purse_info *out,
                                  struct mm_err *err) MM_USE_RESULT;

/* GET LAST (53 bytes) or a log record (21 bytes: then nonce and MAC are zero). */
struct mm_purse_record {
    uint8_t type;
    uint32_t counter, amount, balance;
    uint8_t merchant[MM_PURSE_MERCHANT_LEN];
    uint8_t nonce[MM_PURSE_NONCE_LEN];
    uint8_t bytes[MM_PURSE_RECORD_LEN]; /* as they came */
    size_t bytes_len;
};
enum mm_status mm_purse_read_record(const uint8_t *data, size_t data_len,
                                    struct mm_purse_record *out, struct mm_err *err) MM_USE_RESULT;

/* Data of INITIALISE FOR LOAD and INITIALISE FOR DEBIT. */
void mm_purse_load_data(uint8_t type, uint32_t amount, const uint8_t nonce[16], uint8_t out[21]);
void mm_purse_debit_data(uint32_t amount, const uint8_t merchant[8], const uint8_t nonce[16],
                         uint8_t out[28]);

/* Their answers: whose purse, its counter and balance before, the amount it has taken. */
struct mm_purse_offer {
    uint8_t id[MM_PURSE_ID_LEN];
    uint32_t counter, balance, amount;
    uint8_t type;
    uint8_t bytes[MM_PURSE_LOAD_INIT_LEN];
    size_t bytes_len;
};
enum mm_status mm_purse_read_load_offer(const uint8_t *data, size_t data_len,
                                        struct mm_purse_offer *out,
                                        struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_purse_read_debit_offer(const uint8_t *data, size_t data_len,
                                         struct mm_purse_offer *out,
                                         struct mm_err *err) MM_USE_RESULT;

/* "EUR" of 0978; the four digits when the code is not known. out: 8 bytes. Returns out. */
const char *mm_purse_currency(uint16_t code, char out[8]);
const char *mm_purse_type_text(uint8_t type);

/* ---- With a card. A status word other than 9000 is MM_CARD with a sentence of what it means ---- */
/* MM_NOT_FOUND: no purse in this chip, or the gate is shut. */
enum mm_status mm_purse_select(struct mm_access *card, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_purse_info(struct mm_access *card, struct mm_purse_info *out,
                             struct mm_err *err) MM_USE_RESULT;
/* MM_NOT_FOUND: no such record. */
enum mm_status mm_purse_last(struct mm_access *card, struct mm_purse_record *out,
                             struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_purse_log(struct mm_access *card, uint8_t index, struct mm_purse_record *out,
                            struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_purse_verify(struct mm_access *card, const char *pin,
                               struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_purse_begin_load(struct mm_access *card, uint8_t type, uint32_t amount,
                                   const uint8_t nonce[16], struct mm_purse_offer *out,
                                   struct mm_err *err) MM_USE_RESULT;
/* answer: the 24 bytes with the new balance, for the platform. */
enum mm_status mm_purse_credit(struct mm_access *card, const uint8_t mac2[16], uint8_t answer[24],
                               struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_purse_begin_debit(struct mm_access *card, uint32_t amount,
                                    const uint8_t merchant[8], const uint8_t nonce[16],
                                    struct mm_purse_offer *out, struct mm_err *err) MM_USE_RESULT;
/* Commit it; the record comes by GET LAST, as it would after a crash. */
enum mm_status mm_purse_debit(struct mm_access *card, struct mm_err *err) MM_USE_RESULT;

#endif
