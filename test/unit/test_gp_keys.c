/*
 * Key sources: derivation of a card's keys, keys in memory, keys in a PKCS#11 token (SoftHSM). Check
 * values of the derivations are those of GlobalPlatformPro's TestPlaintextKeys and TestSCP03.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_client/gp/gp.h"

static const uint8_t kdd[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/* The key 40, 41, ... of a length, three times. */
static struct mm_gp_keyset counting_set(uint8_t len)
{
    struct mm_gp_keyset set = {.type = MM_GP_KEY_AES, .len = len};

    for (uint8_t i = 0; i < len; i++)
        set.enc[i] = set.mac[i] = set.dek[i] = (uint8_t)(0x40 + i);
    return set;
}

static void assert_check_value(const struct mm_gp_keyset *set, enum mm_gp_key_id id,
                               const char *want)
{
    uint8_t value[3];
    char hex[7];

    assert_int_equal(mm_gp_key_check_value(set->type, mm_gp_keyset_key(set, id), set->len, value),
                     MM_OK);
    assert_string_equal(mm_hex(value, 3, hex), want);
}

static void derivations_give_the_published_check_values(void **state)
{
    (void)state;
    static const struct {
        enum mm_gp_diversify how;
        uint8_t len;
        const char *enc, *mac, *dek;
    } rows[] = {{MM_GP_DIVERSIFY_EMV, 16, "C33013", "6F4CA6", "BB8179"},
                {MM_GP_DIVERSIFY_VISA2, 16, "2BE598", "58DA38", "3C328E"},
                {MM_GP_DIVERSIFY_KDF3, 16, "E79C05", "D1BD77", "3FDE8C"},
                {MM_GP_DIVERSIFY_KDF3, 24, "1DE8EA", "47C00C", "C04D76"},
                {MM_GP_DIVERSIFY_KDF3, 32, "2972D2", "036F94", "5D57B8"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_gp_keyset master = counting_set(rows[i].len), set;
        struct mm_err err;

        assert_int_equal(mm_gp_diversify(rows[i].how, &master, kdd, &set, &err), MM_OK);
        assert_check_value(&set, MM_GP_KEY_ENC, rows[i].enc);
        assert_check_value(&set, MM_GP_KEY_MAC, rows[i].mac);
        assert_check_value(&set, MM_GP_KEY_DEK, rows[i].dek);
    }
}

static void kdf3_with_aes_256_gives_the_published_key(void **state)
{
    (void)state;
    struct mm_gp_keyset master = {.type = MM_GP_KEY_AES, .len = 32}, set;
    uint8_t data[10];
    char hex[65];
    size_t n = sizeof(data), len = sizeof(master.enc);

    assert_int_equal(mm_unhex("D9B1DE5D0362DEDCE4FB", data, &n), MM_OK);
    assert_int_equal(mm_unhex("8C72C72CF908411653018807950D82FBAD947562F0828A0B10B8B9606ABF3BCD",
                              master.enc, &len),
                     MM_OK);
    assert_int_equal(mm_gp_diversify(MM_GP_DIVERSIFY_KDF3, &master, data, &set, NULL), MM_OK);
    assert_string_equal(mm_hex(set.enc, 32, hex),
                        "9AAC5D0B3601F89438A0D9D0B6B256CFB47E6462DFA5228D3420C4AC7C224781");
}

static void our_derivation_is_the_platform_s(void **state)
{
    (void)state;
    struct mm_gp_keyset master = counting_set(16), set;
    struct mm_scp_keys want;

    assert_int_equal(mm_scp_diversify(master.enc, kdd, sizeof(kdd), &want), MM_OK);
    assert_int_equal(mm_gp_diversify(MM_GP_DIVERSIFY_OURS, &master, kdd, &set, NULL), MM_OK);
    assert_memory_equal(set.enc, want.enc, 16);
    assert_memory_equal(set.mac, want.mac, 16);
    assert_memory_equal(set.dek, want.dek, 16);
}

static void des_derivations_refuse_keys_of_no_des_length(void **state)
{
    (void)state;
    struct mm_gp_keyset master = counting_set(32), set;
    struct mm_err err;

    assert_int_equal(mm_gp_diversify(MM_GP_DIVERSIFY_EMV, &master, kdd, &set, &err), MM_USAGE);
    assert_non_null(strstr(err.text, "do not fit SCP02"));
}

static void keys_in_memory_are_of_the_channel_s_kind(void **state)
{
    (void)state;
    struct mm_gp_keyset set = counting_set(32);
    struct mm_gp_key_card scp02 = {.scp = 0x02}, scp03 = {.scp = 0x03};
    struct mm_gp_keys *keys;
    struct mm_err err;

    assert_int_equal(mm_gp_keys_in_memory(&set, MM_GP_DIVERSIFY_NONE, &keys, &err), MM_OK);
    assert_int_equal(keys->ops->choose(keys->ctx, &scp02, &err), MM_USAGE);
    assert_int_equal(keys->ops->choose(keys->ctx, &scp03, &err), MM_OK);
    assert_int_equal(keys->ops->key_len(keys->ctx), 32);
    mm_gp_keys_free(&keys);
    assert_null(keys);
    mm_gp_keys_free(&keys);
}

/* ---- A token ---- */

#define PIN "1234"
struct fixture {
    char dir[40], module[128], uri[256];
    CK_FUNCTION_LIST *p11;
    CK_SESSION_HANDLE session;
};

static bool find_module(char *out, size_t len)
{
    static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so",
                                         "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                                         "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], R_OK) == 0) {
            snprintf(out, len, "%s", places[i]);
            return true;
        }
    }
    return false;
}

