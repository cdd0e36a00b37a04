#include "applet_vm/card/key_store.h"

#include <string.h>

#include <openssl/crypto.h>

#include "applet_vm/card/keys.h"

#define AT_I        1
#define AT_SEQUENCE 2
#define AT_FAILURES 5
#define AT_LEN      6
#define AT_MAC      8
#define AT_KEYS     24

/* ---- Records ---- */
static const uint8_t *set_record(const struct mm_nvm *nvm, mm_key key, mm_comp domain, size_t *len)
{
    const uint8_t *record = mm_rec_data(nvm, key, len);

    return record != NULL && *len >= AT_KEYS && mm_rec_comp(nvm, key) == domain ? record : NULL;
}

static mm_key next_set(const struct mm_nvm *nvm, mm_comp domain, mm_key after)
{
    size_t len;

    while ((after = mm_rec_next(nvm, after, MM_KEY_SETS_LAST)) != 0) {
        if (set_record(nvm, after, domain, &len) != NULL)
            return after;
    }
    return 0;
}

uint8_t mm_key_set_version(const struct mm_nvm *nvm, mm_comp domain, size_t index)
{
    mm_key key = MM_KEY_SETS_FIRST - 1;

    while ((key = next_set(nvm, domain, key)) != 0) {
        if (index-- == 0)
            return mm_rec_data(nvm, key, NULL)[0];
    }
    return 0;
}

static mm_key find_set(const struct mm_nvm *nvm, mm_comp domain, uint8_t version)
{
    mm_key key = MM_KEY_SETS_FIRST - 1;

    while ((key = next_set(nvm, domain, key)) != 0) {
        if (version == 0 || mm_rec_data(nvm, key, NULL)[0] == version)
            return key;
    }
    return 0;
}

bool mm_key_set_exists(const struct mm_nvm *nvm, mm_comp domain, uint8_t version)
{
    return version != 0 && find_set(nvm, domain, version) != 0;
}

/* ---- At rest ---- */
struct rest_keys {
    uint8_t enc[32], mac[32];
};

static enum mm_status derive(const struct mm_nvm *nvm, struct rest_keys *keys)
{
    enum mm_status st = mm_nvm_derive(nvm, "domain keys, encryption", keys->enc);

    return st == MM_OK ? mm_nvm_derive(nvm, "domain keys, mac", keys->mac) : st;
}

static enum mm_status rest_mac(const struct rest_keys *keys, const struct mm_key_set *set,
                               uint8_t mac[MM_SCP_BLOCK_LEN])
{
    uint8_t head[3];

    mm_put_be16(head, set->domain);
    head[2] = set->version;
    return mm_scp_cmac(keys->mac, sizeof(keys->mac), head, sizeof(head), set->keys.data,
                       set->keys.len, NULL, 0, mac);
}

static size_t padded(size_t len)
{
    return (len / MM_SCP_BLOCK_LEN + 1) * MM_SCP_BLOCK_LEN;
}

static enum mm_status open_keys(const struct mm_nvm *nvm, const uint8_t *record, size_t len,
                                struct mm_key_set *set)
{
    size_t n = mm_be16(record + AT_LEN);
    uint8_t mac[MM_SCP_BLOCK_LEN];
    struct rest_keys keys = {0};
    enum mm_status st;

    if (len != AT_KEYS + padded(n))
        return MM_TAMPERED;
    mm_buf_bytes(&set->keys, record + AT_KEYS, len - AT_KEYS);
    if (set->keys.bad)
        return MM_NO_MEMORY;
    st = derive(nvm, &keys);
    if (st == MM_OK)
        st = mm_scp_cbc(keys.enc, sizeof(keys.enc), record + AT_MAC, false, set->keys.data,
                        set->keys.len, set->keys.data);
    set->keys.len = n;
    if (st == MM_OK)
        st = rest_mac(&keys, set, mac);
    if (st == MM_OK && CRYPTO_memcmp(mac, record + AT_MAC, sizeof(mac)) != 0)
        st = MM_TAMPERED;
    OPENSSL_cleanse(&keys, sizeof(keys));
    return st;
}

void mm_key_set_init(struct mm_key_set *set, mm_comp domain, uint8_t version)
{
    *set = (struct mm_key_set){.domain = domain, .version = version};
    mm_buf_init(&set->keys);
}

void mm_key_set_clear(struct mm_key_set *set)
{
    mm_buf_clear(&set->keys);
}

