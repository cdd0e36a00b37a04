/* Load files that somebody signed or enciphered (GPCS 2.3.1, 9.2, 11.6.2, C.2, C.3). */
#include "test/unit/card_sign.h"

#include "applet_vm/base/ber.h"

#include <openssl/sha.h>

/* INSTALL [for load] of the probe into a domain (hex, may be ""), with its hash or without. */
static uint16_t announce(struct host *h, const char *domain, bool with_hash)
{
    uint8_t data[128] = {6, 0xf0, 0x50, 0x52, 0x4f, 0x42, 0x45};
    size_t n = 7, len = sizeof(data) - 8;

    assert_int_equal(mm_unhex(domain, data + 8, &len), MM_OK);
    data[n] = (uint8_t)len;
    n += 1 + len;
    data[n++] = with_hash ? 32 : 0;
    if (with_hash) {
        SHA256(probe_lfdb, sizeof(probe_lfdb), data + n);
        n += 32;
    }
    n += 2; /* no parameters, no token */
    return host_secure(h, INSTALL, 0x02, 0, data, n);
}

static void put_tl(struct mm_buf *out, uint8_t tag, size_t len)
{
    mm_buf_u8(out, tag);
    mm_ber_put_len(out, len);
}

/* E2 { 4F domain, C3 signature over the hash } */
static void put_dap(struct mm_buf *out, const char *domain, const struct signer *s, bool spoil)
{
    uint8_t hash[32], sig[256], aid[16];
    size_t aid_len = sizeof(aid), n;
    struct mm_buf body;

    SHA256(probe_lfdb, sizeof(probe_lfdb), hash);
    n = signer_sign(s, hash, sizeof(hash), sig);
    sig[n - 1] ^= spoil;
    assert_int_equal(mm_unhex(domain, aid, &aid_len), MM_OK);
    mm_buf_init(&body);
    mm_card_put_tlv(&body, 0x4f, aid, aid_len);
    put_tl(&body, 0xc3, n);
    mm_buf_bytes(&body, sig, n);
    put_tl(out, 0xe2, body.len);
    mm_buf_bytes(out, body.data, body.len);
    mm_buf_clear(&body);
}

static void put_code(struct mm_buf *out)
{
    put_tl(out, 0xc4, sizeof(probe_lfdb));
    mm_buf_bytes(out, probe_lfdb, sizeof(probe_lfdb));
}

/* LOAD of the whole file; the last status word. Clears the file. */
static uint16_t load_file(struct host *h, struct mm_buf *file)
{
    uint16_t sw = 0x9000;
    uint8_t block = 0;

    for (size_t at = 0; at < file->len && sw == 0x9000; at += 200, block++) {
        size_t part = file->len - at < 200 ? file->len - at : 200;
        sw = host_secure(h, LOAD, at + part == file->len ? 0x80 : 0, block, file->data + at, part);
    }
    mm_buf_clear(file);
    return sw;
}

static uint16_t load_signed(struct host *h, const char *domain, const struct signer *s, bool spoil)
{
    struct mm_buf file;

    mm_buf_init(&file);
    put_dap(&file, domain, s, spoil);
    put_code(&file);
    return load_file(h, &file);
}

static void signature_of_every_kind_of_key_is_verified(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_domain(h, SSD, "01C0"), 0x9000);
    for (int kind = 0; kind < KINDS; kind++) {
        struct signer s = signer_new((enum kind)kind);
        struct mm_key_set set;
        struct snapshot before;

        signer_give(h, &s, comp_of(h, SSD), 0x73);
        take_snapshot(h, &before);
        assert_int_equal(announce(h, SSD, true), 0x9000);
        assert_int_equal(load_signed(h, SSD, &s, true), 0x6982);
        assert_unchanged(h, &before);
        assert_int_equal(announce(h, SSD, true), 0x9000);
        assert_int_equal(load_signed(h, SSD, &s, false), 0x9000);
        assert_int_equal(secure(h, DELETE, 0, 0, "4F06" PACKAGE), 0x9000);
        assert_int_equal(mm_key_set_load(h->card->nvm, comp_of(h, SSD), 0x73, &set), MM_OK);
        assert_int_equal(mm_key_set_delete(h->card->nvm, &set), MM_OK);
        mm_key_set_clear(&set);
        signer_free(&s);
    }
}

