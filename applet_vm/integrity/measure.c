/*
 * The three digests, as docs/measurement.md defines them byte by byte. A second implementation has to
 * get the same, so what is hashed is written to a buffer in one canonical form first.
 */
#include "applet_vm/integrity/integrity_int.h"

#include "applet_vm/api/api.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_PACKAGE_FIXED "mintmark package fixed 1"
#define LABEL_APPLET_FIXED  "mintmark applet fixed 1"
#define LABEL_DYNAMIC       "mintmark dynamic 1"

enum { ARRAY_BOOLEAN = 10, ARRAY_BYTE, ARRAY_SHORT, ARRAY_INT, ARRAY_REF };
enum { ITEM_INSTANCE = 1, ITEM_ARRAY, ITEM_TRANSIENT_ARRAY, ITEM_REF_ARRAY, ITEM_FOREIGN };
enum { CLASS_PACKAGE = 1, CLASS_API };
enum { SLOT_NULL = 0, SLOT_ARRAY, SLOT_OTHER };
enum { CELL_VALUE = 0, CELL_REF, CELL_LEFT_OUT };

static enum mm_status sha256(const struct mm_buf *buf, uint8_t digest[MM_DIGEST_LEN])
{
    if (buf->bad)
        return MM_NO_MEMORY;
    return EVP_Digest(buf->data, buf->len, digest, NULL, EVP_sha256(), NULL) == 1 ? MM_OK
                                                                                  : MM_CRYPTO;
}

static void put_lv(struct mm_buf *out, const void *data, size_t len)
{
    mm_buf_u8(out, (uint8_t)len);
    if (len > 0)
        mm_buf_bytes(out, data, len);
}

static void put_aid(struct mm_buf *out, const struct mm_aid *aid)
{
    put_lv(out, aid->bytes, aid->len);
}

/* Elements big-endian; the VM keeps shorts and ints in host order. */
static void put_elements(struct mm_buf *out, uint8_t type, const uint8_t *data, size_t len)
{
    if (type == ARRAY_SHORT) {
        for (size_t i = 0; i + 2 <= len; i += 2) {
            uint16_t v;
            memcpy(&v, data + i, sizeof(v));
            mm_buf_u16(out, v);
        }
    } else if (type == ARRAY_INT) {
        for (size_t i = 0; i + 4 <= len; i += 4) {
            uint32_t v;
            memcpy(&v, data + i, sizeof(v));
            mm_buf_u32(out, v);
        }
    } else if (len > 0) {
        mm_buf_bytes(out, data, len);
    }
}

/* ---- Dynamic data: the object graph of one applet, breadth first ---- */

struct walk {
    const struct mm_graph *graph;
    mm_comp owner;
    uint16_t *number; /* by reference; 0: not met yet */
    mm_ref *queue;
    size_t queue_n;
    struct mm_buf out;
};

static uint16_t number_of(struct walk *w, mm_ref ref)
{
    if (ref == MM_REF_NULL)
        return 0;
    if (w->number[ref] == 0) {
        w->queue[w->queue_n++] = ref;
        w->number[ref] = (uint16_t)w->queue_n;
    }
    return w->number[ref];
}

static void put_class(struct walk *w, const struct mm_obj_info *info)
{
    struct mm_aid aid = {0};

    if (info->class_package != 0) {
        (void)w->graph->comp_aid(w->graph->ctx, info->class_package, &aid); /* else an empty one */
        mm_buf_u8(&w->out, CLASS_PACKAGE);
        put_aid(&w->out, &aid);
        mm_buf_u16(&w->out, info->class_off);
    } else {
        const char *name = info->class_name != NULL ? info->class_name : "";
        mm_buf_u8(&w->out, CLASS_API);
        put_lv(&w->out, name, strlen(name));
    }
}

static enum mm_status put_cells(struct walk *w, mm_ref ref, uint16_t n, bool pin)
{
    for (uint16_t i = 0; i < n; i++) {
        uint16_t value;
        bool is_ref;
        if (!w->graph->cell(w->graph->ctx, ref, i, &value, &is_ref))
            return MM_TAMPERED;
        if (pin && i == MM_PIN_TRIES_CELL) {
            mm_buf_u8(&w->out, CELL_LEFT_OUT);
            continue;
        }
        mm_buf_u8(&w->out, is_ref ? CELL_REF : CELL_VALUE);
        mm_buf_u16(&w->out, is_ref ? number_of(w, value) : value);
    }
    return MM_OK;
}

static enum mm_status put_array(struct walk *w, mm_ref ref, const struct mm_obj_info *info)
{
    const uint8_t *data;
    size_t len;

