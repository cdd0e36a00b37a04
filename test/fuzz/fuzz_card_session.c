/*
 * Secure channels as a state machine: commands with and without a session, right and wrong, in any order.
 * Input: a byte that chooses protocol and parameter, then steps of a byte and its arguments:
 *   00 len bytes            a command as it is
 *   01 level                INITIALIZE UPDATE and EXTERNAL AUTHENTICATE, with the right keys
 *   02 ins p1 p2 len data   a command in the session
 *   03 bit ins p1 p2 len data   the same with one bit changed
 *   04 level                the same as 01 with a wrong cryptogram
 *   05                      the last command of 02 again
 *   06                      reset
 * What is asserted: every command is answered; registry, keys and data of the card change by 02 alone, and
 * only where the session has a C-MAC; no answer contains eight bytes of a key, static or of the session.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "applet_vm/card/card_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mm_card_scp kinds[] = {{2, 0x04}, {2, 0x15}, {2, 0x55}, {2, 0x75},
                                           {2, 0x1a}, {2, 0x3b}, {3, 0x00}, {3, 0x20},
                                           {3, 0x60}, {3, 0x70}, {3, 0x71}};
#define KIND_N   (sizeof(kinds) / sizeof(kinds[0]))
#define WINDOW   8
#define DATA_MAX 223

struct fuzz {
    struct mm_card *card;
    struct mm_scp scp; /* the host's end */
    bool open;
    uint8_t last[5 + 255 + 1];
    size_t last_len;
    uint8_t resp[MM_RESPONSE_MAX];
    size_t resp_len; /* without status word */
    const uint8_t *input;
    size_t input_len;
};

static void need(bool what)
{
    if (!what)
        abort();
}

static void no_pause(void *ctx, unsigned ms)
{
    (void)ctx;
    (void)ms;
}

static enum mm_status counting_random(void *ctx, uint8_t *out, size_t out_len)
{
    uint8_t *next = ctx;

    for (size_t i = 0; i < out_len; i++)
        out[i] = (uint8_t)(*next += 151);
    return MM_OK;
}

/* ---- What must not change ---- */
static void digest_of(const struct mm_card *card, uint8_t out[32])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    mm_key key = MM_KEY_PLATFORM - 1;

    need(ctx != NULL && EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) == 1);
    while ((key = mm_rec_next(card->nvm, key, MM_KEY_SETS_LAST)) != 0) {
        size_t len = 0, skip = 0;
        const uint8_t *record = mm_rec_data(card->nvm, key, &len);

        if (key >= MM_KEY_INTEGRITY_FIRST && key <= MM_KEY_INTEGRITY_LAST)
            continue;
        if (key >= MM_KEY_SETS_FIRST)
            skip = 6; /* version, i, and the counters */
        need(EVP_DigestUpdate(ctx, &key, sizeof(key)) == 1 && len >= skip &&
             EVP_DigestUpdate(ctx, record + skip, len - skip) == 1);
    }
    need(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
    EVP_MD_CTX_free(ctx);
}

static bool contains(const uint8_t *in, size_t len, const uint8_t *window)
{
    return len >= WINDOW && memmem(in, len, window, WINDOW) != NULL;
}

/* What the input itself has the card may say again. */
static void no_key_in_answer(const struct fuzz *f)
{
    const struct mm_scp *ends[] = {&f->scp, &f->card->channels[0].session.scp};

    for (size_t w = 0; w + WINDOW <= MM_SCP_KEY_LEN; w += WINDOW) {
        const uint8_t *fixed = mm_scp_test_keys.enc + w;
        need(contains(f->input, f->input_len, fixed) || !contains(f->resp, f->resp_len, fixed));
        for (size_t e = 0; e < 2; e++) {
            static const uint8_t none[MM_SCP_KEY_LEN];
            if (memcmp(ends[e]->s_enc, none, sizeof(none)) == 0)
                continue;
            need(!contains(f->resp, f->resp_len, ends[e]->s_enc + w));
            need(!contains(f->resp, f->resp_len, ends[e]->s_mac + w));
            need(!contains(f->resp, f->resp_len, ends[e]->s_rmac + w));
            need(!contains(f->resp, f->resp_len, ends[e]->dek + w) || ends[e]->protocol == 3);
        }
    }
}

/* ---- Steps ---- */
static uint16_t send(struct fuzz *f, const uint8_t *apdu, size_t len)
{
    size_t n = sizeof(f->resp);

    mm_card_transmit(f->card, apdu, len, f->resp, &n);
    need(n >= 2);
    f->resp_len = n - 2;
    no_key_in_answer(f);
    return mm_be16(f->resp + n - 2);
}

