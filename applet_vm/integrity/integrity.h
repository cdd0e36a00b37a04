/*
 * Integrity of the chip: measurement, the signed token, the event log, the update certificate, the
 * pairing key and the gate. docs/measurement.md defines every byte that goes into a digest and every
 * claim of the token; docs/protocol.md the APDUs. The card routes the integrity application's and
 * the enrolment APDUs here.
 */
#ifndef MM_INTEGRITY_H
#define MM_INTEGRITY_H

#include "applet_vm/nvm/nvm.h"
#include "applet_vm/vm/vm.h"

struct mm_integrity;

/* What the card tells of its registry: one package or applet. */
struct mm_measured {
    mm_comp comp;
    enum mm_comp_kind kind; /* package or applet */
    struct mm_aid aid;      /* load file AID or instance AID */
    struct mm_aid package;  /* applet: AID of its package */
    struct mm_aid module;   /* applet: AID of its class in the CAP */
    mm_comp package_comp;   /* applet: component of its package */
    mm_ref applet;          /* applet: its root object */
    uint8_t major, minor;   /* package version (applet: of its package) */
    uint8_t life_cycle;     /* GlobalPlatform life cycle state */
    uint8_t privileges[3];
    const uint8_t *install_params; /* applet: as given at install (C9 value); borrowed */
    size_t install_params_len;
};

struct mm_integrity_config {
    struct mm_nvm *nvm; /* borrowed */
    struct mm_vm *vm;   /* borrowed */
    void *ctx;          /* for the callbacks */
    /* Registry entries by index, in ascending component id; false past the end. */
    bool (*entry)(void *ctx, size_t index, struct mm_measured *out);
    /* Delete an applet and, when it was the last of it or is damaged, its package. */
    enum mm_status (*delete_applet)(void *ctx, const struct mm_aid *aid);
    enum mm_status (*random)(void *ctx, uint8_t *out, size_t out_len);
    const uint8_t *chip_id; /* 16 bytes, borrowed */
    bool has_gate;          /* payment profile */
};

/* Records of this module are the keys 0x10100..0x101FF, platform component. */
#define MM_KEY_INTEGRITY_FIRST 0x10100
#define MM_KEY_INTEGRITY_LAST  0x101FF

enum mm_status mm_integrity_new(const struct mm_integrity_config *cfg, struct mm_integrity **out,
                                struct mm_err *err) MM_USE_RESULT;
void mm_integrity_free(struct mm_integrity **in);
/* The card made its VM anew; vm is borrowed. The gate stays as it is. */
void mm_integrity_vm_set(struct mm_integrity *in, struct mm_vm *vm);
/* Power-on or reset: the gate shuts, challenges are forgotten. */
void mm_integrity_reset(struct mm_integrity *in);

/* The integrity application's commands (selected by its AID): data in, data out, status word. */
uint16_t mm_integrity_command(struct mm_integrity *in, uint8_t ins, uint8_t p1, uint8_t p2,
                              const uint8_t *data, size_t data_len, struct mm_buf *out);
/* Enrolment commands, which the issuer security domain passes on from an authenticated session. */
uint16_t mm_integrity_enrol(struct mm_integrity *in, uint8_t ins, uint8_t p1, uint8_t p2,
                            const uint8_t *data, size_t data_len, struct mm_buf *out);

/* May payment applets be selected? Always true without a gate. */
bool mm_integrity_gate_open(const struct mm_integrity *in);
/* Whole chip valid: nothing is damaged. */
bool mm_integrity_valid(const struct mm_integrity *in);
/* Kinds of events: applet_vm/integrity/events.def. */
enum mm_event {
#define MM_EVENT(kind, name, sentence) MM_EVENT_##name = (kind),
#include "applet_vm/integrity/events.def"
#undef MM_EVENT
};
/* Sentence of a kind, never NULL. */
const char *mm_event_text(uint8_t kind);
/* Event log: kind from events.def; detail is an AID or NULL. Kept in a ring of 64. */
enum mm_status mm_integrity_event(struct mm_integrity *in, uint8_t kind,
                                  const struct mm_aid *detail) MM_USE_RESULT;

/* The three digests of a component. dynamic_digest and static_digest are zero for a package's
 * dynamic data. MM_TAMPERED: damaged, digests cannot be trusted (code digest is of what is stored). */
struct mm_digests {
    uint8_t code[MM_DIGEST_LEN];
    uint8_t fixed[MM_DIGEST_LEN];   /* static data */
    uint8_t dynamic[MM_DIGEST_LEN]; /* dynamic data */
};
/* What a walk over an object graph needs to see: the VM's own look-ups, or a test's. */
struct mm_graph {
    const void *ctx;
    const uint8_t
        *salt; /* 32 bytes only this chip knows: a PIN cannot be guessed from the digest */
    bool (*object)(const void *ctx, mm_ref ref, struct mm_obj_info *info);
    bool (*cell)(const void *ctx, mm_ref obj, uint16_t index, uint16_t *value, bool *is_ref);
    /* Contents of a persistent primitive array, shorts and ints in host byte order. */
    const uint8_t *(*array)(const void *ctx, mm_ref obj, size_t *len);
    /* AID of a component: package or applet. */
    bool (*comp_aid)(const void *ctx, mm_comp comp, struct mm_aid *aid);
    /* Is it a javacard.framework.OwnerPIN or one of its subclasses, or a biometric one? */
    bool (*is_pin)(const void *ctx, mm_ref obj);
};
/* Hidden cell of OwnerPIN, and of biometric templates and matchers, that counts tries left (applet_vm/api/natives.def). */
#define MM_PIN_TRIES_CELL 2
/* Dynamic data of the owner's applet whose root is given: docs/measurement.md, "Dynamic data".
 * MM_TAMPERED: a reference leads to no object. */
enum mm_status mm_integrity_walk(const struct mm_graph *graph, mm_ref root, mm_comp owner,
                                 uint8_t digest[MM_DIGEST_LEN]) MM_USE_RESULT;

enum mm_status mm_integrity_measure(struct mm_integrity *in, const struct mm_measured *what,
                                    struct mm_digests *out) MM_USE_RESULT;

#endif