    if (info->transient != MM_PERSISTENT) {
        mm_buf_u8(&w->out, ITEM_TRANSIENT_ARRAY);
        mm_buf_u8(&w->out, info->array_type);
        mm_buf_u8(&w->out, (uint8_t)info->transient);
        mm_buf_u16(&w->out, info->n);
        return MM_OK;
    }
    if (info->array_type == ARRAY_REF) {
        mm_buf_u8(&w->out, ITEM_REF_ARRAY);
        mm_buf_u16(&w->out, info->n);
        return put_cells(w, ref, info->n, false);
    }
    data = w->graph->array(w->graph->ctx, ref, &len);
    if (data == NULL && info->n > 0)
        return MM_TAMPERED;
    mm_buf_u8(&w->out, ITEM_ARRAY);
    mm_buf_u8(&w->out, info->array_type);
    mm_buf_u16(&w->out, info->n);
    if (info->n > 0)
        put_elements(&w->out, info->array_type, data, len);
    return MM_OK;
}

static enum mm_status put_object(struct walk *w, mm_ref ref)
{
    struct mm_obj_info info = {0};

    if (!w->graph->object(w->graph->ctx, ref, &info) || info.kind == MM_OBJ_NONE)
        return MM_TAMPERED;
    if (info.owner != w->owner) {
        struct mm_aid aid = {0};
        if (info.owner != 0)
            (void)w->graph->comp_aid(w->graph->ctx, info.owner, &aid); /* else an empty one */
        mm_buf_u8(&w->out, ITEM_FOREIGN);
        put_aid(&w->out, &aid);
        return MM_OK;
    }
    if (info.kind == MM_OBJ_ARRAY)
        return put_array(w, ref, &info);
    mm_buf_u8(&w->out, ITEM_INSTANCE);
    put_class(w, &info);
    mm_buf_u16(&w->out, info.n);
    return put_cells(w, ref, info.n, w->graph->is_pin(w->graph->ctx, ref));
}

enum mm_status mm_integrity_walk(const struct mm_graph *graph, mm_ref root, mm_comp owner,
                                 uint8_t digest[MM_DIGEST_LEN])
{
    struct walk w = {.graph = graph, .owner = owner};
    enum mm_status st = MM_NO_MEMORY;

    memset(digest, 0, MM_DIGEST_LEN);
    mm_buf_init(&w.out);
    w.number = calloc(0x10000, sizeof(*w.number));
    w.queue = calloc(0x10000, sizeof(*w.queue));
    if (w.number == NULL || w.queue == NULL)
        goto out;
    mm_buf_bytes(&w.out, LABEL_DYNAMIC, sizeof(LABEL_DYNAMIC) - 1);
    mm_buf_bytes(&w.out, graph->salt, MM_DIGEST_LEN);
    st = number_of(&w, root) == 1 ? MM_OK : MM_TAMPERED;
    for (size_t i = 0; st == MM_OK && i < w.queue_n; i++)
        st = put_object(&w, w.queue[i]);
    if (st == MM_OK)
        st = sha256(&w.out, digest);
out:
    mm_buf_clear(&w.out);
    free(w.number);
    free(w.queue);
    return st;
}

/* ---- The VM as a graph ---- */

static bool vm_object(const void *ctx, mm_ref ref, struct mm_obj_info *info)
{
    const struct mm_integrity *in = ctx;

    return mm_vm_object(in->cfg.vm, ref, info);
}

static bool vm_cell(const void *ctx, mm_ref obj, uint16_t index, uint16_t *value, bool *is_ref)
{
    const struct mm_integrity *in = ctx;

    return mm_vm_peek_cell(in->cfg.vm, obj, index, value, is_ref);
}

static const uint8_t *vm_array(const void *ctx, mm_ref obj, size_t *len)
{
    const struct mm_integrity *in = ctx;

    return mm_vm_peek_array(in->cfg.vm, obj, len);
}

static bool vm_comp_aid(const void *ctx, mm_comp comp, struct mm_aid *aid)
{
    const struct mm_integrity *in = ctx;
    struct mm_comp_info info;

    for (size_t i = 0; mm_comp_get(in->cfg.nvm, i, &info); i++) {
        if (info.comp == comp) {
            *aid = info.aid;
            return true;
        }
    }
    return false;
}

_Static_assert(MM_PIN_TRIES_CELL == MM_TRIES_LEFT,
               "the cell that is left out is the one that counts");

static bool vm_is_pin(const void *ctx, mm_ref obj)
{
    const struct mm_integrity *in = ctx;

    return mm_vm_instance_of(in->cfg.vm, obj, "javacard/framework/OwnerPIN") ||
           mm_vm_instance_of(in->cfg.vm, obj, "mintmark/BioSession");
}

/* ---- Static data ---- */

