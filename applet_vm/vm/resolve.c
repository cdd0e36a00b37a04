/*
 * Constant pool entries resolved (JCVM 3.0.5, 6.8): to classes, cells, static field offsets and
 * methods, of the package itself, of ROM packages and of loaded ones.
 */
#include "applet_vm/vm/vm_int.h"

enum { CP_CLASS = 1, CP_FIELD, CP_VIRTUAL, CP_SUPER, CP_STATIC_FIELD, CP_STATIC_METHOD };

static enum mm_status entry(const struct mm_package *pkg, uint16_t i, uint8_t tag,
                            const struct mm_cap_cp **out, struct mm_err *err)
{
    *out = i < mm_cap_cp_n(pkg->cap) ? mm_cap_cp(pkg->cap, i) : NULL;
    if (*out == NULL || (*out)->tag != tag)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "ConstantPool entry %u: tag %u, expected %u", i,
                       *out != NULL ? (*out)->tag : 0, tag);
    return MM_OK;
}

static enum mm_status missing(struct mm_err *err, uint16_t i, const char *what)
{
    return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "ConstantPool entry %u: no such %s", i, what);
}

/* What an Export component says of one class (JCVM 3.0.5, 6.13): its offset, or that of a static
 * field or method. */
enum export_kind { EXPORT_CLASS, EXPORT_FIELD, EXPORT_METHOD };
static bool export_find(const struct mm_package *pkg, uint8_t class_token, enum export_kind kind,
                        uint8_t token, uint16_t *off)
{
    const struct mm_cap_component *c = mm_cap_component(pkg->cap, MM_CAP_EXPORT);
    struct mm_rd rd;
    uint8_t n;

    mm_rd_init(&rd, c->info, c->info != NULL ? c->len : 0);
    n = mm_rd_u8(&rd);
    for (unsigned i = 0; i < n; i++) {
        uint16_t class_off = mm_rd_u16(&rd);
        uint8_t fields = mm_rd_u8(&rd), methods = mm_rd_u8(&rd);
        const uint8_t *table = mm_rd_bytes(&rd, 2u * ((size_t)fields + methods));

        if (table == NULL || rd.bad)
            return false;
        if (i != class_token)
            continue;
        if (kind == EXPORT_CLASS)
            *off = class_off;
        else if (kind == EXPORT_FIELD && token < fields)
            *off = mm_be16(table + 2u * token);
        else if (kind == EXPORT_METHOD && token < methods)
            *off = mm_be16(table + 2u * ((size_t)fields + token));
        else
            return false;
        return true;
    }
    return false;
}

const struct mm_class *mm_resolve_class_ref(const struct mm_package *pkg, uint16_t class_ref)
{
    const struct mm_imported *imp;
    uint8_t package = (class_ref >> 8) & 0x7F;
    uint16_t off;

    if ((class_ref & 0x8000) == 0)
        return mm_package_class(pkg, class_ref);
    if (package >= mm_cap_import_n(pkg->cap))
        return NULL;
    imp = &pkg->imports[package];
    if (imp->rom != NULL)
        return mm_rom_class(imp->rom, (uint8_t)class_ref);
    return export_find(imp->pkg, (uint8_t)class_ref, EXPORT_CLASS, 0, &off)
               ? mm_package_class(imp->pkg, off)
               : NULL;
}

enum mm_status mm_resolve_class(const struct mm_package *pkg, uint16_t cp,
                                const struct mm_class **out, struct mm_err *err)
{
    const struct mm_cap_cp *e;
    enum mm_status st = entry(pkg, cp, CP_CLASS, &e, err);

    if (st != MM_OK)
        return st;
    *out = mm_resolve_class_ref(pkg, mm_be16(e->b));
    return *out != NULL ? MM_OK : missing(err, cp, "class");
}

enum mm_status mm_resolve_field(const struct mm_package *pkg, uint16_t cp, uint16_t width,
                                uint16_t *cell, struct mm_err *err)
{
    const struct mm_cap_cp *e;
    const struct mm_class *cls;
    enum mm_status st = entry(pkg, cp, CP_FIELD, &e, err);

    if (st != MM_OK)
        return st;
    cls = mm_resolve_class_ref(pkg, mm_be16(e->b));
    if (cls == NULL || cls->interface || cls->rom != NULL ||
        cls->first_cell + e->b[2] + width > cls->cells)
        return missing(err, cp, "field");
    *cell = (uint16_t)(cls->first_cell + e->b[2]);
    return MM_OK;
}

enum mm_status mm_resolve_static_field(const struct mm_package *pkg, uint16_t cp, size_t width,
                                       const struct mm_package **owner, uint16_t *off,
                                       struct mm_err *err)
{
    const struct mm_cap_cp *e;
    enum mm_status st = entry(pkg, cp, CP_STATIC_FIELD, &e, err);

