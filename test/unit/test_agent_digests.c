/*
 * A chip's own measurement against the one made from outside: a loaded package and an installed
 * applet, the token they are stated in, and the byte of code that was changed while the chip was out.
 */
#include "test/unit/api_fixture.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/integrity/integrity.h"
#include "host_client/trust/trust.h"
#include "test/unit/cap_seed.h"

static const uint8_t chip_id[16] = "chip id 16 bytes";
static const uint8_t nonce[16] = "nonce of 16 byte";
static const uint8_t params[3] = {1, 2, 3};

static char dir[] = "/tmp/mm-digests-XXXXXX";
static char path[64];
static struct mm_integrity *in;
static struct mm_cap *cap;
static EVP_PKEY *ca_key;
static X509 *ca;

static bool entry(void *ctx, size_t index, struct mm_measured *out)
{
    (void)ctx;
    *out = (struct mm_measured){.comp = API_PACKAGE,
                                .kind = MM_COMP_PACKAGE,
                                .aid = *mm_cap_aid(cap),
                                .major = mm_cap_major(cap),
                                .minor = mm_cap_minor(cap),
                                .life_cycle = 1};
    if (index == 1) {
        out->comp = API_APPLET;
        out->kind = MM_COMP_APPLET;
        out->aid = chip_aid();
        out->package = *mm_cap_aid(cap);
        out->module = mm_cap_applet(cap, 0)->aid;
        out->package_comp = API_PACKAGE;
        out->applet = chip.registered;
        out->life_cycle = 7;
        out->install_params = params;
        out->install_params_len = sizeof(params);
    }
    return index < 2;
}

static X509 *cert_make(EVP_PKEY *key, const char *name, int nid, const char *value)
{
    X509 *cert = X509_new();
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)"root", -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)name, -1, -1, 0);
    X509_sign(cert, ca_key, EVP_sha256());
    return cert;
}

static void certify(const uint8_t point[65])
{
    EVP_PKEY *key = EVP_PKEY_new();
    uint8_t *der = NULL;
    struct mm_buf out;
    X509 *cert;
    int n;

    EVP_PKEY_copy_parameters(key, ca_key);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(key, point, 65), 1);
    cert = cert_make(key, "chip", NID_ext_key_usage, "2.23.133.8.3");
    n = i2d_X509(cert, &der);
    mm_buf_init(&out);
    assert_int_equal(
        mm_integrity_enrol(in, MM_INS_ISD_PUT_CERTIFICATE, 0, 0x80, der, (size_t)n, &out), 0x9000);
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void integrity_on(void)
{
    struct mm_integrity_config cfg = {
        .nvm = chip.nvm, .vm = chip.vm, .entry = entry, .random = chip_random, .chip_id = chip_id};

    assert_int_equal(mm_integrity_new(&cfg, &in, NULL), MM_OK);
}

