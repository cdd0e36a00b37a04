/*
 * javacard.framework.service: BasicService and Dispatcher. Services share a command by way of the
 * APDU buffer, in the Common Service Format (API, BasicService):
 *
 *   before the command is processed   CLA INS P1  P2  Lc data
 *   afterwards                        CLA INS SW1 SW2 La data   La 0 is 0 or 256
 */
#include "applet_vm/api/service_int.h"

#include <string.h>

#define SERVICE        "javacard/framework/service/Service"
#define DISPATCHER     "javacard/framework/service/Dispatcher"
#define ISO_EXCEPTION  "javacard/framework/ISOException"
#define BUFFER_LC      4
#define BUFFER_SW      2
#define OUTPUT_MAX     256
#define TYPE_REFS      14
#define SW_SUCCESS     0x9000
#define SW_UNKNOWN     0x6F00
#define SW_NO_SUCH_INS 0x6D00

enum mm_run mm_service_failed(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacard/framework/service/ServiceException", reason);
}

/* ---- The buffer and the state of the command ---- */

/* The API's own APDU object is the only one there is. */
static enum mm_run apdu_at(struct mm_vm *vm, mm_ref apdu, struct mm_api_apdu **out)
{
    *out = &mm_api_of(vm)->apdu;
    return apdu != MM_REF_NULL ? MM_RUN_OK : mm_api_null(vm);
}

static bool readable(const struct mm_api_apdu *a)
{
    return a->state == MM_APDU_INITIAL || a->state == MM_APDU_FULL_INCOMING;
}

static bool processed(const struct mm_api_apdu *a)
{
    return a->state >= MM_APDU_OUTGOING;
}

static enum mm_run buffer_byte(struct mm_vm *vm, const uint16_t *args, int32_t off, bool always,
                               uint16_t *ret)
{
    struct mm_api_apdu *a;
    const uint8_t *data;
    enum mm_run run = apdu_at(vm, args[1], &a);

    if (run == MM_RUN_OK && !always && !readable(a))
        return mm_service_failed(vm, MM_SERVICE_CANNOT_ACCESS_IN);
    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, a->buffer, off, 1, &data);
    if (run == MM_RUN_OK)
        ret[0] = (uint16_t)(int8_t)data[0];
    return run;
}

enum mm_run mm_n_service_cla(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return buffer_byte(vm, args, 0, true, ret);
}

enum mm_run mm_n_service_ins(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return buffer_byte(vm, args, 1, true, ret);
}

enum mm_run mm_n_service_p1(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return buffer_byte(vm, args, 2, false, ret);
}

enum mm_run mm_n_service_p2(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return buffer_byte(vm, args, 3, false, ret);
}

enum mm_run mm_n_service_selecting(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return mm_n_applet_selecting(vm, args, ret);
}

/* All data of the command, at offset 5; the Common Service Format is for short commands. Once it is
 * there, Lc in the buffer counts: a service before this one may have taken a checksum off. */
enum mm_run mm_n_service_receive(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a;
    const uint8_t *lc;
    enum mm_run run = apdu_at(vm, args[1], &a);

    if (run != MM_RUN_OK)
        return run;
    if (!readable(a))
        return mm_service_failed(vm, MM_SERVICE_CANNOT_ACCESS_IN);
    if (a->long_lc || a->body_len > MM_APDU_BUFFER_LEN - MM_SERVICE_DATA)
        return mm_service_failed(vm, MM_SERVICE_TOO_LONG);
    if (a->state == MM_APDU_INITIAL) {
        run = mm_n_apdu_set_incoming_and_receive(vm, args + 1, ret);
        ret[0] = (uint16_t)a->body_len;
        return run;
    }
    run = mm_vm_bytes(vm, a->buffer, MM_SERVICE_DATA - 1, 1, &lc);
    ret[0] = run == MM_RUN_OK && a->body_len > 0 ? *lc : 0;
    return run;
}

enum mm_run mm_n_service_set_processed(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a;
    enum mm_run run = apdu_at(vm, args[1], &a);

    if (run != MM_RUN_OK || processed(a))
        return run;
    /* Fails after an error of input and output, too. */
    run = mm_n_apdu_set_outgoing(vm, args + 1, ret);
    return run == MM_RUN_THROWN ? mm_service_failed(vm, MM_SERVICE_CANNOT_ACCESS_OUT) : run;
}

