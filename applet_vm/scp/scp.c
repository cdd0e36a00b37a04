/* What both protocols share: their parameters, key sources, and which of them a session goes to. */
#include "applet_vm/scp/scp_int.h"

#include <string.h>

#include <openssl/crypto.h>

#define TEST_KEY                                                                                   \
    {                                                                                              \
        0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e,  \
            0x4f                                                                                   \
    }
const struct mm_scp_keys mm_scp_test_keys = {TEST_KEY, TEST_KEY, TEST_KEY, MM_SCP_KEY_LEN};
#undef TEST_KEY

/* ---- Parameters ---- */
bool mm_scp_known(uint8_t protocol, uint8_t i)
{
    if (protocol == 2)
        return (i & MM_SCP02_RFU) == 0;
    return protocol == 3 && (i & MM_SCP03_RFU) == 0 &&
           (!(i & MM_SCP03_R_ENC) || (i & MM_SCP03_R_MAC));
}

/* No C-DECRYPTION without C-MAC; SCP03: no R-MAC without C-MAC, no R-ENC without all the others. */
bool mm_scp_level_allowed(uint8_t protocol, uint8_t i, uint8_t level)
{
    static const uint8_t levels02[] = {0x00, 0x01, 0x03, 0x10, 0x11, 0x13};
    static const uint8_t levels03[] = {0x00, 0x01, 0x03, 0x11, 0x13, 0x33};

    if (protocol == 2)
        return memchr(levels02, level, sizeof(levels02)) != NULL &&
               (!(level & MM_SCP_R_MAC) || (i & MM_SCP02_R_MAC));
    return memchr(levels03, level, sizeof(levels03)) != NULL &&
           (!(level & MM_SCP_R_MAC) || (i & MM_SCP03_R_MAC)) &&
           (!(level & MM_SCP_R_ENC) || (i & MM_SCP03_R_ENC));
}

static bool s16(uint8_t protocol, uint8_t i)
{
    return protocol == 3 && (i & MM_SCP03_S16);
}

size_t mm_scp_challenge_len(uint8_t protocol, uint8_t i)
{
    return s16(protocol, i) ? MM_SCP_CHALLENGE_MAX : MM_SCP_CHALLENGE_LEN;
}

size_t mm_scp_mac_len(const struct mm_scp *s)
{
    return s16(s->protocol, s->i) ? MM_SCP_MAC_MAX : MM_SCP_MAC_LEN;
}

size_t mm_scp_block(uint8_t protocol)
{
    return protocol == 2 ? MM_SCP_DES_BLOCK : MM_SCP_BLOCK_LEN;
}

/* ---- Keys in memory ---- */
static const uint8_t *key_of(const struct mm_scp_keys *keys, enum mm_scp_key_id id)
{
    if (id == MM_SCP_ENC)
        return keys->enc;
    return id == MM_SCP_MAC ? keys->mac : keys->dek;
}

static enum mm_status memory_cmac(void *ctx, enum mm_scp_key_id id, const uint8_t *data,
                                  size_t data_len, uint8_t out[MM_SCP_BLOCK_LEN])
{
    const struct mm_scp_keys *keys = ctx;

    return mm_scp_cmac(key_of(keys, id), keys->len, data, data_len, NULL, 0, NULL, 0, out);
}

static enum mm_status memory_cbc(void *ctx, enum mm_scp_key_id id, const uint8_t *data,
                                 size_t data_len, uint8_t *out)
{
    const struct mm_scp_keys *keys = ctx;

    return mm_scp_des_cbc(key_of(keys, id), keys->len, NULL, true, data, data_len, out);
}

struct mm_scp_source mm_scp_source_of(const struct mm_scp_keys *keys)
{
    return (struct mm_scp_source){.ctx = (void *)(uintptr_t)keys,
                                  .key_len = keys->len,
                                  .cmac = memory_cmac,
                                  .cbc = memory_cbc};
}

/* ---- Opening ---- */
enum mm_status mm_scp_start(struct mm_scp *s, uint8_t protocol, uint8_t i,
                            const struct mm_scp_source *source, const uint8_t *host_challenge,
                            const uint8_t *card_challenge)
{
    enum mm_status st;

    *s = (struct mm_scp){.protocol = protocol, .i = i};
    st = protocol == 2 ? scp02_start(s, source, host_challenge, card_challenge)
                       : scp03_start(s, source, host_challenge, card_challenge);
    if (st != MM_OK)
        OPENSSL_cleanse(s, sizeof(*s));
    return st;
}

