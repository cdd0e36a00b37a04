/*
 * GlobalPlatform, host side: secure channels (channel.h) and content management (GPCS 2.3.1).
 *
 * A session is plain bytes in, plain bytes out: it wraps commands and does no I/O. So the platform
 * makes wrapped commands that a client merely carries, and mintmark-gp sends them itself.
 */
#ifndef MM_GP_H
#define MM_GP_H

#include "applet_vm/base/base.h"
#include "applet_vm/cap/cap.h"
#include "host_client/gp/channel.h"
#include "host_client/gp/keysource.h"
#include "host_client/gp/secret.h"
#include "host_client/gp/sign.h"

/* ---- Commands as plain APDUs, appended one after another with a u16 length before each ---- */
/* The next command of a list at *off, which moves on; NULL at the end or when the list is cut. */
const uint8_t *mm_gp_list_next(const struct mm_buf *list, size_t *off, size_t *apdu_len);
#define MM_GP_BLOCK_LEN                                                                            \
    223 /* data of one LOAD: 255 less C-MAC (8) and padding (to 240, 1 at least) */
/* A DAP block: the signature of a domain over the Load File Data Block Hash. Borrowed. */
struct mm_gp_dap {
    struct mm_aid domain;
    const uint8_t *signature;
    size_t signature_len;
};
/* How to load a package. Zeroed: into the domain of the session, without hash, in blocks that fit
 * every security level. All borrowed. */
struct mm_gp_load_how {
    const struct mm_aid *domain;
    size_t block_len;     /* data of one LOAD, 1..255 */
    enum mm_gp_hash hash; /* goes into INSTALL [for load]; needed with DAP blocks and tokens */
    const struct mm_gp_dap *daps;
    size_t dap_n;
    const uint8_t *params; /* system parameters (in EF): quotas C6, C7, C8 */
    size_t params_len;
    const struct mm_gp_signer *token;  /* NULL: no token */
    const struct mm_gp_secret *cipher; /* NULL: in the clear (C4); else AES-CBC (D3 IV, D4) */
    const uint8_t *iv;                 /* 16 bytes; NULL: random */
};
/* INSTALL [for load] and the LOAD blocks of a CAP (GPCS 2.3.1, 11.5.2.3.1 and 11.6). */
enum mm_status mm_gp_load_commands_with(const struct mm_cap *cap, const struct mm_gp_load_how *how,
                                        struct mm_buf *list, struct mm_err *err) MM_USE_RESULT;
/* The same with sd (NULL: the session's) and block_len alone. */
enum mm_status mm_gp_load_commands(const struct mm_cap *cap, const struct mm_aid *sd,
                                   size_t block_len, struct mm_buf *list) MM_USE_RESULT;
