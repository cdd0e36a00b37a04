/*
 * PC/SC access against a double of libpcsclite: the functions below take the place of the
 * library's, one reader with one card, and go wrong as the test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>
#include <winscard.h>

#include "host_client/access/access.h"

#define READER  "Double 00 00"
#define LATE_MS 10

/* What the double does; set before a call, read in the worker's thread while it runs. */
static struct {
    LONG establish, transmit, reconnect; /* answers of these calls */
    unsigned violations;                 /* how many times another holds the card yet */
    DWORD protocol;
    bool present;
    unsigned looks_until_change; /* then the card comes or goes; 0: never */
    int stuck[2];                /* transmit waits for a byte here, when open */
    uint8_t sent[300];
    size_t sent_len;
    unsigned connects, reconnects, transmits, begins, ends, disconnects, releases;
} pcsc;

static const uint8_t atr[] = {0x3b, 0x80, 0x01, 0x81};

LONG SCardEstablishContext(DWORD scope, LPCVOID r1, LPCVOID r2, LPSCARDCONTEXT context)
{
    (void)scope;
    (void)r1;
    (void)r2;
    *context = 1;
    return pcsc.establish;
}
LONG SCardReleaseContext(SCARDCONTEXT context)
{
    (void)context;
    pcsc.releases++;
    if (pcsc.stuck[1] > 0)
        (void)!write(pcsc.stuck[1], "r", 1); /* tells the test that the orphan is done */
    return SCARD_S_SUCCESS;
}
LONG SCardListReaders(SCARDCONTEXT context, LPCSTR groups, LPSTR readers, LPDWORD len)
{
    (void)context;
    (void)groups;
    memcpy(readers, READER "\0", sizeof(READER) + 1);
    *len = sizeof(READER) + 1;
    return SCARD_S_SUCCESS;
}
LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states, DWORD n)
{
    (void)context;
    (void)timeout;
    if (pcsc.looks_until_change > 0 && --pcsc.looks_until_change == 0)
        pcsc.present = !pcsc.present;
    for (DWORD i = 0; i < n; i++) {
        states[i].dwEventState = pcsc.present ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;
        states[i].cbAtr = sizeof(atr);
        memcpy(states[i].rgbAtr, atr, sizeof(atr));
    }
    return SCARD_S_SUCCESS;
}
LONG SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD mode, DWORD protocols,
                  LPSCARDHANDLE card, LPDWORD protocol)
{
    (void)context;
    assert_string_equal(reader, READER);
    assert_int_equal(mode, SCARD_SHARE_SHARED);
    assert_int_equal(protocols, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1);
    pcsc.connects++;
    *card = 2;
    *protocol = pcsc.protocol;
    return SCARD_S_SUCCESS;
}
LONG SCardReconnect(SCARDHANDLE card, DWORD mode, DWORD protocols, DWORD init, LPDWORD protocol)
{
    (void)card;
    (void)mode;
    (void)protocols;
    (void)init;
    pcsc.reconnects++;
    *protocol = pcsc.protocol;
    return pcsc.reconnect;
}
LONG SCardDisconnect(SCARDHANDLE card, DWORD disposition)
{
    (void)card;
    assert_int_equal(disposition, SCARD_LEAVE_CARD);
    pcsc.disconnects++;
    return SCARD_S_SUCCESS;
}
LONG SCardGetAttrib(SCARDHANDLE card, DWORD id, LPBYTE value, LPDWORD len)
{
    (void)card;
    (void)id;
    (void)value;
    *len = 0;
    if (pcsc.violations == 0)
        return SCARD_S_SUCCESS;
    pcsc.violations--;
    return SCARD_E_SHARING_VIOLATION;
}
LONG SCardBeginTransaction(SCARDHANDLE card)
{
    (void)card;
    pcsc.begins++;
    return SCARD_S_SUCCESS;
}
LONG SCardEndTransaction(SCARDHANDLE card, DWORD disposition)
{
    (void)card;
    assert_int_equal(disposition, SCARD_LEAVE_CARD);
    pcsc.ends++;
    return SCARD_S_SUCCESS;
}
LONG SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *send_pci, LPCBYTE send, DWORD send_len,
                   SCARD_IO_REQUEST *recv_pci, LPBYTE recv, LPDWORD recv_len)
{
    LONG rc = pcsc.transmit;
    char c;

    (void)card;
    (void)send_pci;
    (void)recv_pci;
    pcsc.transmits++;
    pcsc.sent_len = send_len < sizeof(pcsc.sent) ? send_len : sizeof(pcsc.sent);
    memcpy(pcsc.sent, send, pcsc.sent_len);
    if (pcsc.stuck[0] > 0)
        (void)!read(pcsc.stuck[0], &c, 1);
    pcsc.transmit = SCARD_S_SUCCESS; /* goes wrong once */
    recv[0] = 0x90;
    recv[1] = 0x00;
    *recv_len = 2;
    return rc;
}

