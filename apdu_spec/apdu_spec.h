/*
 * Every APDU, status word and AID this project defines or implements, from the .def lists beside
 * this file: C constants here, names for the tools by the lookup functions, docs/apdu.md by
 * `make docs`. MM_SW_6985_CONDITIONS_NOT_SATISFIED, MM_INS_PURSE_DEBIT.
 */
#ifndef MM_APDU_SPEC_H
#define MM_APDU_SPEC_H

#include "applet_vm/base/base.h"

enum mm_sw {
#define MM_SW(value, name, sentence) MM_SW_##value##_##name = 0x##value,
#include "apdu_spec/sw.def"
#undef MM_SW
};

enum mm_ins {
#define MM_INS(app, name, cla, ins, iso_case, where) MM_INS_##app##_##name = (ins),
#include "apdu_spec/ins.def"
#undef MM_INS
};

enum mm_aid_id {
#define MM_AID(name, hex, what) MM_AID_##name,
#include "apdu_spec/aid.def"
#undef MM_AID
    MM_AID_N
};

/* The AID of the list, by value. */
struct mm_aid mm_aid_of(enum mm_aid_id id);
/* What an AID is, NULL when it is not in the list. */
const char *mm_aid_what(const struct mm_aid *aid);
/* Sentence of a status word; knows 61xx, 6Cxx, 63Cx; never NULL. */
const char *mm_sw_text(uint16_t sw);

struct mm_ins_info {
    const char *app, *name;
    uint8_t cla, ins, iso_case;
    const char *where;
};
/* The list by index, NULL past the end. */
const struct mm_ins_info *mm_ins_at(size_t index);

#endif