static void package_for_a_verifying_domain_needs_its_signature(void **state)
{
    struct host *h = *state;
    struct signer s = signer_new(EC_256);
    struct mm_buf file;

    assert_int_equal(install_domain(h, SSD, "01C0"), 0x9000);
    assert_int_equal(announce(h, SSD, false), 0x6a80); /* no hash */
    assert_int_equal(announce(h, SSD, true), 0x9000);
    assert_int_equal(load_signed(h, SSD, &s, false), 0x6985); /* no key to verify it with */
    signer_give(h, &s, comp_of(h, SSD), 0x73);
    assert_int_equal(announce(h, SSD, true), 0x9000);
    mm_buf_init(&file);
    put_code(&file);
    assert_int_equal(load_file(h, &file), 0x6985); /* no signature */
    assert_int_equal(announce(h, "", false), 0x9000);
    mm_buf_init(&file);
    put_code(&file);
    assert_int_equal(load_file(h, &file), 0x9000); /* others are not asked */
    signer_free(&s);
}

static void mandated_signature_is_needed_by_every_package(void **state)
{
    struct host *h = *state;
    struct signer s = signer_new(AES_KEY), wrong = signer_new(EC_256);
    struct mm_buf file;

    assert_int_equal(install_domain(h, SSD, "01C1"), 0x9000);
    signer_give(h, &s, comp_of(h, SSD), 0x73);
    assert_int_equal(load_probe(h), 0x6a80); /* even the issuer's */
    assert_int_equal(announce(h, "", true), 0x9000);
    mm_buf_init(&file);
    put_code(&file);
    assert_int_equal(load_file(h, &file), 0x6985);
    assert_int_equal(announce(h, "", true), 0x9000);
    assert_int_equal(load_signed(h, SSD, &wrong, false), 0x6982);
    assert_int_equal(announce(h, "", true), 0x9000);
    assert_int_equal(load_signed(h, SSD, &s, false), 0x9000);
    signer_free(&wrong);
}

static void signature_of_nobody_who_verifies_is_refused(void **state)
{
    struct host *h = *state;
    struct signer s = signer_new(AES_KEY);

    assert_int_equal(install_domain(h, SSD, "0180"), 0x9000);
    signer_give(h, &s, comp_of(h, SSD), 0x73);
    assert_int_equal(announce(h, "", true), 0x9000);
    assert_int_equal(load_signed(h, SSD, &s, false), 0x6985);
    assert_int_equal(announce(h, "", true), 0x9000);
    assert_int_equal(load_signed(h, OTHER, &s, false), 0x6a88);
}

static void signature_is_over_the_hash_that_was_announced(void **state)
{
    struct host *h = *state;
    struct signer s = signer_new(AES_KEY);
    struct mm_buf file;

    assert_int_equal(install_domain(h, SSD, "01C0"), 0x9000);
    signer_give(h, &s, comp_of(h, SSD), 0x73);
    assert_int_equal(announce(h, SSD, true), 0x9000);
    mm_buf_init(&file);
    put_dap(&file, SSD, &s, false);
    put_code(&file);
    file.data[file.len - 1] ^= 1; /* the code, not the signature */
    assert_int_equal(load_file(h, &file), 0x6a80);
}

/* ---- Ciphered load files ---- */
static void put_ciphered(struct mm_buf *out, const uint8_t key[16])
{
    uint8_t text[sizeof(probe_lfdb) + 16];
    size_t n;

    memcpy(text, probe_lfdb, sizeof(probe_lfdb));
    n = mm_scp_pad(text, sizeof(probe_lfdb), 16);
    assert_int_equal(mm_scp_cbc(key, 16, NULL, true, text, n, text), MM_OK);
    put_tl(out, 0xd4, n);
    mm_buf_bytes(out, text, n);
}

