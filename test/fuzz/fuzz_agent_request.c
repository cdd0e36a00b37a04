/*
 * A line to the trust agent's socket: whatever comes, the answer is an object with "ok", and what the
 * agent holds to be true does not change. Commands that go to the card are left out here; the system
 * tests send those.
 */
#include <stdlib.h>
#include <string.h>

#include "trust_agent/agent_int.h"

static bool goes_to_the_card(const json_t *request)
{
    const char *cmd = json_string_value(json_object_get(request, "cmd"));

    return cmd != NULL && (strcmp(cmd, "check") == 0 || strcmp(cmd, "shut") == 0 ||
                           json_is_true(json_object_get(request, "client")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_agent *a = calloc(1, sizeof(*a));
    json_t *request = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *answer;

    if (a == NULL)
        return 0;
    a->components = json_array();
    a->events = json_array();
    a->history = json_object();
    if (request != NULL && !goes_to_the_card(request)) {
        answer = mm_agent_answer(a, request);
        if (!json_is_boolean(json_object_get(answer, "ok")) || a->checked || a->sound || a->gate ||
            json_object_size(a->history) != 0)
            __builtin_trap();
        json_decref(answer);
    }
    json_decref(request);
    mm_agent_close(&a);
    return 0;
}
