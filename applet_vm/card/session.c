/*
 * Secure channels as the card sees them: SCP02 (GPCS 2.3.1, appendix E) and SCP03 (Amendment D v1.2).
 * Each logical channel has a session at most, of the application that is selected there; selecting
 * another ends it. The keys are those of the application's security domain, and which protocol with
 * which parameter is spoken is a matter of the key set.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

void mm_session_end(struct mm_session *session)
{
    mm_buf_clear(&session->key_data);
    mm_scp_drop_ready(&session->scp);
    EVP_PKEY_free(session->oce.key);
    mm_buf_clear(&session->oce.part);
    OPENSSL_cleanse(session, sizeof(*session));
    session->state = MM_SESSION_NONE;
}

uint8_t mm_session_default_i(const struct mm_card *card, uint8_t protocol)
{
    size_t len = 0;
    const uint8_t *platform = mm_rec_data(card->nvm, MM_KEY_PLATFORM, &len);

    if (platform == NULL || len < MM_PLATFORM_LEN)
        return 0;
    return platform[protocol == 2 ? MM_PLATFORM_SCP02_I : MM_PLATFORM_SCP03_I];
}

/* The AID that well-known challenges and ICVs are made of: the application that is spoken to. */
static struct mm_aid owner_aid(const struct mm_card *card, mm_comp owner)
{
    const struct mm_reg_entry *e = owner == 0 ? NULL : mm_reg_comp(&card->registry, owner);

    return e != NULL ? e->aid : mm_domain_aid(card, 0);
}

/* ---- INITIALIZE UPDATE ---- */
/* Key access (GPCS table 11-18): for the domain itself, or for the applications it serves. */
static bool accessible(const struct mm_key_set *set, mm_comp owner)
{
    uint8_t denied = owner == set->domain ? MM_KEY_ACCESS_APPLICATION : MM_KEY_ACCESS_DOMAIN;
    struct mm_domain_key key;

    for (uint8_t id = 1; id <= 3; id++) {
        if (mm_key_set_find(set, id, &key) && key.access == denied)
            return false;
    }
    return true;
}

static enum mm_status load_keys(const struct mm_card *card, mm_comp owner, uint8_t version,
                                struct mm_key_set *set, struct mm_scp_keys *keys)
{
    mm_comp domain = mm_domain_of_keys(card, mm_reg_domain(&card->registry, owner));
    enum mm_status st = mm_key_set_load(card->nvm, domain, version, set);

    memset(keys, 0, sizeof(*keys));
    if (st == MM_OK && !accessible(set, owner))
        st = MM_STATE;
    if (st == MM_OK)
        st = mm_key_set_channel(set, keys);
    return st;
}

static enum mm_status random_of(void *ctx, uint8_t *out, size_t out_len)
{
    return mm_card_random(ctx, out, out_len);
}

/* The card challenge; a counter that moves before is written before it is used. */
static enum mm_status challenge(struct mm_card *card, mm_comp owner, const struct mm_scp_keys *keys,
                                struct mm_key_set *set, uint8_t protocol, uint8_t *out)
{
    struct mm_scp_source source = mm_scp_source_of(keys);
    struct mm_aid aid = owner_aid(card, owner);
    enum mm_status st = MM_OK;

    if (mm_scp_counts_first(protocol, set->scp_i)) {
        st = mm_key_set_count(card->nvm, set->domain, set->version, set->sequence + 1);
        set->sequence += st == MM_OK;
    }
    return st == MM_OK ? mm_scp_card_challenge(protocol, set->scp_i, &source, set->sequence, &aid,
                                               random_of, card, out)
                       : st;
}

