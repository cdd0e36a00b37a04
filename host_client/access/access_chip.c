/* A chip inside this process: an image, opened here and powered while the connection lasts. */
#include "host_client/access/access_int.h"

#include <stdlib.h>
#include <string.h>

#include "applet_vm/card/card.h"

struct chip {
    struct mm_card *card;
    uint8_t answer[MM_RESPONSE_MAX];
};

static void copy_atr(struct mm_access *a, const struct mm_card *card)
{
    size_t len = 0;
    const uint8_t *atr = mm_card_atr(card, &len);

    a->atr_len = len < sizeof(a->atr) ? len : sizeof(a->atr);
    memcpy(a->atr, atr, a->atr_len);
}

static enum mm_status chip_transmit(struct mm_access *a, const uint8_t *apdu, size_t apdu_len,
                                    unsigned ms, struct mm_buf *resp, struct mm_err *err)
{
    struct chip *c = a->ctx;
    size_t len = sizeof(c->answer);

    (void)ms; /* bounded by the chip's own step budget */
    (void)err;
    mm_card_transmit(c->card, apdu, apdu_len, c->answer, &len);
    mm_buf_bytes(resp, c->answer, len);
    return MM_OK;
}

static enum mm_status chip_reset(struct mm_access *a, unsigned ms, struct mm_err *err)
{
    struct chip *c = a->ctx;

    (void)ms;
    (void)err;
    mm_card_reset(c->card);
    copy_atr(a, c->card);
    return MM_OK;
}

static void chip_close(struct mm_access *a)
{
    struct chip *c = a->ctx;

    mm_card_power_off(c->card);
    mm_card_close(&c->card);
    free(c);
    a->ctx = NULL;
}

static const struct mm_access_ops chip_ops = {
    .transmit = chip_transmit,
    .reset = chip_reset,
    .begin = mm_access_begin_none,
    .end = mm_access_end_none,
    .close = chip_close,
};

enum mm_status mm_access_open_chip(struct mm_access *a, const char *path, struct mm_err *err)
{
    struct mm_card_config cfg = {.nvm = {.path = path}};
    struct chip *c;
    enum mm_status st;

    if (path[0] == '\0')
        return mm_fail(err, MM_USAGE, SIZE_MAX, "chip: needs the path of an image");
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = mm_card_open(&cfg, &c->card, err);
    if (st != MM_OK) {
        free(c);
        if (st == MM_NOT_FOUND) /* to a program above, no image is no card */
            st = mm_fail(err, MM_NO_READER, SIZE_MAX, "no chip image at %s", path);
        return st;
    }
    mm_card_power_on(c->card);
    a->ops = &chip_ops;
    a->ctx = c;
    copy_atr(a, c->card);
    return MM_OK;
}
