/* Class files: any bytes are parsed, decoded and flowed through, or refused. */
#include "converter/conv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_err err = {.text = ""};

    if (mm_conv_class_check(data, size, &err) != MM_OK && err.text[0] == '\0')
        __builtin_trap(); /* a refusal says why */
    return 0;
}