static void put_slot(const struct mm_integrity *in, mm_ref ref, struct mm_buf *out)
{
    struct mm_obj_info info = {0};
    const uint8_t *data = NULL;
    size_t len = 0;

    if (ref == MM_REF_NULL) {
        mm_buf_u8(out, SLOT_NULL);
        return;
    }
    if (mm_vm_object(in->cfg.vm, ref, &info) && info.kind == MM_OBJ_ARRAY &&
        info.transient == MM_PERSISTENT && info.array_type != ARRAY_REF)
        data = mm_vm_peek_array(in->cfg.vm, ref, &len);
    if (data == NULL) {
        mm_buf_u8(out, SLOT_OTHER);
        return;
    }
    mm_buf_u8(out, SLOT_ARRAY);
    mm_buf_u8(out, info.array_type);
    mm_buf_u16(out, info.n);
    put_elements(out, info.array_type, data, len);
}

static enum mm_status package_fixed(const struct mm_integrity *in, const struct mm_measured *what,
                                    uint8_t digest[MM_DIGEST_LEN])
{
    size_t len = 0, ref_n = 0;
    const uint8_t *statics;
    struct mm_buf out;
    enum mm_status st;

    if (!mm_vm_package_usable(in->cfg.vm, what->comp))
        return MM_TAMPERED;
    statics = mm_vm_package_statics(in->cfg.vm, what->comp, &len, &ref_n);
    mm_buf_init(&out);
    mm_buf_bytes(&out, LABEL_PACKAGE_FIXED, sizeof(LABEL_PACKAGE_FIXED) - 1);
    put_aid(&out, &what->aid);
    mm_buf_u8(&out, what->major);
    mm_buf_u8(&out, what->minor);
    mm_buf_u16(&out, (uint16_t)ref_n);
    for (size_t i = 0; i < ref_n; i++)
        put_slot(in, mm_be16(statics + 2 * i), &out);
    mm_buf_u16(&out, (uint16_t)(len - 2 * ref_n));
    if (len > 2 * ref_n)
        mm_buf_bytes(&out, statics + 2 * ref_n, len - 2 * ref_n);
    st = sha256(&out, digest);
    mm_buf_clear(&out);
    return st;
}

static enum mm_status applet_fixed(const struct mm_measured *what, uint8_t digest[MM_DIGEST_LEN])
{
    struct mm_buf out;
    enum mm_status st;

    mm_buf_init(&out);
    mm_buf_bytes(&out, LABEL_APPLET_FIXED, sizeof(LABEL_APPLET_FIXED) - 1);
    put_aid(&out, &what->aid);
    put_aid(&out, &what->module);
    put_aid(&out, &what->package);
    mm_buf_u8(&out, what->major);
    mm_buf_u8(&out, what->minor);
    mm_buf_bytes(&out, what->privileges, sizeof(what->privileges));
    mm_buf_u16(&out, (uint16_t)what->install_params_len);
    if (what->install_params_len > 0)
        mm_buf_bytes(&out, what->install_params, what->install_params_len);
    st = sha256(&out, digest);
    mm_buf_clear(&out);
    return st;
}

/* ---- Code: the Load File Data Block as it is stored, sound or not ---- */
static enum mm_status code_digest(const struct mm_integrity *in, mm_comp package,
                                  uint8_t digest[MM_DIGEST_LEN])
{
    size_t len = 0;
    const uint8_t *lfdb = mm_rec_data(in->cfg.nvm, MM_KEY_PACKAGE_LFDB(package), &len);

    if (lfdb == NULL)
        return MM_TAMPERED;
    return EVP_Digest(lfdb, len, digest, NULL, EVP_sha256(), NULL) == 1 ? MM_OK : MM_CRYPTO;
}

static enum mm_status dynamic_digest(const struct mm_integrity *in, const struct mm_measured *what,
                                     uint8_t digest[MM_DIGEST_LEN])
{
    uint8_t salt[MM_DIGEST_LEN];
    struct mm_graph graph = {in, salt, vm_object, vm_cell, vm_array, vm_comp_aid, vm_is_pin};
    enum mm_status st = mm_nvm_derive(in->cfg.nvm, "mintmark dynamic data", salt);

    if (st == MM_OK)
        st = mm_integrity_walk(&graph, what->applet, what->comp, digest);
    OPENSSL_cleanse(salt, sizeof(salt));
    return st;
}

enum mm_status mm_integrity_measure(struct mm_integrity *in, const struct mm_measured *what,
                                    struct mm_digests *out)
{
    bool applet = what->kind == MM_COMP_APPLET;
    mm_comp package = applet ? what->package_comp : what->comp;
    enum mm_status st, one;

    *out = (struct mm_digests){0};
    st = code_digest(in, package, out->code);
    one = applet ? applet_fixed(what, out->fixed) : package_fixed(in, what, out->fixed);
    if (st == MM_OK)
        st = one;
    if (applet) {
        one = dynamic_digest(in, what, out->dynamic);
        if (st == MM_OK)
            st = one;
    }
    if (st == MM_OK && (mm_comp_damage(in->cfg.nvm, what->comp) != MM_DAMAGE_NONE ||
                        mm_comp_damage(in->cfg.nvm, package) != MM_DAMAGE_NONE))
        st = MM_TAMPERED;
    return st;
}
