/*
 * What the agent answers, as the payment client reads it: all input in one piece, then the connection
 * is closed. The first byte chooses command or report. An accepted report has all its members.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host_client/pay/agent.h"

static enum mm_status make_token(void *ctx, const uint8_t *nonce, size_t nonce_len,
                                 struct mm_buf *token, struct mm_err *err)
{
    (void)ctx;
    (void)err;
    mm_buf_bytes(token, nonce, nonce_len);
    return MM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_pay_agent *agent = NULL;
    struct mm_pay_report report;
    json_t *answer = NULL;
    int ends[2];

    if (size == 0 || size > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 0;
    if (send(ends[1], data + 1, size - 1, MSG_NOSIGNAL) != (ssize_t)size - 1)
        abort(); /* it fits the socket's buffer */
    (void)shutdown(ends[1], SHUT_WR);
    if (mm_pay_agent_adopt(ends[0], 1000, &agent, NULL) == MM_OK && data[0] == 'r') {
        if (mm_pay_agent_report(agent, "pay", make_token, NULL, &report, NULL) == MM_OK &&
            (report.result == NULL || report.session_text == NULL))
            __builtin_trap();
        mm_pay_report_clear(&report);
    } else if (agent != NULL) {
        if ((mm_pay_agent_ask(agent, "status", &answer, NULL) == MM_OK) != (answer != NULL))
            __builtin_trap();
        json_decref(answer);
    }
    mm_pay_agent_close(&agent);
    close(ends[1]);
    return 0;
}
