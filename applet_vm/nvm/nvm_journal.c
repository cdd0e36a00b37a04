/*
 * The journal: one entry a promise.
 *
 *   u4 length of all that follows  u8 counter  u2 runs
 *   each run: u2 component  u4 length  digest(16)
 *   digest(16) over the last entry's digest (the image's, for the first) and all above
 *   the bytes of the runs, one after another (nvm_ops.c)
 *
 * The head's digest chains the entries and seals the list of runs; a run's digest seals its bytes.
 * So bytes changed inside a run are laid to that component with the key's authority, and a change
 * anywhere else to the platform. What the fuse counter does not cover was never promised: a torn
 * entry there is dropped. An entry that it covers must be there, whole.
 */
#include "applet_vm/nvm/nvm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_LEN (2 + 4 + NVM_MAC_LEN)

enum mm_status nvm_journal_open(struct mm_nvm *nvm, struct mm_err *err)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s.journal", nvm->path) >= (int)sizeof(path))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%s: path too long", nvm->path);
    nvm->journal_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (nvm->journal_fd < 0)
        return mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, strerror(errno));
    return MM_OK;
}

static enum mm_status run_mac(struct mm_nvm *nvm, uint64_t counter, uint16_t index, mm_comp comp,
                              const uint8_t *data, size_t len, uint8_t mac[NVM_MAC_LEN])
{
    uint8_t head[12];
    struct nvm_piece pieces[2] = {{head, sizeof(head)}, {data, len}};

    mm_put_be64(head, counter);
    mm_put_be16(head + 8, index);
    mm_put_be16(head + 10, comp);
    return nvm_seal_mac(nvm, 'R', pieces, 2, mac);
}

static enum mm_status head_mac(struct mm_nvm *nvm, const uint8_t *head, size_t len,
                               uint8_t mac[NVM_MAC_LEN])
{
    struct nvm_piece pieces[2] = {{nvm->chain, NVM_MAC_LEN}, {head, len}};

    return nvm_seal_mac(nvm, 'J', pieces, 2, mac);
}

/* ---- Writing ---- */

static enum mm_status entry_make(struct mm_nvm *nvm, struct mm_buf *out, uint8_t chain[NVM_MAC_LEN])
{
    const struct nvm_ops *ops = &nvm->ops[0];
    size_t head = 10 + ops->run_n * RUN_LEN + NVM_MAC_LEN;
    size_t off = 0;
    enum mm_status st = MM_OK;

    mm_buf_u32(out, (uint32_t)(head + ops->bytes.len));
    mm_buf_u64(out, nvm->counter + 1);
    mm_buf_u16(out, (uint16_t)ops->run_n);
    for (size_t i = 0; i < ops->run_n && st == MM_OK; i++) {
        uint8_t mac[NVM_MAC_LEN];
        st = run_mac(nvm, nvm->counter + 1, (uint16_t)i, ops->runs[i].comp, ops->bytes.data + off,
                     ops->runs[i].len, mac);
        mm_buf_u16(out, ops->runs[i].comp);
        mm_buf_u32(out, ops->runs[i].len);
        mm_buf_bytes(out, mac, sizeof(mac));
        off += ops->runs[i].len;
    }
    if (st == MM_OK && !out->bad)
        st = head_mac(nvm, out->data, out->len, chain);
    mm_buf_bytes(out, chain, NVM_MAC_LEN);
    mm_buf_bytes(out, ops->bytes.data, ops->bytes.len);
    return st == MM_OK && out->bad ? MM_NO_MEMORY : st;
}

/* On failure the file is as it was, so that a later promise can try again. */
static enum mm_status entry_append(struct mm_nvm *nvm, const struct mm_buf *entry)
{
    bool good = nvm_write_all(nvm->journal_fd, entry->data, entry->len);

    if (good && nvm->cfg.durability == MM_DURABLE_POWER)
        good = fdatasync(nvm->journal_fd) == 0;
    if (good && nvm_fuse_set(nvm, nvm->counter + 1) == MM_OK)
        return MM_OK;
    if (ftruncate(nvm->journal_fd, (off_t)nvm->journal_len) != 0)
        nvm->dead = true; /* the file cannot be brought back: write nothing more behind it */
    return MM_IO;
}

