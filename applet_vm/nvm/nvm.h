/*
 * The persistent image of a chip: a store of records, with journal, atomicity, tearing and seal.
 *
 * A record is a run of bytes with a 32-bit key and an owning component. Keys 1..0xFFFF are heap
 * objects (the key is the object's 16-bit handle); keys from 0x10000 belong to the card and are
 * fixed numbers listed in card/keys.h. All persistent state of the chip is in records, and every
 * change goes through the functions here: there is no other way to write.
 *
 * Invariants
 *  - mm_nvm_data() is the current content in memory; it stays at the same address until the record
 *    is deleted. Only mm_nvm_write changes it.
 *  - A response is a promise: after mm_nvm_promise() returned MM_OK, a process killed at any later
 *    moment comes back with that state. What came after the last promise is gone, except writes
 *    made with mm_nvm_write_now.
 *  - Inside a transaction (begin .. commit) nothing is promised; abort, or a kill, undoes it.
 *  - The seal: each component's records, in the image file, carry a keyed digest; so does each
 *    journal entry. A monotonic counter, one higher at each promise that wrote something, is kept in
 *    the image and, as on a real chip's fuses, in a second file NAME.fuse that also holds the
 *    chip-unique key. mm_nvm_open finds a flipped bit, a swapped section or an older copy and names
 *    the component; the platform (component 0) is blamed when no other can be.
 *
 * Files: PATH (image, sections by component), PATH.journal, PATH.fuse; mode 0600, locked (flock)
 * while open. mm_nvm_close writes the image anew and empties the journal.
 */
#ifndef MM_NVM_H
#define MM_NVM_H

#include "applet_vm/base/base.h"

struct mm_nvm;

enum mm_comp_kind {
    MM_COMP_PLATFORM = 0, /* component id 0, always there */
    MM_COMP_PACKAGE = 1,
    MM_COMP_APPLET = 2,
    MM_COMP_DOMAIN = 3 /* a supplementary security domain: keys and data, no code */
};

typedef uint16_t mm_comp; /* component id; 0 is the platform */
#define MM_COMP_MAX 0x7FFF

enum mm_durability {
    MM_DURABLE_KILL, /* survives SIGKILL: journal entry is written before the answer */
    MM_DURABLE_POWER /* fdatasync as well */
};

struct mm_nvm_config {
    const char *path; /* image file; NULL: all in memory, nothing is kept (tests, speed) */
    enum mm_durability durability;
    size_t max_bytes; /* all records together; 0: 1 MiB */
    /* How the user's records are laid out; an image of another layout is not opened. 0: any, for who
     * looks at the seal only. */
    uint32_t layout;
    unsigned tear_at; /* power cut (process exits with 99) at this persistent write; 0: never */
    void (*tear)(void *ctx); /* called instead of exit at tear_at; may be NULL */
    void *tear_ctx;
};

/* A new, empty image; refuses to overwrite (MM_EXISTS). Makes the chip-unique key. */
enum mm_status mm_nvm_create(const struct mm_nvm_config *cfg, struct mm_nvm **out,
                             struct mm_err *err) MM_USE_RESULT;

/*
 * Open an image: read it, replay the journal, check the seal. A damaged component does NOT make
 * this fail: it opens with that component marked (mm_comp_damage). It fails only when there is no
 * image, it is in use (MM_BUSY), nothing can be read at all, or it is of another version
 * (MM_UNSUPPORTED: format of the file, or a sound image with another layout; err tells both).
 */
enum mm_status mm_nvm_open(const struct mm_nvm_config *cfg, struct mm_nvm **out,
                           struct mm_err *err) MM_USE_RESULT;
/* Promise, write the image anew (checkpoint), release. Aborts an open transaction. */
void mm_nvm_close(struct mm_nvm **nvm);

/* ---- Components ---- */
enum mm_status mm_comp_add(struct mm_nvm *nvm, mm_comp comp, enum mm_comp_kind kind,
                           const struct mm_aid *aid) MM_USE_RESULT;
/* Delete a component and all its records; heals its damage. */
enum mm_status mm_comp_drop(struct mm_nvm *nvm, mm_comp comp) MM_USE_RESULT;

enum mm_damage {
    MM_DAMAGE_NONE = 0,
    MM_DAMAGE_CHANGED, /* contents do not match their seal */
    MM_DAMAGE_ROLLBACK /* the image is older than the fuse counter (platform only) */
};
enum mm_damage mm_comp_damage(const struct mm_nvm *nvm, mm_comp comp);

struct mm_comp_info {
    mm_comp comp;
    enum mm_comp_kind kind;
    struct mm_aid aid;
    enum mm_damage damage;
    size_t bytes; /* all its records */
    size_t records;
};
/* Components in ascending id, from index 0; false past the end. */
bool mm_comp_get(const struct mm_nvm *nvm, size_t index, struct mm_comp_info *info);

