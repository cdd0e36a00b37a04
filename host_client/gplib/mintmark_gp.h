/*
 * mintmark-gp: GlobalPlatform cards from C. Connect to a card, open a secure channel to one of its
 * domains, and manage what is on it. What the program of the same name does besides (DAP, tokens,
 * receipts, ciphered load files) are commands that mintmark_gp_send carries.
 *
 *     cc card_list.c $(pkg-config --cflags --libs mintmark-gp)
 *
 * Every call returns a status; what went wrong is a sentence of the connection
 * (mintmark_gp_error). A connection is used by one thread at a time, several may be open. Nothing
 * here tries an authentication twice, waits without end, prints, or keeps a secret after its owner is
 * freed. AIDs are 5 to 16 bytes. Names of this library begin with mintmark_gp.
 */
#ifndef MINTMARK_GP_H
#define MINTMARK_GP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The same numbers as the exit statuses of the program, and one more. */
enum mintmark_gp_status {
    MINTMARK_GP_OK = 0,
    MINTMARK_GP_FAILED = 1,  /* ours: a file, memory, a malformed answer */
    MINTMARK_GP_USAGE = 2,   /* an argument is not what the call takes, or the order is wrong */
    MINTMARK_GP_NO_CARD = 4, /* no reader, no card, or it went away */
    MINTMARK_GP_CARD = 5,    /* the card answered with another status word than hoped for */
    MINTMARK_GP_AUTH = 6     /* the keys are not the card's, or a MAC is wrong */
};

/* ---- Connection ---- */
struct mintmark_gp;

/*
 * Connect to a card and hold it for this program.
 * reader  NULL: the first PC/SC reader with a card; else any unique part of a reader's name,
 *         "tcp:HOST:PORT" or "chip:IMAGE" (an emulated chip in this process)
 * out     owned by the caller (mintmark_gp_disconnect), also after a failure, so that
 *         mintmark_gp_error can be asked; NULL only without memory
 */
enum mintmark_gp_status mintmark_gp_connect(const char *reader, struct mintmark_gp **out);
/* Ends an open session; sets *gp to NULL; NULL is fine. */
void mintmark_gp_disconnect(struct mintmark_gp **gp);
/* What the last failed call of this connection met: one line. Borrowed until the next call. */
const char *mintmark_gp_error(const struct mintmark_gp *gp);

/* ---- Keys ---- */
struct mintmark_gp_keys;

/* How a card's keys come from master keys and the data the card tells of itself. */
enum mintmark_gp_diversify {
    MINTMARK_GP_PLAIN = 0, /* what is given are the card's keys */
    MINTMARK_GP_EMV = 1,
    MINTMARK_GP_VISA2 = 2,
    MINTMARK_GP_KDF3 = 3
};
/* Keys in memory, copied: AES of 16, 24 or 32 bytes, triple DES of 16 or 24, whichever the channel
 * asks for. *out owned by the caller (mintmark_gp_keys_free). */
enum mintmark_gp_status mintmark_gp_keys_new(const uint8_t *enc, const uint8_t *mac,
                                             const uint8_t *dek, size_t key_len,
                                             enum mintmark_gp_diversify how,
                                             struct mintmark_gp_keys **out);
/* Keys in a PKCS#11 token, by a URI (RFC 7512), which never leave it: the object's name with -enc,
 * -mac and -dek, or alone for all three. pin may be NULL. error (may be NULL): room for 240
 * characters that say what is missing. */
enum mintmark_gp_status mintmark_gp_keys_in_token(const char *uri, const char *pin,
                                                  enum mintmark_gp_diversify how,
                                                  struct mintmark_gp_keys **out, char error[240]);
/*
 * Keys of the caller's own kind (another token, a service): the two things a session needs. key: 1
 * ENC, 2 MAC, 3 DEK. Each returns 0 when it is done.
 *   choose  before the others, once a session: the protocol (02, 03), key version and the 10 bytes of
 *           diversification data the card answered with
 *   cmac    AES-CMAC of data under a key (SCP03)
 *   cbc     data encrypted in CBC mode with an IV of zeros, by AES (SCP03) or triple DES (SCP02)
 */
struct mintmark_gp_key_calls {
    int (*choose)(void *ctx, uint8_t scp, uint8_t key_version, const uint8_t diversification[10]);
    int (*cmac)(void *ctx, int key, const uint8_t *data, size_t len, uint8_t out[16]);
    int (*cbc)(void *ctx, int key, const uint8_t *data, size_t len, uint8_t *out);
    size_t key_len; /* bytes: 16, 24, 32 */
};
/* calls and ctx are borrowed and outlive the keys. */
enum mintmark_gp_status mintmark_gp_keys_elsewhere(const struct mintmark_gp_key_calls *calls,
                                                   void *ctx, struct mintmark_gp_keys **out);
/* Wipes them; sets *keys to NULL; NULL is fine. Not while a session uses them. */
void mintmark_gp_keys_free(struct mintmark_gp_keys **keys);

/* ---- Session ---- */
/* Security levels (GPCS 2.3.1, table 10-1), joined. */
enum {
    MINTMARK_GP_C_MAC = 0x01,
    MINTMARK_GP_C_ENC = 0x02,
    MINTMARK_GP_R_MAC = 0x10,
    MINTMARK_GP_R_ENC = 0x20
};
/* Zeroed: the issuer domain, any key version, whichever protocol the card has, C-MAC and C-ENC. */
struct mintmark_gp_session {
    const uint8_t *domain; /* AID; NULL: the issuer domain, which is found by itself */
    size_t domain_len;
    uint8_t key_version; /* 0: any */
    uint8_t scp;         /* 0, 02, 03 */
    uint8_t level;       /* 0, or the bits above */
};
/* Open a session, ending the one before. keys: borrowed until it ends. how NULL: zeroed. After
 * MINTMARK_GP_AUTH the card may count a failed authentication; make sure of the keys first. */
