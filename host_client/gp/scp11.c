/* The host's end of SCP11 (Amendment F). */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"

#include "applet_vm/base/ber.h"
#include "host_client/gp/gp_int.h"
#include "host_client/gp/scp11_files.h"

#define P2_MORE         0x80
#define CERTIFICATE_MAX 4096

/* Case 3, short or extended. */
static void put_certificate(const struct mm_gp_scp11 *how, const uint8_t *data, size_t len,
                            bool more, struct mm_buf *list)
{
    bool extended = len > 0xff;

    mm_buf_u16(list, (uint16_t)(4 + (extended ? 3u : 1u) + len));
    mm_buf_u8(list, 0x80);
    mm_buf_u8(list, MM_INS_ISD_PERFORM_SECURITY_OPERATION);
    mm_buf_u8(list, how->ca_version);
    mm_buf_u8(list, (uint8_t)(how->ca_id | (more ? P2_MORE : 0)));
    if (extended) {
        mm_buf_u8(list, 0);
        mm_buf_u16(list, (uint16_t)len);
    } else {
        mm_buf_u8(list, (uint8_t)len);
    }
    mm_buf_bytes(list, data, len);
}

enum mm_status mm_gp_scp11_certificates(const struct mm_gp_scp11 *how, struct mm_buf *list)
{
    const uint8_t *value;
    uint16_t tag;
    struct mm_rd rd;
    size_t len;

    mm_rd_init(&rd, how->chain, how->chain_len);
    while (mm_rd_left(&rd) > 0) {
        size_t start = rd.off;

        if (!mm_ber_take(&rd, &tag, &value, &len) || (tag != 0x7f21 && tag != 0x30) ||
            rd.off - start > CERTIFICATE_MAX)
            return MM_MALFORMED;
        put_certificate(how, how->chain + start, rd.off - start, mm_rd_left(&rd) > 0, list);
    }
    return list->bad ? MM_NO_MEMORY : MM_OK;
}

static enum mm_status params_of(const struct mm_gp_scp11 *how, struct mm_scp11_params *out)
{
    *out = (struct mm_scp11_params){.variant = how->variant,
                                    .usage = mm_scp11_usage(how->level),
                                    .key_len = how->key_len,
                                    .card_ids = how->card_ids,
                                    .card_ids_len = how->card_ids_len,
                                    .s16 = how->s16};
    if (how->host_id_len > MM_SCP11_HOST_ID_MAX)
        return MM_USAGE;
    out->host_id_len = (uint8_t)how->host_id_len;
    if (how->host_id_len > 0)
        memcpy(out->host_id, how->host_id, how->host_id_len);
    return MM_OK;
}

enum mm_status mm_gp_scp11_begin(const struct mm_gp_scp11 *how, EVP_PKEY **ephemeral,
                                 struct mm_buf *command)
{
    struct mm_scp11_params params;
    uint8_t point[MM_SCP11_POINT_LEN];
    struct mm_buf data;
    enum mm_status st = params_of(how, &params);

    *ephemeral = NULL;
    mm_buf_init(&data);
    if (st == MM_OK)
        st = mm_scp11_new_key(ephemeral);
    if (st == MM_OK)
        st = mm_scp11_point(*ephemeral, point);
    if (st == MM_OK)
        st = mm_scp11_write_data(&params, point, &data);
    if (st == MM_OK) {
        mm_buf_u8(command, 0x80);
        mm_buf_u8(command, how->variant == MM_SCP11_B ? MM_INS_ISD_INTERNAL_AUTHENTICATE
                                                      : MM_INS_ISD_MUTUAL_AUTHENTICATE);
        mm_buf_u8(command, how->key_version);
        mm_buf_u8(command, mm_gp_scp11_key_id(how->variant));
        mm_buf_u8(command, (uint8_t)data.len);
        mm_buf_bytes(command, data.data, data.len);
        mm_buf_u8(command, 0x00);
        st = command->bad ? MM_NO_MEMORY : MM_OK;
    }
    if (st != MM_OK) {
        EVP_PKEY_free(*ephemeral);
        *ephemeral = NULL;
    }
    mm_buf_clear(&data);
    return st;
}

