/*
 * A package comes in: INSTALL [for load], then LOAD blocks (GPCS 2.3.1, 11.5.2.1, 11.6). Blocks are
 * gathered in memory; with the last one the load file is read, checked, stored and linked inside one
 * NVM transaction, so that a failure or a power cut leaves nothing behind.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"

#include <openssl/evp.h>

/* The load file: the data block, its C4 header, and nothing else that is supported. */
#define LOAD_FILE_MAX (MM_CAP_MAX_LEN + 8)

void mm_content_load_drop(struct mm_card *card)
{
    mm_buf_clear(&card->channel->loading.file);
    memset(&card->channel->loading, 0, sizeof(card->channel->loading));
    mm_buf_init(&card->channel->loading.file);
}

/* The digest that fits a length of hash (GPCS C.2 and Amendment E). */
static const EVP_MD *hash_of_len(size_t len)
{
    switch (len) {
    case 20:
        return EVP_sha1();
    case 32:
        return EVP_sha256();
    case 48:
        return EVP_sha384();
    case 64:
        return EVP_sha512();
    default:
        return NULL;
    }
}

uint16_t mm_content_install_for_load(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_aid isd = mm_aid_of(MM_AID_ISD), package = {0};
    const uint8_t *aid, *domain, *hash;
    size_t aid_len, domain_len, hash_len, n;
    struct mm_rd rd;

    mm_content_load_drop(card);
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    aid_len = mm_rd_u8(&rd);
    aid = mm_rd_bytes(&rd, aid_len);
    domain_len = mm_rd_u8(&rd);
    domain = mm_rd_bytes(&rd, domain_len);
    hash_len = mm_rd_u8(&rd);
    hash = mm_rd_bytes(&rd, hash_len);
    n = mm_card_ber_len(&rd);
    (void)mm_rd_bytes(&rd, n); /* load parameters: sizes, which the NVM's own accounting replaces */
    n = mm_card_ber_len(&rd);  /* a load token belongs to delegated management */
    if (rd.bad || mm_rd_left(&rd) != 0 || n != 0 || mm_aid_set(&package, aid, aid_len) != MM_OK ||
        (hash_len != 0 && hash_of_len(hash_len) == NULL))
        return MM_SW_6A80_WRONG_DATA;
    if (domain_len != 0 && (domain_len != isd.len || memcmp(domain, isd.bytes, isd.len) != 0))
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (mm_reg_find(&card->registry, &package) != NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    card->channel->loading.package = package;
    if (hash_len > 0)
        memcpy(card->channel->loading.hash, hash, hash_len);
    card->channel->loading.hash_len = hash_len;
    card->channel->loading.active = true;
    mm_buf_u8(&card->out, 0x00);
    return MM_SW_9000_NO_ERROR;
}

/* Take the load file apart: C4 with the data block, to the end. Blocks of a DAP (E2) are refused:
 * this domain verifies none, and to skip one would pretend that it did. */
static uint16_t data_block(const struct mm_loading *loading, const uint8_t **block, size_t *len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    struct mm_rd rd;

    mm_rd_init(&rd, loading->file.data, loading->file.len);
    if (mm_rd_u8(&rd) != 0xc4)
        return MM_SW_6A80_WRONG_DATA;
    *len = mm_card_ber_len(&rd);
    *block = mm_rd_bytes(&rd, *len);
    if (rd.bad || mm_rd_left(&rd) != 0 || *len == 0)
        return MM_SW_6A80_WRONG_DATA;
    if (loading->hash_len > 0) {
        if (EVP_Digest(*block, *len, digest, &digest_len, hash_of_len(loading->hash_len), NULL) !=
                1 ||
            digest_len != loading->hash_len || memcmp(digest, loading->hash, digest_len) != 0)
            return MM_SW_6A80_WRONG_DATA;
    }
    return MM_SW_9000_NO_ERROR;
}

/* Inside the transaction: component, package, registry entry. */
static enum mm_status store(struct mm_card *card, const struct mm_cap *cap, mm_comp *comp,
                            struct mm_err *err)
{
    struct mm_reg_entry entry = {.kind = MM_COMP_PACKAGE, .aid = *mm_cap_aid(cap)};
    enum mm_status st;

    entry.major = mm_cap_major(cap);
    entry.minor = mm_cap_minor(cap);
    st = mm_reg_new_comp(&card->registry, &entry.comp);
    *comp = entry.comp;
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "no new component: %s", mm_status_text(st));
    st = mm_comp_add(card->nvm, entry.comp, MM_COMP_PACKAGE, &entry.aid);
    if (st == MM_OK)
        st = mm_vm_package_load(card->vm, entry.comp, cap, err);
    if (st == MM_OK)
        st = mm_reg_add(&card->registry, &entry, MM_STATE_LOADED);
    if (st == MM_OK)
        st = mm_integrity_event(card->integrity, MM_EVENT_LOAD, &entry.aid);
    return st;
}

