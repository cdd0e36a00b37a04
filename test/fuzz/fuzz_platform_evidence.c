/* The claims of evidence: read whole or refused with a message. */
#include <stdlib.h>
#include <string.h>

#include "platform/platform_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_evidence e;
    struct mm_err err = {0};
    enum mm_status st = mm_evidence_read(data, size, &e, &err);

    if (st != MM_OK && err.text[0] == '\0')
        abort();
    if (st == MM_OK && (e.ueid_len == 0 || e.client_name[0] == '\0' || e.verdict[0] == '\0'))
        abort();
    mm_evidence_clear(&e);
    return 0;
}