static uint16_t start(struct mm_card *card, mm_comp owner, struct mm_key_set *set,
                      const struct mm_scp_keys *keys, const uint8_t *data, size_t data_len,
                      uint8_t out[MM_SCP_INIT_ANSWER_MAX], size_t *out_len)
{
    struct mm_session *s = &card->channel->session;
    struct mm_scp_source source = mm_scp_source_of(keys);
    uint8_t protocol = mm_key_set_protocol(set), card_challenge[MM_SCP_CHALLENGE_MAX];
    enum mm_status st;

    if (data_len != mm_scp_challenge_len(protocol, set->scp_i))
        return MM_SW_6700_WRONG_LENGTH;
    if (mm_scp_exhausted(protocol, set->scp_i, set->sequence) ||
        (protocol == 2 && !(set->scp_i & MM_SCP02_EXPLICIT)))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = challenge(card, owner, keys, set, protocol, card_challenge);
    if (st == MM_OK)
        st = mm_scp_start(&s->scp, protocol, set->scp_i, &source, data, card_challenge);
    if (st != MM_OK) {
        mm_session_end(s);
        return mm_card_failure("session", st);
    }
    if (protocol == 3)
        memcpy(s->scp.dek, keys->dek, keys->len);
    *out_len = mm_scp_init_answer(&s->scp, card->chip_id, set->version, set->sequence,
                                  card_challenge, out);
    s->state = MM_SESSION_STARTED;
    s->owner = owner;
    s->domain = set->domain;
    s->key_version = set->version;
    s->sequence = set->sequence;
    return MM_SW_9000_NO_ERROR;
}

uint16_t mm_session_init_update(struct mm_card *card, mm_comp owner, uint8_t key_version,
                                const uint8_t *data, size_t data_len,
                                uint8_t out[MM_SCP_INIT_ANSWER_MAX], size_t *out_len)
{
    struct mm_key_set set;
    struct mm_scp_keys keys;
    uint16_t sw;
    enum mm_status st;

    *out_len = 0;
    mm_session_end(&card->channel->session);
    st = load_keys(card, owner, key_version, &set, &keys);
    if (st == MM_OK)
        sw = start(card, owner, &set, &keys, data, data_len, out, out_len);
    else if (st == MM_STATE)
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    else
        sw = st == MM_NOT_FOUND ? MM_SW_6A88_DATA_NOT_FOUND : mm_card_failure("keys", st);
    mm_key_set_clear(&set);
    OPENSSL_cleanse(&keys, sizeof(keys));
    return sw;
}

/*
 * ---- Velocity checking (GPCS 2.3.1, 10.2.3) ----
 * Failures are counted in the image, for each domain, before the verdict: neither reset nor power cut
 * gives a try for nothing. After some the verdict waits, longer each time and never longer than
 * PAUSE_MAX_MS; a card is not locked for ever, and the right keys always open it. At that pace 2^64
 * cryptograms take more than 10^12 years.
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
static enum mm_status count_try(struct mm_card *card, mm_comp domain)
{
    uint8_t failures = mm_key_failures(card->nvm, domain);
    enum mm_status st = mm_key_failures_set(card->nvm, domain,
                                            (uint8_t)(failures < 0xff ? failures + 1 : failures));

    if (st == MM_OK)
        pause_for(card, pause_ms(failures < 0xff ? failures : 0xfe));
    return st;
}

/* The try was good. SCP02's counter moves with it (GPCS E.1.2.1), so that its session keys are never
 * made again; it has moved already when another channel was faster, and then this one is too late. */
static enum mm_status accept(struct mm_card *card, const struct mm_session *s)
{
    enum mm_status st = mm_key_failures_set(card->nvm, s->domain, 0);

    if (st == MM_OK && s->scp.protocol == 2)
        st = mm_key_set_count(card->nvm, s->domain, s->key_version, s->sequence + 1);
    return st;
}

static bool counter_stands(const struct mm_card *card, const struct mm_session *s)
{
    struct mm_key_set set;
    bool stands = mm_key_set_load(card->nvm, s->domain, s->key_version, &set) == MM_OK &&
                  set.sequence == s->sequence;

    mm_key_set_clear(&set);
    return s->scp.protocol != 2 || stands;
}

static void open_with(struct mm_session *s, uint8_t level)
{
    mm_scp_open(&s->scp, level);
    s->base_level = level;
    s->authenticated = true;
    s->state = MM_SESSION_OPEN;
}

uint16_t mm_session_authenticate(struct mm_card *card, mm_comp owner,
                                 struct mm_scp_command *command)
{
    struct mm_session *s = &card->channel->session;
    size_t len = mm_scp_mac_len(&s->scp);
    uint8_t level = command->header[2];
    uint16_t sw = MM_SW_9000_NO_ERROR;
    enum mm_status st;
    bool good;

