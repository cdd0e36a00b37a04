/*
 * The key sets of the issuer security domain: three AES-128 keys a version, a record each, encrypted
 * under a key of this chip. PUT KEY (GPCS 2.3.1, 11.8; Amendment D, 7.2), DELETE [key] (11.2.2.3.2).
 * A set is always whole, there is always one, and the first record's is what key version 00 selects.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

#include <openssl/crypto.h>

#define KEY_TYPE_AES 0x88
#define KEY_N        3
#define KVN_TEST     0xff /* version of the initial test keys: replaced by the first set added */
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

static const uint8_t *set_record(const struct mm_nvm *nvm, mm_key key)
{
    size_t len = 0;
    const uint8_t *record = mm_rec_data(nvm, key, &len);

    return len == MM_ISD_KEYS_LEN ? record : NULL;
}

/* The record of a version, 00: the first; 0 when there is none. */
static mm_key find_set(const struct mm_nvm *nvm, uint8_t version)
{
    for (mm_key key = MM_KEY_ISD_KEYS; key <= MM_KEY_ISD_KEYS_LAST; key++) {
        const uint8_t *record = set_record(nvm, key);
        if (record != NULL && (version == 0 || record[0] == version))
            return key;
    }
    return 0;
}

uint8_t mm_isd_keys_version(const struct mm_nvm *nvm, size_t index)
{
    for (mm_key key = MM_KEY_ISD_KEYS; key <= MM_KEY_ISD_KEYS_LAST; key++) {
        const uint8_t *record = set_record(nvm, key);
        if (record != NULL && index-- == 0)
            return record[0];
    }
    return 0;
}

enum mm_status mm_isd_keys_read(const struct mm_card *card, uint8_t version,
                                struct mm_scp_keys *keys, uint8_t *found)
{
    mm_key key = find_set(card->nvm, version);
    const uint8_t *record;

    memset(keys, 0, sizeof(*keys));
    *found = 0;
    if (key == 0)
        return find_set(card->nvm, 0) == 0 ? MM_TAMPERED : MM_NOT_FOUND;
    record = mm_rec_data(card->nvm, key, NULL);
    *found = record[0];
    return keys_crypt(card->nvm, false, record + 1, keys->enc);
}

enum mm_status mm_isd_keys_write(struct mm_nvm *nvm, mm_key key, const struct mm_scp_keys *keys,
                                 uint8_t version)
{
    uint8_t record[MM_ISD_KEYS_LEN] = {version};
    enum mm_status st = keys_crypt(nvm, true, keys->enc, record + 1);

    if (st == MM_OK && set_record(nvm, key) == NULL)
        st = mm_rec_new(nvm, key, 0, sizeof(record));
    if (st == MM_OK)
        st = mm_rec_write(nvm, key, 0, record, sizeof(record));
    OPENSSL_cleanse(record, sizeof(record));
    return st;
}

/* ---- PUT KEY ---- */

/* One key data field: type 88, length 11, key length 10, key under the DEK, KCV length 03, KCV
 * (Amendment D, 7.2). GPShell 3.0 leaves the key length out and sends length 10, which says as much. */
static uint16_t read_key(const struct mm_session *session, struct mm_rd *rd, uint8_t *key,
                         struct mm_buf *answer)
{
    uint8_t kcv[MM_SCP_KCV_LEN];
    uint8_t type = mm_rd_u8(rd), len = mm_rd_u8(rd);
    uint8_t key_len = len == MM_SCP_KEY_LEN + 1 ? mm_rd_u8(rd) : len;
    const uint8_t *wrapped = mm_rd_bytes(rd, MM_SCP_KEY_LEN);
    uint8_t kcv_len = mm_rd_u8(rd);
    const uint8_t *given = mm_rd_bytes(rd, MM_SCP_KCV_LEN);

    if (rd->bad || type != KEY_TYPE_AES || key_len != MM_SCP_KEY_LEN || kcv_len != MM_SCP_KCV_LEN)
        return MM_SW_6A80_WRONG_DATA;
    if (mm_scp_cbc(session->dek, NULL, false, wrapped, MM_SCP_KEY_LEN, key) != MM_OK ||
        mm_scp_kcv(key, kcv) != MM_OK)
        return MM_SW_6581_MEMORY_FAILURE;
    if (CRYPTO_memcmp(kcv, given, sizeof(kcv)) != 0)
        return MM_SW_6982_SECURITY_STATUS;
    mm_buf_bytes(answer, kcv, sizeof(kcv));
    return MM_SW_9000_NO_ERROR;
}

