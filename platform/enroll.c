/*
 * Enrolment: a fresh chip gets its certificates, pairing key and diversified keys, a terminal its
 * certificate, agent and client their homes. What the store says is committed when the chip has
 * taken its new keys; before that, everything can be tried again.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/net/net.h"
#include "platform/platform_int.h"

#define CERT_BLOCK_LEN 200 /* fits a short command with MAC and padding */
#define KEY_VERSION    0x30
#define ENROL_LABEL    "mintmark-enrol"
#define READER_WAIT_MS 10000
#define CIN_TAG        0x45
enum { CERT_ATTESTATION = 0, CERT_UPDATE = 1, CERT_ROOT = 2 };

struct enrolling {
    struct mm_platform *p;
    const struct mm_enrolment *what;
    struct mm_access *access;
    struct mm_gp_session *session;
    struct mm_chip chip;
    struct mm_terminal terminal;
    uint8_t pairing_key[16];
    X509 *terminal_cert;
    EVP_PKEY *terminal_key;
};

/* ---- The chip ---- */

static enum mm_status command(struct enrolling *e, uint8_t ins, uint8_t p1, uint8_t p2,
                              const uint8_t *data, size_t data_len, struct mm_buf *resp,
                              struct mm_err *err)
{
    struct mm_buf apdu, own;
    uint16_t sw = 0;
    enum mm_status st;

    mm_buf_init(&apdu);
    mm_buf_init(&own);
    mm_buf_u8(&apdu, 0x80);
    mm_buf_u8(&apdu, ins);
    mm_buf_u8(&apdu, p1);
    mm_buf_u8(&apdu, p2);
    if (data_len > 0) {
        mm_buf_u8(&apdu, (uint8_t)data_len);
        mm_buf_bytes(&apdu, data, data_len);
    }
    mm_buf_u8(&apdu, 0); /* Le */
    st = apdu.bad
             ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
             : mm_gp_send(e->session, apdu.data, apdu.len, resp != NULL ? resp : &own, &sw, err);
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = mm_fail(err, MM_CARD, SIZE_MAX, "enrolment command %02X: %04X, %s", ins, sw,
                     mm_sw_text(sw));
    mm_buf_clear(&own);
    mm_buf_clear(&apdu);
    return st;
}

/* Chip id: the value of tag 45, with or without tag and length around it. */
static enum mm_status read_chip_id(struct enrolling *e, struct mm_err *err)
{
    struct mm_buf resp;
    enum mm_status st;
    size_t off = 0;

    mm_buf_init(&resp);
    st = command(e, MM_INS_ISD_GET_DATA, 0x00, CIN_TAG, NULL, 0, &resp, err);
    if (st == MM_OK && resp.len == MM_CHIP_ID_LEN + 2 && resp.data[0] == CIN_TAG &&
        resp.data[1] == MM_CHIP_ID_LEN)
        off = 2;
    if (st == MM_OK && resp.len != off + MM_CHIP_ID_LEN)
        st = mm_fail(err, MM_CARD, SIZE_MAX, "GET DATA 0045: %zu bytes, expected a chip id of %d",
                     resp.len, MM_CHIP_ID_LEN);
    if (st == MM_OK)
        memcpy(e->chip.id, resp.data + off, MM_CHIP_ID_LEN);
    mm_buf_clear(&resp);
    return st;
}

/* The chip proves that it has the private key, for this chip id. */
static bool proof_good(const struct enrolling *e, EVP_PKEY *key, const struct mm_buf *resp)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md != NULL && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerifyUpdate(md, ENROL_LABEL, strlen(ENROL_LABEL)) == 1 &&
                EVP_DigestVerifyUpdate(md, e->chip.id, sizeof(e->chip.id)) == 1 &&
                EVP_DigestVerifyUpdate(md, resp->data, 65) == 1 &&
                EVP_DigestVerifyFinal(md, resp->data + 65, resp->len - 65) == 1;

    EVP_MD_CTX_free(md);
    return good;
}

