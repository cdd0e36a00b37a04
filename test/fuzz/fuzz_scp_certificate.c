/* Certificates and agreements of SCP11 from outside: never a crash, no certificate under a key that did
 * not sign it; an agreement that is taken is, written and read again, the same. */
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "applet_vm/scp/scp11.h"

static void certificate(const uint8_t *data, size_t size)
{
    static EVP_PKEY *key;
    struct mm_scp11_certificate cert;
    size_t whole;

    if (key == NULL)
        key = EVP_EC_gen("P-256");
    if (mm_scp11_certificate_read(data, size, &cert, &whole) != MM_OK)
        return;
    if (whole == 0 || whole > size || cert.serial_len > MM_SCP11_ID_MAX ||
        mm_scp11_certificate_check(data, whole, key, &cert) != MM_AUTH)
        abort();
}

static void agreement(const uint8_t *data, size_t size)
{
    struct mm_scp11_params params, again;
    const uint8_t *point, *same;
    struct mm_buf out;

    if (mm_scp11_read_data(data, size, &params, &point) != MM_OK)
        return;
    mm_buf_init(&out);
    if (mm_scp11_write_data(&params, point, &out) != MM_OK ||
        mm_scp11_read_data(out.data, out.len, &again, &same) != MM_OK ||
        params.variant != again.variant || params.usage != again.usage ||
        params.key_len != again.key_len || params.host_id_len != again.host_id_len ||
        memcmp(params.host_id, again.host_id, params.host_id_len) != 0 ||
        memcmp(point, same, MM_SCP11_POINT_LEN) != 0)
        abort();
    mm_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    certificate(data, size);
    agreement(data, size);
    return 0;
}
