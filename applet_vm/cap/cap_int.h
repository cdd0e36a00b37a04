/* Inside the CAP module: the parsed form, and the checks in the order they run. */
#ifndef MM_CAP_INT_H
#define MM_CAP_INT_H

#include "applet_vm/cap/cap.h"

/* What is known of each byte of Method info while it is checked. */
enum {
    MM_CAP_MARK_METHOD = 1, /* a method header starts here */
    MM_CAP_MARK_REACH = 2,  /* an instruction that control flow reaches starts here */
    MM_CAP_MARK_INSN = 4    /* an instruction starts here in the run from the method's start */
};

#define MM_CAP_NO_LEN 0xFFFF

/* Where to look for what is at an offset: for each 32 bytes of a component the number of the first
 * element at or behind them; MM_CAP_NO_PLACE: there is none yet. */
#define MM_CAP_PLACE_SHIFT 5
#define MM_CAP_NO_PLACE    0xFFFF
struct mm_cap_places {
    uint16_t *first; /* owned */
    size_t n;
};

struct mm_cap {
    unsigned more_owners; /* besides the first */
    uint8_t *data;        /* owned: the LFDB */
    size_t data_len;
    struct mm_cap_component comp[MM_CAP_COMPONENT_N];
    uint8_t format_minor; /* CAP format 2.x */
    uint8_t flags;
    uint8_t major, minor;
    struct mm_aid aid;
    struct mm_cap_import *imports;
    size_t import_n;
    struct mm_cap_applet *applets;
    size_t applet_n;
    struct mm_cap_cp *cp;
    size_t cp_n;
    struct mm_cap_class *classes;
    size_t class_n;
    struct mm_cap_places class_places;
    struct mm_cap_method *methods;
    size_t method_n;
    struct mm_cap_places method_places;
    struct mm_cap_handler *handlers;
    size_t handler_n;
    uint16_t *branches; /* those of one method together */
    size_t branch_n;
    uint8_t *handler_order; /* indexes of handlers, those of one method together */
    struct mm_cap_statics statics;
    struct mm_cap_export *exports;
    size_t export_n;
    size_t custom_n;     /* custom components found */
    uint16_t method_min; /* first byte after the handler table */
    /* while checking only, by offset into Method info */
    uint8_t *marks;     /* MM_CAP_MARK_... */
    uint16_t *desc_len; /* code length the Descriptor gives; MM_CAP_NO_LEN: none */
};

/* Fail with "<Name> component, offset 0x...: <what>"; returns MM_MALFORMED. */
enum mm_status mm_cap_bad(struct mm_err *err, enum mm_cap_tag tag, size_t off, const char *fmt, ...)
    MM_PRINTF(4, 5);
/* A cursor over a component; the end of a component must be the end of its contents. */
void mm_cap_rd(const struct mm_cap *cap, enum mm_cap_tag tag, struct mm_rd *rd);
enum mm_status mm_cap_rd_end(const struct mm_rd *rd, enum mm_cap_tag tag, struct mm_err *err);

/* For a component of len bytes; false: out of memory. */
bool mm_cap_places_open(struct mm_cap_places *places, size_t len);
/* Element number i, the last so far, is at off, which is behind those before it. */
void mm_cap_place(struct mm_cap_places *places, size_t off, size_t i);

/* Checks shared by the components. off: where the reference stands, for the message. */
enum mm_status mm_cap_check_class_ref(const struct mm_cap *cap, uint16_t ref, enum mm_cap_tag tag,
                                      size_t off, struct mm_err *err);
/* Note that a method header must be at method_off. */
enum mm_status mm_cap_mark_method(struct mm_cap *cap, uint16_t method_off, enum mm_cap_tag tag,
                                  size_t off, struct mm_err *err);

/* In this order. */
enum mm_status mm_cap_read_header(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_read_import(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_read_handlers(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_read_applet(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_read_classes(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_read_statics(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_read_export(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_read_constant_pool(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_read_descriptor(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_check_code(struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_check_ref_location(const struct mm_cap *cap, struct mm_err *err);
enum mm_status mm_cap_check_directory(const struct mm_cap *cap, struct mm_err *err);

#endif
