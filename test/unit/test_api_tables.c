/* The tables made from the published facts: nothing twice, nothing missing. */
#include "test/unit/api_fixture.h"

typedef void (*visit)(const struct mm_rom_package *package, const struct mm_rom_class *cls);

static void each_class(visit fn)
{
    const struct mm_rom_package *const *p = mm_api_packages();

    for (; *p != NULL; p++) {
        for (size_t i = 0; i < (*p)->class_n; i++)
            fn(*p, &(*p)->classes[i]);
    }
}

static const struct mm_rom_class *find(const char *name)
{
    const struct mm_rom_package *const *p = mm_api_packages();

    for (; *p != NULL; p++) {
        for (size_t i = 0; i < (*p)->class_n; i++) {
            if (strcmp((*p)->classes[i].name, name) == 0)
                return &(*p)->classes[i];
        }
    }
    return NULL;
}

static bool is_static(const struct mm_rom_method *m)
{
    return (m->access & 0x0008) != 0 || m->name[0] == '<';
}

static void check_class(const struct mm_rom_package *package, const struct mm_rom_class *cls)
{
    for (size_t i = 0; i < package->class_n; i++) {
        if (&package->classes[i] != cls && package->classes[i].token == cls->token)
            fail_msg("%s: token %u twice", cls->name, cls->token);
    }
    if (find(cls->name) != cls)
        fail_msg("%s is there twice", cls->name);
    for (size_t i = 0; i < cls->method_n; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct mm_rom_method *a = &cls->methods[i], *b = &cls->methods[j];
            if (a->token == b->token && is_static(a) == is_static(b))
                fail_msg("%s.%s and %s have one token", cls->name, a->name, b->name);
        }
    }
}

static void tables_have_no_token_twice(void **state)
{
    (void)state;
    each_class(check_class);
}

/* What is not abstract can be called: no method of any package is left without a native. */
static void check_complete(const struct mm_rom_package *package, const struct mm_rom_class *cls)
{
    (void)package;
    for (size_t i = 0; i < cls->method_n; i++) {
        const struct mm_rom_method *m = &cls->methods[i];
        if (m->native == NULL && (m->access & 0x0400) == 0)
            fail_msg("%s.%s%s has no native", cls->name, m->name, m->descriptor);
    }
}

static void every_method_of_every_package_is_implemented(void **state)
{
    (void)state;
    each_class(check_complete);
}

/* any_token: of an interface, whose tokens are its own; else a call by the superclass's token finds it. */
static bool implemented(const struct mm_rom_class *cls, const struct mm_rom_method *want,
                        bool any_token)
{
    for (; cls != NULL; cls = cls->super != NULL ? find(cls->super) : NULL) {
        for (size_t i = 0; i < cls->method_n; i++) {
            const struct mm_rom_method *m = &cls->methods[i];
            if (m->native != NULL && strcmp(m->name, want->name) == 0 &&
                strcmp(m->descriptor, want->descriptor) == 0)
                return any_token || m->token == want->token;
        }
    }
    return false;
}

static void check_all_of(const struct mm_rom_class *cls, const char *name)
{
    const struct mm_rom_class *api = find(name);
    bool interface = api != NULL && (api->access & 0x0200) != 0;

    assert_non_null(api);
    for (size_t i = 0; i < api->method_n; i++) {
        if (!is_static(&api->methods[i]) && !implemented(cls, &api->methods[i], interface))
            fail_msg("%s lacks %s.%s%s", cls->name, name, api->methods[i].name,
                     api->methods[i].descriptor);
    }
}

/* Objects that the API hands out have every method of what they say they are. */
static void check_internal(const struct mm_rom_package *package, const struct mm_rom_class *cls)
{
    if (package->aid.len != 0 || strcmp(cls->name, "mintmark/EcKey") == 0)
        return;
    for (const char *super = cls->super; super != NULL; super = find(super)->super)
        check_all_of(cls, super);
    for (const char *const *name = cls->interfaces; name != NULL && *name != NULL; name++)
        check_all_of(cls, *name);
}

static void internal_classes_implement_all_they_promise(void **state)
{
    (void)state;
    each_class(check_internal);
}

static void tables_agree_with_well_known_tokens(void **state)
{
    const struct mm_rom_class *util = find("javacard/framework/Util");
    const struct mm_rom_class *sc = find("org/globalplatform/SecureChannel");

    (void)state;
    assert_int_equal(util->token, 16);
    for (size_t i = 0; i < util->method_n; i++) {
        if (strcmp(util->methods[i].name, "arrayCopy") == 0) {
            assert_int_equal(util->methods[i].token, 1);
            assert_int_equal(util->methods[i].arg_cells, 5);
            assert_int_equal(util->methods[i].ret_cells, 1);
        }
    }
    assert_int_equal(sc->token, 2);
    assert_int_equal(sc->method_n, 7);
    assert_string_equal(find("javacard/framework/OwnerPIN")->super, "java/lang/Object");
    assert_null(find("java/lang/Object")->super);
}

static void offered_versions_are_the_highest(void **state)
{
    static const struct {
        const char *name;
        uint8_t major, minor;
    } expected[] = {{"javacard/framework", 1, 6},
                    {"javacard/security", 1, 6},
                    {"org/globalplatform", 1, 7},
                    {"javacardx/biometry", 1, 3}};

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const struct mm_rom_package *const *p = mm_api_packages();
        while (*p != NULL && strcmp((*p)->name, expected[i].name) != 0)
            p++;
        assert_non_null(*p);
        assert_int_equal((*p)->major, expected[i].major);
        assert_int_equal((*p)->minor, expected[i].minor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_have_no_token_twice),
        cmocka_unit_test(every_method_of_every_package_is_implemented),
        cmocka_unit_test(internal_classes_implement_all_they_promise),
        cmocka_unit_test(tables_agree_with_well_known_tokens),
        cmocka_unit_test(offered_versions_are_the_highest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
