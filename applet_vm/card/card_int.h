/* Inside of the card: what its files share. See card.h for what the module is. */
#ifndef MM_CARD_INT_H
#define MM_CARD_INT_H

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/api/api.h"
#include "applet_vm/cap/cap.h"
#include "applet_vm/card/card.h"
#include "applet_vm/card/key_store.h"
#include "applet_vm/card/keys.h"
#include "applet_vm/integrity/integrity.h"
#include "applet_vm/scp/scp.h"
#include "applet_vm/vm/vm.h"

#define MM_CHIP_ID_LEN 16

/* ---- Command APDU (ISO 7816-4, 5.2) ---- */
struct mm_apdu {
    uint8_t cla, ins, p1, p2;
    const uint8_t *data; /* borrowed from the command */
    size_t data_len;     /* 0..65535 */
    uint32_t le;         /* 1..65536, or 0 when has_le is false */
    bool has_le;
    bool extended; /* Lc or Le is coded in extended form */
};
/* False: the lengths do not agree (6700). */
bool mm_card_apdu_parse(const uint8_t *apdu, size_t apdu_len, struct mm_apdu *out);
/* A BER length (mm_ber_len) of a key component or a token. Tools of the older form with one byte send 80 for 128
 * bytes, as an RSA-1024 modulus or signature has, which no definite BER length is. */
size_t mm_card_field_len(struct mm_rd *rd);
/* Append tag (1 or 2 bytes), length, value of less than 128 bytes. */
void mm_card_put_tlv(struct mm_buf *out, uint16_t tag, const void *value, size_t len);
/* Logical channel of a class byte (ISO 7816-4, 5.4.1): 0..19. */
uint8_t mm_card_apdu_channel(uint8_t cla);
/* Secure messaging, of either kind, and command chaining as the class byte tells. */
bool mm_card_class_secured(uint8_t cla);
bool mm_card_class_chained(uint8_t cla);
/* The class byte as on the basic channel; a MAC is over this one (GPCS 11.1.4, E.4.4). */
uint8_t mm_card_class_basic(uint8_t cla);

