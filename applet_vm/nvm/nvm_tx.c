/*
 * The public changes: each is applied in memory, noted for the journal and, in a transaction,
 * noted for undo.
 */
#include "applet_vm/nvm/nvm_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The power cut: what was finished before it stays, nothing after it happens. */
static enum mm_status tear(struct mm_nvm *nvm)
{
    enum mm_status st = nvm->path != NULL ? nvm_journal_promise(nvm) : MM_OK;

    (void)st; /* there is nobody left to tell */
    nvm->dead = true;
    if (nvm->cfg.tear == NULL)
        _exit(99);
    nvm->cfg.tear(nvm->cfg.tear_ctx);
    return MM_IO;
}

/* Before every persistent write. */
static inline enum mm_status writable(struct mm_nvm *nvm)
{
    if (nvm->dead)
        return MM_IO;
    if (nvm->cfg.tear_at != 0 && ++nvm->writes == nvm->cfg.tear_at)
        return tear(nvm);
    return MM_OK;
}

static struct nvm_ops *ops_of(struct mm_nvm *nvm)
{
    return &nvm->ops[nvm->depth];
}

/* The level whose end decides about a record; 0: it is finished. */
static unsigned level_of(const struct mm_nvm *nvm, const struct nvm_rec *rec)
{
    unsigned n = nvm->depth;

    while (n > 0 && (rec->tx == 0 || nvm->level[n].tx != rec->tx))
        n--;
    return n;
}

/* A slot in the undo list, NULL when out of memory. */
static struct nvm_undo *undo_add(struct mm_nvm *nvm, enum nvm_undo_kind kind)
{
    if (nvm->undo_n == nvm->undo_cap) {
        size_t cap = nvm->undo_cap == 0 ? 64 : nvm->undo_cap * 2;
        struct nvm_undo *more = realloc(nvm->undo, cap * sizeof(*more));
        if (more == NULL)
            return NULL;
        nvm->undo = more;
        nvm->undo_cap = cap;
    }
    nvm->undo[nvm->undo_n] = (struct nvm_undo){.kind = kind};
    return &nvm->undo[nvm->undo_n++];
}

static enum mm_status undo_write(struct mm_nvm *nvm, const struct nvm_rec *rec, uint32_t off,
                                 uint32_t len)
{
    const struct nvm_undo *last =
        nvm->undo_n > nvm->level[nvm->depth].undo_n ? &nvm->undo[nvm->undo_n - 1] : NULL;
    struct nvm_undo *u;

    if (rec->tx == nvm->tx)
        return MM_OK; /* goes as a whole when the transaction does */
    if (last != NULL && last->kind == NVM_UNDO_WRITE && last->key == rec->key && last->off == off &&
        last->len == len)
        return MM_OK; /* a loop on one field: the oldest value is the one to keep */
    if (nvm->applet_tx && len + NVM_UNDO_OVERHEAD > mm_tx_left(nvm))
        return MM_NO_MEMORY;
    mm_buf_bytes(&nvm->undo_bytes, rec->data + off, len);
    if (nvm->undo_bytes.bad || (u = undo_add(nvm, NVM_UNDO_WRITE)) == NULL)
        return MM_NO_MEMORY;
    u->key = rec->key;
    u->off = off;
    u->len = len;
    u->saved_off = nvm->undo_bytes.len - len;
    if (nvm->applet_tx)
        nvm->undo_used += len + NVM_UNDO_OVERHEAD;
    return MM_OK;
}

/* ---- Components ---- */

enum mm_status mm_comp_add(struct mm_nvm *nvm, mm_comp comp, enum mm_comp_kind kind,
                           const struct mm_aid *aid)
{
    struct nvm_comp c = {.comp = comp, .kind = (uint8_t)kind};
    enum mm_status st;

    if (comp == MM_COMP_PLATFORM || comp > MM_COMP_MAX ||
        (kind != MM_COMP_PACKAGE && kind != MM_COMP_APPLET && kind != MM_COMP_DOMAIN))
        return MM_USAGE;
    if (nvm_comp(nvm, comp) != NULL)
        return MM_EXISTS;
    if (aid != NULL)
        c.aid = *aid;
    st = writable(nvm);
    if (st != MM_OK)
        return st;
    if (nvm->depth > 0) {
        struct nvm_undo *u = undo_add(nvm, NVM_UNDO_ADD);
        if (u == NULL)
            return MM_NO_MEMORY;
        u->comp = c;
    }
    st = nvm_comp_insert(nvm, &c);
    return st == MM_OK ? nvm_ops_add(ops_of(nvm), &c) : st;
}