/* A key that the token keeps to itself. */
static void put_key(struct fixture *f, const char *label, CK_KEY_TYPE type, const uint8_t *key,
                    size_t len)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_OBJECT_HANDLE handle;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &class, sizeof(class)},
                                 {CKA_KEY_TYPE, &type, sizeof(type)},
                                 {CKA_TOKEN, &yes, sizeof(yes)},
                                 {CKA_PRIVATE, &yes, sizeof(yes)},
                                 {CKA_SENSITIVE, &yes, sizeof(yes)},
                                 {CKA_EXTRACTABLE, &no, sizeof(no)},
                                 {CKA_SIGN, &yes, sizeof(yes)},
                                 {CKA_ENCRYPT, &yes, sizeof(yes)},
                                 {CKA_LABEL, (void *)label, strlen(label)},
                                 {CKA_VALUE, (void *)key, len}};
    CK_RV rv = f->p11->C_CreateObject(f->session, attributes,
                                      sizeof(attributes) / sizeof(attributes[0]), &handle);
    if (rv != CKR_OK)
        fail_msg("%s: %s", label, p11_kit_strerror(rv));
}

static void make_token(struct fixture *f)
{
    CK_UTF8CHAR label[32];
    CK_SLOT_ID slots[8];
    CK_ULONG n = 8;

    f->p11 = p11_kit_module_load(f->module, 0);
    assert_non_null(f->p11);
    assert_int_equal(p11_kit_module_initialize(f->p11), CKR_OK);
    assert_int_equal(f->p11->C_GetSlotList(CK_FALSE, slots, &n), CKR_OK);
    memset(label, ' ', sizeof(label));
    memcpy(label, "issuer", 6);
    assert_int_equal(f->p11->C_InitToken(slots[0], (CK_BYTE *)PIN PIN, 8, label), CKR_OK);
    n = 8;
    assert_int_equal(f->p11->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
    assert_int_equal(f->p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                           NULL, &f->session),
                     CKR_OK);
    assert_int_equal(f->p11->C_Login(f->session, CKU_SO, (CK_BYTE *)PIN PIN, 8), CKR_OK);
    assert_int_equal(f->p11->C_InitPIN(f->session, (CK_BYTE *)PIN, 4), CKR_OK);
    assert_int_equal(f->p11->C_Logout(f->session), CKR_OK);
    assert_int_equal(f->p11->C_Login(f->session, CKU_USER, (CK_BYTE *)PIN, 4), CKR_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[80];
    FILE *conf;

    assert_non_null(f);
    assert_true(find_module(f->module, sizeof(f->module)));
    strcpy(f->dir, "/tmp/mintmark-token.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(path, sizeof(path), "%s/tokens", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/softhsm.conf", f->dir);
    conf = fopen(path, "w");
    assert_non_null(conf);
    fprintf(conf, "directories.tokendir = %s/tokens\nlog.level = ERROR\n", f->dir);
    fclose(conf);
    setenv("SOFTHSM2_CONF", path, 1);
    make_token(f);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->p11->C_CloseSession(f->session);
    p11_kit_module_finalize(f->p11);
    p11_kit_module_release(f->p11);
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static const char *uri_of(struct fixture *f, const char *object)
{
    snprintf(f->uri, sizeof(f->uri), "pkcs11:token=issuer;object=%s?module-path=%s", object,
             f->module);
    return f->uri;
}

/* Both do the same CMACs and blocks under each key. */
static void assert_same(const struct mm_gp_keys *a, const struct mm_gp_keys *b, bool cmac)
{
    static const uint8_t data[32] = "two blocks of data to be hidden";
    uint8_t from_a[32], from_b[32];
    struct mm_err err;

    for (enum mm_gp_key_id id = MM_GP_KEY_ENC; id <= MM_GP_KEY_DEK; id++) {
        if (cmac) {
            assert_int_equal(a->ops->cmac(a->ctx, id, data, 21, from_a, &err), MM_OK);
            assert_int_equal(b->ops->cmac(b->ctx, id, data, 21, from_b, &err), MM_OK);
            assert_memory_equal(from_a, from_b, 16);
        }
        assert_int_equal(a->ops->cbc(a->ctx, id, data, 32, from_a, &err), MM_OK);
        assert_int_equal(b->ops->cbc(b->ctx, id, data, 32, from_b, &err), MM_OK);
        assert_memory_equal(from_a, from_b, 32);
    }
}

static void token_does_what_keys_in_memory_do(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        uint8_t len, scp;
        enum mm_gp_diversify how;
    } rows[] = {
        {"card16", 16, 0x03, MM_GP_DIVERSIFY_NONE}, {"card24", 24, 0x03, MM_GP_DIVERSIFY_NONE},
        {"card32", 32, 0x03, MM_GP_DIVERSIFY_NONE}, {"card16", 16, 0x03, MM_GP_DIVERSIFY_KDF3},
        {"card32", 32, 0x03, MM_GP_DIVERSIFY_KDF3}, {"card16", 16, 0x03, MM_GP_DIVERSIFY_OURS},
        {"cardD", 16, 0x02, MM_GP_DIVERSIFY_NONE},  {"cardD", 16, 0x02, MM_GP_DIVERSIFY_EMV},
        {"cardD", 16, 0x02, MM_GP_DIVERSIFY_VISA2}};
    struct mm_gp_keyset set = counting_set(32);

    put_key(f, "card16", CKK_AES, set.enc, 16);
    put_key(f, "card24", CKK_AES, set.enc, 24);
    put_key(f, "card32", CKK_AES, set.enc, 32);
    put_key(f, "cardD", CKK_DES2, set.enc, 16);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_gp_key_card card = {.scp = rows[i].scp};
        struct mm_gp_keys *token, *memory;
        struct mm_err err;

        memcpy(card.diversification, kdd, sizeof(kdd));
        set = counting_set(rows[i].len);
        if (mm_gp_keys_in_token(uri_of(f, rows[i].name), PIN, rows[i].how, &token, &err) != MM_OK)
            fail_msg("%s: %s", rows[i].name, err.text);
        assert_int_equal(mm_gp_keys_in_memory(&set, rows[i].how, &memory, &err), MM_OK);
        assert_int_equal(memory->ops->choose(memory->ctx, &card, &err), MM_OK);
        if (token->ops->choose(token->ctx, &card, &err) != MM_OK)
            fail_msg("%s: %s", rows[i].name, err.text);
        assert_int_equal(token->ops->key_len(token->ctx), rows[i].len);
        assert_same(token, memory, rows[i].scp == 0x03);
        mm_gp_keys_free(&token);
        mm_gp_keys_free(&memory);
    }
}

