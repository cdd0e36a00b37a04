/* What mintmark-chip info tells of a card. */
#include "applet_vm/card/card_int.h"

#include <stdio.h>

static void line(struct mm_buf *text, const char *fmt, ...) MM_PRINTF(2, 3);
static void line(struct mm_buf *text, const char *fmt, ...)
{
    char buf[256];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    if (n > 0)
        mm_buf_bytes(text, buf, (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

static const char *damage_text(enum mm_damage damage)
{
    switch (damage) {
    case MM_DAMAGE_NONE:
        return "sound";
    case MM_DAMAGE_CHANGED:
        return "CHANGED";
    case MM_DAMAGE_ROLLBACK:
        return "OLDER THAN PROMISED";
    }
    return "?";
}

enum mm_status mm_card_describe(struct mm_card *card, struct mm_buf *text)
{
    static const char *const kinds[] = {"platform", "package", "applet", "domain"};
    char hex[2 * MM_CHIP_ID_LEN + 1];
    struct mm_comp_info info;

    line(text, "profile   %s\n", card->profile == MM_PROFILE_PAYMENT ? "payment" : "developer");
    line(text, "chip id   %s\n", mm_hex(card->chip_id, sizeof(card->chip_id), hex));
    line(text, "layout    %08x\n", mm_nvm_layout(card->nvm));
    line(text, "counter   %llu\n", (unsigned long long)mm_nvm_counter(card->nvm));
    line(text, "free      %zu bytes, %zu transient\n", mm_nvm_free(card->nvm),
         mm_vm_transient_free(card->vm, MM_CLEAR_ON_RESET));
    line(text, "integrity %s\n", mm_integrity_valid(card->integrity) ? "valid" : "INVALID");
    for (size_t i = 0; mm_comp_get(card->nvm, i, &info); i++) {
        line(text, "%-9s %3u  %-32s %7zu bytes %5zu transient %5zu records  %s\n",
             info.kind <= MM_COMP_DOMAIN ? kinds[info.kind] : "?", info.comp,
             mm_hex(info.aid.bytes, info.aid.len, hex), info.bytes,
             mm_vm_transient_used(card->vm, info.comp), info.records, damage_text(info.damage));
    }
    return text->bad ? MM_NO_MEMORY : MM_OK;
}
