/* One instruction on one frame: types taken, types given (JCVM 3.0.5, chapter 7). */
#include "applet_vm/verify/verify_int.h"

#include <stdio.h>
#include <string.h>

enum rule {
    PLAIN,
    LOAD,
    STORE,
    INC,
    AALOAD,
    STACK,
    JSR,
    RET,
    RETURN,
    GETSTATIC,
    PUTSTATIC,
    GETFIELD,
    PUTFIELD,
    GETTHIS,
    PUTTHIS,
    INVOKEVIRTUAL,
    INVOKESPECIAL,
    INVOKESTATIC,
    INVOKEINTERFACE,
    NEW,
    NEWARRAY,
    ANEWARRAY,
    ATHROW,
    CHECKCAST,
    INSTANCEOF
};

static const struct {
    const char *takes, *gives;
    uint8_t takes_n; /* letters */
    enum rule rule;
} sigs[256] = {
#define MM_SIG(name, takes, gives, rule) [MM_OP_##name] = {takes, gives, sizeof(takes) - 1, rule},
#include "applet_vm/verify/sigs.def"
#undef MM_SIG
};

enum mm_status mm_flow_bad(const struct mm_flow *f, enum mm_verify_rule rule, const char *fmt, ...)
{
    char what[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return mm_verify_bad(f->v->err, rule, MM_CAP_METHOD, f->off, "%s: %s",
                         mm_op_info(f->info[f->off])->name, what);
}

/* ---- The stack ---- */

enum mm_status mm_push(struct mm_flow *f, mm_vt t)
{
    size_t n = VT_KIND(t) == VT_INT_HI ? 2 : 1;

    if (f->depth + n > f->m->max_stack)
        return mm_flow_bad(f, MM_RULE_STACK_OVERFLOW, "more than %u cells", f->m->max_stack);
    f->stack[f->depth++] = t;
    if (n == 2)
        f->stack[f->depth++] = VT(VT_INT_LO);
    return MM_OK;
}

enum mm_status mm_pop_cell(struct mm_flow *f, mm_vt *t)
{
    if (f->depth == 0)
        return mm_flow_bad(f, MM_RULE_STACK_UNDERFLOW, "the stack is empty");
    *t = f->stack[--f->depth];
    return MM_OK;
}

enum mm_status mm_pop_type(struct mm_flow *f, mm_vt declared, enum mm_verify_rule rule)
{
    char wanted[MM_VT_TEXT], found[MM_VT_TEXT];
    mm_vt t = VT(VT_TOP);
    enum mm_status st = MM_OK;

    if (VT_KIND(declared) == VT_INT_HI) {
        st = mm_pop_cell(f, &t);
        if (st == MM_OK && !mm_vt_fits(f->v, t, VT(VT_INT_LO)))
            return mm_flow_bad(f, rule, "int expected, %s found", mm_vt_text(f->v, t, found));
    }
    if (st == MM_OK)
        st = mm_pop_cell(f, &t);
    if (st == MM_OK && !mm_vt_fits(f->v, t, declared))
        return mm_flow_bad(f, rule, "%s expected, %s found", mm_vt_text(f->v, declared, wanted),
                           mm_vt_text(f->v, t, found));
    return st;
}

/* Does a value satisfy a letter of sigs.def? */
static bool letter_fits(mm_vt t, char letter)
{
    unsigned k = VT_KIND(t);

    if (k == VT_ANY)
        return true;
    switch (letter) {
    case 's':
    case 'b':
        return k == VT_SHORT;
    case 'r':
        return VT_IS_REF(t);
    case 'c':
        return k != VT_TOP;
    case 'B':
        return k == VT_BYTES || k == VT_BOOLS || k == VT_NULL || k == VT_ANYREF;
    case 'S':
        return k == VT_SHORTS || k == VT_NULL || k == VT_ANYREF;
    case 'I':
        return k == VT_INTS || k == VT_NULL || k == VT_ANYREF;
    case 'A':
        return k >= VT_REFS || k == VT_NULL || k == VT_ANYREF;
    case 'L':
        return k >= VT_BOOLS || k == VT_NULL || k == VT_ANYREF;
    default:
        return false;
    }
}

static const char *letter_text(char letter)
{
    static const char letters[] = "sbrcBSIAL";
    static const char *const texts[] = {
        "short",   "short", "reference",       "value", "byte[] or boolean[]",
        "short[]", "int[]", "reference array", "array"};
    const char *at = strchr(letters, letter);

    return at != NULL ? texts[at - letters] : "value";
}

static enum mm_status pop_letter(struct mm_flow *f, char letter, mm_vt *t)
{
    char found[MM_VT_TEXT];
    enum mm_status st;

