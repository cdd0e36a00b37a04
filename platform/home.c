/* The platform's folder: made by init, opened by everything else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "platform/platform_int.h"

static const char conf_text[] =
    "# mintmark-platform: settings. mintmark-platform(8) explains them.\n"
    "listen = 127.0.0.1:8443\n"
    "# Where terminals reach this platform; written into their configuration at enrolment.\n"
    "url = https://127.0.0.1:8443\n"
    "# What a newly enrolled chip may load from, in cents.\n"
    "funding = 100000\n";

static const char *const masters[] = {"issuer.master", "load.master", "debit.master"};

char *mm_platform_path(const char *dir, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

int64_t mm_platform_now(const struct mm_platform *p)
{
    return p->now != NULL ? p->now(p->now_ctx) : (int64_t)time(NULL);
}

/* ---- init ---- */

static enum mm_status make_masters(const char *dir, struct mm_err *err)
{
    uint8_t key[16];
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < sizeof(masters) / sizeof(masters[0]) && st == MM_OK; i++) {
        char *path = mm_platform_path(dir, masters[i]);
        if (path != NULL && access(path, F_OK) == 0) {
            free(path); /* of an init that was interrupted */
            continue;
        }
        if (path == NULL || mm_random(key, sizeof(key)) != MM_OK)
            st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "%s: not made", masters[i]);
        else
            st = mm_file_write(path, key, sizeof(key), 0600, err);
        free(path);
    }
    OPENSSL_cleanse(key, sizeof(key));
    return st;
}

/* DIR/NAME.key; made when it is not there. */
static enum mm_status make_key(const char *dir, const char *name, EVP_PKEY **key,
                               struct mm_err *err)
{
    char file[32];
    char *path;
    enum mm_status st;

    snprintf(file, sizeof(file), "%s.key", name);
    path = mm_platform_path(dir, file);
    *key = NULL;
    if (path == NULL) {
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    } else if (access(path, F_OK) == 0) {
        st = mm_key_load(path, key, err);
    } else {
        st = mm_ca_new_key(key, err);
        if (st == MM_OK)
            st = mm_ca_write_key(dir, file, *key, err);
    }
    free(path);
    return st;
}

/* A certificate under ca (NULL: self-signed) with its key. What an interrupted init left is taken. */
static enum mm_status make_cert(const char *dir, enum mm_cert_role role, const char *name,
                                const char *cn, X509 *ca, EVP_PKEY *ca_key, X509 **cert,
                                EVP_PKEY **key, struct mm_err *err)
{
    char file[32];
    char *path;
    enum mm_status st = make_key(dir, name, key, err);

    *cert = NULL;
    snprintf(file, sizeof(file), "%s.pem", name);
    path = mm_platform_path(dir, file);
    if (st == MM_OK && path == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK && access(path, F_OK) == 0) {
        st = mm_cert_load(path, cert, err);
    } else if (st == MM_OK) {
        st = mm_ca_issue(role, cn, *key, ca, ca_key != NULL ? ca_key : *key, cert, err);
        if (st == MM_OK)
            st = mm_ca_write_cert(dir, file, *cert, err);
    }
    free(path);
    return st;
}

static enum mm_status make_certs(const char *dir, const char *name, struct mm_err *err)
{
    static const struct {
        enum mm_cert_role role;
        const char *file, *cn;
    } leaves[] = {{MM_CERT_SERVER, "server", "platform"}, {MM_CERT_RELEASE, "release", "release"}};
    X509 *ca = NULL;
    EVP_PKEY *ca_key = NULL, *result_key = NULL;
    enum mm_status st = make_cert(dir, MM_CERT_ROOT, "ca", name, NULL, NULL, &ca, &ca_key, err);