static enum mm_status make_attestation(struct enrolling *e, X509 **cert, struct mm_err *err)
{
    char cn[2 * MM_CHIP_ID_LEN + 1];
    EVP_PKEY *key = NULL;
    struct mm_buf resp;
    enum mm_status st;

    *cert = NULL;
    mm_buf_init(&resp);
    st = command(e, MM_INS_ISD_GENERATE_ATTESTATION_KEY, 0, 0, NULL, 0, &resp, err);
    if (st == MM_OK && (resp.len <= 65 || mm_ca_public_key(resp.data, &key) != MM_OK))
        st = mm_fail(err, MM_CARD, SIZE_MAX, "the chip's attestation key is not a P-256 point");
    if (st == MM_OK && !proof_good(e, key, &resp))
        st = mm_fail(err, MM_AUTH, SIZE_MAX, "the chip did not prove its attestation key");
    if (st == MM_OK)
        st = mm_ca_issue(MM_CERT_ATTESTATION, mm_hex(e->chip.id, MM_CHIP_ID_LEN, cn), key, e->p->ca,
                         e->p->ca_key, cert, err);
    EVP_PKEY_free(key);
    mm_buf_clear(&resp);
    return st;
}

static enum mm_status put_certificate(struct enrolling *e, uint8_t role, X509 *cert,
                                      struct mm_err *err)
{
    struct mm_buf der;
    enum mm_status st;
    uint8_t block = 0;

    mm_buf_init(&der);
    st = mm_ca_der(cert, &der);
    for (size_t off = 0; st == MM_OK && off < der.len; block++) {
        size_t n = der.len - off < CERT_BLOCK_LEN ? der.len - off : CERT_BLOCK_LEN;
        uint8_t p2 = off + n == der.len ? block | 0x80 : block;
        st = command(e, MM_INS_ISD_PUT_CERTIFICATE, role, p2, der.data + off, n, NULL, err);
        off += n;
    }
    mm_buf_clear(&der);
    return st;
}

static enum mm_status fill_chip(struct enrolling *e, struct mm_err *err)
{
    struct mm_buf der;
    X509 *cert = NULL;
    enum mm_status st = make_attestation(e, &cert, err);

    mm_buf_init(&der);
    if (st == MM_OK)
        st = put_certificate(e, CERT_ATTESTATION, cert, err);
    if (st == MM_OK)
        st = put_certificate(e, CERT_UPDATE, e->p->release, err);
    if (st == MM_OK)
        st = put_certificate(e, CERT_ROOT, e->p->ca, err);
    if (st == MM_OK && mm_random(e->pairing_key, sizeof(e->pairing_key)) != MM_OK)
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random bytes");
    if (st == MM_OK)
        st = command(e, MM_INS_ISD_PUT_PAIRING_KEY, 0, 0, e->pairing_key, sizeof(e->pairing_key),
                     NULL, err);
    if (st == MM_OK)
        st = mm_ca_der(cert, &der);
    if (st == MM_OK && der.len > sizeof(e->chip.attestation))
        st = mm_fail(err, MM_TOO_LONG, SIZE_MAX, "attestation certificate of %zu bytes", der.len);
    if (st == MM_OK) {
        memcpy(e->chip.attestation, der.data, der.len);
        e->chip.attestation_len = der.len;
        st = mm_ca_serial(cert, e->chip.attestation_serial);
    }
    mm_buf_clear(&der);
    X509_free(cert);
    return st;
}

/* Last of all: from here on only this platform manages the chip. */
static enum mm_status rotate_keys(struct enrolling *e, struct mm_err *err)
{
    struct mm_scp_keys keys;
    struct mm_gp_keyset set = {0};
    struct mm_buf list;
    enum mm_status st;

