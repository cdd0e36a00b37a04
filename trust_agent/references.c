/* Reference values: those in use, and newer ones from the platform. */
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
    if (st == MM_OK) {
        mm_references_clear(&a->references);
        a->references = refs;
        mm_buf_clear(&a->references_object);
        mm_buf_bytes(&a->references_object, data, len);
    }
    free(data);
    return st;
}

void references_fetch(struct mm_agent *a)
{
    struct mm_references refs = {0};
    struct mm_reply_in reply = {0};
    struct mm_net *net = NULL;
    struct mm_err err = {0};
    enum mm_status st = net_open(a, &net, &err);

    if (st == MM_OK)
        st = mm_net_send(net, "/v1/references", NULL, NULL, 0, &reply, &err);
    if (st == MM_OK)
        st = mm_references_verify(reply.body.data, reply.body.len, a->release, &refs, &err);
    if (st == MM_OK && refs.version > a->references.version) {
        st = mm_file_write(a->config.references, reply.body.data, reply.body.len, 0644, &err);
        if (st == MM_OK)
            agent_event(a, "info", "references", "version %u came from the platform", refs.version);
    }
    if (st != MM_OK)
        agent_event(a, "warn", "references", "no newer ones: %s", err.text);
    mm_references_clear(&refs);
    mm_reply_in_clear(&reply);
    mm_net_free(&net);
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
