#include "applet_vm/integrity/integrity_int.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apdu_spec/apdu_spec.h"

/* The chip's own program is part of what it states: SHA-256 of the running executable. */
static enum mm_status self_digest(uint8_t digest[MM_DIGEST_LEN], struct mm_err *err)
{
    enum mm_status st = MM_IO;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    uint8_t chunk[16384];
    ssize_t n = -1;

    if (ctx != NULL && fd >= 0 && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1) {
        while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
            if (EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
                break;
        }
        if (n == 0 && EVP_DigestFinal_ex(ctx, digest, NULL) == 1)
            st = MM_OK;
    }
    if (fd >= 0)
        close(fd);
    EVP_MD_CTX_free(ctx);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "/proc/self/exe: cannot be measured");
}

enum mm_status mm_integrity_new(const struct mm_integrity_config *cfg, struct mm_integrity **out,
                                struct mm_err *err)
{
    struct mm_integrity *in = calloc(1, sizeof(*in));
    enum mm_status st;

    *out = NULL;
    if (in == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    in->cfg = *cfg;
    mm_buf_init(&in->cert.data);
    mm_buf_init(&in->update.data);
    st = self_digest(in->vm_digest, err);
    if (st != MM_OK) {
        mm_integrity_free(&in);
        return st;
    }
    in_events_damage(in);
    *out = in;
    return MM_OK;
}

void mm_integrity_free(struct mm_integrity **in)
{
    struct mm_integrity *i = *in;

    if (i == NULL)
        return;
    mm_buf_clear(&i->cert.data);
    mm_buf_clear(&i->update.data);
    EVP_PKEY_free(i->key);
    OPENSSL_cleanse(i->challenge, sizeof(i->challenge));
    free(i);
    *in = NULL;
}

void mm_integrity_vm_set(struct mm_integrity *in, struct mm_vm *vm)
{
    in->cfg.vm = vm;
}

void mm_integrity_reset(struct mm_integrity *in)
{
    in->gate_open = false;
    in->has_challenge = false;
    OPENSSL_cleanse(in->challenge, sizeof(in->challenge));
    in_blocks_drop(&in->cert);
    in_blocks_drop(&in->update);
}

bool mm_integrity_gate_open(const struct mm_integrity *in)
{
    return !in->cfg.has_gate || in->gate_open;
}

bool mm_integrity_valid(const struct mm_integrity *in)
{
    struct mm_comp_info info;

    for (size_t i = 0; mm_comp_get(in->cfg.nvm, i, &info); i++) {
        if (info.damage != MM_DAMAGE_NONE)
            return false;
    }
    return true;
}

/* ---- Commands ---- */

static uint16_t give_record(const struct mm_integrity *in, mm_key key, struct mm_buf *out)
{
    size_t len;
    const uint8_t *data = in_rec(in, key, &len);

    if (data == NULL)
        return MM_SW_6A88_DATA_NOT_FOUND;
    mm_buf_bytes(out, data, len);
    return MM_SW_9000_NO_ERROR;
}

static uint16_t challenge(struct mm_integrity *in, struct mm_buf *out)
{
    if (in->cfg.random(in->cfg.ctx, in->challenge, sizeof(in->challenge)) != MM_OK)
        return MM_SW_6581_MEMORY_FAILURE;
    in->has_challenge = true;
    mm_buf_bytes(out, in->challenge, sizeof(in->challenge));
    return MM_SW_9000_NO_ERROR;
}

static uint16_t gate(struct mm_integrity *in, uint8_t p1, const uint8_t *data, size_t len)
{
    uint16_t sw;

    if (p1 > 1)
        return MM_SW_6A86_INCORRECT_P1P2;
    if (p1 == 0) {
        in->gate_open = false; /* from anyone: shutting only denies */
        return MM_SW_9000_NO_ERROR;
    }
    if (len != IN_MAC_LEN)
        return MM_SW_6A80_WRONG_DATA;
    sw = in_mac_check(in, MM_INS_INTEGRITY_GATE, p1, data, len);
    if (sw == MM_SW_9000_NO_ERROR)
        in->gate_open = true;
    return sw;
}

static uint16_t dismiss(struct mm_integrity *in, uint8_t p1, const uint8_t *data, size_t len)
{
    struct mm_aid aid;
    enum mm_status st;
    uint16_t sw;

    if (len < 1 + IN_MAC_LEN || data[0] != len - 1 - IN_MAC_LEN ||
        mm_aid_set(&aid, data + 1, data[0]) != MM_OK)
        return MM_SW_6A80_WRONG_DATA;
    sw = in_mac_check(in, MM_INS_INTEGRITY_DELETE_APPLET, p1, data, len);
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    st = in->cfg.delete_applet(in->cfg.ctx, &aid);
    if (st == MM_NOT_FOUND)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (st == MM_STATE)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (st == MM_OK)
        st = mm_integrity_event(in, MM_EVENT_DISMISS, &aid);
    return in_store_sw(st);
}

static uint16_t certificate(const struct mm_integrity *in, uint8_t p1, struct mm_buf *out)
{
    static const mm_key records[] = {IN_REC_ATTESTATION_CERT, IN_REC_UPDATE_CERT,
                                     IN_REC_PLATFORM_CERT};

    if (p1 >= sizeof(records) / sizeof(records[0]))
        return MM_SW_6A86_INCORRECT_P1P2;
    return give_record(in, records[p1], out);
}

uint16_t mm_integrity_command(struct mm_integrity *in, uint8_t ins, uint8_t p1, uint8_t p2,
                              const uint8_t *data, size_t data_len, struct mm_buf *out)
{
    if (ins != MM_INS_INTEGRITY_DELIVER_UPDATE && p2 != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    switch (ins) {
    case MM_INS_INTEGRITY_INTEGRITY:
        return p1 == 0 ? in_token(in, data, data_len, out) : MM_SW_6A86_INCORRECT_P1P2;
    case MM_INS_INTEGRITY_GET_CERTIFICATE:
        return certificate(in, p1, out);
    case MM_INS_INTEGRITY_GET_EVENT_LOG:
        in_events_get(in, out);
        return MM_SW_9000_NO_ERROR;
    case MM_INS_INTEGRITY_GET_CHALLENGE:
        return challenge(in, out);
    case MM_INS_INTEGRITY_GATE:
        return gate(in, p1, data, data_len);
    case MM_INS_INTEGRITY_DELETE_APPLET:
        return p1 == 0 ? dismiss(in, p1, data, data_len) : MM_SW_6A86_INCORRECT_P1P2;
    case MM_INS_INTEGRITY_DELIVER_UPDATE:
        return in_update(in, p1, p2, data, data_len);
    case MM_INS_INTEGRITY_GET_REFERENCES:
        return give_record(in, IN_REC_REFERENCES, out);
    default:
        return MM_SW_6D00_INS_NOT_SUPPORTED;
    }
}

uint16_t mm_integrity_enrol(struct mm_integrity *in, uint8_t ins, uint8_t p1, uint8_t p2,
                            const uint8_t *data, size_t data_len, struct mm_buf *out)
{
    switch (ins) {
    case MM_INS_ISD_GENERATE_ATTESTATION_KEY:
        if (p1 != 0 || p2 != 0)
            return MM_SW_6A86_INCORRECT_P1P2;
        return data_len == 0 ? in_key_generate(in, out) : MM_SW_6700_WRONG_LENGTH;
    case MM_INS_ISD_PUT_CERTIFICATE:
        return in_cert_put(in, p1, p2, data, data_len);
    case MM_INS_ISD_PUT_PAIRING_KEY:
        return p1 == 0 && p2 == 0 ? in_pair(in, data, data_len) : MM_SW_6A86_INCORRECT_P1P2;
    default:
        return MM_SW_6D00_INS_NOT_SUPPORTED;
    }
}