    mm_buf_init(&list);
    st = mm_scp_diversify(e->p->issuer_master, e->chip.diversification,
                          sizeof(e->chip.diversification), &keys);
    if (st == MM_OK) {
        set = mm_gp_keyset_of(&keys);
        st = mm_gp_put_keys_command(mm_gp_encrypt, e->session, 0, KEY_VERSION, &set, &list, err);
    } else {
        (void)mm_fail(err, st, SIZE_MAX, "new keys not made: %s", mm_status_text(st));
    }
    if (st == MM_OK)
        st = mm_gp_send_list(e->session, &list, NULL, NULL, err);
    OPENSSL_cleanse(&set, sizeof(set));
    OPENSSL_cleanse(&keys, sizeof(keys));
    mm_buf_clear(&list);
    return st;
}

/* ---- The terminal ---- */

static enum mm_status make_terminal(struct enrolling *e, struct mm_err *err)
{
    unsigned len = 0;
    enum mm_status st = mm_ca_new_key(&e->terminal_key, err);

    if (st == MM_OK)
        st = mm_ca_issue(MM_CERT_TERMINAL, e->terminal.name, e->terminal_key, e->p->ca,
                         e->p->ca_key, &e->terminal_cert, err);
    if (st == MM_OK)
        st = mm_ca_serial(e->terminal_cert, e->terminal.serial);
    if (st == MM_OK &&
        X509_digest(e->terminal_cert, EVP_sha256(), e->terminal.fingerprint, &len) != 1)
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "terminal certificate not hashed");
    memcpy(e->chip.terminal, e->terminal.serial, sizeof(e->chip.terminal));
    return st;
}

static enum mm_status write_text(const char *dir, const char *name, const char *text, unsigned mode,
                                 struct mm_err *err)
{
    char *path = mm_platform_path(dir, name);
    enum mm_status st = path == NULL ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                                     : mm_file_write(path, text, strlen(text), mode, err);

    free(path);
    return st;
}

static enum mm_status write_hex(const char *dir, const char *name, const uint8_t *data, size_t len,
                                unsigned mode, struct mm_err *err)
{
    char text[2 * 32 + 2];
    enum mm_status st;

    mm_hex(data, len, text);
    text[2 * len] = '\n';
    text[2 * len + 1] = '\0';
    st = write_text(dir, name, text, mode, err);
    OPENSSL_cleanse(text, sizeof(text));
    return st;
}

/* What agent and client have in common. */
static enum mm_status write_shared(struct enrolling *e, const char *dir, struct mm_err *err)
{
    enum mm_status st = mm_dir_make(dir, err);

    if (st == MM_OK)
        st = mm_ca_write_cert(dir, "ca.pem", e->p->ca, err);
    if (st == MM_OK)
        st = mm_ca_write_cert(dir, "terminal.pem", e->terminal_cert, err);
    if (st == MM_OK)
        st = mm_ca_write_key(dir, "terminal.key", e->terminal_key, err);
    return st;
}

static const char *url_of(const struct enrolling *e)
{
    return e->what->url != NULL ? e->what->url : e->p->settings.url;
}

/* What the client's configuration is now is what the agent will hold it against. */
static enum mm_status measure_files(const char *dir, char hex[2 * MM_DIGEST_LEN + 1],
                                    struct mm_err *err)
{
    char *conf = mm_platform_path(dir, "client.conf"), *ca = mm_platform_path(dir, "ca.pem");
    const char *const paths[] = {conf, ca, NULL};
    uint8_t digest[MM_DIGEST_LEN] = {0};
    enum mm_status st = conf == NULL || ca == NULL
                            ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                            : mm_measure_files(paths, digest, err);

    mm_hex(digest, sizeof(digest), hex);
    free(conf);
    free(ca);
    return st;
}

/* The pins, which only the agent changes: the client's settings name this file too, so there are no two
 * that have to be kept alike. */
static enum mm_status write_pins(struct enrolling *e, const char *dir, struct mm_err *err)
{
    struct mm_pins pins = {.n = 1};
    char *path = mm_platform_path(dir, "platform.pin");
    enum mm_status st = path == NULL ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                                     : mm_cert_pin(e->p->server, pins.pins[0]);

