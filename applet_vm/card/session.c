/*
 * SCP03 as the card sees it (GPCS Amendment D v1.1.2). One session at a time: the card has one
 * logical channel, and selecting another application ends the session. Parameter i is 60: random
 * card challenge, R-MAC and R-ENC supported.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#define SCP_ID  0x03
#define SCP_I   0x60
#define DIV_LEN 10

void mm_session_end(struct mm_session *session)
{
    OPENSSL_cleanse(session, sizeof(*session));
    session->state = MM_SESSION_NONE;
}

static enum mm_status start(struct mm_card *card, const struct mm_scp_keys *keys,
                            const uint8_t *host_challenge, uint8_t *challenge, uint8_t *cryptogram)
{
    struct mm_session *s = &card->channel->session;
    enum mm_status st = mm_card_random(card, challenge, MM_SCP_CHALLENGE_LEN);

    if (st == MM_OK)
        st = mm_scp_session_keys(keys, host_challenge, challenge, s->s_enc, s->s_mac, s->s_rmac);
    if (st == MM_OK)
        st = mm_scp_cryptogram(s->s_mac, MM_SCP_CARD_CRYPTOGRAM, host_challenge, challenge,
                               cryptogram);
    if (st == MM_OK)
        st = mm_scp_cryptogram(s->s_mac, MM_SCP_HOST_CRYPTOGRAM, host_challenge, challenge,
                               s->host_cryptogram);
    if (st == MM_OK)
        memcpy(s->dek, keys->dek, sizeof(s->dek));
    return st;
}

uint16_t mm_session_init_update(struct mm_card *card, mm_comp owner, uint8_t key_version,
                                const uint8_t *data, size_t data_len,
                                uint8_t out[MM_INIT_UPDATE_LEN])
{
    mm_comp domain = mm_reg_domain(&card->registry, owner);
    struct mm_key_set set;
    struct mm_scp_keys keys = {0};
    enum mm_status st;

    mm_session_end(&card->channel->session);
    if (data_len != MM_SCP_CHALLENGE_LEN)
        return MM_SW_6700_WRONG_LENGTH;
    st = mm_key_set_load(card->nvm, domain, key_version, &set);
    if (st == MM_OK)
        st = mm_key_set_channel(&set, &keys);
    mm_key_set_clear(&set);
    if (st == MM_NOT_FOUND)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (st != MM_OK)
        return mm_card_failure("keys", st);
    memcpy(out, card->chip_id, DIV_LEN);
    out[10] = set.version;
    out[11] = SCP_ID;
    out[12] = SCP_I;
    st = start(card, &keys, data, out + 13, out + 21);
    OPENSSL_cleanse(&keys, sizeof(keys));
    if (st != MM_OK) {
        mm_session_end(&card->channel->session);
        return mm_card_failure("session", st);
    }
    card->channel->session.state = MM_SESSION_STARTED;
    card->channel->session.owner = owner;
    card->channel->session.domain = domain;
    return MM_SW_9000_NO_ERROR;
}

/*
 * ---- Velocity checking (GPCS 2.3.1, 10.2.3) ----
 * Failures are counted in the image, before the verdict: neither reset nor power cut gives a try for
 * nothing. After some the verdict waits, longer each time and never longer than PAUSE_MAX_MS; a card
 * is not locked for ever, and the right keys always open it. At that pace 2^64 cryptograms take more
 * than 10^12 years.
 */
#define FAILURES_FREE   3
#define PAUSE_FIRST_MS  50u
#define PAUSE_MAX_MS    2000u /* below the 5 s a host waits for an answer */
#define PAUSE_DOUBLINGS 6

static unsigned pause_ms(unsigned failures)
{
    unsigned doublings, ms;

    if (failures < FAILURES_FREE)
        return 0;
    doublings = failures - FAILURES_FREE;
    ms = PAUSE_FIRST_MS << (doublings < PAUSE_DOUBLINGS ? doublings : PAUSE_DOUBLINGS);
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

static void pause_for(const struct mm_card *card, unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};

    if (ms == 0)
        return;
    if (card->cfg.pause != NULL) {
        card->cfg.pause(card->cfg.pause_ctx, ms);
        return;
    }
    while (nanosleep(&left, &left) != 0)
        ; /* a signal ends the chip after this answer, not before the verdict */
}

/* Count this try as failed, and wait as the failures before it ask. */
static enum mm_status count_try(struct mm_card *card)
{
    size_t len = 0;
    const uint8_t *platform = mm_rec_data(card->nvm, MM_KEY_PLATFORM, &len);
    uint8_t failures;
    enum mm_status st;

    if (platform == NULL || len < MM_PLATFORM_LEN) { /* a damaged image: there is no count */
        pause_for(card, PAUSE_MAX_MS);
        return MM_OK;
    }
    failures = platform[MM_PLATFORM_FAILURES];
    if (failures < 0xff)
        failures++;
    st = mm_rec_write_now(card->nvm, MM_KEY_PLATFORM, MM_PLATFORM_FAILURES, &failures, 1);
    if (st == MM_OK)
        pause_for(card, pause_ms(failures - 1u));
    return st;
}

/* The try was good. When this cannot be written the answer will not be 9000 either. */
static enum mm_status clear_tries(struct mm_card *card)
{
    size_t len = 0;
    const uint8_t none = 0;

    if (mm_rec_data(card->nvm, MM_KEY_PLATFORM, &len) == NULL || len < MM_PLATFORM_LEN)
        return MM_OK;
    return mm_rec_write(card->nvm, MM_KEY_PLATFORM, MM_PLATFORM_FAILURES, &none, 1);
}

