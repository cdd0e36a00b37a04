/*
 * A package around one method body, as a load file: what tests of single bytecodes need.
 *
 * Classes    I: a shareable interface with one method (token 0); A: 6 cells (0, 1 references, 2
 *            short, 3 byte, 4 and 5 an int), one public method (token 1) and one package-visible
 *            (token 0), implements I by the public one; B extends A and overrides the public one.
 * Statics    a byte array { 5, -6 }, a null reference, byte 0x80, short 0x1234, int 0x01020304.
 * Methods    main(short, short): the code under test; helper(short x): x + 1; A.m(x): x + 2;
 *            B.m(x): super.m(x) + 10; A.p(): 7.
 */
#ifndef TEST_VM_CAP_H
#define TEST_VM_CAP_H

#include "test/unit/test_vm_rom.h"

/* Constant pool of the package. */
enum {
    K_MAIN,
    K_A,
    K_A_REF,
    K_A_SHORT,
    K_A_BYTE,
    K_A_INT,
    K_S_ARRAY,
    K_S_REF,
    K_S_BYTE,
    K_S_SHORT,
    K_S_INT,
    K_M,
    K_OBJECT_INIT,
    K_HELPER,
    K_SUPER_M,
    K_I,
    K_OBJECT,
    K_P,
    K_B,
    K_THROWABLE,
    K_ARITHMETIC,
    K_STATIC_THROW_ISO,
    K_SHAREABLE,
    K_ABORT,
    K_BEGIN,
    K_EQUALS,
    K_APPLET_EVENT,
    K_ISO_INIT,
    K_NOT_HERE, /* these four link only as long as nothing uses them */
    K_NO_METHOD,
    K_NO_STATIC,
    K_NO_FIELD,
    K_N
};
#define CLASS_A 3
#define CLASS_B 21

struct test_handler {
    uint16_t start, len, target; /* from the first byte of main's code */
    uint16_t catch_cp;
    bool stop;
};
struct test_code {
    const uint8_t *code;
    size_t len;
    uint8_t max_stack, args, max_locals;
    struct test_handler handlers[4];
    size_t handler_n;
};

static inline void put_component(struct mm_buf *out, uint8_t tag, const struct mm_buf *info)
{
    mm_buf_u8(out, tag);
    mm_buf_u16(out, (uint16_t)info->len);
    mm_buf_bytes(out, info->data, info->len);
}

static inline void put_hex(struct mm_buf *out, const char *hex)
{
    uint8_t bytes[256];
    size_t len = sizeof(bytes);

    must(mm_unhex(hex, bytes, &len) == MM_OK, "hex", hex);
    mm_buf_bytes(out, bytes, len);
}

struct test_offsets {
    uint16_t main, helper, a_m, b_m, a_p;
};

/* Method component: the handler table, then main and the helpers. */
static inline struct test_offsets build_methods(struct mm_buf *m, const struct test_code *t)
{
    struct test_offsets o;
    uint16_t code;

    mm_buf_u8(m, (uint8_t)t->handler_n);
    o.main = (uint16_t)(1 + 8 * t->handler_n);
    code = (uint16_t)(o.main + 4);
    for (size_t i = 0; i < t->handler_n; i++) {
        const struct test_handler *h = &t->handlers[i];
        mm_buf_u16(m, (uint16_t)(code + h->start));
        mm_buf_u16(m, (uint16_t)(h->len | (h->stop ? 0x8000 : 0)));
        mm_buf_u16(m, (uint16_t)(code + h->target));
        mm_buf_u16(m, h->catch_cp);
    }
    mm_buf_u8(m, 0x80);
    mm_buf_u8(m, t->max_stack);
    mm_buf_u8(m, t->args);
    mm_buf_u8(m, t->max_locals);
    mm_buf_bytes(m, t->code, t->len);
    o.helper = (uint16_t)m->len;
    put_hex(m, "0210 1c 04 41 78");
    o.a_m = (uint16_t)m->len;
    put_hex(m, "0220 1d 05 41 78");
    o.b_m = (uint16_t)m->len;
    put_hex(m, "0220 18 1d 8c 000e 10 0a 41 78");
    o.a_p = (uint16_t)m->len;
    put_hex(m, "0110 10 07 78");
    return o;
}

