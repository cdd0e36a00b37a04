/* mintmark-gp: what its commands share. Only main.c and the tool_*.c files include this. */
#ifndef MM_GP_TOOL_H
#define MM_GP_TOOL_H

#include <stdio.h>

#include "host_client/gp/gp.h"

struct mm_gp_options {
    const char *reader;
    struct mm_scp_keys keys;
    bool has_keys;
    bool master; /* keys.enc is a master key: derive the chip's keys from it */
    uint8_t key_version;
    bool dry_run, trace, json, related;
    struct mm_aid applet, instance; /* len 0: not given */
    uint8_t params[255];
    size_t params_len;
    uint8_t privileges[3];
    size_t privileges_len;
    uint8_t new_version;
    struct mm_scp_keys new_keys; /* put-keys */
    bool has_new_keys;
    bool add;         /* put-keys: beside the others */
    bool force;       /* terminate */
    bool dgi;         /* store-data */
    struct mm_aid to; /* store-data: application; len 0: the domain */
};

/* 16 bytes in hex for all three keys, or 48 as enc:mac:dek. */
enum mm_status mm_gp_read_keys(const char *text, struct mm_scp_keys *keys,
                               struct mm_err *err) MM_USE_RESULT;
/* The same from a file that only its owner may read. */
enum mm_status mm_gp_read_key_file(const char *path, struct mm_scp_keys *keys,
                                   struct mm_err *err) MM_USE_RESULT;
/* What a life cycle state is called (GPCS 2.3.1, 11.1.1). */
const char *mm_gp_state_text(enum mm_gp_kind kind, uint8_t life_cycle);

enum mm_status mm_gp_tool_list(const struct mm_gp_options *opt, FILE *out,
                               struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_tool_info(const struct mm_gp_options *opt, FILE *out,
                               struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_tool_install(const struct mm_gp_options *opt, const char *path, FILE *out,
                                  struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_tool_delete(const struct mm_gp_options *opt, const char *aid, FILE *out,
                                 struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_tool_put_keys(const struct mm_gp_options *opt, FILE *out,
                                   struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_tool_hash(const char *path, FILE *out, struct mm_err *err) MM_USE_RESULT;
/* An AID in hex or a name of apdu_spec/aid.def. */
enum mm_status mm_gp_tool_aid(const char *text, struct mm_aid *out,
                              struct mm_err *err) MM_USE_RESULT;
/* Open a session and send the list, or print it (dry run). */
enum mm_status mm_gp_tool_send(const struct mm_gp_options *opt, const struct mm_buf *list,
                               FILE *out, struct mm_err *err) MM_USE_RESULT;

/* ---- tool_manage.c ---- */
/* aid NULL: the card. */
enum mm_status mm_gp_tool_lock(const struct mm_gp_options *opt, const char *aid, bool lock,
                               FILE *out, struct mm_err *err) MM_USE_RESULT;
/* state: initialized or secured. */
enum mm_status mm_gp_tool_set_state(const struct mm_gp_options *opt, const char *state, FILE *out,
                                    struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_tool_terminate(const struct mm_gp_options *opt, FILE *out,
                                    struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_tool_store_data(const struct mm_gp_options *opt, const char *hex, FILE *out,
                                     struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gp_tool_delete_keys(const struct mm_gp_options *opt, const char *version,
                                      FILE *out, struct mm_err *err) MM_USE_RESULT;

/* Reader, then secure channel, as the options say. close takes both, in any state. */
struct mm_access;
struct mm_gp_connection {
    struct mm_access *access;
    struct mm_gp_session *session;
    struct mm_trace *trace;
};
enum mm_status mm_gp_connect(const struct mm_gp_options *opt, bool session,
                             struct mm_gp_connection *out, struct mm_err *err) MM_USE_RESULT;
void mm_gp_disconnect(struct mm_gp_connection *connection);

#endif
