#include "host_client/net/net.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NET_MAX_BODY   (1u << 20) /* a package as wrapped APDUs in hex is some tens of kilobytes */
#define TIMEOUT_MS     10000L
#define EXPORTER_LABEL "EXPORTER-Channel-Binding" /* RFC 9266, 2 */

struct mm_net {
    CURL *curl;
    char *url;
    char error[CURL_ERROR_SIZE];
};

static enum mm_status out_of_memory(struct mm_err *err)
{
    return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

static bool set_pins(CURL *curl, const struct mm_pins *pins)
{
    char text[MM_PINS_TEXT_LEN];

    if (pins->n == 0 || pins->n > MM_PINS_MAX)
        return false;
    mm_pins_text(pins, text);
    return curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, text) == CURLE_OK;
}

static bool set_up(struct mm_net *net, const struct mm_net_config *cfg)
{
    CURL *c = net->curl;
    long timeout = cfg->timeout_ms != 0 ? (long)cfg->timeout_ms : TIMEOUT_MS;

    return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CAINFO, cfg->ca) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLCERT, cfg->certificate) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLKEY, cfg->key) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, timeout) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOPROXY, "*") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, net->error) == CURLE_OK;
}

enum mm_status mm_net_new(const struct mm_net_config *cfg, struct mm_net **out, struct mm_err *err)
{
    struct mm_net *net = calloc(1, sizeof(*net));

    *out = NULL;
    if (net == NULL || (net->url = strdup(cfg->url)) == NULL ||
        (net->curl = curl_easy_init()) == NULL || !set_up(net, cfg)) {
        mm_net_free(&net);
        return out_of_memory(err);
    }
    if (cfg->pins != NULL && !set_pins(net->curl, cfg->pins)) {
        mm_net_free(&net);
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "platform pins: expected 1 to %d", MM_PINS_MAX);
    }
    *out = net;
    return MM_OK;
}

void mm_net_free(struct mm_net **net)
{
    if (*net == NULL)
        return;
    if ((*net)->curl != NULL)
        curl_easy_cleanup((*net)->curl);
    free((*net)->url);
    free(*net);
    *net = NULL;
}

void mm_reply_in_clear(struct mm_reply_in *reply)
{
    mm_buf_clear(&reply->body);
}

struct receiving {
    CURL *curl;
    struct mm_reply_in *reply;
    bool too_long, bound;
};

static bool read_peer(SSL *ssl, uint8_t pin[MM_PIN_LEN])
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    uint8_t *der = NULL;
    int len = cert != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : -1;
    bool good = len > 0 && EVP_Digest(der, (size_t)len, pin, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return good;
}

/* curl gives the TLS session away only while the exchange is under way, so exporter and peer are read
 * as the answer comes in. */
static void read_session(struct receiving *in)
{
    struct curl_tlssessioninfo *info = NULL;

    if (in->bound || curl_easy_getinfo(in->curl, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK ||
        info == NULL || info->backend != CURLSSLBACKEND_OPENSSL || info->internals == NULL)
        return;
    in->bound =
        SSL_export_keying_material(info->internals, in->reply->exporter, MM_NET_EXPORTER_LEN,
                                   EXPORTER_LABEL, sizeof(EXPORTER_LABEL) - 1, NULL, 0, 0) == 1 &&
        read_peer(info->internals, in->reply->pin);
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
    struct receiving *in = ctx;
    size_t len = size * n;

    read_session(in);
    if (in->reply->body.len + len > NET_MAX_BODY) {
        in->too_long = true;
        return 0;
    }
    mm_buf_bytes(&in->reply->body, data, len);
    return in->reply->body.bad ? 0 : len;
}

static enum mm_status transfer_failed(const struct mm_net *net, CURLcode rc, struct mm_err *err)
{
    const char *detail = net->error[0] != '\0' ? net->error : curl_easy_strerror(rc);

    /* Named one by one because each means another part to look at; the rest is "not reachable". */
    if (rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
        return mm_fail(err, MM_AUTH, SIZE_MAX,
                       "platform: %s shows a certificate that is not the pinned one", net->url);
    if (rc == CURLE_PEER_FAILED_VERIFICATION)
        return mm_fail(err, MM_AUTH, SIZE_MAX,
                       "platform: %s shows a certificate that the operator did not issue (%s)",
                       net->url, detail);
    if (rc == CURLE_SSL_CERTPROBLEM || rc == CURLE_SSL_CACERT_BADFILE)
        return mm_fail(err, MM_IO, SIZE_MAX, "terminal certificate, key or CA file: %s", detail);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return mm_fail(err, MM_TIMEOUT, SIZE_MAX, "platform: no answer in time from %s", net->url);
    return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: not reachable at %s: %s", net->url,
                   detail);
}

static void copy_text(const json_t *object, const char *key, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(object, key));

    snprintf(out, cap, "%s", text != NULL ? text : "");
}

static enum mm_status answered_badly(struct mm_reply_in *reply, struct mm_err *err)
{
    json_t *object = json_loadb((const char *)reply->body.data, reply->body.len, 0, NULL);

    copy_text(object, "error", reply->code, sizeof(reply->code));
    copy_text(object, "reason", reply->reason, sizeof(reply->reason));
    copy_text(object, "message", reply->message, sizeof(reply->message));
    json_decref(object);
    if (reply->http >= 500 || reply->code[0] == '\0')
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: HTTP status %ld%s%s", reply->http,
                       reply->message[0] != '\0' ? ": " : "", reply->message);
    return mm_fail(err, MM_REFUSED, SIZE_MAX, "%s", reply->message);
}

enum mm_status mm_net_send(struct mm_net *net, const char *path, const char *type, const void *body,
                           size_t body_len, struct mm_reply_in *reply, struct mm_err *err)
{
    struct receiving in = {.curl = net->curl, .reply = reply};
    struct curl_slist *headers = NULL;
    char url[512], header[128];
    CURLcode rc;

    *reply = (struct mm_reply_in){0};
    snprintf(url, sizeof(url), "%s%s", net->url, path);
    snprintf(header, sizeof(header), "Content-Type: %s", body != NULL ? type : "");
    headers = curl_slist_append(NULL, body != NULL ? header : "Accept: */*");
    if (headers == NULL)
        return out_of_memory(err);
    net->error[0] = '\0';
    rc = curl_easy_setopt(net->curl, CURLOPT_URL, url);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(net->curl, CURLOPT_HTTPHEADER, headers);
    if (rc == CURLE_OK && body != NULL) {
        (void)curl_easy_setopt(net->curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(net->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_len);
        rc = curl_easy_setopt(net->curl, CURLOPT_POSTFIELDS, body);
    } else if (rc == CURLE_OK) {
        rc = curl_easy_setopt(net->curl, CURLOPT_HTTPGET, 1L);
    }
    (void)curl_easy_setopt(net->curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(net->curl, CURLOPT_WRITEDATA, &in);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(net->curl);
    curl_slist_free_all(headers);
    if (in.too_long)
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: an answer longer than %u bytes",
                       NET_MAX_BODY);
    if (rc != CURLE_OK)
        return transfer_failed(net, rc, err);
    (void)curl_easy_getinfo(net->curl, CURLINFO_RESPONSE_CODE, &reply->http);
    return reply->http >= 200 && reply->http < 300 ? MM_OK : answered_badly(reply, err);
}
