/* The layout number: an image of a program that lays out its records otherwise is refused. */
#include "test/unit/card_built.h"

#include <unistd.h>

#include "applet_vm/card/card_int.h"

static void the_card_refuses_an_image_of_another_layout(void **state)
{
    char dir[] = "/tmp/mm-layout-XXXXXX", image[64], other[80];
    struct mm_card_config cfg = {.nvm = {.path = image}};
    struct mm_nvm_config of = {.path = image, .layout = 1};
    struct mm_card *card = NULL;
    struct mm_err err = {.text = ""};
    struct mm_nvm *nvm = NULL;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(image, sizeof(image), "%s/chip.nvm", dir);
    assert_int_equal(mm_nvm_create(&of, &nvm, NULL), MM_OK);
    mm_nvm_close(&nvm);
    assert_int_equal(mm_card_open(&cfg, &card, &err), MM_UNSUPPORTED);
    assert_null(card);
    assert_non_null(strstr(err.text, "layout 00000001"));
    assert_int_equal(mm_status_exit(err.st), 1);
    for (size_t i = 0; i < 3; i++) {
        snprintf(other, sizeof(other), "%s%s", image, i == 0 ? "" : i == 1 ? ".journal" : ".fuse");
        (void)unlink(other);
    }
    assert_int_equal(rmdir(dir), 0);
}

static uint32_t layout_with(uint8_t cells, uint8_t refs, size_t class_n)
{
    const struct mm_rom_class classes[] = {
        {.name = "java/lang/Object"},
        {.name = "a/Base", .super = "java/lang/Object", .native_cells = cells, .native_refs = refs},
        {.name = "a/Sub", .super = "a/Base"},
        {.name = "a/Stateless", .super = "java/lang/Object"},
    };
    const struct mm_rom_package package = {.name = "a", .classes = classes, .class_n = class_n};
    const struct mm_rom_package *const rom[] = {&package, NULL};

    return mm_layout_of(rom);
}

static void layout_is_of_the_hidden_cells_of_classes(void **state)
{
    (void)state;
    assert_int_equal(layout_with(2, 1, 3), layout_with(2, 1, 3));
    assert_int_not_equal(layout_with(2, 1, 3), layout_with(3, 1, 3));
    assert_int_not_equal(layout_with(2, 1, 3), layout_with(2, 2, 3));
    assert_int_not_equal(layout_with(2, 1, 2),
                         layout_with(2, 1, 3));                   /* a class that inherits some */
    assert_int_equal(layout_with(2, 1, 3), layout_with(2, 1, 4)); /* one without changes nothing */
}

/* A record nobody listed would not be in the number. */
static void every_record_of_a_used_chip_is_listed(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);
    mm_key key = 0;
    size_t n = 0;

    (void)state;
    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, EXTRAS_CAP, EXTRAS_PKG);
    assert_int_equal(install_as(h, EXTRAS_PKG, EXTRAS, EXTRAS), 0x9000);
    assert_int_equal(secure(h, 0xe2, 0x80, 0, "420412345678"), 0x9000);
    while ((key = mm_rec_next(h->card->nvm, key, UINT32_MAX)) != 0) {
        if (!mm_card_record_known(key))
            fail_msg("record %08x is not in records.def", (unsigned)key);
        n++;
    }
    assert_true(n > 10);
    assert_false(mm_card_record_known(0x12345678));
    host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_card_refuses_an_image_of_another_layout),
        cmocka_unit_test(layout_is_of_the_hidden_cells_of_classes),
        cmocka_unit_test(every_record_of_a_used_chip_is_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
