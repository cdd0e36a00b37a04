/*
 * The image file.
 *
 *   header   "MMNVM\0\0" u1 format (2)  u4 layout  version(12) of the program that wrote it
 *            u8 counter  u4 components
 *   table    each component: u2 id  u1 kind  u1 damage  u1 AID length  AID(16)
 *            u4 records  u8 section length  section digest(16)
 *   digest   16 bytes over header and table
 *   sections in the order of the table; each record: u4 key  u4 length  bytes
 *
 * A section's digest covers the counter and the id too, so a section of another time or another
 * component does not fit. A component known to be damaged stays marked in the table, whose digest
 * seals the mark: writing the image anew heals nothing.
 *
 * The format is that of this file; the layout is that of the records, which this module knows
 * nothing of (mm_nvm_config). Both keep a program from reading what it would take for something else.
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

#define IMAGE_MAGIC      "MMNVM\0\0"
#define IMAGE_MAGIC_LEN  7
#define IMAGE_FORMAT     2
#define IMAGE_HEADER_LEN (IMAGE_MAGIC_LEN + 1 + 4 + NVM_VERSION_LEN + 8 + 4)
#define IMAGE_ENTRY_LEN  (2 + 1 + 1 + 1 + MM_AID_MAX + 4 + 8 + NVM_MAC_LEN)

/* One line of the table as read. */
struct entry {
    struct nvm_comp comp;
    uint32_t records;
    const uint8_t *mac;
    const uint8_t *section; /* NULL: cut off */
    size_t section_len;
    bool sound;
};

/* ---- Writing ---- */

static void section_put(const struct mm_nvm *nvm, mm_comp comp, struct mm_buf *out)
{
    mm_key key = 0;

    while ((key = mm_rec_next(nvm, key, UINT32_MAX)) != 0) {
        const struct nvm_rec *rec = nvm_find(nvm, key);
        if (rec->comp != comp)
            continue;
        mm_buf_u32(out, rec->key);
        mm_buf_u32(out, rec->len);
        mm_buf_bytes(out, rec->data, rec->len);
    }
}

static enum mm_status section_mac(struct mm_nvm *nvm, uint64_t counter, mm_comp comp,
                                  const uint8_t *section, size_t len, uint8_t mac[NVM_MAC_LEN])
{
    uint8_t head[10];
    struct nvm_piece pieces[2] = {{head, sizeof(head)}, {section, len}};

    mm_put_be64(head, counter);
    mm_put_be16(head + 8, comp);
    return nvm_seal_mac(nvm, 'S', pieces, 2, mac);
}

static enum mm_status image_make(struct mm_nvm *nvm, struct mm_buf *out, struct mm_buf *sections,
                                 uint8_t table_mac[NVM_MAC_LEN])
{
    uint8_t mac[NVM_MAC_LEN];
    struct nvm_piece table;
    enum mm_status st = MM_OK;

    mm_buf_bytes(out, IMAGE_MAGIC, IMAGE_MAGIC_LEN);
    mm_buf_u8(out, IMAGE_FORMAT);
    mm_buf_u32(out, nvm->layout);
    mm_buf_bytes(out, nvm->made_by, NVM_VERSION_LEN);
    mm_buf_u64(out, nvm->counter);
    mm_buf_u32(out, (uint32_t)nvm->comp_n);
    for (size_t i = 0; i < nvm->comp_n && st == MM_OK; i++) {
        const struct nvm_comp *c = &nvm->comps[i];
        size_t start = sections->len;
        const uint8_t *section;
        section_put(nvm, c->comp, sections);
        if (sections->bad)
            return MM_NO_MEMORY;
        section = sections->len > start ? sections->data + start : NULL; /* empty: no buffer yet */
        st = section_mac(nvm, nvm->counter, c->comp, section, sections->len - start, mac);
        mm_buf_u16(out, c->comp);
        mm_buf_u8(out, c->kind);
        mm_buf_u8(out, c->damage);
        mm_buf_u8(out, c->aid.len);
        mm_buf_bytes(out, c->aid.bytes, MM_AID_MAX);
        mm_buf_u32(out, (uint32_t)c->records);
        mm_buf_u64(out, sections->len - start);
        mm_buf_bytes(out, mac, sizeof(mac));
    }
    if (st != MM_OK || out->bad)
        return st != MM_OK ? st : MM_NO_MEMORY;
    table = (struct nvm_piece){out->data, out->len};
    st = nvm_seal_mac(nvm, 'T', &table, 1, table_mac);
    mm_buf_bytes(out, table_mac, NVM_MAC_LEN);
    if (sections->len > 0)
        mm_buf_bytes(out, sections->data, sections->len);
    return st == MM_OK && out->bad ? MM_NO_MEMORY : st;
}

static enum mm_status image_replace(const struct mm_nvm *nvm, const struct mm_buf *image)
{
    bool power = nvm->cfg.durability == MM_DURABLE_POWER;
    char tmp[PATH_MAX];
    bool good;
    int fd;

