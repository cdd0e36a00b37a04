/*
 * The OneShot classes (3.0.5): objects the JCRE lends for the time of one command. They are
 * temporary entry points, made at first use and lent again after close; one of them keeps nothing
 * between two calls, so that update and its like are refused.
 */
#include "applet_vm/api/api_int.h"

#include <string.h>

enum mm_run mm_api_one_shot_open(struct mm_vm *vm, const char *class_name, const char *state_class,
                                 uint16_t alg, uint16_t *ret)
{
    struct mm_api *api = mm_api_of(vm);
    struct mm_api_shot *shot = NULL;

    for (size_t i = 0; i < MM_API_SHOTS && shot == NULL; i++) {
        struct mm_api_shot *s = &api->shots[i];
        if (!s->open && (s->ref == MM_REF_NULL || strcmp(s->class_name, class_name) == 0))
            shot = s;
    }
    if (shot != NULL && shot->ref == MM_REF_NULL) {
        shot->ref = mm_vm_new_entry_point(vm, class_name, true);
        shot->class_name = class_name;
        shot->state_class = state_class;
    }
    if (shot == NULL || shot->ref == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    shot->open = true;
    shot->context = mm_vm_context(vm);
    ret[0] = shot->ref;
    return mm_vm_hidden_set(vm, shot->ref, state_class, 0, alg, false);
}

static enum mm_run close_one(struct mm_vm *vm, struct mm_api_shot *shot)
{
    struct mm_api_op *op = mm_api_op_find(vm, shot->ref);

    if (op != NULL) {
        mm_api_op_clear(op);
        op->ref = MM_REF_NULL;
    }
    shot->open = false;
    return mm_vm_hidden_set(vm, shot->ref, shot->state_class, 0, 0, false);
}

enum mm_run mm_n_one_shot_close(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api *api = mm_api_of(vm);

    (void)ret;
    for (size_t i = 0; i < MM_API_SHOTS; i++) {
        struct mm_api_shot *shot = &api->shots[i];
        if (!shot->open || shot->ref != args[0])
            continue;
        return shot->context == mm_vm_context(vm)
                   ? close_one(vm, shot)
                   : mm_vm_throw(vm, "java/lang/SecurityException", 0);
    }
    return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

void mm_api_shots_close(struct mm_vm *vm)
{
    struct mm_api *api = mm_api_of(vm);

    for (size_t i = 0; i < MM_API_SHOTS; i++) {
        if (api->shots[i].open) /* an entry point's cells are in memory: writing cannot fail */
            (void)close_one(vm, &api->shots[i]);
    }
}