/* ---- Registry: one entry for each package, applet instance and supplementary domain ---- */
struct mm_card;
#define MM_REG_MAX (MM_KEY_REGISTRY_LAST - MM_KEY_REGISTRY_FIRST + 1)
/* GPCS 5.1.2, 5.3.1 */
enum {
    MM_STATE_LOADED = 0x01,
    MM_STATE_INSTALLED = 0x03,
    MM_STATE_SELECTABLE = 0x07,
    MM_STATE_PERSONALIZED = 0x0f,
    MM_STATE_LOCKED_BIT = 0x80,
    MM_STATE_CARD_OP_READY = 0x01,
    MM_STATE_CARD_INITIALIZED = 0x07,
    MM_STATE_CARD_SECURED = 0x0f,
    MM_STATE_CARD_LOCKED = 0x7f,
    MM_STATE_CARD_TERMINATED = 0xff
};
/* Privileges by number (GPCS 6.6.1; GPRegistryEntry.PRIVILEGE_...): bit 80 >> n % 8 of byte n / 8. */
enum mm_privilege {
    MM_PRIV_SECURITY_DOMAIN,
    MM_PRIV_DAP_VERIFICATION,
    MM_PRIV_DELEGATED_MANAGEMENT,
    MM_PRIV_CARD_LOCK,
    MM_PRIV_CARD_TERMINATE,
    MM_PRIV_CARD_RESET,
    MM_PRIV_CVM_MANAGEMENT,
    MM_PRIV_MANDATED_DAP,
    MM_PRIV_TRUSTED_PATH,
    MM_PRIV_AUTHORIZED_MANAGEMENT,
    MM_PRIV_TOKEN_VERIFICATION,
    MM_PRIV_GLOBAL_DELETE,
    MM_PRIV_GLOBAL_LOCK,
    MM_PRIV_GLOBAL_REGISTRY,
    MM_PRIV_FINAL_APPLICATION,
    MM_PRIV_GLOBAL_SERVICE,
    MM_PRIV_RECEIPT_GENERATION,
    MM_PRIV_CIPHERED_LOAD_FILE,
    MM_PRIV_CONTACTLESS_ACTIVATION,
    MM_PRIV_CONTACTLESS_SELF_ACTIVATION,
    MM_PRIV_N
};
#define MM_PRIV_LEN 3
bool mm_priv_has(const uint8_t privileges[MM_PRIV_LEN], enum mm_privilege privilege);
/* Memory of an instance or a load file (GPCS tables 11-48, 11-49), in bytes; 0: nothing was said. */
struct mm_quota {
    uint32_t stable_max, stable_min;     /* persistent: limit, reservation */
    uint32_t volatile_max, volatile_min; /* transient */
};
#define MM_REG_SERVICES 8
struct mm_reg_entry {
    mm_key key; /* its record */
    enum mm_comp_kind kind;
    mm_comp comp;
    uint8_t privileges[3];
    mm_comp package; /* applet: component of its package */
    uint8_t module;  /* applet: index of its class in the CAP */
    mm_ref applet;   /* applet: root object */
    uint8_t major, minor;
    struct mm_aid aid, module_aid;
    const uint8_t *params; /* applet: C9 value; borrowed from the record */
    uint8_t params_len;
    mm_comp domain;      /* associated security domain; 0: the issuer's */
    uint8_t implicit;    /* implicit selection parameter (CF); 0: none */
    uint8_t contactless; /* GPCLRegistryEntry.STATE_CL_...: 0 deactivated, 1 activated */
    struct mm_quota quota;
    uint16_t services[MM_REG_SERVICES]; /* global services it may offer (CB); 0: none */
    uint8_t services_on;                /* bit i: services[i] is offered */
    int16_t order;                      /* partial selection: lower ones first, then by component */
    mm_comp head; /* head of its group of contactless applications; 0: it is in none */
};
struct mm_registry {
    struct mm_nvm *nvm;
    struct mm_reg_entry entries[MM_REG_MAX]; /* ascending component id */
    size_t n;
    uint16_t selectable[MM_REG_MAX]; /* indices of applications and domains in selection order */
    size_t selectable_n;
};
/* Read it anew from the NVM; records that make no sense are left out (a damaged platform). */
void mm_reg_load(struct mm_registry *reg);
const struct mm_reg_entry *mm_reg_find(const struct mm_registry *reg, const struct mm_aid *aid);
const struct mm_reg_entry *mm_reg_comp(const struct mm_registry *reg, mm_comp comp);
/* An instance whose load file is being replaced: no code, no objects but what it saved (upgrade.h). */
static inline bool mm_reg_suspended(const struct mm_reg_entry *e)
{
    return e->kind == MM_COMP_APPLET && e->package == 0;
}
/* Life cycle state as it is now in the NVM. */
uint8_t mm_reg_state(const struct mm_registry *reg, const struct mm_reg_entry *entry);
enum mm_status mm_reg_set_state(struct mm_registry *reg, const struct mm_reg_entry *entry,
                                uint8_t state) MM_USE_RESULT;
/* A component id that is not in use, 0 on failure (MM_NO_MEMORY: all are). Writes the platform
 * record. */
enum mm_status mm_reg_new_comp(struct mm_registry *reg, mm_comp *out) MM_USE_RESULT;
/* The security domain an application or load file belongs to, a domain to itself; 0: the issuer
 * security domain. */
mm_comp mm_reg_domain(const struct mm_registry *reg, mm_comp comp);
/* Add (entry->key is found by the function) and delete; both load the registry anew. */
enum mm_status mm_reg_add(struct mm_registry *reg, const struct mm_reg_entry *entry,
                          uint8_t state) MM_USE_RESULT;
