/* Result tokens: one algorithm, one key, no byte that can be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform_int.h"

struct keys {
    EVP_PKEY *ours, *other;
    char *token;
};

static int up(void **state)
{
    struct keys *k = calloc(1, sizeof(*k));
    json_t *claims = json_pack("{s:s, s:i}", "iss", "mintmark", "exp", 7);

    assert_non_null(k);
    assert_int_equal(mm_ca_new_key(&k->ours, NULL), MM_OK);
    assert_int_equal(mm_ca_new_key(&k->other, NULL), MM_OK);
    assert_int_equal(mm_jwt_sign(k->ours, claims, &k->token), MM_OK);
    json_decref(claims);
    *state = k;
    return 0;
}

static int down(void **state)
{
    struct keys *k = *state;

    EVP_PKEY_free(k->ours);
    EVP_PKEY_free(k->other);
    free(k->token);
    free(k);
    return 0;
}

static enum mm_status verify(EVP_PKEY *key, const char *token)
{
    json_t *claims = NULL;
    struct mm_err err;
    enum mm_status st = mm_jwt_verify(key, token, &claims, &err);

    if (st != MM_OK) {
        assert_null(claims);
        assert_true(strlen(err.text) > 0);
    }
    json_decref(claims);
    return st;
}

static void jwt_reads_back_what_was_signed(void **state)
{
    struct keys *k = *state;
    json_t *claims = NULL;

    assert_int_equal(mm_jwt_verify(k->ours, k->token, &claims, NULL), MM_OK);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 7);
    json_decref(claims);
}

static void jwt_refuses_another_key(void **state)
{
    struct keys *k = *state;

    assert_int_equal(verify(k->other, k->token), MM_AUTH);
}

static void jwt_refuses_every_prefix(void **state)
{
    struct keys *k = *state;
    char *copy = strdup(k->token);

    for (size_t len = strlen(copy); len-- > 0;) {
        copy[len] = '\0';
        assert_int_not_equal(verify(k->ours, copy), MM_OK);
    }
    free(copy);
}

static void jwt_refuses_every_changed_character(void **state)
{
    struct keys *k = *state;
    char *copy = strdup(k->token);

    for (size_t i = 0; copy[i] != '\0'; i++) {
        char was = copy[i];
        copy[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify(k->ours, copy), MM_OK);
        copy[i] = '.';
        if (was != '.')
            assert_int_not_equal(verify(k->ours, copy), MM_OK);
        copy[i] = was;
    }
    assert_int_equal(verify(k->ours, copy), MM_OK);
    free(copy);
}

/* RFC 8725, 2.1: "none" and algorithms with a shared key. */
static void jwt_refuses_another_algorithm(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"typ\":\"JWT\",\"alg\":\"ES256\"}",
    };
    struct keys *k = *state;

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        char *head = mm_b64url((const uint8_t *)headers[i], strlen(headers[i]));
        char token[1024];
        snprintf(token, sizeof(token), "%s%s", head, strchr(k->token, '.'));
        assert_int_equal(verify(k->ours, token), MM_MALFORMED);
        free(head);
    }
}

static void jwt_refuses_a_token_that_is_too_long(void **state)
{
    struct keys *k = *state;
    char *big = malloc(MM_JWT_MAX + 2);

    assert_non_null(big);
    memset(big, 'A', MM_JWT_MAX + 1);
    big[MM_JWT_MAX + 1] = '\0';
    assert_int_equal(verify(k->ours, big), MM_TOO_LONG);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jwt_reads_back_what_was_signed),
        cmocka_unit_test(jwt_refuses_another_key),
        cmocka_unit_test(jwt_refuses_every_prefix),
        cmocka_unit_test(jwt_refuses_every_changed_character),
        cmocka_unit_test(jwt_refuses_another_algorithm),
        cmocka_unit_test(jwt_refuses_a_token_that_is_too_long),
    };

    return cmocka_run_group_tests(tests, up, down);
}