    if (st == MM_OK)
        st = mm_pins_write(path, &pins, err);
    free(path);
    return st;
}

/* The release certificate and the version of it that this terminal starts with. */
static enum mm_status write_release(struct enrolling *e, const char *dir, struct mm_err *err)
{
    char *path = mm_platform_path(dir, "release.pem");
    uint32_t version;
    enum mm_status st = mm_store_update_newest(e->p->store, MM_UPDATE_RELEASE, &version, NULL);

    if (path == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    else if (st != MM_OK && st != MM_NOT_FOUND)
        st = mm_fail(err, st, SIZE_MAX, "store: updates not read");
    else
        st = mm_release_write(path, e->p->release, NULL, version, err);
    free(path);
    return st;
}

static enum mm_status write_agent(struct enrolling *e, const char *dir, const char *client_dir,
                                  struct mm_err *err)
{
    const char *program = e->what->client_program;
    char fixed[65];
    char *conf = NULL;
    struct mm_buf refs;
    uint32_t version;
    enum mm_status st;

    mm_buf_init(&refs);
    st = write_shared(e, dir, err);
    if (st == MM_OK)
        st = write_release(e, dir, err);
    if (st == MM_OK)
        st = write_pins(e, dir, err);
    if (st == MM_OK)
        st = write_hex(dir, "pairing.key", e->pairing_key, sizeof(e->pairing_key), 0600, err);
    if (st == MM_OK && mm_store_references_newest(e->p->store, &version, &refs) == MM_OK) {
        char *path = mm_platform_path(dir, "references.cose");
        st = path == NULL ? MM_NO_MEMORY : mm_file_write(path, refs.data, refs.len, 0644, err);
        free(path);
    }
    mm_buf_clear(&refs);
    if (st != MM_OK)
        return st;
    st = measure_files(client_dir, fixed, err);
    if (st != MM_OK)
        return st;
    if (program == NULL)
        program = "";
    if (asprintf(&conf,
                 "# mintmark-agent: written by enrolment\n"
                 "reader = %s\nplatform_url = %s\n%s%s%s"
                 "client_files = %s/client.conf:%s/ca.pem\n"
                 "client_fixed = %s\nclient_state = %s/state.json:%s/pending.json\n",
                 e->what->reader != NULL ? e->what->reader : "", url_of(e),
                 program[0] != '\0' ? "client_executable = " : "", program,
                 program[0] != '\0' ? "\n" : "", client_dir, client_dir, fixed, client_dir,
                 client_dir) < 0)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = write_text(dir, "agent.conf", conf, 0644, err);
    free(conf);
    return st;
}

static enum mm_status write_client(struct enrolling *e, const char *dir, const char *agent_dir,
                                   struct mm_err *err)
{
    char *conf = NULL;
    enum mm_status st = write_shared(e, dir, err);

    if (st != MM_OK)
        return st;
    if (asprintf(&conf,
                 "# mintmark-pay: written by enrolment\n"
                 "reader = %s\nplatform = %s\nagent = %s/agent.sock\npin = %s/platform.pin\n",
                 e->what->reader != NULL ? e->what->reader : "", url_of(e), agent_dir,
                 agent_dir) < 0)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = write_text(dir, "client.conf", conf, 0644, err);
    free(conf);
    return st;
}

/* The homes with absolute paths, since daemons and clients start elsewhere. */
static enum mm_status write_homes(struct enrolling *e, struct mm_err *err)
{
    char agent[PATH_MAX], client[PATH_MAX];
    enum mm_status st = mm_dir_make(e->what->agent_dir, err);

    if (st == MM_OK)
        st = mm_dir_make(e->what->client_dir, err);
    if (st != MM_OK)
        return st;
    if (realpath(e->what->agent_dir, agent) == NULL ||
        realpath(e->what->client_dir, client) == NULL)
        return mm_fail(err, MM_IO, SIZE_MAX, "%s, %s: no absolute path", e->what->agent_dir,
                       e->what->client_dir);
    st = write_client(e, client, agent, err); /* first: the agent's settings have its digest */
    return st == MM_OK ? write_agent(e, agent, client, err) : st;
}

/* ---- The store ---- */

static enum mm_status fund(struct enrolling *e, struct mm_err *err)
{
    struct mm_platform *p = e->p;
    struct mm_account issuer, funding;
    enum mm_status st = mm_store_account(p->store, "issuer", NULL, 0, &issuer);

