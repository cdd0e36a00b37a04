#include "host_client/pay/session.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/nvm/nvm.h"

#define NONCE_LEN    32
#define TOKEN_LE     65536 /* extended length; access falls back to GET RESPONSE by itself */
#define LOCK_WAIT_MS 5000  /* for another client to end */
#define CARD_WAIT_MS 5000  /* another program may hold the card for as long */

/* One client at a time in a home: two would shut each other's gate and write each other's files. The lock
 * goes with the process, however it ends. */
static enum mm_status lock_home(struct mm_pay_session *s, struct mm_err *err)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    char *path = mm_pay_config_path(&s->config, "lock");

    if (path == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) {
        enum mm_status st = mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, strerror(errno));
        free(path);
        return st;
    }
    free(path);
    for (unsigned waited = 0; waited < LOCK_WAIT_MS; waited += 20) {
        if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
            return MM_OK;
        (void)nanosleep(&pause, NULL);
    }
    return mm_fail(err, MM_BUSY, SIZE_MAX, "another payment client is at work in %s",
                   s->config.dir);
}

enum mm_status mm_pay_session_init(struct mm_pay_session *s, const struct mm_pay_options *options,
                                   FILE *in, FILE *out, struct mm_err *err)
{
    enum mm_status st;

    memset(s, 0, sizeof(*s));
    s->options = options;
    s->in = in;
    s->out = out;
    s->lock = -1;
    st = mm_pay_config_read(options->home, &s->config, err);
    if (st == MM_OK)
        st = lock_home(s, err);
    if (st != MM_OK)
        return st;
    s->state_path = mm_pay_config_path(&s->config, "state.json");
    s->pending_path = mm_pay_config_path(&s->config, "pending.json");
    if (s->state_path == NULL || s->pending_path == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = mm_cert_load(s->config.ca, &s->ca, err);
    return st == MM_OK ? mm_pay_http_open(&s->config, &s->http, err) : st;
}

void mm_pay_session_clear(struct mm_pay_session *s)
{
    json_t *answer = NULL;

    mm_access_close(&s->card);
    /* The gate is shut as well as may be: an agent that cannot be reached has it shut at the next
     * power-on anyway, and the user's command is over. */
    if (s->started && mm_pay_ask_agent(s, "shut", &answer, NULL) == MM_OK)
        json_decref(answer);
    mm_pay_http_close(&s->http);
    mm_token_clear(&s->token);
    X509_free(s->ca);
    free(s->state_path);
    free(s->pending_path);
    mm_pay_config_clear(&s->config);
    if (s->lock >= 0)
        close(s->lock);
    memset(s, 0, sizeof(*s));
    s->lock = -1;
}

enum mm_status mm_pay_ask_agent(struct mm_pay_session *s, const char *cmd, json_t **answer,
                                struct mm_err *err)
{
    struct mm_pay_agent *agent = NULL;
    enum mm_status st = mm_pay_agent_open(s->config.agent, s->config.timeout_ms, &agent, err);

    *answer = NULL;
    if (st == MM_OK)
        st = mm_pay_agent_ask(agent, cmd, answer, err);
    mm_pay_agent_close(&agent);
    return st;
}

bool mm_pay_token_fault(const struct mm_token *token, char *text, size_t text_len)
{
    char hex[2 * MM_AID_MAX + 1];

    if (token->seal == MM_DAMAGE_ROLLBACK) {
        snprintf(text, text_len,
                 "the platform of the chip is an older copy of its image, put back");
        return true;
    }
    if (token->seal != MM_DAMAGE_NONE) {
        snprintf(text, text_len, "the platform of the chip was changed");
        return true;
    }
    for (size_t i = 0; i < token->component_n; i++) {
        const struct mm_token_component *c = &token->components[i];
        const char *what = mm_aid_what(&c->aid);
        if (!c->damaged)
            continue;
        snprintf(text, text_len, "%s %s%s%s%s was changed", c->kind == 1 ? "package" : "applet",
                 mm_hex(c->aid.bytes, c->aid.len, hex), what != NULL ? " (" : "",
                 what != NULL ? what : "", what != NULL ? ")" : "");
        return true;
    }
    if (token->valid)
        return false;
    snprintf(text, text_len, "it says so without naming a component");
    return true;
}

/* ---- The chip's word ---- */

static enum mm_status read_token(struct mm_pay_session *s, const uint8_t *nonce, size_t nonce_len,
                                 struct mm_buf *token, struct mm_err *err)
{
    struct mm_aid aid = mm_aid_of(MM_AID_INTEGRITY);
    uint16_t sw = 0;
    enum mm_status st = mm_access_select(s->card, &aid, NULL, &sw, err);

    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        st = mm_access_call(s->card, 0x80, MM_INS_INTEGRITY_INTEGRITY, 0, 0, nonce, nonce_len,
                            TOKEN_LE, token, &sw, err);
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = mm_fail(err, MM_REFUSED, SIZE_MAX, "chip: it does not prove its integrity (%04X %s)",
                     sw, mm_sw_text(sw));
    return st;
}

static enum mm_status judge_token(struct mm_pay_session *s, const uint8_t *data, size_t data_len,
                                  const uint8_t *nonce, size_t nonce_len, struct mm_err *err)
{
    char fault[160];
    enum mm_status st;

    mm_token_clear(&s->token);
    st = mm_token_verify(data, data_len, s->ca, nonce, nonce_len, &s->token, err);
    if (st == MM_NO_MEMORY)
        return st;
    if (st != MM_OK) { /* whatever was wrong with it, the chip has proved nothing */
        if (err != NULL)
            err->st = MM_REFUSED;
        mm_err_prefix(err, "chip: its token is refused");
        return MM_REFUSED;
    }
    if (mm_pay_token_fault(&s->token, fault, sizeof(fault)))
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "chip: integrity is invalid: %s", fault);
    st = mm_counter_check(s->state_path, s->token.chip_id, s->token.counter, s->started, err);
    if (st != MM_ROLLBACK)
        return st;
    if (err != NULL)
        err->st = MM_REFUSED;
    mm_err_prefix(err, "chip: this is an older state of it, put back");
    return MM_REFUSED;
}