static void authenticate(struct fuzz *f, uint8_t level, bool right)
{
    struct mm_scp_source source = mm_scp_source_of(&mm_scp_test_keys);
    uint8_t init[5 + MM_SCP_CHALLENGE_MAX + 1] = {0x80, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t auth[5 + 2 * MM_SCP_MAC_MAX];
    struct mm_scp_command c = {.header = {0x84, 0x82, level, 0}, .data = auth + 5};
    const struct mm_card_scp *kind = &kinds[f->input[0] % KIND_N];
    uint16_t sw;

    init[4] = (uint8_t)mm_scp_challenge_len(kind->protocol, kind->i);
    f->open = false;
    /* The keys may be others meanwhile: then it fails, as it should. */
    if (send(f, init, 5u + init[4] + 1) != 0x9000 || f->resp[11] != kind->protocol)
        return;
    need(mm_scp_start(&f->scp, kind->protocol, kind->i, &source, init + 5,
                      f->resp + (kind->protocol == 3 ? 13 : 12)) == MM_OK);
    c.len = mm_scp_mac_len(&f->scp);
    memcpy(auth + 5, f->scp.host_cryptogram, c.len);
    auth[5] ^= right ? 0 : 1;
    need(mm_scp_sign_first(&f->scp, &c) == MM_OK);
    memcpy(auth, c.header, 4);
    auth[4] = (uint8_t)c.len;
    sw = send(f, auth, 5 + c.len);
    need(right || sw != 0x9000);
    f->open = sw == 0x9000;
    f->scp.level = level;
    if (f->open && kind->protocol == 2 && (level & MM_SCP_R_MAC))
        mm_scp02_rmac_begin(&f->scp);
}

/* A command in the session, whole or with a bit changed. */
static void in_session(struct fuzz *f, struct mm_rd *rd, bool whole)
{
    uint8_t bit = whole ? 0 : mm_rd_u8(rd), apdu[5 + 255 + 1] = {0x84};
    struct mm_scp_command c = {.data = apdu + 5};
    const uint8_t *data;

    for (size_t i = 1; i < 4; i++)
        apdu[i] = mm_rd_u8(rd);
    c.len = mm_rd_u8(rd) % (DATA_MAX + 1);
    data = mm_rd_bytes(rd, c.len);
    if (rd->bad || !f->open || !(f->scp.level & MM_SCP_C_MAC))
        return;
    memcpy(c.header, apdu, 4);
    if (c.len > 0)
        memcpy(apdu + 5, data, c.len);
    need(mm_scp_wrap_command(&f->scp, &c, 255) == MM_OK);
    apdu[4] = (uint8_t)c.len;
    if (!whole)
        apdu[5 + bit % (8 * c.len) / 8] ^= (uint8_t)(1 << bit % 8);
    memcpy(f->last, apdu, sizeof(apdu));
    f->last_len = 5 + c.len + 1;
    (void)send(f, f->last, f->last_len);
    f->open = f->card->channels[0].session.state == MM_SESSION_OPEN;
    /* The card's end goes its own way where the command was BEGIN or END R-MAC SESSION. */
    f->scp.rmac = f->card->channels[0].session.scp.rmac;
    f->scp.level = f->open ? f->card->channels[0].session.scp.level : 0;
}

static void plain(struct fuzz *f, struct mm_rd *rd)
{
    size_t len = mm_rd_u8(rd);
    const uint8_t *command = mm_rd_bytes(rd, len);

    if (command != NULL)
        (void)send(f, command, len);
    f->open = f->open && f->card->channels[0].session.state == MM_SESSION_OPEN &&
              memcmp(f->scp.chain, f->card->channels[0].session.scp.chain, 8) == 0;
}

static void step(struct fuzz *f, struct mm_rd *rd)
{
    uint8_t what = mm_rd_u8(rd) % 7, before[32], after[32];

    digest_of(f->card, before);
    switch (what) {
    case 0:
        plain(f, rd);
        break;
    case 1:
        authenticate(f, mm_rd_u8(rd), true);
        break;
    case 2:
        in_session(f, rd, true);
        return; /* what a holder of the keys may do */
    case 3:
        in_session(f, rd, false);
        break;
    case 4:
        authenticate(f, mm_rd_u8(rd), false);
        break;
    case 5:
        (void)send(f, f->last, f->last_len);
        f->open = false;
        break;
    default:
        mm_card_reset(f->card);
        f->open = false;
        break;
    }
    digest_of(f->card, after);
    need(memcmp(before, after, sizeof(before)) == 0);
}

/* A chip takes long to make: it serves until an input has changed what it holds. Counters and randomness
 * begin anew, so that each input does the same every time. */
static struct mm_card *chip_of(size_t kind, struct mm_card **kept, uint8_t *seed)
{
    struct mm_card_config cfg = {.step_budget = 1000000,
                                 .pause = no_pause,
                                 .random = counting_random,
                                 .random_ctx = seed,
                                 .scp = &kinds[kind],
                                 .scp_n = 1};

    *seed = 0;
    if (kept[kind] == NULL)
        need(mm_card_open(&cfg, &kept[kind], NULL) == MM_OK);
    need(mm_key_set_count(kept[kind]->nvm, 0, 0xff, 0) == MM_OK);
    need(mm_key_failures_set(kept[kind]->nvm, 0, 0) == MM_OK);
    mm_card_power_on(kept[kind]);
    return kept[kind];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mm_card *kept[KIND_N];
    static struct fuzz f;
    static uint8_t seed;
    uint8_t before[32], after[32];
    struct mm_rd rd;

    if (size < 2)
        return 0;
    memset(&f, 0, sizeof(f));
    f.input = data;
    f.input_len = size;
    f.card = chip_of(data[0] % KIND_N, kept, &seed);
    digest_of(f.card, before);
    mm_rd_init(&rd, data + 1, size - 1);
    while (mm_rd_left(&rd) > 0 && !rd.bad)
        step(&f, &rd);
    digest_of(f.card, after);
    if (memcmp(before, after, sizeof(before)) != 0)
        mm_card_close(&kept[data[0] % KIND_N]);
    return 0;
}
