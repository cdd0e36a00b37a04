/* org.globalplatform.contactless: states, groups, lists and order of applications on a contactless
 * interface, and who is told of what changes. */
#include "applet_vm/api/api_int.h"

#include <string.h>

#define CL_ENTRY      "Lorg/globalplatform/contactless/GPCLRegistryEntry;"
#define CL_APPLET     "org/globalplatform/contactless/CLApplet"
#define CREL          "org/globalplatform/contactless/CRELApplication"
#define CRS           "org/globalplatform/contactless/CRSApplication"
#define POLICY        "org/globalplatform/contactless/CLAppletActivationPolicy"
#define GET_SHAREABLE "(Ljavacard/framework/AID;B)Ljavacard/framework/Shareable;"

/* Parameters of getShareableInterfaceObject: GPCLSystem.GPCL_... */
enum { ASK_POLICY = 0x83, ASK_CRS = 0x84, ASK_CREL = 0x85, ASK_APPLET = 0x86 };

#define ACTIVATED              0x01
#define PRIVILEGE_CONTACTLESS  18
#define SECURE_ELEMENT_UNKNOWN 0
#define USER_INTERFACE_UNKNOWN 0x8000 /* GPCLSystem.HOST_DEVICE_UI_STATE_UNKNOWN */
#define PROXIMITY_IO_INTERFACE 1
#define SW_WRONG_DATA          0x6A80
#define SW_UNKNOWN             0x6F00

static const struct mm_cl_services *cl(struct mm_vm *vm)
{
    return mm_gp(vm) == NULL ? NULL : mm_gp(vm)->cl;
}

static void *ctx(struct mm_vm *vm)
{
    return mm_gp(vm)->ctx;
}

/* ---- Who is told ---- */

/* The interface that the application has for the JCRE; null when it has none, or may not be called. */
static mm_ref shareable(struct mm_vm *vm, mm_comp comp, uint8_t parameter, const char *interface)
{
    uint16_t args[2] = {MM_REF_NULL, (uint16_t)(int8_t)parameter}, ret[2] = {MM_REF_NULL};
    mm_ref applet;

    if (!cl(vm)->applet(ctx(vm), comp, &applet) ||
        mm_vm_invoke_method(vm, applet, "javacard/framework/Applet", "getShareableInterfaceObject",
                            GET_SHAREABLE, args, 2, ret) != MM_RUN_OK ||
        !mm_vm_instance_of(vm, ret[0], interface))
        return MM_REF_NULL;
    return ret[0];
}

/* A transaction that the called one left open goes (CRELApplication.notifyCLEvent). */
static void call(struct mm_vm *vm, mm_ref object, const char *interface, const char *descriptor,
                 const uint16_t *args, size_t n)
{
    bool open = mm_tx_active(mm_vm_nvm(vm));

    (void)mm_vm_invoke_method(vm, object, interface, "notifyCLEvent", descriptor, args, n, NULL);
    if (!open && mm_tx_active(mm_vm_nvm(vm)))
        mm_vm_tx_abort(vm);
}

/* Nobody is told of what he did himself, nor of himself twice. */
static void tell(struct mm_vm *vm, mm_comp origin, mm_comp entry, uint16_t event)
{
    uint16_t args[2] = {event, event};
    mm_comp listener = 0;
    mm_ref object;

    object = origin == entry ? MM_REF_NULL : shareable(vm, entry, ASK_APPLET, CL_APPLET);
    if (object != MM_REF_NULL)
        call(vm, object, CL_APPLET, "(S)V", args, 1);
    while (cl(vm)->next(ctx(vm), 0, MM_CL_WALK_LISTENERS, entry, listener, &listener) == MM_SW_OK &&
           listener != 0) {
        if (listener == origin || listener == entry)
            continue;
        object = shareable(vm, listener, ASK_CREL, CREL);
        if (object == MM_REF_NULL)
            object = shareable(vm, listener, ASK_CRS, CRS);
        if (object != MM_REF_NULL && mm_gp_entry_object(vm, entry, args) == MM_RUN_OK)
            call(vm, object, CREL, "(" CL_ENTRY "S)V", args, 2);
    }
}

void mm_api_cl_event(struct mm_vm *vm, mm_comp entry, uint16_t event)
{
    if (cl(vm) != NULL)
        tell(vm, 0, entry, event);
}

