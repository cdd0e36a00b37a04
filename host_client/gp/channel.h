/*
 * The host's end of a secure channel, SCP02 and SCP03, as a plain value: bytes in, bytes out, no I/O.
 *
 *   begin          INITIALIZE UPDATE                       mm_gp_channel_begin
 *   authenticate   its response -> EXTERNAL AUTHENTICATE   mm_gp_channel_authenticate(_with)
 *   wrap, unwrap   each command and its response           mm_gp_channel_wrap, _unwrap
 *
 * A card in S16 mode (SCP03, i with bit 01) refuses 8 bytes of host challenge with 6700: begin anew
 * with 16. Which protocol it is the card says; SCP02 does not say its parameter i, so set scp02_i
 * before authenticate where it is not MM_GP_SCP02_I.
 */
#ifndef MM_GP_CHANNEL_H
#define MM_GP_CHANNEL_H

#include "applet_vm/base/base.h"
#include "applet_vm/scp/scp11.h"
#include "applet_vm/scp/scp.h" /* struct mm_scp_keys, mm_scp_test_keys, mm_scp_diversify */
#include "host_client/gp/keysource.h"

#define MM_SCP_DIVERSIFICATION_LEN 10
#define MM_GP_SCP02_I              0x15 /* three keys, explicit, ICV encryption */

/* A plain value: may be stored between commands (the platform keeps it in its store). No inner
 * pointers. Wipe with OPENSSL_cleanse. */
struct mm_gp_channel {
    struct mm_scp scp;       /* after authenticate: protocol, i, level, session keys */
    struct mm_scp_keys keys; /* all zero where a source has them */
    uint8_t key_version;     /* asked for; after authenticate what the card uses */
    uint8_t scp02_i;
    uint8_t host_challenge[MM_SCP_CHALLENGE_MAX], challenge_len;
    uint8_t open; /* 0: INITIALIZE UPDATE sent; 1: EXTERNAL AUTHENTICATE made */
    uint8_t diversification[MM_SCP_DIVERSIFICATION_LEN]; /* from the INITIALIZE UPDATE response */
    uint32_t sequence;                                   /* counter the card told, else 0 */
    /* The selected application. Set it before authenticate to have a challenge that can be calculated
     * checked (SCP03, i with bit 10); len 0: it is not. */
    struct mm_aid aid;
};

/*
 * Start; writes the INITIALIZE UPDATE command.
 * keys             copied; NULL: a source has them (mm_gp_channel_authenticate_with)
 * host_challenge   from a random source, fresh for each session; challenge_len 8, or 16 for S16 mode
 */
enum mm_status mm_gp_channel_begin(struct mm_gp_channel *s, const struct mm_scp_keys *keys,
                                   uint8_t key_version, const uint8_t *host_challenge,
                                   size_t challenge_len, struct mm_buf *command) MM_USE_RESULT;
/* The response's diversification data alone, for who must derive the keys from it first; then set
 * s->keys and go on with mm_gp_channel_authenticate. */
enum mm_status mm_gp_channel_diversification(const uint8_t *resp, size_t resp_len,
                                             uint8_t out[MM_SCP_DIVERSIFICATION_LEN],
                                             struct mm_err *err) MM_USE_RESULT;
/* Take its response (without status word), check the card cryptogram (MM_AUTH), write EXTERNAL
 * AUTHENTICATE with level. MM_UNSUPPORTED: the card's i has not what level asks for. */
enum mm_status mm_gp_channel_authenticate(struct mm_gp_channel *s, const uint8_t *resp,
                                          size_t resp_len, uint8_t level, struct mm_buf *command,
                                          struct mm_err *err) MM_USE_RESULT;
/* The same where a source has the static keys; s->keys is not used. keys: ready for this card
 * afterwards (choose was called). */
enum mm_status mm_gp_channel_authenticate_with(struct mm_gp_channel *s,
                                               const struct mm_gp_keys *keys, const uint8_t *resp,
                                               size_t resp_len, uint8_t level,
                                               struct mm_buf *command,
                                               struct mm_err *err) MM_USE_RESULT;
/* SCP02 without INITIALIZE UPDATE (i without bit 04): the first wrapped command opens the channel.
 * sequence: from GET DATA C1. s->aid and s->scp02_i must be set, s otherwise zeroed. */
enum mm_status mm_gp_channel_begin_implicit(struct mm_gp_channel *s, const struct mm_scp_keys *keys,
                                            uint16_t sequence, struct mm_err *err) MM_USE_RESULT;
