/*
 * The answer to reset, and the historical bytes in it, which an application may change
 * (GPSystem.setATRHistBytes). The new ones are told from the next cold reset on.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

/*
 * Historical bytes of a new chip (ISO 7816-4, 12.1.1): 80 compact TLV; 31 card service data C0: selection
 * by full and partial name; 73 capabilities: the same, no write functions, extended length (40), channels
 * numbered by the card (10) or the host (08), more than seven of them (07); 64 "MINT" pre-issuing data.
 */
static const uint8_t initial[] = {0x80, 0x31, 0xc0, 0x73, 0xc0, 0x01,
                                  0x5f, 0x64, 0x4d, 0x49, 0x4e, 0x54};

/* Those of the image, or the initial ones. */
static const uint8_t *historical(const struct mm_card *card, size_t *len)
{
    const uint8_t *stored = mm_rec_data(card->nvm, MM_KEY_HISTORICAL, len);

    /* One byte says how many; a damaged record counts as none. */
    if (stored != NULL && *len == 1 + MM_HISTORICAL_MAX && stored[0] <= MM_HISTORICAL_MAX) {
        *len = stored[0];
        return stored + 1;
    }
    *len = sizeof(initial);
    return initial;
}

void mm_card_atr_make(struct mm_card *card)
{
    /* Contactless cards look the same (PC/SC 3.1.3.2.3.1). TS direct convention; T0: TD1 and how many
     * historical bytes; TD1: T=0, TD2 follows; TD2: T=1. TCK: exclusive-or from T0 on is 0. T=0 alone
     * has neither interface bytes nor TCK (ISO 7816-3, 8.2.5). */
    bool t0 = card->cfg.protocol == MM_PROTOCOL_T0;
    size_t len = 0, at = 0;
    const uint8_t *bytes = historical(card, &len);
    uint8_t *atr = card->atr;

    atr[at++] = 0x3b;
    atr[at++] = (uint8_t)((t0 ? 0x00 : 0x80) | len);
    if (!t0) {
        atr[at++] = 0x80;
        atr[at++] = 0x01;
    }
    card->historical_off = at;
    card->historical_len = len;
    memcpy(atr + at, bytes, len);
    at += len;
    if (!t0) {
        uint8_t check = 0;
        for (size_t i = 1; i < at; i++)
            check ^= atr[i];
        atr[at++] = check;
    }
    card->atr_len = at;
}

const uint8_t *mm_card_atr(const struct mm_card *card, size_t *len)
{
    *len = card->atr_len;
    return card->atr;
}

void mm_card_historical(void *ctx, uint8_t *out, size_t *len)
{
    const struct mm_card *card = ctx;

    if (*len > card->historical_len)
        *len = card->historical_len;
    memcpy(out, card->atr + card->historical_off, *len);
}

bool mm_card_set_historical(void *ctx, mm_comp owner, const uint8_t *bytes, size_t len)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, owner);
    uint8_t record[1 + MM_HISTORICAL_MAX] = {(uint8_t)len};
    enum mm_status st = MM_OK;

    if (e == NULL || !mm_priv_has(e->privileges, MM_PRIV_CARD_RESET) || len > MM_HISTORICAL_MAX)
        return false;
    if (len > 0)
        memcpy(record + 1, bytes, len);
    if (mm_rec_data(card->nvm, MM_KEY_HISTORICAL, NULL) == NULL)
        st = mm_rec_new(card->nvm, MM_KEY_HISTORICAL, 0, sizeof(record));
    if (st == MM_OK)
        st = mm_rec_write(card->nvm, MM_KEY_HISTORICAL, 0, record, sizeof(record));
    if (st != MM_OK)
        (void)mm_card_failure("historical bytes", st);
    return st == MM_OK;
}