    *t = VT(VT_TOP);
    if (letter == 'i')
        return mm_pop_type(f, VT(VT_INT_HI), MM_RULE_OPERAND_TYPE);
    st = mm_pop_cell(f, t);
    if (st == MM_OK && !letter_fits(*t, letter))
        return mm_flow_bad(f, MM_RULE_OPERAND_TYPE, "%s expected, %s found", letter_text(letter),
                           mm_vt_text(f->v, *t, found));
    return st;
}

static enum mm_status pop_letters(struct mm_flow *f, const char *takes, size_t n)
{
    enum mm_status st = MM_OK;
    mm_vt t;

    for (; st == MM_OK && n > 0; n--) {
        if (takes[n - 1] == 's' && f->depth > 0 && f->stack[f->depth - 1] == VT(VT_SHORT))
            f->depth--; /* the most of all */
        else
            st = pop_letter(f, takes[n - 1], &t);
    }
    return st;
}

static enum mm_status push_letter(struct mm_flow *f, char letter)
{
    switch (letter) {
    case 's':
    case 'b':
        return mm_push(f, VT(VT_SHORT));
    case 'i':
        return mm_push(f, VT(VT_INT_HI));
    case 'n':
        return mm_push(f, VT(VT_NULL));
    default:
        return MM_OK;
    }
}

/* ---- Locals ---- */

static size_t local_index(const uint8_t *p)
{
    if (mm_op_info(p[0])->operands != MM_OPERANDS_NONE)
        return p[1];
    return (p[0] >= MM_OP_ASTORE_0 ? p[0] - MM_OP_ASTORE_0 : p[0] - MM_OP_ALOAD_0) & 3;
}

static enum mm_status bad_local(const struct mm_flow *f, size_t i, const char *wanted)
{
    char found[MM_VT_TEXT];

    return mm_flow_bad(f, MM_RULE_LOCAL_TYPE, "%s expected in local %zu, %s found", wanted, i,
                       mm_vt_text(f->v, f->loc[i], found));
}

static enum mm_status check_local(const struct mm_flow *f, size_t i, char letter)
{
    unsigned k = VT_KIND(f->loc[i]);

    if (letter == 'i')
        return mm_vt_fits(f->v, f->loc[i], VT(VT_INT_HI)) &&
                       mm_vt_fits(f->v, f->loc[i + 1], VT(VT_INT_LO))
                   ? MM_OK
                   : bad_local(f, i, "int");
    /* An object that is not whole yet may be loaded: its constructor is about to be called. */
    if (letter_fits(f->loc[i], letter) ||
        (letter == 'r' && (k == VT_UNINIT || k == VT_UNINIT_THIS)))
        return MM_OK;
    return bad_local(f, i, letter_text(letter));
}

static enum mm_status step_load(struct mm_flow *f, const uint8_t *p, char letter)
{
    size_t i = local_index(p);
    unsigned k = VT_KIND(f->loc[i]);
    enum mm_status st;

    if (letter == 's' ? k == VT_SHORT : letter == 'r' && k >= VT_NULL)
        return mm_push(f, f->loc[i]);
    st = check_local(f, i, letter);
    if (st != MM_OK)
        return st;
    if (letter == 'i')
        return mm_push(f, VT(VT_INT_HI));
    if (VT_KIND(f->loc[i]) == VT_ANY)
        f->loc[i] = VT(letter == 's' ? VT_SHORT : VT_ANYREF);
    return mm_push(f, f->loc[i]);
}

/* Writing one half of an int leaves the other without meaning. */
static void set_local(struct mm_flow *f, size_t i, mm_vt t)
{
    if (VT_KIND(f->loc[i]) == VT_INT_LO && i > 0)
        f->loc[i - 1] = VT(VT_TOP);
    if (VT_KIND(f->loc[i]) == VT_INT_HI && i + 1 < f->locals)
        f->loc[i + 1] = VT(VT_TOP);
    f->loc[i] = t;
    f->stored = true;
}

static enum mm_status step_store(struct mm_flow *f, const uint8_t *p, char letter)
{
    size_t i = local_index(p);
    enum mm_status st;
    mm_vt t;
    unsigned k;

