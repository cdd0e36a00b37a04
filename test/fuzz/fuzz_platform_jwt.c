/* Result tokens: what we did not sign is never taken, and what is taken was signed by us. */
#include <stdlib.h>
#include <string.h>

#include "platform/platform_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static EVP_PKEY *key; /* made anew in every run: no input can hold a good signature */
    json_t *claims = NULL;
    struct mm_err err;
    char *text;

    if (key == NULL && mm_ca_new_key(&key, NULL) != MM_OK)
        abort();
    text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (mm_jwt_verify(key, text, &claims, &err) == MM_OK || claims != NULL)
        abort();
    free(text);
    return 0;
}
