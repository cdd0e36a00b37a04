#include "applet_vm/nvm/nvm_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Components ---- */

/* Index of a component, or where it would have to go. */
static size_t comp_index(const struct mm_nvm *nvm, mm_comp comp, bool *found)
{
    size_t low = 0, high = nvm->comp_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (nvm->comps[mid].comp < comp)
            low = mid + 1;
        else
            high = mid;
    }
    *found = low < nvm->comp_n && nvm->comps[low].comp == comp;
    return low;
}

struct nvm_comp *nvm_comp(const struct mm_nvm *nvm, mm_comp comp)
{
    bool found;
    size_t i;

    if (comp < nvm->comp_n && nvm->comps[comp].comp == comp) /* none before it was ever deleted */
        return &nvm->comps[comp];
    i = comp_index(nvm, comp, &found);
    return found ? &nvm->comps[i] : NULL;
}

enum mm_status nvm_comp_insert(struct mm_nvm *nvm, const struct nvm_comp *c)
{
    bool found;
    size_t i = comp_index(nvm, c->comp, &found);

    if (found)
        return MM_EXISTS;
    if (nvm->comp_n == nvm->comp_cap) {
        size_t cap = nvm->comp_cap == 0 ? 8 : nvm->comp_cap * 2;
        struct nvm_comp *more = realloc(nvm->comps, cap * sizeof(*more));
        if (more == NULL)
            return MM_NO_MEMORY;
        nvm->comps = more;
        nvm->comp_cap = cap;
    }
    memmove(&nvm->comps[i + 1], &nvm->comps[i], (nvm->comp_n - i) * sizeof(*c));
    nvm->comps[i] = *c;
    nvm->comps[i].bytes = 0;
    nvm->comps[i].records = 0;
    nvm->comp_n++;
    return MM_OK;
}

void nvm_comp_remove(struct mm_nvm *nvm, mm_comp comp)
{
    bool found;
    size_t i = comp_index(nvm, comp, &found);

    if (!found)
        return;
    nvm->comp_n--;
    memmove(&nvm->comps[i], &nvm->comps[i + 1], (nvm->comp_n - i) * sizeof(nvm->comps[0]));
}

enum mm_damage mm_comp_damage(const struct mm_nvm *nvm, mm_comp comp)
{
    const struct nvm_comp *c = nvm_comp(nvm, comp);

    return c != NULL ? (enum mm_damage)c->damage : MM_DAMAGE_NONE;
}

void nvm_damage_set(struct mm_nvm *nvm, mm_comp comp, enum mm_damage damage)
{
    struct nvm_comp *c = nvm_comp(nvm, comp);

    if (c == NULL)
        c = nvm_comp(nvm, MM_COMP_PLATFORM);
    if (c->damage != MM_DAMAGE_NONE)
        return; /* the first finding stays */
    c->damage = (uint8_t)damage;
    nvm->new_damage = true;
}

bool mm_comp_get(const struct mm_nvm *nvm, size_t index, struct mm_comp_info *info)
{
    const struct nvm_comp *c;

    if (index >= nvm->comp_n)
        return false;
    c = &nvm->comps[index];
    *info = (struct mm_comp_info){.comp = c->comp,
                                  .kind = (enum mm_comp_kind)c->kind,
                                  .aid = c->aid,
                                  .damage = (enum mm_damage)c->damage,
                                  .bytes = c->bytes,
                                  .records = c->records};
    return true;
}

/* ---- Records ---- */

