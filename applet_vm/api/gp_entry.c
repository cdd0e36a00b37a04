/* org.globalplatform: registry entries, global services, card information. What
 * org.globalplatform.contactless has of the same entries is in gp_cl.c. */
#include "applet_vm/api/api_int.h"

#include <string.h>

#define ENTRY_CLASS          "mintmark/RegistryEntry"
#define GLOBAL_SERVICE       "org/globalplatform/GlobalService"
#define SERVICE_IDENTIFIER   0x80 /* GPSystem.GLOBAL_SERVICE_IDENTIFIER, as a byte */
#define PRIVILEGE_REGISTRY   13
#define CARD_INFO_HISTORICAL 128
#define SW_DATA_NOT_FOUND    0x6A88

enum mm_run mm_gp_result(struct mm_vm *vm, uint16_t sw)
{
    return sw == MM_SW_OK ? MM_RUN_OK : mm_api_throw_iso(vm, sw);
}

/* ---- Entry objects: one for each entry that was asked for ---- */
enum mm_run mm_gp_entry_object(struct mm_vm *vm, mm_comp comp, uint16_t *ret)
{
    struct mm_api *api = mm_api_of(vm);
    enum mm_run run;

    for (size_t i = 0; i < api->entry_n; i++) {
        if (api->entries[i].comp == comp) {
            ret[0] = api->entries[i].ref;
            return MM_RUN_OK;
        }
    }
    if (api->entry_n == MM_API_ENTRIES)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    /* Temporary, so that it cannot be stored: its handle is another one after power-on. */
    ret[0] = mm_vm_new_entry_point(vm, ENTRY_CLASS, true);
    if (ret[0] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    run = mm_vm_hidden_set(vm, ret[0], ENTRY_CLASS, 0, comp, false);
    if (run != MM_RUN_OK)
        return run;
    api->entries[api->entry_n].comp = comp;
    api->entries[api->entry_n++].ref = ret[0];
    return MM_RUN_OK;
}

mm_comp mm_gp_entry_of(struct mm_vm *vm, mm_ref ref)
{
    return mm_vm_hidden(vm, ref, ENTRY_CLASS, 0);
}

/* An entry by AID, null: the caller's own; null when there is none for this caller. */
enum mm_run mm_gp_find_entry(struct mm_vm *vm, mm_ref aid_ref, uint8_t privilege, uint16_t *ret)
{
    struct mm_aid aid;
    mm_comp comp = 0;

    ret[0] = MM_REF_NULL;
    if (mm_gp(vm) == NULL || (aid_ref != MM_REF_NULL && !mm_api_aid_get(vm, aid_ref, &aid)))
        return MM_RUN_OK;
    if (!mm_gp(vm)->entry_find(mm_gp(vm)->ctx, mm_gp_caller(vm),
                               aid_ref != MM_REF_NULL ? &aid : NULL, privilege, &comp))
        return MM_RUN_OK;
    return mm_gp_entry_object(vm, comp, ret);
}

enum mm_run mm_n_gp_get_registry_entry(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return mm_gp_find_entry(vm, args[0], PRIVILEGE_REGISTRY, ret);
}

/* ---- GPRegistryEntry ---- */

/* An entry that went since reads as empty: state 00, no privileges. */
void mm_gp_read_entry(struct mm_vm *vm, mm_ref ref, struct mm_gp_registered *out)
{
    memset(out, 0, sizeof(*out));
    if (mm_gp(vm) != NULL)
        (void)mm_gp(vm)->entry_get(mm_gp(vm)->ctx, mm_gp_entry_of(vm, ref), out);
}

enum mm_run mm_n_entry_get_aid(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_registered e;

    mm_gp_read_entry(vm, args[0], &e);
    ret[0] = MM_REF_NULL;
    if (e.aid.len == 0)
        return MM_RUN_OK;
    ret[0] = mm_api_aid_object(vm, &e.aid);
    return ret[0] != MM_REF_NULL ? MM_RUN_OK : mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
}

enum mm_run mm_n_entry_get_privileges(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_registered e;

    mm_gp_read_entry(vm, args[0], &e);
    ret[0] = (uint16_t)(MM_ARG_SHORT(2) + (int)sizeof(e.privileges));
    return mm_gp_put(vm, args[1], MM_ARG_SHORT(2), e.privileges, sizeof(e.privileges));
}

enum mm_run mm_n_entry_get_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_registered e;