static struct mm_access *open_ok(void)
{
    struct mm_access *a = NULL;
    struct mm_err err;

    if (mm_access_open("Double", 1000, &a, &err) != MM_OK)
        fail_msg("%s", err.text);
    return a;
}

static int fresh(void **state)
{
    (void)state;
    memset(&pcsc, 0, sizeof(pcsc));
    pcsc.present = true;
    pcsc.protocol = SCARD_PROTOCOL_T1;
    return 0;
}

static const uint8_t case4[] = {0x80, 0x4a, 0x00, 0x00, 0x01, 0xaa, 0x00};

static enum mm_status send(struct mm_access *a, struct mm_err *err)
{
    struct mm_buf resp;
    enum mm_status st;

    mm_buf_init(&resp);
    st = mm_access_send(a, case4, sizeof(case4), &resp, err);
    if (st == MM_OK)
        assert_int_equal(resp.len, 2);
    else
        assert_int_equal(resp.len, 0);
    mm_buf_clear(&resp);
    return st;
}

static void access_pcsc_opens_sends_and_leaves_the_card(void **state)
{
    (void)state;
    struct mm_access *a = open_ok();
    size_t n;

    assert_string_equal(mm_access_reader(a), READER);
    assert_memory_equal(mm_access_atr(a, &n), atr, sizeof(atr));
    assert_int_equal(n, sizeof(atr));
    assert_int_equal(send(a, NULL), MM_OK);
    assert_int_equal(pcsc.sent_len, sizeof(case4));
    mm_access_close(&a);
    assert_null(a);
    assert_int_equal(pcsc.disconnects, 1);
    assert_int_equal(pcsc.releases, 1);
}

static void access_pcsc_drops_le_of_a_command_with_data_on_t0(void **state)
{
    (void)state;
    struct mm_access *a;

    pcsc.protocol = SCARD_PROTOCOL_T0;
    a = open_ok();
    assert_int_equal(send(a, NULL), MM_OK);
    assert_int_equal(pcsc.sent_len, sizeof(case4) - 1);
    mm_access_close(&a);
}

static void access_pcsc_says_once_that_another_reset_the_card(void **state)
{
    (void)state;
    struct mm_access *a = open_ok();
    struct mm_err err;

    pcsc.transmit = SCARD_W_RESET_CARD;
    assert_int_equal(send(a, &err), MM_STATE);
    assert_non_null(strstr(err.text, "reset by another"));
    assert_int_equal(pcsc.reconnects, 1);
    assert_int_equal(send(a, &err), MM_OK);
    mm_access_close(&a);
}

static void access_pcsc_says_what_became_of_a_reset_card(void **state)
{
    (void)state;
    struct mm_access *a = open_ok();
    struct mm_err err;

    pcsc.transmit = SCARD_W_RESET_CARD;
    pcsc.reconnect = SCARD_W_REMOVED_CARD; /* it was taken out right after */
    assert_int_equal(send(a, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "taken out"));
    mm_access_close(&a);
}

static void access_pcsc_tells_losses_apart(void **state)
{
    (void)state;
    static const struct {
        LONG rc;
        const char *text;
    } rows[] = {{SCARD_W_REMOVED_CARD, "taken out"},
                {SCARD_E_READER_UNAVAILABLE, "unplugged"},
                {SCARD_E_NO_SERVICE, "pcscd"},
                {SCARD_E_NOT_TRANSACTED, "did not answer"}};
    struct mm_access *a = open_ok();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_err err;
        pcsc.transmit = rows[i].rc;
        assert_int_equal(send(a, &err), MM_NO_READER);
        assert_non_null(strstr(err.text, rows[i].text));
    }
    mm_access_close(&a);
}

static void access_pcsc_says_when_there_is_no_card(void **state)
{
    (void)state;
    struct mm_access *a = NULL;
    struct mm_err err;

    pcsc.present = false;
    assert_int_equal(mm_access_open(NULL, 1000, &a, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "no card in " READER));
    assert_int_equal(pcsc.connects, 0);
    assert_int_equal(pcsc.releases, 1);
}

static void access_pcsc_waits_for_another_program_to_let_go(void **state)
{
    (void)state;
    struct mm_access *a = open_ok();

    pcsc.violations = 5;
    assert_int_equal(mm_access_begin(a, NULL), MM_OK);
    assert_int_equal(pcsc.begins, 1);
    assert_int_equal(send(a, NULL), MM_OK);
    mm_access_end(a);
    mm_access_close(&a);
    assert_int_equal(pcsc.ends, 1);
}

