/* Descriptors: of the JVM (JVMS 4.3) and of CAP files (JCVM 3.0.5, 6.14.4). */
#include "converter/conv_int.h"

#include <string.h>

char mm_conv_type_next(const char **desc)
{
    const char *p = *desc;
    char c = *p;

    while (*p == '[')
        p++;
    if (*p == 'L') {
        p = strchr(p, ';');
        if (p == NULL)
            return 0;
    } else if (*p == '\0' || strchr("ZBSCIJFDV", *p) == NULL || (c == '[' && *p == 'V')) {
        return 0;
    }
    *desc = p + 1;
    return c;
}

const char *mm_conv_type_bad(const char *desc, bool ints)
{
    switch (desc[0]) {
    case 'I':
        return ints ? NULL : "int";
    case 'J':
        return "long";
    case 'F':
        return "float";
    case 'D':
        return "double";
    case 'C':
        return "char";
    case '[':
        if (desc[1] == '[')
            return "array of arrays";
        if (strchr("IJFDC", desc[1]) != NULL)
            return mm_conv_type_bad(desc + 1, ints);
        return NULL;
    case 'L':
        if (strncmp(desc, "Ljava/lang/String;", 18) == 0)
            return "String";
        return NULL;
    default:
        return NULL;
    }
}

int mm_conv_desc_args(const char *desc, bool ints, const char **bad)
{
    int n = 0;

    *bad = NULL;
    if (*desc++ != '(')
        return -1;
    while (*desc != ')') {
        if (*bad == NULL)
            *bad = mm_conv_type_bad(desc, ints);
        if (*desc == 'V' || mm_conv_type_next(&desc) == 0)
            return -1;
        n++;
    }
    desc++;
    if (*bad == NULL)
        *bad = mm_conv_type_bad(desc, ints);
    if (mm_conv_type_next(&desc) == 0 || *desc != '\0')
        return -1;
    return n > 255 ? -1 : n;
}

int mm_conv_desc_cells(const char *desc)
{
    int n = 0;

    for (const char *p = desc + 1; *p != ')' && *p != '\0';) {
        n += *p == 'I' ? 2 : 1;
        if (mm_conv_type_next(&p) == 0)
            return 0;
    }
    return n;
}

const char *mm_conv_type_hint(const char *bad)
{
    static const struct {
        const char *type, *hint;
    } hints[] = {
        {"int", "use short, or convert with --int for cards that have int"},
        {"long", "use short, or int with --int"},
        {"float", "cards have no fractions: count in the smallest unit"},
        {"double", "cards have no fractions: count in the smallest unit"},
        {"char", "use byte or short"},
        {"array of arrays", "use one array and compute the index"},
        {"String", "use a byte array"},
    };

    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strcmp(hints[i].type, bad) == 0)
            return hints[i].hint;
    }
    return "not for cards";
}

const char *mm_conv_class_hint(const char *name)
{
    static const struct {
        const char *name, *hint; /* a package ends with '/' */
    } hints[] = {
        {"java/lang/Enum", "use byte constants instead of an enum"},
        {"java/lang/Record", "write a class with fields"},
        {"java/lang/Thread", "cards have no threads; leave it out"},
        {"java/lang/Runnable", "cards have no threads; use an interface of your own"},
        {"java/lang/String", "use a byte array"},
        {"java/lang/StringBuilder", "use a byte array"},
        {"java/lang/Class", "cards have no reflection, and no assert"},
        {"java/lang/System", "use javacard.framework.Util or JCSystem"},
        {"java/lang/Math", "write it with short arithmetic"},
        {"java/lang/Iterable", "use an array"},
        {"java/lang/Integer", "use short: cards have no boxed values"},
        {"java/lang/Short", "use short: cards have no boxed values"},
        {"java/lang/Byte", "use byte: cards have no boxed values"},
        {"java/lang/Boolean", "use boolean: cards have no boxed values"},
        {"java/lang/Character", "use byte: cards have no boxed values"},
        {"java/lang/Long", "use short: cards have no boxed values"},
        {"java/util/", "use arrays: cards have no collections"},
    };

    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        size_t len = strlen(hints[i].name);

        if (strncmp(name, hints[i].name, len) == 0 &&
            (name[len] == '\0' || hints[i].name[len - 1] == '/'))
            return hints[i].hint;
    }
    return NULL;
}

char mm_conv_desc_ret(const char *desc)
{
    const char *p = strchr(desc, ')');

    return p == NULL ? 0 : p[1];
}

struct nibbles {
    uint8_t v[256 * 5 + 8]; /* a method has at most 255 arguments and a result, 5 nibbles each */
    size_t n;
};

static enum mm_status put_type(struct mm_conv *cv, const char *desc, struct nibbles *out,
                               struct mm_err *err)
{
    static const char codes[] = "VZBSI"; /* void 1, boolean 2, byte 3, short 4, int 5 */
    bool array = desc[0] == '[';
    const char *elem = desc + (array ? 1 : 0);
    struct mm_cref c;
    enum mm_status st;
    uint16_t ref;

    if (*elem != 'L') {
        const char *p = strchr(codes, *elem);
        if (p == NULL)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "type %s is not for cards", desc);
        out->v[out->n++] = (uint8_t)(p - codes + 1 + (array ? 8 : 0));
        return MM_OK;
    }
    st =
        mm_conv_find_class(cv, mm_arena_text(cv->arena, elem + 1, strcspn(elem, ";") - 1), &c, err);
    if (st != MM_OK)
        return st;
    ref = mm_conv_cref_encode(cv, c);
    out->v[out->n++] = array ? 0xE : 6;
    for (int shift = 12; shift >= 0; shift -= 4)
        out->v[out->n++] = (ref >> shift) & 15;
    return MM_OK;
}

enum mm_status mm_conv_type_write(struct mm_conv *cv, const char *desc, struct mm_buf *out,
                                  struct mm_err *err)
{
    struct nibbles nb = {.n = 0};
    const char *p = desc;
    enum mm_status st = MM_OK;

    if (*p == '(')
        p++;
    while (st == MM_OK && *p != '\0') {
        const char *type = p;

        if (*p == ')') {
            p++;
            continue;
        }
        if (nb.n + 5 > sizeof(nb.v) || mm_conv_type_next(&p) == 0)
            return mm_fail(err, MM_MALFORMED, SIZE_MAX, "descriptor %s is malformed", desc);
        st = put_type(cv, type, &nb, err);
    }
    if (st != MM_OK)
        return st;
    if (nb.n > 255)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "descriptor %s is too long", desc);
    mm_buf_u8(out, (uint8_t)nb.n);
    for (size_t i = 0; i < nb.n; i += 2)
        mm_buf_u8(out, (uint8_t)(nb.v[i] << 4 | (i + 1 < nb.n ? nb.v[i + 1] : 0)));
    return MM_OK;
}