struct mm_gp_install_how {
    const struct mm_aid *package, *module, *instance;
    const uint8_t *privileges; /* 1 or 3 bytes */
    size_t privileges_len;
    const uint8_t *params; /* the applet's own (C9) */
    size_t params_len;
    const uint8_t *system_params; /* in EF: quotas C7, C8, implicit selection CF, ... */
    size_t system_params_len;
    bool not_selectable; /* INSTALL [for install] alone */
    const struct mm_gp_signer *token;
};
/* INSTALL [for install] or [for install and make selectable] (GPCS 2.3.1, 11.5.2.3.2). */
enum mm_status mm_gp_install_command_with(const struct mm_gp_install_how *how, struct mm_buf *list,
                                          struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_install_command(const struct mm_aid *package, const struct mm_aid *module,
                                     const struct mm_aid *instance, const uint8_t *privileges,
                                     size_t privileges_len, const uint8_t *params,
                                     size_t params_len, struct mm_buf *list) MM_USE_RESULT;
/* INSTALL [for make selectable] (11.5.2.3.3). privileges: none, 1 or 3 bytes. */
enum mm_status mm_gp_selectable_command(const struct mm_aid *aid, const uint8_t *privileges,
                                        size_t privileges_len, const struct mm_gp_signer *token,
                                        struct mm_buf *list, struct mm_err *err) MM_USE_RESULT;
/* INSTALL [for extradition] (11.5.2.3.4): an application or package into another domain. */
enum mm_status mm_gp_extradite_command(const struct mm_aid *aid, const struct mm_aid *domain,
                                       const struct mm_gp_signer *token, struct mm_buf *list,
                                       struct mm_err *err) MM_USE_RESULT;
/* INSTALL [for registry update] (11.5.2.3.5). domain NULL: where it is. */
enum mm_status mm_gp_registry_command(const struct mm_aid *aid, const struct mm_aid *domain,
                                      const uint8_t *privileges, size_t privileges_len,
                                      const struct mm_gp_signer *token, struct mm_buf *list,
                                      struct mm_err *err) MM_USE_RESULT;
/* INSTALL [for personalization] (11.5.2.3.6). */
enum mm_status mm_gp_personalization_command(const struct mm_aid *aid, struct mm_buf *list,
                                             struct mm_err *err) MM_USE_RESULT;
/* DELETE of an application or package (11.2); related: a package's applications as well. */
enum mm_status mm_gp_delete_command_with(const struct mm_aid *aid, bool related,
                                         const struct mm_gp_signer *token, struct mm_buf *list,
                                         struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_delete_command(const struct mm_aid *aid, bool related,
                                    struct mm_buf *list) MM_USE_RESULT;
/* What encrypts key material under a session's DEK: mm_gp_encrypt, or another's. */
typedef enum mm_status (*mm_gp_encrypter)(void *ctx, const uint8_t *data, size_t data_len,
                                          uint8_t *out, struct mm_err *err);
/* PUT KEY with the three keys of a set (GPCS 11.8, Amendment D 7.2) under new_version, 01..7F;
 * replaces old_version (0: a new set). ctx is the encrypter's. */
enum mm_status mm_gp_put_keys_command(mm_gp_encrypter encrypt, void *ctx, uint8_t old_version,
                                      uint8_t new_version, const struct mm_gp_keyset *set,
                                      struct mm_buf *list, struct mm_err *err) MM_USE_RESULT;
/* PUT KEY with one symmetric key, as for DAP or tokens. id: 01..7F. */
enum mm_status mm_gp_put_key_command(mm_gp_encrypter encrypt, void *ctx, uint8_t old_version,
                                     uint8_t new_version, uint8_t id, enum mm_gp_key_type type,
                                     const uint8_t *key, size_t key_len, struct mm_buf *list,
                                     struct mm_err *err) MM_USE_RESULT;
/* PUT KEY with an RSA or EC public key from a PEM file (SubjectPublicKeyInfo or certificate), in
 * the clear: A1 modulus A0 exponent, or B0 point F0 curve (GPCS 11.8.2.3, table 11-16). */
enum mm_status mm_gp_put_public_key_command(const char *pem_path, uint8_t old_version,
                                            uint8_t new_version, uint8_t id, struct mm_buf *list,
                                            struct mm_err *err) MM_USE_RESULT;
/* PUT KEY with an EC private key under the DEK: B1 scalar F0 curve (table 11-16), as a domain's own for
 * SCP11. */
enum mm_status mm_gp_put_private_key_command(mm_gp_encrypter encrypt, void *ctx,
                                             const EVP_PKEY *key, uint8_t old_version,
                                             uint8_t new_version, uint8_t id, struct mm_buf *list,
                                             struct mm_err *err) MM_USE_RESULT;
/* DELETE [key] (GPCS 11.2.2.3.2): the whole set of a version, or one key of it (id not 0). */
enum mm_status mm_gp_delete_key_command(uint8_t version, uint8_t id,
                                        struct mm_buf *list) MM_USE_RESULT;
/* SET STATUS (GPCS 11.10): the card's state with aid NULL, else lock (80) or unlock (00) an
 * application. */
enum mm_status mm_gp_set_status_command(const struct mm_aid *aid, uint8_t state,
                                        struct mm_buf *list) MM_USE_RESULT;
#define MM_GP_STORE_TLV 0x10 /* structure of STORE DATA (P1): BER-TLV, DGI, or nothing known */
#define MM_GP_STORE_DGI 0x08
#define MM_GP_STORE_RAW 0x00
/* STORE DATA in blocks. target: the application it is for, by INSTALL [for personalization] first;
 * NULL: the domain itself. MM_TOO_LONG: more than 256 blocks. */
enum mm_status mm_gp_store_data_commands(const struct mm_aid *target, uint8_t structure,
                                         const uint8_t *data, size_t data_len,
                                         struct mm_buf *list) MM_USE_RESULT;

#define MM_GP_STORE_ENCRYPTED 0x60 /* with DGI: the values of all groups are under the DEK */
/* How the values of groups are hidden. Borrowed. */
struct mm_gp_hide {
    mm_gp_encrypter encrypt; /* mm_gp_encrypt, ctx the session */
    void *ctx;
    size_t block_len; /* of the session's cipher: 8 (SCP02) or 16 */
    bool
        unpadded; /* values are whole blocks, as keys are (EMV CPS); else 80 00.. is added to each */
};
/* Data groups | identifier 2 | length 1, or FF and 2 | value | ... with each value encrypted, appended
 * to out, for STORE DATA with MM_GP_STORE_DGI | MM_GP_STORE_ENCRYPTED. MM_MALFORMED: no data groups;
 * MM_USAGE: unpadded, and not whole blocks. */
enum mm_status mm_gp_encrypt_groups(const struct mm_gp_hide *hide, const uint8_t *data,
                                    size_t data_len, struct mm_buf *out,
                                    struct mm_err *err) MM_USE_RESULT;

/* ---- With a card in hand (mintmark-gp, enrolment) ---- */
struct mm_access;
struct mm_gp_session;
/* SELECT sd (NULL: the issuer security domain), authenticate. The access is borrowed and must
 * outlive the session. MM_CARD: the card refused, MM_AUTH: wrong keys, by its cryptogram or by its
 * answer to EXTERNAL AUTHENTICATE. */
enum mm_status mm_gp_open(struct mm_access *access, const struct mm_aid *sd,
                          const struct mm_scp_keys *keys, uint8_t key_version, uint8_t level,
                          struct mm_gp_session **out, struct mm_err *err) MM_USE_RESULT;
/* The same where the chip's keys are derived from a master key and its diversification data
 * (mm_scp_diversify). */
enum mm_status mm_gp_open_master(struct mm_access *access, const struct mm_aid *sd,
                                 const uint8_t master[MM_SCP_KEY_LEN], uint8_t key_version,
                                 uint8_t level, struct mm_gp_session **out,
                                 struct mm_err *err) MM_USE_RESULT;
/* SELECT a security domain: named, or (NULL) the card's issuer security domain under one of its usual
 * AIDs. found: its AID as the card tells it; len 0 when it does not. MM_CARD: none answers. */
enum mm_status mm_gp_select_domain(struct mm_access *access, const struct mm_aid *named,
                                   struct mm_aid *found, struct mm_err *err) MM_USE_RESULT;
/* The AID in what SELECT of a domain answers (GPCS 2.3.1, 11.9.3.1): 6F { 84 AID }. Some cards answer with
 * nothing, or with something else: then aid stays. */
void mm_gp_selected_aid(const uint8_t *resp, size_t resp_len, struct mm_aid *aid);
/* How to open a session. Zeroed: the issuer security domain, any key version, whichever protocol the
 * card has, C-MAC and C-DECRYPTION. */
struct mm_gp_open_how {
    const struct mm_aid *domain; /* NULL: the issuer security domain */
    uint8_t key_version;         /* 0: any */
    uint8_t scp;                 /* 02 or 03; 0: what the card says */
    uint8_t scp02_i;             /* 0: as the card recognition data say, or else the usual 15 */
    uint8_t level;               /* 0: C-MAC and C-DECRYPTION */
};
/* The keys from a source, which is borrowed and must outlive the session. */
enum mm_status mm_gp_open_with(struct mm_access *access, const struct mm_gp_open_how *how,
                               const struct mm_gp_keys *keys, struct mm_gp_session **out,
                               struct mm_err *err) MM_USE_RESULT;
/* A session by SCP11: certificates and agreement as how says. domain NULL: the card's. */
enum mm_status mm_gp_open_scp11(struct mm_access *access, const struct mm_aid *domain,
                                const struct mm_gp_scp11 *how, struct mm_gp_session **out,
                                struct mm_err *err) MM_USE_RESULT;
void mm_gp_close(struct mm_gp_session **session); /* wipes keys, ends the channel on the card */
/* Wrap, send, unwrap; return data (without status word) and status word. */
enum mm_status mm_gp_send(struct mm_gp_session *session, const uint8_t *apdu, size_t apdu_len,
                          struct mm_buf *resp, uint16_t *sw, struct mm_err *err) MM_USE_RESULT;
/* Send a list as made above; stops at the first status word other than 9000 (MM_CARD; err names the
 * command and the status word). progress may be NULL. */
enum mm_status mm_gp_send_list(struct mm_gp_session *session, const struct mm_buf *list,
                               void (*progress)(void *ctx, size_t done, size_t all), void *ctx,
                               struct mm_err *err) MM_USE_RESULT;
/* Encrypt key material for PUT KEY: under the DEK of SCP03 in CBC mode with an IV of zeros, under
 * the session's DEK of SCP02 block by block. An mm_gp_encrypter; ctx is the struct mm_gp_session.
 * data_len is a multiple of 16 (SCP03) or 8. */
enum mm_status mm_gp_encrypt(void *ctx, const uint8_t *data, size_t data_len, uint8_t *out,
                             struct mm_err *err) MM_USE_RESULT;
/* Called with every plain command and response of the session (status word last), beside what the
 * access's own trace shows of the protected ones. NULL: no more. */
typedef void (*mm_gp_trace)(void *ctx, bool response, const uint8_t *data, size_t data_len);
void mm_gp_set_trace(struct mm_gp_session *session, mm_gp_trace trace, void *ctx);
/* Called with every plain command that the card answered, with its data and status word. What it returns
 * is what mm_gp_send returns, so that it can stop a list. NULL: no more. */
typedef enum mm_status (*mm_gp_answered)(void *ctx, const uint8_t *apdu, size_t apdu_len,
                                         const struct mm_buf *resp, uint16_t sw,
                                         struct mm_err *err);
void mm_gp_set_answered(struct mm_gp_session *session, mm_gp_answered answered, void *ctx);
/* The protocol (02, 03), key version and diversification data the card answered with. Borrowed. */
uint8_t mm_gp_session_scp(const struct mm_gp_session *session);
uint8_t mm_gp_session_key_version(const struct mm_gp_session *session);
const uint8_t *mm_gp_session_diversification(const struct mm_gp_session *session);
/* AID of the session's domain, len 0 when the card does not tell it. Borrowed. */
const struct mm_aid *mm_gp_domain(const struct mm_gp_session *session);
const struct mm_gp_channel *mm_gp_scp(const struct mm_gp_session *session);

/* ---- ELF upgrade (GPCS 2.3, Amendment H 1.1) ---- */
enum mm_gp_upgrade_action {
    MM_GP_UPGRADE_START = 0x01,
    MM_GP_UPGRADE_RESUME = 0x02,
    MM_GP_UPGRADE_RECOVERY = 0x03,
    MM_GP_UPGRADE_ABORT = 0x04,
    MM_GP_UPGRADE_STATUS = 0x08
};
enum {
    MM_GP_UPGRADE_NONE = 0x00,
    MM_GP_UPGRADE_COMPLETED = 0x01,
    MM_GP_UPGRADE_WAITING_ELF = 0x02,
    MM_GP_UPGRADE_WAITING_RESTORE = 0x03,
    MM_GP_UPGRADE_RESTORE_FAILED = 0x04
    /* 10, 20, .. 60: interrupted while saving, cleaning up, deleting, installing, restoring,
     * consolidating */
};
/* A session as the card tells it; aid.len 0: it names no load file. */
struct mm_gp_upgrade_info {
    uint8_t status;
    struct mm_aid aid;
};
/* MANAGE ELF UPGRADE. aid: the load file, for START; else not looked at. */
enum mm_status mm_gp_upgrade_command(enum mm_gp_upgrade_action action, const struct mm_aid *aid,
                                     struct mm_buf *list) MM_USE_RESULT;
/* What a card answers to it: length, confirmation, length, A1 { 90 status, 4F AID }. */
enum mm_status mm_gp_upgrade_read(const uint8_t *data, size_t data_len, struct mm_gp_upgrade_info *out,
                                  struct mm_err *err) MM_USE_RESULT;
/* The two with a card in hand. MM_CARD: it refused. */
enum mm_status mm_gp_upgrade(struct mm_gp_session *session, enum mm_gp_upgrade_action action,
                             const struct mm_aid *aid, struct mm_gp_upgrade_info *out,
                             struct mm_err *err) MM_USE_RESULT;
/* What a session status is called. Never NULL. */
const char *mm_gp_upgrade_text(uint8_t status);

/* ---- The registry (GET STATUS, GPCS 11.4) ---- */
enum mm_gp_kind { MM_GP_DOMAIN = 0x80, MM_GP_APPLET = 0x40, MM_GP_PACKAGE = 0x20 };
struct mm_gp_item {
    enum mm_gp_kind kind;
    struct mm_aid aid;
    uint8_t life_cycle;
    uint8_t privileges[3];
    bool has_version;
    uint8_t major, minor;      /* package */
    struct mm_aid package;     /* applet: its package; len 0 when the card does not say */
    struct mm_aid domain;      /* the one it belongs to; likewise */
    struct mm_aid modules[16]; /* package: its applets' classes */
    size_t module_n;
};
/* Read a GET STATUS response (entries E3, all of one kind), one callback each. */
enum mm_status mm_gp_parse_status(enum mm_gp_kind kind, const uint8_t *data, size_t data_len,
                                  void (*each)(void *ctx, const struct mm_gp_item *entry),
                                  void *ctx, struct mm_err *err) MM_USE_RESULT;
/* The same in the form of cards before 2.2 (P2 without bit 2): AID, life cycle, one byte of
 * privileges; modules: each package with its modules (P1 10). */
enum mm_status mm_gp_parse_old_status(enum mm_gp_kind kind, bool modules, const uint8_t *data,
                                      size_t data_len,
                                      void (*each)(void *ctx, const struct mm_gp_item *entry),
                                      void *ctx, struct mm_err *err) MM_USE_RESULT;
/* The commands that mm_gp_registry sends first. */
enum mm_status mm_gp_status_commands(struct mm_buf *list) MM_USE_RESULT;
/* Ask the card: domains, applets, packages, in this order. Falls back on the older form. */
enum mm_status mm_gp_registry(struct mm_gp_session *session,
                              void (*each)(void *ctx, const struct mm_gp_item *entry), void *ctx,
                              struct mm_err *err) MM_USE_RESULT;

#endif