/* The record leaves the tables; inside a transaction undo keeps it. */
static enum mm_status rec_drop(struct mm_nvm *nvm, mm_key key)
{
    struct nvm_undo *u;

    if (nvm->depth == 0) {
        nvm_rec_free(nvm_rec_unlink(nvm, key));
        return MM_OK;
    }
    u = undo_add(nvm, NVM_UNDO_DELETE);
    if (u == NULL)
        return MM_NO_MEMORY;
    u->key = key;
    u->rec = nvm_rec_unlink(nvm, key);
    return MM_OK;
}

enum mm_status mm_comp_drop(struct mm_nvm *nvm, mm_comp comp)
{
    const struct nvm_comp *c = nvm_comp(nvm, comp);
    enum mm_status st;
    mm_key key = 0;

    if (comp == MM_COMP_PLATFORM)
        return MM_USAGE;
    if (c == NULL)
        return MM_NOT_FOUND;
    st = writable(nvm);
    if (st != MM_OK)
        return st;
    while ((key = mm_rec_next(nvm, key, UINT32_MAX)) != 0) {
        if (nvm_find(nvm, key)->comp != comp)
            continue;
        st = rec_drop(nvm, key);
        if (st != MM_OK)
            return st;
    }
    if (nvm->depth > 0) {
        struct nvm_undo *u = undo_add(nvm, NVM_UNDO_DROP);
        if (u == NULL)
            return MM_NO_MEMORY;
        u->comp = *c;
    }
    nvm_comp_remove(nvm, comp);
    return nvm_ops_drop(ops_of(nvm), comp);
}

/* ---- Records ---- */

enum mm_status mm_rec_new(struct mm_nvm *nvm, mm_key key, mm_comp comp, size_t len)
{
    struct nvm_rec *rec;
    enum mm_status st;

    if (len > UINT32_MAX / 2 || len + NVM_REC_OVERHEAD > mm_comp_room(nvm, comp))
        return MM_NO_MEMORY;
    st = writable(nvm);
    if (st != MM_OK)
        return st;
    rec = nvm_rec_make(key, comp, len);
    if (rec == NULL)
        return MM_NO_MEMORY;
    rec->tx = nvm->tx;
    st = nvm_rec_link(nvm, rec);
    if (st != MM_OK) {
        nvm_rec_free(rec);
        return st == MM_MALFORMED ? MM_USAGE : st;
    }
    if (nvm->depth > 0) {
        struct nvm_undo *u = undo_add(nvm, NVM_UNDO_NEW);
        if (u == NULL) {
            nvm_rec_free(nvm_rec_unlink(nvm, key));
            return MM_NO_MEMORY;
        }
        u->key = key;
    }
    return nvm_ops_new(ops_of(nvm), rec);
}

enum mm_status mm_rec_delete(struct mm_nvm *nvm, mm_key key)
{
    const struct nvm_rec *rec = nvm_find(nvm, key);
    enum mm_status st;

    if (rec == NULL)
        return MM_NOT_FOUND;
    st = writable(nvm);
    if (st == MM_OK)
        st = nvm_ops_delete(ops_of(nvm), rec);
    return st == MM_OK ? rec_drop(nvm, key) : st;
}

static inline enum mm_status range(const struct nvm_rec *rec, size_t off, size_t len)
{
    if (rec == NULL)
        return MM_NOT_FOUND;
    return off <= rec->len && len <= rec->len - off ? MM_OK : MM_USAGE;
}

