/*
 * Constant pool entries to fields (JCVM 3.0.5, 6.8.2, 6.8.4), with the types that the Descriptor or the
 * ROM tables give them, or what class layouts tell without a Descriptor.
 */
#include "applet_vm/verify/verify_int.h"

#define ROM_STATIC 0x0008

static void field_type(struct mm_verifier *v, size_t unit, uint16_t type, struct mm_vfield *out)
{
    static const char kinds[] = {0, 0, 'b', 'b', 's', 'i'};
    struct mm_type_rd rd;

    if ((type & 0x8000) != 0) {
        out->kind = kinds[type & 7];
        out->type = VT(out->kind == 'i' ? VT_INT_HI : VT_SHORT);
        return;
    }
    mm_type_open(&v->units[unit], type, &rd);
    out->kind = 'r';
    out->type = mm_type_next(v, unit, &rd);
}

static bool described_field(struct mm_verifier *v, mm_vt cls, uint8_t token, struct mm_vfield *out)
{
    const uint8_t *d = v->units[VT_UNIT(cls)].class_desc[VT_INDEX(cls)], *p;

    if (d == NULL)
        return false;
    p = d + 9 + 2u * d[4];
    mm_verify_spend(v, mm_be16(d + 5));
    for (size_t i = 0, n = mm_be16(d + 5); i < n; i++, p += 7) {
        if ((p[1] & MM_ACC_STATIC) != 0 || p[0] != token)
            continue;
        out->access = p[1];
        field_type(v, VT_UNIT(cls), mm_be16(p + 5), out);
        return VT_KIND(out->type) != VT_TOP;
    }
    return false;
}

static bool is_ref_cell(const struct mm_cap_class *c, unsigned token)
{
    return c->ref_n != 0 && token >= c->first_ref && token < (unsigned)c->first_ref + c->ref_n;
}

/* A field of a class that is known from a table. */
static bool rom_field(const struct mm_verifier *v, mm_vt cls, uint8_t token, bool is_static,
                      struct mm_vfield *out)
{
    const struct mm_rom_class *rom = mm_vt_rom(v, cls);

    for (size_t i = 0; i < rom->field_n; i++) {
        const struct mm_rom_field *f = &rom->fields[i];
        const char *desc = f->descriptor;

        if (f->token != token || ((f->access & ROM_STATIC) != 0) != is_static)
            continue;
        out->cls = cls;
        out->access = (uint8_t)f->access;
        out->kind = desc[0] == 'I' ? 'i' : desc[0] == 'S' ? 's' : desc[0] == 'L' ? 'r' : 'b';
        if (desc[0] == '[')
            out->kind = 'r';
        out->type = mm_string_type(v, &desc);
        return true;
    }
    return false;
}

enum mm_status mm_find_field(struct mm_verifier *v, uint16_t cp, size_t off, struct mm_vfield *out)
{
    const struct mm_cap_cp *e = mm_cap_cp(v->cap, cp);
    mm_vt cls = mm_class_ref(v, 0, mm_be16(e->b));
    const struct mm_cap_class *c;
    uint8_t token = e->b[2];
    enum mm_status st;

    *out = (struct mm_vfield){.cls = cls, .access = MM_ACC_PUBLIC};
    if (VT_KIND(cls) != VT_REF || mm_vt_interface(v, cls))
        return mm_member_missing(v, MM_RULE_FIELD, off, cp, "no class with fields");
    if (mm_vt_rom(v, cls) != NULL)
        return rom_field(v, cls, token, false, out)
                   ? MM_OK
                   : mm_member_missing(v, MM_RULE_FIELD, off, cp, "no such field");
    st = mm_unit_need(v, VT_UNIT(cls));
    if (st != MM_OK)
        return st;
    c = mm_vt_cap(v, cls);
    if (token >= c->declared_size)
        return mm_member_missing(v, MM_RULE_FIELD, off, cp, "no such field");
    if (v->units[VT_UNIT(cls)].types != NULL)
        return described_field(v, cls, token, out)
                   ? MM_OK
                   : mm_member_missing(v, MM_RULE_FIELD, off, cp,
                                       "the Descriptor has no such field");
    if (is_ref_cell(c, token)) {
        out->kind = 'r';
        out->type = VT(VT_ANYREF);
    }
    out->no_int = token + 1u >= c->declared_size || is_ref_cell(c, token + 1u);
    return MM_OK;
}

/* Where a StaticFieldref is: unit and offset in its image. */
static bool static_place(struct mm_verifier *v, const uint8_t b[3], size_t *unit, uint16_t *at)
{
    struct mm_cap_export ex;

    *unit = 0;
    *at = mm_be16(b + 1);
    if ((b[0] & 0x80) == 0)
        return true;
    if ((b[0] & 0x7Fu) >= mm_cap_import_n(v->cap))
        return false;
    *unit = v->units[0].imports[b[0] & 0x7F];
    if (*unit == MM_UNIT_NONE || v->units[*unit].cap == NULL ||
        !mm_cap_export(v->units[*unit].cap, b[1], &ex) || b[2] >= ex.field_n)
        return false;
    *at = mm_be16(ex.fields + 2u * b[2]);
    return true;
}

enum mm_status mm_find_static(struct mm_verifier *v, uint16_t cp, size_t off, struct mm_vfield *out)
{
    const struct mm_cap_cp *e = mm_cap_cp(v->cap, cp);
    mm_vt cls = (e->b[0] & 0x80) != 0 ? mm_class_ref(v, 0, mm_be16(e->b)) : VT(VT_TOP);
    const struct mm_unit *u;
    uint16_t at;
    size_t unit;
    enum mm_status st;

    *out = (struct mm_vfield){.cls = VT(VT_TOP), .access = MM_ACC_PUBLIC | MM_ACC_STATIC};
    if (VT_KIND(cls) == VT_REF && mm_vt_rom(v, cls) != NULL &&
        rom_field(v, cls, e->b[2], true, out))
        return MM_OK;
    if (!static_place(v, e->b, &unit, &at))
        return mm_member_missing(v, MM_RULE_FIELD, off, cp, "no such static field");
    st = mm_unit_need(v, unit);
    if (st != MM_OK)
        return st;
    u = &v->units[unit];
    if (u->types == NULL) {
        if (at < 2u * mm_cap_statics(u->cap)->ref_n) {
            out->kind = 'r';
            out->type = VT(VT_ANYREF);
        }
        return at % 2 == 0 || out->kind == 0
                   ? MM_OK
                   : mm_member_missing(v, MM_RULE_FIELD, off, cp, "half a static reference");
    }
    if (u->static_type[at] == 0)
        return mm_member_missing(v, MM_RULE_FIELD, off, cp,
                                 "the Descriptor has no such static field");
    out->cls = VT_CLASS(unit, u->static_class[at]);
    out->access = u->static_access[at];
    field_type(v, unit, u->static_type[at], out);
    return MM_OK;
}
