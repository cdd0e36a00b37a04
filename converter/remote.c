/*
 * Remote interfaces and classes for Java Card RMI (JCVM 3.0.5, 2.2.6 and 6.9.2.15; CAP format 2.2).
 * A class tells, for every method of its remote interfaces, a hash code by which a client names it,
 * its signature in the signature pool, and its virtual token.
 */
#include "converter/conv_int.h"

#include <openssl/evp.h>
#include <string.h>

#define REMOTE "java/rmi/Remote"

bool mm_conv_cref_remote(struct mm_cref c)
{
    return c.own != NULL ? c.own->remote : (mm_conv_cref_access(c) & ACC_REMOTE) != 0;
}

static const char *simple_name(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash == NULL ? name : slash + 1;
}

/* ---- Collecting ---- */

static void add_interface(struct mm_conv *cv, struct mm_rclass *r, struct mm_cref c)
{
    if (!mm_conv_cref_remote(c) || strcmp(mm_conv_cref_name(c), REMOTE) == 0)
        return;
    for (size_t i = 0; i < r->iface_n; i++) {
        if (mm_conv_cref_equal(r->ifaces[i], c))
            return;
    }
    r->ifaces = mm_arena_grow(cv->arena, r->ifaces, r->iface_n, sizeof(*r->ifaces));
    r->ifaces[r->iface_n++] = c;
}

/* Of the class and of what it extends; those of superclasses first. */
static enum mm_status add_interfaces(struct mm_conv *cv, struct mm_rclass *r, struct mm_cref c,
                                     struct mm_err *err)
{
    struct mm_cref up;
    enum mm_status st = mm_conv_cref_super(cv, c, &up, err);

    if (st == MM_OK && (up.own != NULL || up.ext != NULL))
        st = add_interfaces(cv, r, up, err);
    for (size_t i = 0; st == MM_OK && c.own != NULL && i < c.own->iface_n; i++)
        add_interface(cv, r, c.own->ifaces[i]);
    for (size_t i = 0; st == MM_OK && c.ext != NULL && i < c.ext->iface_n; i++) {
        st = mm_conv_find_class(cv, c.ext->ifaces[i], &up, err);
        if (st == MM_OK)
            add_interface(cv, r, up);
    }
    return st;
}

/* The first two bytes of SHA-1 over modifier, name and descriptor. */
static enum mm_status hash_of(struct mm_conv *cv, const char *modifier, const char *name,
                              const char *desc, uint16_t *hash, struct mm_err *err)
{
    const char *text = mm_arena_printf(cv->arena, "%s%s%s", modifier, name, desc);
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) != 1)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "SHA-1 cannot be computed");
    *hash = mm_be16(digest);
    return MM_OK;
}

static enum mm_status add_method(struct mm_conv *cv, struct mm_cls *cls, const char *name,
                                 const char *desc, struct mm_err *err)
{
    struct mm_rclass *r = cls->rmi;
    struct mm_cref where;
    int token;

    for (size_t i = 0; i < r->method_n; i++) {
        if (strcmp(r->methods[i].name, name) == 0 && strcmp(r->methods[i].desc, desc) == 0)
            return MM_OK;
    }
    token = mm_conv_virtual_token(cv, (struct mm_cref){.own = cls}, name, desc, &where);
    if (token < 0 || token > 127 || r->method_n == 255)
        return mm_conv_refuse(cls, NULL, 0, err, "remote method %s has no public method", name);
    r->methods = mm_arena_grow(cv->arena, r->methods, r->method_n, sizeof(*r->methods));
    r->methods[r->method_n++] =
        (struct mm_rmethod){.name = name, .desc = desc, .token = (uint8_t)token};
    return MM_OK;
}

static enum mm_status add_methods(struct mm_conv *cv, struct mm_cls *cls, struct mm_cref c,
                                  struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && c.own != NULL && i < c.own->imethod_n; i++)
        st = add_method(cv, cls, c.own->imethods[i].name, c.own->imethods[i].desc, err);
    for (size_t i = 0; st == MM_OK && c.ext != NULL && i < c.ext->method_n; i++)
        st = add_method(cv, cls, c.ext->methods[i].name, c.ext->methods[i].desc, err);
    return st;
}

/* Ascending hash codes, all different: the anti-collision string grows until they are. */
static enum mm_status hash_methods(struct mm_conv *cv, struct mm_rclass *r, struct mm_err *err)
{
    enum mm_status st = MM_OK;
    bool collide = true;

    r->modifier = "";
    for (unsigned round = 1; st == MM_OK && collide; round++) {
        collide = false;
        for (size_t i = 0; st == MM_OK && i < r->method_n; i++) {
            struct mm_rmethod m = r->methods[i];
            size_t at = i;

            st = hash_of(cv, r->modifier, m.name, m.desc, &m.hash, err);
            for (; at > 0 && r->methods[at - 1].hash >= m.hash; at--) {
                collide |= r->methods[at - 1].hash == m.hash;
                r->methods[at] = r->methods[at - 1];
            }
            r->methods[at] = m;
        }
        if (collide)
            r->modifier = mm_arena_printf(cv->arena, "%u", round);
    }
    return st;
}

