/*
 * Protocol objects of org.globalplatform.securechannel (version 1.1): secure channels with keys of an
 * applet's own. What is told once is in the object and persistent (gp_scp.c); a session is volatile and
 * belongs to the logical channel it was opened on (gp_scp_session.c).
 *
 * Hidden cells: three references to Key objects, for ENC, MAC and DEK; a byte array, below; the protocol
 * and its parameter i, a byte each; who told the keys; the sequence counter, two cells.
 *
 *   | ENC: length (0: none) and 32 bytes | MAC | DEK | diversification data, 10 | key version number |
 */
#ifndef MM_API_GP_SCP_INT_H
#define MM_API_GP_SCP_INT_H

#include "applet_vm/api/api_int.h"
#include "applet_vm/scp/scp.h"

#define MM_OWN_CLASS "mintmark/OwnSecureChannel"
enum {
    MM_OWN_KEYS, /* the first of three */
    MM_OWN_MATERIAL = MM_OWN_KEYS + 3,
    MM_OWN_PROTOCOL,
    MM_OWN_TELLER,
    MM_OWN_SEQUENCE, /* high, low */
    MM_OWN_CELLS = MM_OWN_SEQUENCE + 2
};
#define MM_OWN_KEY_LEN      (1 + MM_SCP_KEY_MAX)
#define MM_OWN_DIV_OFF      (3 * MM_OWN_KEY_LEN)
#define MM_OWN_VERSION_OFF  (MM_OWN_DIV_OFF + MM_SCP_DIV_LEN)
#define MM_OWN_MATERIAL_LEN (MM_OWN_VERSION_OFF + 1)

enum {
    MM_SW_WRONG_LENGTH = 0x6700,
    MM_SW_SECURITY_STATUS = 0x6982,
    MM_SW_DATA_INVALID = 0x6984,
    MM_SW_WRONG_DATA = 0x6A80
};

/* ---- The object (gp_scp.c) ---- */
bool mm_own_is(struct mm_vm *vm, mm_ref ref);
uint8_t mm_own_protocol(struct mm_vm *vm, mm_ref ref); /* 2 or 3 */
uint8_t mm_own_i(struct mm_vm *vm, mm_ref ref);
uint32_t mm_own_sequence(struct mm_vm *vm, mm_ref ref);
/* One further, kept at once, whatever becomes of an open transaction. */
enum mm_run mm_own_count(struct mm_vm *vm, mm_ref ref);
/* Diversification data and the key version number behind it. Borrowed. */
const uint8_t *mm_own_parameters(struct mm_vm *vm, mm_ref ref);
void mm_own_parameters_clear(struct mm_vm *vm, mm_ref ref);
/* The master keys; false: some that the protocol needs are not there, or their lengths differ. dek: is
 * there one for sensitive data? Wipe *keys in any case. */
bool mm_own_keys(struct mm_vm *vm, mm_ref ref, struct mm_scp_keys *keys, bool *dek);
/* The caller uses them: those that another application told are discarded. */
enum mm_run mm_own_keys_for(struct mm_vm *vm, mm_ref ref, mm_comp caller);

/* ---- Its session (gp_scp_session.c) ---- */
enum mm_own_state { MM_OWN_NONE, MM_OWN_STARTED, MM_OWN_OPEN };
enum mm_own_message { MM_OWN_NO_MESSAGE, MM_OWN_WRAP, MM_OWN_UNWRAP };
struct mm_own_channel {
    struct mm_own_channel *next;
    struct mm_vm *vm;
    mm_ref ref;
    struct mm_own_session {
        enum mm_own_state state;
        uint8_t channel; /* logical channel it was opened on */
        bool dek;
        bool level_told; /* by setSecurityLevel */
        bool aborted;    /* state is NONE: it ended over a command without its protection */
        uint32_t sequence;
        struct mm_scp scp;
        /* What comes in parts (gp_scp_parts.c): a response or command, and data under the DEK. */
        enum mm_own_message message;
        size_t announced; /* length of the response */
        struct mm_buf held;
        struct mm_own_data {
            bool begun;
            uint8_t iv[MM_SCP_BLOCK_LEN], rest[MM_SCP_BLOCK_LEN];
            uint8_t rest_n;
        } data[2]; /* decryption, encryption */
    } session;
};
/* The channel of an object (mm_own_is) for SecureChannel's methods; false: out of memory. */
bool mm_own_channel(struct mm_vm *vm, mm_ref ref, struct mm_sc *out);
/* Its session when it is open on this logical channel; NULL: it is not. */
struct mm_own_session *mm_own_session(struct mm_vm *vm, mm_ref ref);
void mm_own_session_end(struct mm_own_session *s);
/* A command (header, Lc, data) without its protection, in place. 6982, and the session is over: it is
 * not what the level asks. */
uint16_t mm_own_unwrap(struct mm_own_session *s, uint8_t *apdu, size_t *len);
void mm_own_channels_end(struct mm_api *api);  /* all sessions */
void mm_own_channels_free(struct mm_api *api); /* and what they were in */
void mm_own_channel_gone(struct mm_api *api, mm_ref ref);

#endif
