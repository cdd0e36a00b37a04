/*
 * Links: how a chip is reached. vpcd (as a card behind vsmartcard's driver), TCP (a server that
 * speaks the driver's side of the same protocol, one peer at a time), in process (mm_card itself).
 */
#ifndef MM_LINK_H
#define MM_LINK_H

#include "applet_vm/card/card.h"

#define MM_VPCD_PORT 35963 /* 0x8C7B, vsmartcard's default */

struct mm_link;
/* Connect to vpcd's socket; reconnects by itself when pcscd restarts. */
enum mm_status mm_link_vpcd(struct mm_card *card, const char *host, uint16_t port,
                            struct mm_link **out, struct mm_err *err) MM_USE_RESULT;
/* Listen on 127.0.0.1:port (0: any; mm_link_port tells which). */
enum mm_status mm_link_tcp(struct mm_card *card, uint16_t port, struct mm_link **out,
                           struct mm_err *err) MM_USE_RESULT;
uint16_t mm_link_port(const struct mm_link *link);
/* Serve until mm_link_stop (async-signal-safe) or a fatal error. */
enum mm_status mm_link_run(struct mm_link *link, struct mm_err *err) MM_USE_RESULT;
void mm_link_stop(struct mm_link *link);
void mm_link_free(struct mm_link **link);

#endif