enum mm_status mm_reg_delete(struct mm_registry *reg, mm_comp comp) MM_USE_RESULT;
/* Write what changed in a copy of the entry; state and parameters stay. Loads the registry anew. */
enum mm_status mm_reg_update(struct mm_registry *reg,
                             const struct mm_reg_entry *entry) MM_USE_RESULT;

/* ---- domain.c: security domains (GPCS 2.3.1, 7) ---- */
/* A domain is its component, 0 the issuer's. */
/* The domain that is selected on the running command's channel: whose authority commands have. */
mm_comp mm_domain_current(const struct mm_card *card);
/* Does the domain stand above the entry: is it associated with it, directly or through others? */
bool mm_domain_above(const struct mm_card *card, mm_comp domain, const struct mm_reg_entry *e);
/* Privileges of a domain or application; the issuer's are what no other took from it. */
void mm_domain_privileges(const struct mm_card *card, mm_comp comp, uint8_t out[MM_PRIV_LEN]);
/* The application or supplementary domain that holds it; NULL: none. */
const struct mm_reg_entry *mm_priv_holder(const struct mm_card *card, enum mm_privilege privilege);
/* May the domain actor give these to target, an entry as it is or (comp 0) is to be (GPCS 6.6.2)?
 * 6A80: they contradict each other; 6985: another holds one, or it is not the actor's to give. */
uint16_t mm_priv_check(const struct mm_card *card, mm_comp actor, const struct mm_reg_entry *target,
                       const uint8_t privileges[MM_PRIV_LEN]);
bool mm_domain_may(const struct mm_card *card, mm_comp comp, enum mm_privilege privilege);
/* AID of a domain; the issuer's has the one of its image, which STORE DATA may change (11.11.2.3). */
struct mm_aid mm_domain_aid(const struct mm_card *card, mm_comp domain);
/* Registered, or the card's own: no new application, load file or domain may have it. */
bool mm_domain_aid_taken(const struct mm_card *card, const struct mm_aid *aid);
/* Whose keys open a secure channel with the domain: its own, and until it has some those of the
 * domain above it (GPCS 7.3). */
mm_comp mm_domain_of_keys(const struct mm_card *card, mm_comp domain);
/* Names under which INSTALL finds the code of a supplementary domain, which is the card's own. */
bool mm_domain_is_package(const struct mm_aid *aid);
bool mm_domain_is_module(const struct mm_aid *aid);
/* By AID, the issuer's included. false: none of that AID. */
bool mm_domain_find(const struct mm_card *card, const struct mm_aid *aid, mm_comp *domain);

/* ---- Secure channel, card side (session.c) ---- */
/* SCP11, before a session: what the host's certificates told so far. */
struct mm_oce {
    mm_comp owner;     /* who they were sent to */
    EVP_PKEY *key;     /* of the last one; NULL: there was none */
    bool whole;        /* the host's own, not one for further certificates */
    bool path_limited; /* no more than path_len certificates may come that sign others */
    uint8_t path_len;
    uint8_t ca_version, ca_id; /* the key that the first was checked with */
    struct mm_buf part;        /* a certificate in several commands: so far */
};
enum mm_session_state { MM_SESSION_NONE, MM_SESSION_STARTED, MM_SESSION_OPEN };
struct mm_session {
    enum mm_session_state state;
    mm_comp owner;  /* the domain (0: the issuer's), or an applet that uses its domain's keys */
    mm_comp domain; /* whose keys they are */
    uint8_t key_version; /* which of them */
    uint32_t sequence;   /* SCP02: the counter the session keys were made with */
    struct mm_scp scp;   /* scp.level: what the session protects */
    uint8_t base_level;  /* as it was opened, without what BEGIN R-MAC SESSION added */
    /* BEGIN and END R-MAC SESSION change the level after their own response. */
    bool level_changes;
    uint8_t next_level;
    bool rmac_begins, rmac_ends;
    bool authenticated; /* the host has shown who it is: not in SCP11b */
    bool aborted; /* state is NONE: owner's session ended over a command without its protection */
    struct mm_oce oce;
    struct mm_buf key_data; /* PUT KEY that comes in several commands: so far, */
    uint8_t key_p1, key_p2; /* and what they have in common */
};

