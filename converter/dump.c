/*
 * A CAP file as readable assembly. The file was read and checked by mm_cap_read, so offsets and
 * counts hold; reads go through the bounded cursor all the same. Names follow numbers where names.c
 * knows some.
 */
#include "converter/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define METHODS_MAX                                                                                \
    4096 /* Method info has at most 65535 bytes; more starts than this is no package */

struct dump {
    const struct mm_cap *cap;
    const struct mm_names *names; /* NULL: numbers only */
    FILE *out;
    uint16_t starts[METHODS_MAX];
    size_t start_n;
};

static struct mm_rd part(const struct dump *d, enum mm_cap_tag tag)
{
    const struct mm_cap_component *c = mm_cap_component(d->cap, tag);
    struct mm_rd rd;

    mm_rd_init(&rd, c == NULL ? NULL : c->info, c == NULL || c->info == NULL ? 0 : c->len);
    return rd;
}

static void print_aid(FILE *out, const struct mm_aid *aid)
{
    char hex[2 * MM_AID_MAX + 1];

    fputs(mm_hex(aid->bytes, aid->len, hex), out);
}

/* class_ref: "1.3" is class token 3 of import 1, "@0x12" an offset in the Class component. */
static void print_class(FILE *out, uint16_t ref)
{
    if (ref == 0xFFFF)
        fputs("none", out);
    else if (ref & 0x8000)
        fprintf(out, "%u.%u", ref >> 8 & 0x7F, ref & 0xFF);
    else
        fprintf(out, "@0x%04x", ref);
}

static void print_name(FILE *out, const char *name)
{
    if (name != NULL)
        fprintf(out, " %s", name);
}

static void print_named_class(const struct dump *d, uint16_t ref)
{
    print_class(d->out, ref);
    print_name(d->out, mm_names_class(d->names, ref));
}

static void print_constant(const struct dump *d, const struct mm_cap_cp *c)
{
    FILE *out = d->out;
    static const char *const names[] = {"?",     "class",       "field",       "virtual",
                                        "super", "staticField", "staticMethod"};

    fprintf(out, "%s ", names[c->tag <= 6 ? c->tag : 0]);
    if (c->tag >= 5 && c->b[0] & 0x80)
        fprintf(out, "%u.%u.%u", c->b[0] & 0x7F, c->b[1], c->b[2]);
    else if (c->tag >= 5)
        fprintf(out, "@0x%04x", mm_be16(c->b + 1));
    else
        print_class(out, mm_be16(c->b));
    if (c->tag >= 2 && c->tag <= 4)
        fprintf(out, " token %u%s", c->b[2] & 0x7F,
                c->tag != 2 && c->b[2] & 0x80 ? " (package)" : "");
    print_name(out, mm_names_constant(d->names, c));
}

static void dump_head(struct dump *d)
{
    uint8_t flags = mm_cap_flags(d->cap);

    fputs(".package ", d->out);
    print_aid(d->out, mm_cap_aid(d->cap));
    fprintf(d->out, " %u.%u%s%s%s\n", mm_cap_major(d->cap), mm_cap_minor(d->cap),
            flags & 1 ? " int" : "", flags & 2 ? " export" : "", flags & 4 ? " applet" : "");
    for (size_t i = 0; i < mm_cap_import_n(d->cap); i++) {
        const struct mm_cap_import *im = mm_cap_import(d->cap, i);

        fprintf(d->out, ".import %zu ", i);
        print_aid(d->out, &im->aid);
        fprintf(d->out, " %u.%u", im->major, im->minor);
        print_name(d->out, mm_names_import(d->names, i));
        fputc('\n', d->out);
    }
    for (size_t i = 0; i < mm_cap_applet_n(d->cap); i++) {
        const struct mm_cap_applet *a = mm_cap_applet(d->cap, i);

        fputs(".applet ", d->out);
        print_aid(d->out, &a->aid);
        fprintf(d->out, " install @0x%04x\n", a->install_off);
    }
    fputc('\n', d->out);
    for (size_t i = 0; i < mm_cap_cp_n(d->cap); i++) {
        fprintf(d->out, ".constant %zu ", i);
        print_constant(d, mm_cap_cp(d->cap, i));
        fputc('\n', d->out);
    }
}

