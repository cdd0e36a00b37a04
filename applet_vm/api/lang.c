/* java.lang, every exception, javacard.framework.Applet. */
#include "applet_vm/api/api_int.h"

enum mm_run mm_n_nothing(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args, (void)ret;
    return MM_RUN_OK;
}

enum mm_run mm_n_false(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_true(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = 1;
    return MM_RUN_OK;
}

enum mm_run mm_n_null(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = MM_REF_NULL;
    return MM_RUN_OK;
}

enum mm_run mm_n_object_equals(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm;
    ret[0] = args[0] == args[1];
    return MM_RUN_OK;
}

/* ---- Reasons (CardException and CardRuntimeException) ---- */

static const char *reason_class(struct mm_vm *vm, mm_ref ref)
{
    return mm_vm_instance_of(vm, ref, MM_CLASS_RUNTIME) ? MM_CLASS_RUNTIME : MM_CLASS_CHECKED;
}

enum mm_run mm_n_reason_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return mm_vm_hidden_set(vm, args[0], reason_class(vm, args[0]), 0, args[1], false);
}

enum mm_run mm_n_runtime_reason(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_hidden(vm, args[0], MM_CLASS_RUNTIME, 0);
    return MM_RUN_OK;
}

enum mm_run mm_n_checked_reason(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_hidden(vm, args[0], MM_CLASS_CHECKED, 0);
    return MM_RUN_OK;
}

#define THROWS(name, class_name)                                                                   \
    enum mm_run mm_n_throw_##name(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)           \
    {                                                                                              \
        (void)ret;                                                                                 \
        return mm_vm_throw(vm, class_name, args[0]);                                               \
    }
THROWS(apdu, "javacard/framework/APDUException")
THROWS(card, "javacard/framework/CardException")
THROWS(cardruntime, "javacard/framework/CardRuntimeException")
THROWS(iso, "javacard/framework/ISOException")
THROWS(pin, "javacard/framework/PINException")
THROWS(system, "javacard/framework/SystemException")
THROWS(transaction, "javacard/framework/TransactionException")
THROWS(user, "javacard/framework/UserException")
THROWS(service, "javacard/framework/service/ServiceException")
THROWS(crypto, "javacard/security/CryptoException")
THROWS(bio, "javacardx/biometry/BioException")
THROWS(bio1ton, "javacardx/biometry1toN/Bio1toNException")
THROWS(external, "javacardx/external/ExternalException")
THROWS(string, "javacardx/framework/string/StringException")
THROWS(tlv, "javacardx/framework/tlv/TLVException")
THROWS(util, "javacardx/framework/util/UtilException")
#undef THROWS

/* ---- javacard.framework.Applet ---- */

/* Applet.install itself is never meant to run: a class without its own has none (JCRE 3.1). */
enum mm_run mm_n_applet_install(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return mm_api_throw_iso(vm, 0x6A81);
}

static enum mm_run register_as(struct mm_vm *vm, mm_ref applet, const struct mm_aid *aid)
{
    const struct mm_vm_services *s = mm_vm_services(vm);
    enum mm_status st = s->register_applet(s->ctx, applet, aid);

    if (st == MM_OK)
        return MM_RUN_OK;
    return mm_api_throw_system(vm, st == MM_NO_MEMORY ? MM_SYSTEM_NO_ROOM : MM_SYSTEM_ILLEGAL_AID);
}

enum mm_run mm_n_applet_register(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return register_as(vm, args[0], NULL);
}

enum mm_run mm_n_applet_register_aid(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int16_t len = MM_ARG_BYTE(3);
    const uint8_t *data;
    struct mm_aid aid;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (mm_aid_set(&aid, data, (size_t)len) != MM_OK)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    return register_as(vm, args[0], &aid);
}

enum mm_run mm_n_applet_selecting(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);

    (void)args;
    ret[0] = s->selecting(s->ctx);
    return MM_RUN_OK;
}

enum mm_run mm_n_applet_reselecting(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);

    (void)args;
    ret[0] = s->reselecting(s->ctx);
    return MM_RUN_OK;
}
