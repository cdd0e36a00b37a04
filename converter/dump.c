#include "converter/conv_int.h"
enum mm_status mm_conv_dump(const struct mm_cap *cap, FILE *out, struct mm_err *err)
{
    (void)cap;
    (void)out;
    return mm_fail(err, MM_UNSUPPORTED, 0, "later");
}