/* The status word of a change; when it was made, it is told. */
static enum mm_run made(struct mm_vm *vm, mm_comp entry, uint16_t sw, uint16_t event)
{
    if (sw == MM_SW_OK && event != 0)
        tell(vm, mm_gp_caller(vm), entry, event);
    return mm_gp_result(vm, sw);
}

/* ---- Entries ---- */
enum mm_run mm_n_cl_get_entry(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return mm_gp_find_entry(vm, args[0], PRIVILEGE_CONTACTLESS, ret);
}

/* An argument that stands for an entry, and is none of the card's: null is. */
static bool is_foreign(struct mm_vm *vm, mm_ref entry)
{
    return entry != MM_REF_NULL && !mm_vm_instance_of(vm, entry, "mintmark/RegistryEntry");
}

static enum mm_run foreign(struct mm_vm *vm)
{
    return mm_vm_throw(vm, "java/lang/SecurityException", 0);
}

/* The entry of that family behind that one; null: the first. One of another family has none behind it. */
enum mm_run mm_n_cl_get_next_entry(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_comp caller = mm_gp_caller(vm), next;
    uint16_t sw = MM_SW_CONDITIONS;

    if (is_foreign(vm, args[0]))
        return foreign(vm);
    next = args[0] != MM_REF_NULL ? mm_gp_entry_of(vm, args[0]) : 0;
    ret[0] = MM_REF_NULL;
    if (cl(vm) != NULL && next != 0 && !cl(vm)->family(ctx(vm), next, args[1]))
        return MM_RUN_OK;
    do {
        if (cl(vm) != NULL)
            sw = cl(vm)->next(ctx(vm), caller, MM_CL_WALK_ENTRIES, caller, next, &next);
        if (sw != MM_SW_OK)
            return mm_api_throw_iso(vm, sw);
    } while (next != 0 && !cl(vm)->family(ctx(vm), next, args[1]));
    return next == 0 ? MM_RUN_OK : mm_gp_entry_object(vm, next, ret);
}

static enum mm_run walk(struct mm_vm *vm, enum mm_cl_walk list, const uint16_t *args, uint16_t *ret)
{
    mm_comp after = args[1] != MM_REF_NULL ? mm_gp_entry_of(vm, args[1]) : 0, next = 0;
    uint16_t sw = MM_SW_CONDITIONS;

    if (is_foreign(vm, args[1]))
        return foreign(vm);
    ret[0] = MM_REF_NULL;
    if (cl(vm) != NULL)
        sw = cl(vm)->next(ctx(vm), mm_gp_caller(vm), list, mm_gp_entry_of(vm, args[0]), after,
                          &next);
    if (sw != MM_SW_OK)
        return mm_api_throw_iso(vm, sw);
    return next == 0 ? MM_RUN_OK : mm_gp_entry_object(vm, next, ret);
}

enum mm_run mm_n_entry_next_crel(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return walk(vm, MM_CL_WALK_CREL, args, ret);
}

enum mm_run mm_n_entry_next_member(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return walk(vm, MM_CL_WALK_MEMBERS, args, ret);
}

enum mm_run mm_n_entry_next_conflict(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return walk(vm, MM_CL_WALK_CONFLICTS, args, ret);
}

enum mm_run mm_n_entry_next_referencing(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return walk(vm, MM_CL_WALK_REFERENCING, args, ret);
}

/* ---- State ---- */
enum mm_run mm_n_entry_get_cl_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_registered e;

    mm_gp_read_entry(vm, args[0], &e);
    ret[0] = (uint16_t)(int8_t)e.contactless;
    return MM_RUN_OK;
}

