/* A host, its certificate and the CA that gave it; a chip with keys for all variants of SCP11. */
#ifndef MM_TEST_GP_SCP11_SCENE_H
#define MM_TEST_GP_SCP11_SCENE_H

#include "test/unit/card_load.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "host_client/access/access.h"
#include "host_client/gp/gp.h"

enum { PSO = 0x2a, MUTUAL = 0x82, INTERNAL = 0x88, STORE_DATA = 0xe2, VERSION = 0x21 };

struct scene {
    struct host *h;
    EVP_PKEY *ca, *sub_ca, *own, *card;
    struct mm_buf chain;      /* CA -> own */
    struct mm_buf long_chain; /* CA -> sub CA -> own */
    struct mm_gp_channel channel;
};

__attribute__((unused)) static void certify(EVP_PKEY *subject, bool signs, EVP_PKEY *ca,
                                            struct mm_buf *out)
{
    struct mm_scp11_certificate c = {.serial = {1, 2, 3},
                                     .serial_len = 3,
                                     .issuer = {0xa1, 0xa2},
                                     .issuer_len = 2,
                                     .subject = {0xb1},
                                     .subject_len = 1,
                                     .signs = signs,
                                     .effective = {0x20, 0x24, 0x01, 0x01},
                                     .expires = {0x20, 0x39, 0x12, 0x31}};

    assert_int_equal(mm_scp11_point(subject, c.point), MM_OK);
    assert_int_equal(mm_scp11_certificate_write(&c, ca, out), MM_OK);
}

/* PUT KEY of an EC key: the private one under the DEK, or the public one. */
__attribute__((unused)) static void put_ec(struct host *h, EVP_PKEY *key, uint8_t id,
                                           bool is_private)
{
    uint8_t data[128] = {VERSION}, scalar[32], *at = data + 1;
    BIGNUM *d = NULL;

    if (is_private) {
        assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
        assert_int_equal(BN_bn2binpad(d, scalar, 32), 32);
        BN_clear_free(d);
        *at++ = 0xb1;
        *at++ = 33;
        *at++ = 32;
        assert_int_equal(mm_scp_data(&h->scp, true, scalar, 32, at), MM_OK);
        at += 32;
    } else {
        *at++ = 0xb0;
        *at++ = MM_SCP11_POINT_LEN;
        assert_int_equal(mm_scp11_point(key, at), MM_OK);
        at += MM_SCP11_POINT_LEN;
    }
    memcpy(at, "\xf0\x01\x00\x00", 4);
    at += 4;
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, id, data, (size_t)(at - data)), 0x9000);
}

__attribute__((unused)) static int setup_with(void **state, struct host *h)
{
    struct scene *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->h = h;
    assert_int_equal(mm_scp11_new_key(&s->ca), MM_OK);
    assert_int_equal(mm_scp11_new_key(&s->sub_ca), MM_OK);
    assert_int_equal(mm_scp11_new_key(&s->own), MM_OK);
    assert_int_equal(mm_scp11_new_key(&s->card), MM_OK);
    certify(s->own, false, s->ca, &s->chain);
    certify(s->sub_ca, true, s->ca, &s->long_chain);
    certify(s->own, false, s->sub_ca, &s->long_chain);
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    put_ec(s->h, s->ca, MM_SCP11_KID_CA, false);
    put_ec(s->h, s->card, MM_SCP11_KID_A, true);
    put_ec(s->h, s->card, MM_SCP11_KID_B, true);
    put_ec(s->h, s->card, MM_SCP11_KID_C, true);
    *state = s;
    return 0;
}

__attribute__((unused)) static int setup(void **state)
{
    return setup_with(state, host_new(MM_PROFILE_DEVELOPER));
}

__attribute__((unused)) static int teardown(void **state)
{
    struct scene *s = *state;

    EVP_PKEY_free(s->ca);
    EVP_PKEY_free(s->sub_ca);
    EVP_PKEY_free(s->own);
    EVP_PKEY_free(s->card);
    mm_buf_clear(&s->chain);
    mm_buf_clear(&s->long_chain);
    host_free(s->h);
    free(s);
    return 0;
}

__attribute__((unused)) static struct mm_gp_scp11
how_of(const struct scene *s, enum mm_scp11_variant variant, uint8_t level)
{
    return (struct mm_gp_scp11){.variant = variant,
                                .key_version = VERSION,
                                .level = level,
                                .key_len = 16,
                                .card = s->card,
                                .own = variant == MM_SCP11_B ? NULL : s->own,
                                .chain = s->chain.data,
                                .chain_len = variant == MM_SCP11_B ? 0 : s->chain.len,
                                .ca_version = VERSION,
                                .ca_id = MM_SCP11_KID_CA};
}

/* The certificates; the status word of the last that was sent. */
__attribute__((unused)) static uint16_t certificates(struct scene *s, const struct mm_gp_scp11 *how)
{
    struct mm_buf list;
    const uint8_t *apdu;
    size_t off = 0, len;
    uint16_t sw = 0x9000;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_scp11_certificates(how, &list), MM_OK);
    while (sw == 0x9000 && (apdu = mm_gp_list_next(&list, &off, &len)) != NULL)
        sw = host_send(s->h, apdu, len);
    mm_buf_clear(&list);
    return sw;
}

/* Certificates, agreement; the status word of the step that ended it. */
__attribute__((unused)) static uint16_t open_channel(struct scene *s, const struct mm_gp_scp11 *how)
{
    EVP_PKEY *ephemeral = NULL;
    struct mm_buf command;
    uint16_t sw = certificates(s, how);

    if (sw != 0x9000)
        return sw;
    mm_buf_init(&command);
    assert_int_equal(mm_gp_scp11_begin(how, &ephemeral, &command), MM_OK);
    sw = host_send(s->h, command.data, command.len);
    if (sw == 0x9000)
        assert_int_equal(mm_gp_scp11_open(&s->channel, how, ephemeral, &command, s->h->resp,
                                          s->h->resp_len, NULL),
                         MM_OK);
    EVP_PKEY_free(ephemeral);
    mm_buf_clear(&command);
    return sw;
}

/* A command in the channel. */
__attribute__((unused)) static uint16_t talk(struct scene *s, const char *text)
{
    uint8_t apdu[64];
    size_t n = sizeof(apdu);
    struct mm_buf command, resp;
    uint16_t sw;

    assert_int_equal(mm_unhex(text, apdu, &n), MM_OK);
    mm_buf_init(&command);
    mm_buf_init(&resp);
    assert_int_equal(mm_gp_channel_wrap(&s->channel, apdu, n, &command, NULL), MM_OK);
    sw = host_send(s->h, command.data, command.len);
    mm_buf_bytes(&resp, s->h->resp, s->h->resp_len);
    mm_buf_u16(&resp, sw);
    assert_int_equal(mm_gp_channel_unwrap(&s->channel, &resp, NULL), MM_OK);
    mm_buf_clear(&command);
    mm_buf_clear(&resp);
    return sw;
}

#endif
