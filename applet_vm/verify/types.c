/* Types of cells: what fits where, and what two ways to one place have in common. */
#include "applet_vm/verify/verify_int.h"

#include <stdio.h>
#include <string.h>

#define ACC_ROM_INTERFACE 0x0200
#define ACC_ROM_ABSTRACT  0x0400
#define ACC_DESC_ABSTRACT 0x80

const struct mm_rom_class *mm_vt_rom(const struct mm_verifier *v, mm_vt cls)
{
    const struct mm_unit *u = &v->units[VT_UNIT(cls)];

    return u->rom != NULL ? &u->rom->classes[VT_INDEX(cls)] : NULL;
}

const struct mm_cap_class *mm_vt_cap(const struct mm_verifier *v, mm_vt cls)
{
    const struct mm_unit *u = &v->units[VT_UNIT(cls)];

    return u->cap != NULL ? mm_cap_class(u->cap, VT_INDEX(cls)) : NULL;
}

bool mm_vt_interface(const struct mm_verifier *v, mm_vt cls)
{
    const struct mm_rom_class *rom = mm_vt_rom(v, cls);

    return rom != NULL ? (rom->access & ACC_ROM_INTERFACE) != 0
                       : (mm_vt_cap(v, cls)->flags & MM_CAP_ACC_INTERFACE) != 0;
}

bool mm_vt_abstract(const struct mm_verifier *v, mm_vt cls)
{
    const struct mm_rom_class *rom = mm_vt_rom(v, cls);
    const struct mm_unit *u = &v->units[VT_UNIT(cls)];

    if (rom != NULL)
        return (rom->access & ACC_ROM_ABSTRACT) != 0;
    return u->opened && u->class_desc[VT_INDEX(cls)] != NULL &&
           (u->class_desc[VT_INDEX(cls)][1] & ACC_DESC_ABSTRACT) != 0;
}

bool mm_vt_final(const struct mm_verifier *v, mm_vt cls)
{
    const struct mm_rom_class *rom = mm_vt_rom(v, cls);
    const struct mm_unit *u = &v->units[VT_UNIT(cls)];

    if (rom != NULL)
        return (rom->access & MM_ACC_FINAL) != 0;
    return u->opened && u->class_desc[VT_INDEX(cls)] != NULL &&
           (u->class_desc[VT_INDEX(cls)][1] & MM_ACC_FINAL) != 0;
}

mm_vt mm_vt_super(struct mm_verifier *v, mm_vt cls)
{
    const struct mm_rom_class *rom = mm_vt_rom(v, cls);

    mm_verify_spend(v, 1);
    if (v->budget == 0)
        return VT(VT_TOP);
    if (rom != NULL)
        return rom->super != NULL ? mm_class_named(v, rom->super, strlen(rom->super)) : VT(VT_TOP);
    return mm_class_ref(v, VT_UNIT(cls), mm_vt_cap(v, cls)->super);
}

/* The i-th interface that a class or interface itself names; VT_TOP after the last. */
static mm_vt named_interface(struct mm_verifier *v, mm_vt cls, size_t i)
{
    const struct mm_rom_class *rom = mm_vt_rom(v, cls);
    const uint8_t *index;
    size_t index_n, pos = i;
    uint16_t ref;

    if (rom == NULL)
        return mm_cap_class_interface(mm_vt_cap(v, cls), &pos, &ref, &index, &index_n)
                   ? mm_class_ref(v, VT_UNIT(cls), ref)
                   : VT(VT_TOP);
    for (size_t k = 0; rom->interfaces != NULL && rom->interfaces[k] != NULL; k++) {
        if (k == i)
            return mm_class_named(v, rom->interfaces[k], strlen(rom->interfaces[k]));
    }
    return VT(VT_TOP);
}

