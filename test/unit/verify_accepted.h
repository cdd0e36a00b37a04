/* For tests of the verifier: what it has to take. */
#ifndef TEST_VERIFY_ACCEPTED_H
#define TEST_VERIFY_ACCEPTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/verify_cap.h"

static inline void accepted(const struct test_method *t)
{
    struct mm_err err = {0};
    enum mm_status st = verify_method(t, &err);

    if (st != MM_OK)
        print_error("%s: %s\n", t->code, err.text);
    assert_int_equal(st, MM_OK);
}

#endif