/* What is finished becomes an entry of the file. */
static enum mm_status write_entry(struct mm_nvm *nvm)
{
    uint8_t chain[NVM_MAC_LEN] = {0};
    struct mm_buf entry;
    enum mm_status st;

    if (nvm->ops[0].run_n > UINT16_MAX) {
        /* More runs than an entry counts: the image takes them, in one step as well. */
        nvm->counter++;
        nvm_ops_reset(&nvm->ops[0]);
        return nvm_image_write(nvm);
    }
    mm_buf_init(&entry);
    st = entry_make(nvm, &entry, chain);
    if (st == MM_OK)
        st = entry_append(nvm, &entry);
    if (st == MM_OK) {
        nvm->counter++;
        nvm->journal_len += entry.len;
        nvm->unsaved = true;
        memcpy(nvm->chain, chain, sizeof(chain));
        nvm_ops_reset(&nvm->ops[0]);
        /* Only in a transaction would the image hold what is not finished. */
        if (nvm->journal_len > NVM_JOURNAL_MAX && nvm->depth == 0)
            st = nvm_image_write(nvm);
    }
    mm_buf_clear(&entry);
    return st;
}

enum mm_status nvm_journal_promise(struct mm_nvm *nvm)
{
    if (nvm->dead)
        return MM_IO;
    if (nvm->ops[0].run_n == 0)
        return MM_OK;
    if (nvm->path != NULL)
        return write_entry(nvm);
    nvm->counter++;
    nvm_ops_reset(&nvm->ops[0]);
    return MM_OK;
}

/* ---- Reading ---- */

struct jentry {
    uint64_t counter;
    uint16_t run_n;
    const uint8_t *head; /* from the length on */
    size_t head_len;     /* without its digest */
    const uint8_t *runs;
    const uint8_t *mac;
    const uint8_t *bytes;
    size_t bytes_len;
};

/* Frame one entry; false when it is cut off or its lengths contradict each other. */
static bool jentry_read(struct mm_rd *rd, struct jentry *e)
{
    struct mm_rd in;
    uint32_t len;
    size_t sum = 0;

    e->head = rd->data + rd->off;
    len = mm_rd_u32(rd);
    if (rd->bad || len > mm_rd_left(rd))
        return false;
    mm_rd_init(&in, mm_rd_bytes(rd, len), len);
    e->counter = (uint64_t)mm_rd_u32(&in) << 32;
    e->counter |= mm_rd_u32(&in);
    e->run_n = mm_rd_u16(&in);
    e->runs = mm_rd_bytes(&in, (size_t)e->run_n * RUN_LEN);
    e->head_len = 4 + in.off;
    e->mac = mm_rd_bytes(&in, NVM_MAC_LEN);
    e->bytes_len = mm_rd_left(&in);
    e->bytes = mm_rd_bytes(&in, e->bytes_len);
    if (in.bad)
        return false;
    for (size_t i = 0; i < e->run_n; i++)
        sum += mm_be32(e->runs + i * RUN_LEN + 2);
    return sum == e->bytes_len;
}

/* Which runs are as they were written? */
static enum mm_status runs_check(struct mm_nvm *nvm, const struct jentry *e, bool *sound,
                                 bool *all_sound)
{
    size_t off = 0;

    *all_sound = true;
    for (uint16_t i = 0; i < e->run_n; i++) {
        const uint8_t *run = e->runs + (size_t)i * RUN_LEN;
        uint32_t len = mm_be32(run + 2);
        uint8_t mac[NVM_MAC_LEN];
        enum mm_status st = run_mac(nvm, e->counter, i, mm_be16(run), e->bytes + off, len, mac);
        if (st != MM_OK)
            return st;
        sound[i] = CRYPTO_memcmp(mac, run + 6, NVM_MAC_LEN) == 0;
        *all_sound = *all_sound && sound[i];
        off += len;
    }
    return MM_OK;
}

static enum mm_status runs_apply(struct mm_nvm *nvm, const struct jentry *e, const bool *sound)
{
    size_t off = 0;