    if (st != MM_OK)
        return st;
    *owner = pkg;
    *off = mm_be16(e->b + 1);
    if ((e->b[0] & 0x80) != 0) {
        uint8_t package = e->b[0] & 0x7F;
        *owner = package < mm_cap_import_n(pkg->cap) ? pkg->imports[package].pkg : NULL;
        if (*owner == NULL || !export_find(*owner, e->b[1], EXPORT_FIELD, e->b[2], off))
            return missing(err, cp, "static field");
    }
    if (*off + width > (*owner)->statics_len)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                       "ConstantPool entry %u: static field offset "
                       "0x%04x is outside the image of %zu bytes",
                       cp, *off, (*owner)->statics_len);
    return MM_OK;
}

/* A method that may be linked against: not one of ROM that this chip does not have. */
static enum mm_status usable(const struct mm_method *m, uint16_t cp, struct mm_err *err)
{
    if (m == NULL)
        return missing(err, cp, "method");
    if (m->rom != NULL && m->native == NULL && !m->abstract)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                       "ConstantPool entry %u: this chip does not "
                       "have %s.%s%s",
                       cp, m->rom_class->rom->name, m->rom->name, m->rom->descriptor);
    return MM_OK;
}

static struct mm_method *static_method(const struct mm_package *pkg, const uint8_t b[3])
{
    const struct mm_imported *imp;
    uint16_t off;

    if ((b[0] & 0x80) == 0)
        return mm_package_method(pkg, mm_be16(b + 1));
    if ((b[0] & 0x7F) >= mm_cap_import_n(pkg->cap))
        return NULL;
    imp = &pkg->imports[b[0] & 0x7F];
    if (imp->rom != NULL) {
        const struct mm_class *cls = mm_rom_class(imp->rom, b[1]);
        return cls != NULL ? mm_rom_static(cls, b[2]) : NULL;
    }
    return export_find(imp->pkg, b[1], EXPORT_METHOD, b[2], &off) ? mm_package_method(imp->pkg, off)
                                                                  : NULL;
}

enum mm_status mm_resolve_method(const struct mm_package *pkg, uint16_t cp, bool special,
                                 struct mm_method **out, struct mm_err *err)
{
    const struct mm_cap_cp *e;
    bool super = special && cp < mm_cap_cp_n(pkg->cap) && mm_cap_cp(pkg->cap, cp)->tag == CP_SUPER;
    enum mm_status st = entry(pkg, cp, super ? CP_SUPER : CP_STATIC_METHOD, &e, err);

    if (st != MM_OK)
        return st;
    if (super) {
        const struct mm_class *cls = mm_resolve_class_ref(pkg, mm_be16(e->b));
        if (cls == NULL || cls->super == NULL)
            return missing(err, cp, "superclass");
        *out = mm_class_method(cls->super, e->b[2] & 0x7F, (e->b[2] & 0x80) != 0);
    } else {
        *out = static_method(pkg, e->b);
    }
    return usable(*out, cp, err);
}

/* ---- What a method returns, when its body does not tell ---- */

/* Cells of the return type: the last type in a type_descriptor (JCVM 3.0.5, 6.9.1). */
static uint8_t return_cells(const struct mm_cap_component *c, size_t off)
{
    struct mm_rd rd;
    uint8_t n, type = 0;
    const uint8_t *nibbles;

    mm_rd_init(&rd, c->info, c->len);
    (void)mm_rd_bytes(&rd, off);
    n = mm_rd_u8(&rd);
    nibbles = mm_rd_bytes(&rd, (n + 1u) / 2);
    if (rd.bad)
        return MM_RET_UNKNOWN;
    for (unsigned i = 0; i < n; i++) {
        type = i % 2 == 0 ? nibbles[i / 2] >> 4 : nibbles[i / 2] & 0x0F;
        if (type == 6 || type == 14)
            i += 4; /* its class reference */
    }
    return type == 1 ? 0 : type == 5 ? 2 : 1;
}

/* From the Descriptor, which need not be on the card. A lie there is found when the method returns
 * (the interpreter compares). */
static uint8_t described_return(const struct mm_class *cls, uint8_t token)
{
    const struct mm_cap_component *c = mm_cap_component(cls->pkg->cap, MM_CAP_DESCRIPTOR);
    struct mm_rd rd;
    size_t type_off = SIZE_MAX, pool;
    uint8_t classes;

    if (c->info == NULL)
        return MM_RET_UNKNOWN;
    mm_rd_init(&rd, c->info, c->len);
    classes = mm_rd_u8(&rd);
    for (unsigned i = 0; i < classes && !rd.bad; i++) {
        (void)mm_rd_u16(&rd); /* token, access */
        uint16_t this = mm_rd_u16(&rd);
        uint8_t ifaces = mm_rd_u8(&rd);
        uint16_t fields = mm_rd_u16(&rd), methods = mm_rd_u16(&rd);
        (void)mm_rd_bytes(&rd, 2u * ifaces);
        (void)mm_rd_bytes(&rd, 7u * fields);
        for (unsigned k = 0; k < methods && !rd.bad; k++) {
            uint8_t method_token = mm_rd_u8(&rd), access = mm_rd_u8(&rd);
            (void)mm_rd_u16(&rd);
            uint16_t type = mm_rd_u16(&rd);
            (void)mm_rd_bytes(&rd, 6);
            if (this == cls->off && method_token == token && (access & 0x88) == 0)
                type_off = type;
        }
    }
    pool = rd.off; /* type offsets count from here */
    return rd.bad || type_off == SIZE_MAX ? MM_RET_UNKNOWN : return_cells(c, pool + type_off);
}

