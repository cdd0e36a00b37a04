/* What takes the space in a CAP file: components, classes, methods; as tables or as JSON. */
#include "converter/names.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DESC_CLASS_LEN  9
#define DESC_FIELD_LEN  7
#define DESC_METHOD_LEN 12
#define HANDLER_LEN     8

struct part { /* a method, or a class with its methods */
    const char *name;
    size_t bytes, methods;
};
struct sizes {
    struct mm_arena *arena;
    const struct mm_cap *cap;
    const struct mm_names *names;
    struct part *methods, *classes;
    size_t method_n, class_n;
    size_t total;
};

static int larger_first(const void *a, const void *b)
{
    const struct part *x = a, *y = b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Header and code; handlers are in a table of their own, and counted with their method. */
static size_t method_bytes(const struct sizes *s, const struct mm_cap_method *m)
{
    size_t n = (size_t)(m->code_off - m->off) + m->code_len;

    for (size_t i = 0; i < mm_cap_handler_n(s->cap); i++) {
        uint16_t at = mm_cap_handler(s->cap, i)->start_off;

        if (at >= m->code_off && at < m->code_off + m->code_len)
            n += HANDLER_LEN;
    }
    return n;
}

static void list_methods(struct sizes *s)
{
    s->method_n = mm_cap_method_n(s->cap);
    s->methods = mm_arena_alloc(s->arena, s->method_n, sizeof(*s->methods));
    for (size_t i = 0; i < s->method_n; i++) {
        const struct mm_cap_method *m = mm_cap_method(s->cap, i);
        const char *name = mm_names_method(s->names, m->off);

        s->methods[i].bytes = method_bytes(s, m);
        s->methods[i].name =
            name != NULL ? name : mm_arena_printf(s->arena, "@0x%04x", (unsigned)m->off);
    }
}

/* Bytes of a record of the Class component: up to the next one. */
static size_t record_bytes(const struct sizes *s, uint16_t off)
{
    size_t end = mm_cap_component(s->cap, MM_CAP_CLASS)->len;

    for (size_t i = 0; i < mm_cap_class_n(s->cap); i++) {
        uint16_t at = mm_cap_class(s->cap, i)->off;

        if (at > off && at < end)
            end = at;
    }
    return end - off;
}

/* Only the Descriptor tells whose a method is. */
static void list_classes(struct sizes *s)
{
    const struct mm_cap_component *d = mm_cap_component(s->cap, MM_CAP_DESCRIPTOR);
    struct mm_rd rd;
    uint8_t n;

    mm_rd_init(&rd, d->info, d->info == NULL ? 0 : d->len);
    n = mm_rd_u8(&rd);
    s->classes = mm_arena_alloc(s->arena, n, sizeof(*s->classes));
    for (unsigned i = 0; i < n && !rd.bad; i++) {
        struct part *c = &s->classes[s->class_n];
        uint16_t off, fields, methods;
        uint8_t access, ifaces;

        (void)mm_rd_u8(&rd);
        access = mm_rd_u8(&rd);
        off = mm_rd_u16(&rd);
        ifaces = mm_rd_u8(&rd);
        fields = mm_rd_u16(&rd);
        methods = mm_rd_u16(&rd);
        (void)mm_rd_bytes(&rd, 2u * ifaces + (size_t)DESC_FIELD_LEN * fields);
        c->bytes = record_bytes(s, off);
        for (unsigned k = 0; k < methods && !rd.bad; k++) {
            const uint8_t *m = mm_rd_bytes(&rd, DESC_METHOD_LEN);
            const struct mm_cap_method *code =
                m == NULL || access & 0x40 ? NULL : mm_cap_method_at(s->cap, mm_be16(m + 2));

            c->methods++;
            c->bytes += code == NULL ? 0 : method_bytes(s, code);
        }
        c->name = mm_names_class(s->names, off);
        if (c->name == NULL)
            c->name = mm_arena_printf(s->arena, "@0x%04x", (unsigned)off);
        s->class_n++;
    }
}

/* Bytes of a component with tag and size; 0 when it is not there. */
static size_t component_bytes(const struct sizes *s, unsigned tag)
{
    const struct mm_cap_component *c = mm_cap_component(s->cap, tag);

    return c == NULL || c->info == NULL ? 0 : c->len + 3u;
}

static void print_row(const struct sizes *s, FILE *out, const char *name, size_t bytes)
{
    fprintf(out, "%-14s %6zu %5.1f %%\n", name, bytes,
            s->total == 0 ? 0.0 : 100.0 * (double)bytes / (double)s->total);
}

static void print_table(const struct sizes *s, FILE *out)
{
    fprintf(out, "component       bytes   part\n");
    for (unsigned tag = 1; tag < MM_CAP_COMPONENT_N; tag++) {
        if (component_bytes(s, tag) != 0)
            print_row(s, out, mm_cap_tag_name(tag), component_bytes(s, tag));
    }
    print_row(s, out, "all", s->total);
    print_row(s, out, "without names", s->total - component_bytes(s, MM_CAP_DESCRIPTOR));
    fprintf(out, "\n bytes methods class (with its methods)\n");
    for (size_t i = 0; i < s->class_n; i++)
        fprintf(out, "%6zu %7zu %s\n", s->classes[i].bytes, s->classes[i].methods,
                s->classes[i].name);
    fprintf(out, "\n bytes method (with its exception handlers)\n");
    for (size_t i = 0; i < s->method_n; i++)
        fprintf(out, "%6zu %s\n", s->methods[i].bytes, s->methods[i].name);
}

static json_t *parts_json(const struct part *parts, size_t n, bool with_methods)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        json_t *o =
            json_pack("{s:s, s:I}", "name", parts[i].name, "bytes", (json_int_t)parts[i].bytes);

        if (with_methods)
            json_object_set_new(o, "methods", json_integer((json_int_t)parts[i].methods));
        json_array_append_new(list, o);
    }
    return list;
}

