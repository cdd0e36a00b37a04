/*
 * Commands from outside. Input: a mode byte, then commands, each after a length byte (00: 256).
 *  mode even  bytes as a reader hands them over, without keys: every command is answered, and the
 *             registry and the keys stay as they were
 *  mode odd   INS, P1, P2, data straight to the domain's commands, as inside a session: whatever a
 *             holder of the keys sends, the card goes on and a reset brings it back
 */
#include <stdlib.h>
#include <string.h>

#include "applet_vm/card/card_int.h"

#include "test/unit/card_probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool what)
{
    if (!what)
        abort();
}

static void into_domain(struct mm_card *card, const uint8_t *command, size_t len)
{
    struct mm_apdu a = {.cla = 0x80, .ins = command[0], .p1 = command[1], .p2 = command[2]};

    a.data = command + 3;
    a.data_len = len - 3;
    card->out.len = 0;
    switch (a.ins) {
    case MM_INS_ISD_INSTALL:
        (void)mm_content_install(card, &a);
        break;
    case MM_INS_ISD_LOAD:
        (void)mm_content_load(card, &a);
        break;
    case MM_INS_ISD_DELETE:
        (void)mm_content_delete(card, &a);
        break;
    case MM_INS_ISD_PUT_KEY:
        (void)mm_isd_put_key(card, &a);
        break;
    case MM_INS_ISD_SET_STATUS:
        (void)mm_isd_set_status(card, &a);
        break;
    case MM_INS_ISD_STORE_DATA:
        (void)mm_isd_store_data(card, &a);
        break;
    case MM_INS_ISD_GET_DATA:
        (void)mm_isd_get_data(card, &a);
        break;
    case MM_INS_ISD_GET_STATUS:
        (void)mm_isd_get_status(card, &a);
        break;
    default:
        break;
    }
    need(!mm_tx_active(card->nvm));
}

/* Inputs with many wrong cryptograms must not take minutes. */
static void no_pause(void *ctx, unsigned ms)
{
    (void)ctx;
    (void)ms;
}

/* A chip in memory with the probe package and its applet. */
static struct mm_card *new_card(void)
{
    static const uint8_t announce[] =
        "\xe6\x02\x00\x06\xf0PROBE\0\0\0"; /* the last 00: the string's */
    static const uint8_t install[] =
        "\xe6\x0c\x00\x06\xf0PROBE\x07\xf0PROBE\x01\x00\x01\x00\x00"; /* likewise */
    uint8_t load[3 + 4 + sizeof(probe_lfdb)] = {0xe8, 0x80, 0x00, 0xc4, 0x82};
    struct mm_card_config cfg = {.step_budget = 1000000, .pause = no_pause};
    struct mm_card *card = NULL;

    mm_put_be16(load + 5, sizeof(probe_lfdb));
    memcpy(load + 7, probe_lfdb, sizeof(probe_lfdb));
    need(mm_card_open(&cfg, &card, NULL) == MM_OK);
    mm_card_power_on(card);
    into_domain(card, announce, sizeof(announce));
    into_domain(card, load, sizeof(load));
    into_domain(card, install, sizeof(install));
    need(card->registry.n == 2);
    return card;
}

static void from_reader(struct mm_card *card, const uint8_t *command, size_t len)
{
    static uint8_t resp[MM_RESPONSE_MAX];
    size_t n = sizeof(resp);

    mm_card_transmit(card, command, len, resp, &n);
    need(n >= 2 && n <= sizeof(resp));
    /* ISO 7816-4, 5.6; an applet may throw any reason, which is its status word (JCRE 3.3) */
    need(resp[n - 2] >> 4 == 6 || resp[n - 2] >> 4 == 9 ||
         card->channel->selected == MM_SELECTED_APPLET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A chip takes milliseconds to make. Without keys nothing but the applet's counter can change, so
     * one serves all inputs of the even modes. */
    static struct mm_card *kept;
    struct mm_card *card;
    struct mm_key_set set;
    struct mm_scp_keys keys;
    size_t at = 1;
    bool domain;

    if (size < 1)
        return 0;
    domain = data[0] & 1;
    if (!domain && kept == NULL)
        kept = new_card();
    card = domain ? new_card() : kept;
    mm_card_power_on(card);
    while (at < size) {
        size_t len = data[at] == 0 ? 256 : data[at];
        at++;
        if (len > size - at)
            len = size - at;
        if (!domain)
            from_reader(card, data + at, len);
        else if (len >= 3)
            into_domain(card, data + at, len);
        at += len;
    }
    if (!domain) {
        need(card->registry.n == 2);
        need(mm_key_set_load(card->nvm, 0, 0, &set) == MM_OK && set.version == 0xff);
        need(mm_key_set_channel(&set, &keys) == MM_OK);
        mm_key_set_clear(&set);
        need(memcmp(&keys, &mm_scp_test_keys, sizeof(keys)) == 0);
    }
    mm_card_reset(card);
    from_reader(card, (const uint8_t *)"\x00\xa4\x04\x00", 5);
    if (domain)
        mm_card_close(&card);
    return 0;
}
