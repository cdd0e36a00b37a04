/*
 * Changes as bytes, the same in memory and in the journal. The component is that of the run.
 *
 *   01 WRITE   u4 key  u4 off  u4 len  bytes
 *   02 NEW     u4 key  u4 len
 *   03 DELETE  u4 key
 *   04 ADD     u2 comp  u1 kind  u1 AID length  AID      in runs of the platform
 *   05 DROP    u2 comp                                   in runs of the platform
 */
#include "applet_vm/nvm/nvm_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_HEAD 13

enum { OP_WRITE = 1, OP_NEW, OP_DELETE, OP_ADD, OP_DROP };

void nvm_ops_clear(struct nvm_ops *ops)
{
    mm_buf_clear(&ops->bytes);
    free(ops->runs);
    *ops = (struct nvm_ops){0};
}

void nvm_ops_reset(struct nvm_ops *ops)
{
    if (ops->bytes.len > 0)
        OPENSSL_cleanse(ops->bytes.data, ops->bytes.len);
    ops->bytes.len = 0;
    ops->run_n = 0;
    ops->last_at = 0;
}

/* Open the run of comp: the last one goes on when it is of the same component. */
static enum mm_status run_open(struct nvm_ops *ops, mm_comp comp)
{
    if (ops->run_n > 0 && ops->runs[ops->run_n - 1].comp == comp)
        return MM_OK;
    if (ops->run_n == ops->run_cap) {
        size_t cap = ops->run_cap == 0 ? 8 : ops->run_cap * 2;
        struct nvm_run *more = realloc(ops->runs, cap * sizeof(*more));
        if (more == NULL)
            return MM_NO_MEMORY;
        ops->runs = more;
        ops->run_cap = cap;
    }
    ops->runs[ops->run_n++] = (struct nvm_run){.comp = comp};
    return MM_OK;
}

static enum mm_status op_put(struct nvm_ops *ops, mm_comp comp, const uint8_t *head,
                             size_t head_len, const void *data, size_t len)
{
    enum mm_status st = run_open(ops, comp);

    ops->last_at = 0;
    if (st != MM_OK)
        return st;
    mm_buf_bytes(&ops->bytes, head, head_len);
    if (len > 0)
        mm_buf_bytes(&ops->bytes, data, len);
    if (ops->bytes.bad)
        return MM_NO_MEMORY;
    ops->runs[ops->run_n - 1].len += (uint32_t)(head_len + len);
    return MM_OK;
}

/* Into the write before it: over a part of it, or on from its end. What counts at the promise is what
 * all changes together come to, so a loop that fills an array is one write, and one that counts in a
 * field is one as well, however long they run. */
static bool join(struct nvm_ops *ops, mm_key key, uint32_t off, const void *data, uint32_t len)
{
    struct mm_buf *b = &ops->bytes;
    uint32_t from = off - ops->last_off; /* of the last one's data */

    if (ops->last_at == 0 || key != ops->last_key || from > ops->last_len)
        return false;
    if (len <= ops->last_len - from) {
        memcpy(b->data + ops->last_at + from, data, len);
        return true;
    }
    if (from != ops->last_len || b->cap - b->len < len)
        return false;
    memcpy(b->data + b->len, data, len);
    b->len += len;
    ops->last_len += len;
    mm_put_be32(b->data + ops->last_at - 4, ops->last_len);
    ops->runs[ops->run_n - 1].len += len;
    return true;
}

/* Called for every field store, so without a call of its own where there is room. */
enum mm_status nvm_ops_write(struct nvm_ops *ops, const struct nvm_rec *rec, uint32_t off,
                             const void *data, uint32_t len)
{
    struct mm_buf *b = &ops->bytes;
    uint8_t head[WRITE_HEAD] = {OP_WRITE};
    enum mm_status st = MM_OK;

    if (join(ops, rec->key, off, data, len))
        return MM_OK;
    mm_put_be32(head + 1, rec->key);
    mm_put_be32(head + 5, off);
    mm_put_be32(head + 9, len);
    if (ops->run_n == 0 || ops->runs[ops->run_n - 1].comp != rec->comp || b->bad ||
        b->cap - b->len < (size_t)len + WRITE_HEAD) {
        st = op_put(ops, rec->comp, head, sizeof(head), data, len);
    } else {
        memcpy(b->data + b->len, head, WRITE_HEAD);
        memcpy(b->data + b->len + WRITE_HEAD, data, len);
        b->len += (size_t)len + WRITE_HEAD;
        ops->runs[ops->run_n - 1].len += len + WRITE_HEAD;
    }
    if (st == MM_OK) {
        ops->last_at = b->len - len;
        ops->last_key = rec->key;
        ops->last_off = off;
        ops->last_len = len;
    }
    return st;
}

enum mm_status nvm_ops_new(struct nvm_ops *ops, const struct nvm_rec *rec)
{
    uint8_t head[9] = {OP_NEW};

    mm_put_be32(head + 1, rec->key);
    mm_put_be32(head + 5, rec->len);
    return op_put(ops, rec->comp, head, sizeof(head), NULL, 0);
}

enum mm_status nvm_ops_delete(struct nvm_ops *ops, const struct nvm_rec *rec)
{
    uint8_t head[5] = {OP_DELETE};

    mm_put_be32(head + 1, rec->key);
    return op_put(ops, rec->comp, head, sizeof(head), NULL, 0);
}

