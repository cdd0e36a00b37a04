/*
 * The platform's calls over host_client/net, and what their answers mean to a payment. JSON both ways (docs/protocol.md, "Trust service and
 * payment service").
 */
#ifndef MM_PAY_HTTP_H
#define MM_PAY_HTTP_H

#include <jansson.h>

#include "host_client/pay/config.h"

struct mm_pay_http;

enum mm_status mm_pay_http_open(const struct mm_pay_config *config, struct mm_pay_http **out,
                                struct mm_err *err) MM_USE_RESULT;
void mm_pay_http_close(struct mm_pay_http **http);

/*
 * path begins behind "/v1", "/load/begin". *answer is a new reference to an object. Failures: MM_PLATFORM
 * when the platform is not there or answers an error (its sentence and code in err), MM_REFUSED when
 * the TLS peer is not the platform or the platform refuses this terminal's integrity or certificate,
 * MM_TIMEOUT.
 */
enum mm_status mm_pay_http_post(struct mm_pay_http *http, const char *path, const json_t *body,
                                json_t **answer, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_pay_http_get(struct mm_pay_http *http, const char *path, json_t **answer,
                               struct mm_err *err) MM_USE_RESULT;
/* The platform's error code of the last call; "" when it gave none. Borrowed. */
const char *mm_pay_http_code(const struct mm_pay_http *http);

/* What an HTTP answer means; apart from the network so that bad answers can be tested. code: 64 bytes. */
enum mm_status mm_pay_http_judge(long http_status, const void *body, size_t body_len, char *code,
                                 json_t **answer, struct mm_err *err) MM_USE_RESULT;

#endif
