/* A VM with the whole API on an NVM in memory, and natives called as the JCRE would. */
#ifndef MM_TEST_API_FIXTURE_H
#define MM_TEST_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/rand.h>

#include "applet_vm/api/api_int.h"

#define API_PACKAGE 1
#define API_APPLET  2

struct api_chip {
    struct mm_nvm *nvm;
    struct mm_vm *vm;
    struct mm_vm_services services;
    struct mm_gp_services gp;
    mm_ref registered;
    uint16_t gp_sw; /* what the security domain answers */
    uint8_t state;
};

static struct api_chip chip;

static inline enum mm_status chip_register(void *ctx, mm_ref applet, const struct mm_aid *aid)
{
    (void)ctx, (void)aid;
    if (chip.registered != 0)
        return MM_STATE;
    chip.registered = applet;
    return MM_OK;
}

static inline struct mm_aid chip_aid(void)
{
    struct mm_aid aid = {.len = 6, .bytes = {0xF0, 1, 2, 3, 4, 1}};
    return aid;
}

static inline bool chip_find(void *ctx, const struct mm_aid *aid, mm_ref *applet, mm_comp *owner)
{
    struct mm_aid own = chip_aid();

    (void)ctx;
    *applet = chip.registered;
    *owner = API_APPLET;
    return mm_aid_equal(aid, &own);
}

static inline bool chip_applet_aid(void *ctx, mm_comp owner, struct mm_aid *aid)
{
    (void)ctx;
    *aid = chip_aid();
    return owner == API_APPLET;
}

static inline bool chip_selected(void *ctx, mm_comp owner)
{
    (void)ctx;
    return owner == API_APPLET;
}

static inline bool chip_selecting(void *ctx)
{
    (void)ctx;
    return false;
}

static inline uint8_t chip_channel(void *ctx)
{
    (void)ctx;
    return 0;
}

static inline enum mm_status chip_random(void *ctx, uint8_t *out, size_t out_len)
{
    (void)ctx;
    return RAND_bytes(out, (int)out_len) == 1 ? MM_OK : MM_CRYPTO;
}

/* A security domain that answers with chip.gp_sw and turns every byte of data round. */
static inline uint16_t gp_process(void *ctx, mm_comp owner, uint8_t *buf, size_t buf_len,
                                  size_t apdu_len, size_t *out_len)
{
    (void)ctx, (void)owner, (void)buf_len;
    buf[5] = (uint8_t)apdu_len;
    *out_len = 1;
    return chip.gp_sw;
}

static inline uint16_t gp_turn(void *ctx, mm_comp owner, uint8_t *data, size_t *len)
{
    (void)ctx, (void)owner;
    for (size_t i = 0; i < *len; i++)
        data[i] ^= 0xFF;
    *len -= *len != 0;
    return chip.gp_sw;
}

static inline uint16_t gp_wrap(void *ctx, mm_comp owner, uint8_t *data, size_t *len, size_t cap)
{
    (void)ctx, (void)owner;
    if (*len == cap)
        return 0x6985;
    data[(*len)++] = 0xEE;
    return chip.gp_sw;
}

static inline void gp_reset(void *ctx, mm_comp owner)
{
    (void)ctx, (void)owner;
    chip.state = 0;
}

static inline uint8_t gp_level(void *ctx, mm_comp owner)
{
    (void)ctx, (void)owner;
    return 0x83;
}

static inline uint8_t gp_card_state(void *ctx)
{
    (void)ctx;
    return 0x0F;
}

static inline uint8_t gp_content_state(void *ctx, mm_comp owner)
{
    (void)ctx, (void)owner;
    return chip.state;
}

static inline bool gp_set_content_state(void *ctx, mm_comp owner, uint8_t state)
{
    (void)ctx, (void)owner;
    chip.state = state;
    return true;
}

