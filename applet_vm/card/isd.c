/*
 * The issuer security domain (GPCS 2.3.1, 11): its secure channel, its keys, and which command may
 * run when. Content management needs an open session with C-MAC; enrolment C-DECRYPTION as well.
 */
#include "applet_vm/card/card_int.h"

#define CLA_SM 0x04 /* GlobalPlatform secure messaging (GPCS 11.1.4) */

/* ---- Secure channel commands ---- */
static uint16_t initialize_update(struct mm_card *card, const struct mm_apdu *apdu)
{
    uint8_t answer[MM_SCP_INIT_ANSWER_MAX];
    size_t answer_len = 0;
    uint16_t sw;

    if (apdu->p2 != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    mm_content_load_drop(card);
    mm_isd_store_drop(card);
    sw = mm_session_init_update(card, mm_domain_current(card), apdu->p1, apdu->data, apdu->data_len,
                                answer, &answer_len);
    if (sw == MM_SW_9000_NO_ERROR)
        mm_buf_bytes(&card->out, answer, answer_len);
    return sw;
}

/* The command's data, copied to where it may be changed. */
static bool copy_data(struct mm_card *card, const struct mm_apdu *apdu)
{
    card->work.len = 0;
    mm_buf_bytes(&card->work, apdu->data, apdu->data_len);
    return !card->work.bad;
}

static uint16_t external_authenticate(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_scp_command c = {.header = {apdu->cla, apdu->ins, apdu->p1, apdu->p2},
                               .extended = apdu->extended};

    if (apdu->p2 != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    if (!copy_data(card, apdu))
        return MM_SW_6A84_FILE_FULL;
    c.data = card->work.data;
    c.len = card->work.len;
    return mm_session_authenticate(card, mm_domain_current(card), &c);
}

/* ---- Dispatch ---- */
enum need { NEED_NOTHING, NEED_SESSION, NEED_MAC, NEED_ENCRYPTION };

/* The chip's own commands are the issuer's. */
static uint16_t enrol(struct mm_card *card, const struct mm_apdu *apdu)
{
    if (mm_domain_current(card) != 0)
        return MM_SW_6D00_INS_NOT_SUPPORTED;
    return mm_integrity_enrol(card->integrity, apdu->ins, apdu->p1, apdu->p2, apdu->data,
                              apdu->data_len, &card->out);
}

static uint16_t begin_rmac(struct mm_card *card, const struct mm_apdu *apdu)
{
    return mm_session_begin_rmac(card, apdu->p1, apdu->p2, apdu->data, apdu->data_len);
}

static uint16_t end_rmac(struct mm_card *card, const struct mm_apdu *apdu)
{
    return mm_session_end_rmac(card, apdu->p1, apdu->p2, apdu->data_len);
}

/* With its first keys of its own a supplementary domain is ready for its work (GPCS 5.3.2.3). */
static uint16_t put_key(struct mm_card *card, const struct mm_apdu *apdu)
{
    mm_comp domain = mm_domain_current(card);
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, domain);
    enum mm_status st;
    uint16_t sw;

    if (domain == 0 || e == NULL)
        return mm_isd_put_key(card, apdu);
    st = mm_tx_begin(card->nvm);
    if (st != MM_OK)
        return mm_card_failure("put key", st);
    sw = mm_isd_put_key(card, apdu);
    if (sw == MM_SW_9000_NO_ERROR && mm_domain_of_keys(card, domain) == domain &&
        mm_reg_state(&card->registry, e) == MM_STATE_SELECTABLE)
        st = mm_reg_set_state(&card->registry, e, MM_STATE_PERSONALIZED);
    if (sw == MM_SW_9000_NO_ERROR && st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (sw == MM_SW_9000_NO_ERROR && st == MM_OK)
        return sw;
    mm_vm_tx_abort(card->vm);
    return st == MM_OK ? sw : mm_card_failure("put key", st);
}

static const struct handler {
    uint8_t ins;
    enum need need;
    bool when_locked; /* in card state CARD_LOCKED as well (GPCS 5.1.1.4) */
    uint16_t (*run)(struct mm_card *card, const struct mm_apdu *apdu);
} handlers[] = {
    {MM_INS_ISD_GET_DATA, NEED_NOTHING, true, mm_isd_get_data},
    {MM_INS_ISD_GET_STATUS, NEED_SESSION, true, mm_isd_get_status},
    {MM_INS_ISD_INSTALL, NEED_MAC, false, mm_content_install},
    {MM_INS_ISD_LOAD, NEED_MAC, false, mm_content_load},
    {MM_INS_ISD_DELETE, NEED_MAC, false, mm_content_delete},
    {MM_INS_ISD_MANAGE_ELF_UPGRADE, NEED_MAC, false, mm_content_upgrade},
    {MM_INS_ISD_PUT_KEY, NEED_MAC, false, put_key},
    {MM_INS_ISD_SET_STATUS, NEED_MAC, true, mm_isd_set_status},
    {MM_INS_ISD_STORE_DATA, NEED_MAC, false, mm_isd_store_data},
    {MM_INS_ISD_BEGIN_RMAC_SESSION, NEED_SESSION, true, begin_rmac},
    {MM_INS_ISD_END_RMAC_SESSION, NEED_SESSION, true, end_rmac},
    {MM_INS_ISD_GENERATE_ATTESTATION_KEY, NEED_ENCRYPTION, false, enrol},
    {MM_INS_ISD_PUT_CERTIFICATE, NEED_ENCRYPTION, false, enrol},
    {MM_INS_ISD_PUT_PAIRING_KEY, NEED_ENCRYPTION, false, enrol},
};

static bool allowed(const struct mm_card *card, enum need need)
{
    const struct mm_session *s = &card->channel->session;
    bool open =
        s->state == MM_SESSION_OPEN && s->owner == mm_domain_current(card) && s->authenticated;

    switch (need) {
    case NEED_NOTHING:
        return true;
    case NEED_SESSION:
        return open;
    case NEED_MAC:
        return open && (s->scp.level & MM_SCP_C_MAC);
    case NEED_ENCRYPTION:
        return open && (s->scp.level & MM_SCP_C_MAC) && (s->scp.level & MM_SCP_C_DEC);
    }
    return false;
}

static uint16_t run(struct mm_card *card, const struct mm_apdu *apdu)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].ins != apdu->ins)
            continue;
        if (apdu->ins != MM_INS_ISD_PUT_KEY) /* what came of one in parts is not gone on with */
            mm_buf_clear(&card->channel->session.key_data);
        if (!allowed(card, handlers[i].need))
            return MM_SW_6982_SECURITY_STATUS;
        if (mm_card_state(card) == MM_STATE_CARD_LOCKED && !handlers[i].when_locked)
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
        return handlers[i].run(card, apdu);
    }
    return MM_SW_6D00_INS_NOT_SUPPORTED;
}

