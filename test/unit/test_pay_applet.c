/*
 * The purse applet, as the build makes it, in a chip in this process, spoken to with the client's own
 * functions. MACs are checked against OpenSSL's CMAC; power is cut at every write of a payment.
 */
#include <sys/wait.h>

#include "host_client/pay/purse.h"
#include "test/unit/pay_chip.h"

#define TEAR_EXIT 99 /* of a process whose power was cut (applet_vm/nvm/nvm.h) */

static const uint8_t load_key[16] = {0x10, 1}, debit_key[16] = {0x11, 2};
static const uint8_t nonce[16] = {0xa0, 0xa1}, merchant[8] = {'S', 'H', 'O', 'P'};
/* STORE DATA at a security level; its status word. id 1..8, EUR, 500.00, 200.00, 25.00, PIN 1234. */
static uint16_t personalise(uint8_t level, uint8_t pin_len)
{
    struct mm_buf data;
    uint16_t sw;

    mm_buf_init(&data);
    mm_buf_bytes(&data, "\1\2\3\4\5\6\7\10\x09\x78", 10);
    mm_buf_u32(&data, 50000);
    mm_buf_u32(&data, 20000);
    mm_buf_u32(&data, 2500);
    mm_buf_bytes(&data, load_key, 16);
    mm_buf_bytes(&data, debit_key, 16);
    mm_buf_u8(&data, pin_len);
    mm_buf_bytes(&data, "1234", 4);
    sw = store_data(MM_AID_PURSE, level, &data);
    mm_buf_clear(&data);
    return sw;
}

static int make_base(void **state)
{
    (void)state;
    return make_chip("purse", MM_AID_PURSE_PACKAGE, MM_AID_PURSE);
}

static int insert_personalised(void **state)
{
    insert_new(state);
    assert_int_equal(personalise(MM_SCP_C_MAC | MM_SCP_C_DEC, 4), 0x9000);
    assert_int_equal(mm_purse_select(chip.access, NULL), MM_OK);
    return 0;
}

/* ---- Its MACs ---- */

/* label, type (not for debits), then the parts. */
static void message(struct mm_buf *m, const char *label, int type)
{
    m->len = 0;
    mm_buf_bytes(m, label, 2);
    if (type != 0)
        mm_buf_u8(m, (uint8_t)type);
}

static uint16_t begin_load(uint8_t type, uint32_t amount)
{
    uint8_t data[21];

    mm_purse_load_data(type, amount, nonce, data);
    return status_of(0x80, MM_INS_PURSE_INITIALISE_LOAD, 0, 0, data, sizeof(data));
}

static uint16_t begin_debit(uint32_t amount)
{
    uint8_t data[28];

    mm_purse_debit_data(amount, merchant, nonce, data);
    return status_of(0x80, MM_INS_PURSE_INITIALISE_DEBIT, 0, 0, data, sizeof(data));
}

/* MAC2 for what the purse has just offered; checks MAC1 on the way. */
static void answer_offer(uint8_t type, uint32_t amount, uint8_t mac2[16])
{
    struct mm_purse_offer offer;
    uint8_t mac1[16];
    struct mm_buf m;

    mm_buf_init(&m);
    assert_int_equal(mm_purse_begin_load(chip.access, type, amount, nonce, &offer, NULL), MM_OK);
    message(&m, "L1", type);
    mm_buf_bytes(&m, offer.bytes, 16); /* id, counter, balance */
    mm_buf_u32(&m, amount);
    mm_buf_bytes(&m, nonce, 16);
    mm_buf_bytes(&m, offer.bytes + 21, 8); /* random */
    cmac(load_key, &m, mac1);
    assert_memory_equal(mac1, offer.bytes + 29, 16);
    message(&m, "L2", type);
    mm_buf_bytes(&m, offer.bytes, 12); /* id, counter */
    mm_buf_u32(&m, amount);
    mm_buf_bytes(&m, nonce, 16);
    mm_buf_bytes(&m, offer.bytes + 21, 8);
    cmac(load_key, &m, mac2);
    mm_buf_clear(&m);
}

