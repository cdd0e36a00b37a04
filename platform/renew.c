/*
 * Renewal of the certificates that terminals rely on (the design's method "Update").
 *
 * Server certificate: the new key waits as server-next.key and server-next.pem while terminals fetch the
 * update of kind 2; activation renames both, the certificate last.
 *
 * Release certificate: in use at once, since terminals check what it signs only after they took the
 * update of kind 3. The store's transaction decides; the files follow, the certificate last.
 *
 * What was interrupted between two steps is completed when the platform is opened next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/platform_int.h"

static enum mm_status no_memory(struct mm_err *err)
{
    return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

/* ---- Files ---- */

static bool is_there(const struct mm_platform *p, const char *name)
{
    char *path = mm_platform_path(p->dir, name);
    bool there = path != NULL && access(path, F_OK) == 0;

    free(path);
    return there;
}

static enum mm_status move(const struct mm_platform *p, const char *from, const char *to,
                           struct mm_err *err)
{
    char *old = mm_platform_path(p->dir, from), *new = mm_platform_path(p->dir, to);
    enum mm_status st = MM_OK;

    if (old == NULL || new == NULL)
        st = no_memory(err);
    else if (rename(old, new) != 0 && errno != ENOENT) /* another process has completed it */
        st = mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", old, strerror(errno));
    free(old);
    free(new);
    return st;
}

static enum mm_status load_cert(const struct mm_platform *p, const char *name, X509 **out,
                                struct mm_err *err)
{
    char *path = mm_platform_path(p->dir, name);
    enum mm_status st = path != NULL ? mm_cert_load(path, out, err) : no_memory(err);

    free(path);
    return st;
}

/* ROLE-next.key and ROLE-next.pem, a leaf under the CA. */
static enum mm_status make_next(const struct mm_platform *p, enum mm_cert_role role, long days,
                                X509 **cert, EVP_PKEY **key, struct mm_err *err)
{
    const char *name = role == MM_CERT_SERVER ? "server" : "release";
    const char *cn = role == MM_CERT_SERVER ? "platform" : "release";
    char file[32];
    enum mm_status st = mm_ca_new_key(key, err);

    *cert = NULL;
    if (st == MM_OK && days != 0)
        st = mm_ca_issue_for(role, days, cn, *key, p->ca, p->ca_key, cert, err);
    else if (st == MM_OK)
        st = mm_ca_issue(role, cn, *key, p->ca, p->ca_key, cert, err);
    snprintf(file, sizeof(file), "%s-next.key", name);
    if (st == MM_OK)
        st = mm_ca_write_key(p->dir, file, *key, err);
    snprintf(file, sizeof(file), "%s-next.pem", name);
    return st == MM_OK ? mm_ca_write_cert(p->dir, file, *cert, err) : st;
}

/* ---- Updates ---- */

/* The next update of a kind: cert, signed by key. Inside a transaction. */
static enum mm_status publish(struct mm_platform *p, enum mm_update_kind kind, X509 *cert,
                              EVP_PKEY *key, uint32_t *version, struct mm_err *err)
{
    struct mm_buf der, object;
    uint32_t last;
    enum mm_status st = mm_store_update_newest(p->store, (uint8_t)kind, &last, NULL);

    if (st != MM_OK && st != MM_NOT_FOUND)
        return mm_fail(err, st, SIZE_MAX, "store: updates not read");
    *version = last + 1;
    mm_buf_init(&der);
    mm_buf_init(&object);
    st = mm_ca_der(cert, &der);
    if (st == MM_OK)
        st = mm_update_sign(kind, *version, der.data, der.len, key, &object);
    if (st != MM_OK)
        (void)mm_fail(err, st, SIZE_MAX, "update not signed: %s", mm_status_text(st));
    else
        st = mm_store_update_add(p->store, (uint8_t)kind, *version, object.data, object.len,
                                 mm_platform_now(p), err);
    mm_buf_clear(&object);
    mm_buf_clear(&der);
    return st;
}

/* Is this certificate the content of the newest update of its kind, signed by release? */
static bool is_newest(struct mm_platform *p, enum mm_update_kind kind, X509 *release, X509 *cert,
                      uint32_t *version)
{
    struct mm_update update = {0};
    struct mm_buf object;
    X509 *held = NULL;
    bool same = false;

    mm_buf_init(&object);
    if (mm_store_update_newest(p->store, (uint8_t)kind, version, &object) == MM_OK &&
        mm_update_verify(object.data, object.len, release, kind, &update, NULL) == MM_OK &&
        mm_update_cert(&update, &held, NULL) == MM_OK)
        same = X509_cmp(held, cert) == 0;
    X509_free(held);
    mm_update_clear(&update);
    mm_buf_clear(&object);
    return same;
}

/* ---- The server's certificate ---- */

enum mm_status mm_platform_renew(struct mm_platform *p, long days, uint32_t *version,
                                 struct mm_err *err)
{
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    enum mm_status st = MM_OK;

    *version = 0;
    if (is_there(p, "server-next.pem")) {
        st = load_cert(p, "server-next.pem", &cert, err);
        if (st == MM_OK && is_newest(p, MM_UPDATE_PLATFORM, p->release, cert, version))
            st =
                mm_fail(err, MM_EXISTS, SIZE_MAX,
                        "a renewed certificate, version %u, waits; renew --activate switches to it",
                        *version);
        X509_free(cert); /* else of a renewal that was interrupted: nobody was told of it */
        cert = NULL;
    }
    if (st == MM_OK)
        st = make_next(p, MM_CERT_SERVER, days, &cert, &key, err);
    if (st == MM_OK)
        st = mm_store_begin(p->store, err);
    if (st == MM_OK)
        st = mm_store_end(p->store,
                          publish(p, MM_UPDATE_PLATFORM, cert, p->release_key, version, err), err);
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}