enum mm_run mm_n_service_is_processed(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a;
    enum mm_run run = apdu_at(vm, args[1], &a);

    ret[0] = processed(a) || a->state < MM_APDU_INITIAL;
    return run;
}

enum mm_run mm_n_service_set_output_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api *api = mm_api_of(vm);
    struct mm_api_apdu *a;
    int len = MM_ARG_SHORT(2);
    uint8_t la = (uint8_t)len;
    enum mm_run run = apdu_at(vm, args[1], &a);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (len < 0 || len > OUTPUT_MAX || len > MM_APDU_BUFFER_LEN - MM_SERVICE_DATA)
        return mm_service_failed(vm, MM_SERVICE_ILLEGAL_PARAM);
    api->full_output = len == OUTPUT_MAX;
    api->full_output_entry = mm_vm_entries(vm);
    return mm_vm_array_write(vm, a->buffer, BUFFER_LC, &la, 1, false);
}

static enum mm_run output_length(struct mm_vm *vm, const struct mm_api_apdu *a, uint16_t *ret)
{
    const struct mm_api *api = mm_api_of(vm);
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, a->buffer, BUFFER_LC, 1, &data);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = data[0];
    if (data[0] == 0 && api->full_output && api->full_output_entry == mm_vm_entries(vm))
        ret[0] = OUTPUT_MAX;
    return MM_RUN_OK;
}

enum mm_run mm_n_service_get_output_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a;
    enum mm_run run = apdu_at(vm, args[1], &a);

    if (run == MM_RUN_OK && !processed(a))
        return mm_service_failed(vm, MM_SERVICE_CANNOT_ACCESS_OUT);
    return run == MM_RUN_OK ? output_length(vm, a, ret) : run;
}

static enum mm_run put_sw(struct mm_vm *vm, const struct mm_api_apdu *a, uint16_t sw)
{
    uint8_t bytes[2];

    mm_put_be16(bytes, sw);
    return mm_vm_array_write(vm, a->buffer, BUFFER_SW, bytes, 2, false);
}

static enum mm_run get_sw(struct mm_vm *vm, const struct mm_api_apdu *a, uint16_t *sw)
{
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, a->buffer, BUFFER_SW, 2, &data);

    if (run == MM_RUN_OK)
        *sw = mm_be16(data);
    return run;
}

enum mm_run mm_n_service_set_sw(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a;
    enum mm_run run = apdu_at(vm, args[1], &a);

    (void)ret;
    return run == MM_RUN_OK ? put_sw(vm, a, args[2]) : run;
}

enum mm_run mm_n_service_get_sw(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a;
    enum mm_run run = apdu_at(vm, args[1], &a);

    if (run == MM_RUN_OK && !processed(a))
        return mm_service_failed(vm, MM_SERVICE_CANNOT_ACCESS_OUT);
    return run == MM_RUN_OK ? get_sw(vm, a, ret) : run;
}

/* succeedWithStatusWord(apdu, sw) */
enum mm_run mm_n_service_succeed_with(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run = mm_n_service_set_processed(vm, args, ret);

    if (run == MM_RUN_OK)
        run = put_sw(vm, &mm_api_of(vm)->apdu, args[2]);
    ret[0] = 1;
    return run;
}

enum mm_run mm_n_service_succeed(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint16_t all[] = {args[0], args[1], SW_SUCCESS};

    return mm_n_service_succeed_with(vm, all, ret);
}

enum mm_run mm_n_service_fail(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint16_t nothing[] = {args[0], args[1], 0};
    enum mm_run run = mm_n_service_succeed_with(vm, args, ret);

    if (run == MM_RUN_OK)
        run = mm_n_service_set_output_length(vm, nothing, ret);
    ret[0] = 1;
    return run;
}

/* ---- Dispatcher: services in order, and the phase of each ---- */

enum { DIS_SERVICES, DIS_PHASES, DIS_N, DIS_CELLS };
enum { PHASE_NONE, PHASE_INPUT, PHASE_COMMAND, PHASE_OUTPUT };

static uint16_t get(struct mm_vm *vm, mm_ref dispatcher, uint8_t cell)
{
    return mm_vm_hidden(vm, dispatcher, DISPATCHER, cell);
}

static uint8_t phase_at(struct mm_vm *vm, mm_ref dispatcher, size_t i, mm_ref *service)
{
    size_t n;
    const uint8_t *phases = mm_api_hidden_bytes(vm, get(vm, dispatcher, DIS_PHASES), &n);
    bool is_ref;

    *service = MM_REF_NULL;
    (void)mm_vm_peek_cell(vm, get(vm, dispatcher, DIS_SERVICES), (uint16_t)i, service, &is_ref);
    return phases != NULL && i < n ? phases[i] : PHASE_NONE;
}

