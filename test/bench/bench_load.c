/*
 * Loading a package of 60 KiB over SCP03 (C-MAC and C-DECRYPTION) in process: wrapping at the host,
 * transport, unwrapping and keeping at the chip, beside the AES that the protocol asks of both ends
 * for the same bytes (CBC and CMAC by OpenSSL, keys and contexts ready). Prints Markdown; not a test.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "applet_vm/card/card.h"
#include "host_client/gp/gp.h"
#include "test/bench/bench.h"

/* The most that LOAD carries in short commands: 256 blocks, each padded to 240 bytes. */
#define BLOCK_N     255 /* and a last one */
#define BLOCK_LEN   239
#define WRAPPED_LEN ((BLOCK_LEN / 16 + 1) * 16) /* padded */

struct loading {
    struct mm_card *card;
    struct mm_gp_channel channel;
    struct mm_buf command, plain;
    uint8_t resp[MM_RESPONSE_MAX];
    size_t resp_len;
    /* bare */
    EVP_CIPHER_CTX *encrypt, *decrypt, *block;
    EVP_MAC_CTX *mac;
    uint8_t data[WRAPPED_LEN];
};

static void send(struct loading *l, const uint8_t *apdu, size_t apdu_len, bool wrap)
{
    l->command.len = 0;
    if (wrap)
        bench_must(mm_gp_channel_wrap(&l->channel, apdu, apdu_len, &l->command, NULL) == MM_OK,
                   "wrap");
    else
        mm_buf_bytes(&l->command, apdu, apdu_len);
    l->resp_len = sizeof(l->resp);
    mm_card_transmit(l->card, l->command.data, l->command.len, l->resp, &l->resp_len);
    bench_must(mm_be16(l->resp + l->resp_len - 2) == 0x9000, "a command");
}

static void authenticate(struct loading *l)
{
    static const uint8_t challenge[8] = {1, 2, 3};
    struct mm_buf apdu;

    mm_buf_init(&apdu);
    bench_must(mm_gp_channel_begin(&l->channel, &mm_scp_test_keys, 0, challenge, 8, &apdu) == MM_OK,
               "begin");
    send(l, apdu.data, apdu.len, false);
    apdu.len = 0;
    bench_must(mm_gp_channel_authenticate(&l->channel, l->resp, l->resp_len - 2,
                                          MM_SCP_C_MAC | MM_SCP_C_DEC, &apdu, NULL) == MM_OK,
               "authenticate");
    send(l, apdu.data, apdu.len, false);
    mm_scp_make_ready(&l->channel.scp);
    mm_buf_clear(&apdu);
}

/* INSTALL [for load] and every LOAD but the last, which is where the package would be looked at. */
static bool load(void *ctx)
{
    static const uint8_t install[] = {0x80, 0xe6, 0x02, 0x00, 0x0a, 0x05, 1, 2,
                                      3,    4,    5,    0,    0,    0,    0, 0};
    struct loading *l = ctx;
    uint8_t block[5 + BLOCK_LEN + 1] = {0x80, 0xe8, 0x00, 0x00, BLOCK_LEN};

    send(l, install, sizeof(install), true);
    for (unsigned i = 0; i < BLOCK_N; i++) {
        block[3] = (uint8_t)i;
        if (i == 0) /* C4: the load file data block, of which the last part never comes */
            memcpy(block + 5, (const uint8_t[]){0xc4, 0x82, 0xf2, 0x00}, 4);
        send(l, block, sizeof(block), true);
    }
    return true;
}

static bool one_end(struct loading *l, EVP_CIPHER_CTX *cbc)
{
    static const uint8_t head[21] = {0};
    uint8_t icv[16], mac[16];
    size_t mac_len = 0;
    int n = 0;

    return EVP_CipherUpdate(l->block, icv, &n, head, 16) == 1 &&
           EVP_CipherInit_ex2(cbc, NULL, NULL, icv, -1, NULL) == 1 &&
           EVP_CipherUpdate(cbc, l->data, &n, l->data, sizeof(l->data)) == 1 &&
           EVP_MAC_init(l->mac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(l->mac, head, sizeof(head)) == 1 &&
           EVP_MAC_update(l->mac, l->data, sizeof(l->data)) == 1 &&
           EVP_MAC_final(l->mac, mac, &mac_len, sizeof(mac)) == 1;
}

static bool bare(void *ctx)
{
    struct loading *l = ctx;

    for (unsigned i = 0; i < BLOCK_N; i++) {
        if (!one_end(l, l->encrypt) || !one_end(l, l->decrypt))
            return false;
    }
    return true;
}

static EVP_CIPHER_CTX *cipher(const EVP_CIPHER *type, int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    bench_must(EVP_CipherInit_ex2(ctx, type, mm_scp_test_keys.enc, mm_scp_test_keys.mac, encrypt,
                                  NULL) == 1 &&
                   EVP_CIPHER_CTX_set_padding(ctx, 0) == 1,
               "a cipher");
    return ctx;
}

int main(void)
{
    static struct loading l;
    struct mm_card_config cfg = {0};
    char name[] = "AES-128-CBC";
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, name, sizeof(name) - 1),
                           OSSL_PARAM_END};
    EVP_MAC *cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    struct bench_pair pair;

    bench_must(mm_card_open(&cfg, &l.card, NULL) == MM_OK, "a chip");
    mm_card_power_on(l.card);
    l.encrypt = cipher(EVP_aes_128_cbc(), 1);
    l.decrypt = cipher(EVP_aes_128_cbc(), 0);
    l.block = cipher(EVP_aes_128_ecb(), 1);
    l.mac = EVP_MAC_CTX_new(cmac);
    bench_must(EVP_MAC_init(l.mac, mm_scp_test_keys.mac, 16, params) == 1, "a MAC");
    authenticate(&l);
    pair = bench_compare(load, bare, &l, 4);
    puts("| 60 KiB in LOAD blocks over SCP03 | us | bare AES of both ends, us | ratio "
         "|\n|--|--|--|--|");
    printf("| %d blocks of %d bytes | %.0f | %.0f | %.2f |\n", BLOCK_N, BLOCK_LEN, pair.ours / 1e3,
           pair.theirs / 1e3, pair.ratio);
    return 0;
}
