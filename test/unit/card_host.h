/* A host for the card's tests: an in-memory card, secure channels, APDUs as hex text. */
#ifndef MM_TEST_CARD_HOST_H
#define MM_TEST_CARD_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "applet_vm/card/card.h"
#include "applet_vm/scp/scp.h"

struct host {
    struct mm_card *card;
    char *path; /* image */
    struct mm_scp_keys keys;
    struct mm_scp scp;
    uint8_t key_version;
    uint8_t scp02_i; /* of key sets with triple DES, which the card does not tell */
    uint8_t channel; /* logical channel of the session */
    uint8_t resp[MM_RESPONSE_MAX];
    size_t resp_len; /* without status word */
};

/* Send bytes; the status word. */
static uint16_t host_send(struct host *h, const uint8_t *apdu, size_t len)
{
    size_t n = sizeof(h->resp);

    mm_card_transmit(h->card, apdu, len, h->resp, &n);
    assert_true(n >= 2);
    h->resp_len = n - 2;
    return mm_be16(h->resp + n - 2);
}

__attribute__((unused)) static uint16_t host_hex(struct host *h, const char *text)
{
    uint8_t apdu[600];
    size_t n = sizeof(apdu);

    assert_int_equal(mm_unhex(text, apdu, &n), MM_OK);
    return host_send(h, apdu, n);
}

__attribute__((unused)) static void assert_resp(const struct host *h, const char *text)
{
    uint8_t expected[600];
    size_t n = sizeof(expected);

    assert_int_equal(mm_unhex(text, expected, &n), MM_OK);
    assert_int_equal(h->resp_len, n);
    assert_memory_equal(h->resp, expected, n);
}

/* GlobalPlatform's class byte for the session's channel (GPCS 11.1.4). */
__attribute__((unused)) static uint8_t host_class(const struct host *h, bool secure)
{
    if (h->channel < 4)
        return (uint8_t)(0x80 | (secure ? 0x04 : 0) | h->channel);
    return (uint8_t)(0xc0 | (secure ? 0x20 : 0) | (h->channel - 4));
}

/* Wrap a short command (header, data) for the open session, Le 00, and send it. R-MAC and R-ENC are
 * checked and taken off. */
__attribute__((unused)) static uint16_t host_secure(struct host *h, uint8_t ins, uint8_t p1,
                                                    uint8_t p2, const uint8_t *data, size_t len)
{
    bool secure = (h->scp.level & MM_SCP_C_MAC) != 0;
    uint8_t apdu[5 + 255 + 1] = {host_class(h, secure), ins, p1, p2};
    struct mm_scp_command c = {.header = {apdu[0], ins, p1, p2}, .data = apdu + 5, .len = len};
    uint16_t sw;

    assert_true(len <= 223);
    if (len > 0)
        memcpy(apdu + 5, data, len);
    assert_int_equal(mm_scp_wrap_command(&h->scp, &c, 255), MM_OK);
    apdu[4] = (uint8_t)c.len;
    if (c.len > 0)
        apdu[5 + c.len] = 0x00;
    sw = host_send(h, apdu, 5 + c.len + (c.len > 0));
    if (h->resp_len > 0 || h->scp.rmac.on || mm_scp_has_rmac(&h->scp, sw))
        assert_int_equal(mm_scp_unwrap_response(&h->scp, h->resp, &h->resp_len, sw), MM_OK);
    return sw;
}

/* The session's values from an INITIALIZE UPDATE response; false: not the card's keys. */
__attribute__((unused)) static bool host_derive(struct host *h, const uint8_t *challenge,
                                                const uint8_t *answer, size_t answer_len)
{
    struct mm_scp_source source = mm_scp_source_of(&h->keys);
    bool scp03 = answer[11] == 3;
    uint8_t i = scp03 ? answer[12] : h->scp02_i;
    size_t at = scp03 ? 13 : 12, n = mm_scp_challenge_len(answer[11], i);

    assert_true(answer_len == at + 2 * n || (scp03 && answer_len == at + 2 * n + 3));
    assert_int_equal(mm_scp_start(&h->scp, answer[11], i, &source, challenge, answer + at), MM_OK);
    if (scp03)
        memcpy(h->scp.dek, h->keys.dek, h->keys.len);
    return memcmp(h->scp.card_cryptogram, answer + at + n, n) == 0;
}

