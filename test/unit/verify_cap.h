/*
 * The package of test_vm_cap.h with a Descriptor: one method body under test, of any signature.
 *
 * Types the Descriptor gives: A's fields are an A, a byte[], short, byte, int; the statics a byte[],
 * an Object, byte, short, int; main belongs to A.
 */
#ifndef TEST_VERIFY_CAP_H
#define TEST_VERIFY_CAP_H

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"
#include "test/unit/test_vm_cap.h"

#define STATIC      0x0A /* private static */
#define PRIVATE     0x02
#define CONSTRUCTOR 0x82

/* Offsets into type_descriptor_info. */
enum {
    T_POOL = 2 + 2 * K_N,
    T_SHORT_SHORT = T_POOL,
    T_NONE_SHORT = T_POOL + 2,
    T_A = T_POOL + 4,
    T_BYTES = T_POOL + 8,
    T_OBJECT = T_POOL + 10,
    T_MAIN = T_POOL + 14,
    T_SHORT = 0x8004
};

struct test_method {
    const char *code;  /* hex */
    const char *type;  /* type_descriptor of main, hex; NULL: (short, short) short */
    uint8_t access;    /* 0: STATIC */
    uint8_t max_stack; /* 0: 8 */
    uint8_t args;      /* 0: 2 */
    uint8_t max_locals;
    struct test_handler handler; /* target 0: none */
    bool no_descriptor;
    bool older;      /* B implements AppletEvent as it was before it had a method */
    bool final_of_b; /* the static int is final and B's */
    bool exported;   /* A is class 0 of the package */
    /* A of a package F00102030406 extends that one, its package-visible method being the second */
    bool extends_other;
    uint8_t a_access, a_m_access;               /* 0: public */
    uint16_t i_extends;                         /* 0: Shareable */
    uint16_t field_type, static_type, b_m_type; /* 0: as above */
};

static inline void put_field(struct mm_buf *d, uint8_t token, uint8_t access, uint32_t where,
                             uint16_t type)
{
    mm_buf_u8(d, token);
    mm_buf_u8(d, access);
    mm_buf_u8(d, (uint8_t)(where >> 16));
    mm_buf_u16(d, (uint16_t)where);
    mm_buf_u16(d, type);
}

static inline void put_method(struct mm_buf *d, uint8_t token, uint8_t access, uint16_t off,
                              uint16_t type, size_t len)
{
    mm_buf_u8(d, token);
    mm_buf_u8(d, access);
    mm_buf_u16(d, off);
    mm_buf_u16(d, type);
    mm_buf_u16(d, (uint16_t)len);
    mm_buf_u16(d, 0);
    mm_buf_u16(d, 0);
}

static inline void build_types(struct mm_buf *d, const struct mm_buf *pool, const char *main_type)
{
    mm_buf_u16(d, K_N);
    for (size_t i = 0; i < K_N; i++)
        mm_buf_u16(d, pool->data[2 + 4 * i] == 1 ? 0xFFFF : T_NONE_SHORT);
    put_hex(d, "02 44  01 40  05 600030  01 b0  05 680000");
    put_hex(d, main_type != NULL ? main_type : "03 4440");
}

static inline void build_descriptor(struct mm_buf *d, const struct test_method *t,
                                    const struct test_offsets *o, size_t len,
                                    const struct mm_buf *pool)
{
    mm_buf_u8(d, 3);
    put_hex(d, "ff c1 0000 00 0000 0001"); /* I */
    put_method(d, 0, 0x41, 0, T_SHORT_SHORT, 0);
    mm_buf_u8(d, 0xFF); /* A */
    mm_buf_u8(d, t->a_access != 0 ? t->a_access : 1);
    put_hex(d, t->final_of_b ? "0003 00 0009 0004" : "0003 00 000a 0004");
    put_field(d, 0, 1, 0x000300, t->field_type != 0 ? t->field_type : T_A);
    put_field(d, 1, 1, 0x000301, T_BYTES);
    put_field(d, 2, 1, 0x000302, 0x8004);
    put_field(d, 3, 1, 0x000303, 0x8003);
    put_field(d, 4, 1, 0x000304, 0x8005);
    put_field(d, 0xFF, 9, 0, t->static_type != 0 ? t->static_type : T_BYTES);
    put_field(d, 0xFF, 9, 2, T_OBJECT);
    put_field(d, 0xFF, 9, 4, 0x8003);
    put_field(d, 0xFF, 9, 5, 0x8004);
    if (!t->final_of_b)
        put_field(d, 0xFF, 9, 7, 0x8005);
    put_method(d, 0xFF, t->access != 0 ? t->access : STATIC, o->main, T_MAIN, len);
    put_method(d, 0xFF, STATIC, o->helper, T_SHORT_SHORT, 4);
    put_method(d, 1, t->a_m_access != 0 ? t->a_m_access : 0x01, o->a_m, T_SHORT_SHORT, 4);
    put_method(d, 0x80, 0x00, o->a_p, T_NONE_SHORT, 3);
    put_hex(d, t->older ? "ff 01 0015 01" : "ff 01 0015 00"); /* B */
    put_hex(d, t->final_of_b ? "0001 0001" : "0000 0001");
    if (t->older)
        put_hex(d, "8112");
    if (t->final_of_b)
        put_field(d, 0xFF, 0x19, 7, 0x8005);
    put_method(d, 1, 0x01, o->b_m, t->b_m_type != 0 ? t->b_m_type : T_SHORT_SHORT, 9);
    build_types(d, pool, t->type);
}