static void token_takes_three_keys_by_their_names(void **state)
{
    struct fixture *f = *state;
    struct mm_gp_keyset set = counting_set(16);
    struct mm_gp_key_card card = {.scp = 0x03};
    struct mm_gp_keys *token, *memory;
    struct mm_err err;

    set.mac[0] = 0xaa;
    set.dek[0] = 0xbb;
    put_key(f, "trio-enc", CKK_AES, set.enc, 16);
    put_key(f, "trio-mac", CKK_AES, set.mac, 16);
    put_key(f, "trio-dek", CKK_AES, set.dek, 16);
    assert_int_equal(
        mm_gp_keys_in_token(uri_of(f, "trio"), PIN, MM_GP_DIVERSIFY_NONE, &token, &err), MM_OK);
    assert_int_equal(mm_gp_keys_in_memory(&set, MM_GP_DIVERSIFY_NONE, &memory, &err), MM_OK);
    assert_int_equal(token->ops->choose(token->ctx, &card, &err), MM_OK);
    assert_int_equal(memory->ops->choose(memory->ctx, &card, &err), MM_OK);
    assert_same(token, memory, true);
    mm_gp_keys_free(&token);
    mm_gp_keys_free(&memory);
}

static void token_says_what_is_missing(void **state)
{
    struct fixture *f = *state;
    struct mm_gp_keyset set = counting_set(16);
    struct mm_gp_key_card scp02 = {.scp = 0x02}, scp03 = {.scp = 0x03};
    struct mm_gp_keys *keys;
    struct mm_err err;
    char other[256];

    put_key(f, "aes", CKK_AES, set.enc, 16);
    put_key(f, "des", CKK_DES2, set.enc, 16);
    assert_int_equal(mm_gp_keys_in_token(uri_of(f, "none"), PIN, MM_GP_DIVERSIFY_NONE, &keys, &err),
                     MM_NOT_FOUND);
    assert_non_null(strstr(err.text, "\"none-enc\""));
    assert_null(keys);
    snprintf(other, sizeof(other), "pkcs11:token=other;object=aes?module-path=%s", f->module);
    assert_int_equal(mm_gp_keys_in_token(other, PIN, MM_GP_DIVERSIFY_NONE, &keys, &err),
                     MM_NOT_FOUND);
    assert_int_equal(mm_gp_keys_in_token("pkcs11:token=issuer;object=aes?module-path=/none.so", PIN,
                                         MM_GP_DIVERSIFY_NONE, &keys, &err),
                     MM_NOT_FOUND);
    assert_int_equal(mm_gp_keys_in_token("no uri", PIN, MM_GP_DIVERSIFY_NONE, &keys, &err),
                     MM_USAGE);
    assert_int_equal(mm_gp_keys_in_token(uri_of(f, "aes"), PIN, MM_GP_DIVERSIFY_NONE, &keys, &err),
                     MM_OK);
    assert_int_equal(keys->ops->choose(keys->ctx, &scp02, &err), MM_UNSUPPORTED);
    assert_non_null(strstr(err.text, "they must be DES"));
    mm_gp_keys_free(&keys);
    assert_int_equal(mm_gp_keys_in_token(uri_of(f, "des"), PIN, MM_GP_DIVERSIFY_NONE, &keys, &err),
                     MM_OK);
    assert_int_equal(keys->ops->choose(keys->ctx, &scp03, &err), MM_UNSUPPORTED);
    mm_gp_keys_free(&keys);
}