/* Power-on over the NVM that is there. */
static inline void chip_power_on(void)
{
    struct mm_err err = {0};
    struct mm_vm_config cfg = {
        .nvm = chip.nvm, .rom = mm_api_packages(), .services = &chip.services};

    if (mm_vm_new(&cfg, &chip.vm, &err) != MM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(mm_api_init(chip.vm), MM_OK);
}

static inline int chip_setup(void **state)
{
    struct mm_nvm_config cfg = {.path = NULL};
    struct mm_err err = {0};

    (void)state;
    memset(&chip, 0, sizeof(chip));
    chip.gp_sw = 0x9000;
    chip.gp = (struct mm_gp_services){.channel = {.process_security = gp_process,
                                                  .unwrap = gp_turn,
                                                  .wrap = gp_wrap,
                                                  .decrypt_data = gp_turn,
                                                  .reset_security = gp_reset,
                                                  .security_level = gp_level},
                                      .card_state = gp_card_state,
                                      .card_content_state = gp_content_state,
                                      .set_card_content_state = gp_set_content_state};
    chip.services = (struct mm_vm_services){.register_applet = chip_register,
                                            .find_applet = chip_find,
                                            .applet_aid = chip_applet_aid,
                                            .applet_selected = chip_selected,
                                            .selecting = chip_selecting,
                                            .reselecting = chip_selecting,
                                            .channel = chip_channel,
                                            .random = chip_random,
                                            .gp = &chip.gp};
    if (mm_nvm_create(&cfg, &chip.nvm, &err) != MM_OK)
        fail_msg("%s", err.text);
    chip_power_on();
    return 0;
}

static inline int chip_teardown(void **state)
{
    (void)state;
    mm_vm_free(&chip.vm);
    mm_nvm_close(&chip.nvm);
    return 0;
}

/* ---- Calling natives ---- */

/* Call and return the result cell; fails the test when it throws. */
static inline uint16_t ok(mm_native fn, size_t n, ...)
{
    uint16_t args[12] = {0}, ret[2] = {0};
    va_list ap;
    enum mm_run run;

    va_start(ap, n);
    for (size_t i = 0; i < n; i++)
        args[i] = (uint16_t)va_arg(ap, int);
    va_end(ap);
    run = fn(chip.vm, args, ret);
    if (run != MM_RUN_OK)
        fail_msg("%s %u", mm_vm_exception(chip.vm)->class_name, mm_vm_exception(chip.vm)->reason);
    return ret[0];
}

/*
 * With MINTMARK_TELL_THROWS in the environment, say which method has thrown and of which object's class (-: none),
 * between the lines in which the runner names the test: test/conformance/make.sh makes its table of exceptions
 * from what it sees thrown. Methods of one class that share a native cannot be told apart by it: name
 * tells then, with as much of the descriptor as it takes.
 */
static inline void tell_thrown(mm_native fn, mm_ref receiver, const char *name)
{
    static const struct line {
        const char *class, *name, *descriptor;
        mm_native fn;
    } lines[] = {
#define MM_STATE(class, cells, refs)
#define MM_INTERNAL(class, super, interfaces)
#define MM_RESULT(class, method, descriptor)
#define MM_NATIVE(class, method, descriptor, function) {class, method, descriptor, function},
#include "applet_vm/api/natives.def"
#undef MM_STATE
#undef MM_INTERNAL
#undef MM_RESULT
#undef MM_NATIVE
    };
    const struct line *of_object = NULL, *of_none = NULL;
    size_t of_object_n = 0, of_none_n = 0;
    struct mm_obj_info info;

    if (getenv("MINTMARK_TELL_THROWS") == NULL)
        return;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char full[160];

        snprintf(full, sizeof(full), "%s%s", lines[i].name, lines[i].descriptor);
        if (lines[i].fn != fn || (name != NULL && strncmp(full, name, strlen(name)) != 0))
            continue;
        if (mm_vm_instance_of(chip.vm, receiver, lines[i].class)) {
            of_object = &lines[i];
            of_object_n++;
        } else {
            of_none = &lines[i];
            of_none_n++;
        }
    }
    if (of_object_n > 1 || (of_object_n == 0 && of_none_n != 1))
        return;
    if (of_object_n == 1 && mm_vm_object(chip.vm, receiver, &info))
        printf("\nTHROWN %s %s", info.class_name, of_object->class);
    else
        printf("\nTHROWN - %s", of_none->class);
    if (of_object_n == 0)
        of_object = of_none;
    printf(" %s%s %s %u\n", of_object->name, of_object->descriptor,
           mm_vm_exception(chip.vm)->class_name, mm_vm_exception(chip.vm)->reason);
}

static inline void call_throws(const char *class_name, uint16_t reason, const char *name,
                               mm_native fn, size_t n, va_list ap)
{
    uint16_t args[12] = {0}, ret[2] = {0};

    for (size_t i = 0; i < n; i++)
        args[i] = (uint16_t)va_arg(ap, int);
    assert_int_equal(fn(chip.vm, args, ret), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(chip.vm)->class_name, class_name);
    assert_int_equal(mm_vm_exception(chip.vm)->reason, reason);
    tell_thrown(fn, args[0], name);
}

/* Call and expect this exception. */
static inline void throws(const char *class_name, uint16_t reason, mm_native fn, size_t n, ...)
{
    va_list ap;

    va_start(ap, n);
    call_throws(class_name, reason, NULL, fn, n, ap);
    va_end(ap);
}

/* The same, as the method that begins so: "write(Z". */
__attribute__((unused)) static void throws_as(const char *name, const char *class_name,
                                              uint16_t reason, mm_native fn, size_t n, ...)
{
    va_list ap;

    va_start(ap, n);
    call_throws(class_name, reason, name, fn, n, ap);
    va_end(ap);
}

static inline mm_ref bytes_new(const void *data, size_t n)
{
    mm_ref ref = mm_vm_new_array(chip.vm, 11, (uint16_t)n, MM_PERSISTENT);

    assert_int_not_equal(ref, 0);
    if (data != NULL)
        assert_int_equal(mm_vm_array_write(chip.vm, ref, 0, data, (uint16_t)n, true), MM_RUN_OK);
    return ref;
}

static inline const uint8_t *bytes_of(mm_ref ref)
{
    const uint8_t *data;

    assert_int_equal(mm_vm_bytes(chip.vm, ref, 0, 0, &data), MM_RUN_OK);
    return data;
}

/* An array from hexadecimal. */
static inline mm_ref hex_new(const char *hex)
{
    uint8_t data[512];
    size_t n = sizeof(data);

    assert_int_equal(mm_unhex(hex, data, &n), MM_OK);
    return bytes_new(data, n);
}

static inline void holds(mm_ref ref, size_t off, const char *hex)
{
    uint8_t data[512];
    size_t n = sizeof(data);

    assert_int_equal(mm_unhex(hex, data, &n), MM_OK);
    assert_memory_equal(bytes_of(ref) + off, data, n);
}

/* A command of T=1: header 80100102, body 00 01 02 ... */
__attribute__((unused)) static mm_ref begin(size_t body_len, uint32_t le)
{
    static uint8_t body[600];
    const struct mm_api_command command = {.header = {0x80, 0x10, 0x01, 0x02},
                                           .body = body,
                                           .body_len = body_len,
                                           .le = le,
                                           .has_le = le != 0};

    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)i;
    return mm_api_apdu_begin(chip.vm, &command);
}

#endif
