/* COSE_Sign1 from outside: never a crash, never verified with a key that did not sign it. */
#include <stdlib.h>

#include <openssl/ec.h>

#include "applet_vm/cose/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static EVP_PKEY *key;
    struct mm_cose cose;
    struct mm_err err;

    if (key == NULL)
        key = EVP_EC_gen("P-256");
    if (mm_cose_parse(data, size, &cose, &err) != MM_OK)
        return 0;
    if (cose.payload == NULL || mm_cose_verify(&cose, key, &err) != MM_AUTH)
        abort();
    mm_cose_clear(&cose);
    return 0;
}
