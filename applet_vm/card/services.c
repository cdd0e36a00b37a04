/* What the card gives the VM: the registry's view for lookups, and the secure channel of
 * org.globalplatform, which uses the issuer security domain's keys. */
#include "applet_vm/card/upgrade.h"

#include <string.h>

#include <openssl/crypto.h>

/* ---- mm_vm_services ---- */
/* An instance that is installed again, after its load file was replaced, has its entry already. */
static bool own_name(const struct mm_card *card)
{
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, &card->install_aid);

    return e != NULL && e->comp == card->install_owner;
}

static enum mm_status register_applet(void *ctx, mm_ref applet, const struct mm_aid *aid)
{
    struct mm_card *card = ctx;

    if (!card->installing || card->registered)
        return MM_STATE;
    /* GPCS 11.5.2.3.4: the instance AID of the INSTALL command counts; register(AID) with another is
     * the applet's right (Applet.register), unless it is taken. */
    if (aid != NULL)
        card->install_aid = *aid;
    if (mm_domain_aid_taken(card, &card->install_aid) && !own_name(card))
        return MM_EXISTS;
    card->install_applet = applet;
    card->registered = true;
    return MM_OK;
}

static bool find_applet(void *ctx, const struct mm_aid *aid, mm_ref *applet, mm_comp *owner)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, aid);

    if (e == NULL || e->kind != MM_COMP_APPLET || !mm_select_usable(card, e) ||
        (mm_reg_state(&card->registry, e) & MM_STATE_LOCKED_BIT))
        return false;
    *applet = e->applet;
    *owner = e->comp;
    return true;
}

/* Inside install() there is none before register() (JCSystem.getAID). */
static bool applet_aid(void *ctx, mm_comp owner, struct mm_aid *aid)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, owner);

    if (card->installing && owner == card->install_owner) {
        *aid = card->install_aid;
        return card->registered;
    }
    if (e == NULL || e->kind != MM_COMP_APPLET)
        return false;
    *aid = e->aid;
    return true;
}

static bool applet_selected(void *ctx, mm_comp owner)
{
    const struct mm_card *card = ctx;

    return mm_channel_instance_active(card, owner, NULL);
}

static bool applet_elsewhere(void *ctx, mm_comp owner)
{
    const struct mm_card *card = ctx;

    return mm_channel_instance_active(card, owner, card->channel) &&
           !mm_select_multi(card, mm_reg_comp(&card->registry, owner));
}

static bool selecting(void *ctx)
{
    const struct mm_card *card = ctx;

    return card->selecting;
}

static bool reselecting(void *ctx)
{
    const struct mm_card *card = ctx;

    return card->reselecting;
}

static uint8_t channel(void *ctx)
{
    return mm_channel_number(ctx);
}

static enum mm_status service_random(void *ctx, uint8_t *out, size_t out_len)
{
    return mm_card_random(ctx, out, out_len);
}

static enum mm_status wait_extension(void *ctx)
{
    (void)ctx; /* every link waits for the answer without a time limit of its own */
    return MM_OK;
}

/* ---- mm_gp_services ---- */
#define CDATA_OFF      5    /* ISO7816.OFFSET_CDATA of a short command */
#define CLA_GP         0x80 /* of GlobalPlatform's commands */
#define CLA_SM         0x04
#define CLA_SM_FURTHER 0x20 /* in the classes of the channels from 4 on */

/* A command of the channel in an applet's buffer. false: Lc does not say what there is. */
static bool command_in(uint8_t *buf, size_t apdu_len, struct mm_scp_command *c)
{
    if (apdu_len < CDATA_OFF || buf[4] != apdu_len - CDATA_OFF)
        return false;
    *c = (struct mm_scp_command){.data = buf + CDATA_OFF, .len = apdu_len - CDATA_OFF};
    memcpy(c->header, buf, sizeof(c->header));
    return true;
}

