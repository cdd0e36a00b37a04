/*
 * Trust, host side: what the client, the agent and the platform all need to judge a chip. Verify the
 * chip's token against the operator's CA, read its claims, read signed reference values, measure the
 * files of the payment client. Knows CA certificate and bytes; does no card I/O.
 */
#ifndef MM_TRUST_H
#define MM_TRUST_H

#include <openssl/x509.h>

#include "applet_vm/base/base.h"
#include "applet_vm/cap/cap.h"

/* ---- The chip's token (docs/measurement.md) ---- */
struct mm_token_component {
    uint8_t kind; /* 1 package, 2 applet */
    struct mm_aid aid;
    struct mm_aid package; /* applet only */
    uint8_t major, minor;
    uint8_t life_cycle;
    bool damaged;
    uint8_t code[MM_DIGEST_LEN], fixed[MM_DIGEST_LEN], dynamic[MM_DIGEST_LEN];
};
struct mm_token {
    uint8_t nonce[64];
    size_t nonce_len;
    uint8_t chip_id[16];
    char vm_version[32];
    uint8_t vm_digest[MM_DIGEST_LEN];
    bool valid;   /* the chip's own word */
    uint8_t seal; /* enum mm_damage of the platform */
    bool gate_open;
    uint64_t counter;
    uint32_t reference_version;            /* of the reference values the chip holds; 0: none */
    struct mm_token_component *components; /* owned */
    size_t component_n;
};
/*
 * Verify and read. ca: the operator's root; the leaf under it has to be a certificate for attestation
 * keys (extended key usage 2.23.133.8.3), as other roles hang on the same root. nonce: what was asked; another is MM_AUTH ("replayed").
 * A token that says invalid is MM_OK here with token->valid false: the caller decides.
 */
enum mm_status mm_token_verify(const uint8_t *data, size_t data_len, X509 *ca, const uint8_t *nonce,
                               size_t nonce_len, struct mm_token *token,
                               struct mm_err *err) MM_USE_RESULT;
void mm_token_clear(struct mm_token *token);
const struct mm_token_component *mm_token_find(const struct mm_token *token,
                                               const struct mm_aid *aid);

/* ---- Update objects: COSE_Sign1 by the release key (docs/protocol.md) ---- */
enum mm_update_kind {
    MM_UPDATE_REFERENCES = 1,
    MM_UPDATE_PLATFORM, /* the platform's next certificate */
    MM_UPDATE_RELEASE /* the next release certificate, which is the chip's next update certificate */
};
struct mm_update {
    uint8_t kind;
    uint32_t version; /* of its kind, from 1 */
    uint8_t *content; /* owned */
    size_t content_len;
};
/* Signature, kind and form; whether the version is above the one held is the caller's to judge.
 * MM_AUTH: not signed by this release certificate's key. */
enum mm_status mm_update_verify(const uint8_t *data, size_t data_len, X509 *release,
                                enum mm_update_kind kind, struct mm_update *out,
                                struct mm_err *err) MM_USE_RESULT;
void mm_update_clear(struct mm_update *update);
/* The certificate that is the content. */
enum mm_status mm_update_cert(const struct mm_update *update, X509 **out,
                              struct mm_err *err) MM_USE_RESULT;
/* out: appended to. */
enum mm_status mm_update_sign(enum mm_update_kind kind, uint32_t version, const uint8_t *content,
                              size_t content_len, EVP_PKEY *key, struct mm_buf *out) MM_USE_RESULT;

/*
 * A terminal's release.pem: "# version N", the release certificate, and the one before it (NULL: none).
 * The one before is good only for reference values that the terminal took while it was in use.
 */
enum mm_status mm_release_write(const char *path, X509 *release, X509 *before, uint32_t version,
                                struct mm_err *err) MM_USE_RESULT;
/* *before: NULL when there is none. version 0: the file does not say. */
enum mm_status mm_release_read(const char *path, X509 **release, X509 **before, uint32_t *version,
                               struct mm_err *err) MM_USE_RESULT;

/* ---- Reference values: COSE_Sign1 by the release key, under the update certificate ---- */
struct mm_reference {
    uint8_t kind;  /* 0 client, 1 package, 2 applet (AID of the module) */
    char name[64]; /* client: program name; else hex AID */
    uint8_t major, minor;
    bool fixed_by_history; /* the package writes its own statics */
    uint8_t code[MM_DIGEST_LEN], fixed[MM_DIGEST_LEN];
    bool has_fixed;
};
struct mm_references {
    uint32_t version;
    struct mm_reference *items; /* owned */
    size_t item_n;
};
/* Verify with the release certificate's key and read. */
enum mm_status mm_references_verify(const uint8_t *data, size_t data_len, X509 *release,
                                    struct mm_references *out, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_references_sign(const struct mm_references *refs, EVP_PKEY *key,
                                  struct mm_buf *out) MM_USE_RESULT;
void mm_references_clear(struct mm_references *refs);

/* ---- The payment client's measurement ---- */
/* SHA-256 over the executable and the libraries it loads (code), over configuration and resources
 * (fixed), over state files (dynamic): docs/measurement.md. paths: NULL-terminated lists, in any
 * order. A file that is not there is measured as absent; one that cannot be read is a failure. */
enum mm_status mm_measure_program(const char *executable, uint8_t code[MM_DIGEST_LEN],
                                  struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_measure_files(const char *const *paths, uint8_t digest[MM_DIGEST_LEN],
                                struct mm_err *err) MM_USE_RESULT;

/* ---- Reference values of packages and applets, from the CAP alone ---- */
/* The fixed digest of a package that does not write its own static fields. */
enum mm_status mm_measure_package_fixed(const struct mm_cap *cap, uint8_t digest[MM_DIGEST_LEN],
                                        struct mm_err *err) MM_USE_RESULT;
/* The fixed digest of an applet installed with these privileges and parameters (C9 value). */
enum mm_status mm_measure_applet_fixed(const struct mm_aid *instance, const struct mm_aid *module,
                                       const struct mm_cap *cap, const uint8_t privileges[3],
                                       const uint8_t *params, size_t params_len,
                                       uint8_t digest[MM_DIGEST_LEN],
                                       struct mm_err *err) MM_USE_RESULT;

/* ---- Small X.509 helpers: PEM files ---- */
enum mm_status mm_cert_load(const char *path, X509 **out, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_key_load(const char *path, EVP_PKEY **out, struct mm_err *err) MM_USE_RESULT;
/* SHA-256 of the certificate's SubjectPublicKeyInfo: what a pin holds. */
enum mm_status mm_cert_pin(X509 *cert, uint8_t pin[MM_DIGEST_LEN]) MM_USE_RESULT;

#endif
