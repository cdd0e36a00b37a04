/* Between translate.c (members, classes, the method as a whole) and operate.c (constants, locals,
 * arithmetic, stack, branches). */
#ifndef MM_CONV_TRANSLATE_INT_H
#define MM_CONV_TRANSLATE_INT_H

#include "converter/conv_int.h"

struct tr {
    struct mm_conv *cv;
    struct mm_cls *cls;
    struct mm_method *m;
    struct jflow flow;
    struct mm_body *body;
    uint32_t at; /* the JVM instruction being translated */
    bool keeps_this;
    uint16_t depth, max_depth; /* cells on the card's stack */
    struct mm_err *err;
};

/* Refuse at the current instruction. */
enum mm_status mm_conv_tr_refuse(struct tr *t, const char *what) MM_USE_RESULT;
struct cins *mm_conv_tr_emit(struct tr *t, uint8_t op);
void mm_conv_tr_const(struct tr *t, int32_t value);
/* The top cell is needed in one cell: convert it when it is an int. */
void mm_conv_tr_narrow(struct tr *t);
/* Give what was pushed, an int or not, the form that its users want. */
void mm_conv_tr_settle(struct tr *t, bool is_int);
/* Constants, locals, array elements, arithmetic, stack, branches, returns. *used: how many JVM
 * instructions were translated. */
enum mm_status mm_conv_tr_operate(struct tr *t, uint32_t *used) MM_USE_RESULT;

#endif