enum mm_status mm_platform_activate(struct mm_platform *p, struct mm_err *err)
{
    X509 *cert = NULL;
    uint32_t version;
    enum mm_status st;

    if (!is_there(p, "server-next.pem"))
        return mm_fail(err, MM_STATE, SIZE_MAX, "no renewed certificate waits; renew makes one");
    st = load_cert(p, "server-next.pem", &cert, err);
    if (st == MM_OK && !is_newest(p, MM_UPDATE_PLATFORM, p->release, cert, &version))
        st = mm_fail(err, MM_STATE, SIZE_MAX,
                     "no terminal was told of server-next.pem: its renewal was interrupted; renew "
                     "makes another");
    if (st == MM_OK && is_there(p, "server-next.key"))
        st = move(p, "server-next.key", "server.key", err);
    if (st == MM_OK)
        st = move(p, "server-next.pem", "server.pem", err);
    X509_free(cert);
    return st == MM_OK ? mm_platform_reload_server(p, err) : st;
}

/* ---- The release certificate ---- */

/* The newest reference values once more, under the next version and the new key. */
static enum mm_status sign_references(struct mm_platform *p, EVP_PKEY *key, struct mm_err *err)
{
    struct mm_references refs = {0};
    struct mm_buf old, new;
    uint32_t version;
    enum mm_status st;

    mm_buf_init(&old);
    mm_buf_init(&new);
    st = mm_store_references_newest(p->store, &version, &old);
    if (st == MM_OK)
        st = mm_references_verify(old.data, old.len, p->release, &refs, err);
    if (st == MM_OK) {
        refs.version++;
        st = mm_references_sign(&refs, key, &new);
    }
    if (st == MM_OK)
        st = mm_store_references_add(p->store, refs.version, new.data, new.len, mm_platform_now(p),
                                     err);
    mm_references_clear(&refs);
    mm_buf_clear(&new);
    mm_buf_clear(&old);
    return st == MM_NOT_FOUND ? MM_OK : st; /* nothing was released yet */
}

/* The server certificates that terminals may still have to learn, the one in use first. */
static enum mm_status sign_servers(struct mm_platform *p, EVP_PKEY *key, struct mm_err *err)
{
    X509 *next = NULL;
    uint32_t version;
    enum mm_status st = mm_store_update_newest(p->store, MM_UPDATE_PLATFORM, &version, NULL);

    if (st == MM_NOT_FOUND)
        return MM_OK; /* every terminal has the first one from its enrolment */
    if (st == MM_OK && is_there(p, "server-next.pem"))
        st = load_cert(p, "server-next.pem", &next, err);
    if (st == MM_OK && next != NULL &&
        !is_newest(p, MM_UPDATE_PLATFORM, p->release, next, &version)) {
        X509_free(next);
        next = NULL;
    }
    if (st == MM_OK)
        st = mm_store_updates_withdraw(p->store, MM_UPDATE_PLATFORM);
    if (st == MM_OK)
        st = publish(p, MM_UPDATE_PLATFORM, p->server, key, &version, err);
    if (st == MM_OK && next != NULL)
        st = publish(p, MM_UPDATE_PLATFORM, next, key, &version, err);
    X509_free(next);
    return st;
}

static enum mm_status publish_release(struct mm_platform *p, X509 *cert, EVP_PKEY *key,
                                      uint32_t *version, struct mm_err *err)
{
    enum mm_status st = publish(p, MM_UPDATE_RELEASE, cert, p->release_key, version, err);

    if (st == MM_OK)
        st = sign_references(p, key, err);
    return st == MM_OK ? sign_servers(p, key, err) : st;
}

/* The files after the store: what the store has is what counts. */
static enum mm_status take_release(struct mm_platform *p, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    if (is_there(p, "release-next.key"))
        st = move(p, "release-next.key", "release.key", err);
    if (st == MM_OK)
        st = move(p, "release-next.pem", "release.pem", err);
    return st == MM_OK ? mm_platform_reload_release(p, err) : st;
}

enum mm_status mm_platform_renew_release(struct mm_platform *p, long days, uint32_t *version,
                                         struct mm_err *err)
{
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    enum mm_status st = make_next(p, MM_CERT_RELEASE, days, &cert, &key, err);

    *version = 0;
    if (st == MM_OK)
        st = mm_store_begin(p->store, err);
    if (st == MM_OK)
        st = mm_store_end(p->store, publish_release(p, cert, key, version, err), err);
    if (st == MM_OK)
        st = take_release(p, err);
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}

enum mm_status mm_platform_complete(struct mm_platform *p, struct mm_err *err)
{
    X509 *cert = NULL;
    uint32_t version;
    enum mm_status st = MM_OK;

    if (is_there(p, "server-next.pem") && !is_there(p, "server-next.key")) {
        st = move(p, "server-next.pem", "server.pem", err);
        if (st == MM_OK)
            st = mm_platform_reload_server(p, err);
    }
    if (st == MM_OK && is_there(p, "release-next.pem")) {
        st = load_cert(p, "release-next.pem", &cert, err);
        if (st == MM_OK && is_newest(p, MM_UPDATE_RELEASE, p->release, cert, &version))
            st = take_release(p, err);
        X509_free(cert);
    }
    return st;
}