    if (letter != 'r') {
        st = pop_letter(f, letter, &t);
        if (st != MM_OK)
            return st;
        set_local(f, i, VT(letter == 'i' ? VT_INT_HI : VT_SHORT));
        if (letter == 'i')
            set_local(f, i + 1, VT(VT_INT_LO));
        if (letter == 'i') /* the second call saw half an int at i + 1 only if it was one before */
            f->loc[i] = VT(VT_INT_HI);
        return MM_OK;
    }
    if (f->depth == 0)
        return mm_flow_bad(f, MM_RULE_STACK_UNDERFLOW, "the stack is empty");
    k = VT_KIND(f->stack[f->depth - 1]);
    if (k == VT_RETADDR || k == VT_UNINIT || k == VT_UNINIT_THIS) {
        t = f->stack[--f->depth];
    } else {
        st = pop_letter(f, letter, &t);
        if (st != MM_OK)
            return st;
        if (k == VT_ANY)
            t = VT(VT_ANYREF);
    }
    set_local(f, i, t);
    return MM_OK;
}

/* ---- Fields ---- */

static enum mm_status check_field(const struct mm_flow *f, const struct mm_vfield *field, char kind,
                                  bool put)
{
    static const char letters[] = "rbsi";
    static const char *const names[] = {"reference", "byte or boolean", "short", "int"};

    if (field->kind == 0 ? kind == 'r' || (kind == 'i' && field->no_int) : kind != field->kind)
        return mm_flow_bad(f, MM_RULE_FIELD, "the field is no %s",
                           names[strchr(letters, kind) - letters]);
    if (put && (field->access & MM_ACC_FINAL) != 0 && field->cls != f->sig->cls)
        return mm_flow_bad(f, MM_RULE_FIELD_ACCESS, "a final field of another class is written");
    if ((field->access & MM_ACC_PRIVATE) != 0 && field->cls != f->sig->cls)
        return mm_flow_bad(f, MM_RULE_FIELD_ACCESS, "a private field of another class");
    if ((field->access & (MM_ACC_PUBLIC | MM_ACC_PROTECTED | MM_ACC_PRIVATE)) == 0 &&
        VT_UNIT(field->cls) != 0)
        return mm_flow_bad(f, MM_RULE_FIELD_ACCESS, "a package-visible field of another package");
    if ((field->access & MM_ACC_PROTECTED) != 0 && VT_UNIT(field->cls) != 0 &&
        VT_KIND(f->sig->cls) == VT_REF && !mm_vt_subclass(f->v, f->sig->cls, field->cls))
        return mm_flow_bad(f, MM_RULE_FIELD_ACCESS, "a protected field of a class not above");
    return MM_OK;
}

static mm_vt field_value(const struct mm_vfield *field, char kind)
{
    return kind == 'r' ? field->type : VT(kind == 'i' ? VT_INT_HI : VT_SHORT);
}

static enum mm_status step_static(struct mm_flow *f, const uint8_t *p, bool put, char kind)
{
    const struct mm_vfield *field;
    enum mm_status st = mm_member_field(f->v, mm_be16(p + 1), true, f->off, &field);

