/*
 * The issuer security domain (GPCS 2.3.1, 11): its secure channel, its keys, and which command may
 * run when. Content management needs an open session with C-MAC; enrolment C-DECRYPTION as well.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

#include <openssl/crypto.h>

#define CLA_SM       0x04 /* GlobalPlatform secure messaging (GPCS 11.1.4) */
#define KEY_TYPE_AES 0x88
#define KEY_N        3
#define KVN_TEST     0xff /* version of the initial test keys */
#define KVN_MAX      0x7f

/* ---- Keys at rest ---- */
static enum mm_status keys_crypt(struct mm_nvm *nvm, bool encrypt, const uint8_t *in, uint8_t *out)
{
    uint8_t kek[32];
    enum mm_status st = mm_nvm_derive(nvm, "isd keys", kek);

    if (st == MM_OK)
        st = mm_scp_cbc(kek, NULL, encrypt, in, sizeof(struct mm_scp_keys), out);
    OPENSSL_cleanse(kek, sizeof(kek));
    return st;
}

enum mm_status mm_isd_keys_read(struct mm_card *card, struct mm_scp_keys *keys, uint8_t *version)
{
    size_t len = 0;
    const uint8_t *record = mm_rec_data(card->nvm, MM_KEY_ISD_KEYS, &len);

    memset(keys, 0, sizeof(*keys));
    *version = 0;
    if (record == NULL || len != MM_ISD_KEYS_LEN)
        return MM_TAMPERED;
    *version = record[0];
    return keys_crypt(card->nvm, false, record + 1, keys->enc);
}

enum mm_status mm_isd_keys_write(struct mm_nvm *nvm, const struct mm_scp_keys *keys,
                                 uint8_t version)
{
    uint8_t record[MM_ISD_KEYS_LEN] = {version};
    enum mm_status st = keys_crypt(nvm, true, keys->enc, record + 1);

    if (st == MM_OK)
        st = mm_rec_write(nvm, MM_KEY_ISD_KEYS, 0, record, sizeof(record));
    OPENSSL_cleanse(record, sizeof(record));
    return st;
}

/* ---- PUT KEY: the three keys of the domain at once (Amendment D, 7.2) ---- */

/* One key data field: type 88, length, key length 10, key under the DEK, KCV length 03, KCV. */
static uint16_t read_key(const struct mm_session *session, struct mm_rd *rd, uint8_t *key,
                         struct mm_buf *answer)
{
    uint8_t kcv[MM_SCP_KCV_LEN];
    uint8_t type = mm_rd_u8(rd), len = mm_rd_u8(rd), key_len = mm_rd_u8(rd);
    const uint8_t *wrapped = mm_rd_bytes(rd, MM_SCP_KEY_LEN);
    uint8_t kcv_len = mm_rd_u8(rd);
    const uint8_t *given = mm_rd_bytes(rd, MM_SCP_KCV_LEN);

    if (rd->bad || type != KEY_TYPE_AES || len != MM_SCP_KEY_LEN + 1 || key_len != MM_SCP_KEY_LEN ||
        kcv_len != MM_SCP_KCV_LEN)
        return MM_SW_6A80_WRONG_DATA;
    if (mm_scp_cbc(session->dek, NULL, false, wrapped, MM_SCP_KEY_LEN, key) != MM_OK ||
        mm_scp_kcv(key, kcv) != MM_OK)
        return MM_SW_6581_MEMORY_FAILURE;
    if (CRYPTO_memcmp(kcv, given, sizeof(kcv)) != 0)
        return MM_SW_6982_SECURITY_STATUS;
    mm_buf_bytes(answer, kcv, sizeof(kcv));
    return MM_SW_9000_NO_ERROR;
}