enum mm_status mm_rec_write(struct mm_nvm *nvm, mm_key key, size_t off, const void *data,
                            size_t data_len)
{
    struct nvm_rec *rec = nvm_find(nvm, key);
    enum mm_status st = range(rec, off, data_len);

    if (st == MM_OK)
        st = writable(nvm);
    if (st == MM_OK && nvm->depth > 0)
        st = undo_write(nvm, rec, (uint32_t)off, (uint32_t)data_len);
    if (st == MM_OK && data_len > 0) {
        memmove(rec->data + off, data, data_len);
        st = nvm_ops_write(ops_of(nvm), rec, (uint32_t)off, rec->data + off, (uint32_t)data_len);
    }
    return st;
}

/* A write that abort must not take back: what undo has saved of these bytes is replaced. */
static void undo_overlay(struct mm_nvm *nvm, const struct nvm_rec *rec, uint32_t off, uint32_t len)
{
    for (size_t i = 0; i < nvm->undo_n; i++) {
        const struct nvm_undo *u = &nvm->undo[i];
        uint32_t from, to;
        if (u->kind != NVM_UNDO_WRITE || u->key != rec->key)
            continue;
        from = off > u->off ? off : u->off;
        to = off + len < u->off + u->len ? off + len : u->off + u->len;
        if (from < to)
            memcpy(nvm->undo_bytes.data + u->saved_off + (from - u->off), rec->data + from,
                   to - from);
    }
}

enum mm_status mm_rec_write_nonatomic(struct mm_nvm *nvm, mm_key key, size_t off, const void *data,
                                      size_t data_len)
{
    struct nvm_rec *rec = nvm_find(nvm, key);
    unsigned level = rec != NULL ? level_of(nvm, rec) : nvm->depth;
    enum mm_status st;

    if (level == nvm->depth)
        return mm_rec_write(nvm, key, off, data, data_len);
    st = range(rec, off, data_len);
    if (st == MM_OK)
        st = writable(nvm);
    if (st != MM_OK || data_len == 0)
        return st;
    memmove(rec->data + off, data, data_len);
    undo_overlay(nvm, rec, (uint32_t)off, (uint32_t)data_len);
    /* In the list of each level: it holds if a transaction is aborted, and it is the later write if
     * one changed the same bytes before and is committed. */
    for (; st == MM_OK && level <= nvm->depth; level++)
        st = nvm_ops_write(&nvm->ops[level], rec, (uint32_t)off, rec->data + off,
                           (uint32_t)data_len);
    return st;
}

enum mm_status mm_rec_write_now(struct mm_nvm *nvm, mm_key key, size_t off, const void *data,
                                size_t data_len)
{
    enum mm_status st = mm_rec_write_nonatomic(nvm, key, off, data, data_len);

    return st == MM_OK ? nvm_journal_promise(nvm) : st;
}

/* ---- Transactions ---- */

static void level_open(struct mm_nvm *nvm)
{
    if (++nvm->tx_last == 0)
        nvm->tx_last = 1;
    nvm->tx = nvm->tx_last;
    nvm->level[++nvm->depth] =
        (struct nvm_level){.tx = nvm->tx, .undo_n = nvm->undo_n, .undo_bytes = nvm->undo_bytes.len};
}

/* The innermost level leaves; what it saved stays for the one around it, unless it is forgotten.
 * Wiped, because it held old values of keys and PINs. */
static void level_close(struct mm_nvm *nvm, bool forget)
{
    const struct nvm_level *l = &nvm->level[nvm->depth];

    if (forget) {
        if (nvm->undo_bytes.len > l->undo_bytes)
            OPENSSL_cleanse(nvm->undo_bytes.data + l->undo_bytes,
                            nvm->undo_bytes.len - l->undo_bytes);
        nvm->undo_bytes.len = l->undo_bytes;
        nvm->undo_n = l->undo_n;
    }
    nvm_ops_reset(&nvm->ops[nvm->depth]);
    nvm->depth--;
    nvm->tx = nvm->level[nvm->depth].tx;
    nvm->applet_tx = false;
    nvm->undo_used = 0;
}

