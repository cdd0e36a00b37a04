/*
 * APDUs to a small applet (test/bench/applet) on a chip in memory, in this process; how long from
 * power-on to the first answer, and what object deletion costs by live objects.
 *
 *     bench_applet BENCH.CAP [PART OF A NAME]
 *
 * Commands that do cryptography stand beside the same commands with the algorithm left out and beside the
 * bare OpenSSL calls for the same work: contexts and keys ready, an IV of zeros left behind, the message's
 * hash included in a signature. "difference" is (with - without) / OpenSSL, "whole" with / OpenSSL.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "applet_vm/card/card.h"
#include "host_client/access/access_int.h"
#include "host_client/gp/gp.h"
#include "test/bench/bench.h"

static struct mm_err err;

static void must(enum mm_status st)
{
    bench_must(st == MM_OK, err.text);
}

/* ---- The chip, as a reader for the host library ---- */

static enum mm_status transmit(struct mm_access *a, const uint8_t *apdu, size_t apdu_len,
                               unsigned ms, struct mm_buf *resp, struct mm_err *unused)
{
    static uint8_t answer[MM_RESPONSE_MAX];
    size_t len = sizeof(answer);

    (void)ms, (void)unused;
    mm_card_transmit(a->ctx, apdu, apdu_len, answer, &len);
    mm_buf_bytes(resp, answer, len);
    return MM_OK;
}

static const struct mm_access_ops ops = {
    .transmit = transmit, .begin = mm_access_begin_none, .end = mm_access_end_none};

static struct mm_card *chip_new(void)
{
    struct mm_card_config cfg = {.nvm = {.path = NULL}};
    struct mm_card *card = NULL;

    must(mm_card_open(&cfg, &card, &err));
    mm_card_power_on(card);
    return card;
}

static void install(struct mm_card *card, const struct mm_cap *cap, const struct mm_aid *applet)
{
    struct mm_access access = {.ops = &ops, .ctx = card};
    struct mm_gp_session *session = NULL;
    const uint8_t privileges = 0;
    struct mm_buf list;

    mm_buf_init(&list);
    must(mm_gp_open(&access, NULL, &mm_scp_test_keys, 0, MM_SCP_C_MAC, &session, &err));
    must(mm_gp_load_commands(cap, NULL, 200, &list));
    must(mm_gp_install_command(mm_cap_aid(cap), applet, applet, &privileges, 1, NULL, 0, &list));
    must(mm_gp_send_list(session, &list, NULL, NULL, &err));
    mm_gp_close(&session);
    mm_buf_clear(&list);
}

/* ---- Commands ---- */

#define EXTENDED_MAX 32752 /* whole blocks below 32,767, the most an APDU object counts */

struct command {
    struct mm_card *card;
    uint8_t apdu[EXTENDED_MAX + 10];
    size_t len;
    uint8_t answer[300];
    uint8_t answer_len;
    /* the same in OpenSSL alone */
    const uint8_t *in;
    size_t in_len;
    EVP_MD_CTX *md;
    EVP_CIPHER_CTX *cipher;
    const uint8_t *iv; /* NULL: it has none */
    EVP_MAC_CTX *mac;
    EVP_PKEY_CTX *pkey;
    uint8_t out[EXTENDED_MAX];
};

static size_t exchange(struct command *c)
{
    size_t len = sizeof(c->answer);

    mm_card_transmit(c->card, c->apdu, c->len, c->answer, &len);
    return len >= 2 && mm_be16(c->answer + len - 2) == 0x9000 ? len - 2 : SIZE_MAX;
}

static bool send(void *ctx)
{
    return exchange(ctx) != SIZE_MAX;
}

/* Short with Le, or extended. */
static void put(struct command *c, struct mm_card *card, uint8_t ins, size_t data_len)
{
    size_t head = data_len > 255 ? 7 : 5;

    memset(c, 0, offsetof(struct command, md));
    c->card = card;
    c->apdu[0] = 0x80;
    c->apdu[1] = ins;
    c->in = c->apdu + head;
    c->in_len = data_len;
    if (head == 7)
        mm_put_be16(c->apdu + 5, (uint16_t)data_len);
    else
        c->apdu[4] = (uint8_t)data_len;
    c->len = head + data_len + (data_len == 0 ? 0 : head == 7 ? 2 : 1);
}

static void measure(const char *name, struct command *c)
{
    double ns[BENCH_BATCHES];
    unsigned rounds = bench_rounds(bench_batch(send, c, 20));

    for (size_t i = 0; i < BENCH_BATCHES; i++)
        ns[i] = bench_batch(send, c, rounds);
    qsort(ns, BENCH_BATCHES, sizeof(ns[0]), bench_order);
    printf("%-34s %10.0f %10.0f\n", name, ns[0], ns[BENCH_BATCHES / 2]);
}