static void load(uint8_t type, uint32_t amount)
{
    uint8_t mac2[16], mac3[16], answer[24];
    struct mm_buf m;

    answer_offer(type, amount, mac2);
    assert_int_equal(mm_purse_credit(chip.access, mac2, answer, NULL), MM_OK);
    mm_buf_init(&m);
    message(&m, "L3", type);
    mm_buf_bytes(&m, "\1\2\3\4\5\6\7\10", 8);
    mm_buf_bytes(&m, answer, 4);
    mm_buf_u32(&m, amount);
    mm_buf_bytes(&m, answer + 4, 4);
    mm_buf_bytes(&m, nonce, 16);
    cmac(load_key, &m, mac3);
    assert_memory_equal(mac3, answer + 8, 16);
    mm_buf_clear(&m);
}

static void pay(uint32_t amount)
{
    struct mm_purse_offer offer;

    assert_int_equal(mm_purse_begin_debit(chip.access, amount, merchant, nonce, &offer, NULL),
                     MM_OK);
    assert_int_equal(offer.amount, amount);
    assert_int_equal(mm_purse_debit(chip.access, NULL), MM_OK);
}

static struct mm_purse_info info(void)
{
    struct mm_purse_info i;

    struct mm_err err = {0};

    if (mm_purse_info(chip.access, &i, &err) != MM_OK)
        fail_msg("%s", err.text);
    return i;
}

static void assert_balance(uint32_t balance, uint32_t counter)
{
    struct mm_purse_info i = info();

    assert_int_equal(i.balance, balance);
    assert_int_equal(i.counter, counter);
}

/* ---- Personalisation ---- */

static void purse_is_personalised_once_and_only_in_an_encrypted_session(void **state)
{
    (void)state;
    assert_int_equal(mm_purse_select(chip.access, NULL), MM_OK);
    assert_int_equal(info().state, MM_PURSE_INSTALLED);
    assert_int_equal(begin_debit(1), 0x6985);
    assert_int_equal(status_of(0x84, MM_INS_PURSE_STORE_DATA, 0x80, 0, "x", 1), 0x6982);
    assert_int_equal(personalise(MM_SCP_C_MAC, 4), 0x6982);
    assert_int_equal(personalise(MM_SCP_C_MAC | MM_SCP_C_DEC, 5), 0x6a80);
    assert_int_equal(personalise(MM_SCP_C_MAC | MM_SCP_C_DEC, 4), 0x9000);
    assert_int_equal(personalise(MM_SCP_C_MAC | MM_SCP_C_DEC, 4), 0x6985);
    assert_int_equal(mm_purse_select(chip.access, NULL), MM_OK);
    assert_int_equal(info().state, MM_PURSE_PERSONALISED);
    assert_int_equal(info().max_debit, 20000);
}

/* ---- Loads ---- */

static void purse_takes_a_load_with_the_right_mac(void **state)
{
    (void)state;
    load(MM_PURSE_LOAD, 10000);
    assert_balance(10000, 1);
    load(MM_PURSE_LOAD, 40000);
    assert_balance(50000, 2);
}

static void purse_refuses_a_load_with_a_wrong_mac(void **state)
{
    uint8_t mac2[16], answer[24];
    struct mm_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(mac2); i += 5) {
        answer_offer(MM_PURSE_LOAD, 10000, mac2);
        mac2[i] ^= 1;
        assert_int_equal(mm_purse_credit(chip.access, mac2, answer, &err), MM_CARD);
        assert_non_null(strstr(err.text, "6982"));
        mac2[i] ^= 1; /* and then it is too late for the right one */
        assert_int_equal(mm_purse_credit(chip.access, mac2, answer, &err), MM_CARD);
        assert_non_null(strstr(err.text, "6985"));
    }
    assert_balance(0, 0);
}

