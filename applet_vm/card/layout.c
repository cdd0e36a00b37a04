/*
 * The layout number of an image: a digest over what must be the same for a program to understand an
 * image that another one made. That is the list of records, and of each class of the API that has
 * hidden cells, or inherits them, how many and how many references. A class without any changes
 * nothing, so a new one does not lock out images that are there.
 */
#include "applet_vm/card/card_int.h"

#include <openssl/evp.h>
#include <string.h>

#include "applet_vm/api/api.h"

static const struct row {
    uint32_t first, last;
    const char *layout;
} records[] = {
#define MM_RECORD(first, last, layout) {(first), (last), layout},
#include "applet_vm/card/records.def"
#undef MM_RECORD
};

bool mm_card_record_known(uint32_t key)
{
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        if (key >= records[i].first && key <= records[i].last)
            return true;
    }
    return false;
}

static const struct mm_rom_class *find_class(const struct mm_rom_package *const *rom,
                                             const char *name)
{
    for (; *rom != NULL; rom++) {
        for (size_t i = 0; i < (*rom)->class_n; i++) {
            if (strcmp((*rom)->classes[i].name, name) == 0)
                return &(*rom)->classes[i];
        }
    }
    return NULL;
}

/* A class and those above it, when any has cells. */
static void put_class(const struct mm_rom_package *const *rom, const struct mm_rom_class *cls,
                      struct mm_buf *out)
{
    unsigned cells = 0;

    for (const struct mm_rom_class *c = cls; c != NULL;
         c = c->super != NULL ? find_class(rom, c->super) : NULL)
        cells += c->native_cells;
    if (cells == 0)
        return;
    for (const struct mm_rom_class *c = cls; c != NULL;
         c = c->super != NULL ? find_class(rom, c->super) : NULL) {
        mm_buf_bytes(out, c->name, strlen(c->name) + 1);
        mm_buf_u8(out, c->native_cells);
        mm_buf_u8(out, c->native_refs);
    }
}

uint32_t mm_layout_of(const struct mm_rom_package *const *rom)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct mm_buf text;
    uint32_t layout = 0;

    mm_buf_init(&text);
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        mm_buf_u32(&text, records[i].first);
        mm_buf_u32(&text, records[i].last);
        mm_buf_bytes(&text, records[i].layout, strlen(records[i].layout) + 1);
    }
    for (size_t p = 0; rom[p] != NULL; p++) {
        for (size_t i = 0; i < rom[p]->class_n; i++)
            put_class(rom, &rom[p]->classes[i], &text);
    }
    if (!text.bad && EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) == 1)
        layout = mm_be32(digest);
    mm_buf_clear(&text);
    return layout != 0 ? layout
                       : 1; /* 0 would be any; without memory nothing else goes on either */
}