static int setup(void **state)
{
    struct mm_nvm_config cfg = {.path = path};
    struct mm_aid aid = chip_aid();
    struct mm_err err = {0};
    struct mm_buf out;

    (void)chip_setup(state);
    (void)chip_teardown(state);
    assert_int_equal(mm_nvm_create(&cfg, &chip.nvm, NULL), MM_OK);
    chip_power_on();
    assert_int_equal(mm_cap_read(cap_seed, sizeof(cap_seed), &cap, NULL), MM_OK);
    assert_int_equal(mm_tx_begin(chip.nvm), MM_OK);
    assert_int_equal(mm_comp_add(chip.nvm, API_PACKAGE, MM_COMP_PACKAGE, mm_cap_aid(cap)), MM_OK);
    if (mm_vm_package_load(chip.vm, API_PACKAGE, cap, false, &err) != MM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(mm_comp_add(chip.nvm, API_APPLET, MM_COMP_APPLET, &aid), MM_OK);
    assert_int_equal(mm_tx_commit(chip.nvm), MM_OK);
    mm_vm_applet_bind(chip.vm, API_APPLET, API_PACKAGE);
    assert_int_equal(mm_vm_install(chip.vm, API_PACKAGE, 0, API_APPLET, params, sizeof(params)),
                     MM_RUN_OK);
    integrity_on();
    ca_key = EVP_EC_gen("P-256");
    ca = cert_make(ca_key, "root", NID_basic_constraints, "CA:TRUE");
    mm_buf_init(&out);
    assert_int_equal(
        mm_integrity_enrol(in, MM_INS_ISD_GENERATE_ATTESTATION_KEY, 0, 0, NULL, 0, &out), 0x9000);
    certify(out.data);
    mm_buf_clear(&out);
    return 0;
}

static void power_off(void)
{
    mm_integrity_free(&in);
    mm_vm_free(&chip.vm);
    mm_nvm_close(&chip.nvm);
}

static void power_on(void)
{
    struct mm_nvm_config cfg = {.path = path};

    assert_int_equal(mm_nvm_open(&cfg, &chip.nvm, NULL), MM_OK);
    chip_power_on();
    mm_vm_applet_bind(chip.vm, API_APPLET, API_PACKAGE);
    integrity_on();
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", ".journal", ".fuse"};
    char name[96];

    (void)state;
    power_off();
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
    mm_cap_free(&cap);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    return 0;
}

static void token_get(struct mm_token *token)
{
    struct mm_buf out;
    struct mm_err err = {0};

    mm_buf_init(&out);
    assert_int_equal(
        mm_integrity_command(in, MM_INS_INTEGRITY_INTEGRITY, 0, 0, nonce, sizeof(nonce), &out),
        0x9000);
    if (mm_token_verify(out.data, out.len, ca, nonce, sizeof(nonce), token, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_buf_clear(&out);
}

static void agent_finds_the_reference_values_in_the_token_of_a_sound_chip(void **state)
{
    static const uint8_t privileges[3], zero[32];
    uint8_t code[32], package[32], applet[32];
    struct mm_aid aid = chip_aid();
    struct mm_token token;

    (void)state;
    token_get(&token);
    assert_true(token.valid);
    assert_int_equal(token.component_n, 2);
    mm_cap_code_digest(cap, code);
    assert_int_equal(mm_measure_package_fixed(cap, package, NULL), MM_OK);
    assert_int_equal(mm_measure_applet_fixed(&aid, &mm_cap_applet(cap, 0)->aid, cap, privileges,
                                             params, sizeof(params), applet, NULL),
                     MM_OK);
    assert_memory_equal(token.components[0].code, code, 32);
    assert_memory_equal(token.components[1].code, code, 32);
    assert_memory_equal(token.components[0].fixed, package, 32);
    assert_memory_equal(token.components[1].fixed, applet, 32);
    assert_memory_equal(token.components[0].dynamic, zero, 32);
    assert_memory_not_equal(token.components[1].dynamic, zero, 32);
    mm_token_clear(&token);
}

static void agent_sees_the_same_digests_after_a_restart(void **state)
{
    struct mm_token before, after;

    (void)state;
    token_get(&before);
    power_off();
    power_on();
    token_get(&after);
    assert_memory_equal(before.components[1].dynamic, after.components[1].dynamic, 32);
    assert_memory_equal(before.components[0].fixed, after.components[0].fixed, 32);
    assert_true(after.counter >= before.counter);
    mm_token_clear(&before);
    mm_token_clear(&after);
}

/* One bit of the package's code in the image. */
static void flip_code(void)
{
    uint8_t *data, *code;
    size_t len;

    assert_int_equal(mm_file_read(path, 1 << 20, &data, &len, NULL), MM_OK);
    code = memmem(data, len, cap_seed, sizeof(cap_seed));
    assert_non_null(code); /* the load file is in the image as it was loaded */
    code[200] ^= 0x10;
    assert_int_equal(mm_file_write(path, data, len, 0600, NULL), MM_OK);
    free(data);
}

static void agent_finds_the_package_whose_code_was_changed(void **state)
{
    uint8_t code[32];
    struct mm_token token;

    (void)state;
    power_off();
    flip_code();
    power_on();
    token_get(&token);
    mm_cap_code_digest(cap, code);
    assert_false(token.valid);
    assert_int_equal(token.seal, 0); /* not laid to the platform */
    assert_true(token.components[0].damaged);
    assert_memory_not_equal(token.components[0].code, code, 32);
    assert_memory_not_equal(token.components[1].code, code, 32);
    mm_token_clear(&token);
}

static void agent_sees_an_older_image_as_the_platform_rolled_back(void **state)
{
    struct mm_token token;
    uint8_t *old;
    size_t len;

    (void)state;
    power_off();
    assert_int_equal(mm_file_read(path, 1 << 20, &old, &len, NULL), MM_OK);
    power_on();
    assert_int_equal(mm_integrity_event(in, MM_EVENT_UPDATE, NULL), MM_OK);
    power_off();
    assert_int_equal(mm_file_write(path, old, len, 0600, NULL), MM_OK);
    free(old);
    power_on();
    token_get(&token);
    assert_false(token.valid);
    assert_int_equal(token.seal, MM_DAMAGE_ROLLBACK);
    mm_token_clear(&token);
}

static int dir_make(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/chip.nvm", dir);
    return 0;
}

static int dir_remove(void **state)
{
    (void)state;
    return rmdir(dir);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(agent_finds_the_reference_values_in_the_token_of_a_sound_chip),
        T(agent_sees_the_same_digests_after_a_restart),
        T(agent_finds_the_package_whose_code_was_changed),
        T(agent_sees_an_older_image_as_the_platform_rolled_back),
    };

    return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