/* Remove secure messaging into plain; the session ends when it is wrong or missing. */
static uint16_t unwrap(struct mm_card *card, const struct mm_apdu *apdu, struct mm_apdu *plain)
{
    struct mm_scp_command c = {.header = {apdu->cla, apdu->ins, apdu->p1, apdu->p2},
                               .extended = apdu->extended};
    uint16_t sw;

    *plain = *apdu;
    if (!(apdu->cla & CLA_SM))
        return mm_session_plain(card, c.header, c.extended, apdu->data, apdu->data_len);
    if (!copy_data(card, apdu))
        return MM_SW_6A84_FILE_FULL;
    c.data = card->work.data;
    c.len = card->work.len;
    sw = mm_session_unwrap(card, mm_domain_current(card), &c);
    plain->cla = (uint8_t)(apdu->cla & ~CLA_SM);
    plain->data = c.data;
    plain->data_len = c.len;
    return sw;
}

/* Protect the answer as the session's level says, if there is one. */
static uint16_t wrap(struct mm_card *card, uint16_t sw)
{
    static const uint8_t room[MM_SCP_OVERHEAD];
    size_t len = card->out.len;
    uint16_t wrapped;

    mm_buf_bytes(&card->out, room, sizeof(room));
    if (card->out.bad)
        return MM_SW_6A84_FILE_FULL;
    wrapped = mm_session_wrap(card, card->out.data, &len, card->out.len, sw);
    card->out.len = len;
    return wrapped == MM_SW_9000_NO_ERROR ? sw : wrapped;
}

/* Commands that have an interindustry class as well: GET DATA (GPCS 11.3.1), and STORE DATA, which hosts
 * of SCP11 send with it. */
static bool interindustry(uint8_t ins)
{
    return ins == MM_INS_ISD_GET_DATA || ins == MM_INS_ISD_STORE_DATA;
}

uint16_t mm_isd_command(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_apdu plain;
    uint16_t sw;

    if (mm_scp11_is_command(apdu->cla, apdu->ins))
        return mm_scp11_command(card, mm_domain_current(card), apdu, &card->out);
    if ((apdu->cla & ~CLA_SM) == 0x00 && !interindustry(apdu->ins))
        return apdu->cla == 0x00 ? MM_SW_6D00_INS_NOT_SUPPORTED : MM_SW_6E00_CLA_NOT_SUPPORTED;
    if ((apdu->cla & 0x7f & ~CLA_SM) != 0x00)
        return MM_SW_6E00_CLA_NOT_SUPPORTED;
    if (apdu->cla == 0x00 && apdu->ins == MM_INS_ISD_GET_DATA)
        return mm_isd_get_data(card, apdu);
    if (apdu->ins == MM_INS_ISD_INITIALIZE_UPDATE && apdu->cla == 0x80)
        return initialize_update(card, apdu);
    if (apdu->ins == MM_INS_ISD_EXTERNAL_AUTHENTICATE)
        return apdu->cla & CLA_SM ? external_authenticate(card, apdu)
                                  : MM_SW_6E00_CLA_NOT_SUPPORTED;
    sw = unwrap(card, apdu, &plain);
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    sw = run(card, &plain);
    if (sw != MM_SW_9000_NO_ERROR && sw >> 8 != 0x62 && sw >> 8 != 0x63)
        card->out.len = 0; /* what a command wrote before it failed is no answer */
    return wrap(card, sw);
}
