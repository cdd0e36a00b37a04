/* Options by name, from the command line or a configuration file: lines of "name value" or
 * "name = value"; '#' begins a comment. */
#include "converter/conv_int.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX_LEN (64u << 10)

bool mm_conv_parse_aid(const char *text, struct mm_aid *aid)
{
    uint8_t bytes[MM_AID_MAX];
    size_t len = sizeof(bytes);

    return mm_unhex(text, bytes, &len) == MM_OK && mm_aid_set(aid, bytes, len) == MM_OK;
}

bool mm_conv_parse_version(const char *text, uint8_t *major, uint8_t *minor)
{
    char *end;
    unsigned long a, b;

    if (text[0] < '0' || text[0] > '9')
        return false;
    a = strtoul(text, &end, 10);
    if (*end != '.' || end[1] < '0' || end[1] > '9')
        return false;
    b = strtoul(end + 1, &end, 10);
    if (*end != '\0' || a > 255 || b > 255)
        return false;
    *major = (uint8_t)a;
    *minor = (uint8_t)b;
    return true;
}

/* "Class=AID" */
static bool add_applet(struct mm_arena *arena, struct mm_conv_options *opt, const char *text)
{
    const char *eq = strchr(text, '=');
    struct mm_conv_applet *a = &opt->applets[opt->applet_n];

    if (eq == NULL || eq == text || opt->applet_n == MM_CONV_APPLET_MAX ||
        !mm_conv_parse_aid(eq + 1, &a->aid))
        return false;
    a->class_name = mm_arena_text(arena, text, (size_t)(eq - text));
    opt->applet_n++;
    return true;
}

/* "package=M.m" */
static bool add_use(struct mm_arena *arena, struct mm_conv_options *opt, const char *text)
{
    const char *eq = strchr(text, '=');
    struct mm_conv_use *u = &opt->uses[opt->use_n];

    if (eq == NULL || eq == text || opt->use_n == MM_CONV_USE_MAX ||
        !mm_conv_parse_version(eq + 1, &u->major, &u->minor))
        return false;
    u->package = mm_arena_text(arena, text, (size_t)(eq - text));
    opt->use_n++;
    return true;
}

/* An option that is there or not. */
static bool *flag_of(struct mm_conv_options *opt, const char *name)
{
    return strcmp(name, "int") == 0       ? &opt->ints
           : strcmp(name, "debug") == 0   ? &opt->debug
           : strcmp(name, "listing") == 0 ? &opt->listing
                                          : NULL;
}

static bool set_format(struct mm_conv_options *opt, const char *text)
{
    uint8_t major, minor;

    if (!mm_conv_parse_version(text, &major, &minor) || major != 2 || minor < 1 || minor > 2)
        return false;
    opt->cap_minor = minor;
    return true;
}

static bool set(struct mm_arena *arena, struct mm_conv_options *opt, const char *name,
                const char *value)
{
    const char *kept = value == NULL ? NULL : mm_arena_text(arena, value, strlen(value));

    bool *flag = flag_of(opt, name);

    if (flag != NULL) {
        *flag = true;
        return value == NULL || *value == '\0';
    }
    if (value == NULL || *value == '\0')
        return false;
    if (strcmp(name, "aid") == 0)
        return mm_conv_parse_aid(value, &opt->aid);
    if (strcmp(name, "package-version") == 0)
        return opt->has_version = mm_conv_parse_version(value, &opt->major, &opt->minor);
    if (strcmp(name, "cap-format") == 0)
        return set_format(opt, value);
    if (strcmp(name, "applet") == 0)
        return add_applet(arena, opt, value);
    if (strcmp(name, "use-version") == 0)
        return add_use(arena, opt, value);
    if (strcmp(name, "exports") == 0) {
        if (opt->export_n == MM_CONV_EXPORTS_MAX)
            return false;
        opt->exports[opt->export_n++] = kept;
    } else if (strcmp(name, "classes") == 0) {
        if (opt->class_n == MM_CONV_CLASSES_MAX)
            return false;
        opt->classes[opt->class_n++] = kept;
    } else if (strcmp(name, "classpath") == 0) {
        opt->classpath = kept;
    } else if (strcmp(name, "package") == 0) {
        opt->package = kept;
    } else if (strcmp(name, "output") == 0) {
        opt->output = kept;
    } else {
        return false;
    }
    return true;
}

enum mm_status mm_conv_option(struct mm_arena *arena, struct mm_conv_options *opt, const char *name,
                              const char *value, struct mm_err *err)
{
    if (set(arena, opt, name, value))
        return MM_OK;
    return mm_fail(err, MM_MALFORMED, SIZE_MAX, "%.40s: unknown option or bad value: %.80s", name,
                   value == NULL ? "" : value);
}

enum mm_status mm_conv_config(struct mm_arena *arena, struct mm_conv_options *opt, const char *path,
                              struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    unsigned line_no = 0;
    enum mm_status st = mm_file_read(path, CONFIG_MAX_LEN, &data, &len, err);
    char *text, *line;

    if (st != MM_OK)
        return st;
    text = mm_arena_text(arena, (const char *)data, len);
    free(data);
    while (st == MM_OK && (line = strsep(&text, "\n")) != NULL) {
        char *name, *value, *end;

        line_no++;
        line[strcspn(line, "#\r")] = '\0';
        name = line + strspn(line, " \t");
        if (*name == '\0')
            continue;
        end = name + strcspn(name, " \t=");
        value = end + strspn(end, " \t");
        if (*value == '=')
            value += 1 + strspn(value + 1, " \t");
        *end = '\0';
        for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
            end[-1] = '\0';
        st = mm_conv_option(arena, opt, name, value, err);
        if (st != MM_OK)
            mm_err_prefix(err, "%s:%u", path, line_no);
    }
    return st;
}
