/* What only the card's end of a channel does: its answer to INITIALIZE UPDATE and the counter in it. */
#include "applet_vm/scp/scp_int.h"

#include <string.h>

#define SEQUENCE_MAX_SCP02 0xffffu
#define SEQUENCE_MAX_SCP03 0xffffffu

bool mm_scp_counts_first(uint8_t protocol, uint8_t i)
{
    return protocol == 3 && (i & MM_SCP03_PSEUDO_RANDOM);
}

bool mm_scp_exhausted(uint8_t protocol, uint8_t i, uint32_t sequence)
{
    if (protocol == 2)
        return sequence >= SEQUENCE_MAX_SCP02;
    return mm_scp_counts_first(protocol, i) && sequence >= SEQUENCE_MAX_SCP03;
}

enum mm_status mm_scp_card_challenge(uint8_t protocol, uint8_t i,
                                     const struct mm_scp_source *source, uint32_t sequence,
                                     const struct mm_aid *aid, mm_scp_random random, void *ctx,
                                     uint8_t *out)
{
    bool known = protocol == 2 ? (i & MM_SCP02_KNOWN_CHALLENGE) != 0 : mm_scp_counts_first(3, i);
    size_t len = mm_scp_challenge_len(protocol, i);

    if (protocol == 2) {
        mm_put_be16(out, (uint16_t)sequence);
        out += 2;
        len -= 2;
    }
    return known ? mm_scp_known_challenge(protocol, i, source, sequence, aid, out)
                 : random(ctx, out, len);
}

size_t mm_scp_init_answer(const struct mm_scp *s, const uint8_t div[MM_SCP_DIV_LEN],
                          uint8_t version, uint32_t sequence, const uint8_t *card_challenge,
                          uint8_t out[MM_SCP_INIT_ANSWER_MAX])
{
    size_t n = mm_scp_challenge_len(s->protocol, s->i), at = MM_SCP_DIV_LEN;

    memcpy(out, div, MM_SCP_DIV_LEN);
    out[at++] = version;
    out[at++] = s->protocol;
    if (s->protocol == 3)
        out[at++] = s->i;
    memcpy(out + at, card_challenge, n);
    memcpy(out + at + n, s->card_cryptogram, mm_scp_mac_len(s));
    at += n + mm_scp_mac_len(s);
    if (mm_scp_counts_first(s->protocol, s->i)) {
        out[at++] = (uint8_t)(sequence >> 16);
        mm_put_be16(out + at, (uint16_t)sequence);
        at += 2;
    }
    return at;
}

void mm_scp_open(struct mm_scp *s, uint8_t level)
{
    s->level = level;
    s->counter = 0;
    mm_scp_make_ready(s);
    if (s->protocol == 2 && (level & MM_SCP_R_MAC))
        mm_scp02_rmac_begin(s);
}