/* A token whose key may not sign answers like one without the mechanism. */
static void token_names_the_mechanism_it_lacks(void **state)
{
    struct fixture *f = *state;
    struct mm_gp_keyset set = counting_set(16);
    struct mm_gp_key_card scp02 = {.scp = 0x02};
    struct mm_gp_keys *keys;
    uint8_t out[16];
    struct mm_err err;

    put_key(f, "des", CKK_DES2, set.enc, 16);
    assert_int_equal(mm_gp_keys_in_token(uri_of(f, "des"), PIN, MM_GP_DIVERSIFY_NONE, &keys, &err),
                     MM_OK);
    assert_int_equal(keys->ops->choose(keys->ctx, &scp02, &err), MM_OK);
    assert_int_equal(keys->ops->cmac(keys->ctx, MM_GP_KEY_MAC, kdd, 10, out, &err), MM_UNSUPPORTED);
    assert_non_null(strstr(err.text, "CKM_AES_CMAC"));
    mm_gp_keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivations_give_the_published_check_values),
        cmocka_unit_test(kdf3_with_aes_256_gives_the_published_key),
        cmocka_unit_test(our_derivation_is_the_platform_s),
        cmocka_unit_test(des_derivations_refuse_keys_of_no_des_length),
        cmocka_unit_test(keys_in_memory_are_of_the_channel_s_kind),
        cmocka_unit_test_setup_teardown(token_does_what_keys_in_memory_do, setup, teardown),
        cmocka_unit_test_setup_teardown(token_takes_three_keys_by_their_names, setup, teardown),
        cmocka_unit_test_setup_teardown(token_says_what_is_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(token_names_the_mechanism_it_lacks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
