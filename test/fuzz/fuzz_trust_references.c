/* Reference values, as the content of a well-signed object: what is accepted signs to the same again. */
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>

#include "applet_vm/cose/cose.h"
#include "host_client/trust/trust.h"

static EVP_PKEY *key;
static X509 *release;

static void need(bool good)
{
    if (!good)
        abort();
}

static void setup(void)
{
    key = EVP_EC_gen("P-256");
    release = X509_new();
    X509_set_pubkey(release, key);
}

static void object_make(const uint8_t *content, size_t len, struct mm_buf *out)
{
    struct mm_buf payload;

    mm_buf_init(&payload);
    mm_buf_init(out);
    mm_cbor_map(&payload, 3);
    mm_cbor_int(&payload, 1);
    mm_cbor_uint(&payload, 1);
    mm_cbor_int(&payload, 2);
    mm_cbor_uint(&payload, 9);
    mm_cbor_int(&payload, 3);
    mm_cbor_bytes(&payload, content, len);
    need(mm_cose_sign(key, payload.data, payload.len, NULL, 0, out) == MM_OK);
    mm_buf_clear(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_references refs, again;
    struct mm_buf object, second;
    struct mm_err err;

    if (key == NULL)
        setup();
    need(mm_references_verify(data, size, release, &refs, &err) != MM_OK);
    object_make(data, size, &object);
    if (mm_references_verify(object.data, object.len, release, &refs, &err) == MM_OK) {
        mm_buf_init(&second);
        need(mm_references_sign(&refs, key, &second) == MM_OK);
        need(mm_references_verify(second.data, second.len, release, &again, &err) == MM_OK);
        need(again.version == refs.version && again.item_n == refs.item_n);
        for (size_t i = 0; i < refs.item_n; i++)
            need(strcmp(refs.items[i].name, again.items[i].name) == 0 &&
                 memcmp(refs.items[i].code, again.items[i].code, MM_DIGEST_LEN) == 0);
        mm_buf_clear(&second);
        mm_references_clear(&again);
        mm_references_clear(&refs);
    }
    mm_buf_clear(&object);
    return 0;
}