/* With the card's point of the session: its ephemeral one, or (c) the static one. */
static enum mm_status agree(struct mm_gp_channel *s, const struct mm_gp_scp11 *how,
                            EVP_PKEY *ephemeral, const struct mm_buf *command,
                            const uint8_t point[MM_SCP11_POINT_LEN],
                            uint8_t receipt[MM_SCP11_RECEIPT_LEN], struct mm_err *err)
{
    struct mm_scp11_params params;
    struct mm_scp11_agreement keys = {
        .own = {ephemeral, how->variant == MM_SCP11_B ? ephemeral : how->own},
        .peer = {NULL, how->card}};
    enum mm_status st = params_of(how, &params);

    if (st == MM_OK)
        st = mm_scp11_public_key(point, &keys.peer[0]);
    *s = (struct mm_gp_channel){.key_version = how->key_version};
    if (st == MM_OK)
        st = mm_scp11_open(&s->scp, &params, &keys, command->data + 5, command->len - 6, point,
                           receipt);
    EVP_PKEY_free(keys.peer[0]);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "SCP11: %s", mm_status_text(st));
}

enum mm_status mm_gp_scp11_open(struct mm_gp_channel *s, const struct mm_gp_scp11 *how,
                                EVP_PKEY *ephemeral, const struct mm_buf *command,
                                const uint8_t *resp, size_t resp_len, struct mm_err *err)
{
    uint8_t receipt[MM_SCP11_RECEIPT_LEN], own[MM_SCP11_POINT_LEN];
    const uint8_t *point, *told;
    uint16_t tag;
    struct mm_rd rd;
    size_t len;
    enum mm_status st;

    mm_rd_init(&rd, resp, resp_len);
    if (!mm_ber_take(&rd, &tag, &point, &len) || tag != 0x5f49 || len != MM_SCP11_POINT_LEN ||
        !mm_ber_take(&rd, &tag, &told, &len) || tag != 0x86 || len != sizeof(receipt) ||
        mm_rd_left(&rd) != 0)
        return mm_fail(err, MM_MALFORMED, rd.off, "SCP11: expected a point 5F49 and a receipt 86");
    st = agree(s, how, ephemeral, command, point, receipt, err);
    if (st == MM_OK && how->variant == MM_SCP11_C && /* it has to be the card's static one */
        (mm_scp11_point(how->card, own) != MM_OK || memcmp(own, point, sizeof(own)) != 0))
        st = mm_fail(err, MM_AUTH, SIZE_MAX, "SCP11: the card answered with another key");
    if (st == MM_OK && CRYPTO_memcmp(receipt, told, sizeof(receipt)) != 0)
        st = mm_fail(err, MM_AUTH, SIZE_MAX, "SCP11: the receipt is wrong: not the card's key");
    if (st == MM_OK)
        s->open = 1;
    else
        OPENSSL_cleanse(s, sizeof(*s));
    return st;
}

enum mm_status mm_gp_scp11_open_offline(struct mm_gp_channel *s, const struct mm_gp_scp11 *how,
                                        EVP_PKEY *ephemeral, const struct mm_buf *command,
                                        struct mm_err *err)
{
    uint8_t receipt[MM_SCP11_RECEIPT_LEN], point[MM_SCP11_POINT_LEN];
    enum mm_status st;

    if (how->variant != MM_SCP11_C)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "SCP11: only variant c needs no answer");
    st = mm_scp11_point(how->card, point);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "SCP11: %s", mm_status_text(st));
    st = agree(s, how, ephemeral, command, point, receipt, err);
    if (st == MM_OK)
        s->open = 1;
    return st;
}