/* ---- The signature pool ---- */

/* Where the signature is in the pool; a new one goes to its end. */
static enum mm_status signature(struct mm_conv *cv, const char *desc, uint16_t *off,
                                struct mm_err *err)
{
    struct mm_buf one;
    enum mm_status st;

    for (size_t i = 0; i < cv->signature_n; i++) {
        if (strcmp(cv->signatures[i].desc, desc) == 0) {
            *off = cv->signatures[i].off;
            return MM_OK;
        }
    }
    mm_buf_init(&one);
    st = mm_conv_type_write(cv, desc, &one, err);
    *off = cv->signatures_len;
    cv->signatures =
        mm_arena_grow(cv->arena, cv->signatures, cv->signature_n, sizeof(*cv->signatures));
    cv->signatures[cv->signature_n].desc = desc;
    cv->signatures[cv->signature_n++].off = *off;
    if (st == MM_OK && cv->signatures_len + one.len > 0x7FFF)
        st = mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "too many remote methods");
    cv->signatures_len = (uint16_t)(cv->signatures_len + one.len);
    mm_buf_clear(&one);
    return st;
}

static enum mm_status prepare(struct mm_conv *cv, struct mm_cls *cls, struct mm_err *err)
{
    enum mm_status st;

    cls->rmi = mm_arena_alloc(cv->arena, 1, sizeof(*cls->rmi));
    memset(cls->rmi, 0, sizeof(*cls->rmi));
    st = add_interfaces(cv, cls->rmi, (struct mm_cref){.own = cls}, err);
    for (size_t i = 0; st == MM_OK && i < cls->rmi->iface_n; i++)
        st = add_methods(cv, cls, cls->rmi->ifaces[i], err);
    if (st == MM_OK)
        st = hash_methods(cv, cls->rmi, err);
    for (size_t i = 0; st == MM_OK && i < cls->rmi->method_n; i++)
        st = signature(cv, cls->rmi->methods[i].desc, &cls->rmi->methods[i].signature_off, err);
    return st;
}

enum mm_status mm_conv_remote(struct mm_conv *cv, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && i < cv->class_n; i++) {
        struct mm_cls *cls = cv->classes[i];
        if (!cls->remote)
            continue;
        if (cv->opt->cap_minor == 1)
            return mm_conv_refuse(cls, NULL, 0, err,
                                  "a remote class or interface needs CAP format 2.2");
        cv->cap_minor = 2;
        cv->any_remote = true;
        if (!(cls->access & ACC_INTERFACE))
            st = prepare(cv, cls, err);
    }
    return st;
}

enum mm_status mm_conv_signatures_write(struct mm_conv *cv, struct mm_buf *out, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    mm_buf_u16(out, cv->signatures_len);
    for (size_t i = 0; st == MM_OK && i < cv->signature_n; i++)
        st = mm_conv_type_write(cv, cv->signatures[i].desc, out, err);
    return st;
}

/* ---- What classes and interfaces say ---- */

static void put_name(struct mm_buf *out, const char *name)
{
    mm_buf_u8(out, (uint8_t)strlen(name));
    mm_buf_bytes(out, name, strlen(name));
}

size_t mm_conv_remote_size(const struct mm_cls *cls)
{
    size_t name = 1 + strlen(simple_name(cls->name));

    if (!cls->remote)
        return 0;
    if (cls->access & ACC_INTERFACE)
        return name;
    return 1 + 5 * cls->rmi->method_n + 1 + strlen(cls->rmi->modifier) + name + 1 +
           2 * cls->rmi->iface_n;
}

void mm_conv_remote_write(struct mm_conv *cv, const struct mm_cls *cls, struct mm_buf *out)
{
    const struct mm_rclass *r = cls->rmi;

    if (!cls->remote)
        return;
    if (cls->access & ACC_INTERFACE) {
        put_name(out, simple_name(cls->name));
        return;
    }
    mm_buf_u8(out, (uint8_t)r->method_n);
    for (size_t i = 0; i < r->method_n; i++) {
        mm_buf_u16(out, r->methods[i].hash);
        mm_buf_u16(out, r->methods[i].signature_off);
        mm_buf_u8(out, r->methods[i].token);
    }
    put_name(out, r->modifier);
    put_name(out, simple_name(cls->name));
    mm_buf_u8(out, (uint8_t)r->iface_n);
    for (size_t i = 0; i < r->iface_n; i++)
        mm_buf_u16(out, mm_conv_cref_encode(cv, r->ifaces[i]));
}