    if (st == MM_OK)
        st = check_field(f, field, kind, put);
    if (st != MM_OK)
        return st;
    return put ? mm_pop_type(f, field_value(field, kind), MM_RULE_OPERAND_TYPE)
               : mm_push(f, field_value(field, kind));
}

/* A constructor may write the fields of its own class before it calls another constructor: that is
 * how an inner class keeps its outer object. */
static enum mm_status check_owner(const struct mm_flow *f, mm_vt obj, const struct mm_vfield *field,
                                  bool put)
{
    char wanted[MM_VT_TEXT], found[MM_VT_TEXT];

    if (VT_KIND(obj) == VT_UNINIT_THIS && put && field->cls == f->sig->cls)
        return MM_OK;
    if (!mm_vt_fits(f->v, obj, field->cls))
        return mm_flow_bad(f, MM_RULE_RECEIVER, "a field of %s, but the object is %s",
                           mm_vt_text(f->v, field->cls, wanted), mm_vt_text(f->v, obj, found));
    return MM_OK;
}

static enum mm_status step_field(struct mm_flow *f, const uint8_t *p, bool put, bool this,
                                 char kind)
{
    uint16_t cp = mm_op_info(p[0])->operands == MM_OPERANDS_CP8_FIELD ? p[1] : mm_be16(p + 1);
    const struct mm_vfield *field;
    mm_vt obj = f->loc[0];
    enum mm_status st = mm_member_field(f->v, cp, false, f->off, &field);

    if (st == MM_OK)
        st = check_field(f, field, kind, put);
    if (st == MM_OK && put)
        st = mm_pop_type(f, field_value(field, kind), MM_RULE_OPERAND_TYPE);
    if (st == MM_OK && this && f->sig->n == 0)
        st = mm_flow_bad(f, MM_RULE_RECEIVER, "there is no this");
    if (st == MM_OK && !this)
        st = mm_pop_cell(f, &obj);
    if (st == MM_OK)
        st = check_owner(f, obj, field, put);
    return st != MM_OK || put ? st : mm_push(f, field_value(field, kind));
}

/* ---- Objects ---- */

/* The class a constant names; VT_TOP after a refusal. */
static enum mm_status class_constant(const struct mm_flow *f, uint16_t cp, mm_vt *cls)
{
    *cls = mm_class_ref(f->v, 0, mm_be16(mm_cap_cp(f->v->cap, cp)->b));
    return VT_KIND(*cls) == VT_REF
               ? MM_OK
               : mm_flow_bad(f, MM_RULE_CLASS_KIND, "constant %u: no class", cp);
}

static enum mm_status step_new(struct mm_flow *f, const uint8_t *p)
{
    mm_vt cls, site = VT_OF(VT_UNINIT, f->off);
    enum mm_status st = class_constant(f, mm_be16(p + 1), &cls);

    if (st != MM_OK)
        return st;
    if (mm_vt_interface(f->v, cls) || mm_vt_abstract(f->v, cls))
        return mm_flow_bad(f, MM_RULE_CLASS_KIND, "an interface or an abstract class");
    /* Without a Descriptor nothing tells constructors from other methods. */
    if (f->v->units[0].types == NULL)
        return mm_push(f, cls);
    /* An older object of the same new must not be taken for this one. */
    for (size_t i = 0; i <= f->locals + f->depth; i++) {
        if (f->loc[i] == site) {
            f->loc[i] = VT(VT_TOP);
            f->stored = true;
        }
    }
    return mm_push(f, site);
}

static mm_vt array_of(uint8_t type)
{
    return VT(VT_BOOLS + (type - 10u)); /* 10 boolean, 11 byte, 12 short, 13 int */
}

static enum mm_status step_new_array(struct mm_flow *f, const uint8_t *p, bool of_refs)
{
    mm_vt t = VT(VT_TOP);
    enum mm_status st = pop_letters(f, "s", 1);

    if (st == MM_OK && of_refs)
        st = class_constant(f, mm_be16(p + 1), &t);
    if (st != MM_OK)
        return st;
    return mm_push(f, of_refs ? VT_OF(VT_REFS, VT_WHAT(t)) : array_of(p[1]));
}

static enum mm_status step_aaload(struct mm_flow *f)
{
    mm_vt t;
    enum mm_status st = pop_letter(f, 's', &t);

    if (st == MM_OK)
        st = pop_letter(f, 'A', &t);
    if (st != MM_OK)
        return st;
    switch (VT_KIND(t)) {
    case VT_REFS:
        return mm_push(f, VT_OF(VT_REF, VT_WHAT(t)));
    case VT_JOINS:
        return mm_push(f, VT_OF(VT_JOIN, VT_WHAT(t)));
    case VT_NULL:
        return mm_push(f, t);
    default:
        return mm_push(f, VT(VT_ANYREF));
    }
}

/* Both casts; the type is a class (0), a primitive array (10 to 13) or an array of a class (14). */
static enum mm_status step_cast(struct mm_flow *f, const uint8_t *p, bool tells)
{
    mm_vt t = VT(VT_TOP);
    enum mm_status st = pop_letters(f, "r", 1);

    if (st == MM_OK && (p[1] == 0 || p[1] == 14))
        st = class_constant(f, mm_be16(p + 2), &t);
    if (st != MM_OK || tells)
        return st == MM_OK ? mm_push(f, VT(VT_SHORT)) : st;
    if (p[1] == 0)
        return mm_push(f, t);
    return mm_push(f, p[1] == 14 ? VT_OF(VT_REFS, VT_WHAT(t)) : array_of(p[1]));
}

/* ---- Leaving ---- */

static enum mm_status step_return(struct mm_flow *f, const char *takes)
{
    mm_vt ret = f->sig->ret;
    char text[MM_VT_TEXT];
    bool fits = takes[0] == 's'   ? VT_KIND(ret) == VT_SHORT
                : takes[0] == 'i' ? VT_KIND(ret) == VT_INT_HI
                : takes[0] == 'r' ? VT_IS_REF(ret)
                                  : ret == VT_VOID;

