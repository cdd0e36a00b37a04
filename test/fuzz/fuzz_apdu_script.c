/* Scripts from anywhere: never a crash, and what is accepted reads back the same from its text. */
#include <stdlib.h>
#include <string.h>

#include "host_client/apdu/apdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right)
{
    if (!right)
        abort();
}

static void check_step(const struct mm_step *step)
{
    struct mm_script again;
    struct mm_buf text, second;

    mm_buf_init(&text);
    mm_buf_init(&second);
    mm_step_text(step, &text);
    must(!text.bad);
    must(mm_script_parse((const char *)text.data, text.len, &again, NULL) == MM_OK);
    must(again.step_n == 1 && again.steps[0].apdu_len == step->apdu_len);
    must(step->apdu_len == 0 || memcmp(again.steps[0].apdu, step->apdu, step->apdu_len) == 0);
    mm_step_text(&again.steps[0], &second);
    must(second.len == text.len && memcmp(second.data, text.data, text.len) == 0);
    mm_script_clear(&again);
    mm_buf_clear(&text);
    mm_buf_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t answer[] = {0x45, 0x10, 0x90, 0x00};
    struct mm_script script;
    struct mm_err err;

    if (mm_script_parse((const char *)data, size, &script, &err) != MM_OK) {
        must(script.steps == NULL && script.step_n == 0);
        return 0;
    }
    for (size_t i = 0; i < script.step_n && i < 64; i++) {
        check_step(&script.steps[i]);
        for (size_t n = 0; n <= sizeof(answer); n++)
            (void)mm_expect_match(&script.steps[i].expect, answer, n);
    }
    mm_script_clear(&script);
    return 0;
}
