/* mintmark-gp: what the card confirms of delegated management, shown and verified. */
#include <jansson.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"
#include "host_client/gptool/gptool.h"

#define TEXT_MAX (2 * 255 + 1) /* a part's length is one byte */

enum mm_status mm_gptool_open_receipts(struct mm_gptool *tool, struct mm_err *err)
{
    if (tool->opt->receipt_key == NULL)
        return MM_OK;
    return mm_gptool_open_secret(tool->opt, "--receipt-key", tool->opt->receipt_key,
                                 &tool->receipt_key, err);
}

/* ---- Showing ---- */

struct row {
    const char *key, *name;
    struct mm_gp_part part;
};

static void show_text(const struct mm_gptool *tool, const char *command, const char *verdict,
                      const struct mm_gp_confirmation *c, const struct row *rows, size_t n)
{
    char hex[TEXT_MAX];

    fprintf(tool->out, "%-24s %s, %s\n  %-22s %u\n", "receipt", command, verdict, "counter",
            c->counter);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].part.data != NULL)
            fprintf(tool->out, "  %-22s %s\n", rows[i].name,
                    mm_hex(rows[i].part.data, rows[i].part.len, hex));
    }
}

static bool add_json(struct mm_gptool *tool, const char *command, json_t *verdict,
                     const struct mm_gp_confirmation *c, const struct row *rows, size_t n)
{
    json_t *o = json_pack("{s:s, s:o, s:i}", "command", command, "verified", verdict, "counter",
                          c->counter);
    bool good = o != NULL;
    char hex[TEXT_MAX];

    for (size_t i = 0; i < n; i++) {
        if (rows[i].part.data != NULL)
            good &= json_object_set_new(
                        o, rows[i].key,
                        json_string(mm_hex(rows[i].part.data, rows[i].part.len, hex))) == 0;
    }
    return json_array_append_new(tool->confirmations, o) == 0 && good;
}

/* st: of the verification, MM_NOT_FOUND where no key was given. */
static enum mm_status show(struct mm_gptool *tool, const char *command, enum mm_status st,
                           const struct mm_gp_confirmation *c, struct mm_err *err)
{
    const struct row rows[] = {{"card", "card", c->card},
                               {"token_identifier", "token identifier", c->token_id},
                               {"token_digest", "token digest", c->token_digest},
                               {"receipt", "MAC", c->receipt}};
    size_t n = sizeof(rows) / sizeof(rows[0]);
    json_t *verdict;

    if (tool->confirmations == NULL) {
        show_text(tool, command,
                  st == MM_OK          ? "verified"
                  : st == MM_NOT_FOUND ? "not verified (no --receipt-key)"
                                       : "WRONG",
                  c, rows, n);
        return MM_OK;
    }
    verdict = st == MM_NOT_FOUND ? json_null() : json_boolean(st == MM_OK);
    return add_json(tool, command, verdict, c, rows, n)
               ? MM_OK
               : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

/* ---- Watching ---- */

static enum mm_status confirm(struct mm_gptool *tool, const char *command,
                              const struct mm_buf *resp, const struct mm_buf *context,
                              struct mm_err *err)
{
    struct mm_gp_confirmation c;
    enum mm_status shown, st = mm_gp_confirmation_read(resp->data, resp->len, &c, err);

    if (st == MM_NOT_FOUND && tool->receipt_key == NULL)
        return MM_OK;
    if (st == MM_NOT_FOUND)
        return mm_fail(err, MM_REFUSED, SIZE_MAX,
                       "%s was carried out, but no receipt came; --receipt-key asks for one",
                       command);
    if (st != MM_OK)
        return st;
    st = tool->receipt_key != NULL ? mm_gp_receipt_check(&c, context, tool->receipt_key, err)
                                   : MM_NOT_FOUND;
    shown = show(tool, command, st, &c, err);
    if (st != MM_OK && st != MM_NOT_FOUND) {
        mm_err_prefix(err, "%s was carried out, but", command);
        return st;
    }
    return shown;
}

static enum mm_status look_at(void *ctx, const uint8_t *apdu, size_t apdu_len,
                              const struct mm_buf *resp, uint16_t sw, struct mm_err *err)
{
    struct mm_gptool *tool = ctx;
    struct mm_buf context;
    enum mm_status st = MM_OK;

    if (sw != MM_SW_9000_NO_ERROR)
        return MM_OK;
    mm_buf_init(&context);
    if (mm_gp_orders_follow(&tool->orders, apdu, apdu_len, &context))
        st = confirm(tool, mm_gp_command_name(apdu, apdu_len), resp, &context, err);
    mm_buf_clear(&context);
    return st;
}

/* The registry's word on where something is. */
static void note_domain(void *ctx, const struct mm_gp_item *entry)
{
    struct mm_gp_orders *orders = ctx;

    if (mm_aid_equal(&entry->aid, &orders->moves))
        orders->from = entry->domain;
}

enum mm_status mm_gptool_note_domain(struct mm_gptool *tool, const struct mm_aid *aid,
                                     struct mm_err *err)
{
    enum mm_status st;

    tool->orders.moves = *aid;
    if (tool->receipt_key == NULL && tool->opt->receipt_key == NULL)
        return MM_OK;
    st = tool->session == NULL ? mm_gptool_connect(tool, true, err) : MM_OK;
    return st == MM_OK ? mm_gp_registry(tool->session, note_domain, &tool->orders, err) : st;
}

enum mm_status mm_gptool_watch(struct mm_gptool *tool, struct mm_err *err)
{
    if (!tool->confirms)
        return MM_OK;
    tool->orders.domain = *mm_gp_domain(tool->session);
    mm_gp_set_answered(tool->session, look_at, tool);
    if (!tool->opt->json || tool->confirmations != NULL)
        return MM_OK;
    tool->confirmations = json_array();
    return tool->confirmations != NULL ? MM_OK
                                       : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

enum mm_status mm_gptool_end_receipts(struct mm_gptool *tool, struct mm_err *err)
{
    json_t *o;
    bool good;

    mm_gp_secret_free(&tool->receipt_key);
    if (tool->confirmations == NULL)
        return MM_OK;
    o = json_pack("{s:o}", "confirmations", tool->confirmations);
    tool->confirmations = NULL;
    good =
        o != NULL && json_dumpf(o, tool->out, JSON_INDENT(2)) == 0 && fputc('\n', tool->out) != EOF;
    json_decref(o);
    return good ? MM_OK : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "the receipts could not be written");
}