struct mm_card;
void mm_session_end(struct mm_session *session);
/* INITIALIZE UPDATE with the keys of the owner's domain (GPCS E.5.1; Amendment D, 7.1.1). */
uint16_t mm_session_init_update(struct mm_card *card, mm_comp owner, uint8_t key_version,
                                const uint8_t *data, size_t data_len,
                                uint8_t out[MM_SCP_INIT_ANSWER_MAX], size_t *out_len);
/* EXTERNAL AUTHENTICATE; the command's data is changed. */
uint16_t mm_session_authenticate(struct mm_card *card, mm_comp owner,
                                 struct mm_scp_command *command);
/* A command with secure messaging: check the C-MAC, take it off, decrypt. It may open a session, where
 * the domain's keys are for SCP02 with implicit initiation. 9000, or 6982 and the session is over. */
uint16_t mm_session_unwrap(struct mm_card *card, mm_comp owner, struct mm_scp_command *command);
/* A command without. 6982, and the session is over, when it has to have it. */
uint16_t mm_session_plain(struct mm_card *card, const uint8_t header[4], bool extended,
                          const uint8_t *data, size_t data_len);
/* Encrypt and add R-MAC as the level asks; sw goes into the MAC. room: of data. */
uint16_t mm_session_wrap(struct mm_card *card, uint8_t *data, size_t *data_len, size_t room,
                         uint16_t sw);
/* BEGIN and END R-MAC SESSION (GPCS E.5.3, E.5.4; Amendment D, 7.1.3), inside the open session. */
uint16_t mm_session_begin_rmac(struct mm_card *card, uint8_t p1, uint8_t p2, const uint8_t *data,
                               size_t data_len);
uint16_t mm_session_end_rmac(struct mm_card *card, uint8_t p1, uint8_t p2, size_t data_len);
/* PERFORM SECURITY OPERATION, MUTUAL and INTERNAL AUTHENTICATE (Amendment F), scp11.c. The class is as on
 * the basic channel; the owner is a domain or an application of one. out: the answer is appended. */
bool mm_scp11_is_command(uint8_t cla, uint8_t ins);
uint16_t mm_scp11_command(struct mm_card *card, mm_comp owner, const struct mm_apdu *apdu,
                          struct mm_buf *out);
/* Parameter i that new key sets for that protocol get. */
uint8_t mm_session_default_i(const struct mm_card *card, uint8_t protocol);

/* ---- A package on its way in: INSTALL [for load] and LOAD blocks ---- */
struct mm_loading {
    bool active, combined; /* combined: INSTALL [for load, install and make selectable] */
    uint8_t next_block;
    struct mm_aid package;
    mm_comp domain;         /* that it will be associated with */
    struct mm_cap *cap;     /* owned: checked, waiting for the end of a combined INSTALL */
    uint8_t token_id[0x7f]; /* of INSTALL's token, for the receipt */
    uint8_t token_id_len;
    uint8_t hash[64];
    size_t hash_len;
    struct mm_buf file;
};

/* STORE DATA blocks on their way in. */
struct mm_storing {
    uint8_t next_block, structure;
    bool encrypted; /* values of data groups, under the DEK */
    mm_comp target; /* the application that is personalised; 0: the domain itself */
    struct mm_buf data;
};

/* ---- Logical channels (ISO 7816-4, 5.4.2; JCRE 3.0.5, 4) ---- */
#define MM_CHANNEL_N 20
enum mm_selected {
    MM_SELECTED_NONE,
    MM_SELECTED_DOMAIN, /* selected_comp: which, 0 the issuer's */
    MM_SELECTED_INTEGRITY,
    MM_SELECTED_APPLET
};

