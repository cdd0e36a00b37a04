/* The data field of INSTALL: fields, parameters, token (GPCS 2.3.1, 11.5.2.3). */
#include "applet_vm/card/content_int.h"

#include "applet_vm/base/ber.h"

#include <string.h>

static bool read_aid(struct mm_rd *rd, struct mm_aid *aid)
{
    size_t len = mm_rd_u8(rd);
    const uint8_t *bytes = mm_rd_bytes(rd, len);

    memset(aid, 0, sizeof(*aid));
    return !rd->bad && (len == 0 || mm_aid_set(aid, bytes, len) == MM_OK);
}

/* One or two byte tag, length, value. */
static uint16_t take(struct mm_rd *rd, const uint8_t **value, size_t *len)
{
    uint16_t tag = mm_rd_u8(rd);

    if ((tag & 0x1f) == 0x1f)
        tag = (uint16_t)(tag << 8 | mm_rd_u8(rd));
    *len = mm_ber_len(rd);
    *value = mm_rd_bytes(rd, *len);
    return tag;
}

/* A size of 2 or 4 bytes. */
static bool read_size(const uint8_t *value, size_t len, uint32_t *out)
{
    if (len != 2 && len != 4)
        return false;
    *out = len == 2 ? mm_be16(value) : mm_be32(value);
    return true;
}

static bool read_services(const uint8_t *value, size_t len, struct mm_install_params *out)
{
    if (len == 0 || len % 2 != 0 || len / 2 > MM_REG_SERVICES)
        return false;
    for (size_t i = 0; i < len / 2; i++)
        out->services[i] = mm_be16(value + 2 * i);
    out->has_services = true;
    return true;
}

/* EF. What concerns other interfaces than this chip has (CA of TS 102 226) is passed over. */
static bool read_system(const uint8_t *data, size_t data_len, struct mm_install_params *out)
{
    struct mm_rd rd;
    bool good = true;

    mm_rd_init(&rd, data, data_len);
    while (good && mm_rd_left(&rd) > 0) {
        const uint8_t *v;
        size_t n;
        uint16_t tag = take(&rd, &v, &n);

        if (rd.bad)
            return false;
        out->has_quota |= tag == 0xc7 || tag == 0xc8 || tag == 0xd7 || tag == 0xd8;
        switch (tag) {
        case 0xc6:
        case 0xd6:
            good = read_size(v, n, &out->code_min);
            break;
        case 0xc7:
            good = read_size(v, n, &out->quota.volatile_max);
            break;
        case 0xc8:
            good = read_size(v, n, &out->quota.stable_max);
            break;
        case 0xd7:
            good = read_size(v, n, &out->quota.volatile_min);
            break;
        case 0xd8:
            good = read_size(v, n, &out->quota.stable_min);
            break;
        case 0xcb:
            good = read_services(v, n, out);
            break;
        case 0xa0:
            out->contactless.protocol = v;
            out->contactless.protocol_len = n;
            break;
        case 0xa1:
            out->contactless.interaction = v;
            out->contactless.interaction_len = n;
            break;
        case 0xcf:
            good = n == 1;
            out->implicit = good ? v[0] : 0;
            out->has_implicit = true;
            break;
        default:
            break;
        }
    }
    return good && !rd.bad;
}

/* B6, control reference template for digital signature: of its fields only the token's identifier
 * counts here, it stands in the receipt. */
static bool read_reference(const uint8_t *data, size_t data_len, struct mm_install_params *out)
{
    struct mm_rd rd;

    mm_rd_init(&rd, data, data_len);
    while (mm_rd_left(&rd) > 0) {
        const uint8_t *v;
        size_t n;
        uint16_t tag = take(&rd, &v, &n);

        if (rd.bad)
            return false;
        if (tag == 0x93) {
            out->token_id = v;
            out->token_id_len = n;
        }
    }
    return out->token_id_len <= 0x7f;
}

static bool read_params(const uint8_t *params, size_t params_len, struct mm_install_params *out)
{
    struct mm_rd rd;
    bool good = true;

    mm_rd_init(&rd, params, params_len);
    while (good && mm_rd_left(&rd) > 0) {
        const uint8_t *v;
        size_t n;
        uint16_t tag = take(&rd, &v, &n);

        if (rd.bad)
            return false;
        if (tag == 0xc9) {
            good = n <= 0xff;
            out->applet = v;
            out->applet_len = (uint8_t)n;
        } else if (tag == 0xef) {
            good = read_system(v, n, out);
        } else if (tag == 0xb6) {
            good = read_reference(v, n, out);
        }
    }
    return good && mm_quota_consistent(&out->quota);
}

bool mm_install_read(const struct mm_apdu *apdu, bool for_load, struct mm_install_data *out)
{
    const uint8_t *params;
    size_t params_len, rest;
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    for (size_t i = 0; i < (for_load ? 2 : 3); i++) {
        if (!read_aid(&rd, &out->aid[i]))
            return false;
    }
    rest = rd.off;
    out->fourth_len = mm_rd_u8(&rd);
    out->fourth = mm_rd_bytes(&rd, out->fourth_len);
    params_len = mm_ber_len(&rd);
    params = mm_rd_bytes(&rd, params_len);
    if (rd.bad)
        return false;
    out->rest = apdu->data + rest;
    out->rest_len = rd.off - rest;
    out->order =
        (struct mm_order){.p1 = apdu->p1, .p2 = apdu->p2, .data = apdu->data, .data_len = rd.off};
    out->order.token_len = mm_card_field_len(&rd);
    out->order.token = mm_rd_bytes(&rd, out->order.token_len);
    if (rd.bad || mm_rd_left(&rd) != 0 || !read_params(params, params_len, &out->params))
        return false;
    out->order.token_id = out->params.token_id;
    out->order.token_id_len = out->params.token_id_len;
    return true;
}

bool mm_install_privileges(const struct mm_install_data *in, bool may_lack,
                           uint8_t out[MM_PRIV_LEN])
{
    memset(out, 0, MM_PRIV_LEN);
    if (in->fourth_len == 0)
        return may_lack;
    if (in->fourth_len != 1 && in->fourth_len != MM_PRIV_LEN)
        return false;
    memcpy(out, in->fourth, in->fourth_len);
    return true;
}