/* An interface names all its superinterfaces (JCVM 6.9.1), so two levels are all there are. */
static bool implements(struct mm_verifier *v, mm_vt cls, mm_vt iface)
{
    mm_vt own, above;

    for (; VT_KIND(cls) == VT_REF; cls = mm_vt_super(v, cls)) {
        if (cls == iface)
            return true;
        for (size_t i = 0; VT_KIND(own = named_interface(v, cls, i)) == VT_REF; i++) {
            if (own == iface)
                return true;
            for (size_t k = 0; VT_KIND(above = named_interface(v, own, k)) == VT_REF; k++) {
                if (above == iface)
                    return true;
            }
        }
    }
    return false;
}

bool mm_vt_subclass(struct mm_verifier *v, mm_vt cls, mm_vt of)
{
    if (of == v->object)
        return true;
    if (mm_vt_interface(v, of))
        return implements(v, cls, of);
    for (; VT_KIND(cls) == VT_REF; cls = mm_vt_super(v, cls)) {
        if (cls == of)
            return true;
    }
    return false;
}

static mm_vt class_of(mm_vt t)
{
    return VT_OF(VT_REF, VT_WHAT(t));
}

bool mm_vt_fits(struct mm_verifier *v, mm_vt value, mm_vt declared)
{
    unsigned from = VT_KIND(value);

    if (value == declared)
        return from != VT_TOP;
    switch (VT_KIND(declared)) {
    case VT_SHORT:
    case VT_INT_HI:
    case VT_INT_LO:
        return from == VT_ANY;
    case VT_ANY:
        return from != VT_TOP && (from < VT_RETADDR || VT_IS_REF(value));
    case VT_ANYREF:
        return from == VT_ANY || VT_IS_REF(value);
    case VT_REF:
        if (from == VT_JOIN && mm_vt_interface(v, declared))
            return true;
        if (from == VT_REF || from == VT_JOIN)
            return mm_vt_subclass(v, class_of(value), declared);
        return from == VT_ANY || from == VT_NULL || from == VT_ANYREF ||
               (from >= VT_BOOLS && declared == v->object);
    case VT_REFS:
        if (from == VT_JOINS && mm_vt_interface(v, class_of(declared)))
            return true;
        if (from == VT_REFS || from == VT_JOINS)
            return mm_vt_subclass(v, class_of(value), class_of(declared));
        return from == VT_ANY || from == VT_NULL || from == VT_ANYREF;
    default:
        return VT_KIND(declared) >= VT_BOOLS &&
               (from == VT_ANY || from == VT_NULL || from == VT_ANYREF);
    }
}

/* How many interfaces, counted to 2, have both a and b that the class they share has not. *one: the
 * first of them. Of a chain of interfaces only the lowest counts. */
static unsigned shared_interfaces(struct mm_verifier *v, mm_vt a, mm_vt b, mm_vt common, mm_vt *one)
{
    unsigned n = 0;
    mm_vt own;

    for (mm_vt c = a; VT_KIND(c) == VT_REF && c != common; c = mm_vt_super(v, c)) {
        if (mm_vt_interface(v, c))
            break; /* two interfaces: what they share is found at run time */
        for (size_t i = 0; VT_KIND(own = named_interface(v, c, i)) == VT_REF; i++) {
            if (!implements(v, b, own) || implements(v, common, own) ||
                (n > 0 && mm_vt_subclass(v, *one, own)))
                continue;
            if (n > 0 && mm_vt_subclass(v, own, *one))
                n = 0;
            *one = own;
            n++;
        }
    }
    return n;
}