static uint16_t refuse(const struct mm_loading *loading, enum mm_status st, const char *why)
{
    char hex[2 * MM_AID_MAX + 1];

    mm_log("warn", "load-refused", "package %s: %s",
           mm_hex(loading->package.bytes, loading->package.len, hex), why);
    if (st == MM_IO)
        return MM_SW_6581_MEMORY_FAILURE;
    return st == MM_NO_MEMORY ? MM_SW_6A84_FILE_FULL : MM_SW_6A80_WRONG_DATA;
}

/* Packages on the card, for the verifier: those of the registry that are usable. */
static const struct mm_cap *loaded_package(void *ctx, size_t i)
{
    const struct mm_card *card = ctx;

    for (size_t k = 0; k < card->registry.n; k++) {
        const struct mm_reg_entry *e = &card->registry.entries[k];
        const struct mm_cap *cap =
            e->kind == MM_COMP_PACKAGE ? mm_vm_package_cap(card->vm, e->comp) : NULL;
        if (cap != NULL && i-- == 0)
            return cap;
    }
    return NULL;
}

static enum mm_status verify(struct mm_card *card, const struct mm_cap *cap, struct mm_err *err)
{
    struct mm_verify_env env = {.rom = mm_api_packages(), .loaded = loaded_package, .ctx = card};

    return card->cfg.no_verify ? MM_OK : mm_verify(cap, &env, NULL, err);
}

static uint16_t finish(struct mm_card *card)
{
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};
    const uint8_t *block = NULL;
    size_t len = 0;
    mm_comp comp = 0;
    uint16_t sw = data_block(&card->channel->loading, &block, &len);
    enum mm_status st;

    if (sw != MM_SW_9000_NO_ERROR)
        return refuse(&card->channel->loading, MM_MALFORMED, "load file or its hash is wrong");
    st = mm_cap_read(block, len, &cap, &err);
    if (st != MM_OK)
        return refuse(&card->channel->loading, st, err.text);
    if (!mm_aid_equal(mm_cap_aid(cap), &card->channel->loading.package)) {
        mm_cap_free(&cap);
        return refuse(&card->channel->loading, MM_MALFORMED,
                      "INSTALL [for load] named another AID");
    }
    st = verify(card, cap, &err);
    if (st != MM_OK) {
        mm_cap_free(&cap);
        return refuse(&card->channel->loading, st, err.text);
    }
    st = mm_tx_begin(card->nvm);
    if (st == MM_OK)
        st = store(card, cap, &comp, &err);
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st != MM_OK) {
        if (comp != 0 && mm_vm_package_usable(card->vm, comp) &&
            mm_vm_package_unload(card->vm, comp, NULL) != MM_OK)
            mm_log("error", "load", "component %u could not be unlinked", comp);
        mm_card_undo_content(card);
        sw = refuse(&card->channel->loading, st,
                    err.text[0] != '\0' ? err.text : mm_status_text(st));
    }
    mm_cap_free(&cap);
    return sw;
}

uint16_t mm_content_load(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_loading *l = &card->channel->loading;
    bool last = (apdu->p1 & 0x80) != 0;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    if (!l->active)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    mm_buf_bytes(&l->file, apdu->data, apdu->data_len);
    if ((apdu->p1 & 0x7f) != 0 || apdu->p2 != l->next_block)
        sw = MM_SW_6A86_INCORRECT_P1P2;
    else if (apdu->data_len == 0)
        sw = MM_SW_6A80_WRONG_DATA;
    else if (l->file.bad || l->file.len > LOAD_FILE_MAX)
        sw = MM_SW_6A84_FILE_FULL;
    else if (last)
        sw = finish(card);
    l->next_block++;
    if (last || sw != MM_SW_9000_NO_ERROR)
        mm_content_load_drop(card);
    if (last && sw == MM_SW_9000_NO_ERROR)
        mm_buf_u8(&card->out, 0x00);
    return sw;
}
