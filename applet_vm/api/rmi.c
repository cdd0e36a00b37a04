/*
 * Java Card RMI (JCRE 3.0.5, chapter 8): RMIService and CardRemoteObject.
 *
 * SELECT answers   6F len 6E len 5E len  0202  invoke_ins  response with the initial reference
 * INVOKE is        80 invoke_ins 02 02 Lc  object_id method_id parameters
 * and answers a response:
 *   81 value                normal; nothing for void
 *   82 type reason, 83 ...  an exception of the API; 83: of the applet, type and reason of its
 *                           nearest superclass in the API
 *   99 detail               what could not be done
 */
#include "applet_vm/api/rmi_int.h"

#include <string.h>

#define RMI_VERSION 0x0202

#define SELECT_INS        0xA4
#define SELECT_P1_AID     0x04
#define SELECT_INTERFACES 0x10 /* P2: references by interfaces */

/* ---- Exporting ---- */

/* export(obj), unexport(obj): of the caller's own, which an entry point of the JCRE's is not. */
static enum mm_run export(struct mm_vm *vm, mm_ref obj, bool exported) {
    struct mm_api *api = mm_api_of(vm); struct mm_obj_info info;
    enum mm_run run = mm_vm_access(vm, obj);

    if (run == MM_RUN_OK && mm_vm_context(vm) != 0 && mm_vm_object(vm, obj, &info) &&
        mm_vm_context_of(vm, info.owner) != mm_vm_context(vm))
        run = mm_vm_throw(vm, "java/lang/SecurityException", 0);
    if (run == MM_RUN_OK) run = mm_vm_export(vm, obj, exported);
    if (run == MM_RUN_OK && exported && mm_tx_active(mm_vm_nvm(vm)))
        api->fresh[api->fresh_n++ % MM_API_FRESH] =
        (struct mm_api_fresh){.ref = obj, .entry = mm_vm_entries(vm)};
    return run;
}

enum mm_run mm_n_remote_export(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return export(vm, args[0], true);
}

enum mm_run mm_n_remote_unexport(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return export(vm, args[0], false);
}

/* ---- Answers ---- */

static void put_error(struct mm_buf *out, size_t from, enum mm_rmi_fault fault)
{
    out->len = from;
    mm_buf_u8(out, MM_RMI_ERROR);
    mm_buf_u16(out, (uint16_t)fault);
}

/* Into the APDU buffer as the Common Service Format has it. */
static enum mm_run answer(struct mm_vm *vm, const uint16_t *args, struct mm_buf *out, uint16_t *ret)
{
    const uint16_t length[] = {args[0], args[1], (uint16_t)out->len};
    enum mm_run run = mm_n_service_succeed(vm, args, ret);

    if (out->bad)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    if (run == MM_RUN_OK)
        run = mm_n_service_set_output_length(vm, length, ret);
    if (run == MM_RUN_OK)
        run = mm_vm_array_write(vm, mm_api_of(vm)->apdu.buffer, MM_SERVICE_DATA, out->data,
                                (uint16_t)out->len, false);
    ret[0] = 1;
    return run;
}

/* ---- SELECT (8.4.1) ---- */

/* Lengths are one byte each and say what is behind them. */
static void put_fci(struct mm_buf *out, uint8_t ins, const struct mm_buf *initial)
{
    size_t n = 3 + initial->len;

    mm_buf_u8(out, 0x6F);
    mm_buf_u8(out, (uint8_t)(n + 4));
    mm_buf_u8(out, 0x6E);
    mm_buf_u8(out, (uint8_t)(n + 2));
    mm_buf_u8(out, 0x5E);
    mm_buf_u8(out, (uint8_t)n);
    mm_buf_u16(out, RMI_VERSION);
    mm_buf_u8(out, ins);
    mm_buf_bytes(out, initial->data, initial->len);
}

static enum mm_run answer_select(struct mm_vm *vm, const uint16_t *args, uint8_t p2, uint16_t *ret)
{
    struct mm_buf initial, out;
    enum mm_rmi_fault fault = MM_RMI_FINE;
    enum mm_run run = mm_rmi_session_begin(vm, args[0], (p2 & SELECT_INTERFACES) != 0);

    mm_buf_init(&initial);
    mm_buf_init(&out);
    mm_buf_u8(&initial, MM_RMI_NORMAL);
    if (run == MM_RUN_OK && !mm_vm_exported(vm, mm_rmi_cell(vm, args[0], MM_RMI_INITIAL)))
        fault = MM_RMI_NO_OBJECT;
    else if (run == MM_RUN_OK)
        run = mm_rmi_put_reference(vm, args[0], mm_rmi_cell(vm, args[0], MM_RMI_INITIAL), &initial,
                                   &fault);
    if (fault == MM_RMI_FINE && 3 + initial.len + 4 > UINT8_MAX)
        fault = MM_RMI_NO_ROOM_OUT;
    if (fault != MM_RMI_FINE)
        put_error(&initial, 0, fault);
    put_fci(&out, (uint8_t)mm_rmi_cell(vm, args[0], MM_RMI_INS), &initial);
    if (run == MM_RUN_OK)
        run = answer(vm, args, &out, ret);
    mm_buf_clear(&initial);
    mm_buf_clear(&out);
    return run;
}

