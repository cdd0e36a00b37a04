/* Asking the person at the terminal: a PIN without echo, a yes or no. */
#ifndef MM_PAY_PROMPT_H
#define MM_PAY_PROMPT_H

#include <stdio.h>

#include "applet_vm/base/base.h"

#define MM_PIN_TEXT 9 /* 8 digits and NUL */

/* 4 to 8 digits. */
enum mm_status mm_pay_check_pin(const char *text, struct mm_err *err) MM_USE_RESULT;
/* given, else MINTMARK_PIN, else asked on the controlling terminal; MM_USAGE when there is none. Wipe
 * pin after use. */
enum mm_status mm_pay_ask_pin(const char *given, const char *question, char pin[MM_PIN_TEXT],
                              struct mm_err *err) MM_USE_RESULT;
/* True only for an explicit yes. */
bool mm_pay_ask_yes(FILE *in, FILE *out, const char *question);

#endif
