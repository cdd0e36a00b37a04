/*
 * Remote methods (JCVM 3.0.5, 6.9.2.15, format 2.2): what the Class component tells of them, the card
 * goes by when it takes apart a call from outside (JCRE 8), so it must be what the method is. Each
 * row of a class is hash code, offset in the signature pool, virtual token; a pool entry is a
 * type_descriptor as those of the Descriptor: number of nibbles, nibbles. byte, boolean and short are
 * all one cell with a short in it, so these three are not told apart.
 */
#include "applet_vm/verify/verify_int.h"

#define ROW_LEN       5
#define CLASS_NIBBLES 4

enum { N_VOID = 1, N_REF = 6, N_ARRAY = 10, N_REFS = 14 }; /* and what is between them */

static enum mm_status bad(const struct mm_verifier *v, const struct mm_cap_class *c,
                          const char *what)
{
    return mm_verify_bad(v->err, MM_RULE_REMOTE, MM_CAP_CLASS, c->off, "%s", what);
}

/* An entry of the pool, whole and of types that there are; void only at its end. */
static bool open_entry(const struct mm_cap *cap, uint16_t off, struct mm_type_rd *rd)
{
    const struct mm_cap_component *info = mm_cap_component(cap, MM_CAP_CLASS);
    size_t pool_n = mm_be16(info->info), n, i = 0;
    const uint8_t *pool = info->info + 2;

    if (off >= pool_n || pool[off] == 0 || (pool[off] + 1u) / 2 > pool_n - off - 1)
        return false;
    n = pool[off];
    *rd = (struct mm_type_rd){.nibbles = pool + off + 1, .n = (unsigned)n};
    while (i < n) {
        unsigned code = i % 2 == 0 ? rd->nibbles[i / 2] >> 4 : rd->nibbles[i / 2] & 0x0F;

        if ((code < N_VOID || code > N_REF) && (code < N_ARRAY || code > N_REFS))
            return false;
        i += code == N_REF || code == N_REFS ? 1 + CLASS_NIBBLES : 1;
        if (code == N_VOID && i != n)
            return false;
    }
    return i == n;
}

/* Would the cells that a call brings be what the method takes? */
static bool same_arguments(struct mm_verifier *v, struct mm_type_rd *rd, const struct mm_vsig *own,
                           mm_vt *result)
{
    unsigned at = 1; /* behind this */

    for (;;) {
        mm_vt t = mm_type_next(v, 0, rd);
        unsigned cells = VT_KIND(t) == VT_INT_HI ? 2 : 1;

        if (rd->i == rd->n) {
            *result = t;
            return at == own->n;
        }
        if (VT_KIND(t) == VT_TOP || at + cells > own->n)
            return false;
        if (VT_KIND(own->args[at]) != VT_ANY && !mm_vt_fits(v, t, own->args[at]))
            return false;
        if (cells == 2 && own->args[at + 1] != VT(VT_INT_LO) &&
            VT_KIND(own->args[at + 1]) != VT_ANY)
            return false;
        at += cells;
    }
}

static bool same_result(struct mm_verifier *v, mm_vt told, const struct mm_vsig *own)
{
    if (own->never || (!own->known && own->abstract))
        return true;
    if (!own->known)
        return told == own->ret || (VT_IS_REF(told) && VT_IS_REF(own->ret));
    return told == own->ret || (VT_KIND(told) == VT_REF && VT_KIND(own->ret) == VT_REF &&
                                mm_vt_subclass(v, own->ret, told));
}

/* The method a row names. Of an abstract one that nothing here implements, the result is not known
 * without a Descriptor; no call of it comes back, so there is none to be wrong about. */
static bool find_method(struct mm_verifier *v, mm_vt cls, uint8_t token, struct mm_vsig *own)
{
    *own = (struct mm_vsig){.n = 0};
    return mm_sig_virtual(v, cls, token, own) || (own->n > 0 && own->abstract && !own->known);
}

static enum mm_status check_method(struct mm_verifier *v, mm_vt cls, const uint8_t *row)
{
    const struct mm_cap_class *c = mm_vt_cap(v, cls);
    struct mm_type_rd rd;
    struct mm_vsig own;
    mm_vt result = VT_VOID;

    if (!open_entry(v->cap, mm_be16(row + 2), &rd))
        return bad(v, c, "a remote method's signature is not one of the pool");
    if (!find_method(v, cls, row[4], &own) ||
        (own.known && (own.access & (MM_ACC_STATIC | MM_ACC_PRIVATE)) != 0))
        return bad(v, c, "a remote method is not in the class");
    if (!same_arguments(v, &rd, &own, &result) || !same_result(v, result, &own))
        return bad(v, c, "a remote method has another signature than the pool says");
    return MM_OK;
}

/* Interfaces that a client is told of. */
static enum mm_status check_remote_interfaces(struct mm_verifier *v, mm_vt cls, struct mm_rd *rd)
{
    const struct mm_cap_class *c = mm_vt_cap(v, cls);

    for (uint8_t n = mm_rd_u8(rd); n > 0; n--) {
        mm_vt iface = mm_class_ref(v, 0, mm_rd_u16(rd));
        if (VT_KIND(iface) != VT_REF || !mm_vt_interface(v, iface) ||
            !mm_vt_subclass(v, cls, iface))
            return bad(v, c, "a remote interface that the class does not implement");
    }
    return rd->bad ? bad(v, c, "the remote methods are cut off") : MM_OK;
}

enum mm_status mm_remote_check(struct mm_verifier *v, mm_vt cls)
{
    const struct mm_cap_component *info = mm_cap_component(v->cap, MM_CAP_CLASS);
    const struct mm_cap_class *c = mm_vt_cap(v, cls);
    enum mm_status st = MM_OK;
    struct mm_rd rd;

    if (c->remote_off == 0)
        return MM_OK;
    mm_rd_init(&rd, info->info, info->len);
    (void)mm_rd_bytes(&rd, c->remote_off);
    for (uint8_t n = mm_rd_u8(&rd); st == MM_OK && n > 0; n--) {
        const uint8_t *row = mm_rd_bytes(&rd, ROW_LEN);
        st = row == NULL ? bad(v, c, "the remote methods are cut off") : check_method(v, cls, row);
    }
    if (st != MM_OK)
        return st;
    (void)mm_rd_bytes(&rd, mm_rd_u8(&rd)); /* hash modifier */
    (void)mm_rd_bytes(&rd, mm_rd_u8(&rd)); /* class name */
    return check_remote_interfaces(v, cls, &rd);
}
