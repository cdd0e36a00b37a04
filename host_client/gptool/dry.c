/* mintmark-gp: commands that depend on what the card answers, and how a dry run shows them. */
#include <string.h>

#include "host_client/gp/gp_int.h"
#include "host_client/gptool/gptool.h"

/* ---- Without a card ---- */

/* Under the DEK where it is a key in hand, which in SCP03 it is. */
static enum mm_status encrypt_dry(void *ctx, const uint8_t *data, size_t data_len, uint8_t *out,
                                  struct mm_err *err)
{
    const struct mm_gptool_card *card = ctx;

    if (card->keys != NULL)
        return card->keys->ops->cbc(card->keys->ctx, MM_GP_KEY_DEK, data, data_len, out, err);
    memset(out, card->unknown, data_len);
    return MM_OK;
}

static enum mm_status open_dry(struct mm_gptool *tool, struct mm_gptool_card *card,
                               struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    struct mm_gp_key_card choice = {.scp = 0x03};
    bool in_hand = opt->source == MM_GPTOOL_GIVEN || opt->source == MM_GPTOOL_TEST_KEYS;
    enum mm_status st;

    *card = (struct mm_gptool_card){.scp = opt->scp != 0 ? opt->scp : 0x03, .encrypt = encrypt_dry};
    card->ctx = card;
    if (!in_hand || card->scp != 0x03 || opt->diversify != MM_GP_DIVERSIFY_NONE ||
        opt->new_diversify != MM_GP_DIVERSIFY_NONE)
        return MM_OK;
    st = mm_gptool_open_keys(opt, &tool->keys, err);
    card->keys = tool->keys;
    return st == MM_OK ? card->keys->ops->choose(card->keys->ctx, &choice, err) : st;
}

/* One command of two lists. One that has unknown bytes stands behind a #, as nothing can send it. */
static void print_both(FILE *out, const uint8_t *a, const uint8_t *b, size_t len)
{
    bool known = memcmp(a, b, len) == 0;

    fputs(known ? "" : "# ", out);
    for (size_t i = 0; i < len; i++) {
        if (a[i] == b[i])
            fprintf(out, "%02X", a[i]);
        else
            fputs("??", out);
    }
    fprintf(out, "  # %s%s\n", mm_gp_command_name(a, len), known ? "" : "; ?? depends on the card");
}

static enum mm_status show_dry(struct mm_gptool *tool, mm_gptool_make make, const void *arg,
                               struct mm_err *err)
{
    struct mm_gptool_card card;
    struct mm_buf list[2];
    size_t off[2] = {0}, len[2];
    const uint8_t *apdu[2];
    enum mm_status st = open_dry(tool, &card, err);

    mm_buf_init(&list[0]);
    mm_buf_init(&list[1]);
    card.unknown = 0x55;
    if (st == MM_OK)
        st = make(tool, &card, arg, &list[0], err);
    card.unknown = 0xaa;
    if (st == MM_OK)
        st = make(tool, &card, arg, &list[1], err);
    while (st == MM_OK && (apdu[0] = mm_gp_list_next(&list[0], &off[0], &len[0])) != NULL &&
           (apdu[1] = mm_gp_list_next(&list[1], &off[1], &len[1])) != NULL)
        print_both(tool->out, apdu[0], apdu[1], len[0] < len[1] ? len[0] : len[1]);
    mm_buf_clear(&list[0]);
    mm_buf_clear(&list[1]);
    return st;
}

/* ---- With one ---- */

enum mm_status mm_gptool_make_and_send(struct mm_gptool *tool, mm_gptool_make make, const void *arg,
                                       struct mm_err *err)
{
    struct mm_gptool_card card = {.encrypt = mm_gp_encrypt};
    struct mm_buf list;
    enum mm_status st;

    if (tool->opt->dry_run)
        return show_dry(tool, make, arg, err);
    st = tool->session == NULL ? mm_gptool_connect(tool, true, err) : MM_OK;
    if (st != MM_OK)
        return st;
    card.ctx = tool->session;
    card.scp = mm_gp_session_scp(tool->session);
    mm_buf_init(&list);
    st = make(tool, &card, arg, &list, err);
    if (st == MM_OK)
        st = mm_gptool_send(tool, &list, err);
    mm_buf_clear(&list);
    return st;
}
