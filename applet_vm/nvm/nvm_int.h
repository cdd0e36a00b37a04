/*
 * Inside of the record store. Memory (nvm.c, nvm_tx.c) knows nothing of files; nvm_ops.c is the
 * language both sides of the journal speak; nvm_image.c and nvm_journal.c are the two files;
 * nvm_seal.c the chip-unique key, the fuse file and the keyed digests.
 */
#ifndef MM_NVM_INT_H
#define MM_NVM_INT_H

#include <openssl/evp.h>

#include "applet_vm/nvm/nvm.h"

#define NVM_MAC_LEN       16
#define NVM_KEY_LEN       32
#define NVM_VERSION_LEN   12
#define NVM_HEAP_N        0x10000u
#define NVM_MAX_DEFAULT   (1u << 20)
#define NVM_REC_OVERHEAD  8u /* key and length in the image */
#define NVM_TX_CAPACITY   16384u
#define NVM_UNDO_OVERHEAD 8u
#define NVM_JOURNAL_MAX   (1u << 20)  /* then the image is written anew */
#define NVM_FILE_MAX      (64u << 20) /* no image of ours is larger */

struct nvm_rec {
    mm_key key;
    uint32_t len;
    uint32_t tx; /* number of the transaction that made it, 0 when finished */
    mm_comp comp;
    uint8_t data[];
};

struct nvm_comp {
    mm_comp comp;
    uint8_t kind;
    uint8_t damage;
    struct mm_aid aid;
    size_t bytes;
    size_t records;
    size_t max, min; /* quota; 0: none */
};

/* Changes in the order they were made. A run is what follows one another for one component. */
struct nvm_run {
    mm_comp comp;
    uint32_t len;
};
struct nvm_ops {
    struct mm_buf bytes;
    struct nvm_run *runs; /* owned */
    size_t run_n, run_cap;
    /* The last change, when it is a write, which the next one may go on or write over. */
    size_t last_at; /* of its data in bytes; 0: it is none */
    mm_key last_key;
    uint32_t last_off, last_len;
};

enum nvm_undo_kind { NVM_UNDO_WRITE, NVM_UNDO_NEW, NVM_UNDO_DELETE, NVM_UNDO_ADD, NVM_UNDO_DROP };
struct nvm_undo {
    enum nvm_undo_kind kind;
    mm_key key;
    uint32_t off, len;
    size_t saved_off;     /* WRITE: old bytes, in undo_bytes */
    struct nvm_rec *rec;  /* DELETE: the record itself, owned */
    struct nvm_comp comp; /* ADD, DROP */
};

/*
 * What is open: nothing, one transaction, or an applet's inside one. ops[0] is finished and not yet
 * promised; level n collects in ops[n] and hands on to ops[n - 1] when it is committed.
 */
#define NVM_LEVELS 2
struct nvm_level {
    uint32_t tx;       /* number that its new records carry */
    size_t undo_n;     /* where its part of the undo list begins */
    size_t undo_bytes; /* and of the saved bytes */
};

struct mm_nvm {
    struct mm_nvm_config cfg;
    char *path; /* owned; NULL: in memory */
    int fuse_fd, journal_fd;

    struct nvm_rec *heap[NVM_HEAP_N];
    struct nvm_rec **high; /* sorted by key, all from 0x10000 */
    size_t high_n, high_cap;
    struct nvm_comp *comps; /* sorted by id; [0] is the platform */
    size_t comp_n, comp_cap;
    size_t used;

    struct nvm_ops ops[1 + NVM_LEVELS];
    struct nvm_undo *undo;
    size_t undo_n, undo_cap;
    struct mm_buf undo_bytes;
    struct nvm_level level[1 + NVM_LEVELS]; /* [0] is not used */
    unsigned depth;                         /* levels that are open */
    bool applet_tx;                         /* the innermost is an applet's */
    size_t undo_used;                       /* of its commit capacity */
    uint32_t tx;                            /* number of the innermost, 0: none */
    uint32_t tx_last;

    uint32_t layout;
    uint8_t
        made_by[NVM_VERSION_LEN]; /* version of the program that wrote the image, zeros behind it */
    uint64_t counter;
    uint64_t fuse;
    uint8_t key[NVM_KEY_LEN];
    uint8_t chain[NVM_MAC_LEN]; /* digest the next journal entry goes on from */
    EVP_MAC_CTX *mac;           /* keyed once, reset before each use */
    size_t journal_len;
    bool unsaved;    /* the image file is behind */
    bool new_damage; /* found at this open, not in the image's table yet */
    bool dead;       /* after a tear: nothing may be written any more */
    unsigned writes;
};