uint16_t mm_isd_put_key(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_scp_keys keys = {0};
    uint8_t *const parts[KEY_N] = {keys.enc, keys.mac, keys.dek};
    uint16_t sw = MM_SW_9000_NO_ERROR;
    uint8_t version = 0, current = 0;
    struct mm_rd rd;
    enum mm_status st = mm_isd_keys_read(card, &keys, &current);

    if (st != MM_OK)
        return mm_card_failure("keys", st);
    /* P2: key identifier 1 of several. P1: version to replace; 00 adds one, which replaces the test
     * keys, and there is room for one version only. */
    if (apdu->p2 != 0x81)
        sw = MM_SW_6A86_INCORRECT_P1P2;
    else if (apdu->p1 == 0 && current != KVN_TEST)
        sw = MM_SW_6A84_FILE_FULL;
    else if (apdu->p1 != 0 && apdu->p1 != current)
        sw = MM_SW_6A88_DATA_NOT_FOUND;
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    version = mm_rd_u8(&rd);
    if (sw == MM_SW_9000_NO_ERROR && (rd.bad || version == 0 || version > KVN_MAX))
        sw = MM_SW_6A80_WRONG_DATA;
    mm_buf_u8(&card->out, version);
    for (size_t i = 0; i < KEY_N && sw == MM_SW_9000_NO_ERROR; i++)
        sw = read_key(&card->session, &rd, parts[i], &card->out);
    if (sw == MM_SW_9000_NO_ERROR && mm_rd_left(&rd) != 0)
        sw = MM_SW_6A80_WRONG_DATA;
    if (sw == MM_SW_9000_NO_ERROR) {
        st = mm_isd_keys_write(card->nvm, &keys, version);
        sw = st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
    }
    OPENSSL_cleanse(&keys, sizeof(keys));
    return sw;
}

/* ---- Secure channel commands ---- */
static uint16_t initialize_update(struct mm_card *card, const struct mm_apdu *apdu)
{
    uint8_t answer[MM_INIT_UPDATE_LEN];
    uint16_t sw;

    if (apdu->p2 != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    mm_content_load_drop(card);
    sw = mm_session_init_update(card, 0, apdu->p1, apdu->data, apdu->data_len, answer);
    if (sw == MM_SW_9000_NO_ERROR)
        mm_buf_bytes(&card->out, answer, sizeof(answer));
    return sw;
}

/* The command's data, copied to where it may be changed. */
static bool copy_data(struct mm_card *card, const struct mm_apdu *apdu)
{
    card->work.len = 0;
    mm_buf_bytes(&card->work, apdu->data, apdu->data_len);
    return !card->work.bad;
}

static uint16_t external_authenticate(struct mm_card *card, const struct mm_apdu *apdu)
{
    uint8_t header[4] = {apdu->cla, apdu->ins, apdu->p1, apdu->p2};
    struct mm_secured c = {.header = header, .extended = apdu->extended};

    if (apdu->p2 != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    if (!copy_data(card, apdu))
        return MM_SW_6A84_FILE_FULL;
    c.data = card->work.data;
    c.data_len = card->work.len;
    return mm_session_authenticate(card, 0, &c);
}

/* ---- Dispatch ---- */
enum need { NEED_NOTHING, NEED_SESSION, NEED_MAC, NEED_ENCRYPTION };

static uint16_t enrol(struct mm_card *card, const struct mm_apdu *apdu)
{
    return mm_integrity_enrol(card->integrity, apdu->ins, apdu->p1, apdu->p2, apdu->data,
                              apdu->data_len, &card->out);
}

static const struct handler {
    uint8_t ins;
    enum need need;
    uint16_t (*run)(struct mm_card *card, const struct mm_apdu *apdu);
} handlers[] = {
    {MM_INS_ISD_GET_DATA, NEED_NOTHING, mm_isd_get_data},
    {MM_INS_ISD_GET_STATUS, NEED_SESSION, mm_isd_get_status},
    {MM_INS_ISD_INSTALL, NEED_MAC, mm_content_install},
    {MM_INS_ISD_LOAD, NEED_MAC, mm_content_load},
    {MM_INS_ISD_DELETE, NEED_MAC, mm_content_delete},
    {MM_INS_ISD_PUT_KEY, NEED_MAC, mm_isd_put_key},
    {MM_INS_ISD_GENERATE_ATTESTATION_KEY, NEED_ENCRYPTION, enrol},
    {MM_INS_ISD_PUT_CERTIFICATE, NEED_ENCRYPTION, enrol},
    {MM_INS_ISD_PUT_PAIRING_KEY, NEED_ENCRYPTION, enrol},
};

static bool allowed(const struct mm_session *s, enum need need)
{
    bool open = s->state == MM_SESSION_OPEN && s->owner == 0;

    switch (need) {
    case NEED_NOTHING:
        return true;
    case NEED_SESSION:
        return open;
    case NEED_MAC:
        return open && (s->level & MM_SCP_C_MAC);
    case NEED_ENCRYPTION:
        return open && (s->level & MM_SCP_C_MAC) && (s->level & MM_SCP_C_DEC);
    }
    return false;
}

static uint16_t run(struct mm_card *card, const struct mm_apdu *apdu)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].ins != apdu->ins)
            continue;
        if (!allowed(&card->session, handlers[i].need))
            return MM_SW_6982_SECURITY_STATUS;
        return handlers[i].run(card, apdu);
    }
    return MM_SW_6D00_INS_NOT_SUPPORTED;
}