    if (s->state != MM_SESSION_STARTED || s->owner != owner)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (command->len != 2 * len)
        sw = MM_SW_6700_WRONG_LENGTH;
    else if (!mm_scp_level_allowed(s->scp.protocol, s->scp.i, level))
        sw = MM_SW_6A86_INCORRECT_P1P2;
    else if (!counter_stands(card, s))
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = sw == MM_SW_9000_NO_ERROR ? count_try(card, s->domain) : MM_OK;
    if (st == MM_NOT_FOUND) /* the keys went meanwhile */
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    else if (st != MM_OK)
        sw = mm_card_failure("failed authentications", st);
    if (sw == MM_SW_9000_NO_ERROR) {
        good = CRYPTO_memcmp(command->data, s->scp.host_cryptogram, len) == 0;
        good = mm_scp_check_first(&s->scp, command) == MM_OK && good;
        st = good ? accept(card, s) : MM_OK;
        if (!good)
            sw = MM_SW_6300_AUTHENTICATION_FAILED;
        else if (st != MM_OK)
            sw = mm_card_failure("failed authentications", st);
    }
    if (sw == MM_SW_9000_NO_ERROR)
        open_with(s, level);
    else
        mm_session_end(s);
    return sw;
}

/* ---- Implicit initiation (GPCS E.1.2.2): the first C-MAC opens a session of the default keys ---- */
static uint16_t start_implicit(struct mm_card *card, mm_comp owner, struct mm_scp_command *command)
{
    struct mm_session *s = &card->channel->session;
    struct mm_aid aid = owner_aid(card, owner);
    uint16_t sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    struct mm_key_set set;
    struct mm_scp_keys keys;
    struct mm_scp_source source;
    enum mm_status st = load_keys(card, owner, 0, &set, &keys);

    source = mm_scp_source_of(&keys);
    mm_session_end(s);
    if (st == MM_OK && mm_key_set_protocol(&set) == 2 && !(set.scp_i & MM_SCP02_EXPLICIT) &&
        !mm_scp_exhausted(2, set.scp_i, set.sequence)) {
        *s = (struct mm_session){.owner = owner,
                                 .domain = set.domain,
                                 .key_version = set.version,
                                 .sequence = set.sequence};
        st = mm_scp02_start_implicit(&s->scp, set.scp_i, &source, (uint16_t)set.sequence, &aid);
        if (st == MM_OK)
            st = count_try(card, set.domain);
        if (st == MM_OK)
            st = mm_scp_check_first(&s->scp, command);
        if (st == MM_OK)
            st = accept(card, s);
        if (st == MM_OK)
            open_with(s, MM_SCP_C_MAC);
        sw = st == MM_OK     ? MM_SW_9000_NO_ERROR
             : st == MM_AUTH ? MM_SW_6982_SECURITY_STATUS
                             : mm_card_failure("session", st);
    }
    if (sw != MM_SW_9000_NO_ERROR)
        mm_session_end(s);
    mm_key_set_clear(&set);
    OPENSSL_cleanse(&keys, sizeof(keys));
    return sw;
}

/* ---- Commands and responses ---- */

/* What BEGIN or END R-MAC SESSION ordered for after its response. */
static void settle(struct mm_session *s)
{
    if (!s->level_changes)
        return;
    s->level_changes = false;
    s->scp.level = s->next_level;
    if (s->rmac_begins)
        mm_scp02_rmac_begin(&s->scp);
    if (s->rmac_ends)
        mm_scp02_rmac_end(&s->scp);
    s->rmac_begins = s->rmac_ends = false;
}

static uint16_t aborted(struct mm_session *s)
{
    mm_comp owner = s->owner;

    mm_session_end(s);
    s->owner = owner;
    s->aborted = true;
    return MM_SW_6982_SECURITY_STATUS;
}