    if (snprintf(tmp, sizeof(tmp), "%s.new", nvm->path) >= (int)sizeof(tmp))
        return MM_TOO_LONG;
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return MM_IO;
    good = nvm_write_all(fd, image->data, image->len) && (!power || fsync(fd) == 0);
    close(fd);
    if (!good || rename(tmp, nvm->path) != 0) {
        unlink(tmp);
        return MM_IO;
    }
    return power ? mm_file_sync_folder_of(nvm->path) : MM_OK;
}

/*
 * A kill before the rename leaves the old image with its journal; one after it leaves a journal of
 * entries that the new image's counter covers, which the next open passes over.
 */
enum mm_status nvm_image_write(struct mm_nvm *nvm)
{
    struct mm_buf image, sections;
    uint8_t chain[NVM_MAC_LEN];
    enum mm_status st;

    mm_buf_init(&image);
    mm_buf_init(&sections);
    st = image_make(nvm, &image, &sections, chain);
    if (st == MM_OK)
        st = image_replace(nvm, &image);
    if (st == MM_OK && nvm->fuse != nvm->counter)
        st = nvm_fuse_set(nvm, nvm->counter);
    if (st == MM_OK) {
        memcpy(nvm->chain, chain, sizeof(chain));
        nvm->unsaved = false;
        nvm->journal_len = 0;
        if (ftruncate(nvm->journal_fd, 0) != 0)
            st = MM_IO;
    }
    mm_buf_clear(&image);
    mm_buf_clear(&sections);
    return st;
}

/* ---- Reading ---- */

static bool entry_read(struct mm_rd *rd, struct entry *e)
{
    const uint8_t *aid;

    *e = (struct entry){0};
    e->comp.comp = mm_rd_u16(rd);
    e->comp.kind = mm_rd_u8(rd);
    e->comp.damage = mm_rd_u8(rd);
    e->comp.aid.len = mm_rd_u8(rd);
    aid = mm_rd_bytes(rd, MM_AID_MAX);
    e->records = mm_rd_u32(rd);
    e->section_len = (size_t)mm_rd_u32(rd) << 32;
    e->section_len |= mm_rd_u32(rd);
    e->mac = mm_rd_bytes(rd, NVM_MAC_LEN);
    if (rd->bad || e->comp.aid.len > MM_AID_MAX || e->comp.kind > MM_COMP_DOMAIN ||
        e->comp.damage > MM_DAMAGE_ROLLBACK)
        return false;
    memcpy(e->comp.aid.bytes, aid, MM_AID_MAX);
    return true;
}

/* Records of one section. A changed section is read as far as its framing goes. */
static enum mm_status section_load(struct mm_nvm *nvm, const struct entry *e)
{
    struct mm_rd rd;

    mm_rd_init(&rd, e->section, e->section_len);
    while (mm_rd_left(&rd) > 0) {
        mm_key key = mm_rd_u32(&rd);
        uint32_t len = mm_rd_u32(&rd);
        const uint8_t *data = mm_rd_bytes(&rd, len);
        struct nvm_rec *rec;
        if (data == NULL)
            return MM_MALFORMED;
        rec = nvm_rec_make(key, e->comp.comp, len);
        if (rec == NULL)
            return MM_NO_MEMORY;
        memcpy(rec->data, data, len);
        if (nvm_rec_link(nvm, rec) != MM_OK) {
            nvm_rec_free(rec);
            return MM_MALFORMED;
        }
    }
    return MM_OK;
}

static enum mm_status sections_find(struct mm_nvm *nvm, struct mm_rd *rd, struct entry *entries,
                                    size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct entry *e = &entries[i];
        uint8_t mac[NVM_MAC_LEN];
        if (e->section_len > mm_rd_left(rd))
            e->section_len = mm_rd_left(rd); /* cut off: its digest cannot fit */
        e->section = mm_rd_bytes(rd, e->section_len);
        if (section_mac(nvm, nvm->counter, e->comp.comp, e->section, e->section_len, mac) != MM_OK)
            return MM_CRYPTO;
        e->sound = CRYPTO_memcmp(mac, e->mac, sizeof(mac)) == 0;
    }
    if (mm_rd_left(rd) > 0)
        nvm_damage_set(nvm, MM_COMP_PLATFORM, MM_DAMAGE_CHANGED);
    return MM_OK;
}

/* Sound sections first, so that a changed one cannot take their keys. */
static enum mm_status sections_load(struct mm_nvm *nvm, const struct entry *entries, size_t n)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            const struct entry *e = &entries[i];
            enum mm_status st;
            if (e->sound != (pass == 0))
                continue;
            if (!e->sound)
                nvm_damage_set(nvm, e->comp.comp, MM_DAMAGE_CHANGED);
            st = section_load(nvm, e);
            if (st == MM_NO_MEMORY)
                return st;
            if (st != MM_OK)
                nvm_damage_set(nvm, e->comp.comp, MM_DAMAGE_CHANGED);
        }
    }
    return MM_OK;
}

