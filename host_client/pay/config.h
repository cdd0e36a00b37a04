/* client.conf and the paths that follow from it (docs/protocol.md, "The client's home"). */
#ifndef MM_PAY_CONFIG_H
#define MM_PAY_CONFIG_H

#include "applet_vm/base/base.h"
#include "host_client/net/net.h"

struct mm_pay_config {
    char *dir;           /* the client's home; all below owned, paths absolute */
    char *reader;        /* NULL: the first reader with a card */
    char *agent;         /* socket */
    char *platform;      /* URL without "/v1" */
    char *ca;            /* PEM */
    char *certificate;   /* of the terminal, PEM */
    char *key;           /* PEM */
    struct mm_pins pins; /* of the platform's public keys */
    unsigned timeout_ms;
};

/* home: NULL for MINTMARK_HOME and its defaults. MM_NOT_FOUND when the client was not enrolled. */
enum mm_status mm_pay_config_read(const char *home, struct mm_pay_config *out,
                                  struct mm_err *err) MM_USE_RESULT;
void mm_pay_config_clear(struct mm_pay_config *config);
/* A file in the client's home; malloc'ed, NULL when out of memory. */
char *mm_pay_config_path(const struct mm_pay_config *config, const char *name);

#endif