static bool print_json(const struct sizes *s, FILE *out)
{
    json_t *parts = json_object(), *all = json_object();
    bool ok;

    for (unsigned tag = 1; tag < MM_CAP_COMPONENT_N; tag++) {
        if (component_bytes(s, tag) != 0)
            json_object_set_new(parts, mm_cap_tag_name(tag),
                                json_integer((json_int_t)component_bytes(s, tag)));
    }
    json_object_set_new(all, "bytes", json_integer((json_int_t)s->total));
    json_object_set_new(all, "components", parts);
    json_object_set_new(all, "classes", parts_json(s->classes, s->class_n, true));
    json_object_set_new(all, "methods", parts_json(s->methods, s->method_n, false));
    ok = json_dumpf(all, out, JSON_INDENT(1)) == 0 && fputc('\n', out) != EOF;
    json_decref(all);
    return ok;
}

enum mm_status mm_conv_size(const char *path, const char *const *exports, size_t export_n,
                            bool json, FILE *out, struct mm_err *err)
{
    struct sizes s = {.arena = mm_arena_new()};
    struct mm_names *names = NULL;
    struct mm_cap *cap = NULL;
    enum mm_status st = mm_cap_read_file(path, &cap, err);

    if (st == MM_OK)
        st = mm_names_open(s.arena, cap, path, exports, export_n, &names, err);
    if (st == MM_OK) {
        s.cap = cap;
        s.names = names;
        (void)mm_cap_lfdb(cap, &s.total);
        list_methods(&s);
        list_classes(&s);
        qsort(s.methods, s.method_n, sizeof(*s.methods), larger_first);
        qsort(s.classes, s.class_n, sizeof(*s.classes), larger_first);
        if (json && !print_json(&s, out))
            st = mm_fail(err, MM_IO, SIZE_MAX, "cannot write the sizes");
        if (!json)
            print_table(&s, out);
    }
    if (st == MM_OK && ferror(out))
        st = mm_fail(err, MM_IO, SIZE_MAX, "cannot write the sizes");
    mm_cap_free(&cap);
    mm_arena_free(&s.arena);
    return st;
}
