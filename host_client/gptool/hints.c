/* mintmark-gp: what to look at after a refusal. */
#include <string.h>

#include "host_client/gptool/gptool.h"

static const struct {
    const char *refusal, *hint; /* "COMMAND: SW," as messages have it */
} hints[] = {
#define MM_GP_HINT(command, sw, hint) {command ": " #sw ",", hint},
#include "host_client/gptool/hints.def"
#undef MM_GP_HINT
};

/* Does it start a message, or follow "command 3 of 4: "? LOAD is not the end of INSTALL [for load]. */
static bool says(const char *message, const char *refusal)
{
    const char *at = strstr(message, refusal);

    return at != NULL && (at == message || at[-1] == ' ');
}

const char *mm_gptool_hint(const char *message)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (says(message, hints[i].refusal))
            return hints[i].hint;
    }
    return NULL;
}
