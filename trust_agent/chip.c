/* The chip's integrity application, from the agent's side (docs/protocol.md). */
#include "trust_agent/agent_int.h"

#include <openssl/crypto.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/scp/scp.h"

#define CHALLENGE_LEN 16
#define MAC_LEN       16
#define BLOCK_LEN     200
#define LAST_BLOCK    0x80
#define CARD_WAIT_MS  500

static bool holds(const struct mm_agent *a)
{
    return strncmp(a->config.reader, "tcp:", 4) != 0 && strncmp(a->config.reader, "chip:", 5) != 0;
}

void chip_drop(struct mm_agent *a)
{
    mm_access_close(&a->held);
}

static enum mm_status select_integrity(struct mm_access *access, struct mm_err *err)
{
    struct mm_aid aid = mm_aid_of(MM_AID_INTEGRITY);
    struct mm_buf resp;
    uint16_t sw = 0;
    enum mm_status st;

    mm_buf_init(&resp);
    st = mm_access_select(access, &aid, &resp, &sw, err);
    mm_buf_clear(&resp);
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = mm_fail(err, MM_CARD, SIZE_MAX,
                     "the card has no integrity application (%04X: %s); not a Mintmark chip?", sw,
                     mm_sw_text(sw));
    return st;
}

/* One exclusive use of the card: no other program's command comes between ours. A client that holds the
 * card is not waited for long, because it may be waiting for us. */
enum mm_status chip_connect(struct mm_agent *a, struct mm_access **out, struct mm_err *err)
{
    enum mm_status st;

    *out = NULL;
    if (a->held != NULL) {
        st = mm_access_begin(a->held, err);
        if (st == MM_BUSY)
            return st;
        if (st == MM_OK && select_integrity(a->held, err) == MM_OK) {
            *out = a->held;
            return MM_OK;
        }
        chip_drop(a); /* taken out or reset since */
    }
    st = mm_access_open(a->config.reader, CARD_WAIT_MS, out, err);
    if (st != MM_OK)
        return st;
    if (holds(a))
        a->held = *out;
    st = mm_access_begin(*out, err);
    if (st != MM_OK) {
        if (a->held == NULL)
            mm_access_close(out);
        *out = NULL;
    }
    return st;
}

void chip_release(struct mm_agent *a, struct mm_access *access)
{
    if (access == NULL)
        return;
    mm_access_end(access);
    if (access != a->held)
        mm_access_close(&access);
}

bool chip_alive(struct mm_agent *a)
{
    struct mm_err err;
    enum mm_status st;

    if (a->held == NULL)
        return false;
    st = mm_access_begin(a->held, &err);
    if (st == MM_BUSY)
        return true; /* a client holds it, so it is there */
    if (st == MM_OK)
        st = select_integrity(a->held, &err);
    mm_access_end(a->held);
    return st == MM_OK;
}

/* One command to the selected application; anything but 9000 is an error that names it. */
static enum mm_status command(struct mm_access *access, const char *name, uint8_t ins, uint8_t p1,
                              uint8_t p2, const uint8_t *data, size_t data_len, int le,
                              struct mm_buf *resp, struct mm_err *err)
{
    uint16_t sw = 0;
    enum mm_status st =
        mm_access_call(access, 0x80, ins, p1, p2, data, data_len, le, resp, &sw, err);

    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = mm_fail(err, MM_CARD, SIZE_MAX, "%s: the card answered %04X: %s", name, sw,
                     mm_sw_text(sw));
    return st;
}

enum mm_status chip_token(struct mm_agent *a, struct mm_access *access, const uint8_t *nonce,
                          size_t nonce_len, struct mm_buf *token, struct mm_err *err)
{
    enum mm_status st = select_integrity(access, err);

    (void)a;
    if (st == MM_OK)
        st = command(access, "INTEGRITY", MM_INS_INTEGRITY_INTEGRITY, 0, 0, nonce, nonce_len, 256,
                     token, err);
    return st;
}

