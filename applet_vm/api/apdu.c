/* javacard.framework.APDU: one object and one buffer, both the JCRE's (JCRE 3.0.5, 6.2, 9). */
#include "applet_vm/api/api_int.h"

#include <string.h>

#define APDU_ILLEGAL_USE   1
#define APDU_BUFFER_BOUNDS 2
#define APDU_BAD_LENGTH    3
#define APDU_IO_ERROR      4

#define OFFSET_CDATA     5
#define OFFSET_EXT_CDATA 7
#define SHORT_BODY_MAX   255
#define SHORT_LE_MAX     256

/* What the interface gives applets to know (JCRE 3.0.5, 9.4.1 to 9.4.3): of T=0, a block in is a byte and
 * a block out the whole answer with its status word. */
static const struct {
    uint8_t type; /* APDU.PROTOCOL_... of type and media */
    int16_t in_block, out_block;
} protocols[] = {
    [MM_PROTOCOL_T1] = {0x01, 254, 254},
    [MM_PROTOCOL_T0] = {0x00, 1, 258},
    [MM_PROTOCOL_TYPE_A] = {0x81, 254, 254},
    [MM_PROTOCOL_TYPE_B] = {0x91, 254, 254},
};

static struct mm_api_apdu *apdu_of(struct mm_vm *vm)
{
    return &mm_api_of(vm)->apdu;
}

static enum mm_run apdu_failed(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacard/framework/APDUException", reason);
}

/* ---- The card's side ---- */

static bool has_extended_length(struct mm_vm *vm, mm_ref applet)
{
    return applet != MM_REF_NULL && mm_vm_is(vm, applet, apdu_of(vm)->extended);
}

bool mm_api_apdu_acceptable(struct mm_vm *vm, const struct mm_api_command *c)
{
    if (c->body_len <= SHORT_BODY_MAX && c->le <= SHORT_LE_MAX)
        return true;
    /* Le 0000 asks for all there is; other values above a short's are out of reach. */
    if (c->body_len > MM_APDU_SHORT_MAX || (c->le > MM_APDU_SHORT_MAX && c->le != 0x10000))
        return false;
    return has_extended_length(vm, c->applet);
}

/* What setOutgoing tells. With T=0 only a command without data carries Le, as P3; 00 there and every
 * other command ask for the most there can be (JCRE 3.0.5, 9.4.1). */
static uint32_t expected(struct mm_vm *vm, const struct mm_api_command *c)
{
    if (c->protocol == MM_PROTOCOL_T0 && (c->body_len != 0 || !c->has_le || c->le == SHORT_LE_MAX))
        return has_extended_length(vm, c->applet) ? MM_APDU_SHORT_MAX : SHORT_LE_MAX;
    if (!c->has_le)
        return 0;
    return c->le < MM_APDU_SHORT_MAX ? c->le : MM_APDU_SHORT_MAX;
}

static size_t cdata_off(const struct mm_api_apdu *a)
{
    return a->long_lc ? OFFSET_EXT_CDATA : OFFSET_CDATA;
}

/* CLA INS P1 P2, P3 or the three bytes of Lc, the data; zeros behind them, so that nothing of the last
 * exchange is left (JCRE 6.2.2). */
static void fill_buffer(struct mm_api_apdu *a, const struct mm_api_command *c)
{
    size_t at = cdata_off(a), shown = a->buffer_len - at;

    memcpy(a->bytes, c->header, 4);
    if (a->long_lc) {
        a->bytes[4] = 0;
        mm_put_be16(a->bytes + 5, (uint16_t)c->body_len);
    } else {
        a->bytes[4] = (uint8_t)(c->body_len != 0 ? c->body_len : c->le);
    }
    /* The APDU class promises five bytes before setIncomingAndReceive; under T=1 cards have the data
     * there already, and applets count on it. */
    if (shown > c->body_len)
        shown = c->body_len;
    if (shown != 0 && c->protocol != MM_PROTOCOL_T0) {
        memcpy(a->bytes + at, c->body, shown);
        at += shown;
    }
    memset(a->bytes + at, 0, a->buffer_len - at);
}

mm_ref mm_api_apdu_begin(struct mm_vm *vm, const struct mm_api_command *c)
{
    struct mm_api_apdu *a = apdu_of(vm);

    a->active = true;
    a->buffer = c->extended ? a->long_buffer : a->short_buffer;
    a->buffer_len = c->extended ? MM_APDU_LONG_BUFFER_LEN : MM_APDU_BUFFER_LEN;
    a->bytes = mm_vm_bytes_in_place(vm, a->buffer, 0);
    a->state = MM_APDU_INITIAL;
    a->cla = c->header[0];
    a->applet = c->applet;
    a->protocol = c->protocol;
    a->body = c->body;
    a->body_len = c->body_len;
    a->body_off = 0;
    /* Extended form is shown as such to applets that know it, to others never. */
    a->long_lc = c->body_len > SHORT_BODY_MAX ||
                 (c->extended && c->body_len != 0 && has_extended_length(vm, c->applet));
    a->le = expected(vm, c);
    a->no_chaining = false;
    a->out_len = 0;
    a->out.len = 0;
    a->out.bad = false;
    fill_buffer(a, c);
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

/* Hand out what fits from off on, which is in the buffer. */
static enum mm_run receive(struct mm_api_apdu *a, size_t off, uint16_t *ret)
{
    size_t n = a->body_len - a->body_off, room = a->buffer_len - off;

    if (n > room)
        n = room;
    if (n != 0)
        memcpy(a->bytes + off, a->body + a->body_off, n);
    a->body_off += n;
    a->state = a->body_off == a->body_len ? MM_APDU_FULL_INCOMING : MM_APDU_PARTIAL_INCOMING;
    ret[0] = (uint16_t)n;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_set_incoming_and_receive(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);

    (void)args;
    if (!a->active || a->state != MM_APDU_INITIAL)
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    return receive(a, cdata_off(a), ret);
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
    if (off < 0 || off + protocols[a->protocol].in_block > a->buffer_len)
        return apdu_failed(vm, APDU_BUFFER_BOUNDS);
    return receive(a, (size_t)off, ret);
}

enum mm_run mm_n_apdu_get_incoming_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);

    (void)args;
    if (!incoming(a))
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    ret[0] = (uint16_t)a->body_len;
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
    ret[0] = (uint16_t)a->le;
    return MM_RUN_OK;
}

