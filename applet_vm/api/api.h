/*
 * The Java Card API: natives of java.lang, javacard.*, javacardx.*, org.globalplatform. Tables come
 * from api_305.tsv and api_gp.tsv (facts: packages, classes, tokens); natives.def says which C
 * function implements which method. A method without a native cannot be linked against.
 */
#ifndef MM_API_H
#define MM_API_H

#include "applet_vm/vm/vm.h"

/* All ROM packages, NULL-terminated, static. */
const struct mm_rom_package *const *mm_api_packages(void);

/* Make the API's state for a VM: the APDU object and its buffer, key material caches. Called once
 * after mm_vm_new. */
enum mm_status mm_api_init(struct mm_vm *vm) MM_USE_RESULT;
/* Card reset: messages in digests, ciphers and signatures are gone, sessions too; a Cipher, Signature
 * or KeyAgreement is as its init left it. */
void mm_api_reset(struct mm_vm *vm);

/* ---- APDU exchange: card side of javacard.framework.APDU ---- */
#define MM_APDU_BUFFER_LEN                                                                         \
    261 /* header, Lc, 255 bytes, Le: the least JCRE 3.0.5 asks (133) is less */
#define MM_APDU_LONG_BUFFER_LEN                                                                    \
    2048 /* of a command in extended form: applets compose answers of 1 KiB and more in it */

#define MM_APDU_SHORT_MAX                                                                          \
    0x7FFF /* of data, either way: lengths are Java shorts (JCRE 3.0.5, 9.4.4) */

/* How the card is connected, for APDU.getProtocol and what depends on it. */
enum mm_protocol { MM_PROTOCOL_T1, MM_PROTOCOL_T0, MM_PROTOCOL_TYPE_A, MM_PROTOCOL_TYPE_B };

struct mm_api_command {
    uint8_t header[4];
    const uint8_t *body; /* what setIncomingAndReceive hands out; borrowed until mm_api_apdu_end */
    size_t body_len;     /* 0..MM_APDU_SHORT_MAX */
    uint32_t le;         /* 0..65536; 0 when there is none */
    bool has_le;
    bool extended; /* Lc or Le came in three bytes */
    mm_ref applet; /* whom it is for: does it implement ExtendedLength? */
    enum mm_protocol protocol;
};
/* May the applet have this command? Lengths above the short ones are for those that implement
 * javacardx.apdu.ExtendedLength (JCRE 3.0.5, 9.4.4); false: 6700. */
bool mm_api_apdu_acceptable(struct mm_vm *vm, const struct mm_api_command *command);
/* Start it: fills the APDU buffer with CLA INS P1 P2 Lc. Returns the APDU object for mm_vm_process. */
mm_ref mm_api_apdu_begin(struct mm_vm *vm, const struct mm_api_command *command);
/* End it: what the applet sent (sendBytes...), borrowed until the next begin. */
void mm_api_apdu_end(struct mm_vm *vm, const uint8_t **response, size_t *response_len);

/* Nothing is asked of the card during an exchange yet; room for waiting time extension. */
struct mm_apdu_services {
    enum mm_status (*wait_extension)(void *ctx);
};

/* ---- org.globalplatform: implemented by the card manager ---- */
/* The secure channel of the security domain of the running applet (owner). All sizes in bytes;
 * buffers are the APDU buffer's. Status words, as the card answers; 0x9000 is success. */
/* What the registry tells of an application or domain (GPRegistryEntry). */
struct mm_gp_registered {
    struct mm_aid aid, domain; /* its own, that of its security domain */
    uint8_t state;
    uint8_t privileges[3];
    uint8_t contactless; /* GPCLRegistryEntry.STATE_CL_... */
};
/* The global PIN (GPCS 8.2). Verified and submitted last until reset. */
struct mm_gp_cvm {
    bool active, submitted, verified, blocked;
    uint8_t tries;
};
#define MM_GP_INFO_MAX 64 /* bytes of one contactless information of an entry */