enum mintmark_gp_status mintmark_gp_open(struct mintmark_gp *gp,
                                         const struct mintmark_gp_keys *keys,
                                         const struct mintmark_gp_session *how);
/*
 * A session by SCP11 (Amendment F), with certificates instead of keys, on the curve P-256. All is read
 * from files, PEM unless it says otherwise; the private key's only its owner may read.
 */
struct mintmark_gp_scp11 {
    char variant;          /* 'a' or 'c': both ends are known; 'b': the card alone is */
    const uint8_t *domain; /* AID; NULL: the issuer domain */
    size_t domain_len;
    uint8_t key_version;     /* of the card's key; 0: any */
    uint8_t level;           /* 0 and 33: encryption both ways, 11: MACs both ways */
    uint8_t session_key_len; /* 0 and 16: AES-128; 24, 32 */
    bool s16;                /* the card was made for MACs of 16 bytes */
    const char *card_key;    /* the card's public key or certificate, or NULL and */
    const char *card_ca;     /* who certified the certificates that the card tells */
    const char *host_key;    /* a, c: the host's private key */
    const char *
        host_certificates; /* and its certificates: X.509 (also DER), or 7F21 one behind the other */
    uint8_t ca_version,
        ca_id; /* the card's key that the first is checked with; 0, 0: it finds it itself */
};
/* Open it, ending the one before. MINTMARK_GP_AUTH: the card has not the key, or its certificates are
 * not of card_ca; MINTMARK_GP_CARD: it does not take the host's. */
enum mintmark_gp_status mintmark_gp_open_scp11(struct mintmark_gp *gp,
                                               const struct mintmark_gp_scp11 *how);
void mintmark_gp_close(struct mintmark_gp *gp);
/*
 * One command in the session, or, without one, as it is.
 * resp      room for *resp_len bytes; *resp_len: how many came, without the status word
 * sw        the status word, whatever it is: that is the card's answer, not a failure
 */
enum mintmark_gp_status mintmark_gp_send(struct mintmark_gp *gp, const uint8_t *apdu,
                                         size_t apdu_len, uint8_t *resp, size_t *resp_len,
                                         uint16_t *sw);

/* ---- What is there ---- */
/* Called for each fact: a name for machines (the same may come again), one for people, the value. */
typedef void (*mintmark_gp_fact)(void *ctx, const char *key, const char *name, const char *value);
/* ATR, recognition data, capabilities, production data, resources and keys, decoded. Ends an open
 * session. */
enum mintmark_gp_status mintmark_gp_info(struct mintmark_gp *gp, mintmark_gp_fact fact, void *ctx);

enum mintmark_gp_kind { MINTMARK_GP_DOMAIN, MINTMARK_GP_APPLICATION, MINTMARK_GP_PACKAGE };
/* An entry of the card's registry. Lengths of 0: the card does not say. */
struct mintmark_gp_entry {
    enum mintmark_gp_kind kind;
    uint8_t aid[16], package[16], domain[16];
    size_t aid_len, package_len, domain_len;
    uint8_t life_cycle; /* GPCS 2.3.1, 11.1.1 */
    uint8_t privileges[3];
    uint8_t major, minor; /* package version, or 0.0 */
};
/* Domains, applications, packages, in this order; needs a session. entry: borrowed. */
enum mintmark_gp_status
mintmark_gp_list(struct mintmark_gp *gp,
                 void (*each)(void *ctx, const struct mintmark_gp_entry *entry), void *ctx);

/* ---- Content, with a session ---- */
/* Load the package of a .cap file. domain NULL: the session's. progress (may be NULL): done commands
 * of all. */
enum mintmark_gp_status mintmark_gp_load(struct mintmark_gp *gp, const char *cap_path,
                                         const uint8_t *domain, size_t domain_len,
                                         void (*progress)(void *ctx, size_t done, size_t all),
                                         void *ctx);
struct mintmark_gp_install {
    const uint8_t *package, *module, *instance; /* AIDs; instance NULL: as the module */
    size_t package_len, module_len, instance_len;
    uint8_t privileges[3];
    const uint8_t *params; /* the applet's own; NULL: none */
    size_t params_len;
};
/* Install an applet of a package on the card and make it selectable. */
enum mintmark_gp_status mintmark_gp_install(struct mintmark_gp *gp,
                                            const struct mintmark_gp_install *what);
/* Delete; deps: a package's applications as well. */
enum mintmark_gp_status mintmark_gp_delete(struct mintmark_gp *gp, const uint8_t *aid,
                                           size_t aid_len, bool deps);
/* Lock an application, or bring it back. */
enum mintmark_gp_status mintmark_gp_lock(struct mintmark_gp *gp, const uint8_t *aid, size_t aid_len,
                                         bool lock);
/* Hand data to an application, or (aid NULL) to the session's domain. p1: structure of STORE DATA, 00
 * none said, 08 groups (DGI), 10 BER-TLV. */
enum mintmark_gp_status mintmark_gp_store_data(struct mintmark_gp *gp, const uint8_t *aid,
                                               size_t aid_len, uint8_t p1, const uint8_t *data,
                                               size_t data_len);
/* Put a key set of the session's kind under a version, 01..7F, in place of replaced (0: beside the
 * others). */
enum mintmark_gp_status mintmark_gp_put_keys(struct mintmark_gp *gp, uint8_t replaced,
                                             uint8_t version, const uint8_t *enc,
                                             const uint8_t *mac, const uint8_t *dek,
                                             size_t key_len);

#ifdef __cplusplus
}
#endif
#endif