enum mm_status mm_pay_demand_integrity(struct mm_pay_session *s, const uint8_t *nonce,
                                       size_t nonce_len, struct mm_buf *out, struct mm_err *err)
{
    struct mm_buf token;
    enum mm_status st;

    s->sound = false;
    mm_buf_init(&token);
    st = read_token(s, nonce, nonce_len, &token, err);
    if (st == MM_OK)
        st = judge_token(s, token.data, token.len, nonce, nonce_len, err);
    if (st == MM_OK && out != NULL) {
        mm_buf_bytes(out, token.data, token.len);
        if (out->bad)
            st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    mm_buf_clear(&token);
    s->sound = st == MM_OK;
    return st;
}

/* ---- Reports ---- */

static enum mm_status make_token(void *ctx, const uint8_t *nonce, size_t nonce_len,
                                 struct mm_buf *token, struct mm_err *err)
{
    return mm_pay_demand_integrity(ctx, nonce, nonce_len, token, err);
}

static enum mm_status report(struct mm_pay_session *s, const char *purpose, mm_pay_token_maker make,
                             struct mm_pay_report *out, struct mm_err *err)
{
    struct mm_pay_agent *agent = NULL;
    enum mm_status st = mm_pay_agent_open(s->config.agent, s->config.timeout_ms, &agent, err);

    memset(out, 0, sizeof(*out));
    if (st == MM_OK)
        st = mm_pay_agent_report(agent, purpose, make, s, out, err);
    mm_pay_agent_close(&agent);
    return st;
}

enum mm_status mm_pay_report(struct mm_pay_session *s, const char *purpose,
                             struct mm_pay_report *out, struct mm_err *err)
{
    return report(s, purpose, make_token, out, err);
}

/* ---- B1 ---- */

static enum mm_status ask_verdict(struct mm_pay_session *s, struct mm_err *err)
{
    json_t *answer = NULL;
    const char *verdict, *reason;
    enum mm_status st = mm_pay_ask_agent(s, "status", &answer, err);

    /* From here on the agent counts this as a session of the client, which ends with "shut" and in
     * which the client's own files may change. */
    s->started = st == MM_OK;
    verdict = json_string_value(json_object_get(answer, "verdict"));
    if (st == MM_OK && verdict != NULL && strcmp(verdict, "unchecked") == 0) {
        json_decref(answer);
        st = mm_pay_ask_agent(s, "check", &answer, err);
        verdict = json_string_value(json_object_get(answer, "verdict"));
    }
    reason = json_string_value(json_object_get(answer, "reason"));
    if (st == MM_OK && verdict != NULL && strcmp(verdict, "unchecked") == 0)
        st = mm_fail(err, MM_NO_READER, SIZE_MAX, "trust agent: it could not check the chip: %s",
                     reason != NULL ? reason : "no reason given");
    else if (st == MM_OK && (verdict == NULL || strcmp(verdict, "sound") != 0))
        st = mm_fail(err, MM_REFUSED, SIZE_MAX, "trust agent: payment is %s: %s",
                     verdict != NULL ? verdict : "not judged",
                     reason != NULL ? reason : "no reason given");
    json_decref(answer);
    return st;
}

static enum mm_status open_card(struct mm_pay_session *s, struct mm_err *err)
{
    const char *reader = s->options->reader != NULL ? s->options->reader : s->config.reader;

    return mm_access_open(reader, CARD_WAIT_MS, &s->card, err);
}

/* The chip first, the agent's verdict after it: a changed chip is named by its own signed word, even
 * where the agent has not looked at it yet. */
static enum mm_status prove_chip(struct mm_pay_session *s, struct mm_err *err)
{
    uint8_t nonce[NONCE_LEN];
    enum mm_status st;

    if (RAND_bytes(nonce, sizeof(nonce)) != 1)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random numbers for the nonce");
    st = open_card(s, err);
    if (st != MM_OK)
        return st;
    st = mm_access_begin(s->card, err);
    if (st == MM_OK) {
        st = mm_pay_demand_integrity(s, nonce, sizeof(nonce), NULL, err);
        mm_access_end(s->card);
    }
    return st;
}

enum mm_status mm_pay_session_start(struct mm_pay_session *s, struct mm_err *err)
{
    struct mm_pay_report opening;
    enum mm_status st = prove_chip(s, err);

    /* On a link with one place the agent gets to the card only when we have left it. */
    mm_access_close(&s->card);
    if (st == MM_OK)
        st = ask_verdict(s, err);
    if (st == MM_OK)
        st = mm_counter_check(s->state_path, s->token.chip_id, s->token.counter, true, err);
    if (st != MM_OK)
        goto out;
    st = report(s, "open", NULL, &opening, err);
    mm_pay_report_clear(&opening);
    if (st != MM_OK)
        goto out;
    st = open_card(s, err);
out:
    s->sound = st == MM_OK;
    return st;
}