    if (!fits)
        return mm_flow_bad(f, MM_RULE_RETURN_TYPE, "the method returns %s",
                           ret == VT_VOID ? "nothing" : mm_vt_text(f->v, ret, text));
    if (VT_KIND(f->loc[f->locals]) == VT_UNINIT_THIS)
        return mm_flow_bad(f, MM_RULE_CONSTRUCTOR, "no other constructor was called");
    if (VT_KIND(f->loc[f->locals]) == VT_TOP)
        return mm_flow_bad(f, MM_RULE_CONSTRUCTOR, "a way here calls no other constructor");
    return takes[0] == '\0' ? MM_OK : mm_pop_type(f, ret, MM_RULE_RETURN_TYPE);
}

static enum mm_status step_field_rule(struct mm_flow *f, const uint8_t *p, enum rule rule)
{
    bool put = rule == PUTFIELD || rule == PUTTHIS || rule == PUTSTATIC;
    char kind = put ? sigs[p[0]].takes[sigs[p[0]].takes_n - 1] : sigs[p[0]].gives[0];

    if (rule == GETSTATIC || rule == PUTSTATIC)
        return step_static(f, p, put, kind);
    return step_field(f, p, put, rule == GETTHIS || rule == PUTTHIS, kind);
}

static enum mm_status step_plain(struct mm_flow *f, const char *takes, size_t takes_n,
                                 const char *gives)
{
    enum mm_status st = pop_letters(f, takes, takes_n);

    for (; st == MM_OK && *gives != '\0'; gives++)
        st = push_letter(f, *gives);
    return st;
}

/* jsr and ret: where they go is in flow.c. */
static enum mm_status step_jsr(struct mm_flow *f, const uint8_t *p)
{
    mm_vt address = VT_OF(VT_RETADDR, f->off + (size_t)(int16_t)mm_be16(p + 1));

    for (size_t i = 0; i <= f->locals + f->depth; i++) {
        if (f->loc[i] == address) { /* a subroutine that calls itself could not return twice */
            f->loc[i] = VT(VT_TOP);
            f->stored = true;
        }
    }
    return mm_push(f, address);
}

enum mm_status mm_step(struct mm_flow *f)
{
    const uint8_t *p = f->info + f->off;
    const char *takes = sigs[p[0]].takes, *gives = sigs[p[0]].gives;

    switch (sigs[p[0]].rule) {
    case PLAIN:
        return step_plain(f, takes, sigs[p[0]].takes_n, gives);
    case LOAD:
        return step_load(f, p, gives[0]);
    case STORE:
        return step_store(f, p, takes[0]);
    case INC:
        return check_local(f, p[1], gives[0]);
    case AALOAD:
        return step_aaload(f);
    case STACK:
        return mm_step_stack(f, p);
    case JSR:
        return step_jsr(f, p);
    case RET:
        return VT_KIND(f->loc[p[1]]) == VT_RETADDR
                   ? MM_OK
                   : mm_flow_bad(f, MM_RULE_SUBROUTINE, "local %u holds no return address", p[1]);
    case RETURN:
        return step_return(f, takes);
    case GETSTATIC:
    case PUTSTATIC:
    case GETFIELD:
    case PUTFIELD:
    case GETTHIS:
    case PUTTHIS:
        return step_field_rule(f, p, sigs[p[0]].rule);
    case INVOKEVIRTUAL:
    case INVOKESPECIAL:
    case INVOKESTATIC:
    case INVOKEINTERFACE:
        return mm_step_call(f, p[0]);
    case NEW:
        return step_new(f, p);
    case NEWARRAY:
    case ANEWARRAY:
        return step_new_array(f, p, p[0] == MM_OP_ANEWARRAY);
    case ATHROW:
        return mm_pop_type(f, f->v->throwable, MM_RULE_OPERAND_TYPE);
    case CHECKCAST:
    case INSTANCEOF:
        return step_cast(f, p, p[0] == MM_OP_INSTANCEOF);
    }
    return MM_OK;
}
