/*
 * Annotations in class files (JVMS 8, 4.7.16). One is of interest: org.mintmark.cap.Aid, which
 * gives an applet class its AID and, on package-info, a package its AID and version. The others
 * are passed over.
 */
#include "converter/conv_int.h"

#include <string.h>

#define AID_TYPE  "Lorg/mintmark/cap/Aid;"
#define DEPTH_MAX 8 /* annotations and arrays inside each other */

static bool skip_annotation(struct mm_rd *rd, unsigned depth);

/* element_value; *text: the constant that its string is, 0 for other kinds. */
static bool read_value(struct mm_rd *rd, unsigned depth, uint16_t *text)
{
    uint8_t tag = mm_rd_u8(rd);
    uint16_t n, ignored;

    *text = 0;
    if (depth > DEPTH_MAX)
        return false;
    switch (tag) {
    case 's':
        *text = mm_rd_u16(rd);
        break;
    case 'e':
        (void)mm_rd_u32(rd);
        break;
    case '@':
        return skip_annotation(rd, depth + 1);
    case '[':
        n = mm_rd_u16(rd);
        for (; n > 0 && !rd->bad; n--) {
            if (!read_value(rd, depth + 1, &ignored))
                return false;
        }
        break;
    default:
        if (tag == '\0' || strchr("BCDFIJSZc", tag) == NULL)
            return false;
        (void)mm_rd_u16(rd);
        break;
    }
    return !rd->bad;
}

static bool skip_annotation(struct mm_rd *rd, unsigned depth)
{
    uint16_t n, ignored;

    (void)mm_rd_u16(rd);
    n = mm_rd_u16(rd);
    for (; n > 0 && !rd->bad; n--) {
        (void)mm_rd_u16(rd);
        if (!read_value(rd, depth, &ignored))
            return false;
    }
    return !rd->bad;
}

static bool read_aid(struct mm_cls *cls, struct mm_rd *rd)
{
    for (uint16_t n = mm_rd_u16(rd); n > 0 && !rd->bad; n--) {
        const char *name = mm_conv_cp_text(cls, mm_rd_u16(rd));
        uint16_t text;

        if (name == NULL || !read_value(rd, 0, &text))
            return false;
        if (strcmp(name, "value") == 0)
            cls->aid = mm_conv_cp_text(cls, text);
        else if (strcmp(name, "version") == 0)
            cls->version = mm_conv_cp_text(cls, text);
    }
    return !rd->bad;
}

bool mm_conv_annotations(struct mm_cls *cls, struct mm_rd *rd)
{
    for (uint16_t n = mm_rd_u16(rd); n > 0 && !rd->bad; n--) {
        struct mm_rd ahead = *rd;
        const char *type = mm_conv_cp_text(cls, mm_rd_u16(&ahead));

        if (type != NULL && strcmp(type, AID_TYPE) == 0) {
            *rd = ahead;
            if (!read_aid(cls, rd))
                return false;
        } else if (!skip_annotation(rd, 0)) {
            return false;
        }
    }
    return !rd->bad;
}