static void add_start(struct dump *d, uint16_t off)
{
    for (size_t i = 0; i < d->start_n; i++) {
        if (d->starts[i] == off)
            return;
    }
    if (off != 0xFFFF && d->start_n < METHODS_MAX)
        d->starts[d->start_n++] = off;
}

static void dump_table(struct dump *d, struct mm_rd *rd, const char *name, unsigned base,
                       unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint16_t off = mm_rd_u16(rd);

        if (off == 0xFFFF)
            fprintf(d->out, "    %s %u inherited", name, base + i);
        else
            fprintf(d->out, "    %s %u @0x%04x", name, base + i, off);
        print_name(d->out, off == 0xFFFF ? NULL : mm_names_method(d->names, off));
        fputc('\n', d->out);
        add_start(d, off);
    }
}

static void dump_class(struct dump *d, struct mm_rd *rd, uint8_t bits)
{
    uint16_t super = mm_rd_u16(rd);
    uint8_t cells = mm_rd_u8(rd), first = mm_rd_u8(rd), refs = mm_rd_u8(rd);
    uint8_t pub = mm_rd_u8(rd), pub_n = mm_rd_u8(rd), pkg = mm_rd_u8(rd), pkg_n = mm_rd_u8(rd);

    fputs(" extends ", d->out);
    print_named_class(d, super);
    fprintf(d->out, " cells %u", cells);
    if (refs != 0)
        fprintf(d->out, " references %u..%u", first, first + refs - 1);
    fputc('\n', d->out);
    dump_table(d, rd, "virtual", pub, pub_n);
    dump_table(d, rd, "package", pkg, pkg_n);
    for (unsigned i = 0; i < (bits & 15u); i++) {
        uint16_t iface = mm_rd_u16(rd);
        uint8_t n = mm_rd_u8(rd);

        fputs("    implements ", d->out);
        print_named_class(d, iface);
        for (unsigned k = 0; k < n; k++)
            fprintf(d->out, " %u", mm_rd_u8(rd));
        fputc('\n', d->out);
    }
}

static void print_source(const struct dump *d, uint16_t off)
{
    const struct mm_named_class *c = mm_names_class_at(d->names, off);

    if (c != NULL && c->source[0] != '\0')
        fprintf(d->out, " (%s)", c->source);
}

static void dump_classes(struct dump *d)
{
    struct mm_rd rd = part(d, MM_CAP_CLASS);
    struct mm_rd head = part(d, MM_CAP_HEADER);

    (void)mm_rd_u32(&head);
    if (mm_rd_u8(&head) >= 2) /* format 2.2 begins with the signature pool */
        (void)mm_rd_bytes(&rd, mm_rd_u16(&rd));
    fputc('\n', d->out);
    while (!rd.bad && mm_rd_left(&rd) != 0) {
        size_t off = rd.off;
        uint8_t bits = mm_rd_u8(&rd);

        fprintf(d->out, ".%s @0x%04zx", bits & 0x80 ? "interface" : "class", off);
        print_name(d->out, mm_names_class(d->names, (uint16_t)off));
        print_source(d, (uint16_t)off);
        fprintf(d->out, "%s%s", bits & 0x40 ? " shareable" : "", bits & 0x20 ? " remote" : "");
        if (!(bits & 0x80)) {
            dump_class(d, &rd, bits);
            continue;
        }
        for (unsigned i = 0; i < (bits & 15u); i++) {
            fputs(i == 0 ? " extends " : ", ", d->out);
            print_named_class(d, mm_rd_u16(&rd));
        }
        if (bits & 0x20)
            (void)mm_rd_bytes(&rd, mm_rd_u8(&rd)); /* name of a remote interface */
        fputc('\n', d->out);
    }
}

/* ---- Code ---- */

static void print_ref(struct dump *d, uint16_t idx)
{
    const struct mm_cap_cp *c = idx < mm_cap_cp_n(d->cap) ? mm_cap_cp(d->cap, idx) : NULL;

    fprintf(d->out, " %u", idx);
    if (c != NULL) {
        fputs(" ; ", d->out);
        print_constant(d, c);
    }
}

