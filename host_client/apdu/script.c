/* The script parser. A line is: [statement [arrow expectation]] [# comment]. */
#include "host_client/apdu/apdu.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/access/trace.h"

#define STEPS_MAX  100000
#define WORD_SHOWN 24 /* how much of a wrong word an error repeats */

/* One line, or a part of it. */
struct span {
    const char *p;
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
    while (s.len > 0 && is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

/* Cut the next word off the front. */
static struct span take_word(struct span *s)
{
    struct span word;

    *s = trim(*s);
    word = (struct span){s->p, 0};
    while (word.len < s->len && !is_blank(s->p[word.len]))
        word.len++;
    s->p += word.len;
    s->len -= word.len;
    return word;
}

static bool is_word(struct span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.p, word, s.len) == 0;
}

static int shown(struct span s)
{
    return (int)(s.len < WORD_SHOWN ? s.len : WORD_SHOWN);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- Bytes ---- */

static enum mm_status bad_char(char c, const char *expected, struct mm_err *err)
{
    if (isprint((unsigned char)c))
        return mm_fail(err, MM_MALFORMED, 0, "found '%c'; expected %s", c, expected);
    return mm_fail(err, MM_MALFORMED, 0, "found byte %02X; expected %s", (unsigned char)c,
                   expected);
}

/*
 * Half bytes to value and, when dots are allowed, mask. Blanks may stand between bytes.
 * value, mask: room for s.len / 2 bytes; mask may be NULL: no dots.
 */
static enum mm_status read_bytes(struct span s, uint8_t *value, uint8_t *mask, size_t *out_len,
                                 struct mm_err *err)
{
    size_t halves = 0;

    *out_len = 0;
    for (size_t i = 0; i < s.len; i++) {
        int d = hex_digit(s.p[i]);
        bool dot = mask != NULL && s.p[i] == '.';
        unsigned shift = halves % 2 == 0 ? 4 : 0;

        if (is_blank(s.p[i]) && halves % 2 == 0)
            continue;
        if (is_blank(s.p[i]))
            return mm_fail(err, MM_MALFORMED, 0, "byte %zu has one hex digit; expected two",
                           halves / 2 + 1);
        if (d < 0 && !dot)
            return bad_char(s.p[i], mask != NULL ? "hex digits or '.'" : "hex digits or =>", err);
        if (shift == 4) {
            value[halves / 2] = 0;
            if (mask != NULL)
                mask[halves / 2] = 0;
        }
        if (!dot)
            value[halves / 2] |= (uint8_t)((unsigned)d << shift);
        if (!dot && mask != NULL)
            mask[halves / 2] |= (uint8_t)(0xfu << shift);
        halves++;
    }
    if (halves % 2 != 0)
        return mm_fail(err, MM_MALFORMED, 0, "byte %zu has one hex digit; expected two",
                       halves / 2 + 1);
    *out_len = halves / 2;
    return MM_OK;
}

/* ---- Expectation: [none | data] status word ---- */

/* Head and tail around a '*', the last two bytes taken off as the status word. */
static enum mm_status read_pattern(struct span s, struct mm_expect *e, struct mm_err *err)
{
    const char *star = memchr(s.p, '*', s.len);
    struct span head = {s.p, star != NULL ? (size_t)(star - s.p) : 0};
    struct span tail = star != NULL ? (struct span){star + 1, s.len - head.len - 1} : s;
    enum mm_status st;

    e->value = malloc(s.len / 2 + 1);
    e->mask = malloc(s.len / 2 + 1);
    if (e->value == NULL || e->mask == NULL)
        return mm_fail(err, MM_NO_MEMORY, 0, "out of memory");
    st = read_bytes(head, e->value, e->mask, &e->head_len, err);
    if (st == MM_OK)
        st = read_bytes(tail, e->value + e->head_len, e->mask + e->head_len, &e->tail_len, err);
    if (st != MM_OK)
        return st;
    if (e->tail_len < 2)
        return mm_fail(err, MM_MALFORMED, 0,
                       "expectation ends with %zu bytes; expected a status word of 2", e->tail_len);
    e->star = star != NULL;
    e->tail_len -= 2;
    e->sw = mm_be16(e->value + e->head_len + e->tail_len);
    e->sw_mask = mm_be16(e->mask + e->head_len + e->tail_len);
    return MM_OK;
}

static enum mm_status read_expect(struct span s, struct mm_expect *e, struct mm_err *err)
{
    struct span rest = trim(s), word = rest;
    enum mm_status st;

    if (rest.len == 0)
        return mm_fail(err, MM_MALFORMED, 0, "nothing after the arrow; expected a status word");
    word = take_word(&rest);
    if (is_word(word, "none")) {
        st = read_pattern(trim(rest), e, err);
        if (st == MM_OK && (e->star || e->tail_len > 0))
            st = mm_fail(err, MM_MALFORMED, 0, "data after \"none\"; expected a status word alone");
    } else {
        st = read_pattern(trim(s), e, err);
        e->any_data = st == MM_OK && !e->star && e->tail_len == 0;
    }
    e->given = st == MM_OK;
    return st;
}

/* ---- Statements ---- */

static enum mm_status read_apdu(struct span s, struct mm_step *step, struct mm_err *err)
{
    enum mm_status st;

    step->apdu = malloc(s.len / 2 + 1);
    if (step->apdu == NULL)
        return mm_fail(err, MM_NO_MEMORY, 0, "out of memory");
    st = read_bytes(s, step->apdu, NULL, &step->apdu_len, err);
    if (st != MM_OK)
        return st;
    if (step->apdu_len < 4 || step->apdu_len > MM_SCRIPT_APDU_MAX)
        return mm_fail(err, MM_MALFORMED, 0, "command of %zu bytes; expected 4 to %d",
                       step->apdu_len, MM_SCRIPT_APDU_MAX);
    return MM_OK;
}

static enum mm_status read_select(struct span s, struct mm_step *step, struct mm_err *err)
{
    static const uint8_t header[4] = {0x00, 0xa4, 0x04, 0x00};
    uint8_t bytes[2 * MM_AID_MAX] = {0};
    struct mm_aid aid;
    size_t n = 0;

    if (mm_trace_aid_by_name(s.p, s.len, &aid) != MM_OK &&
        (s.len >= 2 * sizeof(bytes) || read_bytes(s, bytes, NULL, &n, NULL) != MM_OK ||
         mm_aid_set(&aid, bytes, n) != MM_OK))
        return mm_fail(err, MM_MALFORMED, 0,
                       "\"%.*s\" is not an AID of 5 to 16 bytes nor a known name", shown(s), s.p);
    step->apdu = malloc(sizeof(header) + 1 + aid.len + 1);
    if (step->apdu == NULL)
        return mm_fail(err, MM_NO_MEMORY, 0, "out of memory");
    memcpy(step->apdu, header, sizeof(header));
    step->apdu[4] = aid.len;
    memcpy(step->apdu + 5, aid.bytes, aid.len);
    step->apdu[5 + aid.len] = 0; /* Le: all there is */
    step->apdu_len = 6u + aid.len;
    return MM_OK;
}

/* Where "=>" or "->" starts; s.len when there is none. */
static size_t find_arrow(struct span s)
{
    for (size_t i = 0; i + 1 < s.len; i++) {
        if ((s.p[i] == '=' || s.p[i] == '-') && s.p[i + 1] == '>')
            return i;
    }
    return s.len;
}

static enum mm_status read_statement(struct span s, struct mm_step *step, struct mm_err *err)
{
    struct span rest = s, word = take_word(&rest);

    if (is_word(word, "select"))
        return read_select(trim(rest), step, err);
    if (is_word(word, "reset")) {
        step->kind = MM_STEP_RESET;
        if (trim(rest).len > 0)
            return mm_fail(err, MM_MALFORMED, 0, "text after \"reset\"; expected the line's end");
        return MM_OK;
    }
    if (hex_digit(word.p[0]) < 0 && isalpha((unsigned char)word.p[0]))
        return mm_fail(err, MM_MALFORMED, 0,
                       "\"%.*s\" is not a command; expected hex bytes, select or reset",
                       shown(word), word.p);
    return read_apdu(s, step, err);
}

/* A line without its end. *used: it held a statement. */
static enum mm_status read_line(struct span line, struct mm_step *step, bool *used,
                                struct mm_err *err)
{
    const char *comment = memchr(line.p, '#', line.len);
    size_t arrow;
    enum mm_status st;

    if (comment != NULL)
        line.len = (size_t)(comment - line.p);
    line = trim(line);
    *used = line.len > 0;
    if (!*used)
        return MM_OK;
    arrow = find_arrow(line);
    if (trim((struct span){line.p, arrow}).len == 0)
        return mm_fail(err, MM_MALFORMED, 0, "nothing before the arrow; expected a command");
    st = read_statement(trim((struct span){line.p, arrow}), step, err);
    if (st != MM_OK || arrow == line.len)
        return st;
    if (step->kind == MM_STEP_RESET)
        return mm_fail(err, MM_MALFORMED, 0, "a reset has no status word to expect");
    return read_expect((struct span){line.p + arrow + 2, line.len - arrow - 2}, &step->expect, err);
}

static void clear_step(struct mm_step *step)
{
    free(step->apdu);
    free(step->expect.value);
    free(step->expect.mask);
}

void mm_script_clear(struct mm_script *script)
{
    for (size_t i = 0; i < script->step_n; i++)
        clear_step(&script->steps[i]);
    free(script->steps);
    *script = (struct mm_script){0};
}

static enum mm_status add_step(struct mm_script *script, const struct mm_step *step,
                               struct mm_err *err)
{
    struct mm_step *steps = script->steps;

    if (script->step_n == STEPS_MAX)
        return mm_fail(err, MM_TOO_LONG, 0, "more than %d commands", STEPS_MAX);
    if ((script->step_n & (script->step_n - 1)) == 0) /* full at each power of two */
        steps = realloc(steps, (script->step_n > 0 ? script->step_n * 2 : 1) * sizeof(*steps));
    if (steps == NULL)
        return mm_fail(err, MM_NO_MEMORY, 0, "out of memory");
    script->steps = steps;
    steps[script->step_n++] = *step;
    return MM_OK;
}

enum mm_status mm_script_parse(const char *text, size_t text_len, struct mm_script *out,
                               struct mm_err *err)
{
    struct mm_script script = {0};
    enum mm_status st = MM_OK;
    unsigned line = 0;

    *out = script;
    if (text_len > MM_SCRIPT_MAX_LEN)
        return mm_fail(err, MM_TOO_LONG, 0, "script of %zu bytes; at most %u", text_len,
                       MM_SCRIPT_MAX_LEN);
    while (st == MM_OK && text_len > 0) {
        const char *nl = memchr(text, '\n', text_len);
        size_t n = nl != NULL ? (size_t)(nl - text) : text_len;
        struct mm_step step = {.line = ++line};
        bool used = false;

        st = read_line((struct span){text, n}, &step, &used, err);
        if (st == MM_OK && used)
            st = add_step(&script, &step, err);
        if (st != MM_OK)
            clear_step(&step);
        text += n + (nl != NULL);
        text_len -= n + (nl != NULL);
    }
    if (st != MM_OK) {
        if (err != NULL)
            err->off = line;
        mm_script_clear(&script);
        return st;
    }
    *out = script;
    return MM_OK;
}