    if (st == MM_OK)
        st = mm_store_account(p->store, "funding", e->chip.id, sizeof(e->chip.id), &funding);
    if (st == MM_OK && p->settings.funding > 0)
        st = mm_store_move(p->store, mm_platform_now(p), "credit", issuer.id, funding.id,
                           p->settings.funding, NULL, 0);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "store: funding account not made");
}

static enum mm_status enrol_in_transaction(struct enrolling *e, struct mm_err *err)
{
    int64_t now = mm_platform_now(e->p);
    enum mm_status st = mm_store_terminal_add(e->p->store, &e->terminal, now, err);

    if (st == MM_OK)
        st = mm_store_chip_add(e->p->store, &e->chip, now, err);
    if (st == MM_OK)
        st = fund(e, err);
    if (st == MM_OK)
        st = write_homes(e, err);
    if (st == MM_OK)
        st = rotate_keys(e, err);
    return st;
}

static enum mm_status open_chip(struct enrolling *e, struct mm_err *err)
{
    enum mm_status st = mm_access_open(e->what->reader, READER_WAIT_MS, &e->access, err);

    if (st == MM_OK)
        st = mm_gp_open(e->access, NULL, &mm_scp_test_keys, 0, MM_SCP_C_MAC | MM_SCP_C_DEC,
                        &e->session, err);
    if (st == MM_AUTH)
        mm_err_prefix(err, "the chip does not have the initial keys (is it enrolled already?)");
    if (st == MM_OK)
        memcpy(e->chip.diversification, mm_gp_scp(e->session)->diversification,
               sizeof(e->chip.diversification));
    return st == MM_OK ? read_chip_id(e, err) : st;
}

static enum mm_status check_names(struct enrolling *e, struct mm_err *err)
{
    const char *terminal = e->what->terminal != NULL ? e->what->terminal : e->what->chip;
    char *key = mm_platform_path(e->what->agent_dir, "terminal.key");
    enum mm_status st = MM_OK;

    if (key == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (access(key, F_OK) == 0)
        st = mm_fail(err, MM_EXISTS, SIZE_MAX, "%s: a terminal was enrolled here before", key);
    else if (strlen(e->what->chip) >= sizeof(e->chip.name) || e->what->chip[0] == '\0' ||
             strlen(terminal) >= sizeof(e->terminal.name))
        st = mm_fail(err, MM_USAGE, SIZE_MAX, "names have 1 to %d characters", MM_NAME_MAX - 1);
    free(key);
    if (st != MM_OK)
        return st;
    snprintf(e->chip.name, sizeof(e->chip.name), "%s", e->what->chip);
    snprintf(e->terminal.name, sizeof(e->terminal.name), "%s", terminal);
    return MM_OK;
}

enum mm_status mm_platform_enroll(struct mm_platform *p, const struct mm_enrolment *what,
                                  struct mm_err *err)
{
    struct enrolling e = {.p = p, .what = what};
    enum mm_status st = check_names(&e, err);

    if (st == MM_OK)
        st = open_chip(&e, err);
    if (st == MM_OK)
        st = fill_chip(&e, err);
    if (st == MM_OK)
        st = make_terminal(&e, err);
    if (st == MM_OK)
        st = mm_store_begin(p->store, err);
    if (st == MM_OK)
        st = mm_store_end(p->store, enrol_in_transaction(&e, err), err);
    mm_gp_close(&e.session);
    mm_access_close(&e.access);
    X509_free(e.terminal_cert);
    EVP_PKEY_free(e.terminal_key);
    OPENSSL_cleanse(&e, sizeof(e));
    return st;
}
