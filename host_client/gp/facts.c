/* Telling facts, one after another. */
#include "host_client/gp/gp_int.h"

void mm_gp_tell(const struct mm_gp_teller *t, const char *key, const char *name, const char *text)
{
    t->fact(t->ctx, key, name, text);
}

void mm_gp_tell_hex(const struct mm_gp_teller *t, const char *key, const char *name,
                    const uint8_t *data, size_t len)
{
    char text[MM_GP_FACT_TEXT_MAX + 1];
    size_t most = MM_GP_FACT_TEXT_MAX / 2;

    mm_gp_tell(t, key, name, mm_hex(data, len < most ? len : most, text));
}