/* EXTERNAL AUTHENTICATE for the session; its length. */
__attribute__((unused)) static size_t host_authenticate(struct host *h, uint8_t level,
                                                        uint8_t apdu[5 + 32])
{
    struct mm_scp_command c = {.header = {host_class(h, true), 0x82, level, 0}, .data = apdu + 5};

    memcpy(apdu, c.header, 4);
    c.len = mm_scp_mac_len(&h->scp);
    memcpy(apdu + 5, h->scp.host_cryptogram, c.len);
    assert_int_equal(mm_scp_sign_first(&h->scp, &c), MM_OK);
    apdu[4] = (uint8_t)c.len;
    h->scp.level = level;
    if (h->scp.protocol == 2 && (level & MM_SCP_R_MAC))
        mm_scp02_rmac_begin(&h->scp);
    return 5 + c.len;
}

/* Open a session with the domain; the status word of the step that ended it. */
__attribute__((unused)) static uint16_t host_open(struct host *h, uint8_t level)
{
    uint8_t init[5 + 16 + 1] = {
        host_class(h, false), 0x50, h->key_version, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t auth[5 + 32];
    uint16_t sw = host_send(h, init, 14);

    if (sw == 0x6700) { /* S16 mode wants 16 bytes */
        init[4] = 16;
        sw = host_send(h, init, 22);
    }
    if (sw != 0x9000)
        return sw;
    if (!host_derive(h, init + 5, h->resp, h->resp_len))
        return 0; /* not the card's keys */
    return host_send(h, auth, host_authenticate(h, level, auth));
}

/* A fresh card that is on, in a file under /tmp that is made new, with those protocols (none: as
 * mm_card_init chooses). */
static struct host *host_new_scp(enum mm_profile profile, const struct mm_card_scp *scp,
                                 size_t scp_n)
{
    static const char template[] = "/tmp/mintmark-card-XXXXXX";
    struct host *h = calloc(1, sizeof(*h));
    struct mm_card_config cfg = {.scp = scp, .scp_n = scp_n};
    char *dir = strdup(template);
    struct mm_err err = {0};

    assert_non_null(h);
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    h->path = malloc(strlen(dir) + 16);
    assert_non_null(h->path);
    strcpy(h->path, dir);
    strcat(h->path, "/card.nvm");
    free(dir);
    cfg.nvm.path = h->path;
    h->keys = mm_scp_test_keys;
    h->scp02_i = 0x55;
    for (size_t i = 0; i < scp_n; i++)
        h->scp02_i = scp[i].protocol == 2 ? scp[i].i : h->scp02_i;
    if (mm_card_init(&cfg, profile, &err) != MM_OK || mm_card_open(&cfg, &h->card, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_card_power_on(h->card);
    return h;
}

__attribute__((unused)) static struct host *host_new(enum mm_profile profile)
{
    return host_new_scp(profile, NULL, 0);
}

/* Take the power away, close the image, open it again. */
__attribute__((unused)) static void host_reopen(struct host *h)
{
    struct mm_card_config cfg = {.nvm.path = h->path};
    struct mm_err err = {0};

    mm_card_close(&h->card);
    if (mm_card_open(&cfg, &h->card, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_card_power_on(h->card);
}

static void host_free(struct host *h)
{
    static const char *const suffixes[] = {"", ".journal", ".fuse"};
    char file[128];

    mm_card_close(&h->card);
    for (size_t i = 0; i < 3; i++) {
        snprintf(file, sizeof(file), "%s%s", h->path, suffixes[i]);
        remove(file);
    }
    *strrchr(h->path, '/') = '\0';
    remove(h->path);
    free(h->path);
    free(h);
}

__attribute__((unused)) static int host_setup(void **state)
{
    *state = host_new(MM_PROFILE_DEVELOPER);
    return 0;
}

__attribute__((unused)) static int host_teardown(void **state)
{
    host_free(*state);
    return 0;
}

#endif