enum mm_status nvm_ops_add(struct nvm_ops *ops, const struct nvm_comp *c)
{
    uint8_t head[5] = {OP_ADD};

    mm_put_be16(head + 1, c->comp);
    head[3] = c->kind;
    head[4] = c->aid.len;
    return op_put(ops, MM_COMP_PLATFORM, head, sizeof(head), c->aid.bytes, c->aid.len);
}

enum mm_status nvm_ops_drop(struct nvm_ops *ops, mm_comp comp)
{
    uint8_t head[3] = {OP_DROP};

    mm_put_be16(head + 1, comp);
    return op_put(ops, MM_COMP_PLATFORM, head, sizeof(head), NULL, 0);
}

enum mm_status nvm_ops_append(struct nvm_ops *ops, const struct nvm_ops *more)
{
    size_t off = 0;

    for (size_t i = 0; i < more->run_n; i++) {
        const struct nvm_run *run = &more->runs[i];
        enum mm_status st = op_put(ops, run->comp, more->bytes.data + off, run->len, NULL, 0);
        if (st != MM_OK)
            return st;
        off += run->len;
    }
    return MM_OK;
}

/* ---- Replay ---- */

static enum mm_status apply_write(struct mm_nvm *nvm, mm_comp comp, struct mm_rd *rd)
{
    struct nvm_rec *rec = nvm_find(nvm, mm_rd_u32(rd));
    uint32_t off = mm_rd_u32(rd);
    uint32_t len = mm_rd_u32(rd);
    const uint8_t *data = mm_rd_bytes(rd, len);

    if (data == NULL)
        return MM_MALFORMED;
    if (rec == NULL || rec->comp != comp || off > rec->len || len > rec->len - off)
        return MM_NOT_FOUND;
    memcpy(rec->data + off, data, len);
    return MM_OK;
}

static enum mm_status apply_new(struct mm_nvm *nvm, mm_comp comp, struct mm_rd *rd)
{
    mm_key key = mm_rd_u32(rd);
    uint32_t len = mm_rd_u32(rd);
    const struct nvm_rec *old = nvm_find(nvm, key);
    struct nvm_rec *rec;
    enum mm_status st;

    if (rd->bad || len > NVM_FILE_MAX)
        return MM_MALFORMED;
    /* A key that a damaged component kept because its deletion was lost. */
    if (old != NULL && mm_comp_damage(nvm, old->comp) != MM_DAMAGE_NONE)
        nvm_rec_free(nvm_rec_unlink(nvm, key));
    rec = nvm_rec_make(key, comp, len);
    if (rec == NULL)
        return MM_NO_MEMORY;
    st = nvm_rec_link(nvm, rec);
    if (st != MM_OK)
        nvm_rec_free(rec);
    return st;
}

static enum mm_status apply_delete(struct mm_nvm *nvm, mm_comp comp, struct mm_rd *rd)
{
    mm_key key = mm_rd_u32(rd);
    const struct nvm_rec *rec = nvm_find(nvm, key);

    if (rd->bad)
        return MM_MALFORMED;
    if (rec == NULL || rec->comp != comp)
        return MM_NOT_FOUND;
    nvm_rec_free(nvm_rec_unlink(nvm, key));
    return MM_OK;
}

static enum mm_status apply_add(struct mm_nvm *nvm, struct mm_rd *rd)
{
    struct nvm_comp c = {0};
    const uint8_t *aid;

    c.comp = mm_rd_u16(rd);
    c.kind = mm_rd_u8(rd);
    c.aid.len = mm_rd_u8(rd);
    aid = mm_rd_bytes(rd, c.aid.len);
    if (aid == NULL || c.aid.len > MM_AID_MAX)
        return MM_MALFORMED;
    memcpy(c.aid.bytes, aid, c.aid.len);
    return nvm_comp_insert(nvm, &c);
}

static enum mm_status apply_drop(struct mm_nvm *nvm, struct mm_rd *rd)
{
    mm_comp comp = mm_rd_u16(rd);

    if (rd->bad || comp == MM_COMP_PLATFORM)
        return MM_MALFORMED;
    nvm_comp_purge(nvm, comp);
    nvm_comp_remove(nvm, comp);
    return MM_OK;
}

enum mm_status nvm_ops_apply(struct mm_nvm *nvm, mm_comp comp, const uint8_t *data, size_t len,
                             bool trusted)
{
    struct mm_rd rd;

    mm_rd_init(&rd, data, len);
    while (mm_rd_left(&rd) > 0) {
        uint8_t op = mm_rd_u8(&rd);
        bool structural = (op == OP_ADD || op == OP_DROP) && comp == MM_COMP_PLATFORM && trusted;
        enum mm_status st = MM_MALFORMED;
        if (op == OP_WRITE)
            st = apply_write(nvm, comp, &rd);
        else if (op == OP_NEW)
            st = apply_new(nvm, comp, &rd);
        else if (op == OP_DELETE)
            st = apply_delete(nvm, comp, &rd);
        else if (op == OP_ADD && structural)
            st = apply_add(nvm, &rd);
        else if (op == OP_DROP && structural)
            st = apply_drop(nvm, &rd);
        if (st == MM_MALFORMED || st == MM_NO_MEMORY || (st != MM_OK && trusted))
            return st;
    }
    return MM_OK;
}
