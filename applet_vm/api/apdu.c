/* javacard.framework.APDU: one object and one buffer, both the JCRE's (JCRE 3.0.5, 6.2, 9). */
#include "applet_vm/api/api_int.h"

#include <string.h>

#define APDU_ILLEGAL_USE   1
#define APDU_BUFFER_BOUNDS 2
#define APDU_BAD_LENGTH    3
#define APDU_IO_ERROR      4

#define PROTOCOL_T1      1
#define IN_BLOCK         254 /* T=1: information field of a block */
#define OUT_BLOCK        254
#define OFFSET_CDATA     5
#define OFFSET_EXT_CDATA 7
#define SHORT_MAX        0x7FFF
#define SHORT_BODY_MAX   255

static struct mm_api_apdu *apdu_of(struct mm_vm *vm)
{
    return &mm_api_of(vm)->apdu;
}

static enum mm_run apdu_failed(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacard/framework/APDUException", reason);
}

/* ---- The card's side ---- */

mm_ref mm_api_apdu_begin(struct mm_vm *vm, const uint8_t header[4], const uint8_t *body,
                         size_t body_len, uint32_t le, bool has_le, uint8_t channel)
{
    struct mm_api_apdu *a = apdu_of(vm);
    uint8_t buffer[MM_APDU_BUFFER_LEN] = {0};

    a->active = true;
    a->state = MM_APDU_INITIAL;
    a->channel = channel;
    a->body = body;
    a->body_len = body_len;
    a->body_off = 0;
    a->le = le;
    a->has_le = has_le;
    a->out_len = 0;
    mm_buf_clear(&a->out);
    mm_api_of(vm)->own_tx = mm_api_of(vm)->nested_tx = false;
    memcpy(buffer, header, 4);
    /* A body that fits a short command is shown as one, however it came: an applet that does not
     * know extended length finds its data at 5. */
    if (body_len > SHORT_BODY_MAX)
        mm_put_be16(buffer + 5, (uint16_t)body_len);
    else
        buffer[4] = (uint8_t)(body_len != 0 ? body_len : le);
    /* The whole buffer, so that nothing of the last exchange is left (JCRE 6.2.2). A RAM array of
     * the JCRE: the write cannot fail. */
    (void)mm_vm_array_write(vm, a->buffer, 0, buffer, MM_APDU_BUFFER_LEN, false);
    return a->ref;
}

void mm_api_apdu_end(struct mm_vm *vm, const uint8_t **response, size_t *response_len)
{
    struct mm_api_apdu *a = apdu_of(vm);

    a->active = false;
    a->body = NULL;
    a->body_len = 0;
    *response = a->out.data;
    *response_len = a->out.bad ? 0 : a->out.len;
}

/* ---- Receiving ---- */

static size_t cdata_off(const struct mm_api_apdu *a)
{
    return a->body_len > SHORT_BODY_MAX ? OFFSET_EXT_CDATA : OFFSET_CDATA;
}

/* Hand out what fits from off on. */
static enum mm_run receive(struct mm_vm *vm, size_t off, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);
    size_t n = a->body_len - a->body_off, room = MM_APDU_BUFFER_LEN - off;
    enum mm_run run = MM_RUN_OK;

    if (n > room)
        n = room;
    if (n != 0)
        run = mm_vm_array_write(vm, a->buffer, (uint16_t)off, a->body + a->body_off, (uint16_t)n,
                                false);
    a->body_off += n;
    a->state = a->body_off == a->body_len ? MM_APDU_FULL_INCOMING : MM_APDU_PARTIAL_INCOMING;
    ret[0] = (uint16_t)n;
    return run;
}

enum mm_run mm_n_apdu_set_incoming_and_receive(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);

    (void)args;
    if (!a->active || a->state != MM_APDU_INITIAL)
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    return receive(vm, cdata_off(a), ret);
}

static bool incoming(const struct mm_api_apdu *a)
{
    return a->active && (a->state == MM_APDU_PARTIAL_INCOMING || a->state == MM_APDU_FULL_INCOMING);
}

enum mm_run mm_n_apdu_receive_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);
    int off = MM_ARG_SHORT(1);

    if (!incoming(a))
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    if (off < 0 || off + IN_BLOCK > MM_APDU_BUFFER_LEN)
        return apdu_failed(vm, APDU_BUFFER_BOUNDS);
    return receive(vm, (size_t)off, ret);
}

enum mm_run mm_n_apdu_get_incoming_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);

    (void)args;
    if (!incoming(a))
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    ret[0] = (uint16_t)(a->body_len < SHORT_MAX ? a->body_len : SHORT_MAX);
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_offset_cdata(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);

    (void)args;
    if (!incoming(a))
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    ret[0] = (uint16_t)cdata_off(a);
    return MM_RUN_OK;
}

/* ---- Sending ---- */

enum mm_run mm_n_apdu_set_outgoing(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);

    (void)args;
    if (!a->active || a->state >= MM_APDU_OUTGOING)
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    a->state = MM_APDU_OUTGOING;
    ret[0] = (uint16_t)(!a->has_le ? 0 : a->le < SHORT_MAX ? a->le : SHORT_MAX);
    return MM_RUN_OK;
}

/* No chaining of blocks is ever visible here: the link carries whole answers. */
enum mm_run mm_n_apdu_set_outgoing_no_chaining(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    return mm_n_apdu_set_outgoing(vm, args, ret);
}

