/*
 * Commands to the integrity application and the enrolment commands. Input: u1 mode; with mode 0 then
 * u1 ins  u1 p1  u1 p2  u1 length  bytes, again and again; else the payload of an update object that is
 * signed and authorised as it should be. Never a crash, never an older version
 * taken, and the gate stays shut without the pairing key.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/cose/cose.h"
#include "applet_vm/integrity/integrity.h"

static const uint8_t pairing[16] = "pairing key 0123";
static struct mm_nvm *nvm;
static struct mm_integrity *in;
static EVP_PKEY *key;
static struct mm_buf out;

static void need(bool good)
{
    if (!good)
        abort();
}

static bool no_entry(void *ctx, size_t index, struct mm_measured *m)
{
    (void)ctx;
    (void)index;
    (void)m;
    return false;
}

static enum mm_status no_applet(void *ctx, const struct mm_aid *aid)
{
    (void)ctx;
    (void)aid;
    return MM_NOT_FOUND;
}

/* The same every time, so that a finding repeats. */
static enum mm_status fixed_random(void *ctx, uint8_t *bytes, size_t len)
{
    (void)ctx;
    memset(bytes, 0x5a, len);
    return MM_OK;
}

static void setup(void)
{
    static const uint8_t chip_id[16];
    struct mm_nvm_config store = {0};
    struct mm_integrity_config cfg = {.entry = no_entry,
                                      .delete_applet = no_applet,
                                      .random = fixed_random,
                                      .chip_id = chip_id,
                                      .has_gate = true};
    uint8_t *der = NULL;
    X509 *cert = X509_new();
    int n;

    need(mm_nvm_create(&store, &nvm, NULL) == MM_OK);
    cfg.nvm = nvm;
    need(mm_integrity_new(&cfg, &in, NULL) == MM_OK);
    mm_buf_init(&out);
    key = EVP_EC_gen("P-256");
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    n = i2d_X509(cert, &der);
    need(mm_integrity_enrol(in, MM_INS_ISD_PUT_CERTIFICATE, 1, 0x80, der, (size_t)n, &out) ==
         0x9000);
    OPENSSL_free(der);
    X509_free(cert);
}

static void commands(const uint8_t *data, size_t size)
{
    struct mm_rd rd;

    mm_rd_init(&rd, data, size);
    while (mm_rd_left(&rd) >= 4) {
        uint8_t ins = mm_rd_u8(&rd), p1 = mm_rd_u8(&rd), p2 = mm_rd_u8(&rd), len = mm_rd_u8(&rd);
        const uint8_t *body = mm_rd_bytes(&rd, len);
        out.len = 0;
        if (body == NULL)
            return;
        (void)mm_integrity_command(in, ins, p1, p2, body, len, &out);
        need(!mm_integrity_gate_open(in));
        out.len = 0;
        /* Its own keys and certificates stay: they are what the other half runs on. */
        if (ins == MM_INS_ISD_PUT_CERTIFICATE && p1 != 1)
            (void)mm_integrity_enrol(in, ins, p1, p2, body, len, &out);
    }
}

static size_t mac_put(uint8_t kind, const uint8_t *data, size_t len, uint8_t mac[16])
{
    EVP_MAC *alg = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(alg);
    char cipher[] = "AES-128-CBC";
    OSSL_PARAM params[2] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
                            OSSL_PARAM_construct_end()};
    uint8_t head[2] = {MM_INS_INTEGRITY_DELIVER_UPDATE, kind};
    size_t n = 0;

    need(EVP_MAC_init(ctx, pairing, 16, params) == 1 && EVP_MAC_update(ctx, head, 2) == 1 &&
         EVP_MAC_update(ctx, out.data, 16) == 1 && EVP_MAC_update(ctx, data, len) == 1 &&
         EVP_MAC_final(ctx, mac, &n, 16) == 1);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(alg);
    return n;
}

/* Kind 1 only: kind 3 would take the update key away. */
static void update(const uint8_t *payload, size_t len)
{
    struct mm_buf object;
    uint8_t mac[16];
    uint16_t sw;

    mm_buf_init(&object);
    need(mm_cose_sign(key, payload, len, NULL, 0, &object) == MM_OK);
    need(mm_integrity_enrol(in, MM_INS_ISD_PUT_PAIRING_KEY, 0, 0, pairing, 16, &out) == 0x9000);
    out.len = 0;
    need(mm_integrity_command(in, MM_INS_INTEGRITY_GET_CHALLENGE, 0, 0, NULL, 0, &out) == 0x9000);
    mm_buf_bytes(&object, mac, mac_put(1, object.data, object.len, mac));
    sw = mm_integrity_command(in, MM_INS_INTEGRITY_DELIVER_UPDATE, 0x80, 1, object.data, object.len,
                              &out);
    need(sw == 0x9000 || sw == 0x6985 || sw == 0x6a80);
    if (sw == 0x9000) { /* the same again is not above the version held */
        out.len = 0;
        object.len -= 16;
        need(mm_integrity_command(in, MM_INS_INTEGRITY_GET_CHALLENGE, 0, 0, NULL, 0, &out) ==
             0x9000);
        mm_buf_bytes(&object, mac, mac_put(1, object.data, object.len, mac));
        need(mm_integrity_command(in, MM_INS_INTEGRITY_DELIVER_UPDATE, 0x80, 1, object.data,
                                  object.len, &out) == 0x6985);
    }
    mm_buf_clear(&object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (in == NULL)
        setup();
    mm_integrity_reset(in);
    out.len = 0;
    need(mm_tx_begin(nvm) == MM_OK); /* taken back below, so that every input meets the same chip */
    if (data[0] == 0)
        commands(data + 1, size - 1);
    else if (size < 8000)
        update(data + 1, size - 1);
    need(mm_tx_active(nvm));
    mm_tx_abort(nvm);
    return 0;
}