static void purse_refuses_loads_outside_its_limits(void **state)
{
    (void)state;
    assert_int_equal(begin_load(MM_PURSE_LOAD, 0), 0x6a80);
    assert_int_equal(begin_load(MM_PURSE_DEBIT, 1), 0x6a80);
    assert_int_equal(begin_load(MM_PURSE_LOAD, 50001), 0x6985);
    assert_int_equal(begin_load(MM_PURSE_LOAD, UINT32_MAX), 0x6985);
    load(MM_PURSE_LOAD, 50000);
    assert_int_equal(begin_load(MM_PURSE_LOAD, 1), 0x6985);
    assert_int_equal(begin_load(MM_PURSE_LOAD, UINT32_MAX), 0x6985);
}

static void purse_is_restored_only_before_its_first_transaction(void **state)
{
    (void)state;
    load(MM_PURSE_RESTORE, 8750);
    assert_balance(8750, 1);
    assert_int_equal(begin_load(MM_PURSE_RESTORE, 1), 0x6985);
}

/* ---- Payments ---- */

static void purse_pays_and_signs_what_it_paid(void **state)
{
    struct mm_purse_record last;
    uint8_t mac6[16];
    struct mm_buf m;

    (void)state;
    load(MM_PURSE_LOAD, 10000);
    pay(1250);
    assert_balance(8750, 2);
    assert_int_equal(mm_purse_last(chip.access, &last, NULL), MM_OK);
    assert_int_equal(last.type, MM_PURSE_DEBIT);
    assert_int_equal(last.counter, 2);
    assert_int_equal(last.amount, 1250);
    assert_int_equal(last.balance, 8750);
    assert_memory_equal(last.merchant, merchant, 8);
    assert_memory_equal(last.nonce, nonce, 16);
    mm_buf_init(&m);
    message(&m, "D6", 0);
    mm_buf_bytes(&m, "\1\2\3\4\5\6\7\10", 8);
    mm_buf_u32(&m, 2);
    mm_buf_u32(&m, 1250);
    mm_buf_u32(&m, 8750);
    mm_buf_bytes(&m, merchant, 8);
    mm_buf_bytes(&m, nonce, 16);
    cmac(debit_key, &m, mac6);
    assert_memory_equal(last.bytes + 37, mac6, 16);
    mm_buf_clear(&m);
}

static void purse_pays_once_for_one_intention(void **state)
{
    (void)state;
    load(MM_PURSE_LOAD, 10000);
    pay(1250);
    assert_int_equal(status_of(0x80, MM_INS_PURSE_DEBIT, 0, 0, NULL, 0), 0x6985);
    assert_balance(8750, 2);
}

static void purse_forgets_its_intention_at_reset_and_at_selection(void **state)
{
    (void)state;
    load(MM_PURSE_LOAD, 10000);
    assert_int_equal(begin_debit(1250), 0x9000);
    assert_int_equal(mm_access_reset(chip.access, NULL), MM_OK);
    assert_int_equal(mm_purse_select(chip.access, NULL), MM_OK);
    assert_int_equal(status_of(0x80, MM_INS_PURSE_DEBIT, 0, 0, NULL, 0), 0x6985);
    assert_int_equal(begin_debit(1250), 0x9000);
    assert_int_equal(mm_purse_select(chip.access, NULL), MM_OK);
    assert_int_equal(status_of(0x80, MM_INS_PURSE_DEBIT, 0, 0, NULL, 0), 0x6985);
    assert_balance(10000, 1);
}

static void purse_refuses_debits_outside_its_limits(void **state)
{
    (void)state;
    load(MM_PURSE_LOAD, 10000);
    assert_int_equal(begin_debit(0), 0x6a80);
    assert_int_equal(begin_debit(20001), 0x6a80);
    assert_int_equal(begin_debit(10001), 0x6985);
    assert_int_equal(begin_debit(10000), 0x9000);
    assert_balance(10000, 1);
}

static void purse_wants_the_pin_for_each_payment_above_the_limit(void **state)
{
    (void)state;
    load(MM_PURSE_LOAD, 10000);
    pay(2500);
    assert_int_equal(begin_debit(2501), 0x9000);
    assert_int_equal(status_of(0x80, MM_INS_PURSE_DEBIT, 0, 0, NULL, 0), 0x6982);
    assert_int_equal(mm_purse_verify(chip.access, "1234", NULL), MM_OK);
    pay(2501);
    assert_int_equal(begin_debit(2501), 0x9000);
    assert_int_equal(status_of(0x80, MM_INS_PURSE_DEBIT, 0, 0, NULL, 0), 0x6982);
    assert_balance(4999, 3);
}