/* Records that the innermost level made are the next one's; what it deleted is gone with the last. */
static void hand_on(struct mm_nvm *nvm)
{
    uint32_t to = nvm->level[nvm->depth - 1].tx;

    for (size_t i = nvm->level[nvm->depth].undo_n; i < nvm->undo_n; i++) {
        struct nvm_undo *u = &nvm->undo[i];
        struct nvm_rec *rec = u->kind == NVM_UNDO_NEW ? nvm_find(nvm, u->key) : NULL;
        if (rec != NULL)
            rec->tx = to;
        if (u->kind == NVM_UNDO_DELETE && nvm->depth > 1)
            u->rec->tx = u->rec->tx == nvm->tx ? to : u->rec->tx;
        else if (u->kind == NVM_UNDO_DELETE)
            nvm_rec_free(u->rec);
    }
}

static enum mm_status level_commit(struct mm_nvm *nvm)
{
    enum mm_status st = writable(nvm);

    if (st == MM_OK)
        st = nvm_ops_append(&nvm->ops[nvm->depth - 1], &nvm->ops[nvm->depth]);
    if (st != MM_OK)
        return st;
    hand_on(nvm);
    level_close(nvm, nvm->depth == 1);
    return MM_OK;
}

static void undo_one(struct mm_nvm *nvm, const struct nvm_undo *u)
{
    struct nvm_rec *rec;
    enum mm_status st = MM_OK;

    switch (u->kind) {
    case NVM_UNDO_WRITE:
        rec = nvm_find(nvm, u->key);
        if (rec != NULL)
            memcpy(rec->data + u->off, nvm->undo_bytes.data + u->saved_off, u->len);
        break;
    case NVM_UNDO_NEW:
        nvm_rec_free(nvm_rec_unlink(nvm, u->key));
        break;
    case NVM_UNDO_DELETE:
        st = nvm_rec_link(nvm, u->rec);
        break;
    case NVM_UNDO_ADD:
        nvm_comp_remove(nvm, u->comp.comp);
        break;
    case NVM_UNDO_DROP:
        st = nvm_comp_insert(nvm, &u->comp);
        break;
    }
    /* Putting back cannot fail: the tables had room for it when it left and never shrink. */
    (void)st;
}

static void level_abort(struct mm_nvm *nvm)
{
    for (size_t i = nvm->undo_n; i-- > nvm->level[nvm->depth].undo_n;)
        undo_one(nvm, &nvm->undo[i]);
    level_close(nvm, true);
}

enum mm_status mm_tx_begin(struct mm_nvm *nvm)
{
    if (nvm->depth != 0)
        return MM_STATE;
    level_open(nvm);
    return MM_OK;
}

enum mm_status mm_tx_commit(struct mm_nvm *nvm)
{
    if (nvm->depth != 1 || nvm->applet_tx)
        return MM_STATE;
    return level_commit(nvm);
}

void mm_tx_abort(struct mm_nvm *nvm)
{
    while (nvm->depth > 0)
        level_abort(nvm);
}

bool mm_tx_active(const struct mm_nvm *nvm)
{
    return nvm->depth > 0;
}

enum mm_status mm_tx_applet_begin(struct mm_nvm *nvm)
{
    if (nvm->applet_tx)
        return MM_STATE;
    level_open(nvm);
    nvm->applet_tx = true;
    return MM_OK;
}

enum mm_status mm_tx_applet_commit(struct mm_nvm *nvm)
{
    return nvm->applet_tx ? level_commit(nvm) : MM_STATE;
}

void mm_tx_applet_abort(struct mm_nvm *nvm)
{
    if (nvm->applet_tx)
        level_abort(nvm);
}

bool mm_tx_applet_active(const struct mm_nvm *nvm)
{
    return nvm->applet_tx;
}

size_t mm_tx_capacity(const struct mm_nvm *nvm)
{
    (void)nvm;
    return NVM_TX_CAPACITY;
}

size_t mm_tx_left(const struct mm_nvm *nvm)
{
    return NVM_TX_CAPACITY - nvm->undo_used;
}

enum mm_status mm_nvm_promise(struct mm_nvm *nvm)
{
    if (nvm->depth != 0)
        return MM_STATE;
    return nvm_journal_promise(nvm);
}
