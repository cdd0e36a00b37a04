/*
 * Natives called with any arguments. Bytecode on the chip is not type-checked, so a native may get
 * any cell for any argument; only `this` is known to be of the native's class. Input: for each
 * call two bytes that choose the native, one that chooses `this`, two for each argument cell.
 */
#include "applet_vm/api/api_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS_MAX 1000
#define POOL_MAX  128

struct world {
    struct mm_nvm *nvm;
    struct mm_vm *vm;
    mm_ref pool[POOL_MAX];
    size_t pool_n;
};

static enum mm_status no_register(void *ctx, mm_ref applet, const struct mm_aid *aid)
{
    (void)ctx, (void)applet, (void)aid;
    return MM_STATE;
}

static bool no_applet(void *ctx, const struct mm_aid *aid, mm_ref *applet, mm_comp *owner)
{
    (void)ctx, (void)aid, (void)applet, (void)owner;
    return false;
}

static bool some_aid(void *ctx, mm_comp owner, struct mm_aid *aid)
{
    (void)ctx, (void)owner;
    *aid = (struct mm_aid){.len = 5};
    return true;
}

static bool selected(void *ctx, mm_comp owner)
{
    (void)ctx, (void)owner;
    return true;
}

static bool selecting(void *ctx)
{
    (void)ctx;
    return false;
}

static uint8_t channel(void *ctx)
{
    (void)ctx;
    return 0;
}

static enum mm_status no_random(void *ctx, uint8_t *out, size_t out_len)
{
    (void)ctx;
    memset(out, 0x5A, out_len);
    return MM_OK;
}

static void keep(struct world *w, mm_ref ref)
{
    if (ref != MM_REF_NULL && w->pool_n < POOL_MAX)
        w->pool[w->pool_n++] = ref;
}

/* Objects of the packages beyond cryptography; those that new makes are as they come, without their
 * constructor, which the fuzzer may call. */
static void fill_pool_more(struct world *w)
{
    static const char *const classes[] = {
        "javacardx/framework/math/BigNumber",         "javacardx/framework/tlv/PrimitiveBERTag",
        "javacardx/framework/tlv/ConstructedBERTag",  "javacardx/framework/tlv/PrimitiveBERTLV",
        "javacardx/framework/tlv/ConstructedBERTLV",  "javacard/framework/service/Dispatcher",
        "javacard/framework/service/BasicService",    "javacard/framework/service/RMIService",
        "javacard/framework/service/CardRemoteObject"};
    static const mm_native builders[] = {
        mm_n_bio_build_default,      mm_n_bio_build_matcher_default,
        mm_n_bio_build_data_default, mm_n_external_get,
        mm_n_sensitive_make,         mm_n_bertlv_get_instance};
    static const uint8_t tlv[] = {0x30, 0x06, 0x80, 0x01, 0xAA, 0x81, 0x01, 0xBB};
    mm_ref bytes = mm_vm_new_array(w->vm, 11, sizeof(tlv), MM_PERSISTENT);
    const uint16_t args[][3] = {{3, 3}, {2, 3, 3}, {3}, {1}, {2, 0, 8}, {bytes, 0, sizeof(tlv)}};
    uint16_t ret[2];

    (void)mm_vm_array_write(w->vm, bytes, 0, tlv, sizeof(tlv), true);
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        keep(w, mm_vm_new_instance(w->vm, classes[i]));
    for (size_t i = 0; i < sizeof(builders) / sizeof(builders[0]); i++) {
        if (builders[i](w->vm, args[i], ret) == MM_RUN_OK)
            keep(w, ret[0]);
    }
}