static enum mm_status load_record(const struct mm_nvm *nvm, mm_comp domain, mm_key key,
                                  struct mm_key_set *set)
{
    size_t len = 0;
    const uint8_t *record = set_record(nvm, key, domain, &len);
    enum mm_status st;

    mm_key_set_init(set, domain, record[0]);
    set->record = key;
    set->scp_i = record[AT_I];
    set->sequence = mm_be32(record + AT_SEQUENCE - 1) & 0xffffff;
    set->failures = record[AT_FAILURES];
    st = open_keys(nvm, record, len, set);
    if (st != MM_OK)
        mm_key_set_clear(set);
    return st;
}

static enum mm_status load_default(const struct mm_nvm *nvm, mm_comp domain, struct mm_key_set *set)
{
    mm_key key = MM_KEY_SETS_FIRST - 1;
    enum mm_status st = MM_NOT_FOUND, worst = MM_NOT_FOUND;
    struct mm_scp_keys keys;

    while ((key = next_set(nvm, domain, key)) != 0) {
        st = load_record(nvm, domain, key, set);
        if (st == MM_OK)
            st = mm_key_set_channel(set, &keys);
        OPENSSL_cleanse(&keys, sizeof(keys));
        if (st == MM_OK)
            return MM_OK;
        if (st != MM_NOT_FOUND)
            worst = st;
        mm_key_set_clear(set);
    }
    return worst;
}

enum mm_status mm_key_set_load(const struct mm_nvm *nvm, mm_comp domain, uint8_t version,
                               struct mm_key_set *set)
{
    mm_key key = find_set(nvm, domain, version);

    mm_key_set_init(set, domain, version);
    if (key == 0)
        return MM_NOT_FOUND;
    return version == 0 ? load_default(nvm, domain, set) : load_record(nvm, domain, key, set);
}

/* The record's bytes as they are to be, into out. */
static enum mm_status seal_keys(const struct mm_nvm *nvm, const struct mm_key_set *set,
                                struct mm_buf *out)
{
    uint8_t head[AT_KEYS] = {set->version, set->scp_i};
    struct rest_keys keys = {0};
    enum mm_status st = derive(nvm, &keys);
    static const uint8_t zeros[MM_SCP_BLOCK_LEN];

    mm_put_be32(head + AT_SEQUENCE - 1, set->sequence);
    head[AT_I] = set->scp_i;
    head[AT_FAILURES] = set->failures;
    mm_put_be16(head + AT_LEN, (uint16_t)set->keys.len);
    if (st == MM_OK)
        st = rest_mac(&keys, set, head + AT_MAC);
    mm_buf_bytes(out, head, sizeof(head));
    mm_buf_bytes(out, set->keys.data, set->keys.len);
    mm_buf_bytes(out, zeros, padded(set->keys.len) - set->keys.len);
    if (st == MM_OK && out->bad)
        st = MM_NO_MEMORY;
    if (st == MM_OK)
        st = mm_scp_cbc(keys.enc, sizeof(keys.enc), head + AT_MAC, true, out->data + AT_KEYS,
                        out->len - AT_KEYS, out->data + AT_KEYS);
    OPENSSL_cleanse(&keys, sizeof(keys));
    return st;
}

/* In a transaction of its own when the caller has none. */
static enum mm_status write_record(struct mm_nvm *nvm, mm_key key, mm_comp domain,
                                   const struct mm_buf *bytes)
{
    bool own = !mm_tx_active(nvm);
    enum mm_status st = own ? mm_tx_begin(nvm) : MM_OK;

    if (st != MM_OK)
        return st;
    if (mm_rec_data(nvm, key, NULL) != NULL)
        st = mm_rec_delete(nvm, key);
    if (st == MM_OK)
        st = mm_rec_new(nvm, key, domain, bytes->len);
    if (st == MM_OK)
        st = mm_rec_write(nvm, key, 0, bytes->data, bytes->len);
    if (own && st == MM_OK)
        st = mm_tx_commit(nvm);
    if (own && st != MM_OK)
        mm_tx_abort(nvm);
    return st;
}

enum mm_status mm_key_set_store(struct mm_nvm *nvm, struct mm_key_set *set)
{
    struct mm_buf bytes;
    mm_key key = set->record;
    enum mm_status st;