/* Amendment D, table 7-4: no C-DECRYPTION without C-MAC, no R-ENC without R-MAC and C-DECRYPTION. */
static bool level_allowed(uint8_t level)
{
    static const uint8_t levels[] = {0x00, 0x01, 0x03, 0x11, 0x13, 0x33};

    return memchr(levels, level, sizeof(levels)) != NULL;
}

/* Check the C-MAC at the end of the data and take it off; the chain moves on. */
static bool check_mac(struct mm_session *s, struct mm_secured *c)
{
    uint8_t head[7], mac[MM_SCP_BLOCK_LEN] = {0};
    size_t head_len = 4;
    bool good = false;

    if (c->data_len < MM_SCP_MAC_LEN)
        return false;
    memcpy(head, c->header, 4);
    head[0] = mm_card_class_basic(head[0]);
    if (c->extended) {
        head[head_len++] = 0;
        mm_put_be16(head + head_len, (uint16_t)c->data_len);
        head_len += 2;
    } else {
        head[head_len++] = (uint8_t)c->data_len;
    }
    if (mm_scp_mac(s->s_mac, s->chain, head, head_len, c->data, c->data_len - MM_SCP_MAC_LEN,
                   mac) == MM_OK &&
        CRYPTO_memcmp(mac, c->data + c->data_len - MM_SCP_MAC_LEN, MM_SCP_MAC_LEN) == 0) {
        memcpy(s->chain, mac, sizeof(s->chain));
        c->data_len -= MM_SCP_MAC_LEN;
        good = true;
    }
    OPENSSL_cleanse(mac, sizeof(mac));
    return good;
}

uint16_t mm_session_authenticate(struct mm_card *card, mm_comp owner,
                                 const struct mm_secured *command)
{
    struct mm_session *s = &card->channel->session;
    struct mm_secured c = *command;
    enum mm_status st;
    bool good = false;

    if (s->state != MM_SESSION_STARTED || s->owner != owner)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (c.data_len != sizeof(s->host_cryptogram) + MM_SCP_MAC_LEN || !level_allowed(c.header[2])) {
        uint16_t sw = c.data_len != 16 ? MM_SW_6700_WRONG_LENGTH : MM_SW_6A86_INCORRECT_P1P2;
        mm_session_end(s);
        return sw;
    }
    st = count_try(card);
    if (st != MM_OK) {
        mm_session_end(s);
        return mm_card_failure("failed authentications", st);
    }
    good = CRYPTO_memcmp(c.data, s->host_cryptogram, sizeof(s->host_cryptogram)) == 0;
    good = check_mac(s, &c) && good;
    if (good)
        st = clear_tries(card);
    if (!good || st != MM_OK) {
        mm_session_end(s);
        return good ? mm_card_failure("failed authentications", st)
                    : MM_SW_6300_AUTHENTICATION_FAILED;
    }
    s->level = c.header[2];
    s->counter = 0;
    s->state = MM_SESSION_OPEN;
    return MM_SW_9000_NO_ERROR;
}

/* C-DECRYPTION (Amendment D, 6.2.6): the counter moves with each command, data or not. */
static bool decrypt(struct mm_session *s, struct mm_secured *c)
{
    uint8_t icv[MM_SCP_BLOCK_LEN];

    if (c->data_len == 0)
        return true;
    if (c->data_len % MM_SCP_BLOCK_LEN != 0)
        return false;
    return mm_scp_icv(s->s_enc, s->counter, false, icv) == MM_OK &&
           mm_scp_cbc(s->s_enc, icv, false, c->data, c->data_len, c->data) == MM_OK &&
           mm_scp_unpad(c->data, c->data_len, &c->data_len) == MM_OK;
}

uint16_t mm_session_unwrap(struct mm_session *session, struct mm_secured *command)
{
    if (session->state != MM_SESSION_OPEN)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    session->counter++;
    if (session->level & MM_SCP_C_MAC) {
        if (!check_mac(session, command) ||
            ((session->level & MM_SCP_C_DEC) && !decrypt(session, command))) {
            mm_session_end(session);
            return MM_SW_6982_SECURITY_STATUS;
        }
    }
    return MM_SW_9000_NO_ERROR;
}

static bool encrypt(struct mm_session *s, uint8_t *data, size_t *data_len)
{
    uint8_t icv[MM_SCP_BLOCK_LEN];

    if (*data_len == 0)
        return true;
    *data_len = mm_scp_pad(data, *data_len);
    return mm_scp_icv(s->s_enc, s->counter, true, icv) == MM_OK &&
           mm_scp_cbc(s->s_enc, icv, true, data, *data_len, data) == MM_OK;
}

uint16_t mm_session_wrap(struct mm_session *session, uint8_t *data, size_t *data_len, size_t room,
                         uint16_t sw)
{
    uint8_t sw_bytes[2], mac[MM_SCP_BLOCK_LEN];

    if (session->state != MM_SESSION_OPEN || !(session->level & MM_SCP_R_MAC))
        return MM_SW_9000_NO_ERROR;
    if (room < *data_len + MM_SCP_BLOCK_LEN + MM_SCP_MAC_LEN)
        return MM_SW_6700_WRONG_LENGTH;
    mm_put_be16(sw_bytes, sw);
    if (((session->level & MM_SCP_R_ENC) && !encrypt(session, data, data_len)) ||
        mm_scp_mac(session->s_rmac, session->chain, data, *data_len, sw_bytes, 2, mac) != MM_OK)
        return MM_SW_6581_MEMORY_FAILURE;
    memcpy(data + *data_len, mac, MM_SCP_MAC_LEN);
    *data_len += MM_SCP_MAC_LEN;
    return MM_SW_9000_NO_ERROR;
}