static void print_switch(struct dump *d, const uint8_t *p, uint16_t at, bool table, bool is_int)
{
    unsigned key_len = is_int ? 4 : 2;
    const uint8_t *q = p + 3 + (table ? 2 * key_len : 2);
    int32_t key = is_int ? (int32_t)mm_be32(p + 3) : (int16_t)mm_be16(p + 3);
    uint32_t n = mm_be16(p + 3);

    if (table)
        n = (uint32_t)((is_int ? (int32_t)mm_be32(p + 7) : (int16_t)mm_be16(p + 5)) - key) + 1;
    fprintf(d->out, " default:%04x", (uint16_t)(at + mm_be16(p + 1)));
    for (uint32_t i = 0; i < n; i++) {
        if (!table) {
            key = is_int ? (int32_t)mm_be32(q) : (int16_t)mm_be16(q);
            q += key_len;
        }
        fprintf(d->out, " %" PRId32 ":%04x", key, (uint16_t)(at + mm_be16(q)));
        key++;
        q += 2;
    }
}

static void print_operands(struct dump *d, const uint8_t *p, uint16_t at)
{
    switch (mm_op_info(p[0])->operands) {
    case MM_OPERANDS_S8:
        fprintf(d->out, " %d", (int8_t)p[1]);
        break;
    case MM_OPERANDS_S16:
        fprintf(d->out, " %d", (int16_t)mm_be16(p + 1));
        break;
    case MM_OPERANDS_S32:
        fprintf(d->out, " %" PRId32, (int32_t)mm_be32(p + 1));
        break;
    case MM_OPERANDS_BRANCH8:
        fprintf(d->out, " %04x", (uint16_t)(at + (int8_t)p[1]));
        break;
    case MM_OPERANDS_BRANCH16:
        fprintf(d->out, " %04x", (uint16_t)(at + mm_be16(p + 1)));
        break;
    case MM_OPERANDS_LOCAL:
    case MM_OPERANDS_ATYPE:
        fprintf(d->out, " %u", p[1]);
        break;
    case MM_OPERANDS_LOCAL_S8:
        fprintf(d->out, " %u %d", p[1], (int8_t)p[2]);
        break;
    case MM_OPERANDS_LOCAL_S16:
        fprintf(d->out, " %u %d", p[1], (int16_t)mm_be16(p + 2));
        break;
    case MM_OPERANDS_CP8_FIELD:
        print_ref(d, p[1]);
        break;
    case MM_OPERANDS_CP16_FIELD:
    case MM_OPERANDS_CP16_STATIC_FIELD:
    case MM_OPERANDS_CP16_VIRTUAL:
    case MM_OPERANDS_CP16_SPECIAL:
    case MM_OPERANDS_CP16_STATIC_METHOD:
    case MM_OPERANDS_CP16_CLASS:
        print_ref(d, mm_be16(p + 1));
        break;
    case MM_OPERANDS_INTERFACE:
        fprintf(d->out, " cells %u token %u", p[1], p[4]);
        print_ref(d, mm_be16(p + 2));
        break;
    case MM_OPERANDS_ATYPE_CP16_CLASS:
        fprintf(d->out, " type %u", p[1]);
        if (p[1] == 0 || p[1] == 14)
            print_ref(d, mm_be16(p + 2));
        break;
    case MM_OPERANDS_MN:
        fprintf(d->out, " %u %u", p[1] >> 4, p[1] & 15);
        break;
    case MM_OPERANDS_STABLESWITCH:
    case MM_OPERANDS_ITABLESWITCH:
        print_switch(d, p, at, true, p[0] == MM_OP_ITABLESWITCH);
        break;
    case MM_OPERANDS_SLOOKUPSWITCH:
    case MM_OPERANDS_ILOOKUPSWITCH:
        print_switch(d, p, at, false, p[0] == MM_OP_ILOOKUPSWITCH);
        break;
    default:
        break;
    }
}