    for (mm_key k = MM_KEY_SETS_FIRST; key == 0 && k <= MM_KEY_SETS_LAST; k++) {
        if (mm_rec_data(nvm, k, NULL) == NULL)
            key = k;
    }
    if (key == 0)
        return MM_NO_MEMORY;
    mm_buf_init(&bytes);
    st = seal_keys(nvm, set, &bytes);
    if (st == MM_OK)
        st = write_record(nvm, key, set->domain, &bytes);
    if (st == MM_OK)
        set->record = key;
    mm_buf_clear(&bytes);
    return st;
}

enum mm_status mm_key_set_delete(struct mm_nvm *nvm, const struct mm_key_set *set)
{
    return set->record == 0 ? MM_NOT_FOUND : mm_rec_delete(nvm, set->record);
}

enum mm_status mm_key_set_count(struct mm_nvm *nvm, mm_comp domain, uint8_t version,
                                uint32_t sequence)
{
    mm_key record = find_set(nvm, domain, version);
    uint8_t bytes[4];

    mm_put_be32(bytes, sequence);
    return record == 0 ? MM_NOT_FOUND : mm_rec_write_now(nvm, record, AT_SEQUENCE, bytes + 1, 3);
}

uint8_t mm_key_failures(const struct mm_nvm *nvm, mm_comp domain)
{
    mm_key record = find_set(nvm, domain, 0);

    return record == 0 ? 0 : mm_rec_data(nvm, record, NULL)[AT_FAILURES];
}

enum mm_status mm_key_failures_set(struct mm_nvm *nvm, mm_comp domain, uint8_t n)
{
    mm_key record = find_set(nvm, domain, 0);

    return record == 0 ? MM_NOT_FOUND : mm_rec_write_now(nvm, record, AT_FAILURES, &n, 1);
}

/*
 * ---- Keys of a set ----
 *   | id | usage length | usage 2 | access | n | n times: type, length 2 | values |
 */
#define KEY_HEAD 6

bool mm_key_set_next(const struct mm_key_set *set, size_t *off, struct mm_domain_key *key)
{
    struct mm_rd rd;

    memset(key, 0, sizeof(*key));
    if (*off >= set->keys.len)
        return false;
    mm_rd_init(&rd, set->keys.data + *off, set->keys.len - *off);
    key->id = mm_rd_u8(&rd);
    key->usage_len = mm_rd_u8(&rd);
    key->usage[0] = mm_rd_u8(&rd);
    key->usage[1] = mm_rd_u8(&rd);
    key->access = mm_rd_u8(&rd);
    key->part_n = mm_rd_u8(&rd);
    if (rd.bad || key->part_n > MM_KEY_PARTS_MAX)
        return false;
    for (size_t i = 0; i < key->part_n; i++) {
        key->parts[i].type = mm_rd_u8(&rd);
        key->parts[i].len = mm_rd_u16(&rd);
    }
    for (size_t i = 0; i < key->part_n; i++)
        key->parts[i].value = mm_rd_bytes(&rd, key->parts[i].len);
    *off += rd.off;
    return !rd.bad;
}

size_t mm_key_set_n(const struct mm_key_set *set)
{
    struct mm_domain_key key;
    size_t off = 0, n = 0;

    while (mm_key_set_next(set, &off, &key))
        n++;
    return n;
}

bool mm_key_set_find(const struct mm_key_set *set, uint8_t id, struct mm_domain_key *key)
{
    size_t off = 0;

    while (mm_key_set_next(set, &off, key)) {
        if (key->id == id)
            return true;
    }
    return false;
}

static void put_key(struct mm_buf *out, const struct mm_domain_key *key)
{
    mm_buf_u8(out, key->id);
    mm_buf_u8(out, key->usage_len);
    mm_buf_bytes(out, key->usage, sizeof(key->usage));
    mm_buf_u8(out, key->access);
    mm_buf_u8(out, key->part_n);
    for (size_t i = 0; i < key->part_n; i++) {
        mm_buf_u8(out, key->parts[i].type);
        mm_buf_u16(out, key->parts[i].len);
    }
    for (size_t i = 0; i < key->part_n; i++)
        mm_buf_bytes(out, key->parts[i].value, key->parts[i].len);
}

/* The set anew without the key of that identifier, and with fresh in its place by number. */
static enum mm_status rebuild(struct mm_key_set *set, uint8_t id, const struct mm_domain_key *fresh)
{
    struct mm_domain_key key;
    struct mm_buf all;
    size_t off = 0;