    for (size_t i = 0; i < e->run_n; i++) {
        const uint8_t *run = e->runs + i * RUN_LEN;
        mm_comp comp = mm_be16(run);
        uint32_t len = mm_be32(run + 2);
        bool trusted;
        enum mm_status st;
        if (!sound[i])
            nvm_damage_set(nvm, comp, MM_DAMAGE_CHANGED);
        /* What follows a lost change of the same component may not fit any more. */
        trusted =
            sound[i] && (comp == MM_COMP_PLATFORM || mm_comp_damage(nvm, comp) == MM_DAMAGE_NONE);
        st = nvm_ops_apply(nvm, comp, e->bytes + off, len, trusted);
        if (st == MM_NO_MEMORY)
            return st;
        if (st != MM_OK)
            nvm_damage_set(nvm, trusted ? MM_COMP_PLATFORM : comp, MM_DAMAGE_CHANGED);
        off += len;
    }
    return MM_OK;
}

/* MM_OK: applied. MM_TAMPERED: not an entry that may follow here. */
static enum mm_status jentry_replay(struct mm_nvm *nvm, const struct jentry *e)
{
    uint8_t mac[NVM_MAC_LEN];
    bool all_sound = false;
    bool *sound;
    enum mm_status st = head_mac(nvm, e->head, e->head_len, mac);

    if (st != MM_OK)
        return st;
    if (CRYPTO_memcmp(mac, e->mac, NVM_MAC_LEN) != 0 || e->counter != nvm->counter + 1)
        return MM_TAMPERED;
    sound = calloc((size_t)e->run_n + 1, sizeof(*sound));
    if (sound == NULL)
        return MM_NO_MEMORY;
    st = runs_check(nvm, e, sound, &all_sound);
    if (st == MM_OK && !all_sound && e->counter > nvm->fuse)
        st = MM_TAMPERED; /* torn, and nobody was told of it: dropped whole */
    if (st == MM_OK)
        st = runs_apply(nvm, e, sound);
    if (st == MM_OK) {
        nvm->counter = e->counter;
        memcpy(nvm->chain, mac, NVM_MAC_LEN);
        nvm->unsaved = true;
    }
    free(sound);
    return st;
}

/* What the journal left unread, against the fuse counter. */
static void judge(struct mm_nvm *nvm, bool rest)
{
    if (nvm->counter < nvm->fuse)
        nvm_damage_set(nvm, MM_COMP_PLATFORM, rest ? MM_DAMAGE_CHANGED : MM_DAMAGE_ROLLBACK);
    else if (nvm->counter - nvm->fuse > 1)
        nvm_damage_set(nvm, MM_COMP_PLATFORM, MM_DAMAGE_CHANGED);
}

enum mm_status nvm_journal_replay(struct mm_nvm *nvm, struct mm_err *err)
{
    uint64_t image = nvm->counter;
    enum mm_status st = MM_OK;
    uint8_t *data = NULL;
    char path[PATH_MAX];
    size_t len = 0, good = 0;
    bool stale = false, rest = false;
    struct mm_rd rd;
    struct jentry e;

    snprintf(path, sizeof(path), "%s.journal", nvm->path);
    st = mm_file_read(path, NVM_FILE_MAX, &data, &len, err);
    if (st != MM_OK)
        return st;
    mm_rd_init(&rd, data, len);
    while (rd.off < len) {
        if (!jentry_read(&rd, &e)) {
            rest = true;
            break;
        }
        if (e.counter <= image && nvm->counter == image) {
            stale = true; /* the image holds it: killed between rename and truncate */
            good = rd.off;
            continue;
        }
        st = jentry_replay(nvm, &e);
        if (st != MM_OK) {
            rest = true;
            break;
        }
        good = rd.off;
    }
    if (st == MM_TAMPERED)
        st = MM_OK; /* judged below */
    if (st == MM_OK)
        judge(nvm, rest);
    nvm->journal_len = stale && nvm->counter == image ? 0 : good;
    if (st == MM_OK && nvm->journal_len != len && !nvm->new_damage &&
        ftruncate(nvm->journal_fd, (off_t)nvm->journal_len) != 0)
        st = MM_IO;
    if (st != MM_OK)
        (void)mm_fail(err, st, good, "%s: %s", path, mm_status_text(st));
    OPENSSL_cleanse(data, len);
    free(data);
    return st;
}
