/*
 * The keys of a security domain by command: DELETE [key] (GPCS 2.3.1, 11.2.2.3.2), and what GET DATA tells
 * of them (11.3.3.1). The issuer security domain always has a set that opens a secure channel; nobody
 * could manage the card without.
 */
#include "applet_vm/card/card_int.h"
#include "applet_vm/card/scp11_store.h"

/* ---- DELETE [key] ---- */

/* Take the keys that id and version (0: any) name out of one set; how many. */
static size_t remove_keys(struct mm_key_set *set, bool has_id, uint8_t id)
{
    size_t n = mm_key_set_n(set);

    if (!has_id)
        mm_buf_clear(&set->keys);
    else
        (void)mm_key_set_remove(set, id); /* which may not be in this set */
    return n - mm_key_set_n(set);
}

static enum mm_status delete_in(struct mm_card *card, mm_comp domain, uint8_t version, bool has_id,
                                uint8_t id, size_t *deleted)
{
    struct mm_key_set set;
    size_t n = 0;
    enum mm_status st = mm_key_set_load(card->nvm, domain, version, &set);

    if (st == MM_TAMPERED && !has_id) { /* what cannot be read can still go */
        n = 1;
        st = mm_key_set_delete(card->nvm, &set);
    } else if (st == MM_OK) {
        n = remove_keys(&set, has_id, id);
        if (n > 0)
            st = set.keys.len == 0 ? mm_key_set_delete(card->nvm, &set)
                                   : mm_key_set_store(card->nvm, &set);
    }
    mm_key_set_clear(&set);
    *deleted += n;
    return st;
}

/* D0 key identifier, D2 version; either or both, in this order. GPShell names identifier 00 for "all". */
static bool read_which(const struct mm_apdu *apdu, bool *has_id, uint8_t *id, uint8_t *version)
{
    struct mm_rd rd;
    uint8_t tag;

    *has_id = false;
    *id = *version = 0;
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    tag = mm_rd_u8(&rd);
    if (tag == 0xd0) {
        *has_id = mm_rd_u8(&rd) == 1;
        *id = mm_rd_u8(&rd);
        if (!*has_id)
            return false;
        if (mm_rd_left(&rd) == 0)
            return !rd.bad;
        tag = mm_rd_u8(&rd);
    }
    if (tag != 0xd2 || mm_rd_u8(&rd) != 1)
        return false;
    *version = mm_rd_u8(&rd);
    if (*has_id && *id == 0)
        *has_id = false;
    return !rd.bad && mm_rd_left(&rd) == 0 && *version != 0;
}

static enum mm_status delete_all(struct mm_card *card, mm_comp domain, uint8_t version, bool has_id,
                                 uint8_t id, size_t *deleted)
{
    uint8_t versions[256];
    size_t n = 0;
    enum mm_status st = MM_OK;

    if (version != 0)
        return mm_key_set_exists(card->nvm, domain, version)
                   ? delete_in(card, domain, version, has_id, id, deleted)
                   : MM_OK;
    while (n < sizeof(versions) && (versions[n] = mm_key_set_version(card->nvm, domain, n)) != 0)
        n++;
    for (size_t i = 0; i < n && st == MM_OK; i++)
        st = delete_in(card, domain, versions[i], has_id, id, deleted);
    return st;
}

uint16_t mm_isd_delete_keys(struct mm_card *card, const struct mm_apdu *apdu)
{
    mm_comp domain = mm_domain_current(card);
    struct mm_key_set set;
    uint8_t id, version;
    bool has_id;
    size_t deleted = 0;
    uint16_t sw = MM_SW_9000_NO_ERROR;
    enum mm_status st;

    if (!read_which(apdu, &has_id, &id, &version))
        return MM_SW_6A80_WRONG_DATA;
    st = mm_tx_begin(card->nvm);
    if (st == MM_OK)
        st = delete_all(card, domain, version, has_id, id, &deleted);
    if (st == MM_OK && deleted == 0)
        sw = MM_SW_6A88_DATA_NOT_FOUND;
    if (st == MM_OK && deleted > 0)
        st = mm_scp11_store_forget(card, domain);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR && domain == 0) {
        if (mm_key_set_load(card->nvm, 0, 0, &set) != MM_OK)
            sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
        mm_key_set_clear(&set);
    }
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        st = mm_tx_commit(card->nvm);
    if (mm_tx_active(card->nvm))
        mm_tx_abort(card->nvm);
    return st == MM_OK ? sw : mm_card_failure("keys", st);
}

/* ---- Key information template (GPCS 11.3.3.1) ---- */

/* C0: identifier, version, then type and length of each component. Basic: a length from 256 on is 00.
 * Extended: FF type, length of 2 bytes; usage and access with their lengths. */
