/* The public library against the chip in this process: what its header promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "applet_vm/card/card.h"
#include "host_client/gp/keysource.h"
#include "host_client/gplib/mintmark_gp.h"

static const uint8_t test_key[16] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
                                     0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};
static const uint8_t transit_package[] = {0xf0, 0x4d, 0x49, 0x4e, 0x54,
                                          0x4d, 0x41, 0x52, 0x4b, 0x11};
static const uint8_t transit[] = {0xf0, 0x4d, 0x49, 0x4e, 0x54, 0x4d, 0x41, 0x52, 0x4b, 0x11, 0x01};

struct fixture {
    char dir[40], image[64], reader[80], cap[200];
    struct mintmark_gp *gp;
    struct mintmark_gp_keys *keys;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *build = getenv("MM_BUILD");
    struct mm_card_config cfg = {0};
    struct mm_err err;

    assert_non_null(f);
    strcpy(f->dir, "/tmp/mintmark-gplib.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->image, sizeof(f->image), "%s/chip.nvm", f->dir);
    snprintf(f->reader, sizeof(f->reader), "chip:%s", f->image);
    snprintf(f->cap, sizeof(f->cap), "%s/applets/transit.cap",
             build != NULL ? build : "build/release");
    cfg.nvm.path = f->image;
    assert_int_equal(mm_card_init(&cfg, MM_PROFILE_DEVELOPER, &err), MM_OK);
    assert_int_equal(mintmark_gp_connect(f->reader, &f->gp), MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_keys_new(test_key, test_key, test_key, sizeof(test_key),
                                          MINTMARK_GP_PLAIN, &f->keys),
                     MINTMARK_GP_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const ends[] = {"", ".journal", ".fuse"};
    struct fixture *f = *state;

    mintmark_gp_disconnect(&f->gp);
    assert_null(f->gp);
    mintmark_gp_keys_free(&f->keys);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char path[80];
        snprintf(path, sizeof(path), "%s%s", f->image, ends[i]);
        unlink(path);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

static void count(void *ctx, const struct mintmark_gp_entry *entry)
{
    assert_true(entry->aid_len >= 5 && entry->aid_len <= 16);
    ((size_t *)ctx)[entry->kind]++;
}

static void note_progress(void *ctx, size_t done, size_t all)
{
    assert_true(done <= all);
    *(size_t *)ctx = done;
}

static void library_loads_installs_lists_locks_and_deletes(void **state)
{
    struct fixture *f = *state;
    struct mintmark_gp_install what = {.package = transit_package,
                                       .package_len = sizeof(transit_package),
                                       .module = transit,
                                       .module_len = sizeof(transit)};
    size_t before[3] = {0}, n[3] = {0}, done = 0;

    assert_int_equal(mintmark_gp_open(f->gp, f->keys, NULL), MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_list(f->gp, count, before), MINTMARK_GP_OK);
    if (mintmark_gp_load(f->gp, f->cap, NULL, 0, note_progress, &done) != MINTMARK_GP_OK)
        fail_msg("%s", mintmark_gp_error(f->gp));
    assert_true(done > 1);
    assert_int_equal(mintmark_gp_install(f->gp, &what), MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_list(f->gp, count, n), MINTMARK_GP_OK);
    assert_int_equal(n[MINTMARK_GP_DOMAIN], 1);
    assert_int_equal(n[MINTMARK_GP_APPLICATION], 1);
    assert_int_equal(n[MINTMARK_GP_PACKAGE], before[MINTMARK_GP_PACKAGE] + 1);
    assert_int_equal(mintmark_gp_lock(f->gp, transit, sizeof(transit), true), MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_lock(f->gp, transit, sizeof(transit), false), MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_delete(f->gp, transit_package, sizeof(transit_package), false),
                     MINTMARK_GP_CARD);
    assert_non_null(strstr(mintmark_gp_error(f->gp), "DELETE: 6985"));
    assert_int_equal(mintmark_gp_delete(f->gp, transit_package, sizeof(transit_package), true),
                     MINTMARK_GP_OK);
}

static void library_puts_keys_and_stores_data(void **state)
{
    struct fixture *f = *state;
    static const uint8_t fresh[16] = "another key 123", iin[] = {0x42, 0x03, 0x12, 0x34, 0x56};
    static const uint8_t get_iin[] = {0x80, 0xca, 0x00, 0x42, 0x00};
    uint8_t resp[16];
    size_t len = sizeof(resp);
    uint16_t sw = 0;

    assert_int_equal(mintmark_gp_open(f->gp, f->keys, NULL), MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_store_data(f->gp, NULL, 0, 0x10, iin, sizeof(iin)),
                     MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_send(f->gp, get_iin, sizeof(get_iin), resp, &len, &sw),
                     MINTMARK_GP_OK);
    assert_int_equal(sw, 0x9000);
    assert_int_equal(len, sizeof(iin));
    assert_memory_equal(resp, iin, sizeof(iin));
    assert_int_equal(mintmark_gp_put_keys(f->gp, 0, 0x30, fresh, fresh, fresh, sizeof(fresh)),
                     MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_open(f->gp, f->keys, NULL), MINTMARK_GP_AUTH);
    len = sizeof(resp); /* without a session the command goes as it is */
    assert_int_equal(mintmark_gp_send(f->gp, get_iin, sizeof(get_iin), resp, &len, &sw),
                     MINTMARK_GP_OK);
    assert_int_equal(sw, 0x9000);
}

