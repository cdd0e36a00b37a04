/* Supplementary security domains for the card's tests: install, select, open a session, give keys. */
#ifndef MM_TEST_CARD_DOMAIN_H
#define MM_TEST_CARD_DOMAIN_H

#include "test/unit/card_load.h"

#include "applet_vm/card/card_int.h"

#include <openssl/evp.h>

#define ISD         "A000000151000000"
#define SSD_PACKAGE "A0000001515350"
#define SSD_MODULE  "A000000151535041"
#define SSD         "F053534401"
#define OTHER       "F053534402"

/* INSTALL [for install and make selectable] of a domain; privileges and the rest as hex. */
__attribute__((unused)) static uint16_t install_domain(struct host *h, const char *aid,
                                                       const char *privileges_lv)
{
    char text[256];

    snprintf(text, sizeof(text), "07" SSD_PACKAGE "08" SSD_MODULE "05%s%s02C90000", aid,
             privileges_lv);
    return secure(h, INSTALL, 0x0c, 0, text);
}

__attribute__((unused)) static uint16_t select_aid(struct host *h, const char *aid)
{
    char text[64];

    snprintf(text, sizeof(text), "00A40400%02zX%s00", strlen(aid) / 2, aid);
    return host_hex(h, text);
}

/* Select and open a session of C-MAC and C-DECRYPTION with these keys, key version 00. */
__attribute__((unused)) static uint16_t enter(struct host *h, const char *aid,
                                              const struct mm_scp_keys *keys)
{
    uint16_t sw = select_aid(h, aid);

    h->keys = *keys;
    h->key_version = 0;
    return sw == 0x9000 ? host_open(h, 0x03) : sw;
}

/* PUT KEY of a new set of three AES keys, under the session's DEK. */
__attribute__((unused)) static uint16_t put_set(struct host *h, uint8_t version,
                                                const struct mm_scp_keys *keys)
{
    const uint8_t *const parts[] = {keys->enc, keys->mac, keys->dek};
    uint8_t block[80] = {version};
    size_t n = 1;

    for (size_t i = 0; i < 3; i++) {
        memcpy(block + n, "\x88\x11\x10", 3);
        assert_int_equal(mm_scp_cbc(h->keys.dek, 16, NULL, true, parts[i], 16, block + n + 3),
                         MM_OK);
        block[n + 19] = 3;
        assert_int_equal(mm_scp_kcv(parts[i], 16, block + n + 20), MM_OK);
        n += 23;
    }
    return host_secure(h, PUT_KEY, 0x00, 0x81, block, n);
}

/* Component of a domain or application; 0: there is none of that AID. */
__attribute__((unused)) static mm_comp comp_of(const struct host *h, const char *text)
{
    const struct mm_reg_entry *e;
    struct mm_aid aid;
    uint8_t bytes[MM_AID_MAX];
    size_t n = sizeof(bytes);

    assert_int_equal(mm_unhex(text, bytes, &n), MM_OK);
    assert_int_equal(mm_aid_set(&aid, bytes, n), MM_OK);
    e = mm_reg_find(&h->card->registry, &aid);
    return e != NULL ? e->comp : 0;
}

/* One key put into the card's store, as PUT KEY would. */
__attribute__((unused)) static void give_key(struct host *h, mm_comp domain, uint8_t version,
                                             uint8_t id, const struct mm_key_part *parts, size_t n)
{
    struct mm_domain_key key = {.id = id, .part_n = (uint8_t)n};
    struct mm_key_set set;

    mm_key_set_init(&set, domain, version);
    memcpy(key.parts, parts, n * sizeof(*parts));
    assert_int_equal(mm_key_set_put(&set, &key), MM_OK);
    assert_int_equal(mm_key_set_store(h->card->nvm, &set), MM_OK);
    assert_int_equal(mm_nvm_promise(h->card->nvm), MM_OK);
    mm_key_set_clear(&set);
}

/* Keys of that version go, if there are some. */
__attribute__((unused)) static void drop_keys(struct host *h, mm_comp domain, uint8_t version)
{
    struct mm_key_set set;

    if (mm_key_set_load(h->card->nvm, domain, version, &set) == MM_OK)
        assert_int_equal(mm_key_set_delete(h->card->nvm, &set), MM_OK);
    mm_key_set_clear(&set);
}

/* Every record of the image, with its key and owner, in one digest: what a failed command must not
 * change. */
struct snapshot {
    uint8_t digest[32];
};

__attribute__((unused)) static void take_snapshot(const struct host *h, struct snapshot *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    mm_key key = 0;

    assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
    while ((key = mm_rec_next(h->card->nvm, key, UINT32_MAX)) != 0) {
        size_t n = 0;
        const uint8_t *data = mm_rec_data(h->card->nvm, key, &n);
        uint8_t head[10];

        mm_put_be32(head, key);
        mm_put_be16(head + 4, mm_rec_comp(h->card->nvm, key));
        mm_put_be32(head + 6, (uint32_t)n);
        assert_int_equal(EVP_DigestUpdate(ctx, head, sizeof(head)), 1);
        assert_int_equal(EVP_DigestUpdate(ctx, data, n), 1);
    }
    assert_int_equal(EVP_DigestFinal_ex(ctx, out->digest, NULL), 1);
    EVP_MD_CTX_free(ctx);
}

/* The records of the image are what they were. */
__attribute__((unused)) static void assert_unchanged(const struct host *h,
                                                     const struct snapshot *before)
{
    struct snapshot now;

    take_snapshot(h, &now);
    assert_memory_equal(now.digest, before->digest, sizeof(now.digest));
}

__attribute__((unused)) static int with_session(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    *state = h;
    return host_open(h, 0x03) != 0x9000;
}

#endif