    for (size_t i = 0; i < 2 && st == MM_OK; i++) {
        X509 *cert = NULL;
        EVP_PKEY *key = NULL;
        st = make_cert(dir, leaves[i].role, leaves[i].file, leaves[i].cn, ca, ca_key, &cert, &key,
                       err);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
    if (st == MM_OK)
        st = make_key(dir, "result", &result_key, err);
    EVP_PKEY_free(result_key);
    EVP_PKEY_free(ca_key);
    X509_free(ca);
    return st;
}

static enum mm_status make_store(const char *dir, struct mm_err *err)
{
    char *path = mm_platform_path(dir, "platform.db");
    struct mm_store *store = NULL;
    enum mm_status st = path == NULL ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                                     : mm_store_open(path, true, &store, err);

    mm_store_close(&store);
    free(path);
    return st;
}

enum mm_status mm_platform_init(const char *dir, const char *name, struct mm_err *err)
{
    char *conf = mm_platform_path(dir, "platform.conf");
    enum mm_status st = MM_OK;

    if (conf == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    else if (access(conf, F_OK) == 0)
        st = mm_fail(err, MM_EXISTS, SIZE_MAX, "%s: a platform is here already", dir);
    if (st == MM_OK)
        st = mm_dir_make(dir, err);
    if (st == MM_OK)
        st = make_certs(dir, name, err);
    if (st == MM_OK)
        st = make_masters(dir, err);
    if (st == MM_OK)
        st = make_store(dir, err);
    if (st == MM_OK) /* last: a folder without it is one that init did not finish */
        st = mm_file_write(conf, conf_text, sizeof(conf_text) - 1, 0644, err);
    free(conf);
    return st;
}

/* ---- open ---- */

static enum mm_status set_text(char *out, size_t out_cap, const char *key, const char *value,
                               unsigned line, struct mm_err *err)
{
    if (strlen(value) >= out_cap || value[0] == '\0')
        return mm_fail(err, MM_MALFORMED, line, "line %u: %s: expected 1 to %zu characters", line,
                       key, out_cap - 1);
    snprintf(out, out_cap, "%s", value);
    return MM_OK;
}

static enum mm_status set(void *ctx, const char *key, const char *value, unsigned line,
                          struct mm_err *err)
{
    struct mm_settings *s = ctx;
    char *end = NULL;

    if (strcmp(key, "listen") == 0)
        return set_text(s->listen, sizeof(s->listen), key, value, line, err);
    if (strcmp(key, "url") == 0)
        return set_text(s->url, sizeof(s->url), key, value, line, err);
    if (strcmp(key, "funding") == 0) {
        s->funding = strtoll(value, &end, 10);
        if (end == value || *end != '\0' || s->funding < 0 || s->funding > UINT32_MAX)
            return mm_fail(err, MM_MALFORMED, line, "line %u: funding: expected cents, 0 to %u",
                           line, UINT32_MAX);
        return MM_OK;
    }
    return mm_fail(err, MM_MALFORMED, line, "line %u: no setting is called %s", line, key);
}

static enum mm_status load_master(const char *dir, const char *name, uint8_t out[16],
                                  struct mm_err *err)
{
    char *path = mm_platform_path(dir, name);
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = path == NULL ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                                     : mm_file_read(path, 64, &data, &len, err);

    if (st == MM_OK && len != 16)
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: %zu bytes, expected 16", path, len);
    if (st == MM_OK)
        memcpy(out, data, 16);
    if (data != NULL)
        OPENSSL_cleanse(data, len);
    free(data);
    free(path);
    return st;
}

static enum mm_status load_pems(struct mm_platform *p, struct mm_err *err)
{
    const struct {
        const char *file;
        X509 **cert;
        EVP_PKEY **key;
    } items[] = {
        {"ca.pem", &p->ca, NULL},
        {"ca.key", NULL, &p->ca_key},
        {"server.pem", &p->server, NULL},
        {"server.key", NULL, &p->server_key},
        {"release.pem", &p->release, NULL},
        {"release.key", NULL, &p->release_key},
        {"result.key", NULL, &p->result_key},
    };
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]) && st == MM_OK; i++) {
        char *path = mm_platform_path(p->dir, items[i].file);
        if (path == NULL)
            st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        else if (items[i].cert != NULL)
            st = mm_cert_load(path, items[i].cert, err);
        else
            st = mm_key_load(path, items[i].key, err);
        free(path);
    }
    return st;
}

