/*
 * The key sets of a security domain: PUT KEY (GPCS 2.3.1, 11.8; Amendment D, 7.2), DELETE [key]
 * (11.2.2.3.2). The issuer security domain always has one, and the first is what key version 00
 * selects.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

#include <openssl/crypto.h>

#define KEY_N    3
#define KVN_TEST 0xff /* version of the initial test keys: replaced by the first set added */
#define KVN_MAX  0x7f

#define SETS_MAX 8 /* of one domain: a load of key sets must not fill the chip */

static bool has_set(const struct mm_nvm *nvm, mm_comp domain, uint8_t version)
{
    uint8_t v;

    for (size_t i = 0; (v = mm_key_set_version(nvm, domain, i)) != 0; i++) {
        if (v == version)
            return true;
    }
    return false;
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

    if (rd->bad || type != MM_KEY_AES || key_len != MM_SCP_KEY_LEN || kcv_len != MM_SCP_KCV_LEN)
        return MM_SW_6A80_WRONG_DATA;
    if (mm_scp_data(&session->scp, false, wrapped, MM_SCP_KEY_LEN, key) != MM_OK ||
        mm_scp_kcv(key, MM_SCP_KEY_LEN, kcv) != MM_OK)
        return MM_SW_6581_MEMORY_FAILURE;
    if (CRYPTO_memcmp(kcv, given, sizeof(kcv)) != 0)
        return MM_SW_6982_SECURITY_STATUS;
    mm_buf_bytes(answer, kcv, sizeof(kcv));
    return MM_SW_9000_NO_ERROR;
}

/* The set that PUT KEY changes: the one P1 names, or a new one. */
static uint16_t place(const struct mm_nvm *nvm, mm_comp domain, uint8_t replaced, uint8_t version,
                      struct mm_key_set *set)
{
    uint8_t from = replaced;
    enum mm_status st;

    if (version == 0 || version > KVN_MAX)
        return MM_SW_6A80_WRONG_DATA;
    if (replaced == 0 && has_set(nvm, domain, KVN_TEST))
        from = KVN_TEST; /* the test keys go when a set of one's own comes */
    if (version != replaced && has_set(nvm, domain, version))
        return MM_SW_6A80_WRONG_DATA; /* a version is given once (GPCS 11.8.2.1) */
    if (from == 0) {
        mm_key_set_init(set, domain, version);
        return mm_key_set_version(nvm, domain, SETS_MAX - 1) != 0 ? MM_SW_6A84_FILE_FULL
                                                                  : MM_SW_9000_NO_ERROR;
    }
    st = mm_key_set_load(nvm, domain, from, set);
    if (st == MM_NOT_FOUND)
        return MM_SW_6A88_DATA_NOT_FOUND;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
}

/* P1: version to replace, 00 adds one. P2: number of the first key, 80 when more follow it. A new
 * version has all three; one key of a set may be replaced when the set keeps its version. */
uint16_t mm_isd_put_key(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_key_set set;
    struct mm_scp_keys keys = {.len = MM_SCP_KEY_LEN};
    uint8_t *const parts[KEY_N] = {keys.enc, keys.mac, keys.dek};
    bool all = apdu->p2 == 0x81;
    size_t first = all ? 0 : (size_t)apdu->p2 - 1, n = all ? KEY_N : 1;
    uint8_t version = 0;
    struct mm_rd rd;
    uint16_t sw;
    enum mm_status st = MM_OK;

    if ((!all && (apdu->p2 == 0 || apdu->p2 > KEY_N || apdu->p1 == 0)) || apdu->p1 > KVN_MAX)
        return MM_SW_6A86_INCORRECT_P1P2;
    mm_key_set_init(&set, 0, 0);
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    version = mm_rd_u8(&rd);
    sw = rd.bad ? MM_SW_6A80_WRONG_DATA
                : place(card->nvm, mm_domain_current(card), apdu->p1, version, &set);
    if (sw == MM_SW_9000_NO_ERROR && !all) {
        st = mm_key_set_channel(&set, &keys);
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
        set.version = version;
        st = mm_key_set_put_channel(&set, MM_KEY_AES, &keys);
        if (st == MM_OK)
            st = mm_key_set_store(card->nvm, &set);
        sw = st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
    }
    mm_key_set_clear(&set);
    OPENSSL_cleanse(&keys, sizeof(keys));
    return sw;
}

/* ---- DELETE [key]: D2 version; no D0, or D0 with key 00 (GPShell: all), as a set goes whole ---- */
uint16_t mm_isd_delete_keys(struct mm_card *card, const struct mm_apdu *apdu)
{
    mm_comp domain = mm_domain_current(card);
    struct mm_rd rd;
    uint8_t tag, len, version;
    struct mm_key_set set;
    enum mm_status st;

    mm_rd_init(&rd, apdu->data, apdu->data_len);
    if (apdu->data_len > 3 && memcmp(apdu->data, "\xd0\x01\x00", 3) == 0)
        (void)mm_rd_bytes(&rd, 3);
    tag = mm_rd_u8(&rd);
    len = mm_rd_u8(&rd);
    version = mm_rd_u8(&rd);
    if (rd.bad || tag != 0xd2 || len != 1 || version == 0 || mm_rd_left(&rd) != 0)
        return MM_SW_6A80_WRONG_DATA;
    if (!has_set(card->nvm, domain, version))
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (domain == 0 &&
        mm_key_set_version(card->nvm, domain, 1) == 0) /* nobody could open the card any more */
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = mm_key_set_load(card->nvm, domain, version, &set);
    if (st == MM_OK || st == MM_TAMPERED)
        st = mm_key_set_delete(card->nvm, &set);
    mm_key_set_clear(&set);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
}
