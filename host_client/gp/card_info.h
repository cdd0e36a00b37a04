/*
 * What a card says of itself, decoded: ATR, production data, recognition data, capabilities, keys,
 * resources. Every function here reads bytes of any card, ours or another's: what it does not know it
 * tells in hexadecimal, and what is malformed is MM_MALFORMED with the facts before it already told.
 */
#ifndef MM_GP_CARD_INFO_H
#define MM_GP_CARD_INFO_H

#include "applet_vm/base/base.h"

#define MM_GP_FACT_TEXT_MAX 544 /* hexadecimal of the longest object a card tells in one piece */

/* Called for each fact. key: a name for machines ("protocols"), the same one may come several times
 * where a card has several of it; name: for people; text: the value. All borrowed. */
typedef void (*mm_gp_fact)(void *ctx, const char *key, const char *name, const char *text);

/* Answer to reset (ISO 7816-3, 8.2) with its historical bytes (ISO 7816-4, 8.1.1). */
enum mm_status mm_gp_describe_atr(const uint8_t *atr, size_t atr_len, mm_gp_fact fact, void *ctx,
                                  struct mm_err *err) MM_USE_RESULT;
/* Card production life cycle data: tag 9F7F, 42 bytes (with or without tag and length). */
enum mm_status mm_gp_describe_cplc(const uint8_t *data, size_t data_len, mm_gp_fact fact, void *ctx,
                                   struct mm_err *err) MM_USE_RESULT;
/* Card data: tag 66 with the card recognition data 73 (GPCS 2.3.1, H.2). */
enum mm_status mm_gp_describe_recognition(const uint8_t *data, size_t data_len, mm_gp_fact fact,
                                          void *ctx, struct mm_err *err) MM_USE_RESULT;
/* Card capability information: tag 67 (GPCS 2.3.1, H.4). */
enum mm_status mm_gp_describe_capabilities(const uint8_t *data, size_t data_len, mm_gp_fact fact,
                                           void *ctx, struct mm_err *err) MM_USE_RESULT;
/* Extended card resources: tag FF21 (ETSI TS 102 226, 8.2.1.7). */
enum mm_status mm_gp_describe_resources(const uint8_t *data, size_t data_len, mm_gp_fact fact,
                                        void *ctx, struct mm_err *err) MM_USE_RESULT;

/* One key of the key information template: tag E0 (GPCS 2.3.1, 11.3.3.1). */
struct mm_gp_key_info {
    uint8_t version, id;
    struct {
        uint8_t type;
        uint16_t len; /* bytes */
    } parts[4];       /* an RSA key has two */
    size_t part_n;
};
enum mm_status mm_gp_parse_key_info(const uint8_t *data, size_t data_len,
                                    void (*each)(void *ctx, const struct mm_gp_key_info *key),
                                    void *ctx, struct mm_err *err) MM_USE_RESULT;
/* What a key type is called, "type XX" for what is not known; out has room for 24. Returns out. */
const char *mm_gp_key_type_text(uint8_t type, char out[24]);

/* Which secure channels the recognition data (66) promise: bit 1 SCP01, 2 SCP02, 3 SCP03, ... */
unsigned mm_gp_recognised_scps(const uint8_t *data, size_t data_len);
/* Parameter i of SCP02 as they tell it, the first if there are several; 0: none. */
uint8_t mm_gp_recognised_scp02_i(const uint8_t *data, size_t data_len);

/* ---- Privileges by name (GPCS 2.3.1, 6.6.1 and table 11-7): privileges.def ---- */
#define MM_GP_PRIVILEGES_LEN 3
/* Names joined by ", "; out has room for out_len, and is cut where it does not fit. Returns out. */
char *mm_gp_privileges_text(const uint8_t bytes[MM_GP_PRIVILEGES_LEN], char *out, size_t out_len);
/* Names joined by commas, "security-domain" as in the list, or 1 or 3 bytes in hexadecimal. */
enum mm_status mm_gp_privileges_read(const char *text, uint8_t bytes[MM_GP_PRIVILEGES_LEN],
                                     struct mm_err *err) MM_USE_RESULT;

#endif
