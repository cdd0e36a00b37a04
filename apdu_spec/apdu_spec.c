#include "apdu_spec/apdu_spec.h"

static const struct {
    const char *hex, *what;
} aids[] = {
#define MM_AID(name, hex, what) {(hex), (what)},
#include "apdu_spec/aid.def"
#undef MM_AID
};

static const struct {
    uint16_t sw;
    const char *sentence;
} sws[] = {
#define MM_SW(value, name, sentence) {0x##value, (sentence)},
#include "apdu_spec/sw.def"
#undef MM_SW
};

static const struct mm_ins_info inss[] = {
#define MM_INS(app, name, cla, ins, iso_case, where)                                               \
    {#app, #name, (cla), (ins), (iso_case), (where)},
#include "apdu_spec/ins.def"
#undef MM_INS
};

struct mm_aid mm_aid_of(enum mm_aid_id id)
{
    struct mm_aid aid = {0};
    size_t n = sizeof(aid.bytes);

    if ((unsigned)id < MM_AID_N && mm_unhex(aids[id].hex, aid.bytes, &n) == MM_OK)
        aid.len = (uint8_t)n;
    return aid;
}

const char *mm_aid_what(const struct mm_aid *aid)
{
    for (unsigned i = 0; i < MM_AID_N; i++) {
        struct mm_aid known = mm_aid_of((enum mm_aid_id)i);
        if (mm_aid_equal(aid, &known))
            return aids[i].what;
    }
    return NULL;
}

const char *mm_sw_text(uint16_t sw)
{
    for (size_t i = 0; i < sizeof(sws) / sizeof(sws[0]); i++) {
        if (sws[i].sw == sw)
            return sws[i].sentence;
    }
    if (sw >> 8 == 0x61)
        return "more response data to get";
    if (sw >> 8 == 0x6c)
        return "wrong expected length";
    if ((sw & 0xfff0) == 0x63c0)
        return "verification failed, tries left in the last digit";
    return "status word not in the list";
}

const struct mm_ins_info *mm_ins_at(size_t index)
{
    return index < sizeof(inss) / sizeof(inss[0]) ? &inss[index] : NULL;
}
