/* The package of converter/test/gp on its way into a card: Desk asks the card's services what a test wants
 * to know, Provider has every interface that an application may have. */
#ifndef MM_TEST_CARD_GP_H
#define MM_TEST_CARD_GP_H

#include "test/unit/card_domain.h"
#undef OTHER
#include "test/unit/card_built.h"

#define GP_CAP   "test_gp.cap"
#define GP_PKG   "F04D494E544D41524BA6"
#define DESK     GP_PKG "01"
#define PROVIDER GP_PKG "02"

/* An instance of a module with privileges (LV) and system parameters (EF, LV or empty). */
__attribute__((unused)) static uint16_t install_instance(struct host *h, const char *module,
                                                         const char *instance,
                                                         const char *privileges, const char *system)
{
    char text[300];

    snprintf(text, sizeof(text), "0A" GP_PKG "0B%s0B%s%s%02zXC900%s00", module, instance,
             privileges, strlen(system) / 2 + 2, system);
    return secure(h, INSTALL, 0x0c, 0, text);
}

__attribute__((unused)) static uint16_t install_gp(struct host *h, const char *module,
                                                   const char *privileges, const char *system)
{
    return install_instance(h, module, module, privileges, system);
}

__attribute__((unused)) static struct host *loaded(void)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x03), 0x9000);
    load_built(h, GP_CAP, GP_PKG);
    return h;
}

#endif