/* What belongs to one logical channel: the selected application and all that ends with its
 * selection. */
struct mm_channel {
    bool open;
    enum mm_selected selected;
    mm_comp selected_comp; /* of a selected applet or domain */
    struct mm_session session;
    struct mm_loading loading;
    struct mm_storing storing;
    size_t status_next; /* GET STATUS: where "next occurrence" goes on */
    uint8_t status_p1;

    bool pending;       /* GET RESPONSE may go on with: */
    struct mm_buf rest; /* the response, */
    size_t rest_off;    /* of it, already handed out */
    uint16_t rest_sw;   /* status word after the last of it */
    uint8_t rest_cla;   /* class of the command it answers */
};

struct mm_card {
    struct mm_card_config cfg;
    struct mm_nvm *nvm;
    struct mm_vm *vm;
    struct mm_integrity *integrity;
    struct mm_registry registry;
    struct mm_vm_services services;
    struct mm_gp_services gp;
    struct mm_apdu_services apdu_services;
    enum mm_profile profile;
    uint8_t chip_id[MM_CHIP_ID_LEN];
    bool on;

    struct mm_channel channels[MM_CHANNEL_N];
    struct mm_channel *channel;  /* of the running command; never NULL */
    bool selecting, reselecting; /* the running SELECT, of the applet that was selected already */
    mm_ref personal_data, personal_answer; /* global arrays: what processData() gets and fills */

#define MM_HISTORICAL_MAX 15                /* T0 has four bits for their number */
    uint8_t atr[4 + MM_HISTORICAL_MAX + 1]; /* TS T0 TD1 TD2, historical bytes, TCK */
    size_t atr_len, historical_off, historical_len;

    mm_comp volatile_priority; /* GPCLSystem.setVolatilePriority, until reset; 0: none */

    bool cvm_submitted, cvm_verified; /* the global PIN's state, until reset */

    /* The install() that is running: what Applet.register told. */
    bool installing, registered;
    mm_comp install_owner;
    struct mm_aid install_aid;
    mm_ref install_applet;

    const struct mm_upgrade *upgrade; /* whose phase is running; else NULL */

    struct mm_buf out;  /* response data of the current command */
    struct mm_buf work; /* command data without secure messaging */
    struct {
        struct mm_buf whole; /* what ENVELOPEs brought so far; empty: none is open */
        size_t string_len;   /* of the first */
    } envelope;
};

/* ---- card.c ---- */
enum mm_status mm_card_random(struct mm_card *card, uint8_t *out, size_t out_len) MM_USE_RESULT;
/* Log an internal failure and say which status word tells it: 6A84 memory, 6581 storage. */
uint16_t mm_card_failure(const char *what, enum mm_status st);

/* After a content transaction that failed: abort it, and make registry and VM anew from the image,
 * so that no table of theirs is ahead of it. */
void mm_card_undo_content(struct mm_card *card);

/* ---- envelope.c: commands of more than 255 bytes under T=0 ---- */
enum mm_envelope {
    MM_ENVELOPE_NONE,  /* the command is no part of one */
    MM_ENVELOPE_MORE,  /* taken, more follows */
    MM_ENVELOPE_WHOLE, /* card->envelope.whole is the command; to be dropped after its answer */
    MM_ENVELOPE_BAD    /* the parts do not make one: they are forgotten */
};
enum mm_envelope mm_envelope_take(struct mm_card *card, const struct mm_apdu *apdu);
void mm_envelope_drop(struct mm_card *card);

/* ---- atr.c ---- */
/* Make the ATR anew from the image: at a cold reset. */
void mm_card_atr_make(struct mm_card *card);
/* For mm_gp_services: the historical bytes that were told, and new ones for the next cold reset. */
void mm_card_historical(void *ctx, uint8_t *out, size_t *len);
bool mm_card_set_historical(void *ctx, mm_comp owner, const uint8_t *bytes, size_t len);