/* ---- INVOKE (8.4.2) ---- */

/* The call of a method that was found. */
static enum mm_run call_method(struct mm_vm *vm, mm_ref service, mm_ref obj,
                               const struct mm_remote_method *m, struct mm_rd *rd,
                               struct mm_buf *out, enum mm_rmi_fault *fault)
{
    struct mm_rmi_call call = {.cell_n = 0};
    uint16_t result[2] = {0};
    enum mm_run run = MM_RUN_OK;
    bool allowed;

    *fault = mm_rmi_take_parameters(vm, m, rd, &call);
    /* Without verification the signature may be of another method. */
    if (*fault == MM_RMI_FINE && call.cell_n != m->cell_n)
        *fault = MM_RMI_INTERNAL;
    allowed = mm_vm_access(vm, obj) == MM_RUN_OK;
    if (!allowed)
        run = MM_RUN_THROWN; /* the firewall's, not the method's */
    if (*fault == MM_RMI_FINE && allowed) {
        run = mm_vm_invoke_virtual(vm, obj, m->token, call.cells, call.cell_n, result);
        if (run == MM_RUN_OK) {
            run = mm_rmi_put_result(vm, service, call.result, result, out, fault);
        } else if (run == MM_RUN_THROWN) {
            mm_rmi_put_exception(vm, out);
            run = MM_RUN_OK;
        }
    }
    for (size_t i = 0; i < call.array_n; i++)
        mm_vm_global_array_free(vm, call.arrays[i]);
    return run;
}

static enum mm_run invoke(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_api_apdu *a = &mm_api_of(vm)->apdu;
    uint8_t data[MM_APDU_BUFFER_LEN];
    const uint8_t *buffer;
    struct mm_remote_method m;
    struct mm_rd rd;
    struct mm_buf out;
    enum mm_rmi_fault fault = MM_RMI_FINE;
    bool known = false;
    mm_ref obj;
    uint16_t len = 0;
    enum mm_run run = mm_n_service_receive(vm, args, &len);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, a->buffer, 0, MM_SERVICE_DATA + len, &buffer);
    if (run != MM_RUN_OK)
        return run;
    memcpy(data, buffer + MM_SERVICE_DATA, len);
    mm_rd_init(&rd, data, len);
    obj = mm_rd_u16(&rd);
    mm_buf_init(&out);
    if (mm_be16(buffer + 2) != RMI_VERSION || len < 4)
        fault = MM_RMI_PROTOCOL;
    if (fault == MM_RMI_FINE)
        run = mm_rmi_knows(vm, args[0], obj, &known);
    if (run == MM_RUN_OK && fault == MM_RMI_FINE && !known)
        fault = MM_RMI_NO_OBJECT;
    if (run == MM_RUN_OK && fault == MM_RMI_FINE &&
        !mm_vm_remote_method(vm, obj, mm_rd_u16(&rd), &m))
        fault = MM_RMI_NO_METHOD;
    if (run == MM_RUN_OK && fault == MM_RMI_FINE)
        run = call_method(vm, args[0], obj, &m, &rd, &out, &fault);
    if (fault == MM_RMI_FINE && out.len > MM_RMI_RESPONSE_MAX)
        fault = MM_RMI_NO_ROOM_OUT;
    if (fault != MM_RMI_FINE)
        put_error(&out, 0, fault);
    if (run == MM_RUN_OK)
        run = answer(vm, args, &out, ret);
    mm_buf_clear(&out);
    return run;
}

enum mm_run mm_n_rmi_process_command(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_api_apdu *a = &mm_api_of(vm)->apdu;
    uint16_t selecting = 0;
    const uint8_t *head;
    uint8_t p2, ins = 0;
    bool active = false;
    enum mm_run run =
        args[1] == MM_REF_NULL ? mm_api_null(vm) : mm_n_service_selecting(vm, args, &selecting);

    ret[0] = 0;
    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, a->buffer, 0, MM_SERVICE_DATA, &head);
    if (run != MM_RUN_OK)
        return run;
    p2 = head[3];
    if ((selecting & 1) != 0) {
        if (head[1] != SELECT_INS || head[2] != SELECT_P1_AID)
            return MM_RUN_OK;
        run = mm_n_service_receive(vm, args, ret);
        return run == MM_RUN_OK ? answer_select(vm, args, p2, ret) : run;
    }
    if ((head[0] & 0x80) == 0)
        return MM_RUN_OK;
    run = mm_rmi_session_ins(vm, args[0], &active, &ins);
    if (run != MM_RUN_OK || !active || head[1] != ins)
        return run;
    return invoke(vm, args, ret);
}