static void access_pcsc_sends_nothing_while_another_holds_the_card(void **state)
{
    (void)state;
    struct mm_access *a = open_ok();
    struct mm_err err;

    mm_access_set_timeout(a, LATE_MS);
    pcsc.violations = UINT32_MAX;
    assert_int_equal(send(a, &err), MM_BUSY);
    assert_non_null(strstr(err.text, "another program"));
    assert_int_equal(pcsc.transmits, 0);
    pcsc.violations = 0;
    assert_int_equal(send(a, &err), MM_OK); /* the connection is as good as before */
    mm_access_close(&a);
}

static void access_pcsc_ends_a_transaction_that_was_left_open(void **state)
{
    (void)state;
    struct mm_access *a = open_ok();

    assert_int_equal(mm_access_begin(a, NULL), MM_OK);
    mm_access_close(&a);
    assert_int_equal(pcsc.ends, 1);
}

static void access_pcsc_leaves_a_stuck_reader_behind(void **state)
{
    (void)state;
    struct mm_access *a = open_ok();
    struct mm_err err;
    int go[2], done[2];
    char c;

    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    pcsc.stuck[0] = go[0];
    pcsc.stuck[1] = done[1];
    mm_access_set_timeout(a, LATE_MS);
    assert_int_equal(send(a, &err), MM_TIMEOUT);
    assert_non_null(strstr(err.text, "in time"));
    assert_int_equal(send(a, &err), MM_NO_READER);
    assert_int_equal(mm_access_begin(a, &err), MM_NO_READER);
    mm_access_close(&a);
    assert_int_equal(write(go[1], "g", 1), 1); /* the reader comes back: all is released */
    assert_int_equal(read(done[0], &c, 1), 1);
    assert_int_equal(pcsc.transmits, 1);
    for (int i = 0; i < 2; i++) {
        close(go[i]);
        close(done[i]);
    }
}

static void note_reader(void *ctx, const char *reader, bool present)
{
    assert_string_equal(reader, READER);
    *(int *)ctx += present ? 1 : 10;
}

static void access_list_tells_reader_and_card(void **state)
{
    (void)state;
    int seen = 0;

    assert_int_equal(mm_access_list(note_reader, &seen, NULL), MM_OK);
    pcsc.present = false;
    assert_int_equal(mm_access_list(note_reader, &seen, NULL), MM_OK);
    assert_int_equal(seen, 11);
    assert_int_equal(pcsc.releases, 2);
}

static void access_wait_misses_no_change(void **state)
{
    (void)state;
    bool present = false;

    assert_int_equal(mm_access_wait("Double", LATE_MS, &present, NULL), MM_OK); /* since before */
    assert_true(present);
    assert_int_equal(mm_access_wait("Double", LATE_MS, &present, NULL), MM_TIMEOUT);
    assert_true(present);
    pcsc.looks_until_change = 4;
    assert_int_equal(mm_access_wait(NULL, 20000, &present, NULL), MM_OK);
    assert_false(present);
    pcsc.looks_until_change = 4;
    assert_int_equal(mm_access_wait(NULL, 20000, &present, NULL), MM_OK);
    assert_true(present);
    assert_int_equal(mm_access_wait("Other", LATE_MS, &present, NULL),
                     MM_OK); /* not there: no card */
    assert_false(present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(access_pcsc_opens_sends_and_leaves_the_card, fresh),
        cmocka_unit_test_setup(access_pcsc_drops_le_of_a_command_with_data_on_t0, fresh),
        cmocka_unit_test_setup(access_pcsc_says_once_that_another_reset_the_card, fresh),
        cmocka_unit_test_setup(access_pcsc_says_what_became_of_a_reset_card, fresh),
        cmocka_unit_test_setup(access_pcsc_tells_losses_apart, fresh),
        cmocka_unit_test_setup(access_pcsc_says_when_there_is_no_card, fresh),
        cmocka_unit_test_setup(access_pcsc_waits_for_another_program_to_let_go, fresh),
        cmocka_unit_test_setup(access_pcsc_sends_nothing_while_another_holds_the_card, fresh),
        cmocka_unit_test_setup(access_pcsc_ends_a_transaction_that_was_left_open, fresh),
        cmocka_unit_test_setup(access_list_tells_reader_and_card, fresh),
        cmocka_unit_test_setup(access_wait_misses_no_change, fresh),
        cmocka_unit_test_setup(access_pcsc_leaves_a_stuck_reader_behind, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
