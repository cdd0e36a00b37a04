/* Load file hashes, DAP signatures and tokens, and the commands that carry them, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_client/gp/gp_int.h"
#include "test/unit/cap_seed.h"

static const struct mm_aid app = {5, {0xf0, 0x01, 0x02, 0x03, 0x04}};
static const struct mm_aid domain = {6, {0xf0, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d}};

static void assert_hex(const struct mm_buf *buf, const char *hex)
{
    char text[2 * 700 + 1];

    assert_false(buf->bad);
    assert_true(buf->len <= 700);
    assert_string_equal(mm_hex(buf->data, buf->len, text), hex);
}

/* ---- Keys in files ---- */

static char key_path[] = "/tmp/mintmark-sign.XXXXXX";

static int setup(void **state)
{
    int fd;

    (void)state;
    strcpy(key_path + strlen(key_path) - 6, "XXXXXX");
    fd = mkstemp(key_path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(key_path);
}

static void write_pem(EVP_PKEY *pkey)
{
    FILE *file = fopen(key_path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void write_text(const char *text)
{
    FILE *file = fopen(key_path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const uint8_t message[] = "what is signed";

static struct mm_buf sign_with_file(enum mm_gp_rsa_scheme scheme)
{
    struct mm_gp_signing_key *key = NULL;
    struct mm_buf sig;
    struct mm_err err;

    mm_buf_init(&sig);
    if (mm_gp_signing_key_read(key_path, scheme, &key, &err) != MM_OK ||
        mm_gp_sign_with_key(key, message, sizeof(message), &sig, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_gp_signing_key_free(&key);
    assert_null(key);
    return sig;
}

static bool verifies(EVP_PKEY *pkey, const char *digest, int padding, const uint8_t *sig,
                     size_t len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    bool good = EVP_DigestVerifyInit_ex(md, &ctx, digest, NULL, NULL, pkey, NULL) == 1;

    if (good && padding != 0)
        good = EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1;
    if (good && padding == RSA_PKCS1_PSS_PADDING)
        good = EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) == 1;
    good = good && EVP_DigestVerify(md, sig, len, message, sizeof(message)) == 1;
    EVP_MD_CTX_free(md);
    return good;
}

static void rsa_signs_by_length_or_as_told(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        enum mm_gp_rsa_scheme scheme;
        const char *digest;
        int padding;
    } rows[] = {{1024, MM_GP_RSA_BY_LENGTH, "SHA1", RSA_PKCS1_PADDING},
                {2048, MM_GP_RSA_BY_LENGTH, "SHA2-256", RSA_PKCS1_PSS_PADDING},
                {2048, MM_GP_RSA_PKCS1, "SHA1", RSA_PKCS1_PADDING},
                {1024, MM_GP_RSA_PSS, "SHA2-256", RSA_PKCS1_PSS_PADDING}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EVP_PKEY *pkey = EVP_RSA_gen(rows[i].bits);
        struct mm_buf sig;

        write_pem(pkey);
        sig = sign_with_file(rows[i].scheme);
        assert_int_equal(sig.len, rows[i].bits / 8);
        assert_true(verifies(pkey, rows[i].digest, rows[i].padding, sig.data, sig.len));
        mm_buf_clear(&sig);
        EVP_PKEY_free(pkey);
    }
}

static void ecdsa_signs_with_the_hash_of_its_size(void **state)
{
    (void)state;
    static const struct {
        const char *curve, *digest;
        int field;
    } rows[] = {{"P-256", "SHA2-256", 32}, {"P-384", "SHA2-384", 48}, {"P-521", "SHA2-512", 66}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EVP_PKEY *pkey = EVP_EC_gen(rows[i].curve);
        ECDSA_SIG *parts = ECDSA_SIG_new();
        uint8_t *der = NULL;
        struct mm_buf sig;
        int len;

        write_pem(pkey);
        sig = sign_with_file(MM_GP_RSA_BY_LENGTH);
        assert_int_equal(sig.len, 2 * rows[i].field);
        ECDSA_SIG_set0(parts, BN_bin2bn(sig.data, rows[i].field, NULL),
                       BN_bin2bn(sig.data + rows[i].field, rows[i].field, NULL));
        len = i2d_ECDSA_SIG(parts, &der);
        assert_true(len > 0);
        assert_true(verifies(pkey, rows[i].digest, 0, der, (size_t)len));
        OPENSSL_free(der);
        ECDSA_SIG_free(parts);
        mm_buf_clear(&sig);
        EVP_PKEY_free(pkey);
    }
}

/* What openssl dgst -sign and others write; with a leading zero, and short. */
static void ecdsa_in_der_becomes_plain(void **state)
{
    (void)state;
    static const struct {
        const char *sig, *want;
    } rows[] = {{"3006020101020102",
                 "0000000000000000000000000000000000000000000000000000000000000001"
                 "0000000000000000000000000000000000000000000000000000000000000002"},
                {"302602210080000000000000000000000000000000000000000000000000000000000000FF020103",
                 "80000000000000000000000000000000000000000000000000000000000000FF"
                 "0000000000000000000000000000000000000000000000000000000000000003"},
                {"300602010102010299", "300602010102010299"}, /* more follows: no DER */
                {"30060201010201", "30060201010201"},
                {"DEADBEEF", "DEADBEEF"},
                {"", ""}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t sig[80];
        size_t n = sizeof(sig);
        struct mm_buf out;

        assert_int_equal(mm_unhex(rows[i].sig, sig, &n), MM_OK);
        mm_buf_init(&out);
        mm_gp_put_plain_signature(sig, n, &out);
        assert_hex(&out, rows[i].want);
        mm_buf_clear(&out);
    }
}

static void aes_key_in_hex_makes_a_cmac(void **state)
{
    (void)state;
    uint8_t key[16] = {0}, want[16];
    struct mm_buf sig;

    key[15] = 1;
    write_text("00000000000000000000000000000001\n");
    sig = sign_with_file(MM_GP_RSA_BY_LENGTH);
    assert_int_equal(mm_gp_key_cmac(key, 16, message, sizeof(message), want), MM_OK);
    assert_int_equal(sig.len, 16);
    assert_memory_equal(sig.data, want, 16);
    mm_buf_clear(&sig);
}

static void key_file_that_is_none_or_open_to_others_is_refused(void **state)
{
    (void)state;
    struct mm_gp_signing_key *key = NULL;
    struct mm_err err;

    write_text("not a key\n");
    assert_int_equal(mm_gp_signing_key_read(key_path, MM_GP_RSA_BY_LENGTH, &key, &err),
                     MM_MALFORMED);
    write_text("0001\n");
    assert_int_equal(mm_gp_signing_key_read(key_path, MM_GP_RSA_BY_LENGTH, &key, &err),
                     MM_MALFORMED);
    write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_int_equal(mm_gp_signing_key_read(key_path, MM_GP_RSA_BY_LENGTH, &key, &err),
                     MM_MALFORMED);
    assert_int_equal(chmod(key_path, 0644), 0);
    assert_int_equal(mm_gp_signing_key_read(key_path, MM_GP_RSA_BY_LENGTH, &key, &err), MM_USAGE);
    assert_non_null(strstr(err.text, "chmod 600"));
    assert_int_equal(mm_gp_signing_key_read("/none", MM_GP_RSA_BY_LENGTH, &key, &err),
                     MM_NOT_FOUND);
    assert_null(key);
}

/* ---- Hashes and load files ---- */

static struct mm_cap *seed(void)
{
    struct mm_cap *cap = NULL;

    assert_int_equal(mm_cap_read(cap_seed, sizeof(cap_seed), &cap, NULL), MM_OK);
    return cap;
}

static void load_file_hash_is_over_the_data_block(void **state)
{
    (void)state;
    static const struct {
        const char *name, *digest;
        size_t len;
    } rows[] = {{"sha1", "SHA1", 20},
                {"sha256", "SHA2-256", 32},
                {"sha384", "SHA2-384", 48},
                {"sha512", "SHA2-512", 64}};
    struct mm_cap *cap = seed();
    enum mm_gp_hash hash;
    struct mm_err err;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t got[MM_GP_HASH_MAX], want[64];
        size_t len = 0, lfdb_len;
        const uint8_t *lfdb = mm_cap_lfdb(cap, &lfdb_len);

        assert_int_equal(mm_gp_hash_read(rows[i].name, &hash, &err), MM_OK);
        assert_int_equal(mm_gp_hash_package(cap, hash, got, &len, &err), MM_OK);
        assert_int_equal(len, rows[i].len);
        assert_int_equal(EVP_Q_digest(NULL, rows[i].digest, NULL, lfdb, lfdb_len, want, NULL), 1);
        assert_memory_equal(got, want, len);
    }
    assert_int_equal(mm_gp_hash_read("md5", &hash, &err), MM_USAGE);
    mm_cap_free(&cap);
}

/* E2 { 4F domain, C3 signature } before C4, and the hash in INSTALL [for load]. */
static void load_file_has_its_dap_block_first(void **state)
{
    (void)state;
    static const uint8_t signature[] = {0xde, 0xad, 0xbe, 0xef};
    struct mm_gp_dap dap = {domain, signature, sizeof(signature)};
    struct mm_gp_load_how how = {.domain = &app, .hash = MM_GP_HASH_SHA1, .daps = &dap, .dap_n = 1};
    struct mm_cap *cap = seed();
    uint8_t hash[MM_GP_HASH_MAX];
    size_t off = 0, len = 0, hash_len;
    const uint8_t *apdu;
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_load_commands_with(cap, &how, &list, NULL), MM_OK);
    assert_int_equal(mm_gp_hash_package(cap, MM_GP_HASH_SHA1, hash, &hash_len, NULL), MM_OK);
    apdu = mm_gp_list_next(&list, &off, &len);
    assert_memory_equal(apdu, "\x80\xe6\x02\x00", 4);
    assert_memory_equal(apdu + 5 + 1 + mm_cap_aid(cap)->len, "\x05\xf0\x01\x02\x03\x04\x14", 7);
    assert_memory_equal(apdu + 5 + 1 + mm_cap_aid(cap)->len + 7, hash, 20);
    apdu = mm_gp_list_next(&list, &off, &len);
    assert_int_equal(apdu[1], 0xe8);
    assert_memory_equal(apdu + 5,
                        "\xe2\x0e\x4f\x06\xf0\x0d\x0d\x0d\x0d\x0d\xc3\x04\xde\xad\xbe\xef\xc4", 17);
    mm_buf_clear(&list);
    mm_cap_free(&cap);
}

/* All LOAD data of a list, one after another. */
static void gather_load(const struct mm_buf *list, struct mm_buf *out)
{
    size_t off = 0, len = 0;
    const uint8_t *apdu;

    while ((apdu = mm_gp_list_next(list, &off, &len)) != NULL) {
        if (apdu[1] == 0xe8)
            mm_buf_bytes(out, apdu + 5, apdu[4]);
    }
}

/* D3 IV, D4 the data block under the key, padded 80 00.. (GPCS 2.3.1, 11.6.2.3, C.6); the hash stays
 * that of the plain block. */
static void ciphered_load_file_is_the_block_under_its_key(void **state)
{
    (void)state;
    static const uint8_t iv[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    static const uint8_t key_bytes[32] = {0xaa};
    struct mm_gp_load_how how = {.hash = MM_GP_HASH_SHA256, .iv = iv}, plain = how;
    struct mm_cap *cap = seed();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    struct mm_gp_secret *key = NULL;
    struct mm_buf list, plain_list, file;
    size_t lfdb_len, len, off = 0, plain_off = 0, plain_len;
    const uint8_t *lfdb = mm_cap_lfdb(cap, &lfdb_len), *apdu;
    uint8_t *back;
    int n = 0;

    mm_buf_init(&list);
    mm_buf_init(&plain_list);
    mm_buf_init(&file);
    assert_int_equal(
        mm_gp_secret_open("hex:AA00000000000000000000000000000000000000000000000000000000000000",
                          NULL, &key, NULL),
        MM_OK);
    how.cipher = key;
    assert_int_equal(mm_gp_load_commands_with(cap, &how, &list, NULL), MM_OK);
    assert_int_equal(mm_gp_load_commands_with(cap, &plain, &plain_list, NULL), MM_OK);
    apdu = mm_gp_list_next(&list, &off, &len);
    assert_memory_equal(apdu, mm_gp_list_next(&plain_list, &plain_off, &plain_len), len);
    gather_load(&list, &file);
    len = (lfdb_len / 16 + 1) * 16;
    assert_true(len > 0x7f && len < 0x10000);
    assert_memory_equal(file.data, "\xd3\x10", 2);
    assert_memory_equal(file.data + 2, iv, 16);
    assert_int_equal(file.data[18], 0xd4);
    back = malloc(len);
    assert_int_equal(EVP_DecryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key_bytes, iv), 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    assert_int_equal(EVP_DecryptUpdate(ctx, back, &n, file.data + file.len - len, (int)len), 1);
    assert_int_equal(n, len);
    assert_memory_equal(back, lfdb, lfdb_len);
    assert_int_equal(back[lfdb_len], 0x80);
    for (size_t i = lfdb_len + 1; i < len; i++)
        assert_int_equal(back[i], 0);
    free(back);
    EVP_CIPHER_CTX_free(ctx);
    mm_gp_secret_free(&key);
    mm_buf_clear(&file);
    mm_buf_clear(&plain_list);
    mm_buf_clear(&list);
    mm_cap_free(&cap);
}

/* An IV is used once. */
static void each_ciphered_load_file_has_an_iv_of_its_own(void **state)
{
    (void)state;
    struct mm_gp_load_how how = {0};
    struct mm_cap *cap = seed();
    struct mm_gp_secret *key = NULL;
    struct mm_buf list[2], file[2];

    assert_int_equal(mm_gp_secret_open("hex:000102030405060708090A0B0C0D0E0F", NULL, &key, NULL),
                     MM_OK);
    how.cipher = key;
    for (size_t i = 0; i < 2; i++) {
        mm_buf_init(&list[i]);
        mm_buf_init(&file[i]);
        assert_int_equal(mm_gp_load_commands_with(cap, &how, &list[i], NULL), MM_OK);
        gather_load(&list[i], &file[i]);
    }
    assert_memory_not_equal(file[0].data + 2, file[1].data + 2, 16);
    for (size_t i = 0; i < 2; i++) {
        mm_buf_clear(&list[i]);
        mm_buf_clear(&file[i]);
    }
    mm_gp_secret_free(&key);
    mm_cap_free(&cap);
}

/* ---- Tokens ---- */

/* Keeps what it is asked to sign; the signature is two bytes. */
static enum mm_status keep_input(void *ctx, const uint8_t *data, size_t data_len,
                                 struct mm_buf *out, struct mm_err *err)
{
    struct mm_buf *kept = ctx;

    (void)err;
    kept->len = 0;
    mm_buf_bytes(kept, data, data_len);
    mm_buf_u16(out, 0x5151);
    return MM_OK;
}

static void token_signs_the_command_without_itself(void **state)
{
    (void)state;
    static const uint8_t none[1];
    struct mm_buf kept, list;
    struct mm_gp_signer signer = {keep_input, &kept};
    struct mm_gp_install_how how = {.package = &app,
                                    .module = &app,
                                    .instance = &app,
                                    .privileges = none,
                                    .privileges_len = 1,
                                    .token = &signer};

    mm_buf_init(&kept);
    mm_buf_init(&list);
    assert_int_equal(mm_gp_install_command_with(&how, &list, NULL), MM_OK);
    assert_hex(&kept, "0C001705F00102030405F00102030405F0010203040100"
                      "02C900");
    assert_hex(&list, "002080E60C001A05F00102030405F00102030405F0010203040100"
                      "02C900"
                      "025151"
                      "00");
    list.len = 0;
    assert_int_equal(mm_gp_delete_command_with(&app, true, &signer, &list, NULL), MM_OK);
    assert_hex(&kept, "0080074F05F001020304");
    assert_hex(&list, "001180E400800B4F05F0010203049E02515100");
    list.len = 0;
    assert_int_equal(mm_gp_extradite_command(&app, &domain, &signer, &list, NULL), MM_OK);
    assert_hex(&kept, "10001006F00D0D0D0D0D0005F0010203040000");
    assert_hex(&list, "001980E610001306F00D0D0D0D0D0005F0010203040000"
                      "025151"
                      "00");
    mm_buf_clear(&kept);
    mm_buf_clear(&list);
}

static void token_of_an_rsa_key_makes_the_command_extended(void **state)
{
    (void)state;
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    struct mm_gp_signing_key *key = NULL;
    struct mm_gp_signer signer;
    struct mm_gp_apdu apdu;
    size_t off = 0, len = 0;
    const uint8_t *at;
    struct mm_buf list;

    write_pem(pkey);
    EVP_PKEY_free(pkey);
    assert_int_equal(mm_gp_signing_key_read(key_path, MM_GP_RSA_BY_LENGTH, &key, NULL), MM_OK);
    signer = (struct mm_gp_signer){mm_gp_sign_with_key, key};
    mm_buf_init(&list);
    assert_int_equal(mm_gp_extradite_command(&app, &domain, &signer, &list, NULL), MM_OK);
    at = mm_gp_list_next(&list, &off, &len);
    assert_non_null(at);
    assert_int_equal(off, list.len);
    assert_int_equal(mm_gp_apdu_parse(at, len, &apdu, NULL), MM_OK);
    assert_int_equal(apdu.data_len, 7 + 1 + 6 + 2 + 3 + 256);
    assert_memory_equal(apdu.data + 16, "\x82\x01\x00", 3);
    mm_gp_signing_key_free(&key);
    mm_buf_clear(&list);
}

/* ---- The other forms of INSTALL ---- */

static void install_forms_are_byte_exact(void **state)
{
    (void)state;
    static const uint8_t privileges[] = {0x80, 0x40, 0x00}, quota[] = {0xc8, 0x02, 0x10, 0x00};
    struct mm_gp_install_how how = {.package = &app,
                                    .module = &app,
                                    .instance = &app,
                                    .privileges = privileges,
                                    .privileges_len = 3,
                                    .system_params = quota,
                                    .system_params_len = sizeof(quota),
                                    .not_selectable = true};
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_install_command_with(&how, &list, NULL), MM_OK);
    assert_hex(&list, "002680E604002005F00102030405F00102030405F00102030403804000"
                      "08C900EF04C8021000"
                      "00"
                      "00");
    list.len = 0;
    assert_int_equal(mm_gp_selectable_command(&app, privileges, 1, NULL, &list, NULL), MM_OK);
    assert_hex(&list, "001280E608000C000005F0010203040180"
                      "00"
                      "00"
                      "00");
    list.len = 0;
    assert_int_equal(mm_gp_registry_command(&app, NULL, privileges, 3, NULL, &list, NULL), MM_OK);
    assert_hex(&list, "001480E640000E000005F00102030403804000"
                      "00"
                      "00"
                      "00");
    list.len = 0;
    assert_int_equal(mm_gp_registry_command(&app, &domain, NULL, 0, NULL, &list, NULL), MM_OK);
    assert_hex(&list, "001780E640001106F00D0D0D0D0D0005F001020304"
                      "00"
                      "00"
                      "00"
                      "00");
    mm_buf_clear(&list);
}

/* ---- Public keys ---- */

static void public_keys_go_in_the_clear(void **state)
{
    (void)state;
    EVP_PKEY *rsa = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-256");
    struct mm_buf list;
    FILE *file;
    struct mm_err err;

    mm_buf_init(&list);
    file = fopen(key_path, "w");
    assert_int_equal(PEM_write_PUBKEY(file, rsa), 1);
    fclose(file);
    assert_int_equal(mm_gp_put_public_key_command(key_path, 0, 0x73, 0x01, &list, &err), MM_OK);
    /* 80 D8 00 01 Lc, version, A1 81 80 modulus, A0 03 010001, 00 */
    assert_memory_equal(list.data + 2, "\x80\xd8\x00\x01\x8a\x73\xa1\x81\x80", 9);
    assert_memory_equal(list.data + 2 + 9 + 128, "\xa0\x03\x01\x00\x01\x00\x00", 7);
    list.len = 0;
    file = fopen(key_path, "w");
    assert_int_equal(PEM_write_PUBKEY(file, ec), 1);
    fclose(file);
    assert_int_equal(mm_gp_put_public_key_command(key_path, 0x73, 0x74, 0x02, &list, &err), MM_OK);
    assert_memory_equal(list.data + 2, "\x80\xd8\x73\x02\x48\x74\xb0\x41\x04", 9);
    assert_memory_equal(list.data + 2 + 5 + 1 + 2 + 65, "\xf0\x01\x00\x00\x00", 5);
    write_text("nothing\n");
    assert_int_equal(mm_gp_put_public_key_command(key_path, 0, 0x73, 1, &list, &err), MM_MALFORMED);
    assert_int_equal(mm_gp_put_public_key_command(key_path, 0, 0x80, 1, &list, &err), MM_USAGE);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    mm_buf_clear(&list);
}

/* More than a command holds goes on in the next (P1 bit 8). */
static void long_public_key_goes_in_parts(void **state)
{
    (void)state;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    size_t off = 0, len = 0;
    const uint8_t *first, *second;
    struct mm_buf list;
    FILE *file = fopen(key_path, "w");

    assert_int_equal(PEM_write_PUBKEY(file, rsa), 1);
    fclose(file);
    EVP_PKEY_free(rsa);
    mm_buf_init(&list);
    assert_int_equal(mm_gp_put_public_key_command(key_path, 0, 0x70, 0x01, &list, NULL), MM_OK);
    first = mm_gp_list_next(&list, &off, &len);
    assert_memory_equal(first, "\x80\xd8\x80\x01\xdf\x70\xa1\x82\x01\x00", 10);
    second = mm_gp_list_next(&list, &off, &len);
    assert_memory_equal(second, "\x80\xd8\x00\x01", 4);
    assert_int_equal(first[4] + second[4], 1 + 4 + 256 + 5 + 1);
    assert_null(mm_gp_list_next(&list, &off, &len));
    mm_buf_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rsa_signs_by_length_or_as_told, setup, teardown),
        cmocka_unit_test_setup_teardown(ecdsa_signs_with_the_hash_of_its_size, setup, teardown),
        cmocka_unit_test(ecdsa_in_der_becomes_plain),
        cmocka_unit_test_setup_teardown(aes_key_in_hex_makes_a_cmac, setup, teardown),
        cmocka_unit_test_setup_teardown(key_file_that_is_none_or_open_to_others_is_refused, setup,
                                        teardown),
        cmocka_unit_test(load_file_hash_is_over_the_data_block),
        cmocka_unit_test(load_file_has_its_dap_block_first),
        cmocka_unit_test(ciphered_load_file_is_the_block_under_its_key),
        cmocka_unit_test(each_ciphered_load_file_has_an_iv_of_its_own),
        cmocka_unit_test(token_signs_the_command_without_itself),
        cmocka_unit_test_setup_teardown(token_of_an_rsa_key_makes_the_command_extended, setup,
                                        teardown),
        cmocka_unit_test(install_forms_are_byte_exact),
        cmocka_unit_test_setup_teardown(public_keys_go_in_the_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(long_public_key_goes_in_parts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
