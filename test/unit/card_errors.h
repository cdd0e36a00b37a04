/* What the tests of errors share (test_card_errors.c): the row that runs, a command that is refused and
 * changes nothing, an image that cannot be written. */
#ifndef MM_TEST_CARD_ERRORS_H
#define MM_TEST_CARD_ERRORS_H

#include "test/unit/card_domain.h"

#define ANY_INS 0x100
enum { MM_INS_ANY_ANY = ANY_INS };

struct row {
    const char *name;
    unsigned ins;
    uint16_t sw;
    void (*provoke)(struct host *h);
};
static const struct row *row; /* the one that runs */
static unsigned provoked;

/* The registry in memory is what the image says. */
static void assert_registry_agrees(const struct host *h)
{
    static struct mm_registry stored;
    const struct mm_registry *now = &h->card->registry;

    stored.nvm = h->card->nvm;
    mm_reg_load(&stored);
    assert_int_equal(now->n, stored.n);
    for (size_t i = 0; i < stored.n; i++) {
        const struct mm_reg_entry *a = &now->entries[i], *b = &stored.entries[i];
        assert_true(mm_aid_equal(&a->aid, &b->aid));
        assert_int_equal(a->comp, b->comp);
        assert_int_equal(a->domain, b->domain);
        assert_memory_equal(a->privileges, b->privileges, MM_PRIV_LEN);
        assert_memory_equal(&a->quota, &b->quota, sizeof(a->quota));
    }
}

/* What came of a command, and that it changed nothing. */
static void check(struct host *h, unsigned ins, uint16_t sw, const struct snapshot *before)
{
    if (row->ins != ANY_INS)
        assert_int_equal(ins, row->ins);
    assert_int_equal(sw, row->sw);
    assert_unchanged(h, before);
    assert_registry_agrees(h);
    provoked++;
}

/* In the open session. */
static void refuse_ins(struct host *h, uint8_t ins, uint8_t p1, uint8_t p2, const char *data)
{
    struct snapshot before;

    take_snapshot(h, &before);
    check(h, ins, secure(h, ins, p1, p2, data), &before);
}

static void refuse(struct host *h, uint8_t p1, uint8_t p2, const char *data)
{
    refuse_ins(h, (uint8_t)row->ins, p1, p2, data);
}

static void refuse_plain(struct host *h, const char *apdu)
{
    struct snapshot before;
    uint8_t header[2];
    size_t n = sizeof(header);
    char first[5] = {apdu[0], apdu[1], apdu[2], apdu[3], '\0'};

    assert_int_equal(mm_unhex(first, header, &n), MM_OK);
    take_snapshot(h, &before);
    check(h, header[1], host_hex(h, apdu), &before);
}

/* Steps that lead to the error. */
static void done(uint16_t sw)
{
    assert_int_equal(sw, 0x9000);
}

static void probe(struct host *h)
{
    done(load_probe(h));
    done(install_probe(h, "00"));
}

static void card_state(struct host *h, uint8_t state)
{
    static const uint8_t way[] = {0x07, 0x0f, 0x7f};

    for (size_t i = 0; i < sizeof(way); i++) {
        done(secure(h, 0xf0, 0x80, way[i], ""));
        if (way[i] == state)
            return;
    }
}

/* ---- An image that cannot be written: power goes at each write of the order in turn ---- */
static void note_tear(void *ctx)
{
    *(bool *)ctx = true;
}

static void unwritable(struct host *h, uint16_t (*order)(struct host *h))
{
    bool torn = true;

    for (unsigned at = 1; torn; at++) {
        struct mm_card_config cfg = {
            .nvm = {.path = h->path, .tear_at = at, .tear = note_tear, .tear_ctx = &torn}};
        struct snapshot before;
        uint16_t sw;

        torn = false;
        mm_card_close(&h->card);
        assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
        mm_card_power_on(h->card);
        sw = host_open(h, 0x03);
        if (torn) /* while the session opened */
            continue;
        done(sw);
        take_snapshot(h, &before);
        sw = order(h);
        if (torn)
            check(h, row->ins, sw, &before);
        else
            done(sw);
        assert_true(at < 100);
    }
}

#endif
