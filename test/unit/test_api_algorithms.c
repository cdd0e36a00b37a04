/* Every algorithm constant of the API is offered, or docs/conformance.md says that it is not. */
#include "test/unit/api_fixture.h"

#include <stdio.h>

#define FACTS   "applet_vm/api/api_305.tsv"
#define ANSWERS "docs/conformance.md"

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);

    if (f == NULL || text == NULL)
        fail_msg("%s cannot be read; tests run from the top of the tree", path);
    (void)!fread(text, 1, (1 << 20) - 1, f);
    (void)fclose(f);
    return text;
}

/* Which native asks for which class's constants, and with how many arguments. */
static const struct {
    const char *cls, *prefix;
    mm_native get;
} askers[] = {
    {"MessageDigest", "ALG_", mm_n_digest_get_instance},
    {"Signature", "ALG_", mm_n_sign_get_instance},
    {"Cipher", "ALG_", mm_n_cipher_get_instance},
    {"AEADCipher", "ALG_", mm_n_cipher_get_instance},
    {"KeyAgreement", "ALG_", mm_n_agree_get_instance},
    {"Checksum", "ALG_", mm_n_checksum_get_instance},
    {"RandomData", "ALG_", mm_n_random_get_instance},
};

static bool offered(mm_native get, int value)
{
    uint16_t args[4] = {(uint16_t)value}, ret[2] = {0};
    enum mm_run run = get(chip.vm, args, ret);

    if (run == MM_RUN_OK)
        return true;
    assert_string_equal(mm_vm_exception(chip.vm)->class_name, "javacard/security/CryptoException");
    assert_int_equal(mm_vm_exception(chip.vm)->reason, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return false;
}

static int check(mm_native get, const char *cls, const char *name, int value, const char *answers)
{
    char item[96];

    if (strcmp(name, "ALG_NULL") == 0)
        return 0;
    (void)snprintf(item, sizeof(item), "`%s.%s`", cls, name);
    if (offered(get, value) == (strstr(answers, item) != NULL))
        fail_msg("%s: %s is wrong about it", item, ANSWERS);
    return 1;
}

static void algorithms_are_offered_or_documented(void **state)
{
    char *facts = read_all(FACTS), *answers = read_all(ANSWERS), *save = NULL;
    int asked = 0;

    (void)state;
    for (char *line = strtok_r(facts, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *cell[13] = {NULL}, *at = line;
        for (size_t i = 0; i < 13 && at != NULL; i++)
            cell[i] = strsep(&at, "\t");
        if (cell[12] == NULL || strcmp(cell[3], "constant") != 0)
            continue;
        for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
            if (strcmp(cell[4], askers[i].cls) == 0 &&
                strncmp(cell[9], askers[i].prefix, strlen(askers[i].prefix)) == 0)
                asked += check(askers[i].get, cell[4], cell[9], atoi(cell[12]), answers);
        }
    }
    assert_true(asked > 100);
    free(facts);
    free(answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(algorithms_are_offered_or_documented, chip_setup,
                                        chip_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
