/*
 * Links: how a chip is reached. vpcd (as a card behind vsmartcard's driver), TCP (a server that
 * speaks the driver's side of the same protocol, one peer at a time), in process (mm_card itself).
 *
 * Wire: each message is a 16-bit big-endian length and that many bytes. To the card, length 1 is a
 * control: 00 power off, 01 power on, 02 reset, 04 send the ATR (the only one that is answered);
 * anything longer is a command APDU, answered by its response APDU.
 */
#ifndef MM_LINK_H
#define MM_LINK_H

#include "applet_vm/card/card.h"

#define MM_VPCD_PORT 35963 /* 0x8C7B, vsmartcard's default */

/* What is behind a link: a chip, or a test's stand-in (test/bench/echo_card.c). */
struct mm_link_card {
    void *ctx;
    void (*power_on)(void *ctx);
    void (*power_off)(void *ctx);
    void (*reset)(void *ctx);
    const uint8_t *(*atr)(void *ctx, size_t *len); /* borrowed */
    /* As mm_card_transmit. */
    void (*transmit)(void *ctx, const uint8_t *apdu, size_t apdu_len, uint8_t *resp,
                     size_t *resp_len);
};
/* A chip as such; card borrowed. */
struct mm_link_card mm_link_card_of(struct mm_card *card);

struct mm_link;
/* Connect to vpcd's socket; reconnects by itself when pcscd restarts, and waits for it when it does
 * not run yet. host: name or numeric address. card: copied, its ctx borrowed. */
enum mm_status mm_link_vpcd_card(const struct mm_link_card *card, const char *host, uint16_t port,
                                 struct mm_link **out, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_link_vpcd(struct mm_card *card, const char *host, uint16_t port,
                            struct mm_link **out, struct mm_err *err) MM_USE_RESULT;
/* Listen on 127.0.0.1:port (0: any; mm_link_port tells which). Power-on by a peer is no reset of a
 * card that is on, and the card stays on when a peer leaves. */
enum mm_status mm_link_tcp_card(const struct mm_link_card *card, uint16_t port,
                                struct mm_link **out, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_link_tcp(struct mm_card *card, uint16_t port, struct mm_link **out,
                           struct mm_err *err) MM_USE_RESULT;
uint16_t mm_link_port(const struct mm_link *link);
/* Serve until mm_link_stop (async-signal-safe) or a fatal error. */
enum mm_status mm_link_run(struct mm_link *link, struct mm_err *err) MM_USE_RESULT;
void mm_link_stop(struct mm_link *link);
void mm_link_free(struct mm_link **link);

#endif