/* What any loaded class that has the method returns; unknown when none tells. The package that is
 * being linked is not in the list yet. */
static uint8_t implemented_return(const struct mm_package *pkg, const struct mm_class *of,
                                  uint8_t token, bool package)
{
    for (size_t i = 0; i < pkg->class_n; i++) {
        const struct mm_class *cls = &pkg->classes[i];
        struct mm_method *m;

        if (cls->interface || !mm_class_is(cls, of))
            continue;
        m = of->interface ? mm_class_interface_method(cls, of, token)
                          : mm_class_method(cls, token, package);
        if (m != NULL && mm_method_ret(m) <= 2)
            return m->ret;
    }
    return MM_RET_UNKNOWN;
}

static uint8_t known_return(const struct mm_vm *vm, const struct mm_package *pkg,
                            const struct mm_class *of, uint8_t token, bool package)
{
    uint8_t ret = implemented_return(pkg, of, token, package);

    for (size_t i = 0; i < vm->package_n && ret == MM_RET_UNKNOWN; i++)
        ret = implemented_return(vm->packages[i], of, token, package);
    for (const struct mm_class *c = of; c != NULL && ret == MM_RET_UNKNOWN; c = c->super) {
        if (c->pkg != NULL)
            ret = described_return(c, (uint8_t)(token | (package ? 0x80 : 0)));
    }
    return ret;
}

enum mm_status mm_resolve_virtual(const struct mm_vm *vm, const struct mm_package *pkg, uint16_t cp,
                                  struct mm_call_shape *out, struct mm_err *err)
{
    const struct mm_cap_cp *e;
    const struct mm_class *cls;
    struct mm_method *m;
    enum mm_status st = entry(pkg, cp, CP_VIRTUAL, &e, err);
    bool package;

    if (st != MM_OK)
        return st;
    cls = mm_resolve_class_ref(pkg, mm_be16(e->b));
    if (cls == NULL || cls->interface)
        return missing(err, cp, "class");
    package = (e->b[2] & 0x80) != 0;
    m = mm_class_method(cls, e->b[2] & 0x7F, package);
    st = usable(m, cp, err);
    if (st != MM_OK)
        return st;
    *out = (struct mm_call_shape){.args = m->args, .ret = mm_method_ret(m), .token = e->b[2]};
    if (out->ret > 2) {
        uint8_t ret = known_return(vm, pkg, cls, e->b[2] & 0x7F, package);
        if (ret == MM_RET_UNKNOWN && m->abstract)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                           "ConstantPool entry %u: what the abstract "
                           "method returns is not known; load with the Descriptor component",
                           cp);
        out->ret = ret <= 2 ? ret : MM_RET_NEVER;
    }
    return MM_OK;
}

static const struct mm_method *rom_interface_method(const struct mm_class *iface, uint8_t token)
{
    const struct mm_method *m = mm_class_method(iface, token, false);

    for (size_t i = 0; i < iface->impl_n && m == NULL; i++)
        m = mm_class_method(iface->impls[i].iface, token, false);
    return m;
}

enum mm_status mm_resolve_interface(const struct mm_vm *vm, const struct mm_package *pkg,
                                    uint16_t cp, uint8_t args, uint8_t token,
                                    const struct mm_class **iface, struct mm_call_shape *out,
                                    struct mm_err *err)
{
    enum mm_status st = mm_resolve_class(pkg, cp, iface, err);

    if (st != MM_OK)
        return st;
    if (!(*iface)->interface || args == 0)
        return missing(err, cp, "interface");
    *out = (struct mm_call_shape){.args = args, .token = token};
    if ((*iface)->rom != NULL) {
        const struct mm_method *m = rom_interface_method(*iface, token);
        if (m == NULL || m->args != args)
            return missing(err, cp, "interface method");
        out->ret = m->ret;
        return MM_OK;
    }
    out->ret = known_return(vm, pkg, *iface, token, false);
    if (out->ret > 2)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                       "ConstantPool entry %u: what method %u of the "
                       "interface returns is not known; load with the Descriptor component, or an "
                       "implementing package first",
                       cp, token);
    return MM_OK;
}
