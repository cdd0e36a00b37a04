/* Two versions of one package on their way into a card (converter/test/upgrade1, upgrade2), and the words
 * of an upgrade session. */
#ifndef MM_TEST_CARD_UPGRADE_H
#define MM_TEST_CARD_UPGRADE_H

#include "test/unit/card_domain.h"
#undef OTHER
#include "test/unit/card_built.h"

#define UP_PKG  "F04D494E544D41524BAB"
#define KEEPER  UP_PKG "01"
#define PLAIN   UP_PKG "02"
#define SECOND  UP_PKG "03" /* another instance of Keeper */
#define UP_NAME "4F0A" UP_PKG

enum { MANAGE = 0xea, START = 1, RESUME = 2, RECOVERY = 3, ABORT = 4, STATUS = 8 };

/* What MANAGE ELF UPGRADE answers with a session in that status. */
#define ANSWER(status)   "0011A10F9001" status UP_NAME
#define ANSWER_NONE      "0005A103900100"
#define ANSWER_COMPLETED ANSWER("01")

static uint8_t *version_of_load_file[3];
static size_t version_len[3];

/* Read once: a power cut test loads them some hundred times. */
static void read_version(int version)
{
    const char *build = getenv("MM_BUILD");
    struct mm_err err = {.text = ""};
    char path[256];

    if (version_of_load_file[version] != NULL)
        return;
    snprintf(path, sizeof(path), "%s/applets/test_upgrade%d.cap",
             build != NULL ? build : "build/release", version);
    if (mm_cap_lfdb_from_file(path, false, &version_of_load_file[version], &version_len[version],
                              &err) != MM_OK)
        fail_msg("%s (make applets)", err.text);
}

__attribute__((unused)) static uint16_t load_version(struct host *h, int version)
{
    read_version(version);
    return load_package(h, "0A" UP_PKG, version_of_load_file[version], version_len[version]);
}

__attribute__((unused)) static int free_versions(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        free(version_of_load_file[i]);
    return 0;
}

__attribute__((unused)) static uint16_t manage(struct host *h, uint8_t action)
{
    return secure(h, MANAGE, action, 0, action == START ? "A10C" UP_NAME : "");
}

__attribute__((unused)) static void assert_status(struct host *h, const char *answer)
{
    assert_int_equal(manage(h, STATUS), 0x9000);
    assert_resp(h, answer);
}

/* An instance with install parameters, as hex. */
__attribute__((unused)) static uint16_t install_param(struct host *h, const char *module,
                                                      const char *instance,
                                                      const char *privileges_lv, const char *params)
{
    char text[256];

    snprintf(text, sizeof(text), "0A" UP_PKG "0B%s0B%s%s%02zXC9%02zX%s00", module, instance,
             privileges_lv, strlen(params) / 2 + 2, strlen(params) / 2, params);
    return secure(h, INSTALL, 0x0c, 0, text);
}

/* Version 1, with one instance of Keeper. */
__attribute__((unused)) static int with_keeper(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    *state = h;
    return host_open(h, 0x03) != 0x9000 || load_version(h, 1) != 0x9000 ||
           install_param(h, KEEPER, KEEPER, "0100", "AABB") != 0x9000;
}

/* Select it, and a command; the session is over then. */
__attribute__((unused)) static uint16_t ask(struct host *h, const char *instance, const char *apdu)
{
    uint16_t sw = select_aid(h, instance);

    return sw == 0x9000 ? host_hex(h, apdu) : sw;
}

/* Back to a session with the issuer's domain. */
__attribute__((unused)) static void back(struct host *h)
{
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
}

/* Keeper is told what is to go wrong in its callbacks. */
__attribute__((unused)) static void set_modes(struct host *h, const char *instance,
                                              const char *save_restore)
{
    char text[32];

    snprintf(text, sizeof(text), "8004%s00", save_restore);
    assert_int_equal(ask(h, instance, text), 0x9000);
    back(h);
}

__attribute__((unused)) static void upgrade(struct host *h)
{
    assert_int_equal(manage(h, START), 0x9000);
    assert_resp(h, ANSWER("02"));
    assert_int_equal(load_version(h, 2), 0x9000);
    assert_status(h, ANSWER("03"));
    assert_int_equal(manage(h, RESUME), 0x9000);
    assert_resp(h, ANSWER_COMPLETED);
    assert_status(h, ANSWER_NONE);
}

#endif
