/* A client of Java Card RMI (JCRE 3.0.5, chapter 8) in hexadecimal. */
#ifndef MM_TEST_CARD_RMI_H
#define MM_TEST_CARD_RMI_H

#include "test/unit/card_built.h"

#include <openssl/evp.h>

#define SELECT_CLASS      "00A40400"
#define SELECT_INTERFACES "00A40410"

/* SELECT, and the identifier of the initial object. */
static uint16_t initial(struct host *h, const char *aid_lv, const char *header)
{
    char text[64];

    snprintf(text, sizeof(text), "%s%s00", header, aid_lv);
    assert_int_equal(host_hex(h, text), 0x9000);
    assert_true(h->resp_len > 12);
    return mm_be16(h->resp + 10);
}

static uint16_t method_id(const char *name_and_descriptor)
{
    uint8_t digest[EVP_MAX_MD_SIZE];

    assert_int_equal(EVP_Digest(name_and_descriptor, strlen(name_and_descriptor), digest, NULL,
                                EVP_sha1(), NULL),
                     1);
    return mm_be16(digest);
}

/* INVOKE with parameters in hexadecimal; its response data. */
static void invoke(struct host *h, uint16_t object, const char *method, const char *params,
                   const char *response)
{
    char text[600];

    snprintf(text, sizeof(text), "80380202%02X%04X%04X%s00", (unsigned)(4 + strlen(params) / 2),
             object, method_id(method), params);
    assert_int_equal(host_hex(h, text), 0x9000);
    assert_resp(h, response);
}

#endif