/* BEGIN and END R-MAC SESSION come as any command of the session does. */
static uint16_t rmac_session(struct mm_card *card, mm_comp owner, struct mm_scp_command *c)
{
    const uint8_t *h = c->header;
    uint16_t sw = mm_card_class_basic(h[0]) & CLA_SM
                      ? mm_session_unwrap(card, owner, c)
                      : mm_session_plain(card, h, false, c->data, c->len);

    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    if (card->channel->session.owner != owner)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return h[1] == MM_INS_ISD_BEGIN_RMAC_SESSION
               ? mm_session_begin_rmac(card, h[2], h[3], c->data, c->len)
               : mm_session_end_rmac(card, h[2], h[3], c->len);
}

/* PERFORM SECURITY OPERATION, MUTUAL and INTERNAL AUTHENTICATE (Amendment F). */
static uint16_t scp11(struct mm_card *card, mm_comp owner, const struct mm_scp_command *c,
                      uint8_t *buf, size_t buf_len, size_t *out_len)
{
    struct mm_apdu apdu = {.cla = mm_card_class_basic(c->header[0]),
                           .ins = c->header[1],
                           .p1 = c->header[2],
                           .p2 = c->header[3],
                           .data = c->data,
                           .data_len = c->len};
    struct mm_buf answer;
    uint16_t sw;

    mm_buf_init(&answer);
    sw = mm_scp11_command(card, owner, &apdu, &answer);
    if (sw == MM_SW_9000_NO_ERROR && (answer.bad || buf_len < CDATA_OFF + answer.len)) {
        mm_session_end(&card->channel->session);
        sw = answer.bad ? MM_SW_6A84_FILE_FULL : MM_SW_6700_WRONG_LENGTH;
    }
    if (sw == MM_SW_9000_NO_ERROR && answer.len > 0) {
        memcpy(buf + CDATA_OFF, answer.data, answer.len);
        *out_len = answer.len;
    }
    mm_buf_clear(&answer);
    return sw;
}

