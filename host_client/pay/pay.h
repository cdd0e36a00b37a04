/*
 * Payment client: method B of the design. It does nothing for its user before agent, client and chip
 * have been found sound, and it asks again before money moves. Money moves on the chip; what the
 * client adds is order: the journal first, then the chip, then the platform's ledger.
 */
#ifndef MM_PAY_H
#define MM_PAY_H

#include <stdio.h>

#include "applet_vm/base/base.h"

/* The program mintmark-pay: parse options, run one command or the prompt, return the exit status. */
int mm_pay_main(int argc, char **argv, FILE *in, FILE *out);

#endif