/* The table into entries and components; false when its framing is broken. */
static bool table_read(struct mm_nvm *nvm, struct mm_rd *rd, struct entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!entry_read(rd, &entries[i]))
            return false;
        if (entries[i].comp.comp == MM_COMP_PLATFORM)
            nvm_comp(nvm, MM_COMP_PLATFORM)->damage = entries[i].comp.damage;
        else if (nvm_comp_insert(nvm, &entries[i].comp) != MM_OK)
            return false;
    }
    return true;
}

/* What the user can do about it is the same in both cases. */
#define WAY_OUT "run it with the version that wrote it, or make a new chip with init"

/* Up to the counter; what it says of versions. */
static enum mm_status header_read(struct mm_nvm *nvm, struct mm_rd *rd, uint32_t *layout,
                                  const uint8_t **made_by, struct mm_err *err)
{
    const uint8_t *magic = mm_rd_bytes(rd, IMAGE_MAGIC_LEN);
    uint8_t format = mm_rd_u8(rd);

    if (magic == NULL || rd->bad || memcmp(magic, IMAGE_MAGIC, IMAGE_MAGIC_LEN) != 0)
        return mm_fail(err, MM_MALFORMED, 0, "%s: not a chip image", nvm->path);
    if (format != IMAGE_FORMAT)
        return mm_fail(err, MM_UNSUPPORTED, IMAGE_MAGIC_LEN,
                       "%s: image of format %u, Mintmark %s reads format %u: " WAY_OUT, nvm->path,
                       format, MM_VERSION, IMAGE_FORMAT);
    *layout = mm_rd_u32(rd);
    *made_by = mm_rd_bytes(rd, NVM_VERSION_LEN);
    return *made_by != NULL
               ? MM_OK
               : mm_fail(err, MM_MALFORMED, rd->off, "%s: not a chip image", nvm->path);
}

/* Its seal is good, so the header says the truth. */
static enum mm_status layout_take(struct mm_nvm *nvm, uint32_t layout, const uint8_t *made_by,
                                  struct mm_err *err)
{
    if (nvm->cfg.layout == 0) {
        nvm->layout = layout;
        memcpy(nvm->made_by, made_by, NVM_VERSION_LEN);
        return MM_OK;
    }
    if (nvm->cfg.layout == layout)
        return MM_OK;
    return mm_fail(
        err, MM_UNSUPPORTED, IMAGE_MAGIC_LEN + 1,
        "%s: image of Mintmark %.*s, layout %08x; this is Mintmark %s, layout %08x: " WAY_OUT,
        nvm->path, NVM_VERSION_LEN, (const char *)made_by, layout, MM_VERSION, nvm->cfg.layout);
}

static enum mm_status image_parse(struct mm_nvm *nvm, const uint8_t *data, size_t len,
                                  struct mm_err *err)
{
    struct mm_rd rd;
    const uint8_t *made_by = NULL, *mac;
    struct entry *entries = NULL;
    struct nvm_piece table = {data, 0};
    enum mm_status st;
    uint32_t n, layout = 0;

    mm_rd_init(&rd, data, len);
    st = header_read(nvm, &rd, &layout, &made_by, err);
    if (st != MM_OK)
        return st;
    nvm->counter = (uint64_t)mm_rd_u32(&rd) << 32;
    nvm->counter |= mm_rd_u32(&rd);
    n = mm_rd_u32(&rd);
    if (rd.bad || n == 0 || n > mm_rd_left(&rd) / IMAGE_ENTRY_LEN)
        return mm_fail(err, MM_TAMPERED, IMAGE_HEADER_LEN - 4,
                       "%s: %u components do not fit in %zu bytes", nvm->path, n, len);
    entries = calloc(n, sizeof(*entries));
    if (entries == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (!table_read(nvm, &rd, entries, n)) {
        st = mm_fail(err, MM_TAMPERED, rd.off, "%s: table of components cannot be read", nvm->path);
        goto out;
    }
    table.len = rd.off;
    mac = mm_rd_bytes(&rd, NVM_MAC_LEN);
    st = nvm_seal_mac(nvm, 'T', &table, 1, nvm->chain);
    if (st == MM_OK && (mac == NULL || CRYPTO_memcmp(mac, nvm->chain, NVM_MAC_LEN) != 0))
        nvm_damage_set(nvm, MM_COMP_PLATFORM, MM_DAMAGE_CHANGED);
    else if (st == MM_OK && (st = layout_take(nvm, layout, made_by, err)) != MM_OK)
        goto out;
    if (st == MM_OK)
        st = sections_find(nvm, &rd, entries, n);
    if (st == MM_OK)
        st = sections_load(nvm, entries, n);
    if (st != MM_OK)
        (void)mm_fail(err, st, SIZE_MAX, "%s: %s", nvm->path, mm_status_text(st));
out:
    free(entries);
    return st;
}

enum mm_status nvm_image_read(struct mm_nvm *nvm, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_file_read(nvm->path, NVM_FILE_MAX, &data, &len, err);

    if (st != MM_OK)
        return st;
    st = image_parse(nvm, data, len, err);
    OPENSSL_cleanse(data, len);
    free(data);
    return st;
}