static void select_applet(struct mm_card *card, const struct mm_aid *applet)
{
    static struct command c = {.apdu = {0x00, 0xA4, 0x04, 0x00}};

    c.card = card;
    c.apdu[4] = applet->len;
    memcpy(c.apdu + 5, applet->bytes, applet->len);
    c.len = 5u + applet->len;
    bench_must(send(&c), "SELECT");
}

static void commands(struct mm_card *card)
{
    static const struct {
        const char *name;
        uint8_t ins;
        size_t data_len;
    } list[] = {
        {"empty", 0x00, 0},
        {"echo, 240 bytes", 0x02, 240},
        {"counter in a transaction", 0x04, 0},
    };

    printf("%-34s %10s %10s   ns, best and median of %d batches\n", "command", "best", "median",
           BENCH_BATCHES);
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        static struct command c;

        put(&c, card, list[i].ins, list[i].data_len);
        measure(list[i].name, &c);
    }
}

/* ---- Cryptography, beside OpenSSL ---- */

#define LEFT_OUT                                                                                   \
    3 /* P2 of a command: not 0, the algorithm is left out and this is the answer's length */

static bool without(void *ctx)
{
    struct command *c = ctx;
    bool ok;

    c->apdu[LEFT_OUT] = c->answer_len;
    ok = send(ctx);
    c->apdu[LEFT_OUT] = 0;
    return ok;
}

static bool bare_digest(void *ctx)
{
    struct command *c = ctx;
    unsigned n;

    return EVP_DigestInit_ex2(c->md, NULL, NULL) == 1 &&
           EVP_DigestUpdate(c->md, c->in, c->in_len) == 1 &&
           EVP_DigestFinal_ex(c->md, c->out, &n) == 1;
}

/* A context begins each message anew (EVP_EncryptInit(3)); here with an IV of zeros, where it has one. */
static bool bare_cipher(void *ctx)
{
    struct command *c = ctx;
    int n;

    return EVP_CipherUpdate(c->cipher, c->out, &n, c->in, (int)c->in_len) == 1 &&
           EVP_CipherInit_ex2(c->cipher, NULL, NULL, c->iv, -1, NULL) == 1;
}

static bool bare_gcm(void *ctx)
{
    static const uint8_t nonce[12];
    struct command *c = ctx;
    uint8_t tag[16];
    int n;

    return EVP_CipherInit_ex2(c->cipher, NULL, NULL, nonce, -1, NULL) == 1 &&
           EVP_CipherUpdate(c->cipher, c->out, &n, c->in, (int)c->in_len) == 1 &&
           EVP_CipherFinal_ex(c->cipher, tag, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag) == 1;
}

static bool bare_mac(void *ctx)
{
    struct command *c = ctx;
    size_t n;

    return EVP_MAC_update(c->mac, c->in, c->in_len) == 1 &&
           EVP_MAC_final(c->mac, c->out, &n, sizeof(c->out)) == 1 &&
           EVP_MAC_init(c->mac, NULL, 0, NULL) == 1;
}

static bool bare_sign(void *ctx)
{
    struct command *c = ctx;
    uint8_t sig[256];
    size_t len = sizeof(sig);

    return bare_digest(ctx) && EVP_PKEY_sign(c->pkey, sig, &len, c->out, 32) == 1;
}

static void use_digest(struct command *c, const char *name)
{
    c->md = EVP_MD_CTX_new();
    bench_must(EVP_DigestInit_ex2(c->md, EVP_MD_fetch(NULL, name, NULL), NULL) == 1, name);
}

static void use_cipher(struct command *c, const char *name)
{
    static const uint8_t zero[24];

    c->cipher = EVP_CIPHER_CTX_new();
    bench_must(EVP_CipherInit_ex2(c->cipher, EVP_CIPHER_fetch(NULL, name, NULL), zero, zero, 1,
                                  NULL) == 1 &&
                   EVP_CIPHER_CTX_set_padding(c->cipher, 0) == 1,
               name);
    c->iv = EVP_CIPHER_CTX_get_iv_length(c->cipher) != 0 ? zero : NULL;
}

static void use_mac(struct command *c, const char *name, const char *param, char *value)
{
    static const uint8_t zero[16];
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(param, value, 0), OSSL_PARAM_END};

    c->mac = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, name, NULL));
    bench_must(EVP_MAC_init(c->mac, zero, sizeof(zero), params) == 1, name);
}

