/* Releases: reference values of client and packages, measured, numbered, signed, kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform_int.h"

#define ITEM_MAX 64

struct releasing {
    struct mm_platform *p;
    struct mm_reference items[ITEM_MAX];
    struct mm_references refs; /* borrows items */
};

static enum mm_status next_item(struct releasing *r, struct mm_reference **out, struct mm_err *err)
{
    *out = NULL;
    if (r->refs.item_n == ITEM_MAX)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "more than %d components in one release",
                       ITEM_MAX);
    *out = &r->items[r->refs.item_n++];
    return MM_OK;
}

static enum mm_status add_client(struct releasing *r, const char *path, const char *const *files,
                                 struct mm_err *err)
{
    const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    struct mm_reference *item;
    enum mm_status st = next_item(r, &item, err);

    if (st != MM_OK)
        return st;
    if (strlen(base) >= sizeof(item->name))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%s: name is too long", path);
    snprintf(item->name, sizeof(item->name), "%s", base);
    st = mm_measure_program(path, item->code, err);
    if (st == MM_OK && files != NULL && files[0] != NULL) {
        item->has_fixed = true;
        st = mm_measure_files(files, item->fixed, err);
    }
    return st;
}

/* Does any method of the package store into a static field? Its static data then has history
 * instead of a reference value. */
static bool writes_statics(const struct mm_cap *cap)
{
    const uint8_t *code = mm_cap_component(cap, MM_CAP_METHOD)->info;

    for (size_t i = 0; i < mm_cap_method_n(cap); i++) {
        const struct mm_cap_method *m = mm_cap_method(cap, i);
        size_t end = (size_t)m->code_off + m->code_len, n;
        for (size_t off = m->code_off; off < end; off += n) {
            if (code[off] >= MM_OP_PUTSTATIC_A && code[off] <= MM_OP_PUTSTATIC_I)
                return true;
            n = mm_op_len(code, end, off);
            if (n == 0) /* mm_cap_read has promised defined instructions only */
                break;
        }
    }
    return false;
}

static enum mm_status cap_item(struct releasing *r, const struct mm_cap *cap, uint8_t kind,
                               const struct mm_aid *aid, struct mm_reference **out,
                               struct mm_err *err)
{
    enum mm_status st = next_item(r, out, err);

    if (st != MM_OK)
        return st;
    (*out)->kind = kind;
    mm_hex(aid->bytes, aid->len, (*out)->name);
    (*out)->major = mm_cap_major(cap);
    (*out)->minor = mm_cap_minor(cap);
    (*out)->has_fixed = true;
    mm_cap_code_digest(cap, (*out)->code);
    return MM_OK;
}

/* Package and applets of a CAP, the applets as /manage installs them: instance AID as in the CAP, no
 * privileges, no parameters. */
static enum mm_status add_cap(struct releasing *r, const struct mm_cap *cap, struct mm_err *err)
{
    static const uint8_t no_privileges[3];
    struct mm_reference *item;
    enum mm_status st = cap_item(r, cap, 1, mm_cap_aid(cap), &item, err);

    if (st == MM_OK) {
        item->fixed_by_history = writes_statics(cap);
        st = mm_measure_package_fixed(cap, item->fixed, err);
    }
    for (size_t i = 0; i < mm_cap_applet_n(cap) && st == MM_OK; i++) {
        const struct mm_aid *aid = &mm_cap_applet(cap, i)->aid;
        st = cap_item(r, cap, 2, aid, &item, err);
        if (st == MM_OK)
            st = mm_measure_applet_fixed(aid, aid, cap, no_privileges, NULL, 0, item->fixed, err);
    }
    return st;
}

static enum mm_status add_file(struct releasing *r, const char *path, struct mm_err *err)
{
    struct mm_cap *cap = NULL;
    enum mm_status st = mm_cap_read_file(path, &cap, err);

    if (st == MM_OK)
        st = add_cap(r, cap, err);
    if (st == MM_OK) {
        size_t len;
        const uint8_t *load_file = mm_cap_lfdb(cap, &len);
        st = mm_store_package_put(r->p->store, mm_cap_aid(cap), load_file, len, r->refs.version);
        if (st != MM_OK)
            (void)mm_fail(err, st, SIZE_MAX, "%s: not written to the store", path);
    }
    mm_cap_free(&cap);
    return st;
}

static enum mm_status sign(struct releasing *r, struct mm_err *err)
{
    struct mm_buf out;
    enum mm_status st;

    mm_buf_init(&out);
    st = mm_references_sign(&r->refs, r->p->release_key, &out);
    if (st != MM_OK)
        (void)mm_fail(err, st, SIZE_MAX, "reference values not signed: %s", mm_status_text(st));
    else
        st = mm_store_references_add(r->p->store, r->refs.version, out.data, out.len,
                                     mm_platform_now(r->p), err);
    mm_buf_clear(&out);
    return st;
}

static enum mm_status run(struct releasing *r, const struct mm_release *what, struct mm_err *err)
{
    uint32_t last;
    enum mm_status st = mm_store_references_newest(r->p->store, &last, NULL);

    if (st != MM_OK && st != MM_NOT_FOUND)
        return mm_fail(err, st, SIZE_MAX, "store: reference values not read");
    r->refs.version = last + 1;
    r->refs.items = r->items;
    st = MM_OK;
    if (what->client != NULL)
        st = add_client(r, what->client, what->client_files, err);
    for (size_t i = 0; st == MM_OK && what->caps != NULL && what->caps[i] != NULL; i++)
        st = add_file(r, what->caps[i], err);
    return st == MM_OK ? sign(r, err) : st;
}

enum mm_status mm_platform_release(struct mm_platform *p, const struct mm_release *what,
                                   uint32_t *version, struct mm_err *err)
{
    struct releasing *r = calloc(1, sizeof(*r));
    enum mm_status st;

    *version = 0;
    if (r == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    r->p = p;
    st = mm_store_begin(p->store, err);
    if (st == MM_OK)
        st = mm_store_end(p->store, run(r, what, err), err);
    if (st == MM_OK)
        *version = r->refs.version;
    free(r);
    return st;
}