static uint16_t process_security(void *ctx, mm_comp owner, uint8_t *buf, size_t buf_len,
                                 size_t apdu_len, size_t *out_len)
{
    struct mm_card *card = ctx;
    struct mm_scp_command c;
    uint8_t answer[MM_SCP_INIT_ANSWER_MAX];
    uint16_t sw;

    *out_len = 0;
    if (apdu_len > buf_len || !command_in(buf, apdu_len, &c))
        return MM_SW_6700_WRONG_LENGTH;
    if ((mm_card_class_basic(c.header[0]) & ~CLA_SM) != CLA_GP)
        return MM_SW_6E00_CLA_NOT_SUPPORTED;
    if (c.header[1] == MM_INS_ISD_BEGIN_RMAC_SESSION || c.header[1] == MM_INS_ISD_END_RMAC_SESSION)
        return rmac_session(card, owner, &c);
    if (mm_scp11_is_command(mm_card_class_basic(c.header[0]), c.header[1]))
        return scp11(card, owner, &c, buf, buf_len, out_len);
    if (c.header[3] != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    switch (c.header[1]) {
    case MM_INS_ISD_INITIALIZE_UPDATE:
        sw = mm_session_init_update(card, owner, buf[2], c.data, c.len, answer, out_len);
        if (sw != MM_SW_9000_NO_ERROR)
            return sw;
        if (buf_len < CDATA_OFF + *out_len)
            return MM_SW_6700_WRONG_LENGTH;
        memcpy(buf + CDATA_OFF, answer, *out_len);
        return sw;
    case MM_INS_ISD_EXTERNAL_AUTHENTICATE:
        return mm_session_authenticate(card, owner, &c);
    default:
        return MM_SW_6D00_INS_NOT_SUPPORTED;
    }
}

static bool is_open_for(const struct mm_card *card, mm_comp owner)
{
    return card->channel->session.state == MM_SESSION_OPEN && card->channel->session.owner == owner;
}

/* An application that gets STORE DATA through its domain sees the domain's session: its level, and the
 * key for sensitive data (GPCS 7.3.3). The domain has unwrapped the command already. */
static bool is_personalised(const struct mm_card *card, mm_comp owner)
{
    const struct mm_channel *c = card->channel;

    return c->selected == MM_SELECTED_DOMAIN && c->session.state == MM_SESSION_OPEN &&
           c->session.owner == c->selected_comp && owner != 0 && c->storing.target == owner;
}

/* A session that ended over a command without its protection: until the application ends it or the host
 * opens another, nothing goes on in the clear (SecureChannel, compulsory Session Security Level). */
static bool is_aborted_for(const struct mm_card *card, mm_comp owner)
{
    return card->channel->session.aborted && card->channel->session.owner == owner;
}

/* SecureChannel.unwrap: CLA loses its secure messaging bit, Lc its MAC and padding. Without a session, or
 * at a level without protection, the command stays as it is. */
static uint16_t unwrap(void *ctx, mm_comp owner, uint8_t *apdu, size_t *len)
{
    struct mm_card *card = ctx;
    struct mm_scp_command c;
    bool protected;
    uint16_t sw;

    if (is_aborted_for(card, owner))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (!is_open_for(card, owner))
        return MM_SW_9000_NO_ERROR;
    /* The API hands over short commands only; Lc in the MAC is the byte that was sent. */
    if (!command_in(apdu, *len, &c))
        return MM_SW_6700_WRONG_LENGTH;
    protected = (card->channel->session.scp.level & MM_SCP_C_MAC) != 0;
    if (!(mm_card_class_basic(apdu[0]) & CLA_SM))
        return mm_session_plain(card, c.header, false, c.data, c.len);
    sw = mm_session_unwrap(card, owner, &c);
    if (sw != MM_SW_9000_NO_ERROR || !protected)
        return sw;
    apdu[0] = (uint8_t)(apdu[0] & ~((apdu[0] & 0x40) != 0 ? CLA_SM_FURTHER : CLA_SM));
    apdu[4] = (uint8_t)c.len;
    *len = CDATA_OFF + c.len;
    return sw;
}

/* SecureChannel.wrap: data ends with the two bytes of the status word, which are taken off. */
static uint16_t wrap(void *ctx, mm_comp owner, uint8_t *data, size_t *len, size_t cap)
{
    struct mm_card *card = ctx;
    size_t n = *len - 2;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    if (is_aborted_for(card, owner))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (*len < 2 || cap < *len)
        return MM_SW_6700_WRONG_LENGTH;
    if (is_open_for(card, owner))
        sw = mm_session_wrap(card, data, &n, cap, mm_be16(data + n));
    if (sw == MM_SW_9000_NO_ERROR)
        *len = n;
    return sw;
}

static uint16_t crypt_data(struct mm_card *card, mm_comp owner, bool encrypt, uint8_t *data,
                           size_t *len)
{
    if (!is_open_for(card, owner) && !is_personalised(card, owner))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (*len == 0 || *len % mm_scp_block(card->channel->session.scp.protocol) != 0)
        return MM_SW_6700_WRONG_LENGTH;
    return mm_scp_data(&card->channel->session.scp, encrypt, data, *len, data) == MM_OK
               ? MM_SW_9000_NO_ERROR
               : MM_SW_6581_MEMORY_FAILURE;
}

static uint16_t decrypt_data(void *ctx, mm_comp owner, uint8_t *data, size_t *len)
{
    return crypt_data(ctx, owner, false, data, len);
}

static uint16_t encrypt_data(void *ctx, mm_comp owner, uint8_t *data, size_t *len)
{
    return crypt_data(ctx, owner, true, data, len);
}

/* SecureChannelx.setSecurityLevel: what the host established stays the least (GPCS 10.1.2). */
static uint16_t set_security_level(void *ctx, mm_comp owner, uint8_t level)
{
    struct mm_card *card = ctx;
    struct mm_session *s = &card->channel->session;
    uint8_t wanted = level & 0x3f;

    if (!is_open_for(card, owner) || (wanted & s->scp.level) != s->scp.level ||
        !mm_scp_level_allowed(s->scp.protocol, s->scp.i, wanted))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    s->scp.level = wanted;
    return MM_SW_9000_NO_ERROR;
}

static void reset_security(void *ctx, mm_comp owner)
{
    struct mm_card *card = ctx;

    if (card->channel->session.owner == owner)
        mm_session_end(&card->channel->session);
}

static uint8_t security_level(void *ctx, mm_comp owner)
{
    const struct mm_card *card = ctx;

    const struct mm_session *s = &card->channel->session;

    /* SecureChannel.AUTHENTICATED 80, or NO_SECURITY_LEVEL 00. In SCP11b the host is not. */
    return is_open_for(card, owner) || is_personalised(card, owner)
               ? (uint8_t)((s->authenticated ? 0x80 : 0x00) | s->scp.level)
               : 0;
}

static uint8_t card_state(void *ctx)
{
    return mm_card_state(ctx);
}

/* GPSystem.lockCard, terminateCard: for who holds the privilege. */
static bool set_card_state(void *ctx, mm_comp owner, uint8_t state)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, owner);
    enum mm_privilege privilege =
        state == MM_STATE_CARD_LOCKED ? MM_PRIV_CARD_LOCK : MM_PRIV_CARD_TERMINATE;

    if (e == NULL || e->kind != MM_COMP_APPLET || !mm_priv_has(e->privileges, privilege))
        return false;
    return mm_card_set_state(card, state) == MM_OK;
}