/* Memory of a component, in bytes as mm_comp_info counts them with what the image adds to a record:
 * max limits it (0: no limit), min is kept for it while it uses less. Not stored: to be set anew after
 * each open. MM_NOT_FOUND. */
enum mm_status mm_comp_quota_set(struct mm_nvm *nvm, mm_comp comp, size_t max,
                                 size_t min) MM_USE_RESULT;
/* How much the component may still take: what is free less what is kept for others, up to its limit. */
size_t mm_comp_room(const struct mm_nvm *nvm, mm_comp comp);

/* ---- Records ---- */
typedef uint32_t mm_key;
/* A new record, zeroed. MM_EXISTS, MM_NO_MEMORY (quota), MM_NOT_FOUND (component). */
enum mm_status mm_rec_new(struct mm_nvm *nvm, mm_key key, mm_comp comp, size_t len) MM_USE_RESULT;
enum mm_status mm_rec_delete(struct mm_nvm *nvm, mm_key key) MM_USE_RESULT;
/* Current content, borrowed; NULL when there is none. len may be NULL. */
const uint8_t *mm_rec_data(const struct mm_nvm *nvm, mm_key key, size_t *len);
mm_comp mm_rec_comp(const struct mm_nvm *nvm, mm_key key);
/* Change part of a record: THE persistent write. Undone by an abort when in a transaction.
 * Cheap (no system call); the journal is written at the promise. */
enum mm_status mm_rec_write(struct mm_nvm *nvm, mm_key key, size_t off, const void *data,
                            size_t data_len) MM_USE_RESULT;
/* As mm_rec_write, but outside any transaction and promised at once, before it returns: for PIN
 * try counters, which must not come back when power is cut (JCRE 3.0.5, 7.7; PIN.check). */
enum mm_status mm_rec_write_now(struct mm_nvm *nvm, mm_key key, size_t off, const void *data,
                                size_t data_len) MM_USE_RESULT;
/* As mm_rec_write but not undone by an abort (Util.arrayCopyNonAtomic and friends), unless that takes
 * the record itself away. */
enum mm_status mm_rec_write_nonatomic(struct mm_nvm *nvm, mm_key key, size_t off, const void *data,
                                      size_t data_len) MM_USE_RESULT;
/* Smallest existing key > after and <= last; 0 when none. Walks records in key order. */
mm_key mm_rec_next(const struct mm_nvm *nvm, mm_key after, mm_key last);

/* ---- Transactions and promises ---- */
/*
 * The card's own transaction, around a whole command such as INSTALL. One at a time: MM_STATE when
 * any is open. Not limited: what a command changes is bounded by the memory of the card.
 */
enum mm_status mm_tx_begin(struct mm_nvm *nvm) MM_USE_RESULT;
enum mm_status mm_tx_commit(struct mm_nvm *nvm) MM_USE_RESULT; /* MM_STATE: an applet's is open */
/* Undo every write, creation and deletion since the outermost begin, an applet's included. */
void mm_tx_abort(struct mm_nvm *nvm);
bool mm_tx_active(const struct mm_nvm *nvm); /* any, the card's or an applet's */
/*
 * An applet's (JCRE 3.0.5, chapter 7): by itself, or inside the card's, as a savepoint in it: commit
 * hands its changes on to the card's, abort goes back to where it began. It does not nest:
 * MM_STATE. Its writes are limited by the commit capacity: MM_NO_MEMORY from mm_rec_write.
 */
enum mm_status mm_tx_applet_begin(struct mm_nvm *nvm) MM_USE_RESULT;
enum mm_status mm_tx_applet_commit(struct mm_nvm *nvm) MM_USE_RESULT; /* MM_STATE: none is open */
void mm_tx_applet_abort(struct mm_nvm *nvm); /* nothing when none is open */
bool mm_tx_applet_active(const struct mm_nvm *nvm);
/* Bytes of undo space for an applet's: all and still free (JCSystem.getMaxCommitCapacity). */
size_t mm_tx_capacity(const struct mm_nvm *nvm);
size_t mm_tx_left(const struct mm_nvm *nvm);

/* Make all finished writes durable. Called by the card before each answer. No open transaction. */
enum mm_status mm_nvm_promise(struct mm_nvm *nvm) MM_USE_RESULT;

uint32_t mm_nvm_layout(const struct mm_nvm *nvm);  /* of the image */
uint64_t mm_nvm_counter(const struct mm_nvm *nvm); /* the monotonic counter, last promise */
size_t mm_nvm_free(const struct mm_nvm *nvm); /* bytes left of max_bytes that nobody reserved */
/* 32 bytes derived from the chip-unique key for one purpose (HKDF-SHA256, label). */
enum mm_status mm_nvm_derive(const struct mm_nvm *nvm, const char *label,
                             uint8_t out[32]) MM_USE_RESULT;

#endif