struct mm_gp_services {
    void *ctx;
    /* SecureChannel.processSecurity: INITIALIZE UPDATE / EXTERNAL AUTHENTICATE. *out_len response
     * bytes were written to buf from ISO7816.OFFSET_CDATA on. */
    uint16_t (*process_security)(void *ctx, mm_comp owner, uint8_t *buf, size_t buf_len,
                                 size_t apdu_len, size_t *out_len);
    /* unwrap: apdu (header, Lc, data) in place; *len in and out. */
    uint16_t (*unwrap)(void *ctx, mm_comp owner, uint8_t *apdu, size_t *len);
    uint16_t (*wrap)(void *ctx, mm_comp owner, uint8_t *data, size_t *len, size_t cap);
    uint16_t (*decrypt_data)(void *ctx, mm_comp owner, uint8_t *data, size_t *len);
    uint16_t (*encrypt_data)(void *ctx, mm_comp owner, uint8_t *data, size_t *len);
    /* Within what the session was opened with. */
    uint16_t (*set_security_level)(void *ctx, mm_comp owner, uint8_t level);
    void (*reset_security)(void *ctx, mm_comp owner);
    uint8_t (*security_level)(void *ctx, mm_comp owner);
    uint8_t (*card_state)(void *ctx);
    /* To CARD_LOCKED or TERMINATED, for an applet with that privilege. */
    bool (*set_card_state)(void *ctx, mm_comp owner, uint8_t state);
    uint8_t (*card_content_state)(void *ctx, mm_comp owner);
    bool (*set_card_content_state)(void *ctx, mm_comp owner, uint8_t state);

    /* Historical bytes of the ATR. *len: capacity in, length out. */
    void (*historical_bytes)(void *ctx, uint8_t *out, size_t *len);
    /* Others from the next cold reset on, for an applet with Card Reset; false: refused. */
    bool (*set_historical)(void *ctx, mm_comp owner, const uint8_t *bytes, size_t len);

    /* ---- The registry. entry: a component; privilege: one that lets owner see others' (a number) ---- */
    /* aid NULL: the caller's own. false: there is none, or it is not for this caller to see. */
    bool (*entry_find)(void *ctx, mm_comp owner, const struct mm_aid *aid, uint8_t privilege,
                       mm_comp *entry);
    /* The first entry that owner may see behind after (0: from the first on). false: none. */
    bool (*entry_next)(void *ctx, mm_comp owner, uint8_t privilege, mm_comp after, mm_comp *entry);
    bool (*entry_get)(void *ctx, mm_comp entry, struct mm_gp_registered *out);
    bool (*entry_set_state)(void *ctx, mm_comp owner, mm_comp entry, uint8_t state);
    uint16_t (*entry_set_contactless)(void *ctx, mm_comp owner, mm_comp entry, uint8_t state);
    /* Contactless information: set with len 0 deletes. get: *len capacity in, length out. */
    uint16_t (*entry_info_set)(void *ctx, mm_comp owner, mm_comp entry, uint16_t id,
                               const uint8_t *data, size_t len);
    uint16_t (*entry_info_get)(void *ctx, mm_comp entry, uint16_t id, uint8_t *data, size_t *len);
    /* Offer a global service, or stop to. */
    uint16_t (*entry_service)(void *ctx, mm_comp owner, mm_comp entry, uint16_t service, bool on);
    /* Who offers the service: that application, or (aid NULL) the only one. */
    bool (*service_find)(void *ctx, const struct mm_aid *aid, uint16_t service, mm_ref *applet);

    /* ---- The global PIN. Changes need the CVM Management privilege; false: refused ---- */
    void (*cvm_get)(void *ctx, struct mm_gp_cvm *out);
    bool (*cvm_update)(void *ctx, mm_comp owner, const uint8_t *data, size_t len, uint8_t format);
    bool (*cvm_set_limit)(void *ctx, mm_comp owner, uint8_t limit);
    bool (*cvm_block)(void *ctx, mm_comp owner);
    /* Back to "not submitted"; unblock: of a blocked one, for who manages it. */
    bool (*cvm_reset)(void *ctx, mm_comp owner, bool unblock);
    bool (*cvm_verify)(void *ctx, const uint8_t *data, size_t len, uint8_t format);
};

/* Hidden cells of OwnerPIN and of biometric sessions: tries left, and their limit. Measurement leaves the
 * first out, because it moves without anything having changed. */
enum { MM_TRIES_LEFT = 2, MM_TRIES_LIMIT = 3 };

#endif