/* MAC of a command: AES-CMAC(pairing key, INS || P1 || challenge || data). */
static enum mm_status pairing_mac(const struct mm_agent *a, struct mm_access *access, uint8_t ins,
                                  uint8_t p1, const uint8_t *data, size_t data_len,
                                  uint8_t mac[MAC_LEN], struct mm_err *err)
{
    uint8_t head[2] = {ins, p1};
    struct mm_buf challenge;
    enum mm_status st = select_integrity(access, err);

    mm_buf_init(&challenge);
    if (st == MM_OK)
        st = command(access, "GET CHALLENGE", MM_INS_INTEGRITY_GET_CHALLENGE, 0, 0, NULL, 0,
                     CHALLENGE_LEN, &challenge, err);
    if (st == MM_OK && challenge.len != CHALLENGE_LEN)
        st = mm_fail(err, MM_CARD, SIZE_MAX, "GET CHALLENGE: %zu bytes, expected %d", challenge.len,
                     CHALLENGE_LEN);
    if (st == MM_OK && mm_scp_cmac(a->pairing, MM_SCP_KEY_LEN, head, 2, challenge.data, challenge.len, data,
                                   data_len, mac) != MM_OK)
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "AES-CMAC failed");
    mm_buf_clear(&challenge);
    return st;
}

/* data, then its MAC. */
static enum mm_status maced(const struct mm_agent *a, struct mm_access *access, const char *name,
                            uint8_t ins, uint8_t p1, const uint8_t *data, size_t data_len,
                            struct mm_err *err)
{
    uint8_t body[64], mac[MAC_LEN];
    struct mm_buf resp;
    enum mm_status st;

    if (data_len > sizeof(body) - MAC_LEN)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%s: too much data", name);
    st = pairing_mac(a, access, ins, p1, data, data_len, mac, err);
    if (st != MM_OK)
        return st;
    if (data_len > 0)
        memcpy(body, data, data_len);
    memcpy(body + data_len, mac, MAC_LEN);
    mm_buf_init(&resp);
    st = command(access, name, ins, p1, 0, body, data_len + MAC_LEN, -1, &resp, err);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status chip_gate(struct mm_agent *a, struct mm_access *access, bool open,
                         struct mm_err *err)
{
    enum mm_status st = maced(a, access, open ? "GATE open" : "GATE shut", MM_INS_INTEGRITY_GATE,
                              open ? 1 : 0, NULL, 0, err);

    if (st == MM_OK)
        a->gate = open;
    return st;
}

enum mm_status chip_delete(struct mm_agent *a, struct mm_access *access, const struct mm_aid *aid,
                           struct mm_err *err)
{
    uint8_t lv[1 + MM_AID_MAX];

    lv[0] = aid->len;
    memcpy(lv + 1, aid->bytes, aid->len);
    return maced(a, access, "DELETE APPLET", MM_INS_INTEGRITY_DELETE_APPLET, 0, lv, 1u + aid->len,
                 err);
}

enum mm_status chip_certificate(struct mm_agent *a, struct mm_access *access, uint8_t kind,
                                struct mm_buf *der, struct mm_err *err)
{
    enum mm_status st = select_integrity(access, err);

    (void)a;
    if (st == MM_OK)
        st = command(access, "GET CERTIFICATE", MM_INS_INTEGRITY_GET_CERTIFICATE,
                     kind == MM_UPDATE_PLATFORM ? 2 : 1, 0, NULL, 0, 256, der, err);
    return st;
}

enum mm_status chip_update(struct mm_agent *a, struct mm_access *access, uint8_t kind,
                           const struct mm_buf *object, struct mm_err *err)
{
    struct mm_buf all, resp;
    uint8_t mac[MAC_LEN];
    uint8_t block = 0;
    enum mm_status st;

    st = pairing_mac(a, access, MM_INS_INTEGRITY_DELIVER_UPDATE, kind, object->data, object->len,
                     mac, err);
    mm_buf_init(&all);
    mm_buf_init(&resp);
    mm_buf_bytes(&all, object->data, object->len);
    mm_buf_bytes(&all, mac, sizeof(mac));
    if (st == MM_OK && (all.bad || all.len > (size_t)BLOCK_LEN * LAST_BLOCK))
        st = mm_fail(err, MM_TOO_LONG, SIZE_MAX, "update object of %zu bytes is too long",
                     object->len);
    for (size_t off = 0; st == MM_OK && off < all.len; off += BLOCK_LEN, block++) {
        size_t n = all.len - off < BLOCK_LEN ? all.len - off : BLOCK_LEN;
        uint8_t last = off + n == all.len ? LAST_BLOCK : 0;
        st = command(access, "DELIVER UPDATE", MM_INS_INTEGRITY_DELIVER_UPDATE,
                     (uint8_t)(block | last), kind, all.data + off, n, -1, &resp, err);
    }
    mm_buf_clear(&resp);
    mm_buf_clear(&all);
    return st;
}