static void library_says_what_is_wrong_with_arguments(void **state)
{
    struct fixture *f = *state;
    static const uint8_t short_aid[4] = {0xf0};
    struct mintmark_gp_session how = {.domain = short_aid, .domain_len = sizeof(short_aid)};
    struct mintmark_gp_keys *none = NULL;
    struct mintmark_gp *nobody = NULL;
    uint8_t resp[1];
    size_t len = sizeof(resp), n[3];
    uint16_t sw;

    assert_int_equal(mintmark_gp_list(f->gp, count, n), MINTMARK_GP_USAGE);
    assert_string_equal(mintmark_gp_error(f->gp), "no session is open");
    assert_int_equal(mintmark_gp_open(f->gp, f->keys, &how), MINTMARK_GP_USAGE);
    how = (struct mintmark_gp_session){.level = 0x02};
    assert_int_equal(mintmark_gp_open(f->gp, f->keys, &how), MINTMARK_GP_USAGE);
    assert_int_equal(
        mintmark_gp_keys_new(test_key, test_key, test_key, 15, MINTMARK_GP_PLAIN, &none),
        MINTMARK_GP_USAGE);
    assert_null(none);
    assert_int_equal(mintmark_gp_open(f->gp, f->keys, NULL), MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_send(f->gp, (const uint8_t[]){0x80, 0xca, 0x00, 0x66, 0x00}, 5,
                                      resp, &len, &sw),
                     MINTMARK_GP_USAGE);
    assert_non_null(strstr(mintmark_gp_error(f->gp), "room for 1 bytes"));
    assert_int_equal(mintmark_gp_delete(f->gp, short_aid, sizeof(short_aid), false),
                     MINTMARK_GP_USAGE);
    assert_int_equal(mintmark_gp_connect("chip:/nowhere/none.nvm", &nobody), MINTMARK_GP_NO_CARD);
    assert_non_null(strstr(mintmark_gp_error(nobody), "/nowhere/none.nvm"));
    assert_int_equal(mintmark_gp_open(nobody, f->keys, NULL), MINTMARK_GP_NO_CARD);
    mintmark_gp_disconnect(&nobody);
}

/* ---- Keys of the caller's own kind ---- */

struct service {
    unsigned chosen, macs;
    bool down;
};

static int service_choose(void *ctx, uint8_t scp, uint8_t key_version,
                          const uint8_t diversification[10])
{
    struct service *s = ctx;

    assert_int_equal(scp, 0x03);
    assert_int_equal(key_version, 0xff);
    assert_non_null(diversification);
    s->chosen++;
    return s->down ? -1 : 0;
}

static int service_cmac(void *ctx, int key, const uint8_t *data, size_t len, uint8_t out[16])
{
    struct service *s = ctx;

    assert_in_range(key, 1, 2);
    s->macs++;
    return mm_gp_key_cmac(test_key, sizeof(test_key), data, len, out) == MM_OK ? 0 : -1;
}

static int service_cbc(void *ctx, int key, const uint8_t *data, size_t len, uint8_t *out)
{
    (void)ctx;
    assert_int_equal(key, 3);
    return mm_gp_key_cbc(MM_GP_KEY_AES, test_key, sizeof(test_key), data, len, out) == MM_OK ? 0
                                                                                             : -1;
}

static void library_takes_keys_that_are_elsewhere(void **state)
{
    struct fixture *f = *state;
    static const struct mintmark_gp_key_calls calls = {service_choose, service_cmac, service_cbc,
                                                       16};
    static const uint8_t fresh[16] = "another key 123";
    struct service s = {0};
    struct mintmark_gp_keys *keys = NULL;

    assert_int_equal(mintmark_gp_keys_elsewhere(&calls, &s, &keys), MINTMARK_GP_OK);
    if (mintmark_gp_open(f->gp, keys, NULL) != MINTMARK_GP_OK)
        fail_msg("%s", mintmark_gp_error(f->gp));
    assert_int_equal(s.chosen, 1);
    assert_int_equal(s.macs, 3); /* S-ENC, S-MAC, S-RMAC */
    assert_int_equal(mintmark_gp_put_keys(f->gp, 0, 0x30, fresh, fresh, fresh, sizeof(fresh)),
                     MINTMARK_GP_OK);
    mintmark_gp_close(f->gp);
    mintmark_gp_keys_free(&keys);
}

static void library_says_when_the_caller_s_keys_fail(void **state)
{
    struct fixture *f = *state;
    static const struct mintmark_gp_key_calls calls = {service_choose, service_cmac, service_cbc,
                                                       16};
    struct service s = {.down = true};
    struct mintmark_gp_keys *keys = NULL;

    assert_int_equal(mintmark_gp_keys_elsewhere(&calls, &s, &keys), MINTMARK_GP_OK);
    assert_int_equal(mintmark_gp_open(f->gp, keys, NULL), MINTMARK_GP_FAILED);
    assert_non_null(strstr(mintmark_gp_error(f->gp), "choice of keys"));
    mintmark_gp_keys_free(&keys);
}

static void note_fact(void *ctx, const char *key, const char *name, const char *value)
{
    (void)name;
    if (strcmp(key, "gp_version") == 0)
        assert_string_equal(value, "2.3.1");
    *(size_t *)ctx += strcmp(key, "gp_version") == 0 || strcmp(key, "key") == 0;
}

static void library_tells_what_the_card_is(void **state)
{
    struct fixture *f = *state;
    size_t known = 0;

    assert_int_equal(mintmark_gp_info(f->gp, note_fact, &known), MINTMARK_GP_OK);
    assert_int_equal(known, 1 + 3); /* the version, three keys */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(library_loads_installs_lists_locks_and_deletes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(library_puts_keys_and_stores_data, setup, teardown),
        cmocka_unit_test_setup_teardown(library_says_what_is_wrong_with_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(library_takes_keys_that_are_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(library_says_when_the_caller_s_keys_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(library_tells_what_the_card_is, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