static uint8_t card_content_state(void *ctx, mm_comp owner)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, owner);

    return e == NULL ? 0 : mm_reg_state(&card->registry, e);
}

/* As GPRegistryEntry.setState of one's own entry: own states, or LOCKED. */
static bool set_card_content_state(void *ctx, mm_comp owner, uint8_t state)
{
    return mm_entry_set_state(ctx, owner, owner, state);
}

void mm_services_init(struct mm_card *card)
{
    card->apdu_services = (struct mm_apdu_services){.wait_extension = wait_extension};
    card->gp = (struct mm_gp_services){
        .ctx = card,
        .channel = {.process_security = process_security,
                    .unwrap = unwrap,
                    .wrap = wrap,
                    .decrypt_data = decrypt_data,
                    .encrypt_data = encrypt_data,
                    .set_security_level = set_security_level,
                    .reset_security = reset_security,
                    .security_level = security_level},
        .card_state = card_state,
        .historical_bytes = mm_card_historical,
        .set_historical = mm_card_set_historical,
        .set_card_state = set_card_state,
        .card_content_state = card_content_state,
        .set_card_content_state = set_card_content_state,
        .entry_find = mm_entry_find,
        .entry_get = mm_entry_get,
        .entry_set_state = mm_entry_set_state,
        .cl = &mm_cl_services,
        .entry_service = mm_entry_service,
        .service_find = mm_entry_service_find,
        .upgrade = mm_upgrade_phase,
        .cvm_get = mm_cvm_get,
        .cvm_update = mm_cvm_update,
        .cvm_set_limit = mm_cvm_set_limit,
        .cvm_block = mm_cvm_block,
        .cvm_reset = mm_cvm_reset,
        .cvm_verify = mm_cvm_verify,
    };
    card->services = (struct mm_vm_services){
        .ctx = card,
        .register_applet = register_applet,
        .find_applet = find_applet,
        .applet_aid = applet_aid,
        .applet_selected = applet_selected,
        .applet_elsewhere = applet_elsewhere,
        .selecting = selecting,
        .reselecting = reselecting,
        .channel = channel,
        .random = service_random,
        .apdu = &card->apdu_services,
        .gp = &card->gp,
    };
}