    mm_gp_read_entry(vm, args[0], &e);
    ret[0] = (uint16_t)(int8_t)e.state;
    return MM_RUN_OK;
}

enum mm_run mm_n_entry_set_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_gp(vm) != NULL &&
             mm_gp(vm)->entry_set_state(mm_gp(vm)->ctx, mm_gp_caller(vm),
                                        mm_gp_entry_of(vm, args[0]), (uint8_t)args[1]);
    return MM_RUN_OK;
}

enum mm_run mm_n_entry_is_associated(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_registered e;
    struct mm_aid aid;

    if (args[1] == MM_REF_NULL)
        return mm_api_null(vm);
    mm_gp_read_entry(vm, args[0], &e);
    ret[0] = e.aid.len != 0 && mm_api_aid_get(vm, args[1], &aid) && mm_aid_equal(&aid, &e.domain);
    return MM_RUN_OK;
}

enum mm_run mm_n_entry_is_privileged(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_registered e;
    uint8_t n = (uint8_t)args[1];

    mm_gp_read_entry(vm, args[0], &e);
    ret[0] = n < 8 * sizeof(e.privileges) && (e.privileges[n / 8] & 0x80 >> n % 8) != 0;
    return MM_RUN_OK;
}

/* ---- Global services ---- */
static enum mm_run service(struct mm_vm *vm, const uint16_t *args, bool on)
{
    if (mm_gp(vm) == NULL)
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    return mm_gp_result(vm, mm_gp(vm)->entry_service(mm_gp(vm)->ctx, mm_gp_caller(vm),
                                                     mm_gp_entry_of(vm, args[0]), args[1], on));
}

enum mm_run mm_n_entry_register_service(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return service(vm, args, true);
}

enum mm_run mm_n_entry_deregister_service(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return service(vm, args, false);
}

/* The provider is asked for its shareable object as for any (JCRE 3.0.5, 6.2.4), and it must be a
 * GlobalService. */
enum mm_run mm_n_gp_get_service(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);
    uint16_t call[2] = {MM_REF_NULL, (uint16_t)(int8_t)SERVICE_IDENTIFIER};
    struct mm_aid aid, client;
    mm_ref applet;
    enum mm_run run;

    ret[0] = MM_REF_NULL;
    if (mm_gp(vm) == NULL || (args[0] != MM_REF_NULL && !mm_api_aid_get(vm, args[0], &aid)) ||
        !mm_gp(vm)->service_find(mm_gp(vm)->ctx, args[0] != MM_REF_NULL ? &aid : NULL, args[1],
                                 &applet))
        return MM_RUN_OK;
    if (s->applet_aid(s->ctx, mm_gp_caller(vm), &client)) {
        call[0] = mm_api_aid_object(vm, &client);
        if (call[0] == MM_REF_NULL)
            return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    }
    run = mm_vm_invoke_method(
        vm, applet, "javacard/framework/Applet", "getShareableInterfaceObject",
        "(Ljavacard/framework/AID;B)Ljavacard/framework/Shareable;", call, 2, ret);
    if (run == MM_RUN_OK && !mm_vm_instance_of(vm, ret[0], GLOBAL_SERVICE))
        ret[0] = MM_REF_NULL;
    return run;
}

/* ---- GPSystem.getCardInfo ---- */
static size_t card_info(struct mm_vm *vm, uint16_t id, uint8_t *out, size_t room)
{
    size_t len = room;

    if (id != CARD_INFO_HISTORICAL || mm_gp(vm) == NULL)
        return 0;
    mm_gp(vm)->historical_bytes(mm_gp(vm)->ctx, out, &len);
    return len;
}

enum mm_run mm_n_gp_card_info(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t info[15];
    size_t n = card_info(vm, args[2], info, sizeof(info));

    if (n == 0)
        return mm_api_throw_iso(vm, SW_DATA_NOT_FOUND);
    ret[0] = (uint16_t)(MM_ARG_SHORT(1) + (int)n);
    return mm_api_put(vm, args[0], MM_ARG_SHORT(1), info, n);
}

enum mm_run mm_n_gp_card_info_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t info[15];
    size_t n = card_info(vm, args[0], info, sizeof(info));

    if (n == 0)
        return mm_api_throw_iso(vm, SW_DATA_NOT_FOUND);
    ret[0] = (uint16_t)n;
    return MM_RUN_OK;
}
