/*
 * Loading a package over SCP03 in process, from INSTALL [for load] to the answer to the last LOAD:
 * wrapping at the host, transport, unwrapping, and at the end all that makes a load file a package
 * (structure, types, links, the record in the image, the promise). Beside the AES that the protocol
 * asks of both ends for the same commands and responses, by OpenSSL, keys and contexts ready: an
 * encrypted counter, CBC and CMAC for each end, nothing of padding or copies. Prints Markdown.
 *
 *     bench_load CAP
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "applet_vm/card/card.h"
#include "host_client/gp/gp.h"
#include "test/bench/bench.h"

#define BLOCK_LEN 239 /* padded to 240: the most that a short LOAD carries under C-DECRYPTION */
#define ROUNDS    101

struct bare {
    EVP_CIPHER_CTX *encrypt, *decrypt, *block;
    EVP_MAC_CTX *mac;
};

struct loading {
    struct mm_card *card;
    struct mm_gp_channel channel;
    struct mm_buf list, command, answer; /* of the load; as sent; as received */
    struct mm_buf delete;
    struct mm_aid aid;
    uint8_t level;
    struct bare bare;
    double ours[ROUNDS], theirs[ROUNDS], last[ROUNDS]; /* us */
};

static void send(struct loading *l, const uint8_t *apdu, size_t apdu_len, bool wrap)
{
    uint8_t resp[MM_RESPONSE_MAX];
    size_t resp_len = sizeof(resp);

    l->command.len = l->answer.len = 0;
    if (wrap)
        bench_must(mm_gp_channel_wrap(&l->channel, apdu, apdu_len, &l->command, NULL) == MM_OK,
                   "wrap");
    else
        mm_buf_bytes(&l->command, apdu, apdu_len);
    mm_card_transmit(l->card, l->command.data, l->command.len, resp, &resp_len);
    mm_buf_bytes(&l->answer, resp, resp_len);
    if (wrap)
        bench_must(mm_gp_channel_unwrap(&l->channel, &l->answer, NULL) == MM_OK, "unwrap");
    bench_must(mm_be16(l->answer.data + l->answer.len - 2) == 0x9000, "a command");
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
    bench_must(mm_gp_channel_authenticate(&l->channel, l->answer.data, l->answer.len - 2, l->level,
                                          &apdu, NULL) == MM_OK,
               "authenticate");
    send(l, apdu.data, apdu.len, false);
    mm_scp_make_ready(&l->channel.scp);
    mm_buf_clear(&apdu);
}

static void each(struct loading *l, const struct mm_buf *list, double *last)
{
    const uint8_t *apdu;
    size_t off = 0, len = 0;

    while ((apdu = mm_gp_list_next(list, &off, &len)) != NULL) {
        *last = bench_now();
        send(l, apdu, len, true);
    }
    *last = bench_now() - *last;
}

/* ---- The AES alone ---- */