/* The CRS application decides for one who may not, and does it itself if it likes. */
static uint16_t ask_crs(struct mm_vm *vm, mm_comp entry, uint16_t event)
{
    uint16_t args[3] = {MM_REF_NULL, MM_REF_NULL, event}, accepted[2] = {0};
    mm_comp crs = 0;
    mm_ref object = MM_REF_NULL;

    if (cl(vm)->next(ctx(vm), 0, MM_CL_WALK_CRS, entry, 0, &crs) == MM_SW_OK && crs != 0 &&
        crs != mm_gp_caller(vm))
        object = shareable(vm, crs, ASK_CRS, CRS);
    if (object == MM_REF_NULL || mm_gp_entry_object(vm, mm_gp_caller(vm), &args[0]) != MM_RUN_OK ||
        mm_gp_entry_object(vm, entry, &args[1]) != MM_RUN_OK)
        return MM_SW_CONDITIONS;
    if (mm_vm_invoke_method(vm, object, CRS, "processCLRequest",
                            "(Lorg/globalplatform/GPRegistryEntry;" CL_ENTRY "S)Z", args, 3,
                            accepted) != MM_RUN_OK)
        return SW_UNKNOWN;
    return (accepted[0] & 1) != 0 ? MM_SW_OK : MM_SW_CONDITIONS;
}

/* Does the application let itself be activated by another? */
static uint16_t ask_application(struct mm_vm *vm, mm_comp entry)
{
    uint16_t accepted[2] = {0};
    mm_ref object = shareable(vm, entry, ASK_POLICY, POLICY);

    if (object == MM_REF_NULL)
        return MM_SW_OK;
    if (mm_vm_invoke_method(vm, object, POLICY, "acceptActivation", "()Z", NULL, 0, accepted) !=
        MM_RUN_OK)
        return SW_UNKNOWN;
    return (accepted[0] & 1) != 0 ? MM_SW_OK : MM_SW_CONDITIONS;
}

static uint16_t state_event(uint8_t state)
{
    return state == ACTIVATED ? MM_CL_EVENT_ACTIVATED
           : state == 0       ? MM_CL_EVENT_DEACTIVATED
                              : MM_CL_EVENT_NON_ACTIVATABLE;
}

/* The members that followed their head hear of it as it does. */
static void tell_members(struct mm_vm *vm, mm_comp head, uint8_t state)
{
    struct mm_gp_registered e;
    mm_comp member = 0;

    while (cl(vm)->next(ctx(vm), 0, MM_CL_WALK_FOLLOWERS, head, member, &member) == MM_SW_OK &&
           member != 0) {
        if (mm_gp(vm)->entry_get(ctx(vm), member, &e) && e.contactless == state)
            tell(vm, mm_gp_caller(vm), member, state_event(state));
    }
}

enum mm_run mm_n_entry_set_cl_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_comp entry = mm_gp_entry_of(vm, args[0]), caller = mm_gp_caller(vm);
    uint8_t state = (uint8_t)args[1];
    struct mm_gp_registered e;
    uint16_t sw = MM_SW_OK;

    if (cl(vm) == NULL)
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    if (state == ACTIVATED && caller != entry)
        sw = cl(vm)->manages(ctx(vm), caller) ? ask_application(vm, entry) : MM_SW_CONDITIONS;
    if (sw == MM_SW_OK)
        sw = cl(vm)->state_set(ctx(vm), caller, entry, &state);
    if (sw == MM_SW_CONDITIONS && state == ACTIVATED && caller == entry) {
        sw = ask_crs(vm, entry, MM_CL_EVENT_ACTIVATED);
        mm_gp_read_entry(vm, args[0], &e);
        ret[0] = (uint16_t)(int8_t)e.contactless;
        return mm_gp_result(vm, sw);
    }
    ret[0] = (uint16_t)(int8_t)state;
    if (sw == MM_SW_OK) {
        tell(vm, caller, entry, state_event(state));
        tell_members(vm, entry, state);
    }
    return mm_gp_result(vm, sw);
}

/* ---- Information ---- */

/* getInfo(buffer, offset, id): the offset behind it. */
enum mm_run mm_n_entry_get_info(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t info[MM_GP_INFO_MAX];
    size_t n = sizeof(info);
    uint16_t sw = MM_SW_CONDITIONS;

    if (cl(vm) != NULL)
        sw = cl(vm)->info_get(ctx(vm), mm_gp_caller(vm), mm_gp_entry_of(vm, args[0]), args[3], info,
                              &n);
    if (sw != MM_SW_OK)
        return mm_api_throw_iso(vm, sw);
    ret[0] = (uint16_t)(MM_ARG_SHORT(2) + (int)n);
    return mm_gp_put(vm, args[1], MM_ARG_SHORT(2), info, n);
}

