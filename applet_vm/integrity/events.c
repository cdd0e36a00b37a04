/*
 * The event log: a ring of 64, newest first when read.
 *
 *   record: u4 sequence of the next entry, then 64 places of
 *           u4 sequence  u8 counter  u1 kind  u1 AID length  AID(16)      sequence 0: empty
 */
#include "applet_vm/integrity/integrity_int.h"

#include <string.h>

#define RING_N    64u
#define ENTRY_LEN (4 + 8 + 1 + 1 + MM_AID_MAX)
#define RING_LEN  (4 + RING_N * ENTRY_LEN)

const char *mm_event_text(uint8_t kind)
{
    switch (kind) {
#define MM_EVENT(number, name, sentence)                                                           \
    case MM_EVENT_##name:                                                                          \
        return (sentence);
#include "applet_vm/integrity/events.def"
#undef MM_EVENT
    default:
        return "unknown event";
    }
}

static const uint8_t *ring_get(const struct mm_integrity *in)
{
    size_t len;
    const uint8_t *ring = in_rec(in, IN_REC_EVENTS, &len);

    return ring != NULL && len == RING_LEN ? ring : NULL;
}

/* Entry i back from the newest; NULL past the oldest. */
static const uint8_t *entry_at(const uint8_t *ring, uint32_t i)
{
    uint32_t next = ring != NULL ? mm_be32(ring) : 0;
    const uint8_t *e;

    if (i >= RING_N || i + 1 >= next)
        return NULL;
    e = ring + 4 + (size_t)((next - 1 - i) % RING_N) * ENTRY_LEN;
    /* A damaged platform section can hold anything here. */
    return mm_be32(e) == next - 1 - i && e[13] <= MM_AID_MAX ? e : NULL;
}

enum mm_status mm_integrity_event(struct mm_integrity *in, uint8_t kind,
                                  const struct mm_aid *detail)
{
    struct mm_nvm *nvm = in->cfg.nvm;
    uint8_t entry[ENTRY_LEN] = {0}, next[4] = {0, 0, 0, 1};
    const uint8_t *ring = ring_get(in);
    uint32_t sequence;
    bool mine;
    enum mm_status st = in_tx_begin(in, &mine);

    if (st != MM_OK)
        return st;
    if (ring == NULL) {
        uint8_t zero[RING_LEN] = {0};
        memcpy(zero, next, sizeof(next));
        st = in_rec_put(in, IN_REC_EVENTS, zero, sizeof(zero));
        ring = ring_get(in);
    }
    if (st == MM_OK && ring != NULL) {
        sequence = mm_be32(ring);
        mm_put_be32(entry, sequence);
        mm_put_be64(entry + 4, mm_nvm_counter(nvm));
        entry[12] = kind;
        if (detail != NULL) {
            entry[13] = detail->len;
            memcpy(entry + 14, detail->bytes, detail->len);
        }
        mm_put_be32(next, sequence + 1);
        st = mm_rec_write(nvm, IN_REC_EVENTS, 4 + (size_t)(sequence % RING_N) * ENTRY_LEN, entry,
                          sizeof(entry));
        if (st == MM_OK)
            st = mm_rec_write(nvm, IN_REC_EVENTS, 0, next, sizeof(next));
    }
    return in_tx_end(in, mine, st);
}

void in_events_get(const struct mm_integrity *in, struct mm_buf *out)
{
    const uint8_t *ring = ring_get(in), *e;

    for (uint32_t i = 0; (e = entry_at(ring, i)) != NULL; i++)
        mm_buf_bytes(out, e, (size_t)14 + e[13]);
}

/* Is the newest thing said of this AID that it was damaged? */
static bool damage_known(const struct mm_integrity *in, const struct mm_aid *aid)
{
    const uint8_t *ring = ring_get(in), *e;

    for (uint32_t i = 0; (e = entry_at(ring, i)) != NULL; i++) {
        if (aid->len == 0 && e[12] != MM_EVENT_DAMAGE)
            continue; /* many kinds carry no AID; for the platform only damage counts */
        if (e[13] == aid->len && memcmp(e + 14, aid->bytes, aid->len) == 0)
            return e[12] == MM_EVENT_DAMAGE;
    }
    return false;
}

void in_events_damage(struct mm_integrity *in)
{
    struct mm_comp_info info;
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && mm_comp_get(in->cfg.nvm, i, &info); i++) {
        if (info.damage != MM_DAMAGE_NONE && !damage_known(in, &info.aid))
            st = mm_integrity_event(in, MM_EVENT_DAMAGE, &info.aid);
    }
    /* With no room left for the log the chip still has to answer, and its token tells the same. */
    if (st != MM_OK)
        mm_log("warn", "event_log", "damage not logged: %s", mm_status_text(st));
}
