/*
 * The published facts (applet_vm/api/ *.tsv: every exported item of Java Card 3.0.5 and
 * org.globalplatform) against the export files that the build made, item by item.
 */
#include "test/unit/conv_files.h"

#include <setjmp.h>

#include <cmocka.h>

#include "converter/conv_int.h"

#define COLUMNS 17
enum {
    PACKAGE = 0,
    VERSION = 2,
    KIND = 3,
    CLASS = 4,
    CLASS_TOKEN = 5,
    MEMBER = 9,
    TYPE,
    TOKEN,
    VALUE
};

struct facts {
    struct mm_arena *arena;
    struct mm_exp_package file; /* the export file last read */
    char key[128];              /* package and version of it */
    size_t constants, members, classes;
};

/* "org.globalplatform", "1.0" -> build/.../org/globalplatform/javacard/globalplatform[-1.0].exp */
static void open_package(struct facts *f, char *const *col)
{
    char dir[128], path[400], key[128];
    const char *last;
    struct mm_err err = {.text = ""};
    size_t len;
    uint8_t *data;

    snprintf(key, sizeof(key), "%s %s", col[PACKAGE], col[VERSION]);
    if (strcmp(key, f->key) == 0)
        return;
    snprintf(f->key, sizeof(f->key), "%s", key);
    snprintf(dir, sizeof(dir), "%s", col[PACKAGE]);
    for (char *p = dir; *p != '\0'; p++)
        *p = *p == '.' ? '/' : *p;
    last = strrchr(dir, '/') + 1;
    snprintf(path, sizeof(path), "api/exports/%s/javacard/%s-%s.exp", dir, last, col[VERSION]);
    data = slurp(built(path), &len);
    if (data == NULL) {
        snprintf(path, sizeof(path), "api/exports/%s/javacard/%s.exp", dir, last);
        data = slurp(built(path), &len);
    }
    assert_non_null(data);
    if (mm_conv_exp_read(f->arena, data, len, &f->file, &err) != MM_OK)
        fail_msg("%s: %s", path, err.text);
    snprintf(key, sizeof(key), "%u.%u", f->file.major, f->file.minor);
    assert_string_equal(key, col[VERSION]);
    free(data);
}

static const struct mm_exp_class *find_class(const struct facts *f, const char *name)
{
    for (size_t i = 0; i < f->file.class_n; i++) {
        const char *full = f->file.classes[i].name;
        if (strcmp(strrchr(full, '/') + 1, name) == 0)
            return &f->file.classes[i];
    }
    fail_msg("%s has no class %s", f->key, name);
    return NULL;
}

static void check_constant(const struct mm_exp_class *c, char *const *col)
{
    for (size_t i = 0; i < c->field_n; i++) {
        const struct mm_exp_field *field = &c->fields[i];
        if (strcmp(field->name, col[MEMBER]) != 0)
            continue;
        assert_true(field->has_value);
        if (field->value != atoi(col[VALUE]) || strcmp(field->desc, col[TYPE]) != 0)
            fail_msg("%s.%s is %d %s", c->name, field->name, field->value, field->desc);
        return;
    }
    fail_msg("%s has no constant %s", c->name, col[MEMBER]);
}

static void check_method(const struct mm_exp_class *c, char *const *col)
{
    for (size_t i = 0; i < c->method_n; i++) {
        const struct mm_exp_method *m = &c->methods[i];
        if (strcmp(m->name, col[MEMBER]) != 0 || strcmp(m->desc, col[TYPE]) != 0)
            continue;
        if (m->token != atoi(col[TOKEN]))
            fail_msg("%s.%s%s has token %u", c->name, m->name, m->desc, m->token);
        return;
    }
    fail_msg("%s has no method %s%s", c->name, col[MEMBER], col[TYPE]);
}

static void check_row(struct facts *f, char *const *col)
{
    const struct mm_exp_class *c;

    open_package(f, col);
    if (strcmp(col[KIND], "package") == 0)
        return;
    c = find_class(f, col[CLASS]);
    if (strcmp(col[KIND], "constant") == 0) {
        check_constant(c, col);
        f->constants++;
    } else if (strcmp(col[KIND], "class") == 0 || strcmp(col[KIND], "interface") == 0) {
        assert_int_equal(c->token, atoi(col[CLASS_TOKEN]));
        f->classes++;
    } else {
        check_method(c, col);
        f->members++;
    }
}

static void check_table(struct facts *f, const char *path)
{
    FILE *table = fopen(path, "r");
    char line[2048], *col[COLUMNS];

    assert_non_null(table);
    assert_non_null(fgets(line, sizeof(line), table)); /* names of the columns */
    while (fgets(line, sizeof(line), table) != NULL) {
        char *at = line;
        for (size_t i = 0; i < COLUMNS; i++) {
            col[i] = strsep(&at, "\t\n");
            assert_non_null(col[i]);
        }
        check_row(f, col);
    }
    fclose(table);
}

static void constants_tokens_and_classes_are_the_published_ones(void **state)
{
    struct facts f = {.arena = mm_arena_new()};

    (void)state;
    check_table(&f, "applet_vm/api/api_305.tsv");
    assert_int_equal(f.constants, 471);
    assert_int_equal(f.classes + f.members, 1474 - 18 - 471);
    check_table(&f, "applet_vm/api/api_gp.tsv");
    mm_arena_free(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_tokens_and_classes_are_the_published_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