/* More than 256 bytes only to one who asked for more. */
static bool length_ok(const struct mm_api_apdu *a, int len)
{
    return len >= 0 && (len <= 256 || (a->has_le && a->le > 256));
}

enum mm_run mm_n_apdu_set_outgoing_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);
    int len = MM_ARG_SHORT(1);

    (void)ret;
    if (!a->active || a->state != MM_APDU_OUTGOING)
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    if (!length_ok(a, len))
        return apdu_failed(vm, APDU_BAD_LENGTH);
    a->out_len = (size_t)len;
    a->state = MM_APDU_OUTGOING_LENGTH_KNOWN;
    return MM_RUN_OK;
}

static enum mm_run send(struct mm_vm *vm, const uint8_t *data, size_t n)
{
    struct mm_api_apdu *a = apdu_of(vm);

    mm_buf_bytes(&a->out, data, n);
    if (a->out.bad)
        return apdu_failed(vm, APDU_IO_ERROR);
    a->state = a->out.len == a->out_len ? MM_APDU_FULL_OUTGOING : MM_APDU_PARTIAL_OUTGOING;
    return MM_RUN_OK;
}

static bool may_send(const struct mm_api_apdu *a, int len)
{
    return a->active &&
           (a->state == MM_APDU_OUTGOING_LENGTH_KNOWN || a->state == MM_APDU_PARTIAL_OUTGOING) &&
           len <= (int)(a->out_len - a->out.len);
}

static enum mm_run send_buffer(struct mm_vm *vm, int off, int len)
{
    struct mm_api_apdu *a = apdu_of(vm);
    const uint8_t *data;
    enum mm_run run;

    if (!may_send(a, len))
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    if (off < 0 || len < 0 || off + len > MM_APDU_BUFFER_LEN)
        return apdu_failed(vm, APDU_BUFFER_BOUNDS);
    run = mm_vm_bytes(vm, a->buffer, off, len, &data);
    return run == MM_RUN_OK ? send(vm, data, (size_t)len) : run;
}

enum mm_run mm_n_apdu_send_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return send_buffer(vm, MM_ARG_SHORT(1), MM_ARG_SHORT(2));
}

enum mm_run mm_n_apdu_send_bytes_long(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);
    int len = MM_ARG_SHORT(3);
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (!may_send(a, len))
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    return send(vm, data, (size_t)len);
}

enum mm_run mm_n_apdu_set_outgoing_and_send(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);
    int off = MM_ARG_SHORT(1), len = MM_ARG_SHORT(2);

    (void)ret;
    if (!a->active || a->state >= MM_APDU_OUTGOING)
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    if (!length_ok(a, len))
        return apdu_failed(vm, APDU_BAD_LENGTH);
    if (off < 0 || off + len > MM_APDU_BUFFER_LEN)
        return apdu_failed(vm, APDU_BUFFER_BOUNDS);
    a->out_len = (size_t)len;
    a->state = MM_APDU_OUTGOING_LENGTH_KNOWN;
    return send_buffer(vm, off, len);
}

/* ---- Questions ---- */

enum mm_run mm_n_apdu_get_buffer(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = apdu_of(vm)->buffer;
    return MM_RUN_OK;
}

/* Only while process runs (JCRE 6.2.2). */
static enum mm_run current(struct mm_vm *vm, mm_ref ref, uint16_t *ret)
{
    if (!apdu_of(vm)->active)
        return mm_vm_throw(vm, "java/lang/SecurityException", 0);
    ret[0] = ref;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_current_apdu(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return current(vm, apdu_of(vm)->ref, ret);
}

enum mm_run mm_n_apdu_get_current_apdu_buffer(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return current(vm, apdu_of(vm)->buffer, ret);
}

enum mm_run mm_n_apdu_get_current_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = (uint16_t)apdu_of(vm)->state;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_nad(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_protocol(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = PROTOCOL_T1;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_in_block_size(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = IN_BLOCK;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_out_block_size(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = OUT_BLOCK;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_cla_channel(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = apdu_of(vm)->channel;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_wait_extension(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);

    (void)args, (void)ret;
    if (!apdu_of(vm)->active)
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    if (s->apdu != NULL && s->apdu->wait_extension != NULL &&
        s->apdu->wait_extension(s->ctx) != MM_OK)
        return apdu_failed(vm, APDU_IO_ERROR);
    return MM_RUN_OK;
}

/* The class byte as the buffer has it now (ISO 7816-4, 5.4.1). */
static uint8_t cla(struct mm_vm *vm)
{
    const uint8_t *data;

    return mm_vm_bytes(vm, apdu_of(vm)->buffer, 0, 1, &data) == MM_RUN_OK ? data[0] : 0;
}

enum mm_run mm_n_apdu_is_command_chaining_cla(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = (cla(vm) & 0x10) != 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_is_secure_messaging_cla(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t c = cla(vm);

    (void)args;
    ret[0] = (c & 0x40) != 0 ? (c & 0x20) != 0 : (c & 0x0C) != 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_is_iso_interindustry_cla(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    (void)args;
    ret[0] = (cla(vm) & 0x80) == 0;
    return MM_RUN_OK;
}

/* FF is for PPS; 20 to 3F are reserved. */
enum mm_run mm_n_apdu_is_valid_cla(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t c = cla(vm);

    (void)args;
    ret[0] = c != 0xFF && (c & 0xE0) != 0x20;
    return MM_RUN_OK;
}