/* The load file; the caller frees it. */
static inline uint8_t *build_verify_lfdb(const struct test_method *t, size_t *len)
{
    static const uint8_t order[] = {1, 2, 4, 6, 7, 8, 10, 5, 9, 11};
    uint8_t *code = malloc(strlen(t->code) + 1);
    struct test_code c = {.code = code, .len = strlen(t->code)};
    struct mm_buf part[13], out;
    struct test_offsets o;

    must(code != NULL && mm_unhex(t->code, code, &c.len) == MM_OK, "hex", t->code);
    c.max_stack = t->max_stack != 0 ? t->max_stack : 8;
    c.args = t->args != 0 ? t->args : 2;
    c.max_locals = t->max_locals;
    c.handler_n = t->handler.target != 0;
    c.handlers[0] = t->handler;
    for (size_t i = 0; i < 13; i++)
        mm_buf_init(&part[i]);
    mm_buf_init(&out);
    put_hex(&part[1], t->exported ? "decaffed 01 02 03" : "decaffed 01 02 01");
    put_hex(&part[1], t->extends_other ? "00 01 06 f00102030406" : "00 01 06 f00102030405");
    put_hex(&part[4], t->extends_other ? "03" : "02");
    put_hex(&part[4], "00 01 07 a0000000620001  06 01 07 a0000000620101");
    if (t->extends_other)
        put_hex(&part[4], "00 01 06 f00102030405");
    if (t->exported)
        put_hex(&part[10], "01 0003 00 00");
    o = build_methods(&part[7], &c);
    build_classes(&part[6], &o);
    if (t->older) {
        part[6].data[0x15] = 1;
        put_hex(&part[6], "8112 00");
    }
    if (t->i_extends != 0)
        mm_put_be16(part[6].data + 1, t->i_extends);
    if (t->extends_other) { /* the superclass, and the first of the package-visible methods here */
        mm_put_be16(part[6].data + CLASS_A + 1, 0x8200);
        part[6].data[CLASS_A + 8] = 1;
    }
    build_pool(&part[5], &o);
    put_hex(&part[8], "000b 0002 0001 03 0002 05fa 0000 0007 80 1234 01020304");
    put_hex(&part[9], "0000 0000");
    build_descriptor(&part[11], t, &o, c.len, &part[5]);
    for (unsigned i = 1; i <= 11; i++)
        mm_buf_u16(&part[2], i == 2 ? 31 : (uint16_t)part[i].len);
    put_hex(&part[2], t->extends_other ? "000b 0001 0002 03 00 00" : "000b 0001 0002 02 00 00");
    for (size_t i = 0; i < sizeof(order) - t->no_descriptor; i++) {
        if (order[i] != 10 || t->exported)
            put_component(&out, order[i], &part[order[i]]);
    }
    for (size_t i = 0; i < 13; i++)
        mm_buf_clear(&part[i]);
    free(code);
    return mm_buf_take(&out, len);
}

static inline enum mm_status verify_method(const struct test_method *t, struct mm_err *err)
{
    struct mm_verify_env env = {.rom = mm_api_packages()};
    struct mm_cap *cap = NULL;
    size_t len = 0;
    uint8_t *lfdb = build_verify_lfdb(t, &len);
    enum mm_status st;

    must(lfdb != NULL, "build_verify_lfdb", "out of memory");
    st = mm_cap_read(lfdb, len, &cap, err);
    if (st == MM_OK)
        st = mm_verify(cap, &env, NULL, err);
    mm_cap_free(&cap);
    free(lfdb);
    return st;
}

#endif
