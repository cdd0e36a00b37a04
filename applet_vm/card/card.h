/*
 * The card: APDU in, APDU out. ISO 7816-4 dispatch, SELECT and logical channels, the issuer
 * security domain (GlobalPlatform 2.3.1) with SCP03, the registry, and the integrity application.
 * A status word is made here and nowhere else. Applets run through applet_vm/vm.
 */
#ifndef MM_CARD_H
#define MM_CARD_H

#include "applet_vm/api/api.h"
#include "applet_vm/base/base.h"
#include "applet_vm/nvm/nvm.h"

struct mm_card;

enum mm_profile {
    MM_PROFILE_DEVELOPER, /* no gate; well-known test keys (GP 40..4F) until replaced */
    MM_PROFILE_PAYMENT    /* payment applets are unselectable until the agent opens the gate */
};

/* A secure channel protocol that new key sets of the chip speak: 02 with triple DES keys, 03 with AES
 * keys; i is its parameter (GPCS table E-1; Amendment D, table 5-1). */
struct mm_card_scp {
    uint8_t protocol, i;
};

struct mm_card_config {
    struct mm_nvm_config nvm;
    uint64_t step_budget;          /* 0: default */
    enum mm_protocol protocol;     /* what applets are told of the interface, and the ATR of it */
    bool no_verify;                /* load without bytecode verification: developer profile only */
    const struct mm_card_scp *scp; /* only for mm_card_init */
    size_t scp_n;
    /* Random and time are passed in so that tests repeat; NULL: OpenSSL RAND, CLOCK_REALTIME. */
    enum mm_status (*random)(void *ctx, uint8_t *out, size_t out_len);
    void *random_ctx;
    /* The pause before the verdict on a host that failed often; NULL: the answer itself waits. */
    void (*pause)(void *ctx, unsigned ms);
    void *pause_ctx;
};

/* mintmark-chip init: make a new image with profile, chip id (16 random bytes), empty registry, and
 * cfg->scp: the protocol of the test keys first, at most one for each (none: SCP03, i = 60; what it
 * leaves out is SCP02, i = 55, and SCP03, i = 70). MM_USAGE: an unknown one. */
enum mm_status mm_card_init(const struct mm_card_config *cfg, enum mm_profile profile,
                            struct mm_err *err) MM_USE_RESULT;

/* Open an image. The card is off. A damaged image opens too; the card then answers with integrity
 * invalid. Without a path: a new chip of the developer profile that lives in memory only.
 * MM_USAGE: no_verify for a chip of the payment profile. */
enum mm_status mm_card_open(const struct mm_card_config *cfg, struct mm_card **out,
                            struct mm_err *err) MM_USE_RESULT;
void mm_card_close(struct mm_card **card);

void mm_card_power_on(struct mm_card *card); /* also a cold reset when already on */
void mm_card_power_off(struct mm_card *card);
void mm_card_reset(struct mm_card *card); /* warm reset */
/* ATR as of the last cold reset; borrowed until the next. */
const uint8_t *mm_card_atr(const struct mm_card *card, size_t *len);

#define MM_RESPONSE_MAX 65538 /* 65,536 data bytes and the status word */
/* One command. resp gets data and status word; *resp_len is capacity in, length out. Always answers
 * with at least a status word; the state it promises is in the journal when it returns. */
void mm_card_transmit(struct mm_card *card, const uint8_t *apdu, size_t apdu_len, uint8_t *resp,
                      size_t *resp_len);

/* Text for `mintmark-chip info`: profile, chip id, counter, components, damage. To be printed. */
enum mm_status mm_card_describe(struct mm_card *card, struct mm_buf *text) MM_USE_RESULT;

#endif
