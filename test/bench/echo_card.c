/*
 * The yardstick of the vpcd link: a card that does nothing but answer a command with its own data
 * and 9000, over the same link code as the chip.
 *     echo_card PORT      into vpcd at 127.0.0.1:PORT, until SIGTERM
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/link/link.h"

static struct mm_link *volatile running;

static void on_signal(int number)
{
    (void)number;
    if (running != NULL)
        mm_link_stop(running);
}

static void power(void *ctx)
{
    (void)ctx;
}

static const uint8_t *atr(void *ctx, size_t *len)
{
    static const uint8_t bytes[] = {0x3b, 0x80, 0x80, 0x01, 0x01};

    (void)ctx;
    *len = sizeof(bytes);
    return bytes;
}

static void echo(void *ctx, const uint8_t *apdu, size_t apdu_len, uint8_t *resp, size_t *resp_len)
{
    size_t n = apdu_len > 5 ? apdu[4] : 0;

    (void)ctx;
    if (n > (apdu_len > 5 ? apdu_len - 5 : 0) || n + 2 > *resp_len)
        n = 0;
    memcpy(resp, apdu + (apdu_len > 5 ? 5 : 0), n);
    mm_put_be16(resp + n, 0x9000);
    *resp_len = n + 2;
}

int main(int argc, char **argv)
{
    const struct mm_link_card card = {
        .power_on = power, .power_off = power, .reset = power, .atr = atr, .transmit = echo};
    struct sigaction stop = {.sa_handler = on_signal};
    struct mm_link *link = NULL;
    struct mm_err err = {0};
    int port = argc == 2 ? atoi(argv[1]) : MM_VPCD_PORT;
    enum mm_status st;

    if (argc > 2 || port < 1 || port > 65535) {
        fputs("usage: echo_card [PORT]\n", stderr);
        return 2;
    }
    mm_log_setup("echo_card", false, false);
    st = mm_link_vpcd_card(&card, "127.0.0.1", (uint16_t)port, &link, &err);
    if (st == MM_OK) {
        running = link;
        sigaction(SIGTERM, &stop, NULL);
        sigaction(SIGINT, &stop, NULL);
        st = mm_link_run(link, &err);
        running = NULL;
        mm_link_free(&link);
    }
    if (st != MM_OK)
        fprintf(stderr, "echo_card: %s\n", err.text);
    return mm_status_exit(st);
}
