/*
 * The pairing key: shared by chip and agent, good for three commands. Each is authorised by a MAC
 * over a challenge that the chip has given out and takes once.
 */
#include "applet_vm/integrity/integrity_int.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"

static enum mm_status cmac(const uint8_t key[IN_PAIRING_LEN], const uint8_t *head, size_t head_len,
                           const uint8_t *data, size_t len, uint8_t mac[IN_MAC_LEN])
{
    EVP_MAC *alg = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = alg != NULL ? EVP_MAC_CTX_new(alg) : NULL;
    char cipher[] = "AES-128-CBC";
    OSSL_PARAM params[2];
    enum mm_status st = MM_CRYPTO;
    size_t n = 0;

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0);
    params[1] = OSSL_PARAM_construct_end();
    if (ctx != NULL && EVP_MAC_init(ctx, key, IN_PAIRING_LEN, params) == 1 &&
        EVP_MAC_update(ctx, head, head_len) == 1 &&
        (len == 0 || EVP_MAC_update(ctx, data, len) == 1) &&
        EVP_MAC_final(ctx, mac, &n, IN_MAC_LEN) == 1 && n == IN_MAC_LEN)
        st = MM_OK;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(alg);
    return st;
}

uint16_t in_mac_check(struct mm_integrity *in, uint8_t ins, uint8_t p1, const uint8_t *data,
                      size_t len)
{
    uint8_t key[IN_PAIRING_LEN], mac[IN_MAC_LEN] = {0}, head[2 + IN_CHALLENGE_LEN];
    uint16_t sw = MM_SW_6982_SECURITY_STATUS; /* turns good in one place only */
    size_t sealed_len;
    const uint8_t *sealed = in_rec(in, IN_REC_PAIRING_KEY, &sealed_len);

    if (len < IN_MAC_LEN)
        return MM_SW_6A80_WRONG_DATA;
    if (!in->has_challenge || sealed == NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    in->has_challenge = false;
    head[0] = ins;
    head[1] = p1;
    memcpy(head + 2, in->challenge, IN_CHALLENGE_LEN);
    if (in_unseal(in, IN_REC_PAIRING_KEY, sealed, sealed_len, key, sizeof(key)) != MM_OK)
        sw = MM_SW_6581_MEMORY_FAILURE;
    else if (cmac(key, head, sizeof(head), data, len - IN_MAC_LEN, mac) == MM_OK &&
             CRYPTO_memcmp(mac, data + len - IN_MAC_LEN, IN_MAC_LEN) == 0)
        sw = MM_SW_9000_NO_ERROR;
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(mac, sizeof(mac));
    OPENSSL_cleanse(in->challenge, sizeof(in->challenge));
    return sw;
}

uint16_t in_pair(struct mm_integrity *in, const uint8_t *data, size_t len)
{
    struct mm_buf sealed;
    enum mm_status st;
    bool mine = false;

    if (len != IN_PAIRING_LEN)
        return MM_SW_6A80_WRONG_DATA;
    mm_buf_init(&sealed);
    st = in_seal(in, IN_REC_PAIRING_KEY, data, len, &sealed);
    if (st == MM_OK)
        st = in_tx_begin(in, &mine);
    if (st == MM_OK) {
        st = in_rec_put(in, IN_REC_PAIRING_KEY, sealed.data, sealed.len);
        if (st == MM_OK)
            st = mm_integrity_event(in, MM_EVENT_PAIR, NULL);
        st = in_tx_end(in, mine, st);
    }
    mm_buf_clear(&sealed);
    return in_store_sw(st);
}