uint16_t mm_session_unwrap(struct mm_card *card, mm_comp owner, struct mm_scp_command *command)
{
    struct mm_session *s = &card->channel->session;

    if (s->state == MM_SESSION_NONE)
        return start_implicit(card, owner, command);
    if (s->state != MM_SESSION_OPEN || s->owner != owner)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    settle(s);
    if (mm_scp_unwrap_command(&s->scp, command) == MM_OK)
        return MM_SW_9000_NO_ERROR;
    return aborted(s);
}

uint16_t mm_session_plain(struct mm_card *card, const uint8_t header[4], bool extended,
                          const uint8_t *data, size_t data_len)
{
    struct mm_session *s = &card->channel->session;

    if (s->state != MM_SESSION_OPEN)
        return MM_SW_9000_NO_ERROR;
    settle(s);
    if (!(s->scp.level & MM_SCP_C_MAC) &&
        mm_scp_plain_command(&s->scp, header, extended, data, data_len) == MM_OK)
        return MM_SW_9000_NO_ERROR;
    return aborted(s);
}

uint16_t mm_session_wrap(struct mm_card *card, uint8_t *data, size_t *data_len, size_t room,
                         uint16_t sw)
{
    struct mm_session *s = &card->channel->session;
    enum mm_status st;

    if (s->state != MM_SESSION_OPEN)
        return MM_SW_9000_NO_ERROR;
    st = mm_scp_wrap_response(&s->scp, data, data_len, room, sw);
    settle(s);
    if (st == MM_OK)
        return MM_SW_9000_NO_ERROR;
    return st == MM_TOO_LONG ? MM_SW_6700_WRONG_LENGTH : MM_SW_6581_MEMORY_FAILURE;
}

/* ---- R-MAC sessions ---- */
#define RMAC_BEGIN 0x01 /* P2 */
#define RMAC_TELL  0x01 /* END: tell the R-MAC and go on (SCP02) */
#define RMAC_END   0x03

static bool supported(const struct mm_scp *scp, uint8_t level)
{
    if (scp->protocol == 2)
        return (scp->i & MM_SCP02_R_MAC) && (level == 0 || level == MM_SCP_R_MAC);
    return mm_scp_level_allowed(3, scp->i, (uint8_t)(scp->level | level)) &&
           (level & MM_SCP_R_MAC) && level > (scp->level & (MM_SCP_R_MAC | MM_SCP_R_ENC));
}

uint16_t mm_session_begin_rmac(struct mm_card *card, uint8_t p1, uint8_t p2, const uint8_t *data,
                               size_t data_len)
{
    struct mm_session *s = &card->channel->session;

    if (p2 != RMAC_BEGIN || (p1 & ~(MM_SCP_R_MAC | MM_SCP_R_ENC)) != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    /* data: its length and a challenge of 1 to 24 bytes that the C-MAC binds, or none */
    if (data_len > 0 && (data_len > 25 || data[0] != data_len - 1))
        return MM_SW_6A80_WRONG_DATA;
    if (s->state != MM_SESSION_OPEN || !supported(&s->scp, p1) || s->scp.rmac.on)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    s->level_changes = true;
    s->next_level = (uint8_t)(s->scp.level | p1);
    s->rmac_begins = s->scp.protocol == 2;
    return MM_SW_9000_NO_ERROR;
}

uint16_t mm_session_end_rmac(struct mm_card *card, uint8_t p1, uint8_t p2, size_t data_len)
{
    struct mm_session *s = &card->channel->session;
    bool scp02 = s->scp.protocol == 2;
    bool begun =
        scp02 ? s->scp.rmac.on && !(s->base_level & MM_SCP_R_MAC) : s->scp.level != s->base_level;

    if (p1 != 0 || (p2 != RMAC_END && !(scp02 && p2 == RMAC_TELL)))
        return MM_SW_6A86_INCORRECT_P1P2;
    if (data_len != 0)
        return MM_SW_6700_WRONG_LENGTH;
    if (s->state != MM_SESSION_OPEN || !begun)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    s->level_changes = true;
    s->next_level = p2 == RMAC_END ? s->base_level : s->scp.level;
    s->rmac_ends = scp02 && p2 == RMAC_END;
    if (scp02) /* the answer has the R-MAC, also where the others had none */
        s->scp.level |= MM_SCP_R_MAC;
    return MM_SW_9000_NO_ERROR;
}
