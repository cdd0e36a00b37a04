/*
 * APDU scripts: parse, run, report. The format is docs/man/mintmark-apdu.5:
 *
 *   # a comment
 *   reset
 *   select purse => 9000
 *   80 4E 00 00 04 => ........ 9000
 *
 * Parsing does no I/O; running goes through card access only.
 */
#ifndef MM_APDU_H
#define MM_APDU_H

#include <stdio.h>

#include "applet_vm/base/base.h"

#define MM_SCRIPT_MAX_LEN  (4u << 20) /* a script file */
#define MM_SCRIPT_APDU_MAX 65544      /* header, extended Lc, 65,535 bytes, extended Le */

/* What must come. Data is head, then (only with a star) any bytes, then tail; each byte is compared
 * under its mask, so a '.' in the script lets a half byte be anything. */
struct mm_expect {
    bool given;    /* false: any answer will do */
    bool any_data; /* only a status word was written */
    bool star;
    uint8_t *value, *mask; /* owned; head then tail */
    size_t head_len, tail_len;
    uint16_t sw, sw_mask;
};

enum mm_step_kind { MM_STEP_APDU, MM_STEP_RESET };
struct mm_step {
    enum mm_step_kind kind;
    unsigned line; /* from 1 */
    uint8_t *apdu; /* owned; select is an APDU by the time it is here */
    size_t apdu_len;
    struct mm_expect expect;
};
struct mm_script {
    struct mm_step *steps; /* owned */
    size_t step_n;
};

/*
 * text     borrowed; need not end with NUL
 * out      owned by the caller on MM_OK (mm_script_clear); empty otherwise
 * err      off is the line, text says what was found and expected (without the line)
 */
enum mm_status mm_script_parse(const char *text, size_t text_len, struct mm_script *out,
                               struct mm_err *err) MM_USE_RESULT;
void mm_script_clear(struct mm_script *script);

/* resp: data and status word, as mm_access_send gives it. */
bool mm_expect_match(const struct mm_expect *expect, const uint8_t *resp, size_t resp_len);
/* The expectation, the step, as a script line without its end; what mm_script_parse reads back. */
void mm_expect_text(const struct mm_expect *expect, struct mm_buf *out);
void mm_step_text(const struct mm_step *step, struct mm_buf *out);

/* Where results go, and how many there were. Start with out and tap set, the counts zero. */
struct mm_report {
    FILE *out;
    bool tap;
    size_t passed, failed;
};
struct mm_access;
/*
 * Run all steps; a missed expectation is counted and reported as "name:line: ...", and the run goes
 * on. A status other than MM_OK is a failure of the reader or card, not of an expectation.
 */
enum mm_status mm_script_run(const struct mm_script *script, const char *name,
                             struct mm_access *access, struct mm_report *report,
                             struct mm_err *err) MM_USE_RESULT;
/* The last lines: the plan (TAP) and "N passed, N failed". */
void mm_report_end(const struct mm_report *report);

/* Interactive: script lines and a few commands of its own, from in, until its end or "quit". */
enum mm_status mm_apdu_shell(struct mm_access *access, FILE *in, FILE *out,
                             struct mm_err *err) MM_USE_RESULT;

#endif