/* Where a set of that version goes: the set P1 names, or a free record. */
static uint16_t place(const struct mm_nvm *nvm, uint8_t replaced, uint8_t version, mm_key *key)
{
    if (version == 0 || version > KVN_MAX)
        return MM_SW_6A80_WRONG_DATA;
    if (replaced != 0)
        *key = find_set(nvm, replaced);
    else
        *key = find_set(nvm, KVN_TEST); /* the test keys go when a set of one's own comes */
    if (replaced != 0 && *key == 0)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (version != replaced && find_set(nvm, version) != 0)
        return MM_SW_6A80_WRONG_DATA; /* a version is given once (GPCS 11.8.2.1) */
    for (mm_key k = MM_KEY_ISD_KEYS; *key == 0 && k <= MM_KEY_ISD_KEYS_LAST; k++) {
        if (set_record(nvm, k) == NULL)
            *key = k;
    }
    return *key == 0 ? MM_SW_6A84_FILE_FULL : MM_SW_9000_NO_ERROR;
}

/* P1: version to replace, 00 adds one. P2: number of the first key, 80 when more follow it. A new
 * version has all three; one key of a set may be replaced when the set keeps its version. */
uint16_t mm_isd_put_key(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_scp_keys keys = {0};
    uint8_t *const parts[KEY_N] = {keys.enc, keys.mac, keys.dek};
    bool all = apdu->p2 == 0x81;
    size_t first = all ? 0 : (size_t)apdu->p2 - 1, n = all ? KEY_N : 1;
    uint8_t version = 0, old = 0;
    struct mm_rd rd;
    mm_key key = 0;
    uint16_t sw;
    enum mm_status st = MM_OK;

    if ((!all && (apdu->p2 == 0 || apdu->p2 > KEY_N || apdu->p1 == 0)) || apdu->p1 > KVN_MAX)
        return MM_SW_6A86_INCORRECT_P1P2;
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    version = mm_rd_u8(&rd);
    sw = rd.bad ? MM_SW_6A80_WRONG_DATA : place(card->nvm, apdu->p1, version, &key);
    if (sw == MM_SW_9000_NO_ERROR && !all) {
        st = mm_isd_keys_read(card, apdu->p1, &keys, &old);
        if (st != MM_OK)
            sw = mm_card_failure("keys", st);
        else if (version != apdu->p1)
            sw = MM_SW_6A80_WRONG_DATA;
    }
    mm_buf_u8(&card->out, version);
    for (size_t i = first; i < first + n && sw == MM_SW_9000_NO_ERROR; i++)
        sw = read_key(&card->channel->session, &rd, parts[i], &card->out);
    if (sw == MM_SW_9000_NO_ERROR && mm_rd_left(&rd) != 0)
        sw = MM_SW_6A80_WRONG_DATA;
    if (sw == MM_SW_9000_NO_ERROR) {
        st = mm_isd_keys_write(card->nvm, key, &keys, version);
        sw = st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
    }
    OPENSSL_cleanse(&keys, sizeof(keys));
    return sw;
}

/* ---- DELETE [key]: D2 version; no D0, or D0 with key 00 (GPShell: all), as a set goes whole ---- */
uint16_t mm_isd_delete_keys(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_rd rd;
    uint8_t tag, len, version;
    mm_key key;
    enum mm_status st;

    mm_rd_init(&rd, apdu->data, apdu->data_len);
    if (apdu->data_len > 3 && memcmp(apdu->data, "\xd0\x01\x00", 3) == 0)
        (void)mm_rd_bytes(&rd, 3);
    tag = mm_rd_u8(&rd);
    len = mm_rd_u8(&rd);
    version = mm_rd_u8(&rd);
    if (rd.bad || tag != 0xd2 || len != 1 || version == 0 || mm_rd_left(&rd) != 0)
        return MM_SW_6A80_WRONG_DATA;
    key = find_set(card->nvm, version);
    if (key == 0)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (mm_isd_keys_version(card->nvm, 1) == 0) /* nobody could open the card any more */
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = mm_rec_delete(card->nvm, key);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
}