/* Objects of all kinds, some ready for use. */
static void fill_pool(struct world *w)
{
    static const char *const classes[] = {
        "javacard/framework/AID",        "javacard/framework/OwnerPIN",
        "javacard/security/KeyPair",     "javacard/framework/ISOException",
        "mintmark/OwnerPinPredecrement", "java/lang/Object"};
    uint16_t args[8] = {0}, ret[2];

    for (unsigned n = 1; n <= 256; n *= 4)
        keep(w, mm_vm_new_array(w->vm, 11, (uint16_t)n, MM_PERSISTENT));
    keep(w, mm_vm_new_array(w->vm, 12, 4, MM_PERSISTENT));
    keep(w, mm_vm_new_array(w->vm, 14, 4, MM_PERSISTENT));
    keep(w, mm_vm_new_array(w->vm, 11, 32, MM_CLEAR_ON_RESET));
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        keep(w, mm_vm_new_instance(w->vm, classes[i]));
    keep(w, mm_api_of(w->vm)->secure_channel);
    keep(w, mm_api_of(w->vm)->apdu.ref);
    fill_pool_more(w);
    for (unsigned type = 11; type <= 15; type++) {
        memcpy(args, (uint16_t[]){(uint16_t)type, type < 13 ? 256 : 128, 0}, 6);
        if (mm_n_key_build(w->vm, args, ret) == MM_RUN_OK)
            keep(w, ret[0]);
    }
    memcpy(args, (uint16_t[]){w->pool[w->pool_n - 1], w->pool[3], 0}, 6);
    (void)mm_n_secret_set_key(w->vm, args, ret);
    for (uint16_t alg = 1; alg < 50; alg++) {
        args[0] = alg;
        if (mm_n_sign_get_instance(w->vm, args, ret) == MM_RUN_OK)
            keep(w, ret[0]);
        if (mm_n_cipher_get_instance(w->vm, args, ret) == MM_RUN_OK)
            keep(w, ret[0]);
        if (mm_n_digest_get_instance(w->vm, args, ret) == MM_RUN_OK)
            keep(w, ret[0]);
    }
    args[0] = 2;
    if (mm_n_random_get_instance(w->vm, args, ret) == MM_RUN_OK)
        keep(w, ret[0]);
}

/* The n-th native, counted round. */
static const struct mm_rom_method *native_at(size_t n, const struct mm_rom_class **cls)
{
    size_t count = 0;

    for (int pass = 0; pass < 2; pass++) {
        size_t i = 0;
        for (const struct mm_rom_package *const *p = mm_api_packages(); *p != NULL; p++) {
            for (size_t c = 0; c < (*p)->class_n; c++) {
                for (size_t m = 0; m < (*p)->classes[c].method_n; m++) {
                    const struct mm_rom_method *method = &(*p)->classes[c].methods[m];
                    *cls = &(*p)->classes[c];
                    if (method->native == NULL)
                        continue;
                    if (pass == 1 && i++ == n % count)
                        return method;
                    count += pass == 0;
                }
            }
        }
    }
    return NULL;
}

/* Three in four arguments are an object of the pool or a small number. */
static uint16_t cell(const struct world *w, uint16_t raw)
{
    switch (raw >> 14) {
    case 0:
        return w->pool[(raw & 0x3FFF) % w->pool_n];
    case 1:
        return raw & 0x3F;
    case 2:
        return (uint16_t) - (raw & 0x0F);
    default:
        return (uint16_t)(raw << 2);
    }
}

static void call_one(struct world *w, struct mm_rd *rd)
{
    const struct mm_rom_class *cls = NULL;
    const struct mm_rom_method *m = native_at(mm_rd_u16(rd), &cls);
    uint8_t which = mm_rd_u8(rd);
    uint16_t args[16] = {0}, ret[2] = {0};
    size_t n = 0;

    if ((m->access & 0x0008) == 0) {
        while (n < w->pool_n &&
               !mm_vm_instance_of(w->vm, w->pool[(which + n) % w->pool_n], cls->name))
            n++;
        if (n == w->pool_n)
            return;
        args[0] = w->pool[(which + n) % w->pool_n];
        n = 1;
    }
    for (; n < m->arg_cells && n < 16; n++)
        args[n] = cell(w, mm_rd_u16(rd));
    (void)m->native(w->vm, args, ret); /* whatever it answers: it must come back */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mm_api_command command = {.header = {0x80, 0x10, 0, 0},
                                           .body = data,
                                           .body_len = size < 300 ? size : 300,
                                           .le = 256,
                                           .has_le = true};
    struct mm_vm_services services = {.register_applet = no_register,
                                      .find_applet = no_applet,
                                      .applet_aid = some_aid,
                                      .applet_selected = selected,
                                      .selecting = selecting,
                                      .reselecting = selecting,
                                      .channel = channel,
                                      .random = no_random};
    struct mm_nvm_config nvm_cfg = {.path = NULL};
    struct world w = {0};
    struct mm_vm_config cfg = {.rom = mm_api_packages(), .services = &services};
    struct mm_err err;
    struct mm_rd rd;

    if (mm_nvm_create(&nvm_cfg, &w.nvm, &err) != MM_OK)
        return 0;
    cfg.nvm = w.nvm;
    if (mm_vm_new(&cfg, &w.vm, &err) == MM_OK && mm_api_init(w.vm) == MM_OK) {
        fill_pool(&w);
        mm_rd_init(&rd, data, size);
        (void)mm_api_apdu_begin(w.vm, &command);
        for (int i = 0; i < CALLS_MAX && mm_rd_left(&rd) != 0; i++)
            call_one(&w, &rd);
    }
    mm_vm_free(&w.vm);
    mm_nvm_close(&w.nvm);
    return 0;
}
