/*
 * Attacker: a reader in the middle. Passes every command on to the real card but the second and
 * later INTEGRITY commands, which it answers with the token it recorded first.
 *     replay_reader READER        prints "port N", serves one peer after another over TCP
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"

static struct mm_buf recorded;

static bool get(int fd, void *data, size_t len)
{
    return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

static bool put(int fd, const uint8_t *data, size_t len)
{
    uint8_t out[2 + 65538];

    mm_put_be16(out, (uint16_t)len);
    memcpy(out + 2, data, len);
    return send(fd, out, len + 2, MSG_NOSIGNAL) == (ssize_t)(len + 2);
}

/* The token for a nonce of the attacker's own, taken before anybody asks. */
static bool record(struct mm_access *card)
{
    static const uint8_t nonce[32] = {0x52, 0x45, 0x50, 0x4c, 0x41, 0x59};
    struct mm_aid aid = mm_aid_of(MM_AID_INTEGRITY);
    struct mm_buf resp;
    struct mm_err err = {0};
    uint16_t sw = 0;

    mm_buf_init(&resp);
    if (mm_access_select(card, &aid, &resp, &sw, &err) != MM_OK || sw != MM_SW_9000_NO_ERROR ||
        mm_access_call(card, 0x80, MM_INS_INTEGRITY_INTEGRITY, 0, 0, nonce, sizeof(nonce), 256,
                       &recorded, &sw, &err) != MM_OK ||
        sw != MM_SW_9000_NO_ERROR) {
        fprintf(stderr, "recording: %04X %s\n", sw, err.text);
        return false;
    }
    mm_buf_u16(&recorded, MM_SW_9000_NO_ERROR);
    mm_buf_clear(&resp);
    return true;
}

/* Hands out the recorded token piece by piece, as the card would. */
static bool replay(int fd, size_t *off)
{
    size_t left = recorded.len - 2 - *off;
    size_t n = left < 256 ? left : 256;
    uint8_t out[258];

    memcpy(out, recorded.data + *off, n);
    *off += n;
    left -= n;
    mm_put_be16(out + n,
                left == 0 ? MM_SW_9000_NO_ERROR : (uint16_t)(0x6100 | (left < 256 ? left : 0)));
    return put(fd, out, n + 2);
}

static bool answer(int fd, struct mm_access *card, const uint8_t *cmd, size_t len, size_t *off)
{
    struct mm_buf resp;
    struct mm_err err;
    bool ok;

    if (len == 1) {
        size_t atr_len;
        const uint8_t *atr = mm_access_atr(card, &atr_len);
        return cmd[0] != 0x04 || put(fd, atr, atr_len);
    }
    if (len >= 4 && cmd[0] == 0x80 && cmd[1] == MM_INS_INTEGRITY_INTEGRITY) {
        *off = 0;
        return replay(fd, off);
    }
    if (len >= 4 && cmd[1] == MM_INS_CARD_GET_RESPONSE && *off > 0 && *off < recorded.len - 2)
        return replay(fd, off);
    mm_buf_init(&resp);
    ok = mm_access_send_raw(card, cmd, len, &resp, &err) == MM_OK && put(fd, resp.data, resp.len);
    mm_buf_clear(&resp);
    return ok;
}

static void serve(int fd, struct mm_access *card)
{
    uint8_t head[2], cmd[65536];
    size_t off = 0;

    while (get(fd, head, 2)) {
        size_t len = mm_be16(head);
        if (len == 0 || !get(fd, cmd, len) || !answer(fd, card, cmd, len, &off))
            break;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t addr_len = sizeof(addr);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct mm_access *card = NULL;
    struct mm_err err = {0};
    int fd;

    if (argc != 2)
        return 2;
    if (mm_access_open(argv[1], 5000, &card, &err) != MM_OK || !record(card)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (bind(listener, (struct sockaddr *)&addr, addr_len) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &addr_len) != 0)
        return 1;
    printf("port %u\n", ntohs(addr.sin_port));
    fflush(stdout);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        serve(fd, card);
        close(fd);
    }
    return 0;
}
