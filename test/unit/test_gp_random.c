/*
 * Random programs (test/random/Programs.java) answer on the chip what they answered on a Java virtual
 * machine. The folder has k.cap for each package and the file "expected"; MM_RANDOM names another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "applet_vm/card/card.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp.h"

static char dir[] = "/tmp/mm-random-XXXXXX";
static char image[64];

static const char *path_of(const char *name)
{
    static char path[512];
    const char *build = getenv("MM_BUILD"), *random = getenv("MM_RANDOM");

    if (random != NULL)
        snprintf(path, sizeof(path), "%s/%s", random, name);
    else
        snprintf(path, sizeof(path), "%s/random/%s", build != NULL ? build : "build/release", name);
    return path;
}

static void remove_image(void)
{
    static const char *const ends[] = {"", ".journal", ".fuse"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char path[80];
        snprintf(path, sizeof(path), "%s%s", image, ends[i]);
        unlink(path);
    }
}

/* A new chip with package k, its applet selected. */
static struct mm_access *load(unsigned k)
{
    struct mm_card_config cfg = {0};
    struct mm_gp_session *session = NULL;
    struct mm_err err = {.text = ""};
    struct mm_access *chip = NULL;
    struct mm_cap *cap = NULL;
    const struct mm_aid *module;
    struct mm_buf list;
    char name[80];
    uint16_t sw = 0;

    snprintf(name, sizeof(name), "%u.cap", k);
    if (mm_cap_read_file(path_of(name), &cap, &err) != MM_OK)
        fail_msg("%s", err.text);
    module = &mm_cap_applet(cap, 0)->aid;
    remove_image();
    cfg.nvm.path = image;
    assert_int_equal(mm_card_init(&cfg, MM_PROFILE_DEVELOPER, NULL), MM_OK);
    snprintf(name, sizeof(name), "chip:%s", image);
    assert_int_equal(mm_access_open(name, 1000, &chip, &err), MM_OK);
    mm_buf_init(&list);
    assert_int_equal(mm_gp_load_commands(cap, NULL, MM_GP_BLOCK_LEN, &list), MM_OK);
    assert_int_equal(mm_gp_install_command(mm_cap_aid(cap), module, module, (const uint8_t *)"", 1,
                                           NULL, 0, &list),
                     MM_OK);
    assert_int_equal(mm_gp_open(chip, NULL, &mm_scp_test_keys, 0, MM_SCP_C_MAC, &session, &err),
                     MM_OK);
    if (mm_gp_send_list(session, &list, NULL, NULL, &err) != MM_OK)
        fail_msg("package %u: %s", k, err.text);
    mm_gp_close(&session);
    assert_int_equal(mm_access_select(chip, module, NULL, &sw, NULL), MM_OK);
    assert_int_equal(sw, 0x9000);
    mm_buf_clear(&list);
    mm_cap_free(&cap);
    return chip;
}

struct call {
    unsigned package, program, s, t, answer;
};

/* True when the chip answers as expected. */
static bool call_agrees(struct mm_access *chip, const struct call *c)
{
    uint8_t data[4] = {(uint8_t)(c->s >> 8), (uint8_t)c->s, (uint8_t)(c->t >> 8), (uint8_t)c->t};
    struct mm_buf resp;
    uint16_t sw = 0;
    bool agrees;

    mm_buf_init(&resp);
    assert_int_equal(mm_access_call(chip, 0x80, 0, (uint8_t)(c->program >> 8), (uint8_t)c->program,
                                    data, sizeof(data), 256, &resp, &sw, NULL),
                     MM_OK);
    agrees = sw == 0x9000 && resp.len == 4 && mm_be32(resp.data) == c->answer;
    if (!agrees)
        print_error("package %u, p%u(%04x, %04x): %08x, status %04x; Java says %08x\n", c->package,
                    c->program, c->s, c->t, resp.len == 4 ? mm_be32(resp.data) : 0, sw, c->answer);
    mm_buf_clear(&resp);
    return agrees;
}

static void random_programs_answer_as_java_does(void **state)
{
    FILE *f = fopen(path_of("expected"), "r");
    struct mm_access *chip = NULL;
    struct call c, last = {0};
    unsigned wrong = 0, calls = 0, programs = 0;

    (void)state;
    if (f == NULL)
        fail_msg("%s is not there (make tests)", path_of("expected"));
    while (wrong < 20 &&
           fscanf(f, "%x %x %x %x %x", &c.package, &c.program, &c.s, &c.t, &c.answer) == 5) {
        if (chip == NULL || c.package != last.package) {
            mm_access_close(&chip);
            chip = load(c.package);
        }
        if (calls == 0 || c.package != last.package || c.program != last.program)
            programs++;
        wrong += call_agrees(chip, &c) ? 0 : 1;
        calls++;
        last = c;
    }
    fclose(f);
    mm_access_close(&chip);
    print_message("%u programs, %u calls\n", programs, calls);
    assert_int_equal(wrong, 0);
    assert_true(programs >= 100);
}

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(image, sizeof(image), "%s/chip.nvm", dir);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    remove_image();
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_answer_as_java_does),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
