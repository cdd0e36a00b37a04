/* Run a script against a card and report. */
#include <stdlib.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/apdu/apdu.h"

static void put_answer(FILE *out, const uint8_t *resp, size_t resp_len)
{
    uint16_t sw = mm_be16(resp + resp_len - 2);

    for (size_t i = 0; i < resp_len - 2; i++)
        fprintf(out, "%02X", resp[i]);
    fprintf(out, "%s%04X (%s)", resp_len > 2 ? " " : "", sw, mm_sw_text(sw));
}

/* One test point. */
static void report_step(struct mm_report *report, const char *name, const struct mm_step *step,
                        const struct mm_buf *resp)
{
    bool ok = mm_expect_match(&step->expect, resp->data, resp->len);
    struct mm_buf text;

    report->passed += ok;
    report->failed += !ok;
    mm_buf_init(&text);
    if (report->tap) {
        mm_step_text(step, &text);
        fprintf(report->out, "%s %zu - %s:%u: %.*s\n", ok ? "ok" : "not ok",
                report->passed + report->failed, name, step->line,
                (int)(text.len < 200 ? text.len : 200), (const char *)text.data);
        text.len = 0;
    }
    if (!ok) {
        mm_expect_text(&step->expect, &text);
        fprintf(report->out, "%s%s:%u: expected %.*s, got ", report->tap ? "# " : "", name,
                step->line, (int)text.len, (const char *)text.data);
        put_answer(report->out, resp->data, resp->len);
        fputc('\n', report->out);
    }
    mm_buf_clear(&text);
}

enum mm_status mm_script_run(const struct mm_script *script, const char *name,
                             struct mm_access *access, struct mm_report *report, struct mm_err *err)
{
    struct mm_buf resp;
    enum mm_status st = MM_OK;

    mm_buf_init(&resp);
    for (size_t i = 0; st == MM_OK && i < script->step_n; i++) {
        const struct mm_step *step = &script->steps[i];

        if (step->kind == MM_STEP_RESET)
            st = mm_access_reset(access, err);
        else
            st = mm_access_send(access, step->apdu, step->apdu_len, &resp, err);
        if (st != MM_OK)
            mm_err_prefix(err, "%s:%u", name, step->line);
        else if (step->expect.given)
            report_step(report, name, step, &resp);
    }
    mm_buf_clear(&resp);
    return st;
}

void mm_report_end(const struct mm_report *report)
{
    if (report->tap)
        fprintf(report->out, "1..%zu\n", report->passed + report->failed);
    fprintf(report->out, "%s%zu passed, %zu failed\n", report->tap ? "# " : "", report->passed,
            report->failed);
}
