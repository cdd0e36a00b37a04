#include "applet_vm/verify/verify.h"

#include "applet_vm/verify/verify_int.h"

#include <stdio.h>
#include <stdlib.h>

/* Steps: an honest method needs a few a byte (each instruction two or three times, a frame merged at
 * each join). What needs a hundred times that is made to keep the card busy. */
#define STEPS_PER_BYTE 256
#define STEPS_BASE     200000

static const struct {
    const char *name, *text;
} rules[] = {
#define MM_RULE(id, name, sentence) {name, sentence},
#include "applet_vm/verify/rules.def"
#undef MM_RULE
};

const char *mm_verify_rule_name(enum mm_verify_rule rule)
{
    return rule < MM_RULE_N ? rules[rule].name : "?";
}

const char *mm_verify_rule_text(enum mm_verify_rule rule)
{
    return rule < MM_RULE_N ? rules[rule].text : "?";
}

enum mm_status mm_verify_bad(struct mm_err *err, enum mm_verify_rule rule, enum mm_cap_tag tag,
                             size_t off, const char *fmt, ...)
{
    char what[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return mm_fail(err, MM_MALFORMED, off, "%s component, offset 0x%zx: %s [%s]",
                   mm_cap_tag_name(tag), off, what, rules[rule].name);
}

static enum mm_status verify(struct mm_verifier *v, const struct mm_verify_env *env)
{
    enum mm_status st = mm_units_open(v, env);

    if (st == MM_OK)
        st = mm_unit_need(v, 0);
    if (st == MM_OK)
        st = mm_layout_check(v);
    if (st == MM_OK)
        st = mm_members_open(v);
    if (st == MM_OK)
        st = mm_flow_open(v);
    if (st != MM_OK)
        return st;
    v->stats->described = v->units[0].types != NULL;
    for (size_t i = 0; st == MM_OK && i < mm_cap_method_n(v->cap); i++) {
        if (mm_cap_method(v->cap, i)->code_len != 0)
            st = mm_flow_method(v, i);
    }
    return st;
}

enum mm_status mm_verify(const struct mm_cap *cap, const struct mm_verify_env *env,
                         struct mm_verify_stats *stats, struct mm_err *err)
{
    struct mm_verify_stats unused;
    struct mm_verifier *v = calloc(1, sizeof(*v));
    enum mm_status st;

    if (stats == NULL)
        stats = &unused;
    *stats = (struct mm_verify_stats){0};
    if (v == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    v->cap = cap;
    v->stats = stats;
    v->err = err;
    v->budget = STEPS_BASE + STEPS_PER_BYTE * (size_t)mm_cap_component(cap, MM_CAP_METHOD)->len;
    st = verify(v, env);
    mm_flow_close(v);
    mm_members_close(v);
    mm_units_close(v);
    free(v);
    return st;
}