/* Remove secure messaging into plain; the session ends when it is wrong or missing. */
static uint16_t unwrap(struct mm_card *card, const struct mm_apdu *apdu, struct mm_apdu *plain)
{
    uint8_t header[4] = {apdu->cla, apdu->ins, apdu->p1, apdu->p2};
    struct mm_secured c = {.header = header, .extended = apdu->extended};
    uint16_t sw;

    *plain = *apdu;
    if (!(apdu->cla & CLA_SM)) {
        if (card->session.state == MM_SESSION_OPEN && (card->session.level & MM_SCP_C_MAC)) {
            mm_session_end(&card->session);
            return MM_SW_6982_SECURITY_STATUS;
        }
        return MM_SW_9000_NO_ERROR;
    }
    if (!copy_data(card, apdu))
        return MM_SW_6A84_FILE_FULL;
    c.data = card->work.data;
    c.data_len = card->work.len;
    sw = mm_session_unwrap(&card->session, &c);
    plain->cla = (uint8_t)(apdu->cla & ~CLA_SM);
    plain->data = c.data;
    plain->data_len = c.data_len;
    return sw;
}

/* R-MAC goes on successes and warnings only (Amendment D, 6.2.5). */
static uint16_t wrap(struct mm_card *card, uint16_t sw)
{
    static const uint8_t room[MM_SCP_BLOCK_LEN + MM_SCP_MAC_LEN];
    size_t len = card->out.len;
    uint16_t wrapped;

    if (sw != MM_SW_9000_NO_ERROR && sw >> 8 != 0x62 && sw >> 8 != 0x63)
        return sw;
    mm_buf_bytes(&card->out, room, sizeof(room));
    if (card->out.bad)
        return MM_SW_6A84_FILE_FULL;
    wrapped = mm_session_wrap(&card->session, card->out.data, &len, card->out.len, sw);
    card->out.len = len;
    return wrapped == MM_SW_9000_NO_ERROR ? sw : wrapped;
}

uint16_t mm_isd_command(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_apdu plain;
    uint16_t sw;

    if (apdu->cla == 0x00) /* the interindustry form of GET DATA (GPCS 11.3.1) */
        return apdu->ins == MM_INS_ISD_GET_DATA ? mm_isd_get_data(card, apdu)
                                                : MM_SW_6D00_INS_NOT_SUPPORTED;
    if (apdu->cla != 0x80 && apdu->cla != (0x80 | CLA_SM))
        return MM_SW_6E00_CLA_NOT_SUPPORTED;
    if (apdu->ins == MM_INS_ISD_INITIALIZE_UPDATE && apdu->cla == 0x80)
        return initialize_update(card, apdu);
    if (apdu->ins == MM_INS_ISD_EXTERNAL_AUTHENTICATE)
        return apdu->cla & CLA_SM ? external_authenticate(card, apdu)
                                  : MM_SW_6E00_CLA_NOT_SUPPORTED;
    sw = unwrap(card, apdu, &plain);
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    sw = run(card, &plain);
    return apdu->cla & CLA_SM ? wrap(card, sw) : sw;
}