/* One message: a head that is under the MAC, and data, encrypted when there are some. */
static bool one_end(const struct bare *b, EVP_CIPHER_CTX *cbc, size_t head_len, uint8_t *data,
                    size_t len)
{
    static const uint8_t head[MM_SCP_BLOCK_LEN + 7] = {0};
    uint8_t icv[MM_SCP_BLOCK_LEN], mac[MM_SCP_BLOCK_LEN];
    size_t mac_len = 0;
    int n = 0;

    if (len > 0 && (EVP_CipherUpdate(b->block, icv, &n, head, sizeof(icv)) != 1 ||
                    EVP_CipherInit_ex2(cbc, NULL, NULL, icv, -1, NULL) != 1 ||
                    EVP_CipherUpdate(cbc, data, &n, data, (int)len) != 1))
        return false;
    return EVP_MAC_init(b->mac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(b->mac, head, head_len) == 1 &&
           (len == 0 || EVP_MAC_update(b->mac, data, len) == 1) &&
           EVP_MAC_final(b->mac, mac, &mac_len, sizeof(mac)) == 1;
}

static size_t padded(size_t len)
{
    return len == 0 ? 0 : (len / MM_SCP_BLOCK_LEN + 1) * MM_SCP_BLOCK_LEN;
}

static void bare(struct loading *l)
{
    const struct bare *b = &l->bare;
    uint8_t data[256] = {0};
    const uint8_t *apdu;
    size_t off = 0, len = 0;

    while ((apdu = mm_gp_list_next(&l->list, &off, &len)) != NULL) {
        size_t plain = apdu[4];
        bool good = one_end(b, b->encrypt, 16 + 5, data, padded(plain)) &&
                    one_end(b, b->decrypt, 16 + 5, data, padded(plain));

        if (l->level & MM_SCP_R_MAC) /* of two bytes of status, and no data */
            good = good && one_end(b, NULL, 16 + 2, NULL, 0) && one_end(b, NULL, 16 + 2, NULL, 0);
        bench_must(good, "bare AES");
    }
}

static EVP_CIPHER_CTX *cipher(const char *name, int encrypt)
{
    EVP_CIPHER *type = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    bench_must(EVP_CipherInit_ex2(ctx, type, mm_scp_test_keys.enc, mm_scp_test_keys.mac, encrypt,
                                  NULL) == 1 &&
                   EVP_CIPHER_CTX_set_padding(ctx, 0) == 1,
               "a cipher");
    EVP_CIPHER_free(type);
    return ctx;
}

static void open_bare(struct bare *b)
{
    char name[] = "AES-128-CBC";
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, name, sizeof(name) - 1),
                           OSSL_PARAM_END};
    EVP_MAC *cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);

    b->encrypt = cipher("AES-128-CBC", 1);
    b->decrypt = cipher("AES-128-CBC", 0);
    b->block = cipher("AES-128-ECB", 1);
    b->mac = EVP_MAC_CTX_new(cmac);
    bench_must(EVP_MAC_init(b->mac, mm_scp_test_keys.mac, 16, params) == 1, "a MAC");
    EVP_MAC_free(cmac);
}

/* ---- */

static double middle(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), bench_order);
    return values[ROUNDS / 2];
}

static void measure(struct loading *l, const char *name, uint8_t level)
{
    double ratios[ROUNDS], unused, best, best_bare, best_last;

    l->level = level;
    authenticate(l);
    for (size_t i = 0; i < ROUNDS; i++) {
        double start = bench_now();

        each(l, &l->list, &l->last[i]);
        l->ours[i] = bench_now() - start;
        start = bench_now();
        bare(l);
        l->theirs[i] = bench_now() - start;
        ratios[i] = l->ours[i] / l->theirs[i];
        each(l, &l->delete, &unused);
    }
    (void)middle(l->ours);
    (void)middle(l->theirs);
    (void)middle(l->last);
    best = l->ours[0];
    best_bare = l->theirs[0];
    best_last = l->last[0];
    printf("| %s | %.0f | %.0f | %.0f | %.2f | %.2f |\n", name, best / 1e3, best_last / 1e3,
           best_bare / 1e3, best / best_bare, middle(ratios));
}

int main(int argc, char **argv)
{
    static struct loading l;
    struct mm_card_config cfg = {.nvm = {.max_bytes = 4u << 20}};
    struct mm_gp_load_how how = {.block_len = BLOCK_LEN};
    struct mm_cap *cap = NULL;
    size_t len = 0;

    bench_must(argc == 2 && mm_cap_read_file(argv[1], &cap, NULL) == MM_OK, "the package");
    bench_must(mm_card_open(&cfg, &l.card, NULL) == MM_OK, "a chip");
    mm_card_power_on(l.card);
    open_bare(&l.bare);
    l.aid = *mm_cap_aid(cap);
    bench_must(mm_gp_load_commands_with(cap, &how, &l.list, NULL) == MM_OK &&
                   mm_gp_delete_command(&l.aid, false, &l.delete) == MM_OK,
               "commands");
    (void)mm_cap_lfdb(cap, &len);
    printf("A package of %zu bytes, best of %d; the ratio's median is of rounds in turn.\n", len,
           ROUNDS);
    puts(
        "| SCP03 | load, us | of it the last LOAD, us | bare AES of both ends, us | ratio | median "
        "|\n|--|--|--|--|--|--|");
    measure(&l, "C-MAC, C-DECRYPTION", MM_SCP_C_MAC | MM_SCP_C_DEC);
    measure(&l, "and R-MAC, R-ENCRYPTION",
            MM_SCP_C_MAC | MM_SCP_C_DEC | MM_SCP_R_MAC | MM_SCP_R_ENC);
    mm_cap_free(&cap);
    mm_card_close(&l.card);
    return 0;
}