/* CLAppletEvent of an INFO_ constant; 0: it has none. */
static uint16_t info_event(uint16_t id, const uint8_t *data, size_t len)
{
    static const uint8_t events[] = {[4] = 4,   [5] = 5,   [6] = 6,   [7] = 7,   [8] = 8,  [9] = 9,
                                     [10] = 10, [11] = 12, [12] = 11, [15] = 21, [16] = 16};

    if (id == 13) /* INFO_CONTINUOUS_PROCESS: CONTINUOUS_PROCESS_ENABLED is 2 */
        return len == 1 && data[0] == 2 ? 13 : 141;
    return id < sizeof(events) ? events[id] : 0;
}

/* setInfo(buffer, offset, length, id): the offset behind it. */
enum mm_run mm_n_entry_set_info(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(3);
    mm_comp entry = mm_gp_entry_of(vm, args[0]);
    const uint8_t *data;
    uint16_t sw = MM_SW_CONDITIONS, event = 0;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[1], MM_ARG_SHORT(2), len, &data);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = (uint16_t)(MM_ARG_SHORT(2) + len);
    if (cl(vm) != NULL) {
        event = info_event(args[4], data, (size_t)len);
        sw = cl(vm)->info_set(ctx(vm), mm_gp_caller(vm), entry, args[4], data, (size_t)len);
    }
    return made(vm, entry, sw, event);
}

/* ---- Lists and groups ---- */

/* An AID in an array; 6A80: it is none. */
static enum mm_run edit(struct mm_vm *vm, const uint16_t *args, enum mm_cl_list list, bool add,
                        uint16_t event)
{
    mm_comp entry = mm_gp_entry_of(vm, args[0]);
    uint16_t sw = MM_SW_CONDITIONS;
    struct mm_aid aid;
    const uint8_t *data;
    enum mm_run run =
        mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), &data);

    if (run != MM_RUN_OK)
        return run;
    if (mm_aid_set(&aid, data, (size_t)MM_ARG_SHORT(3)) != MM_OK)
        sw = SW_WRONG_DATA;
    else if (cl(vm) != NULL)
        sw = cl(vm)->list_edit(ctx(vm), mm_gp_caller(vm), entry, list, &aid, add);
    return made(vm, entry, sw, event);
}

enum mm_run mm_n_entry_add_crel(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return edit(vm, args, MM_CL_CREL, true, MM_CL_EVENT_CREL_ADDED);
}

enum mm_run mm_n_entry_remove_crel(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return edit(vm, args, MM_CL_CREL, false, MM_CL_EVENT_CREL_REMOVED);
}

enum mm_run mm_n_entry_add_authorized(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return edit(vm, args, MM_CL_GROUP, true, 0);
}

enum mm_run mm_n_entry_remove_authorized(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return edit(vm, args, MM_CL_GROUP, false, 0);
}

/* null leaves the group. */
enum mm_run mm_n_entry_join(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_comp entry = mm_gp_entry_of(vm, args[0]);
    bool leave = args[1] == MM_REF_NULL;
    uint16_t sw = MM_SW_CONDITIONS;
    struct mm_aid head;

    (void)ret;
    if (cl(vm) != NULL && (leave || mm_api_aid_get(vm, args[1], &head)))
        sw = cl(vm)->join(ctx(vm), mm_gp_caller(vm), entry, leave ? NULL : &head);
    return made(vm, entry, sw, leave ? MM_CL_EVENT_MEMBER_REMOVED : MM_CL_EVENT_MEMBER_ADDED);
}

static enum mm_run group(struct mm_vm *vm, mm_ref ref, bool *head, bool *member)
{
    uint16_t sw = MM_SW_CONDITIONS;

    *head = *member = false;
    if (cl(vm) != NULL)
        sw = cl(vm)->group(ctx(vm), mm_gp_caller(vm), mm_gp_entry_of(vm, ref), head, member);
    return mm_gp_result(vm, sw);
}

enum mm_run mm_n_entry_is_head(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    bool head, member;
    enum mm_run run = group(vm, args[0], &head, &member);

    ret[0] = head;
    return run;
}

enum mm_run mm_n_entry_is_member(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    bool head, member;
    enum mm_run run = group(vm, args[0], &head, &member);

    ret[0] = member;
    return run;
}