static inline void build_classes(struct mm_buf *c, const struct test_offsets *o)
{
    put_hex(c, "c1 8102");                      /* 0: I extends Shareable */
    put_hex(c, "01 8000 06 00 02 01 01 00 01"); /* 3: A */
    mm_buf_u16(c, o->a_m);
    mm_buf_u16(c, o->a_p);
    put_hex(c, "0000 01 01");                   /* I.0 is A.1 */
    put_hex(c, "00 0003 00 ff 00 01 01 00 00"); /* 21: B */
    mm_buf_u16(c, o->b_m);
}

static inline void build_pool(struct mm_buf *k, const struct test_offsets *o)
{
    mm_buf_u16(k, K_N);
    put_hex(k, "0600"), mm_buf_u16(k, o->main);
    put_hex(k, "01 0003 00  02 0003 00  02 0003 02  02 0003 03  02 0003 04"
               "05 00 0000  05 00 0002  05 00 0004  05 00 0005  05 00 0007"
               "03 0003 01  06 80 00 00");
    put_hex(k, "0600"), mm_buf_u16(k, o->helper);
    put_hex(
        k, "04 0015 01  01 0000 00  01 8000 00  03 0003 80  01 0015 00  01 8001 00"
           "01 8009 00  06 81 07 01  01 8102 00  06 81 08 00  06 81 08 01"
           "03 8000 00  01 8112 00  06 81 07 00  06 81 08 09  06 81 08 63  05 00 000a  02 0003 05");
}

/* The load file; the caller frees it. */
static inline uint8_t *build_lfdb(const struct test_code *t, size_t *len)
{
    struct mm_buf part[13], out;
    struct test_offsets o;
    static const uint8_t order[] = {1, 2, 4, 6, 7, 8, 5, 9};

    for (size_t i = 0; i < 13; i++)
        mm_buf_init(&part[i]);
    mm_buf_init(&out);
    put_hex(&part[1], "decaffed 01 02 01 00 01 06 f00102030405");
    put_hex(&part[4], "02 00 01 07 a0000000620001  06 01 07 a0000000620101");
    o = build_methods(&part[7], t);
    build_classes(&part[6], &o);
    build_pool(&part[5], &o);
    put_hex(&part[8], "000b 0002 0001 03 0002 05fa 0000 0007 80 1234 01020304");
    put_hex(&part[9], "0000 0000");
    for (unsigned i = 1; i <= 11; i++) /* Directory: sizes in tag order */
        mm_buf_u16(&part[2], i == 2 ? 31 : (uint16_t)part[i].len);
    put_hex(&part[2], "000b 0001 0002 02 00 00");
    for (size_t i = 0; i < sizeof(order); i++)
        put_component(&out, order[i], &part[order[i]]);
    for (size_t i = 0; i < 13; i++)
        mm_buf_clear(&part[i]);
    return mm_buf_take(&out, len);
}

/* Load the package with this main; gives the status of the link. */
static inline enum mm_status code_load(struct test_chip *c, const struct test_code *t,
                                       struct mm_err *err)
{
    size_t len = 0;
    uint8_t *lfdb = build_lfdb(t, &len);
    enum mm_status st;

    must(lfdb != NULL, "build_lfdb", "out of memory");
    st = chip_load(c, TEST_PACKAGE, lfdb, len, err);
    free(lfdb);
    if (st == MM_OK)
        st = mm_comp_add(c->nvm, TEST_APPLET, MM_COMP_APPLET, &(struct mm_aid){5, {0xF1}});
    mm_vm_applet_bind(c->vm, TEST_APPLET, TEST_PACKAGE);
    return st;
}

/* Run main as applet owner; the package's own context. */
static inline enum mm_run code_run(struct test_chip *c, const struct test_code *t, mm_comp ctx,
                                   const uint16_t *args, uint16_t ret[2])
{
    const struct mm_package *pkg = mm_package_get(c->vm, TEST_PACKAGE);
    const struct mm_method *m = mm_package_method(pkg, (uint16_t)(1 + 8 * t->handler_n));

    return mm_call(c->vm, m, args, ctx, TEST_APPLET, ret);
}

#endif