/* ---- channel.c: logical channels ---- */
uint8_t mm_channel_number(const struct mm_card *card); /* of card->channel */
/* Is the instance selected, or any instance of the package (JCRE 3.0.5, 4.2: is its context active), on
 * a channel other than but (NULL: on any)? */
bool mm_channel_instance_active(const struct mm_card *card, mm_comp comp,
                                const struct mm_channel *but);
bool mm_channel_context_active(const struct mm_card *card, mm_comp package,
                               const struct mm_channel *but);
/* The instance is gone: no channel has it selected any more. Nothing is told to it. */
void mm_channel_forget(struct mm_card *card, mm_comp comp);
/* Close card->channel; nothing is told to its application. */
void mm_channel_close(struct mm_card *card);
uint16_t mm_channel_manage(struct mm_card *card, const struct mm_apdu *apdu);

/* ---- isd.c, get_data.c, get_status.c: a security domain ---- */
uint16_t mm_isd_command(struct mm_card *card, const struct mm_apdu *apdu);
/* FCI of the selected domain. */
void mm_isd_fci(const struct mm_card *card, struct mm_buf *out);
uint16_t mm_isd_get_data(struct mm_card *card, const struct mm_apdu *apdu);
/* Append one of them, 42 or 45; false: the domain has none. */
bool mm_isd_number(const struct mm_card *card, mm_comp domain, uint16_t tag, struct mm_buf *out);
/* Issuer and card number, as objects 42 and 45. */
void mm_isd_numbers(const struct mm_card *card, struct mm_buf *out);
/* Does the selected domain see the entry in lists: its own, what is below, or every one? */
bool mm_domain_sees(const struct mm_card *card, const struct mm_reg_entry *e);
uint16_t mm_isd_get_status(struct mm_card *card, const struct mm_apdu *apdu);

/* ---- keys.c: commands on the keys of the session's domain (key_store.h holds them) ---- */
uint16_t mm_isd_put_key(struct mm_card *card, const struct mm_apdu *apdu); /* put_key.c */
uint16_t mm_isd_delete_keys(struct mm_card *card, const struct mm_apdu *apdu);
/* Append the key information of a domain: C0 objects, without the E0 around them. */
void mm_isd_key_information(const struct mm_card *card, mm_comp domain, struct mm_buf *out);
/* Append the value of C1; MM_NOT_FOUND: the domain's default keys have no sequence counter. */
enum mm_status mm_isd_sequence(const struct mm_card *card, mm_comp domain,
                               struct mm_buf *out) MM_USE_RESULT;
/* Append the secure channels the domain's key sets speak: 64 objects of card recognition data
 * (GPCS H.2). */
void mm_isd_channel_oids(const struct mm_card *card, mm_comp domain, struct mm_buf *out);

/* ---- set_status.c: life cycles ---- */
uint8_t mm_card_state(const struct mm_card *card);
bool mm_card_state_allowed(uint8_t from, uint8_t to);
/* MM_STATE: the card's state does not lead there. */
enum mm_status mm_card_set_state(struct mm_card *card, uint8_t state) MM_USE_RESULT;
uint16_t mm_isd_set_status(struct mm_card *card, const struct mm_apdu *apdu);

/* ---- store_data.c ---- */
uint16_t mm_isd_store_data(struct mm_card *card, const struct mm_apdu *apdu);
uint16_t mm_isd_install_for_personalization(struct mm_card *card, const struct mm_apdu *apdu);
void mm_isd_store_drop(struct mm_card *card);
/* All that was stored in a domain; the record's bytes are borrowed. And write it anew: MM_TOO_LONG. */
const uint8_t *mm_isd_stored(const struct mm_card *card, mm_comp domain, size_t *len);
enum mm_status mm_isd_store_all(struct mm_card *card, mm_comp domain,
                                const struct mm_buf *all) MM_USE_RESULT;
/* Append a stored object, tag and length included; false: there is none. */
bool mm_isd_stored_object(const struct mm_card *card, mm_comp domain, uint16_t tag,
                          struct mm_buf *out);

