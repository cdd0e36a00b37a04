/* Inside applet_vm/scp only. */
#ifndef MM_SCP_INT_H
#define MM_SCP_INT_H

#include "applet_vm/scp/scp.h"

/* The KDF of Amendment D, 4.1.5, under a key of the source. out_len: 1..32. */
enum mm_status scp_source_kdf(const struct mm_scp_source *source, enum mm_scp_key_id id,
                              uint8_t constant, const uint8_t *context, size_t context_len,
                              uint8_t *out, size_t out_len) MM_USE_RESULT;
/* One block of AES. */
enum mm_status scp_aes_block(const uint8_t *key, size_t key_len, const uint8_t in[MM_SCP_BLOCK_LEN],
                             uint8_t out[MM_SCP_BLOCK_LEN]) MM_USE_RESULT;

/* SCP02 (scp02.c), as scp.c chooses it by the protocol. */
enum mm_status scp02_start(struct mm_scp *s, const struct mm_scp_source *source,
                           const uint8_t *host_challenge,
                           const uint8_t *card_challenge) MM_USE_RESULT;
enum mm_status scp02_sign(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
enum mm_status scp02_check(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
enum mm_status scp02_wrap_command(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
enum mm_status scp02_unwrap_command(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
enum mm_status scp02_sum_command(struct mm_scp *s, const uint8_t header[4], bool extended,
                                 const uint8_t *data, size_t len) MM_USE_RESULT;
enum mm_status scp02_wrap_response(struct mm_scp *s, uint8_t *data, size_t *len,
                                   uint16_t sw) MM_USE_RESULT;
enum mm_status scp02_unwrap_response(struct mm_scp *s, uint8_t *data, size_t *len,
                                     uint16_t sw) MM_USE_RESULT;

/* SCP03 (scp03.c) */
enum mm_status scp03_start(struct mm_scp *s, const struct mm_scp_source *source,
                           const uint8_t *host_challenge,
                           const uint8_t *card_challenge) MM_USE_RESULT;
enum mm_status scp03_sign(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
enum mm_status scp03_check(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
enum mm_status scp03_wrap_command(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
enum mm_status scp03_unwrap_command(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
enum mm_status scp03_wrap_response(struct mm_scp *s, uint8_t *data, size_t *len,
                                   uint16_t sw) MM_USE_RESULT;
enum mm_status scp03_unwrap_response(struct mm_scp *s, uint8_t *data, size_t *len,
                                     uint16_t sw) MM_USE_RESULT;

/* ready.c: CMAC over a || b || c under the session's MAC key, or its R-MAC key; the ICV of a command or
 * response, and CBC with it under its encryption key. With or without contexts that are ready. */
enum mm_status scp_session_mac(const struct mm_scp *s, bool response, const uint8_t *a,
                               size_t a_len, const uint8_t *b, size_t b_len, const uint8_t *c,
                               size_t c_len, uint8_t out[MM_SCP_BLOCK_LEN]) MM_USE_RESULT;
enum mm_status scp_session_cbc(const struct mm_scp *s, const uint8_t counter[MM_SCP_BLOCK_LEN],
                               bool encrypt, uint8_t *data, size_t len) MM_USE_RESULT;

/* Header of a command as its MAC sees it: CLA without channel, P1, P2, Lc for lc bytes in the coding
 * of the command. Returns its length, 5 or 7. */
size_t scp_mac_head(const struct mm_scp_command *c, bool secure, size_t lc, uint8_t out[7]);

#endif