/* A certificate and its key, in the place of those held. */
static enum mm_status reload(const char *dir, const char *name, X509 **cert, EVP_PKEY **key,
                             struct mm_err *err)
{
    char file[32];
    char *pem, *private;
    X509 *new_cert = NULL;
    EVP_PKEY *new_key = NULL;
    enum mm_status st;

    snprintf(file, sizeof(file), "%s.pem", name);
    pem = mm_platform_path(dir, file);
    snprintf(file, sizeof(file), "%s.key", name);
    private = mm_platform_path(dir, file);
    st = pem == NULL || private == NULL ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                                        : mm_cert_load(pem, &new_cert, err);
    if (st == MM_OK)
        st = mm_key_load(private, &new_key, err);
    if (st == MM_OK && X509_check_private_key(new_cert, new_key) != 1)
        st = mm_fail(err, MM_STATE, SIZE_MAX,
                     "%s: not the key of %s; a renewal was interrupted, repeat it", private, pem);
    if (st == MM_OK) {
        X509_free(*cert);
        EVP_PKEY_free(*key);
        *cert = new_cert;
        *key = new_key;
    } else {
        X509_free(new_cert);
        EVP_PKEY_free(new_key);
    }
    free(private);
    free(pem);
    return st;
}

enum mm_status mm_platform_reload_release(struct mm_platform *p, struct mm_err *err)
{
    return reload(p->dir, "release", &p->release, &p->release_key, err);
}

enum mm_status mm_platform_reload_server(struct mm_platform *p, struct mm_err *err)
{
    return reload(p->dir, "server", &p->server, &p->server_key, err);
}

static enum mm_status load_all(struct mm_platform *p, struct mm_err *err)
{
    uint8_t *const keys[] = {p->issuer_master, p->load_master, p->debit_master};
    char *conf = mm_platform_path(p->dir, "platform.conf");
    char *db = mm_platform_path(p->dir, "platform.db");
    enum mm_status st = MM_OK;

    snprintf(p->settings.listen, sizeof(p->settings.listen), "127.0.0.1:8443");
    snprintf(p->settings.url, sizeof(p->settings.url), "https://127.0.0.1:8443");
    p->settings.funding = 100000;
    if (conf == NULL || db == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK)
        st = mm_conf_read(conf, set, &p->settings, err);
    if (st == MM_NOT_FOUND)
        mm_err_prefix(err,
                      "no platform is here, or its init was interrupted; mintmark-platform init "
                      "makes or completes one");
    if (st == MM_OK)
        st = load_pems(p, err);
    for (size_t i = 0; i < 3 && st == MM_OK; i++)
        st = load_master(p->dir, masters[i], keys[i], err);
    if (st == MM_OK)
        st = mm_store_open(db, false, &p->store, err);
    if (st == MM_OK)
        st = mm_platform_complete(p, err);
    free(db);
    free(conf);
    return st;
}

enum mm_status mm_platform_open(const char *dir, int64_t (*now)(void *ctx), void *now_ctx,
                                struct mm_platform **out, struct mm_err *err)
{
    struct mm_platform *p = calloc(1, sizeof(*p));
    enum mm_status st;

    *out = NULL;
    if (p == NULL || (p->dir = strdup(dir)) == NULL) {
        free(p);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    p->now = now;
    p->now_ctx = now_ctx;
    st = load_all(p, err);
    if (st != MM_OK)
        mm_platform_close(&p);
    *out = p;
    return st;
}

void mm_platform_close(struct mm_platform **p)
{
    struct mm_platform *old = *p;

    *p = NULL;
    if (old == NULL)
        return;
    mm_store_close(&old->store);
    X509_free(old->ca);
    X509_free(old->server);
    X509_free(old->release);
    EVP_PKEY_free(old->ca_key);
    EVP_PKEY_free(old->server_key);
    EVP_PKEY_free(old->release_key);
    EVP_PKEY_free(old->result_key);
    free(old->dir);
    OPENSSL_cleanse(old, sizeof(*old));
    free(old);
}