static void domain_for_ciphered_files_takes_only_those(void **state)
{
    static const uint8_t key[16] = {1, 2, 3}, wrong[16] = {9};
    const struct mm_key_part part = {MM_KEY_AES, 16, key};
    struct host *h = *state;
    struct mm_buf file;

    assert_int_equal(install_domain(h, SSD, "03800040"), 0x9000);
    assert_int_equal(announce(h, SSD, true), 0x9000);
    mm_buf_init(&file);
    put_ciphered(&file, key);
    assert_int_equal(load_file(h, &file), 0x6985); /* no key yet */
    give_key(h, comp_of(h, SSD), 0x75, 1, &part, 1);
    assert_int_equal(announce(h, SSD, true), 0x9000);
    mm_buf_init(&file);
    put_code(&file);
    assert_int_equal(load_file(h, &file), 0x6985); /* plain */
    assert_int_equal(announce(h, SSD, true), 0x9000);
    mm_buf_init(&file);
    put_ciphered(&file, wrong);
    assert_int_equal(load_file(h, &file), 0x6a80);
    assert_int_equal(announce(h, "", true), 0x9000);
    mm_buf_init(&file);
    put_ciphered(&file, key);
    assert_int_equal(load_file(h, &file), 0x6985); /* the issuer's domain has no such key */
    assert_int_equal(announce(h, SSD, true), 0x9000);
    mm_buf_init(&file);
    put_ciphered(&file, key);
    assert_int_equal(load_file(h, &file), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
}

/* As every_kind_of, under a triple DES key of two and of three parts, with and without an IV (C.6). */
static void ciphered_file_may_be_of_a_des_key(void **state)
{
    static const uint8_t keys[] = {1,  2,  4,  7,  8,  11, 13, 14, 16, 19, 21, 22,
                                   25, 26, 28, 31, 32, 35, 37, 38, 41, 42, 44, 47};
    static const uint8_t ivs[2][8] = {{0}, {9, 8, 7, 6, 5, 4, 3, 2}};
    struct host *h = *state;

    assert_int_equal(install_domain(h, SSD, "03800040"), 0x9000);
    for (size_t i = 0; i < 2; i++) {
        const struct mm_key_part part = {MM_KEY_DES, i == 0 ? 16 : 24, keys};
        uint8_t text[sizeof(probe_lfdb) + 8];
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        struct mm_buf file;
        size_t n;
        int out_n = 0;

        drop_keys(h, comp_of(h, SSD), 0x75);
        give_key(h, comp_of(h, SSD), 0x75, 1, &part, 1);
        memcpy(text, probe_lfdb, sizeof(probe_lfdb));
        n = mm_scp_pad(text, sizeof(probe_lfdb), 8);
        assert_int_equal(EVP_EncryptInit_ex(ctx, i == 0 ? EVP_des_ede_cbc() : EVP_des_ede3_cbc(),
                                            NULL, keys, ivs[i]),
                         1);
        EVP_CIPHER_CTX_set_padding(ctx, 0);
        assert_int_equal(EVP_EncryptUpdate(ctx, text, &out_n, text, (int)n), 1);
        EVP_CIPHER_CTX_free(ctx);
        assert_int_equal(announce(h, SSD, true), 0x9000);
        mm_buf_init(&file);
        if (i == 1) {
            put_tl(&file, 0xd3, 8);
            mm_buf_bytes(&file, ivs[i], 8);
        }
        put_tl(&file, 0xd4, n);
        mm_buf_bytes(&file, text, n);
        assert_int_equal(load_file(h, &file), 0x9000);
        assert_int_equal(secure(h, DELETE, 0, 0, "4F06" PACKAGE), 0x9000);
    }
}

int main(void)
{
#define WITH(fixture, name) cmocka_unit_test_setup_teardown(name, fixture, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH(with_session, signature_of_every_kind_of_key_is_verified),
        WITH(with_session, package_for_a_verifying_domain_needs_its_signature),
        WITH(with_session, mandated_signature_is_needed_by_every_package),
        WITH(with_session, signature_of_nobody_who_verifies_is_refused),
        WITH(with_session, signature_is_over_the_hash_that_was_announced),
        WITH(with_session, domain_for_ciphered_files_takes_only_those),
        WITH(with_session, ciphered_file_may_be_of_a_des_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