/* ---- nvm.c: records and components in memory, no journal, no undo ---- */
struct nvm_rec *nvm_find(const struct mm_nvm *nvm, mm_key key);
struct nvm_comp *nvm_comp(const struct mm_nvm *nvm, mm_comp comp);
enum mm_status nvm_comp_insert(struct mm_nvm *nvm, const struct nvm_comp *c) MM_USE_RESULT;
void nvm_comp_remove(struct mm_nvm *nvm, mm_comp comp);
struct nvm_rec *nvm_rec_make(mm_key key, mm_comp comp, size_t len);
void nvm_rec_free(struct nvm_rec *rec); /* wipes; NULL is fine */
/* Put in or take out of the tables; take returns the record, now owned by the caller. */
enum mm_status nvm_rec_link(struct mm_nvm *nvm, struct nvm_rec *rec) MM_USE_RESULT;
struct nvm_rec *nvm_rec_unlink(struct mm_nvm *nvm, mm_key key);
void nvm_comp_purge(struct mm_nvm *nvm, mm_comp comp); /* free its records */
void nvm_damage_set(struct mm_nvm *nvm, mm_comp comp, enum mm_damage damage);

/* ---- nvm_ops.c ---- */
void nvm_ops_clear(struct nvm_ops *ops);
void nvm_ops_reset(struct nvm_ops *ops); /* empty, keeps its memory */
enum mm_status nvm_ops_write(struct nvm_ops *ops, const struct nvm_rec *rec, uint32_t off,
                             const void *data, uint32_t len) MM_USE_RESULT;
enum mm_status nvm_ops_new(struct nvm_ops *ops, const struct nvm_rec *rec) MM_USE_RESULT;
enum mm_status nvm_ops_delete(struct nvm_ops *ops, const struct nvm_rec *rec) MM_USE_RESULT;
enum mm_status nvm_ops_add(struct nvm_ops *ops, const struct nvm_comp *c) MM_USE_RESULT;
enum mm_status nvm_ops_drop(struct nvm_ops *ops, mm_comp comp) MM_USE_RESULT;
enum mm_status nvm_ops_append(struct nvm_ops *ops, const struct nvm_ops *more) MM_USE_RESULT;
/* Replay one run. With trusted, what does not fit is a failure; without, it is passed over. */
enum mm_status nvm_ops_apply(struct mm_nvm *nvm, mm_comp comp, const uint8_t *data, size_t len,
                             bool trusted) MM_USE_RESULT;

/* ---- nvm_seal.c ---- */
enum mm_status nvm_seal_init(struct mm_nvm *nvm, struct mm_err *err) MM_USE_RESULT;
struct nvm_piece {
    const void *data;
    size_t len;
};
/* Keyed digest over the pieces, in order; label keeps the uses apart. */
enum mm_status nvm_seal_mac(struct mm_nvm *nvm, char label, const struct nvm_piece *pieces,
                            size_t piece_n, uint8_t mac[NVM_MAC_LEN]) MM_USE_RESULT;
/* Fuse file: made new, or opened, locked and read. */
enum mm_status nvm_fuse_create(struct mm_nvm *nvm, struct mm_err *err) MM_USE_RESULT;
enum mm_status nvm_fuse_open(struct mm_nvm *nvm, struct mm_err *err) MM_USE_RESULT;
enum mm_status nvm_fuse_set(struct mm_nvm *nvm, uint64_t counter) MM_USE_RESULT;

/* ---- nvm_image.c ---- */
enum mm_status nvm_image_read(struct mm_nvm *nvm, struct mm_err *err) MM_USE_RESULT;
/* Write the image anew and empty the journal: crash-safe at every point. */
enum mm_status nvm_image_write(struct mm_nvm *nvm) MM_USE_RESULT;

/* ---- nvm_journal.c ---- */
enum mm_status nvm_journal_open(struct mm_nvm *nvm, struct mm_err *err) MM_USE_RESULT;
/* Read the journal, apply what was promised, judge the rest; leaves it ready to be appended to. */
enum mm_status nvm_journal_replay(struct mm_nvm *nvm, struct mm_err *err) MM_USE_RESULT;
/* Append what is finished as one entry, move the counter, empty the list. */
enum mm_status nvm_journal_promise(struct mm_nvm *nvm) MM_USE_RESULT;

bool nvm_write_all(int fd, const uint8_t *data, size_t len);

#endif