static void purse_blocks_its_pin_after_three_wrong_ones(void **state)
{
    (void)state;
    assert_int_equal(status_of(0x00, MM_INS_PURSE_VERIFY, 0, 1, "123", 3), 0x6700);
    assert_int_equal(status_of(0x00, MM_INS_PURSE_VERIFY, 0, 2, "1234", 4), 0x6a86);
    assert_int_equal(status_of(0x00, MM_INS_PURSE_VERIFY, 0, 1, "12340", 5), 0x63c2);
    assert_int_equal(status_of(0x00, MM_INS_PURSE_VERIFY, 0, 1, "1235", 4), 0x63c1);
    assert_int_equal(status_of(0x00, MM_INS_PURSE_VERIFY, 0, 1, "1234", 4), 0x9000);
    for (int left = 2; left >= 0; left--)
        assert_int_equal(status_of(0x00, MM_INS_PURSE_VERIFY, 0, 1, "0000", 4), 0x63c0 + left);
    assert_int_equal(status_of(0x00, MM_INS_PURSE_VERIFY, 0, 1, "1234", 4), 0x6983);
    assert_int_equal(info().tries, 0);
}

static void purse_keeps_the_last_ten_records(void **state)
{
    struct mm_purse_record r;

    (void)state;
    assert_int_equal(mm_purse_log(chip.access, 1, &r, NULL), MM_NOT_FOUND);
    assert_int_equal(mm_purse_last(chip.access, &r, NULL), MM_NOT_FOUND);
    load(MM_PURSE_LOAD, 10000);
    for (uint32_t i = 1; i <= 12; i++)
        pay(i);
    for (uint8_t back = 1; back <= 10; back++) {
        assert_int_equal(mm_purse_log(chip.access, back, &r, NULL), MM_OK);
        assert_int_equal(r.counter, 14u - back);
        assert_int_equal(r.amount, 13u - back);
    }
    assert_int_equal(mm_purse_log(chip.access, 11, &r, NULL), MM_NOT_FOUND);
    assert_int_equal(mm_purse_log(chip.access, 0, &r, NULL), MM_NOT_FOUND);
}

static void purse_refuses_what_is_no_command_of_its(void **state)
{
    static const uint8_t zeros[32];

    (void)state;
    assert_int_equal(status_of(0x80, 0x99, 0, 0, NULL, 0), 0x6d00);
    assert_int_equal(status_of(0x00, 0x40, 0, 0, NULL, 0), 0x6d00);
    assert_int_equal(status_of(0x90, 0x4a, 0, 0, NULL, 0), 0x6e00);
    for (size_t n = 1; n < sizeof(zeros); n++) {
        if (n != 21)
            assert_int_equal(status_of(0x80, MM_INS_PURSE_INITIALISE_LOAD, 0, 0, zeros, n), 0x6700);
        if (n != 28)
            assert_int_equal(status_of(0x80, MM_INS_PURSE_INITIALISE_DEBIT, 0, 0, zeros, n),
                             0x6700);
    }
    assert_balance(0, 0);
}

/* ---- Power ---- */

