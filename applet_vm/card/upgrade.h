/*
 * ELF upgrade (GPCS 2.3, Amendment H 1.1): an Executable Load File is replaced by another of the same AID,
 * and its instances go over with what they saved. MANAGE ELF UPGRADE drives it:
 *
 *   start     onSave, onCleanup; load file and objects go, registry entries and what was saved stay
 *             -> waiting for the load file (INSTALL [for load], LOAD)
 *             -> waiting for restore
 *   resume    install, onRestore, onConsolidate -> completed
 *
 * Each step is one NVM transaction, with all that the applets do in it: one that fails, or in which
 * the power is cut, leaves the session where it was. So no phase is ever found interrupted.
 *
 * While a session waits, an instance's registry entry has no package and no applet object: it is
 * suspended. Its component keeps the saved objects, under the seal like any other.
 */
#ifndef MM_CARD_UPGRADE_H
#define MM_CARD_UPGRADE_H

#include "applet_vm/card/content_int.h"

#define MM_UPGRADE_LISTENER "org/globalplatform/upgrade/OnUpgradeListener"

/* Session status, tag 90 of the answer. Of the amendment's, what is never found: 10 to 60, interrupted in
 * one of the phases. */
enum mm_upgrade_status {
    MM_UPGRADE_NONE = 0x00,
    MM_UPGRADE_COMPLETED = 0x01,
    MM_UPGRADE_WAITING_ELF = 0x02,
    MM_UPGRADE_WAITING_RESTORE = 0x03,
    MM_UPGRADE_RESTORE_FAILED = 0x04
};

struct mm_upgraded_instance {
    mm_comp comp;
    mm_ref root;  /* what onSave returned */
    bool listens; /* it implements OnUpgradeListener */
};
struct mm_upgrade {
    enum mm_upgrade_status status;
    mm_comp actor;        /* the domain that started it */
    mm_comp domain;       /* that the load file is associated with */
    mm_comp package;      /* as it was; when waiting for restore, the new one; else 0 */
    uint8_t major, minor; /* as it was */
    struct mm_aid aid;
    struct mm_upgraded_instance instances[MM_REG_MAX];
    size_t n;
};

/* ---- upgrade_record.c: the session as the image has it ---- */
/* status is NONE when there is none. */
void mm_upgrade_read(const struct mm_card *card, struct mm_upgrade *out);
/* Write it, or with status NONE delete it. Inside a transaction. */
enum mm_status mm_upgrade_write(struct mm_card *card, const struct mm_upgrade *s) MM_USE_RESULT;
/* Fill in the instances of the package that it has now. */
void mm_upgrade_find_instances(const struct mm_card *card, struct mm_upgrade *s);
/* For mm_gp_services: the phase that is running. */
bool mm_upgrade_phase(void *ctx, mm_comp owner, struct mm_gp_upgrade *out);
/* While a session waits the card takes no other content: may INSTALL with that P1 or DELETE (0) run? */
bool mm_upgrade_allows(const struct mm_card *card, uint8_t install_p1);
/* Does a session keep the AID for the load file it waits for? */
bool mm_upgrade_reserves(const struct mm_card *card, const struct mm_aid *aid);
/*
 * INSTALL [for load] while a session waits: 9000 when it is for the session's load file, by who may go
 * on with the session, for the domain the old one was associated with.
 * named    INSTALL told a domain
 * domain   in: that domain; out: the session's
 */
uint16_t mm_upgrade_for_load(const struct mm_card *card, const struct mm_aid *aid, bool named,
                             mm_comp *domain);
/* A package was stored: the one that the session waits for? Inside the load's transaction. */
enum mm_status mm_upgrade_loaded(struct mm_card *card, const struct mm_aid *aid,
                                 mm_comp package) MM_USE_RESULT;
/* May the selected domain go on with the session: who started it, and the issuer's? */
bool mm_upgrade_may(const struct mm_card *card, const struct mm_upgrade *s);

/* ---- upgrade_save.c, upgrade_restore.c: the two phases ---- */
/* Of a package that may be upgraded. Not 9000: nothing has changed, but for what rec_write_now did. */
uint16_t mm_upgrade_save(struct mm_card *card, struct mm_upgrade *s);
/* Not 9000: the session waits on, with what was saved. */
uint16_t mm_upgrade_restore(struct mm_card *card, struct mm_upgrade *s);
/* Run a phase, which commits the transaction that is open; not 9000: all of it is undone. */
uint16_t mm_upgrade_in_phase(struct mm_card *card, struct mm_upgrade *s,
                             uint16_t (*phase)(struct mm_card *card, struct mm_upgrade *s));
/* Call a method of OnUpgradeListener; what it left open is undone. */
enum mm_run mm_upgrade_call(struct mm_card *card, mm_ref applet, const char *name,
                            const char *descriptor, const uint16_t *args, size_t n, uint16_t *ret);

#endif