/* Arrays of this size that hold what the dispatcher has, without entry number leave. */
static enum mm_run copy_table(struct mm_vm *vm, mm_ref dispatcher, uint16_t size, size_t leave,
                              uint16_t cells[DIS_CELLS])
{
    enum mm_run run = MM_RUN_OK;
    uint16_t n = get(vm, dispatcher, DIS_N);

    cells[DIS_SERVICES] = mm_vm_new_array(vm, TYPE_REFS, size, MM_PERSISTENT);
    cells[DIS_PHASES] = mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY, size, MM_PERSISTENT);
    cells[DIS_N] = 0;
    if (cells[DIS_SERVICES] == MM_REF_NULL || cells[DIS_PHASES] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    for (uint16_t i = 0; run == MM_RUN_OK && i < n; i++) {
        mm_ref service;
        uint8_t phase = phase_at(vm, dispatcher, i, &service);
        if (i == leave)
            continue;
        run = mm_vm_array_write(vm, cells[DIS_SERVICES], cells[DIS_N], &service, 1, true);
        if (run == MM_RUN_OK)
            run = mm_vm_array_write(vm, cells[DIS_PHASES], cells[DIS_N]++, &phase, 1, true);
    }
    return run;
}

enum mm_run mm_n_dispatcher_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t cells[DIS_CELLS];
    enum mm_run run;

    (void)ret;
    if (MM_ARG_SHORT(1) < 0)
        return mm_service_failed(vm, MM_SERVICE_ILLEGAL_PARAM);
    run = copy_table(vm, args[0], args[1], SIZE_MAX, cells);
    return run == MM_RUN_OK ? mm_vm_hidden_put(vm, args[0], DISPATCHER, cells, DIS_CELLS) : run;
}

/* Arguments (service, phase), and where the table has them; n: nowhere. */
static enum mm_run find(struct mm_vm *vm, const uint16_t *args, size_t *at)
{
    size_t n = get(vm, args[0], DIS_N);
    int phase = MM_ARG_BYTE(2);

    if (args[1] == MM_REF_NULL || phase < PHASE_INPUT || phase > PHASE_OUTPUT)
        return mm_service_failed(vm, MM_SERVICE_ILLEGAL_PARAM);
    for (*at = 0; *at < n; (*at)++) {
        mm_ref service;
        if (phase_at(vm, args[0], *at, &service) == phase && service == args[1])
            break;
    }
    return mm_vm_access(vm, args[1]);
}

/* The entry counts from when the number does. */
enum mm_run mm_n_dispatcher_add(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t n = get(vm, args[0], DIS_N);
    uint8_t phase = (uint8_t)args[2];
    struct mm_obj_info info;
    size_t at;
    enum mm_run run = find(vm, args, &at);

    (void)ret;
    if (run != MM_RUN_OK || at < n)
        return run;
    if (!mm_vm_object(vm, get(vm, args[0], DIS_SERVICES), &info) || n == info.n)
        return mm_service_failed(vm, MM_SERVICE_TABLE_FULL);
    run = mm_vm_array_write(vm, get(vm, args[0], DIS_SERVICES), n, &args[1], 1, true);
    if (run == MM_RUN_OK)
        run = mm_vm_array_write(vm, get(vm, args[0], DIS_PHASES), n, &phase, 1, true);
    return run == MM_RUN_OK
               ? mm_vm_hidden_set(vm, args[0], DISPATCHER, DIS_N, (uint16_t)(n + 1), false)
               : run;
}

/* A new table in place of the old one, so that it changes in one step. */
enum mm_run mm_n_dispatcher_remove(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t cells[DIS_CELLS];
    struct mm_obj_info info = {0};
    size_t at;
    enum mm_run run = find(vm, args, &at);

    (void)ret;
    if (run != MM_RUN_OK || at == get(vm, args[0], DIS_N))
        return run;
    (void)mm_vm_object(vm, get(vm, args[0], DIS_SERVICES), &info);
    run = copy_table(vm, args[0], info.n, at, cells);
    return run == MM_RUN_OK ? mm_vm_hidden_put(vm, args[0], DISPATCHER, cells, DIS_CELLS) : run;
}