enum mm_status mm_scp_known_challenge(uint8_t protocol, uint8_t i,
                                      const struct mm_scp_source *source, uint32_t sequence,
                                      const struct mm_aid *aid, uint8_t *out)
{
    uint8_t context[3 + MM_AID_MAX], mac[MM_SCP_MAC_LEN];
    struct mm_scp s;
    enum mm_status st;

    if (protocol == 3) {
        context[0] = (uint8_t)(sequence >> 16);
        mm_put_be16(context + 1, (uint16_t)sequence);
        memcpy(context + 3, aid->bytes, aid->len);
        return scp_source_kdf(source, MM_SCP_ENC, MM_SCP_CARD_CHALLENGE, context, 3u + aid->len,
                              out, mm_scp_challenge_len(protocol, i));
    }
    st = mm_scp02_start_implicit(&s, i & (uint8_t)~MM_SCP02_ICV_AID, source, (uint16_t)sequence,
                                 aid);
    if (st == MM_OK)
        st = mm_scp_des_mac(s.s_mac, NULL, aid->bytes, aid->len, NULL, 0, mac);
    if (st == MM_OK)
        memcpy(out, mac, 6);
    OPENSSL_cleanse(&s, sizeof(s));
    return st;
}

/* ---- Commands and responses ---- */
/* For a MAC the channel is 0 and the class GlobalPlatform's or the interindustry one, with the secure
 * messaging bit of the first coding (Amendment D, 6.2.4; GPCS E.4.4). */
size_t scp_mac_head(const struct mm_scp_command *c, bool secure, size_t lc, uint8_t out[7])
{
    out[0] = (uint8_t)((c->header[0] & 0x80) | (secure ? 0x04 : 0x00));
    memcpy(out + 1, c->header + 1, 3);
    if (!c->extended && lc <= 0xff) {
        out[4] = (uint8_t)lc;
        return 5;
    }
    out[4] = 0;
    mm_put_be16(out + 5, (uint16_t)lc);
    return 7;
}

enum mm_status mm_scp_sign_first(struct mm_scp *s, struct mm_scp_command *c)
{
    return s->protocol == 2 ? scp02_sign(s, c) : scp03_sign(s, c);
}

enum mm_status mm_scp_check_first(struct mm_scp *s, struct mm_scp_command *c)
{
    return s->protocol == 2 ? scp02_check(s, c) : scp03_check(s, c);
}

enum mm_status mm_scp_wrap_command(struct mm_scp *s, struct mm_scp_command *c, size_t room)
{
    if (!(s->level & MM_SCP_C_MAC))
        return mm_scp_plain_command(s, c->header, c->extended, c->data, c->len);
    if (room < c->len + MM_SCP_OVERHEAD)
        return MM_TOO_LONG;
    return s->protocol == 2 ? scp02_wrap_command(s, c) : scp03_wrap_command(s, c);
}

enum mm_status mm_scp_unwrap_command(struct mm_scp *s, struct mm_scp_command *c)
{
    if (!(s->level & MM_SCP_C_MAC))
        return mm_scp_plain_command(s, c->header, c->extended, c->data, c->len);
    return s->protocol == 2 ? scp02_unwrap_command(s, c) : scp03_unwrap_command(s, c);
}

enum mm_status mm_scp_plain_command(struct mm_scp *s, const uint8_t header[4], bool extended,
                                    const uint8_t *data, size_t len)
{
    if (s->protocol == 3)
        s->counter++;
    return s->rmac.on ? scp02_sum_command(s, header, extended, data, len) : MM_OK;
}

bool mm_scp_has_rmac(const struct mm_scp *s, uint16_t sw)
{
    return (s->level & MM_SCP_R_MAC) &&
           (s->protocol == 2 || sw == 0x9000 || sw >> 8 == 0x62 || sw >> 8 == 0x63);
}

enum mm_status mm_scp_wrap_response(struct mm_scp *s, uint8_t *data, size_t *len, size_t room,
                                    uint16_t sw)
{
    if (mm_scp_has_rmac(s, sw) && room < *len + MM_SCP_OVERHEAD)
        return MM_TOO_LONG;
    return s->protocol == 2 ? scp02_wrap_response(s, data, len, sw)
                            : scp03_wrap_response(s, data, len, sw);
}

enum mm_status mm_scp_unwrap_response(struct mm_scp *s, uint8_t *data, size_t *len, uint16_t sw)
{
    return s->protocol == 2 ? scp02_unwrap_response(s, data, len, sw)
                            : scp03_unwrap_response(s, data, len, sw);
}

enum mm_status mm_scp_data(const struct mm_scp *s, bool encrypt, const uint8_t *in, size_t len,
                           uint8_t *out)
{
    uint8_t iv[MM_SCP_BLOCK_LEN] = {0};

    return mm_scp_data_part(s, encrypt, iv, in, len, out);
}

enum mm_status mm_scp_data_part(const struct mm_scp *s, bool encrypt, uint8_t iv[MM_SCP_BLOCK_LEN],
                                const uint8_t *in, size_t len, uint8_t *out)
{
    uint8_t next[MM_SCP_BLOCK_LEN];
    enum mm_status st;

    if (s->protocol == 2)
        return mm_scp_des_ecb(s->dek, MM_SCP_KEY_LEN, encrypt, in, len, out);
    if (len < sizeof(next))
        return len == 0 ? MM_OK : MM_MALFORMED;
    memcpy(next, in + len - sizeof(next), sizeof(next)); /* in and out may be the same */
    st = mm_scp_cbc(s->dek, s->key_len, iv, encrypt, in, len, out);
    memcpy(iv, encrypt ? out + len - sizeof(next) : next, sizeof(next));
    return st;
}