/* Wrap one command (header, optional Lc data, optional Le) for the open session. */
enum mm_status mm_gp_channel_wrap(struct mm_gp_channel *s, const uint8_t *apdu, size_t apdu_len,
                                  struct mm_buf *command, struct mm_err *err) MM_USE_RESULT;
/*
 * Take the response to the wrapped command before: data and status word in resp become plain data
 * and status word. Checks the R-MAC and decrypts as the session's level says; without R-MAC it
 * leaves resp as it is. MM_AUTH: the R-MAC is wrong, the session is no longer open.
 */
enum mm_status mm_gp_channel_unwrap(struct mm_gp_channel *s, struct mm_buf *resp,
                                    struct mm_err *err) MM_USE_RESULT;
/* The card said 9000 to BEGIN R-MAC SESSION with that P1: responses have R-MACs (and R-ENC) from now
 * on. And to END R-MAC SESSION: as the session was opened. To be called for SCP02 with P1 00 as well:
 * then only the answer to END R-MAC SESSION has one, for which mm_gp_channel_rmac_last comes before it
 * is wrapped. */
void mm_gp_channel_rmac_begin(struct mm_gp_channel *s, uint8_t p1);
void mm_gp_channel_rmac_last(struct mm_gp_channel *s);
void mm_gp_channel_rmac_end(struct mm_gp_channel *s);
/* Keys and sensitive data under the DEK, which keys has (SCP03; NULL: s->keys) or the session (SCP02).
 * len: whole blocks (mm_scp_block). */
enum mm_status mm_gp_channel_encrypt(const struct mm_gp_channel *s, const struct mm_gp_keys *keys,
                                     const uint8_t *in, size_t len, uint8_t *out,
                                     struct mm_err *err) MM_USE_RESULT;

/*
 * ---- SCP11 (Amendment F) ----
 *   certificates   PERFORM SECURITY OPERATION, each          mm_gp_scp11_certificates (a, c)
 *   begin          MUTUAL or INTERNAL AUTHENTICATE           mm_gp_scp11_begin
 *   open           its response                              mm_gp_scp11_open
 * then wrap and unwrap as above. Variant c needs no answer: mm_gp_scp11_open_offline writes a script
 * before the card is there, and the card's answers to it can be read with the same channel later.
 */
struct mm_gp_scp11 {
    enum mm_scp11_variant variant;
    uint8_t key_version; /* of the card's key */
    uint8_t level;       /* 11 or 33 */
    uint8_t key_len;     /* of session keys: 16, 24, 32 */
    EVP_PKEY *card;      /* PK.SD.ECKA; borrowed, as all that follow */
    EVP_PKEY *own;       /* SK.OCE.ECKA (a, c) */
    const uint8_t
        *chain; /* certificates of either kind, one behind the other, the own one last (a, c) */
    size_t chain_len;
    /* The key on the card that the first is checked with; ca_id 0: the card finds it by the issuer. */
    uint8_t ca_version, ca_id;
    /* Identifiers in the derivation, or none (NULL): the host's, and what names the card, each with its
     * length (mm_scp11_params). */
    const uint8_t *host_id, *card_ids;
    size_t host_id_len, card_ids_len;
    bool s16; /* the card's MACs have 16 bytes */
};
/* Append the commands to a list (mm_gp_list_next), extended where they have to be. MM_MALFORMED: the
 * chain is none. */
enum mm_status mm_gp_scp11_certificates(const struct mm_gp_scp11 *how,
                                        struct mm_buf *list) MM_USE_RESULT;
/* Make the ephemeral key (owned: EVP_PKEY_free) and write the command. */
enum mm_status mm_gp_scp11_begin(const struct mm_gp_scp11 *how, EVP_PKEY **ephemeral,
                                 struct mm_buf *command) MM_USE_RESULT;
/* Take its response (without status word) and check the receipt: MM_AUTH, the card has not the key. s need
 * not be set before. command: as begin wrote it. */
enum mm_status mm_gp_scp11_open(struct mm_gp_channel *s, const struct mm_gp_scp11 *how,
                                EVP_PKEY *ephemeral, const struct mm_buf *command,
                                const uint8_t *resp, size_t resp_len,
                                struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_scp11_open_offline(struct mm_gp_channel *s, const struct mm_gp_scp11 *how,
                                        EVP_PKEY *ephemeral, const struct mm_buf *command,
                                        struct mm_err *err) MM_USE_RESULT;

#endif
