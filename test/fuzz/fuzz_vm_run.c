/*
 * A load file, whatever it is: read, linked, its applets installed, selected and given commands, and
 * every one of its methods called with odd arguments, all with a step budget. Property: records of
 * other components (platform, another package, its applet) are what they were.
 *
 * An input that starts with 'C' is only the code of one method of a sound package: 'C', max_stack,
 * max_locals, handlers h (0..4), h times start, length, target, catch constant; then bytecode. So
 * the interpreter is reached more often than mutated load files let it.
 */
#include "test/fuzz/neighbour.h"

#define FUZZ_APPLET 60
#define FUZZ_CALLER 80
#define STEPS       5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_applet(struct test_chip *c, size_t index)
{
    static const uint8_t params[] = {1, 2, 3};
    mm_comp owner = (mm_comp)(FUZZ_APPLET + index);
    bool accepted;

    (void)chip_install(c, FUZZ_PACKAGE, index, owner, params, sizeof(params));
    if (c->registered == MM_REF_NULL)
        return;
    (void)mm_vm_select(c->vm, c->registered, &accepted);
    for (unsigned ins = 0; ins < 24; ins++) {
        uint8_t *b = c->vm->objs[c->buffer].data;
        b[1] = (uint8_t)ins;
        b[2] = (uint8_t)(ins * 7);
        (void)mm_vm_process(c->vm, c->registered, c->apdu);
        if (mm_tx_active(c->nvm))
            mm_vm_tx_abort(c->vm);
    }
    (void)mm_vm_deselect(c->vm, c->registered);
    (void)mm_vm_uninstall(c->vm, c->registered);
    mm_vm_clear_on_deselect(c->vm, FUZZ_PACKAGE);
}

/* Arguments: null, small numbers, handles of every kind of object there is. */
static void run_methods(struct test_chip *c)
{
    const struct mm_package *pkg = mm_package_get(c->vm, FUZZ_PACKAGE);

    must(mm_comp_add(c->nvm, FUZZ_CALLER, MM_COMP_APPLET, &(struct mm_aid){5, {0xF8}}) == MM_OK,
         "mm_comp_add", "");
    mm_vm_applet_bind(c->vm, FUZZ_CALLER, FUZZ_PACKAGE);
    for (size_t i = 0; i < pkg->method_n && i < 64; i++) {
        uint16_t args[256], ret[2];
        for (unsigned round = 0; round < 4; round++) {
            for (unsigned k = 0; k < 256; k++)
                args[k] = (uint16_t)(round == 0 ? 0 : round == 1 ? k + 1 : 0x1FE + round * (k + 1));
            if (pkg->methods[i].code != NULL)
                (void)mm_call(c->vm, &pkg->methods[i], args, FUZZ_PACKAGE, FUZZ_CALLER, ret);
            if (mm_tx_active(c->nvm))
                mm_vm_tx_abort(c->vm);
        }
    }
}

static uint8_t *lfdb_around(const uint8_t *data, size_t size, size_t *len)
{
    struct test_code t = {.args = 2, .max_stack = data[1], .max_locals = data[2] & 0x7F};
    size_t at = 4;

    for (t.handler_n = 0; t.handler_n < (data[3] & 3u) && at + 4 < size; t.handler_n++, at += 4)
        t.handlers[t.handler_n] = (struct test_handler){.start = data[at],
                                                        .len = data[at + 1] & 0x7F,
                                                        .stop = (data[at + 1] & 0x80) != 0,
                                                        .target = data[at + 2],
                                                        .catch_cp = data[at + 3]};
    t.code = data + at;
    t.len = size - at < 0x4000 ? size - at : 0x4000;
    return build_lfdb(&t, len);
}

static enum mm_status load(struct test_chip *c, const uint8_t *data, size_t size,
                           struct mm_err *err)
{
    uint8_t *lfdb;
    enum mm_status st;

    if (size < 8 || data[0] != 'C')
        return chip_load(c, FUZZ_PACKAGE, data, size, err);
    lfdb = lfdb_around(data, size, &size);
    st = chip_load(c, FUZZ_PACKAGE, lfdb, size, err);
    free(lfdb);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct test_chip c;
    struct mm_err err;
    mm_ref roots[2] = {0};
    uint64_t before;

    chip_open(&c, STEPS);
    roots[0] = neighbour_move_in(&c);
    before = neighbour_digest(c.nvm);
    if (load(&c, data, size, &err) == MM_OK) {
        for (size_t i = 0; i < mm_cap_applet_n(mm_vm_package_cap(c.vm, FUZZ_PACKAGE)) && i < 4; i++)
            run_applet(&c, i);
        run_methods(&c);
        mm_vm_reset(c.vm);
        roots[1] = c.registered;
        mm_vm_collect(c.vm, roots, 2);
    }
    neighbour_check(c.nvm, before);
    chip_close(&c);
    return 0;
}