/* ---- layout.c: what an image must have been made with ---- */
uint32_t mm_layout_of(const struct mm_rom_package *const *rom); /* NULL-terminated; never 0 */
/* Is the key of a record in records.def? */
bool mm_card_record_known(uint32_t key);

/* ---- quota.c: the registry's limits of memory, brought to NVM and VM; for every new VM ---- */
void mm_quota_apply(struct mm_card *card);
struct mm_memory {
    uint32_t stable, transient; /* bytes */
};
/* What a component takes: its records, its transient arrays. */
struct mm_memory mm_quota_used(const struct mm_card *card, mm_comp comp);

/* ---- content.c, load.c: card content management ---- */
uint16_t mm_content_install(struct mm_card *card, const struct mm_apdu *apdu);
uint16_t mm_content_load(struct mm_card *card, const struct mm_apdu *apdu);
uint16_t mm_content_delete(struct mm_card *card, const struct mm_apdu *apdu);
void mm_content_load_drop(struct mm_card *card);
uint16_t mm_content_upgrade(struct mm_card *card, const struct mm_apdu *apdu); /* upgrade.c */
/* INSTALL [for load], alone or as the first of a combined one. */
uint16_t mm_content_install_for_load(struct mm_card *card, const struct mm_apdu *apdu);
/* Delete by order of the integrity application: the applet, and its package when it was the last
 * instance or the package is damaged. */
enum mm_status mm_content_delete_applet(struct mm_card *card,
                                        const struct mm_aid *aid) MM_USE_RESULT;

/* ---- select.c: applications ---- */
uint16_t mm_select(struct mm_card *card, const struct mm_apdu *apdu);
/* After a reset, no answer: the application with the Default Selected privilege, else the domain. */
void mm_select_default(struct mm_card *card);
/* Select on card->channel, just opened from origin (JCRE 3.0.5, 4.5.1): what origin has selected, or the
 * channel's default. Not 9000: it may or would not be. */
uint16_t mm_select_opened(struct mm_card *card, const struct mm_channel *origin);
/* Does the applet implement MultiSelectable? */
bool mm_select_multi(const struct mm_card *card, const struct mm_reg_entry *e);
/* Deselect what card->channel has selected. */
void mm_select_none(struct mm_card *card);
uint16_t mm_select_process(struct mm_card *card, const struct mm_apdu *apdu);
/* Status word for what a call into Java code ended with. */
uint16_t mm_select_run_sw(const struct mm_card *card, enum mm_run run);
bool mm_select_usable(const struct mm_card *card, const struct mm_reg_entry *entry);

/* ---- cvm.c, entry_services.c: what mm_gp_services gives applications ---- */
void mm_cvm_get(void *ctx, struct mm_gp_cvm *out);
bool mm_cvm_update(void *ctx, mm_comp owner, const uint8_t *data, size_t len, uint8_t format);
bool mm_cvm_set_limit(void *ctx, mm_comp owner, uint8_t limit);
bool mm_cvm_block(void *ctx, mm_comp owner);
bool mm_cvm_reset(void *ctx, mm_comp owner, bool unblock);
bool mm_cvm_verify(void *ctx, const uint8_t *data, size_t len, uint8_t format);
bool mm_entry_find(void *ctx, mm_comp owner, const struct mm_aid *aid, uint8_t privilege,
                   mm_comp *entry);
bool mm_entry_get(void *ctx, mm_comp entry, struct mm_gp_registered *out);
bool mm_entry_set_state(void *ctx, mm_comp owner, mm_comp entry, uint8_t state);
uint16_t mm_entry_service(void *ctx, mm_comp owner, mm_comp entry, uint16_t service, bool on);
bool mm_entry_service_find(void *ctx, const struct mm_aid *aid, uint16_t service, mm_ref *applet);

/* ---- services.c ---- */
void mm_services_init(struct mm_card *card);

#endif