static void put_information(const struct mm_domain_key *key, uint8_t version, struct mm_buf *out)
{
    bool extended = key->usage_len > 0 || key->access != MM_KEY_ACCESS_ALL;
    struct mm_buf body;

    mm_buf_init(&body);
    mm_buf_u8(&body, key->id);
    mm_buf_u8(&body, version);
    for (size_t i = 0; i < key->part_n; i++) {
        const struct mm_key_part *part = &key->parts[i];
        if (extended)
            mm_buf_u8(&body, MM_KEY_EXTENDED);
        mm_buf_u8(&body, part->type);
        if (extended)
            mm_buf_u16(&body, part->len);
        else
            mm_buf_u8(&body, part->len > 0xff ? 0 : (uint8_t)part->len);
    }
    if (extended) {
        mm_buf_u8(&body, key->usage_len);
        mm_buf_bytes(&body, key->usage, key->usage_len);
        mm_buf_u8(&body, 1);
        mm_buf_u8(&body, key->access);
    }
    mm_buf_u8(out, 0xc0);
    mm_buf_u8(out, (uint8_t)body.len);
    mm_buf_bytes(out, body.data, body.len);
    mm_buf_clear(&body);
}

void mm_isd_key_information(const struct mm_card *card, mm_comp domain, struct mm_buf *out)
{
    struct mm_domain_key key;
    struct mm_key_set set;
    uint8_t version;

    for (size_t i = 0; (version = mm_key_set_version(card->nvm, domain, i)) != 0; i++) {
        size_t off = 0;
        if (mm_key_set_load(card->nvm, domain, version, &set) == MM_OK) {
            while (mm_key_set_next(&set, &off, &key))
                put_information(&key, version, out);
        }
        mm_key_set_clear(&set);
    }
}

/* SCP02 has 2 bytes, SCP03 with calculated challenges 3. */
enum mm_status mm_isd_sequence(const struct mm_card *card, mm_comp domain, struct mm_buf *out)
{
    struct mm_key_set set;
    enum mm_status st = mm_key_set_load(card->nvm, domain, 0, &set);
    uint8_t protocol = st == MM_OK ? mm_key_set_protocol(&set) : 0;

    if (st == MM_OK && protocol == 3 && !(set.scp_i & MM_SCP03_PSEUDO_RANDOM))
        st = MM_NOT_FOUND;
    if (st == MM_OK && protocol == 3)
        mm_buf_u8(out, (uint8_t)(set.sequence >> 16));
    if (st == MM_OK)
        mm_buf_u16(out, (uint16_t)set.sequence);
    mm_key_set_clear(&set);
    return st;
}

/* A key of its own for one of the variants. In S16 mode nothing is told: the parameter below says S8. */
static bool speaks_scp11(const struct mm_card *card, mm_comp domain)
{
    return !(mm_session_default_i(card, 3) & MM_SCP03_S16) &&
           (mm_key_version_with(card->nvm, domain, MM_SCP11_KID_A) != 0 ||
            mm_key_version_with(card->nvm, domain, MM_SCP11_KID_B) != 0 ||
            mm_key_version_with(card->nvm, domain, MM_SCP11_KID_C) != 0);
}

/* 64 { OID globalplatform 4 scp i }, each once. */
void mm_isd_channel_oids(const struct mm_card *card, mm_comp domain, struct mm_buf *out)
{
    static const uint8_t oid[] = {0x64, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x04};
    /* i of SCP11 has two bytes from v1.3 on, one arc of the OID: 0D86, as cards tell it that have the
     * three variants with X.509 certificates, S8 and AES-128. */
    static const uint8_t scp11[] = {0x64, 0x0c, 0x06, 0x0a, 0x2a, 0x86, 0x48,
                                    0x86, 0xfc, 0x6b, 0x04, 0x11, 0x9b, 0x06};
    uint8_t version, told[2][256] = {{0}};
    struct mm_key_set set;

    for (size_t i = 0; (version = mm_key_set_version(card->nvm, domain, i)) != 0; i++) {
        uint8_t protocol = 0;
        if (mm_key_set_load(card->nvm, domain, version, &set) == MM_OK)
            protocol = mm_key_set_protocol(&set);
        if (protocol != 0 && !told[protocol - 2][set.scp_i]) {
            told[protocol - 2][set.scp_i] = 1;
            mm_buf_bytes(out, oid, sizeof(oid));
            mm_buf_u8(out, protocol);
            mm_buf_u8(out, set.scp_i);
        }
        mm_key_set_clear(&set);
    }
    if (speaks_scp11(card, domain))
        mm_buf_bytes(out, scp11, sizeof(scp11));
}
