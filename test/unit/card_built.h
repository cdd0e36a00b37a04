/* The test packages that our own converter made (converter/test), on their way into a card. */
#ifndef MM_TEST_CARD_BUILT_H
#define MM_TEST_CARD_BUILT_H

#include "test/unit/card_load.h"

#include "applet_vm/cap/cap.h"

#define RUNTIME_CAP  "test_exports/org/mintmark/runtime/javacard/runtime.cap"
#define RUNTIME      "F04D494E544D41524BA3"
#define MULTI        RUNTIME "01"
#define OTHER        RUNTIME "02"
#define SINGLE_CAP   "test_single.cap"
#define SINGLE_PKG   "F04D494E544D41524BA4"
#define SINGLE       SINGLE_PKG "01"
#define TWIN         SINGLE_PKG "02"
#define EXCHANGE_CAP "test_exchange.cap"
#define EXCHANGE_PKG "F04D494E544D41524BA5"
#define EXCHANGE     EXCHANGE_PKG "01"
#define REMOTE_CAP   "test_remote.cap"
#define REMOTE_PKG   "F04D494E544D41524BA8"
#define REMOTE       REMOTE_PKG "01"
#define SUMS_CAP     "test_remoteint.cap"
#define SUMS_PKG     "F04D494E544D41524BAA"
#define SUMS         SUMS_PKG "01"
#define EXTRAS_CAP   "test_extras.cap"
#define EXTRAS_PKG   "F04D494E544D41524BA7"
#define EXTRAS       EXTRAS_PKG "01"
#define CALLED_CAP   "test_called.cap"
#define CALLED_PKG   "F04D494E544D41524BAB"
#define CALLED       CALLED_PKG "01"
#define ATOMIC_CAP   "test_atomic.cap"
#define ATOMIC_PKG   "F04D494E544D41524BA9"
#define ATOMIC       ATOMIC_PKG "01"

/* In the open session: INSTALL [for load] and LOAD. */
__attribute__((unused)) static void load_built(struct host *h, const char *name,
                                               const char *package)
{
    const char *build = getenv("MM_BUILD");
    struct mm_err err = {.text = ""};
    uint8_t *lfdb = NULL;
    size_t len = 0;
    char path[256], lv[64];

    snprintf(path, sizeof(path), "%s/applets/%s", build != NULL ? build : "build/release", name);
    if (mm_cap_lfdb_from_file(path, false, &lfdb, &len, &err) != MM_OK)
        fail_msg("%s (make applets)", err.text);
    snprintf(lv, sizeof(lv), "%02X%s", (unsigned)strlen(package) / 2, package);
    assert_int_equal(load_package(h, lv, lfdb, len), 0x9000);
    free(lfdb);
}

/* An instance under the name of its module, or another of the same length, selectable. */
__attribute__((unused)) static uint16_t install_as(struct host *h, const char *package,
                                                   const char *module, const char *instance)
{
    char text[256];

    snprintf(text, sizeof(text), "%02X%s%02X%s%02X%s010002C90000", (unsigned)strlen(package) / 2,
             package, (unsigned)strlen(module) / 2, module, (unsigned)strlen(instance) / 2,
             instance);
    return secure(h, INSTALL, 0x0c, 0, text);
}

/* SELECT by full name with that class byte. */
__attribute__((unused)) static uint16_t select_in(struct host *h, uint8_t cla, const char *aid)
{
    char text[64];

    snprintf(text, sizeof(text), "%02XA40400%02X%s00", cla, (unsigned)strlen(aid) / 2, aid);
    return host_hex(h, text);
}

#endif