/* The answer has to fit into one block (APDU.setOutgoingLength). */
enum mm_run mm_n_apdu_set_outgoing_no_chaining(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    enum mm_run run = mm_n_apdu_set_outgoing(vm, args, ret);

    if (run == MM_RUN_OK)
        apdu_of(vm)->no_chaining = true;
    return run;
}

#define STATUS_WORD_LEN 2
static bool length_ok(struct mm_vm *vm, int len)
{
    const struct mm_api_apdu *a = apdu_of(vm);

    if (len < 0 || (a->no_chaining && len > protocols[a->protocol].out_block - STATUS_WORD_LEN))
        return false;
    return len <= SHORT_LE_MAX || has_extended_length(vm, a->applet);
}

enum mm_run mm_n_apdu_set_outgoing_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = apdu_of(vm);
    int len = MM_ARG_SHORT(1);

    (void)ret;
    if (!a->active || a->state != MM_APDU_OUTGOING)
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    if (!length_ok(vm, len))
        return apdu_failed(vm, APDU_BAD_LENGTH);
    a->out_len = (size_t)len;
    a->state = MM_APDU_OUTGOING_LENGTH_KNOWN;
    return MM_RUN_OK;
}

static enum mm_run send(struct mm_vm *vm, const uint8_t *data, size_t n)
{
    struct mm_api_apdu *a = apdu_of(vm);

    mm_buf_bytes(&a->out, data, n);
    if (a->out.bad) {
        a->state = MM_APDU_ERROR_IO;
        return apdu_failed(vm, APDU_IO_ERROR);
    }
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

    if (!may_send(a, len))
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    if (off < 0 || len < 0 || off + len > a->buffer_len)
        return apdu_failed(vm, APDU_BUFFER_BOUNDS);
    return send(vm, a->bytes + off, (size_t)len);
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
    if (!length_ok(vm, len))
        return apdu_failed(vm, APDU_BAD_LENGTH);
    if (off < 0 || off + len > a->buffer_len)
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

/* Only while process runs, and for the selected applet's context. */
static enum mm_run current(struct mm_vm *vm, mm_ref ref, uint16_t *ret)
{
    if (!apdu_of(vm)->active || !mm_vm_context_selected(vm))
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
    (void)args;
    ret[0] = (uint16_t)(int8_t)protocols[apdu_of(vm)->protocol].type;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_in_block_size(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = (uint16_t)protocols[apdu_of(vm)->protocol].in_block;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_get_out_block_size(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = (uint16_t)protocols[apdu_of(vm)->protocol].out_block;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_wait_extension(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);
    struct mm_api_apdu *a = apdu_of(vm);

    (void)args, (void)ret;
    if (!a->active || a->no_chaining)
        return apdu_failed(vm, APDU_ILLEGAL_USE);
    if (s->apdu != NULL && s->apdu->wait_extension != NULL &&
        s->apdu->wait_extension(s->ctx) != MM_OK) {
        a->state = MM_APDU_ERROR_IO;
        return apdu_failed(vm, APDU_IO_ERROR);
    }
    return MM_RUN_OK;
}

/* ---- The class byte, as it came (ISO 7816-4, 5.4.1): bit 40 tells the further classes ---- */

enum mm_run mm_n_apdu_get_cla_channel(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t c = apdu_of(vm)->cla;

    (void)args;
    ret[0] = (c & 0x40) != 0 ? 4 + (c & 0x0F) : c & 0x03;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_is_command_chaining_cla(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = (apdu_of(vm)->cla & 0x10) != 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_is_secure_messaging_cla(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t c = apdu_of(vm)->cla;

    (void)args;
    ret[0] = (c & 0x40) != 0 ? (c & 0x20) != 0 : (c & 0x0C) != 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_apdu_is_iso_interindustry_cla(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    (void)args;
    ret[0] = (apdu_of(vm)->cla & 0x80) == 0;
    return MM_RUN_OK;
}

/* FF is for PPS; 20 to 3F are reserved. */
enum mm_run mm_n_apdu_is_valid_cla(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t c = apdu_of(vm)->cla;

    (void)args;
    ret[0] = c != 0xFF && (c & 0xE0) != 0x20;
    return MM_RUN_OK;
}
