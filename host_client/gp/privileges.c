/* Privileges by name. */
#include <stdio.h>
#include <string.h>

#include "host_client/gp/card_info.h"

static const struct privilege {
    const char *name;
    uint8_t byte, bits, mask;
} privileges[] = {
#define MM_GP_PRIVILEGE(name, byte, bits, mask) {name, byte, bits, mask},
#include "host_client/gp/privileges.def"
#undef MM_GP_PRIVILEGE
};
#define PRIVILEGE_N (sizeof(privileges) / sizeof(privileges[0]))

char *mm_gp_privileges_text(const uint8_t bytes[MM_GP_PRIVILEGES_LEN], char *out, size_t out_len)
{
    size_t at = 0;
    bool domain_said = false;

    out[0] = '\0';
    for (size_t i = 0; i < PRIVILEGE_N; i++) {
        const struct privilege *p = &privileges[i];
        bool domain = p->byte == 0 && (p->bits & 0x80) != 0;
        int n;

        if ((bytes[p->byte] & p->mask) != p->bits)
            continue;
        if (domain && p->bits == 0x80 && domain_said)
            continue; /* the one above implies it */
        domain_said |= domain;
        n = snprintf(out + at, out_len - at, "%s%s", at > 0 ? ", " : "", p->name);
        if (n < 0 || (size_t)n >= out_len - at)
            break;
        at += (size_t)n;
    }
    return out;
}

static bool add_named(const char *name, size_t name_len, uint8_t bytes[MM_GP_PRIVILEGES_LEN])
{
    for (size_t i = 0; i < PRIVILEGE_N; i++) {
        const struct privilege *p = &privileges[i];
        if (strlen(p->name) == name_len && memcmp(p->name, name, name_len) == 0) {
            bytes[p->byte] |= p->bits;
            return true;
        }
    }
    return false;
}

enum mm_status mm_gp_privileges_read(const char *text, uint8_t bytes[MM_GP_PRIVILEGES_LEN],
                                     struct mm_err *err)
{
    size_t n = MM_GP_PRIVILEGES_LEN;

    memset(bytes, 0, MM_GP_PRIVILEGES_LEN);
    if (mm_unhex(text, bytes, &n) == MM_OK && (n == 1 || n == MM_GP_PRIVILEGES_LEN))
        return MM_OK;
    memset(bytes, 0, MM_GP_PRIVILEGES_LEN);
    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        if (!add_named(text, len, bytes))
            return mm_fail(err, MM_USAGE, SIZE_MAX,
                           "\"%.*s\" is no privilege; expected names joined by commas, or 1 or 3 "
                           "bytes in hex",
                           (int)len, text);
        text += len + (text[len] == ',' ? 1 : 0);
    }
    return MM_OK;
}
