/* Reference values: those in use. */
#include "trust_agent/agent_int.h"

#include <stdlib.h>
#include <strings.h>

#define REFERENCES_MAX 65536

enum mm_status references_load(struct mm_agent *a, struct mm_err *err)
{
    struct mm_references refs = {0};
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_file_read(a->config.references, REFERENCES_MAX, &data, &len, err);

    if (st == MM_OK)
        st = mm_references_verify(data, len, a->release, &refs, err);
    /* Taken before the release certificate was renewed; newer ones come with the next fetch. */
    if (st == MM_AUTH && a->release_before != NULL)
        st = mm_references_verify(data, len, a->release_before, &refs, err);
    if (st == MM_OK) {
        mm_references_clear(&a->references);
        a->references = refs;
        mm_buf_clear(&a->references_object);
        mm_buf_bytes(&a->references_object, data, len);
    }
    free(data);
    return st;
}

const struct mm_reference *references_find(const struct mm_agent *a, uint8_t kind, const char *name)
{
    for (size_t i = 0; i < a->references.item_n; i++) {
        const struct mm_reference *item = &a->references.items[i];
        if (item->kind == kind && strcasecmp(item->name, name) == 0)
            return item;
    }
    return NULL;
}