static void use_signer(struct command *c, EVP_PKEY *key, bool rsa)
{
    c->pkey = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bench_must(EVP_PKEY_sign_init(c->pkey) == 1, "sign");
    if (rsa)
        bench_must(EVP_PKEY_CTX_set_rsa_padding(c->pkey, RSA_PKCS1_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_signature_md(c->pkey, EVP_sha256()) == 1,
                   "padding");
    EVP_PKEY_free(key);
}

/* One message as a command of the algorithm p1, as the same command without the algorithm, and by OpenSSL alone. The answer's
 * length is that of the first, or of the last block in it. */
static void beside(struct command *c, struct mm_card *card, const char *name, uint8_t ins,
                   uint8_t p1, size_t len, bool (*bare)(void *))
{
    bool (*const steps[])(void *) = {send, without, bare};
    double ns[3];
    size_t answer_len;

    put(c, card, 0x1E, 0);
    c->apdu[2] = p1;
    bench_must(send(c), "USE");
    put(c, card, len > 255 ? ins | 0x10 : ins, len);
    answer_len = exchange(c);
    bench_must(answer_len != 0 && answer_len != SIZE_MAX, name);
    c->answer_len = (uint8_t)(answer_len < 0xff ? answer_len : 0xff);
    bench_in_turn(steps, 3, c, ns);
    printf("| %s | %zu | %.0f | %.0f | %.0f | %.2f | %.2f |\n", name, len, ns[0], ns[1], ns[2],
           (ns[0] - ns[1]) / ns[2], ns[0] / ns[2]);
}

static const char *only = ""; /* of those with cryptography: what has this in its name */

static void by_size(struct command *c, struct mm_card *card, const char *name, uint8_t ins,
                    uint8_t p1, bool (*bare)(void *))
{
    static const size_t lens[] = {240, 1024, 2048, 4096, 8192, 16384, EXTENDED_MAX};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]) && strstr(name, only) != NULL; i++)
        beside(c, card, name, ins, p1, lens[i], bare);
}

static void symmetric(struct command *c, struct mm_card *card)
{
    static const struct {
        const char *name, *evp;
    } digests[] = {{"SHA-1", "SHA1"}, {"SHA-256", "SHA256"}, {"SHA-512", "SHA512"}},
      ciphers[] = {{"AES-128 CBC", "AES-128-CBC"},
                   {"AES-128 ECB", "AES-128-ECB"},
                   {"AES-128 CTR", "AES-128-CTR"},
                   {"Triple DES CBC", "DES-EDE3-CBC"}};
    char cbc[] = "AES-128-CBC", sha[] = "SHA256"; /* the parameters want them writable */

    for (uint8_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        use_digest(c, digests[i].evp);
        by_size(c, card, digests[i].name, 0x06, i, bare_digest);
    }
    for (uint8_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        use_cipher(c, ciphers[i].evp);
        by_size(c, card, ciphers[i].name, 0x08, i, bare_cipher);
    }
    use_cipher(c, "AES-128-GCM");
    by_size(c, card, "AES-128 GCM", 0x0C, 0, bare_gcm);
    use_mac(c, "CMAC", OSSL_MAC_PARAM_CIPHER, cbc);
    by_size(c, card, "AES-128 CMAC", 0x0A, 0, bare_mac);
    use_mac(c, "HMAC", OSSL_MAC_PARAM_DIGEST, sha);
    by_size(c, card, "HMAC SHA-256", 0x0A, 1, bare_mac);
}

static void crypto(struct mm_card *card)
{
    static struct command c;

    puts("\n| command | bytes | chip, ns | without, ns | OpenSSL, ns | difference | whole |\n"
         "|--|--|--|--|--|--|--|");
    symmetric(&c, card);
    use_digest(&c, "SHA256");
    use_signer(&c, EVP_EC_gen("P-256"), false);
    if (strstr("ECDSA P-256 sign", only) != NULL)
        beside(&c, card, "ECDSA P-256 sign", 0x0A, 2, 240, bare_sign);
    use_signer(&c, EVP_RSA_gen(2048), true);
    if (strstr("RSA-2048 CRT sign", only) != NULL)
        beside(&c, card, "RSA-2048 CRT sign", 0x0A, 3, 240, bare_sign);
}

/* ---- Deletion by live objects ---- */

static void deletion(struct mm_card *card)
{
    unsigned live = 0;

    printf("\n%-12s %12s %12s   deletion of one object, best of 21\n", "live objects", "us",
           "ns an object");
    for (unsigned want = 100; want <= 10000; want *= 10) {
        static struct command more, collect;
        double best = 1e18;

        put(&more, card, 0x20, 0);
        put(&collect, card, 0x22, 0);

        for (; live < want; live += 100)
            bench_must(send(&more), "objects");
        for (int i = 0; i < 21; i++) {
            double took = bench_batch(send, &collect, 1);
            best = took < best ? took : best;
        }
        printf("%-12u %12.1f %12.1f\n", live, best / 1000, best / live);
    }
}

int main(int argc, char **argv)
{
    struct mm_cap *cap = NULL;
    struct mm_card *card;
    struct mm_aid applet;

    bench_must(argc == 2 || argc == 3, "usage: bench_applet BENCH.CAP [PART OF A NAME]");
    only = argc == 3 ? argv[2] : "";
    must(mm_cap_read_file(argv[1], &cap, &err));
    applet = mm_cap_applet(cap, 0)->aid;
    card = chip_new();
    install(card, cap, &applet);
    select_applet(card, &applet);
    commands(card);
    crypto(card);
    deletion(card);
    mm_card_close(&card);
    mm_cap_free(&cap);
    return 0;
}