/* Index among the high records, or where the key would have to go. */
static size_t high_index(const struct mm_nvm *nvm, mm_key key)
{
    size_t low = 0, high = nvm->high_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (nvm->high[mid]->key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct nvm_rec *nvm_find(const struct mm_nvm *nvm, mm_key key)
{
    size_t i;

    if (key < NVM_HEAP_N)
        return nvm->heap[key];
    if (nvm->high_n != 0 && nvm->high[0]->key == key) /* the card's own, read at every command */
        return nvm->high[0];
    i = high_index(nvm, key);
    return i < nvm->high_n && nvm->high[i]->key == key ? nvm->high[i] : NULL;
}

struct nvm_rec *nvm_rec_make(mm_key key, mm_comp comp, size_t len)
{
    struct nvm_rec *rec = calloc(1, sizeof(*rec) + len);

    if (rec != NULL) {
        rec->key = key;
        rec->comp = comp;
        rec->len = (uint32_t)len;
    }
    return rec;
}

void nvm_rec_free(struct nvm_rec *rec)
{
    if (rec != NULL)
        OPENSSL_cleanse(rec->data, rec->len); /* keys and PINs live here */
    free(rec);
}

static enum mm_status high_insert(struct mm_nvm *nvm, struct nvm_rec *rec)
{
    size_t i = high_index(nvm, rec->key);

    if (nvm->high_n == nvm->high_cap) {
        size_t cap = nvm->high_cap == 0 ? 32 : nvm->high_cap * 2;
        struct nvm_rec **more = realloc(nvm->high, cap * sizeof(struct nvm_rec *));
        if (more == NULL)
            return MM_NO_MEMORY;
        nvm->high = more;
        nvm->high_cap = cap;
    }
    memmove(&nvm->high[i + 1], &nvm->high[i], (nvm->high_n - i) * sizeof(struct nvm_rec *));
    nvm->high[i] = rec;
    nvm->high_n++;
    return MM_OK;
}

enum mm_status nvm_rec_link(struct mm_nvm *nvm, struct nvm_rec *rec)
{
    struct nvm_comp *c = nvm_comp(nvm, rec->comp);

    if (c == NULL)
        return MM_NOT_FOUND;
    if (rec->key == 0)
        return MM_MALFORMED;
    if (nvm_find(nvm, rec->key) != NULL)
        return MM_EXISTS;
    if (rec->key < NVM_HEAP_N) {
        nvm->heap[rec->key] = rec;
    } else {
        enum mm_status st = high_insert(nvm, rec);
        if (st != MM_OK)
            return st;
    }
    c->records++;
    c->bytes += rec->len;
    nvm->used += rec->len + NVM_REC_OVERHEAD;
    return MM_OK;
}

struct nvm_rec *nvm_rec_unlink(struct mm_nvm *nvm, mm_key key)
{
    struct nvm_rec *rec = nvm_find(nvm, key);
    struct nvm_comp *c;

    if (rec == NULL)
        return NULL;
    if (key < NVM_HEAP_N) {
        nvm->heap[key] = NULL;
    } else {
        size_t i = high_index(nvm, key);
        nvm->high_n--;
        memmove(&nvm->high[i], &nvm->high[i + 1], (nvm->high_n - i) * sizeof(struct nvm_rec *));
    }
    c = nvm_comp(nvm, rec->comp);
    if (c != NULL) {
        c->records--;
        c->bytes -= rec->len;
    }
    nvm->used -= rec->len + NVM_REC_OVERHEAD;
    return rec;
}

void nvm_comp_purge(struct mm_nvm *nvm, mm_comp comp)
{
    mm_key key = 0;

    while ((key = mm_rec_next(nvm, key, UINT32_MAX)) != 0) {
        if (nvm_find(nvm, key)->comp == comp)
            nvm_rec_free(nvm_rec_unlink(nvm, key));
    }
}

const uint8_t *mm_rec_data(const struct mm_nvm *nvm, mm_key key, size_t *len)
{
    const struct nvm_rec *rec = nvm_find(nvm, key);

    if (len != NULL)
        *len = rec != NULL ? rec->len : 0;
    return rec != NULL ? rec->data : NULL;
}

mm_comp mm_rec_comp(const struct mm_nvm *nvm, mm_key key)
{
    const struct nvm_rec *rec = nvm_find(nvm, key);

    return rec != NULL ? rec->comp : 0;
}

mm_key mm_rec_next(const struct mm_nvm *nvm, mm_key after, mm_key last)
{
    size_t i;

    for (mm_key key = after + 1; after < NVM_HEAP_N && key < NVM_HEAP_N && key <= last; key++) {
        if (nvm->heap[key] != NULL)
            return key;
    }
    if (after == UINT32_MAX)
        return 0;
    i = high_index(nvm, after < NVM_HEAP_N ? NVM_HEAP_N : after + 1);
    return i < nvm->high_n && nvm->high[i]->key <= last ? nvm->high[i]->key : 0;
}

uint32_t mm_nvm_layout(const struct mm_nvm *nvm)
{
    return nvm->layout;
}

uint64_t mm_nvm_counter(const struct mm_nvm *nvm)
{
    return nvm->counter;
}

/* ---- Quotas ---- */
static size_t comp_used(const struct nvm_comp *c)
{
    return c->bytes + c->records * NVM_REC_OVERHEAD;
}

enum mm_status mm_comp_quota_set(struct mm_nvm *nvm, mm_comp comp, size_t max, size_t min)
{
    struct nvm_comp *c = nvm_comp(nvm, comp);

    if (c == NULL)
        return MM_NOT_FOUND;
    c->max = max;
    c->min = min;
    return MM_OK;
}

size_t mm_comp_room(const struct mm_nvm *nvm, mm_comp comp)
{
    size_t taken = nvm->used, room, own = 0, max = 0;

    for (size_t i = 0; i < nvm->comp_n; i++) {
        const struct nvm_comp *c = &nvm->comps[i];
        size_t used = comp_used(c);

        if (c->comp == comp) {
            own = used;
            max = c->max;
        } else if (used < c->min) {
            taken += c->min - used;
        }
    }
    room = taken < nvm->cfg.max_bytes ? nvm->cfg.max_bytes - taken : 0;
    if (max != 0 && room > (own < max ? max - own : 0))
        room = own < max ? max - own : 0;
    return room;
}

size_t mm_nvm_free(const struct mm_nvm *nvm)
{
    return mm_comp_room(nvm, MM_COMP_PLATFORM);
}

/* ---- Life of a store ---- */

static void store_release(struct mm_nvm *nvm)
{
    mm_key key = 0;

    while ((key = mm_rec_next(nvm, key, UINT32_MAX)) != 0)
        nvm_rec_free(nvm_rec_unlink(nvm, key));
    for (size_t i = 0; i <= NVM_LEVELS; i++)
        nvm_ops_clear(&nvm->ops[i]);
    mm_buf_clear(&nvm->undo_bytes);
    EVP_MAC_CTX_free(nvm->mac);
    if (nvm->journal_fd >= 0)
        close(nvm->journal_fd);
    if (nvm->fuse_fd >= 0)
        close(nvm->fuse_fd); /* unlocks */
    free(nvm->undo);
    free(nvm->high);
    free(nvm->comps);
    free(nvm->path);
    OPENSSL_cleanse(nvm->key, sizeof(nvm->key));
    free(nvm);
}

static enum mm_status store_new(const struct mm_nvm_config *cfg, struct mm_nvm **out,
                                struct mm_err *err)
{
    static const struct nvm_comp platform = {.comp = MM_COMP_PLATFORM, .kind = MM_COMP_PLATFORM};
    struct mm_nvm *nvm = calloc(1, sizeof(*nvm));

    *out = NULL;
    if (nvm == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    nvm->cfg = *cfg;
    nvm->fuse_fd = nvm->journal_fd = -1;
    if (nvm->cfg.max_bytes == 0)
        nvm->cfg.max_bytes = NVM_MAX_DEFAULT;
    if (cfg->path != NULL)
        nvm->path = strdup(cfg->path);
    if ((cfg->path != NULL && nvm->path == NULL) || nvm_comp_insert(nvm, &platform) != MM_OK) {
        store_release(nvm);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    nvm->cfg.path = nvm->path;
    nvm->layout = cfg->layout;
    memcpy(nvm->made_by, MM_VERSION, sizeof(MM_VERSION));
    *out = nvm;
    return MM_OK;
}

enum mm_status mm_nvm_create(const struct mm_nvm_config *cfg, struct mm_nvm **out,
                             struct mm_err *err)
{
    struct mm_nvm *nvm;
    enum mm_status st = store_new(cfg, &nvm, err);

    *out = NULL;
    if (st != MM_OK)
        return st;
    nvm->counter = 1;
    st = nvm_fuse_create(nvm, err);
    if (st == MM_OK)
        st = nvm_seal_init(nvm, err);
    if (st == MM_OK && nvm->path != NULL) {
        st = nvm_journal_open(nvm, err);
        if (st == MM_OK && nvm_image_write(nvm) != MM_OK)
            st = mm_fail(err, MM_IO, SIZE_MAX, "%s: cannot be written", nvm->path);
    }
    if (st != MM_OK) {
        store_release(nvm);
        return st;
    }
    *out = nvm;
    return MM_OK;
}

/* New damage has to outlive the bytes that showed it: the image is written with the marks in its
 * sealed table, under a counter of its own, so that the old files put back are a rollback. */
static enum mm_status settle(struct mm_nvm *nvm)
{
    if (nvm->new_damage) {
        if (nvm->counter < nvm->fuse)
            nvm->counter = nvm->fuse;
        nvm->counter++;
        nvm->new_damage = false;
        return nvm_image_write(nvm);
    }
    return nvm->counter != nvm->fuse ? nvm_fuse_set(nvm, nvm->counter) : MM_OK;
}

enum mm_status mm_nvm_open(const struct mm_nvm_config *cfg, struct mm_nvm **out, struct mm_err *err)
{
    struct mm_nvm *nvm;
    enum mm_status st = store_new(cfg, &nvm, err);

    *out = NULL;
    if (st != MM_OK)
        return st;
    if (nvm->path == NULL)
        st = mm_fail(err, MM_USAGE, SIZE_MAX, "a store in memory is created, not opened");
    if (st == MM_OK)
        st = nvm_fuse_open(nvm, err);
    if (st == MM_OK)
        st = nvm_seal_init(nvm, err);
    if (st == MM_OK)
        st = nvm_image_read(nvm, err);
    if (st == MM_OK)
        st = nvm_journal_open(nvm, err);
    if (st == MM_OK)
        st = nvm_journal_replay(nvm, err);
    if (st == MM_OK && settle(nvm) != MM_OK)
        st = mm_fail(err, MM_IO, SIZE_MAX, "%s: cannot be written", nvm->path);
    if (st != MM_OK) {
        store_release(nvm);
        return st;
    }
    *out = nvm;
    return MM_OK;
}

void mm_nvm_close(struct mm_nvm **nvm)
{
    struct mm_nvm *n = *nvm;
    enum mm_status st = MM_OK;

    if (n == NULL)
        return;
    mm_tx_abort(n);
    if (!n->dead)
        st = mm_nvm_promise(n);
    if (!n->dead && st == MM_OK && n->path != NULL && n->unsaved)
        st = nvm_image_write(n);
    (void)st; /* a failure here loses nothing: what was promised is in the journal */
    store_release(n);
    *nvm = NULL;
}
