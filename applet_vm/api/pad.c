/* Padding of block ciphers and MACs: ISO 9797-1 methods 1 and 2, PKCS #5. */
#include "applet_vm/api/cipher_int.h"

#include <string.h>

size_t mm_api_pad(uint8_t padding, size_t n, size_t block, uint8_t *out)
{
    size_t pad = block - n % block;

    memset(out, padding == MM_PAD_PKCS5 ? (int)pad : 0, pad);
    if (padding == MM_PAD_M2 || padding == MM_PAD_M2_ALG3)
        out[0] = 0x80;
    if (padding == MM_PAD_NOPAD || padding == MM_PAD_NULL ||
        ((padding == MM_PAD_M1 || padding == MM_PAD_M1_ALG3) && pad == block && n != 0))
        return 0;
    return pad;
}

size_t mm_api_pad_found(uint8_t padding, const uint8_t *data, size_t n, size_t block)
{
    size_t pad;

    if (padding == MM_PAD_NOPAD || padding == MM_PAD_M1)
        return 0;
    if (n == 0)
        return block + 1;
    if (padding == MM_PAD_M2) {
        for (pad = 1; pad <= block && data[n - pad] == 0; pad++)
            ;
        return pad <= block && data[n - pad] == 0x80 ? pad : block + 1;
    }
    pad = data[n - 1];
    for (size_t i = 1; i <= pad && pad <= block; i++) {
        if (data[n - i] != pad)
            return block + 1;
    }
    return pad == 0 ? block + 1 : pad;
}