static mm_vt merge_classes(struct mm_verifier *v, mm_vt a, mm_vt b)
{
    mm_vt ca = class_of(a), cb = class_of(b), common = ca, one = VT(VT_TOP);
    unsigned n;

    if (mm_vt_subclass(v, ca, cb))
        return ca == cb && VT_KIND(a) == VT_REF ? a : b;
    if (mm_vt_subclass(v, cb, ca))
        return a;
    if (mm_vt_interface(v, ca) || mm_vt_interface(v, cb)) /* what they share: found at run time */
        return VT_OF(VT_JOIN, VT_WHAT(v->object));
    while (VT_KIND(common) == VT_REF && !mm_vt_subclass(v, cb, common))
        common = mm_vt_super(v, common);
    if (VT_KIND(common) != VT_REF)
        return v->object;
    if (VT_KIND(a) == VT_JOIN || VT_KIND(b) == VT_JOIN)
        return VT_OF(VT_JOIN, VT_WHAT(common));
    n = shared_interfaces(v, ca, cb, common, &one);
    if (n == 1 && common == v->object)
        return one;
    return n == 0 ? common : VT_OF(VT_JOIN, VT_WHAT(common));
}

static mm_vt element_of(mm_vt array)
{
    return VT_OF(VT_KIND(array) == VT_JOINS ? VT_JOIN : VT_REF, VT_WHAT(array));
}

static mm_vt merge_refs(struct mm_verifier *v, mm_vt a, mm_vt b)
{
    unsigned ka = VT_KIND(a), kb = VT_KIND(b);

    if (ka == VT_NULL)
        return b;
    if (kb == VT_NULL)
        return a;
    if (ka == VT_ANYREF || kb == VT_ANYREF)
        return VT(VT_ANYREF);
    if (ka >= VT_BOOLS || kb >= VT_BOOLS) {
        mm_vt elements;
        if (ka < VT_REFS || kb < VT_REFS)
            return v->object;
        elements = merge_classes(v, element_of(a), element_of(b));
        return VT_OF(VT_KIND(elements) == VT_JOIN ? VT_JOINS : VT_REFS, VT_WHAT(elements));
    }
    return merge_classes(v, a, b);
}

mm_vt mm_vt_merge(struct mm_verifier *v, mm_vt a, mm_vt b)
{
    if (a == b)
        return a;
    if (VT_IS_REF(a) && VT_IS_REF(b))
        return merge_refs(v, a, b);
    if (VT_KIND(a) == VT_ANY && mm_vt_fits(v, b, a))
        return a;
    if (VT_KIND(b) == VT_ANY && mm_vt_fits(v, a, b))
        return b;
    return VT(VT_TOP);
}

static const char *class_text(const struct mm_verifier *v, mm_vt t, const char *suffix,
                              char text[MM_VT_TEXT])
{
    const struct mm_rom_class *rom = mm_vt_rom(v, t);

    if (rom != NULL)
        snprintf(text, MM_VT_TEXT, "%.80s%s", rom->name, suffix);
    else
        snprintf(text, MM_VT_TEXT, "%s at 0x%x%s%s", mm_vt_interface(v, t) ? "interface" : "class",
                 mm_vt_cap(v, t)->off, VT_UNIT(t) == 0 ? "" : " of another package", suffix);
    return text;
}

const char *mm_vt_text(const struct mm_verifier *v, mm_vt t, char text[MM_VT_TEXT])
{
    static const char *const plain[] = {[VT_TOP] = "nothing usable",
                                        [VT_SHORT] = "short",
                                        [VT_INT_HI] = "int",
                                        [VT_INT_LO] = "half an int",
                                        [VT_ANY] = "any value",
                                        [VT_RETADDR] = "return address",
                                        [VT_UNINIT] = "new object before its constructor",
                                        [VT_UNINIT_THIS] = "this before its constructor",
                                        [VT_NULL] = "null",
                                        [VT_ANYREF] = "reference",
                                        [VT_BOOLS] = "boolean[]",
                                        [VT_BYTES] = "byte[]",
                                        [VT_SHORTS] = "short[]",
                                        [VT_INTS] = "int[]",
                                        [VT_JOINS] = NULL};

    if (VT_KIND(t) == VT_REF || VT_KIND(t) == VT_JOIN)
        return class_text(v, t, "", text);
    if (VT_KIND(t) >= VT_REFS)
        return class_text(v, t, "[]", text);
    return plain[VT_KIND(t)];
}