/* ---- Order ---- */
enum mm_run mm_n_entry_set_order(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_comp entry = mm_gp_entry_of(vm, args[0]);
    bool top = (args[1] & 1) != 0;
    uint16_t sw = MM_SW_CONDITIONS;

    (void)ret;
    if (cl(vm) != NULL)
        sw = cl(vm)->order(ctx(vm), mm_gp_caller(vm), entry, top);
    return made(vm, entry, sw, top ? MM_CL_EVENT_HIGHEST : MM_CL_EVENT_LOWEST);
}

/* Who had the priority loses it first, and hears of it. */
enum mm_run mm_n_cl_set_volatile(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_comp entry = args[0] == MM_REF_NULL ? 0 : mm_gp_entry_of(vm, args[0]), former = 0;
    uint16_t sw = MM_SW_CONDITIONS;

    (void)ret;
    if (is_foreign(vm, args[0]))
        return foreign(vm);
    if (cl(vm) != NULL)
        sw = cl(vm)->volatile_priority(ctx(vm), mm_gp_caller(vm), entry, &former);
    if (sw == MM_SW_CONDITIONS && cl(vm) != NULL && entry != 0)
        return mm_gp_result(vm, ask_crs(vm, entry, MM_CL_EVENT_VOLATILE_SET));
    if (sw == MM_SW_OK && former != 0)
        tell(vm, mm_gp_caller(vm), former, MM_CL_EVENT_VOLATILE_RESET);
    return made(vm, entry, sw, entry != 0 ? MM_CL_EVENT_VOLATILE_SET : 0);
}

/* ---- The card ---- */

/* getCardCLInfo(buffer, offset, id): the offset behind it. */
enum mm_run mm_n_cl_card_info(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t info[MM_GP_INFO_MAX];
    size_t n = sizeof(info);
    uint16_t sw = MM_SW_CONDITIONS;

    if (cl(vm) != NULL)
        sw = cl(vm)->card_info(ctx(vm), args[2], info, &n);
    if (sw != MM_SW_OK)
        return mm_api_throw_iso(vm, sw);
    ret[0] = (uint16_t)(MM_ARG_SHORT(1) + (int)n);
    return mm_api_put(vm, args[0], MM_ARG_SHORT(1), info, n);
}

enum mm_run mm_n_cl_set_interface(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t sw = MM_SW_CONDITIONS;

    (void)ret;
    if (cl(vm) != NULL)
        sw = cl(vm)->interface_set(ctx(vm), mm_gp_caller(vm), args[0], (args[1] & 1) != 0);
    return mm_gp_result(vm, sw);
}

static enum mm_run interface_on(struct mm_vm *vm, uint16_t id, uint16_t *ret)
{
    uint16_t sw = SW_WRONG_DATA;
    bool on = false;

    if (cl(vm) != NULL)
        sw = cl(vm)->interface_on(ctx(vm), id, &on);
    ret[0] = on;
    return mm_gp_result(vm, sw);
}

enum mm_run mm_n_cl_interface_on(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return interface_on(vm, args[0], ret);
}

/* checkCommunicationInterfaceAccess(entry, interface): INSTALL restricts nobody's access, so it is there
 * when the interface is. */
enum mm_run mm_n_cl_interface_access(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    if (args[0] == MM_REF_NULL)
        return mm_api_null(vm);
    return args[1] == PROXIMITY_IO_INTERFACE ? interface_on(vm, args[1], ret)
                                             : mm_api_throw_iso(vm, SW_WRONG_DATA);
}

/* launchHostDeviceApplication(parameters, off, len): there is no host device around the chip. */
enum mm_run mm_n_cl_launch(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *data;
    enum mm_run run =
        mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[0], MM_ARG_SHORT(1), MM_ARG_SHORT(2), &data);

    (void)ret;
    return run == MM_RUN_OK ? mm_api_throw_iso(vm, MM_SW_NOT_SUPPORTED) : run;
}

enum mm_run mm_n_cl_secure_element_type(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = SECURE_ELEMENT_UNKNOWN;
    return MM_RUN_OK;
}

enum mm_run mm_n_cl_user_interface_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = USER_INTERFACE_UNKNOWN;
    return MM_RUN_OK;
}
