/* Amounts as people write them: "12", "12.5", "12.50"; kept as unsigned 32-bit cents. */
#ifndef MM_PAY_AMOUNT_H
#define MM_PAY_AMOUNT_H

#include "applet_vm/base/base.h"

#define MM_AMOUNT_TEXT 16 /* "42949672.95", NUL and to spare */

/* Refuses zero, signs, blanks, more than two decimals, and more than 42949672.95. */
enum mm_status mm_amount_parse(const char *text, uint32_t *cents, struct mm_err *err) MM_USE_RESULT;
/* Two decimals always. Returns out. */
char *mm_amount_text(uint32_t cents, char out[MM_AMOUNT_TEXT]);

#endif
