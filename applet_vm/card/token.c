/*
 * Whose order it is (GPCS 2.3.1, 9.1.3, C.4, C.5): tokens by which the issuer lets a domain manage
 * content, and the receipts that tell him what it did. The domain with Token Verification checks tokens
 * with its key 70, the one with Receipt Generation makes receipts with its key 71.
 */
#include "applet_vm/card/content_int.h"

#include "applet_vm/base/ber.h"

#include <string.h>

#include <openssl/evp.h>

void mm_put_aid_lv(struct mm_buf *out, const struct mm_aid *aid)
{
    mm_buf_u8(out, aid->len);
    mm_buf_bytes(out, aid->bytes, aid->len);
}

static mm_comp holder_of(const struct mm_card *card, enum mm_privilege privilege)
{
    const struct mm_reg_entry *e = mm_priv_holder(card, privilege);

    return e != NULL ? e->comp : 0;
}

/* P1, P2, length and data without the token (C.4); a length above 255 as in extended commands. */
static void signed_data(const struct mm_order *order, struct mm_buf *out)
{
    mm_buf_u8(out, order->p1);
    mm_buf_u8(out, order->p2);
    if (order->data_len > 0xff) {
        mm_buf_u8(out, 0);
        mm_buf_u16(out, (uint16_t)order->data_len);
    } else {
        mm_buf_u8(out, (uint8_t)order->data_len);
    }
    mm_buf_bytes(out, order->data, order->data_len);
}

uint16_t mm_token_check(const struct mm_card *card, const struct mm_order *order)
{
    mm_comp actor = mm_domain_current(card);
    struct mm_buf message;
    enum mm_status st;

    if (mm_domain_may(card, actor, MM_PRIV_AUTHORIZED_MANAGEMENT))
        return MM_SW_9000_NO_ERROR;
    if (!mm_domain_may(card, actor, MM_PRIV_DELEGATED_MANAGEMENT) || order->token_len == 0)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    mm_buf_init(&message);
    signed_data(order, &message);
    st = message.bad
             ? MM_NO_MEMORY
             : mm_signature_check(card, holder_of(card, MM_PRIV_TOKEN_VERIFICATION), MM_KVN_TOKEN,
                                  message.data, message.len, order->token, order->token_len);
    mm_buf_clear(&message);
    if (st == MM_NOT_FOUND)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (st == MM_AUTH)
        return MM_SW_6982_SECURITY_STATUS;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("token", st);
}

/* ---- Receipts ---- */

uint16_t mm_confirmation_counter(const struct mm_card *card)
{
    size_t len = 0;
    const uint8_t *platform = mm_rec_data(card->nvm, MM_KEY_PLATFORM, &len);

    return len >= MM_PLATFORM_LEN ? mm_be16(platform + MM_PLATFORM_CONFIRMATIONS) : 0;
}

/* Issuer and card number: which card it was. */
static void card_unique(const struct mm_card *card, struct mm_buf *out)
{
    struct mm_buf numbers;

    mm_buf_init(&numbers);
    mm_isd_numbers(card, &numbers);
    mm_buf_u8(out, (uint8_t)numbers.len);
    mm_buf_bytes(out, numbers.data, numbers.len);
    out->bad |= numbers.bad;
    mm_buf_clear(&numbers);
}

/* Confirmation data (table 11-56): counter, card, and whose token it was. */
static void confirmation_data(const struct mm_card *card, const struct mm_order *order,
                              uint16_t counter, struct mm_buf *out)
{
    mm_buf_u8(out, 2);
    mm_buf_u16(out, counter);
    card_unique(card, out);
    if (order->token_id_len > 0) {
        mm_buf_u8(out, (uint8_t)order->token_id_len);
        mm_buf_bytes(out, order->token_id, order->token_id_len);
    }
}

static enum mm_status count(struct mm_card *card, uint16_t counter)
{
    uint8_t bytes[2];

    mm_put_be16(bytes, counter);
    return mm_rec_write(card->nvm, MM_KEY_PLATFORM, MM_PLATFORM_CONFIRMATIONS, bytes, 2);
}

enum mm_status mm_receipt_put(struct mm_card *card, const struct mm_order *order,
                              const struct mm_buf *context, struct mm_buf *out)
{
    uint16_t counter = (uint16_t)(mm_confirmation_counter(card) + 1);
    mm_comp maker = holder_of(card, MM_PRIV_RECEIPT_GENERATION);
    struct mm_buf confirmation, message, receipt;
    enum mm_status st = MM_NOT_FOUND;

    if (!mm_domain_may(card, mm_domain_current(card), MM_PRIV_DELEGATED_MANAGEMENT)) {
        mm_buf_u8(out, 0x00);
        return MM_OK;
    }
    mm_buf_init(&confirmation);
    mm_buf_init(&message);
    mm_buf_init(&receipt);
    confirmation_data(card, order, counter, &confirmation);
    mm_buf_bytes(&message, confirmation.data, confirmation.len);
    mm_buf_bytes(&message, context->data, context->len);
    if (confirmation.bad || message.bad || context->bad)
        st = MM_NO_MEMORY;
    else
        st = mm_signature_make(card, maker, MM_KVN_RECEIPT, message.data, message.len, &receipt);
    if (st == MM_OK) {
        mm_ber_put_len(out, receipt.len + confirmation.len);
        mm_buf_bytes(out, receipt.data, receipt.len);
        mm_buf_bytes(out, confirmation.data, confirmation.len);
        st = receipt.bad ? MM_NO_MEMORY : count(card, counter);
    } else if (st == MM_NOT_FOUND) { /* the issuer wants none */
        mm_buf_u8(out, 0x00);
        st = MM_OK;
    }
    mm_buf_clear(&receipt);
    mm_buf_clear(&message);
    mm_buf_clear(&confirmation);
    return st;
}
