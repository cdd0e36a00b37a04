/*
 * What the payment client reads from card, platform and user. The first byte chooses the parser. A
 * purse record that is accepted keeps its bytes; an amount that is accepted writes back to itself.
 */
#include <string.h>

#include "host_client/pay/amount.h"
#include "host_client/pay/http.h"
#include "host_client/pay/purse.h"

static void fuzz_amount(const uint8_t *data, size_t size)
{
    char text[64], again[MM_AMOUNT_TEXT];
    uint32_t cents, twice;

    if (size >= sizeof(text))
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (mm_amount_parse(text, &cents, NULL) != MM_OK)
        return;
    if (mm_amount_parse(mm_amount_text(cents, again), &twice, NULL) != MM_OK || twice != cents)
        __builtin_trap();
}

static void fuzz_record(const uint8_t *data, size_t size)
{
    struct mm_purse_record record;

    if (mm_purse_read_record(data, size, &record, NULL) == MM_OK &&
        (record.bytes_len != size || memcmp(record.bytes, data, size) != 0))
        __builtin_trap();
}

static void fuzz_answer(const uint8_t *data, size_t size, long status)
{
    json_t *answer = NULL;
    char code[64];
    enum mm_status st = mm_pay_http_judge(status, data, size, code, &answer, NULL);

    if ((st == MM_OK) != (answer != NULL) || (st == MM_OK && status != 200))
        __builtin_trap();
    json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_purse_info info;
    struct mm_purse_offer offer;
    enum mm_status st = MM_OK;

    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'a':
        fuzz_amount(data + 1, size - 1);
        break;
    case 'i':
        st = mm_purse_read_info(data + 1, size - 1, &info, NULL);
        break;
    case 'r':
        fuzz_record(data + 1, size - 1);
        break;
    case 'l':
        st = mm_purse_read_load_offer(data + 1, size - 1, &offer, NULL);
        break;
    case 'd':
        st = mm_purse_read_debit_offer(data + 1, size - 1, &offer, NULL);
        break;
    default:
        fuzz_answer(data + 1, size - 1, data[0] == 'o' ? 200 : 409);
        break;
    }
    if ((unsigned)st >= MM_STATUS_N) /* a status of the list, whatever came */
        __builtin_trap();
    return 0;
}