    mm_buf_init(&all);
    while (mm_key_set_next(set, &off, &key)) {
        if (fresh != NULL && key.id >= id) {
            put_key(&all, fresh);
            fresh = NULL;
        }
        if (key.id != id)
            put_key(&all, &key);
    }
    if (fresh != NULL)
        put_key(&all, fresh);
    if (all.bad || all.len > MM_KEY_SET_MAX) {
        enum mm_status st = all.bad ? MM_NO_MEMORY : MM_TOO_LONG;
        mm_buf_clear(&all);
        return st;
    }
    mm_buf_clear(&set->keys);
    set->keys = all;
    return MM_OK;
}

enum mm_status mm_key_set_put(struct mm_key_set *set, const struct mm_domain_key *key)
{
    return rebuild(set, key->id, key);
}

bool mm_key_set_remove(struct mm_key_set *set, uint8_t id)
{
    struct mm_domain_key key;

    return mm_key_set_find(set, id, &key) && rebuild(set, id, NULL) == MM_OK;
}

enum mm_status mm_key_find(const struct mm_nvm *nvm, mm_comp domain, uint8_t version, uint8_t id,
                           struct mm_key_set *set, struct mm_domain_key *key)
{
    enum mm_status st = mm_key_set_load(nvm, domain, version, set);

    memset(key, 0, sizeof(*key));
    if (st != MM_OK)
        return st;
    return mm_key_set_find(set, id, key) ? MM_OK : MM_NOT_FOUND;
}

uint8_t mm_key_version_with(const struct mm_nvm *nvm, mm_comp domain, uint8_t id)
{
    struct mm_domain_key key;
    struct mm_key_set set;
    uint8_t version;

    for (size_t i = 0; (version = mm_key_set_version(nvm, domain, i)) != 0; i++) {
        bool found = mm_key_find(nvm, domain, version, id, &set, &key) == MM_OK;
        mm_key_set_clear(&set);
        if (found)
            return version;
    }
    return 0;
}

/* ---- The keys of a secure channel ---- */
#define CHANNEL_N 3 /* 1 ENC, 2 MAC, 3 DEK (GPCS E.1.3; Amendment D, 5.1) */

static bool is_des(uint8_t type)
{
    return type == MM_KEY_DES || type == MM_KEY_TDES_CBC;
}

uint8_t mm_key_set_protocol(const struct mm_key_set *set)
{
    struct mm_domain_key key;

    if (!mm_key_set_find(set, 1, &key) || key.part_n != 1)
        return 0;
    if (is_des(key.parts[0].type))
        return 2;
    return key.parts[0].type == MM_KEY_AES ? 3 : 0;
}

static bool channel_key(const struct mm_key_set *set, uint8_t id, uint8_t protocol,
                        struct mm_key_part *part)
{
    struct mm_domain_key key;

    if (!mm_key_set_find(set, id, &key) || key.part_n != 1)
        return false;
    *part = key.parts[0];
    return protocol == 2 ? is_des(part->type) && (part->len == 16 || part->len == 24)
                         : part->type == MM_KEY_AES && part->len <= MM_SCP_KEY_MAX;
}

enum mm_status mm_key_set_channel(const struct mm_key_set *set, struct mm_scp_keys *keys)
{
    uint8_t *const out[CHANNEL_N] = {keys->enc, keys->mac, keys->dek};
    uint8_t protocol = mm_key_set_protocol(set);
    bool base = protocol == 2 && !(set->scp_i & MM_SCP02_THREE_KEYS);
    struct mm_key_part part = {0};

    memset(keys, 0, sizeof(*keys));
    for (uint8_t i = 0; i < (base ? 1 : CHANNEL_N); i++) {
        if (protocol == 0 || !channel_key(set, (uint8_t)(i + 1), protocol, &part) ||
            (i > 0 && part.len != keys->len)) {
            OPENSSL_cleanse(keys, sizeof(*keys));
            return MM_NOT_FOUND;
        }
        keys->len = (uint8_t)part.len;
        memcpy(out[i], part.value, part.len);
    }
    return MM_OK;
}

enum mm_status mm_key_set_put_channel(struct mm_key_set *set, enum mm_key_type type,
                                      const struct mm_scp_keys *keys)
{
    const uint8_t *const parts[CHANNEL_N] = {keys->enc, keys->mac, keys->dek};
    enum mm_status st = MM_OK;

    for (uint8_t i = 0; i < CHANNEL_N && st == MM_OK; i++) {
        struct mm_domain_key key = {
            .id = (uint8_t)(i + 1), .part_n = 1, .parts = {{(uint8_t)type, keys->len, parts[i]}}};
        st = mm_key_set_put(set, &key);
    }
    return st;
}
