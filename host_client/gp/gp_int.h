/* Inside host_client/gp only: command APDUs in parts, facts. */
#ifndef MM_GP_INT_H
#define MM_GP_INT_H

#include "applet_vm/base/ber.h"
#include "host_client/gp/card_info.h"
#include "host_client/gp/gp.h"

/* A command APDU in its parts (ISO 7816-4, 5.1). data is borrowed. le: -1 none, else 1..65536. */
struct mm_gp_apdu {
    uint8_t header[4];
    const uint8_t *data;
    size_t data_len;
    int le;
};
enum mm_status mm_gp_apdu_parse(const uint8_t *apdu, size_t apdu_len, struct mm_gp_apdu *out,
                                struct mm_err *err) MM_USE_RESULT;
/* Written in the short form when it fits, else in the extended one. */
void mm_gp_apdu_write(const struct mm_gp_apdu *apdu, struct mm_buf *out);

#define MM_GP_DATA_MAX 255 /* of a command in short form, which every card understands */
/* Append one command with Le 00 to a list; its data are at most most bytes (MM_TOO_LONG). */
enum mm_status mm_gp_put_command_of(struct mm_buf *list, uint8_t ins, uint8_t p1, uint8_t p2,
                                    const struct mm_buf *data, size_t most) MM_USE_RESULT;
/* The same with MM_GP_DATA_MAX. */
enum mm_status mm_gp_put_command(struct mm_buf *list, uint8_t ins, uint8_t p1, uint8_t p2,
                                 const struct mm_buf *data) MM_USE_RESULT;

/* BER length and value. */
void mm_gp_put_lv(struct mm_buf *buf, const uint8_t *value, size_t len);

/* A public key in PEM form, or the one of a certificate. Owned (EVP_PKEY_free); NULL: there is none. */
EVP_PKEY *mm_gp_read_public(const char *path);

/* "INSTALL [for load]": what a plain command is called in messages. */
const char *mm_gp_command_name(const uint8_t *apdu, size_t apdu_len);

/* "COMMAND: SW, sentence" into err; MM_CARD. */
enum mm_status mm_gp_card_said(struct mm_err *err, const char *command, uint16_t sw) MM_USE_RESULT;

/* Who is told facts (card_info.h). */
struct mm_gp_teller {
    mm_gp_fact fact;
    void *ctx;
};
void mm_gp_tell(const struct mm_gp_teller *t, const char *key, const char *name, const char *text);
/* The value in hexadecimal, cut at MM_GP_FACT_TEXT_MAX digits. */
void mm_gp_tell_hex(const struct mm_gp_teller *t, const char *key, const char *name,
                    const uint8_t *data, size_t len);

#endif