/* ".line" where a source line begins. */
static void print_line(const struct dump *d, const struct mm_named_method *m, uint16_t pc)
{
    for (size_t i = 0; m != NULL && i < m->line_n; i++) {
        if (m->lines[i].pc == pc)
            fprintf(d->out, "    .line %u\n", m->lines[i].line);
    }
}

static enum mm_status dump_method(struct dump *d, const struct mm_cap_component *c, uint16_t start,
                                  uint16_t end, struct mm_err *err)
{
    const uint8_t *h = c->info + start;
    bool extended = (h[0] & 0x80) != 0;
    const struct mm_named_class *cls = NULL;
    const struct mm_named_method *m = mm_names_method_at(d->names, start, &cls);
    uint16_t at = (uint16_t)(start + (extended ? 4 : 2)), first = at;

    if (end <= start || end - start < (extended ? 4 : 2))
        return mm_fail(err, MM_MALFORMED, start, "Method component, offset 0x%x: no header", start);
    fprintf(d->out, "\n.method @0x%04x", start);
    print_name(d->out, mm_names_method(d->names, start));
    fprintf(d->out, "%s stack %u args %u locals %u\n", h[0] & 0x40 ? " abstract" : "",
            extended ? h[1] : h[0] & 15u, extended ? h[2] : h[1] >> 4,
            extended ? h[3] : h[1] & 15u);
    while (at < end && !(h[0] & 0x40)) {
        size_t len = mm_op_len(c->info, end, at);

        if (len == 0)
            return mm_fail(err, MM_MALFORMED, at,
                           "Method component, offset 0x%x: not an instruction", at);
        print_line(d, m, (uint16_t)(at - first));
        fprintf(d->out, "    %04x: %s", at, mm_op_info(c->info[at])->name);
        print_operands(d, c->info + at, at);
        fputc('\n', d->out);
        at = (uint16_t)(at + len);
    }
    return MM_OK;
}

/* Methods have no table of their own: everything that points at one tells where it begins. */
static void find_methods(struct dump *d)
{
    struct mm_rd rd = part(d, MM_CAP_DESCRIPTOR);
    uint8_t n = mm_rd_u8(&rd);

    for (size_t i = 0; i < mm_cap_applet_n(d->cap); i++)
        add_start(d, mm_cap_applet(d->cap, i)->install_off);
    for (size_t i = 0; i < mm_cap_cp_n(d->cap); i++) {
        const struct mm_cap_cp *c = mm_cap_cp(d->cap, i);
        if (c->tag == 6 && !(c->b[0] & 0x80))
            add_start(d, mm_be16(c->b + 1));
    }
    for (unsigned i = 0; i < n && !rd.bad; i++) {
        uint16_t fields, methods;
        uint8_t access, ifaces;

        (void)mm_rd_u8(&rd);
        access = mm_rd_u8(&rd);
        (void)mm_rd_u16(&rd);
        ifaces = mm_rd_u8(&rd);
        fields = mm_rd_u16(&rd);
        methods = mm_rd_u16(&rd);
        (void)mm_rd_bytes(&rd, 2u * ifaces + 7u * fields);
        for (unsigned k = 0; k < methods && !rd.bad; k++) {
            (void)mm_rd_u16(&rd);
            if (access & 0x40) /* an interface's methods are not in the Method component */
                (void)mm_rd_u16(&rd);
            else
                add_start(d, mm_rd_u16(&rd));
            (void)mm_rd_bytes(&rd, 8);
        }
    }
}

