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
/* The application of that logical channel was deselected: sessions that applets' own protocol objects
 * (org.globalplatform.securechannel) have on it end. vm may be NULL. */
void mm_api_channel_end(struct mm_vm *vm, uint8_t channel);

/* ---- APDU exchange: card side of javacard.framework.APDU ---- */
#define MM_APDU_BUFFER_LEN                                                                         \
    261 /* header, Lc, 255 bytes, Le: the least JCRE 3.0.5 asks (133) is less */
/* Of a command in extended form: header, Lc of three bytes and a part of the data that is whole blocks of
 * every cipher and digest. */
#define MM_APDU_LONG_BUFFER_LEN (7 + 4096)

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
#define MM_GP_INFO_MAX 255 /* bytes of one contactless information of an entry */

/* ---- org.globalplatform.contactless ---- */
enum mm_cl_list { MM_CL_GROUP, MM_CL_CREL }; /* who may join the group; who is told of changes */
enum mm_cl_walk {
    MM_CL_WALK_CREL,        /* who is on the entry's CREL list */
    MM_CL_WALK_MEMBERS,     /* of its group */
    MM_CL_WALK_CONFLICTS,   /* activated, with other protocol parameters */
    MM_CL_WALK_REFERENCING, /* on whose CREL list it is */
    MM_CL_WALK_LISTENERS,   /* CREL list and CRS application: no question of rights */
    MM_CL_WALK_FOLLOWERS,   /* as MEMBERS, for the card itself */
    MM_CL_WALK_CRS,         /* who holds Contactless Activation */
    MM_CL_WALK_ENTRIES      /* whom that entry may see */
};
/* CLAppletEvent.EVENT_... */
enum mm_cl_event {
    MM_CL_EVENT_ACTIVATED = 2,
    MM_CL_EVENT_DEACTIVATED = 130,
    MM_CL_EVENT_NON_ACTIVATABLE = 129,
    MM_CL_EVENT_CREL_ADDED = 14,
    MM_CL_EVENT_CREL_REMOVED = 142,
    MM_CL_EVENT_MEMBER_ADDED = 15,
    MM_CL_EVENT_MEMBER_REMOVED = 143,
    MM_CL_EVENT_INSTALLED = 17,
    MM_CL_EVENT_SELECTABLE = 18,
    MM_CL_EVENT_LOCKED = 19,
    MM_CL_EVENT_UNLOCKED = 147,
    MM_CL_EVENT_HIGHEST = 23,
    MM_CL_EVENT_LOWEST = 151,
    MM_CL_EVENT_VOLATILE_SET = 24,
    MM_CL_EVENT_VOLATILE_RESET = 152
};
/* owner: who asks, entry: a component of the registry. Status words as of ISOException. */
struct mm_cl_services {
    uint16_t (*state_set)(void *ctx, mm_comp owner, mm_comp entry, uint8_t *state); /* in, out */
    /* len 0 deletes. get: *len capacity in, length out. */
    uint16_t (*info_set)(void *ctx, mm_comp owner, mm_comp entry, uint16_t id, const uint8_t *data,
                         size_t len);
    uint16_t (*info_get)(void *ctx, mm_comp owner, mm_comp entry, uint16_t id, uint8_t *data,
                         size_t *len);
    bool (*family)(void *ctx, mm_comp entry, uint16_t family); /* is it of that family? */
    bool (*manages)(void *ctx, mm_comp owner);                 /* has it Contactless Activation? */
    uint16_t (*list_edit)(void *ctx, mm_comp owner, mm_comp entry, enum mm_cl_list list,
                          const struct mm_aid *aid, bool add);
    uint16_t (*join)(void *ctx, mm_comp owner, mm_comp entry, const struct mm_aid *head);
    uint16_t (*group)(void *ctx, mm_comp owner, mm_comp entry, bool *head, bool *member);
    /* The one behind after (0: the first); *next 0: none. */
    uint16_t (*next)(void *ctx, mm_comp owner, enum mm_cl_walk walk, mm_comp of, mm_comp after,
                     mm_comp *next);
    bool (*applet)(void *ctx, mm_comp entry, mm_ref *applet); /* one that can be called */
    uint16_t (*order)(void *ctx, mm_comp owner, mm_comp entry, bool top);
    /* entry 0: none any more. *former: who had it. */
    uint16_t (*volatile_priority)(void *ctx, mm_comp owner, mm_comp entry, mm_comp *former);
    uint16_t (*card_info)(void *ctx, uint16_t id, uint8_t *data, size_t *len);
    uint16_t (*interface_set)(void *ctx, mm_comp owner, uint16_t id, bool on);
    /* 6A80: no such interface or protocol type. */
    uint16_t (*interface_on)(void *ctx, uint16_t id, bool *on);
};
/* Tell the entry's application, its listeners and the CRS application what happened to it; what they
 * throw is ignored. */
void mm_api_cl_event(struct mm_vm *vm, mm_comp entry, uint16_t event);

/* ---- org.globalplatform.upgrade: a session for the load file of the applet that asks ---- */
enum mm_gp_phase { MM_GP_PHASE_SAVING, MM_GP_PHASE_RESTORE };
struct mm_gp_upgrade {
    enum mm_gp_phase phase;
    struct mm_aid previous; /* the load file as it was */
    uint8_t major, minor;
};
/* Elements are of no use to applets but in a session, and to the card they are two things more. */
/* An Element that applets of this context made, and not some class of their own. */
bool mm_api_element(struct mm_vm *vm, mm_ref ref, mm_comp package);
/* End of the Saving Phase: no element is mapped to a custom object any more. Inside a transaction. */
enum mm_status mm_api_elements_unmap(struct mm_vm *vm) MM_USE_RESULT;
/* End of the session: all elements go, what they held is wiped, references to them are null. */
enum mm_status mm_api_elements_delete(struct mm_vm *vm) MM_USE_RESULT;

/* What a secure channel does (SecureChannel, SecureChannelx): the domain's, or one with keys of an applet's
 * own. owner is the application that asks; status words. */
struct mm_sc_ops {
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
};

struct mm_gp_services {
    void *ctx;
    struct mm_sc_ops channel; /* of the caller's security domain */
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
    bool (*entry_get)(void *ctx, mm_comp entry, struct mm_gp_registered *out);
    bool (*entry_set_state)(void *ctx, mm_comp owner, mm_comp entry, uint8_t state);
    const struct mm_cl_services *cl; /* with the same ctx */
    /* Offer a global service, or stop to. */
    uint16_t (*entry_service)(void *ctx, mm_comp owner, mm_comp entry, uint16_t service, bool on);
    /* Who offers the service: that application, or (aid NULL) the only one. */
    bool (*service_find)(void *ctx, const struct mm_aid *aid, uint16_t service, mm_ref *applet);

    /* false: no session is running whose load file the owner is an instance of. */
    bool (*upgrade)(void *ctx, mm_comp owner, struct mm_gp_upgrade *out);

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
