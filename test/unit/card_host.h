/* A host for the card's tests: an in-memory card, SCP03 over the primitives, APDUs as hex text. */
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
#include "applet_vm/scp03/scp03.h"

struct host {
    struct mm_card *card;
    char *path; /* image */
    struct mm_scp_keys keys;
    uint8_t s_enc[16], s_mac[16], s_rmac[16], chain[16];
    uint32_t counter;
    uint8_t level, key_version;
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

/* Wrap a short command (header, data) for the open session, Le 00, and send it. R-MAC and R-ENC are
 * checked and taken off. */
__attribute__((unused)) static uint16_t host_secure(struct host *h, uint8_t ins, uint8_t p1,
                                                    uint8_t p2, const uint8_t *data, size_t len)
{
    uint8_t apdu[5 + 255 + 1] = {0x84, ins, p1, p2}, icv[16], mac[16];
    uint16_t sw;

    assert_true(len <= 230);
    if (len > 0)
        memcpy(apdu + 5, data, len);
    h->counter++;
    if ((h->level & MM_SCP_C_DEC) && len > 0) {
        len = mm_scp_pad(apdu + 5, len);
        assert_int_equal(mm_scp_icv(h->s_enc, h->counter, false, icv), MM_OK);
        assert_int_equal(mm_scp_cbc(h->s_enc, icv, true, apdu + 5, len, apdu + 5), MM_OK);
    }
    apdu[4] = (uint8_t)(len + 8);
    assert_int_equal(mm_scp_mac(h->s_mac, h->chain, apdu, 5, apdu + 5, len, h->chain), MM_OK);
    memcpy(apdu + 5 + len, h->chain, 8);
    apdu[5 + len + 8] = 0x00;
    sw = host_send(h, apdu, 5 + len + 8 + 1);
    if (!(h->level & MM_SCP_R_MAC) || h->resp_len < 8)
        return sw;
    h->resp_len -= 8;
    assert_int_equal(mm_scp_mac(h->s_rmac, h->chain, h->resp, h->resp_len,
                                (const uint8_t[]){(uint8_t)(sw >> 8), (uint8_t)sw}, 2, mac),
                     MM_OK);
    assert_memory_equal(mac, h->resp + h->resp_len, 8);
    if ((h->level & MM_SCP_R_ENC) && h->resp_len > 0) {
        assert_int_equal(mm_scp_icv(h->s_enc, h->counter, true, icv), MM_OK);
        assert_int_equal(mm_scp_cbc(h->s_enc, icv, false, h->resp, h->resp_len, h->resp), MM_OK);
        assert_int_equal(mm_scp_unpad(h->resp, h->resp_len, &h->resp_len), MM_OK);
    }
    return sw;
}

/* Open a session with the domain; the status word of the step that ended it. */
__attribute__((unused)) static uint16_t host_open(struct host *h, uint8_t level)
{
    uint8_t init[] = {0x80, 0x50, h->key_version, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0};
    uint8_t auth[5 + 16] = {0x84, 0x82, level, 0, 16};
    uint8_t cryptogram[8];
    uint16_t sw = host_send(h, init, sizeof(init));

    if (sw != 0x9000)
        return sw;
    assert_int_equal(h->resp_len, 29);
    assert_int_equal(
        mm_scp_session_keys(&h->keys, init + 5, h->resp + 13, h->s_enc, h->s_mac, h->s_rmac),
        MM_OK);
    assert_int_equal(
        mm_scp_cryptogram(h->s_mac, MM_SCP_CARD_CRYPTOGRAM, init + 5, h->resp + 13, cryptogram),
        MM_OK);
    if (memcmp(cryptogram, h->resp + 21, 8) != 0)
        return 0; /* not the card's keys */
    assert_int_equal(
        mm_scp_cryptogram(h->s_mac, MM_SCP_HOST_CRYPTOGRAM, init + 5, h->resp + 13, auth + 5),
        MM_OK);
    memset(h->chain, 0, sizeof(h->chain));
    assert_int_equal(mm_scp_mac(h->s_mac, h->chain, auth, 5, auth + 5, 8, h->chain), MM_OK);
    memcpy(auth + 13, h->chain, 8);
    h->counter = 0;
    h->level = level;
    return host_send(h, auth, sizeof(auth));
}

/* A fresh card that is on, kept in memory (name NULL) or in a file under /tmp that is made new. */
static struct host *host_new(enum mm_profile profile)
{
    static const char template[] = "/tmp/mintmark-card-XXXXXX";
    struct host *h = calloc(1, sizeof(*h));
    struct mm_card_config cfg = {0};
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
    if (mm_card_init(&cfg, profile, &err) != MM_OK || mm_card_open(&cfg, &h->card, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_card_power_on(h->card);
    return h;
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