static int by_offset(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static enum mm_status dump_methods(struct dump *d, struct mm_err *err)
{
    const struct mm_cap_component *c = mm_cap_component(d->cap, MM_CAP_METHOD);
    struct mm_rd rd = part(d, MM_CAP_METHOD);
    uint8_t handlers = mm_rd_u8(&rd);
    enum mm_status st = MM_OK;

    if (c == NULL || c->info == NULL)
        return MM_OK;
    for (unsigned i = 0; i < handlers; i++) {
        uint16_t start = mm_rd_u16(&rd), len = mm_rd_u16(&rd), to = mm_rd_u16(&rd);
        uint16_t type = mm_rd_u16(&rd);

        fprintf(d->out, "%s.handler %04x..%04x to %04x%s", i == 0 ? "\n" : "", start,
                start + (len & 0x7FFF), to, len & 0x8000 ? " last" : "");
        if (type != 0)
            print_ref(d, type);
        fputc('\n', d->out);
    }
    find_methods(d);
    qsort(d->starts, d->start_n, sizeof(*d->starts), by_offset);
    for (size_t i = 0; st == MM_OK && i < d->start_n; i++) {
        uint16_t end = i + 1 < d->start_n ? d->starts[i + 1] : c->len;

        if (d->starts[i] + 2 > c->len)
            return mm_fail(err, MM_MALFORMED, d->starts[i], "Method component ends before 0x%x",
                           d->starts[i]);
        st = dump_method(d, c, d->starts[i], end, err);
    }
    return st;
}

static void dump_statics(struct dump *d)
{
    struct mm_rd rd = part(d, MM_CAP_STATIC_FIELD);
    uint16_t size = mm_rd_u16(&rd), refs = mm_rd_u16(&rd), arrays = mm_rd_u16(&rd);
    uint16_t zeros;

    fprintf(d->out, "\n.statics %u bytes, %u references\n", size, refs);
    for (unsigned i = 0; i < arrays && !rd.bad; i++) {
        uint8_t type = mm_rd_u8(&rd);
        uint16_t n = mm_rd_u16(&rd);
        const uint8_t *p = mm_rd_bytes(&rd, n);

        fprintf(d->out, "    array %u type %u:", i, type);
        for (unsigned k = 0; p != NULL && k < n; k++)
            fprintf(d->out, " %02x", p[k]);
        fputc('\n', d->out);
    }
    zeros = mm_rd_u16(&rd);
    fprintf(d->out, "    %u bytes of zero\n    values:", zeros);
    (void)mm_rd_u16(&rd);
    while (!rd.bad && mm_rd_left(&rd) != 0)
        fprintf(d->out, " %02x", mm_rd_u8(&rd));
    fputc('\n', d->out);
}

static void dump_exports(struct dump *d)
{
    struct mm_rd rd = part(d, MM_CAP_EXPORT);
    uint8_t n = mm_rd_u8(&rd);

    for (unsigned i = 0; i < n && !rd.bad; i++) {
        uint16_t off = mm_rd_u16(&rd);
        uint8_t fields = mm_rd_u8(&rd), methods = mm_rd_u8(&rd);

        fprintf(d->out, "%s.export %u class @0x%04x", i == 0 ? "\n" : "", i, off);
        for (unsigned k = 0; k < fields; k++)
            fprintf(d->out, " field %u @0x%04x", k, mm_rd_u16(&rd));
        for (unsigned k = 0; k < methods; k++)
            fprintf(d->out, " method %u @0x%04x", k, mm_rd_u16(&rd));
        fputc('\n', d->out);
    }
}

enum mm_status mm_conv_list(const struct mm_cap *cap, const struct mm_names *names, FILE *out,
                            struct mm_err *err)
{
    struct dump d = {.cap = cap, .names = names, .out = out};
    enum mm_status st;

    dump_head(&d);
    dump_classes(&d);
    st = dump_methods(&d, err);
    if (st != MM_OK)
        return st;
    dump_statics(&d);
    dump_exports(&d);
    return ferror(out) ? mm_fail(err, MM_IO, SIZE_MAX, "cannot write the listing") : MM_OK;
}

enum mm_status mm_conv_dump(const char *path, const char *const *exports, size_t export_n,
                            FILE *out, struct mm_err *err)
{
    struct mm_arena *arena = mm_arena_new();
    struct mm_names *names = NULL;
    struct mm_cap *cap = NULL;
    enum mm_status st = mm_cap_read_file(path, &cap, err);

    if (st == MM_OK)
        st = mm_names_open(arena, cap, path, exports, export_n, &names, err);
    if (st == MM_OK)
        st = mm_conv_list(cap, names, out, err);
    mm_cap_free(&cap);
    mm_arena_free(&arena);
    return st;
}