/* One phase: its services in order, until one says that it is done. */
static enum mm_run run_phase(struct mm_vm *vm, mm_ref dispatcher, mm_ref apdu, int phase)
{
    static const char *const methods[] = {NULL, "processDataIn", "processCommand",
                                          "processDataOut"};
    const struct mm_api_apdu *a = &mm_api_of(vm)->apdu;
    enum mm_run run = MM_RUN_OK;
    uint16_t done[2] = {0};
    mm_ref service;

    for (size_t i = 0; run == MM_RUN_OK && (done[0] & 1) == 0 && i < get(vm, dispatcher, DIS_N);
         i++) {
        if (phase_at(vm, dispatcher, i, &service) != phase)
            continue;
        if (phase == PHASE_OUTPUT && a->state != MM_APDU_OUTGOING)
            break;
        run = mm_vm_invoke_method(vm, service, SERVICE, methods[phase],
                                  "(Ljavacard/framework/APDU;)Z", &apdu, 1, done);
    }
    return run;
}

/* What the command came to. */
enum outcome { NOT_PROCESSED, PROCESSED, EXCEPTION };

static enum mm_run send(struct mm_vm *vm, mm_ref apdu, uint16_t *sw)
{
    struct mm_api_apdu *a = &mm_api_of(vm)->apdu;
    uint16_t length[2] = {apdu, 0}, bytes[3] = {apdu, MM_SERVICE_DATA, 0}, none[2];
    enum mm_run run = get_sw(vm, a, sw);

    if (run == MM_RUN_OK)
        run = output_length(vm, a, &length[1]);
    if (run != MM_RUN_OK || length[1] == 0)
        return run;
    bytes[2] = length[1];
    run = mm_n_apdu_set_outgoing_length(vm, length, none);
    return run == MM_RUN_OK ? mm_n_apdu_send_bytes(vm, bytes, none) : run;
}

static enum mm_run dispatch(struct mm_vm *vm, mm_ref dispatcher, mm_ref apdu, int phase,
                            enum outcome *out, uint16_t *sw)
{
    const struct mm_api_apdu *a = &mm_api_of(vm)->apdu;
    enum mm_run run = MM_RUN_OK;

    *out = NOT_PROCESSED;
    *sw = SW_SUCCESS;
    for (; run == MM_RUN_OK && phase <= PHASE_OUTPUT; phase++)
        run = run_phase(vm, dispatcher, apdu, phase);
    if (run == MM_RUN_OK && a->state == MM_APDU_OUTGOING)
        run = send(vm, apdu, sw);
    if (run == MM_RUN_THROWN) {
        *out = EXCEPTION;
        return MM_RUN_OK;
    }
    if (processed(a)) /* some services send by themselves */
        *out = PROCESSED;
    return run;
}

/* dispatch(apdu, phase): the exception, ISOException with the status word when all went well, or
 * null when nobody processed the command. */
enum mm_run mm_n_dispatcher_dispatch(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int phase = MM_ARG_BYTE(2);
    enum outcome outcome;
    uint16_t sw;
    enum mm_run run;

    if (args[1] == MM_REF_NULL)
        return mm_api_null(vm);
    if (phase < PHASE_INPUT || phase > PHASE_OUTPUT)
        return mm_service_failed(vm, MM_SERVICE_ILLEGAL_PARAM);
    run = dispatch(vm, args[0], args[1], phase, &outcome, &sw);
    if (run != MM_RUN_OK)
        return run;
    if (outcome == PROCESSED && mm_vm_throw(vm, ISO_EXCEPTION, sw) != MM_RUN_THROWN)
        return MM_RUN_FAULT;
    ret[0] = outcome == NOT_PROCESSED ? MM_REF_NULL : mm_vm_exception(vm)->ref;
    return MM_RUN_OK;
}

enum mm_run mm_n_dispatcher_process(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum outcome outcome;
    uint16_t sw;
    enum mm_run run;

    (void)ret;
    if (args[1] == MM_REF_NULL)
        return mm_api_null(vm);
    run = dispatch(vm, args[0], args[1], PHASE_INPUT, &outcome, &sw);
    if (run != MM_RUN_OK)
        return run;
    if (outcome == NOT_PROCESSED)
        return mm_api_throw_iso(vm, SW_NO_SUCH_INS);
    if (outcome == EXCEPTION)
        return mm_api_throw_iso(vm, SW_UNKNOWN);
    return sw == SW_SUCCESS ? MM_RUN_OK : mm_api_throw_iso(vm, sw);
}