/* In a process of its own, whose power is cut at write `at`: select, INITIALISE, DEBIT of 12.50. */
static int pay_until_cut(unsigned at)
{
    struct mm_card_config cfg = {.nvm = {.path = chip.image, .tear_at = at}};
    struct mm_aid aid = mm_aid_of(MM_AID_PURSE);
    struct mm_card *card = NULL;
    struct mm_buf apdus[3];
    uint8_t data[28], resp[300];
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0) {
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
    }
    for (size_t i = 0; i < 3; i++)
        mm_buf_init(&apdus[i]);
    mm_purse_debit_data(1250, merchant, nonce, data);
    mm_access_build(0x00, 0xa4, 4, 0, aid.bytes, aid.len, 256, &apdus[0]);
    mm_access_build(0x80, MM_INS_PURSE_INITIALISE_DEBIT, 0, 0, data, sizeof(data), 256, &apdus[1]);
    mm_access_build(0x80, MM_INS_PURSE_DEBIT, 0, 0, NULL, 0, 256, &apdus[2]);
    if (mm_card_open(&cfg, &card, NULL) != MM_OK)
        _exit(1);
    mm_card_power_on(card);
    for (size_t i = 0; i < 3; i++) {
        size_t len = sizeof(resp);
        mm_card_transmit(card, apdus[i].data, apdus[i].len, resp, &len);
        if (len < 2 || mm_be16(resp + len - 2) != 0x9000)
            _exit(2);
    }
    _exit(0);
}

/* Wherever power went, balance, counter, last record and log tell the same story. */
static void assert_whole(bool answered)
{
    struct mm_purse_record last, logged;
    struct mm_purse_info i;

    assert_int_equal(mm_purse_select(chip.access, NULL), MM_OK);
    i = info();
    assert_true(i.counter == 1 || i.counter == 2);
    assert_true(!answered || i.counter == 2);
    assert_int_equal(i.balance, i.counter == 1 ? 10000 : 8750);
    assert_int_equal(mm_purse_last(chip.access, &last, NULL), MM_OK);
    assert_int_equal(mm_purse_log(chip.access, 1, &logged, NULL), MM_OK);
    assert_int_equal(last.counter, i.counter);
    assert_int_equal(last.balance, i.balance);
    assert_memory_equal(last.bytes, logged.bytes, MM_PURSE_LOG_LEN);
    assert_int_equal(mm_purse_log(chip.access, (uint8_t)(i.counter + 1), &logged, NULL),
                     MM_NOT_FOUND);
}

static void purse_is_whole_wherever_power_is_cut_in_a_payment(void **state)
{
    char before[64];
    unsigned cuts = 0;
    int ended = TEAR_EXIT;

    (void)state;
    load(MM_PURSE_LOAD, 10000);
    mm_access_close(&chip.access);
    snprintf(before, sizeof(before), "%s/before.nvm", chip.dir);
    copy_image(chip.image, before);
    for (unsigned at = 1; ended == TEAR_EXIT && at < 200; at++) {
        copy_image(before, chip.image);
        ended = pay_until_cut(at);
        cuts += ended == TEAR_EXIT;
        open_chip(chip.image);
        assert_whole(ended == 0);
        mm_access_close(&chip.access);
    }
    assert_int_equal(ended, 0);
    assert_true(cuts > 0);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char path[80];
        file_name(path, before, ends[i]);
        unlink(path);
    }
}

#define NEW(f)          cmocka_unit_test_setup_teardown(f, insert_new, take_out)
#define PERSONALISED(f) cmocka_unit_test_setup_teardown(f, insert_personalised, take_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NEW(purse_is_personalised_once_and_only_in_an_encrypted_session),
        PERSONALISED(purse_takes_a_load_with_the_right_mac),
        PERSONALISED(purse_refuses_a_load_with_a_wrong_mac),
        PERSONALISED(purse_refuses_loads_outside_its_limits),
        PERSONALISED(purse_is_restored_only_before_its_first_transaction),
        PERSONALISED(purse_pays_and_signs_what_it_paid),
        PERSONALISED(purse_pays_once_for_one_intention),
        PERSONALISED(purse_forgets_its_intention_at_reset_and_at_selection),
        PERSONALISED(purse_refuses_debits_outside_its_limits),
        PERSONALISED(purse_wants_the_pin_for_each_payment_above_the_limit),
        PERSONALISED(purse_blocks_its_pin_after_three_wrong_ones),
        PERSONALISED(purse_keeps_the_last_ten_records),
        PERSONALISED(purse_refuses_what_is_no_command_of_its),
        PERSONALISED(purse_is_whole_wherever_power_is_cut_in_a_payment),
    };

    return cmocka_run_group_tests(tests, make_base, remove_base);
}
