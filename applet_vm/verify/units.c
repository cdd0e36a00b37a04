/* Packages at hand, and what their Descriptors say (JCVM 3.0.5, 6.14). */
#include "applet_vm/verify/verify_int.h"

#include <stdlib.h>
#include <string.h>

#define DESC_CLASS_LEN  9
#define DESC_FIELD_LEN  7
#define DESC_METHOD_LEN 12
#define DESC_ABSTRACT   0x40
#define CODE_ABSTRACT   0x4 /* of a method header */
#define HASHED          8   /* characters of a name */

/* Where a name's place in the table begins: of its end, as that is where names differ. */
static size_t hash(const char *name, size_t len)
{
    size_t n = len < HASHED ? len : HASHED;
    uint64_t end = 0;

    memcpy(&end, name + len - n, n);
    return (size_t)((end + len) * 0x9E3779B97F4A7C15u >> 32); /* 2^64 over the golden ratio */
}

static enum mm_status no_memory(const struct mm_verifier *v)
{
    return mm_fail(v->err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

static enum mm_status list_names(struct mm_verifier *v)
{
    size_t n = 0;

    for (size_t u = 0; u < v->unit_n; u++)
        n += v->units[u].rom != NULL ? v->units[u].rom->class_n : 0;
    for (v->name_cap = 64; v->name_cap < 2 * n;)
        v->name_cap *= 2;
    v->names = calloc(v->name_cap, sizeof(v->names[0]));
    if (v->names == NULL)
        return no_memory(v);
    for (size_t u = 0; u < v->unit_n; u++) {
        const struct mm_rom_package *rom = v->units[u].rom;
        for (size_t i = 0; rom != NULL && i < rom->class_n; i++) {
            const char *name = rom->classes[i].name;
            size_t at = hash(name, strlen(name)) & (v->name_cap - 1);
            while (v->names[at].name != NULL)
                at = (at + 1) & (v->name_cap - 1);
            v->names[at] = (struct mm_name){name, VT_CLASS(u, i)};
        }
    }
    v->object = mm_class_named(v, "java/lang/Object", 16);
    v->throwable = mm_class_named(v, "java/lang/Throwable", 19);
    return MM_OK;
}

mm_vt mm_class_named(const struct mm_verifier *v, const char *name, size_t len)
{
    size_t at = hash(name, len) & (v->name_cap - 1);

    for (; v->names[at].name != NULL; at = (at + 1) & (v->name_cap - 1)) {
        if (strncmp(v->names[at].name, name, len) == 0 && v->names[at].name[len] == '\0')
            return v->names[at].type;
    }
    return VT(VT_TOP);
}

enum mm_status mm_units_open(struct mm_verifier *v, const struct mm_verify_env *env)
{
    v->units[v->unit_n++].cap = v->cap;
    for (size_t i = 0; env->rom[i] != NULL; i++) {
        if (v->unit_n == MM_UNIT_MAX)
            return mm_fail(v->err, MM_UNSUPPORTED, SIZE_MAX, "more than %d packages", MM_UNIT_MAX);
        v->units[v->unit_n++].rom = env->rom[i];
    }
    for (size_t i = 0; env->loaded != NULL; i++) {
        const struct mm_cap *cap = env->loaded(env->ctx, i);
        if (cap == NULL)
            break;
        if (v->unit_n == MM_UNIT_MAX)
            return mm_fail(v->err, MM_UNSUPPORTED, SIZE_MAX, "more than %d packages", MM_UNIT_MAX);
        v->units[v->unit_n++].cap = cap;
    }
    return list_names(v);
}

void mm_units_close(struct mm_verifier *v)
{
    for (size_t i = 0; i < v->unit_n; i++) {
        struct mm_unit *u = &v->units[i];
        free(u->imports);
        free(u->class_desc);
        free(u->method_desc);
        free(u->method_class);
        free(u->static_type);
        free(u->static_class);
        free(u->static_access);
        free(u->ret);
    }
    free(v->names);
}

/* ---- Imports (JCVM 4.5.2): same AID and major version, minor version not lower ---- */

static bool fits(const struct mm_cap_import *imp, const struct mm_unit *u)
{
    const struct mm_aid *aid = u->rom != NULL ? &u->rom->aid : mm_cap_aid(u->cap);
    uint8_t major = u->rom != NULL ? u->rom->major : mm_cap_major(u->cap);
    uint8_t minor = u->rom != NULL ? u->rom->minor : mm_cap_minor(u->cap);

    return mm_aid_equal(&imp->aid, aid) && imp->major == major && imp->minor <= minor;
}

static void find_imports(const struct mm_verifier *v, struct mm_unit *u)
{
    for (size_t i = 0; i < mm_cap_import_n(u->cap); i++) {
        u->imports[i] = MM_UNIT_NONE;
        for (size_t k = 1; k < v->unit_n && u->imports[i] == MM_UNIT_NONE; k++) {
            if (fits(mm_cap_import(u->cap, i), &v->units[k]))
                u->imports[i] = (uint16_t)k;
        }
    }
}

/* ---- The Descriptor, by class and by method. mm_cap_read checked its structure. ---- */

static size_t class_index(const struct mm_cap *cap, uint16_t off)
{
    return (size_t)(mm_cap_class_at(cap, off) - mm_cap_class(cap, 0));
}

static enum mm_status bad_desc(const struct mm_verifier *v, const struct mm_unit *u,
                               const uint8_t *at, const char *what)
{
    return mm_verify_bad(v->err, MM_RULE_DESCRIPTOR, MM_CAP_DESCRIPTOR,
                         (size_t)(at - mm_cap_component(u->cap, MM_CAP_DESCRIPTOR)->info), "%s",
                         what);
}

static enum mm_status take_static_fields(struct mm_verifier *v, struct mm_unit *u, size_t cls,
                                         const uint8_t *p, size_t n)
{
    size_t image = mm_cap_statics(u->cap)->image_len;

    for (size_t i = 0; i < n; i++, p += DESC_FIELD_LEN) {
        uint16_t off = mm_be16(p + 3);
        if ((p[1] & MM_ACC_STATIC) == 0)
            continue;
        if (p[2] != 0 || off >= image)
            return bad_desc(v, u, p, "a static field that is outside the image");
        if (u->static_type[off] != 0)
            return bad_desc(v, u, p, "two static fields in one place");
        u->static_type[off] = mm_be16(p + 5);
        u->static_class[off] = (uint16_t)cls;
        u->static_access[off] = p[1];
    }
    return MM_OK;
}

static enum mm_status take_methods(struct mm_verifier *v, struct mm_unit *u, size_t cls,
                                   const uint8_t *p, size_t n)
{
    if ((mm_cap_class(u->cap, cls)->flags & MM_CAP_ACC_INTERFACE) != 0)
        return MM_OK;
    for (size_t i = 0; i < n; i++, p += DESC_METHOD_LEN) {
        const struct mm_cap_method *m = mm_cap_method_at(u->cap, mm_be16(p + 2));
        size_t at = (size_t)(m - mm_cap_method(u->cap, 0));
        if (m == NULL)
            return bad_desc(v, u, p, "no method where the Descriptor has one");
        if (u->method_desc[at] != NULL)
            return bad_desc(v, u, p, "a method is described twice");
        if (((p[1] & DESC_ABSTRACT) != 0) != ((m->flags & CODE_ABSTRACT) != 0))
            return bad_desc(v, u, p,
                            "abstract here, but not in the method header, or the other way");
        u->method_desc[at] = p;
        u->method_class[at] = (uint16_t)cls;
    }
    return MM_OK;
}

static enum mm_status read_descriptor(struct mm_verifier *v, struct mm_unit *u)
{
    const struct mm_cap_component *c = mm_cap_component(u->cap, MM_CAP_DESCRIPTOR);
    const uint8_t *p;
    enum mm_status st = MM_OK;

    if (c->info == NULL)
        return MM_OK;
    p = c->info + 1;
    for (unsigned i = 0; st == MM_OK && i < c->info[0]; i++) {
        size_t fields = mm_be16(p + 5), methods = mm_be16(p + 7);
        const uint8_t *first = p + DESC_CLASS_LEN + 2u * p[4];
        size_t cls = class_index(u->cap, mm_be16(p + 2));
        if (u->class_desc[cls] != NULL)
            return bad_desc(v, u, p, "a class is described twice");
        u->class_desc[cls] = p;
        st = take_static_fields(v, u, cls, first, fields);
        first += DESC_FIELD_LEN * fields;
        if (st == MM_OK)
            st = take_methods(v, u, cls, first, methods);
        p = first + DESC_METHOD_LEN * methods;
    }
    u->types = p;
    return st;
}

enum mm_status mm_unit_need(struct mm_verifier *v, size_t unit)
{
    struct mm_unit *u = &v->units[unit];
    size_t classes, methods, image;

    if (u->opened || u->cap == NULL)
        return MM_OK;
    classes = mm_cap_class_n(u->cap) + 1;
    methods = mm_cap_method_n(u->cap) + 1;
    image = mm_cap_statics(u->cap)->image_len + 1u;
    u->opened = true;
    u->imports = calloc(mm_cap_import_n(u->cap) + 1, sizeof(u->imports[0]));
    u->class_desc = calloc(classes, sizeof(u->class_desc[0]));
    u->method_desc = calloc(methods, sizeof(u->method_desc[0]));
    u->method_class = calloc(methods, sizeof(u->method_class[0]));
    u->static_type = calloc(image, sizeof(u->static_type[0]));
    u->static_class = calloc(image, sizeof(u->static_class[0]));
    u->static_access = calloc(image, 1);
    u->ret = calloc(methods, sizeof(u->ret[0]));
    if (u->imports == NULL || u->class_desc == NULL || u->method_desc == NULL ||
        u->method_class == NULL || u->static_type == NULL || u->static_class == NULL ||
        u->static_access == NULL || u->ret == NULL)
        return no_memory(v);
    find_imports(v, u);
    return read_descriptor(v, u);
}

/* ---- References and types ---- */

/* Class of a ROM package, or class an applet's package exports, by token. */
static mm_vt class_of_token(struct mm_verifier *v, size_t unit, uint8_t token)
{
    const struct mm_unit *u = &v->units[unit];
    struct mm_cap_export ex;

    for (size_t i = 0; u->rom != NULL && i < u->rom->class_n; i++) {
        if (u->rom->classes[i].token == token)
            return VT_CLASS(unit, i);
    }
    if (u->rom != NULL || !mm_cap_export(u->cap, token, &ex))
        return VT(VT_TOP);
    return VT_CLASS(unit, class_index(u->cap, ex.class_off));
}

mm_vt mm_class_ref(struct mm_verifier *v, size_t unit, uint16_t class_ref)
{
    struct mm_unit *u = &v->units[unit];
    const struct mm_cap_class *c;
    size_t package = (class_ref >> 8) & 0x7Fu;

    if (class_ref == MM_CAP_CLASS_NONE || mm_unit_need(v, unit) != MM_OK)
        return VT(VT_TOP);
    if ((class_ref & MM_CAP_CLASS_EXTERNAL) == 0) {
        c = mm_cap_class_at(u->cap, class_ref);
        return c != NULL ? VT_CLASS(unit, c - mm_cap_class(u->cap, 0)) : VT(VT_TOP);
    }
    if (package >= mm_cap_import_n(u->cap) || u->imports[package] == MM_UNIT_NONE)
        return VT(VT_TOP);
    return class_of_token(v, u->imports[package], (uint8_t)class_ref);
}

mm_vt mm_string_type(const struct mm_verifier *v, const char **p)
{
    bool array = **p == '[';
    const char *end;
    mm_vt cls;

    *p += array;
    switch (*(*p)++) {
    case 'Z':
        return VT(array ? VT_BOOLS : VT_SHORT);
    case 'B':
        return VT(array ? VT_BYTES : VT_SHORT);
    case 'S':
        return VT(array ? VT_SHORTS : VT_SHORT);
    case 'I':
        return VT(array ? VT_INTS : VT_INT_HI);
    case 'L':
        end = strchr(*p, ';');
        cls = mm_class_named(v, *p, (size_t)(end - *p));
        *p = end + 1;
        if (VT_KIND(cls) != VT_REF) /* of a version that this chip has not: nothing more is known */
            cls = v->object;
        return array ? VT_OF(VT_REFS, VT_WHAT(cls)) : cls;
    default:
        return VT_VOID;
    }
}

void mm_type_open(const struct mm_unit *u, uint16_t off, struct mm_type_rd *rd)
{
    *rd = (struct mm_type_rd){.nibbles = u->types + off + 1, .n = u->types[off]};
}

static unsigned nibble(struct mm_type_rd *rd)
{
    unsigned two = rd->nibbles[rd->i / 2], v = rd->i % 2 == 0 ? two >> 4 : two & 0x0F;

    rd->i++;
    return v;
}

mm_vt mm_type_next(struct mm_verifier *v, size_t unit, struct mm_type_rd *rd)
{
    unsigned code = nibble(rd);
    uint16_t ref = 0;
    mm_vt cls;

    switch (code) {
    case 1:
        return VT_VOID;
    case 2:
    case 3:
    case 4:
        return VT(VT_SHORT);
    case 5:
        return VT(VT_INT_HI);
    case 10:
        return VT(VT_BOOLS);
    case 11:
        return VT(VT_BYTES);
    case 12:
        return VT(VT_SHORTS);
    case 13:
        return VT(VT_INTS);
    default: /* 6 and 14: a class_ref follows */
        for (unsigned i = 0; i < 4; i++)
            ref = (uint16_t)((unsigned)ref << 4 | nibble(rd));
        cls = mm_class_ref(v, unit, ref);
        return VT_KIND(cls) == VT_REF && code == 14 ? VT_OF(VT_REFS, VT_WHAT(cls)) : cls;
    }
}
