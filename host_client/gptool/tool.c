/* mintmark-gp: keys, connection, and the commands that change the card. */
#include "host_client/gptool/gptool.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_client/access/access.h"
#include "host_client/access/trace.h"
#include "host_client/gp/gp_int.h"

#define TIMEOUT_MS   5000
#define KEY_FILE_MAX 512
#define LEVEL        (MM_SCP_C_MAC | MM_SCP_C_DEC)

/* ---- Keys ---- */

enum mm_status mm_gp_read_keys(const char *text, struct mm_scp_keys *keys, struct mm_err *err)
{
    uint8_t bytes[3 * MM_SCP_KEY_LEN];
    size_t n = sizeof(bytes);
    enum mm_status st = mm_unhex(text, bytes, &n);

    memset(keys, 0, sizeof(*keys));
    if (st != MM_OK || (n != MM_SCP_KEY_LEN && n != sizeof(bytes))) {
        st = mm_fail(err, MM_USAGE, SIZE_MAX,
                     "keys: expected 16 bytes in hex, or three times 16 as enc:mac:dek");
    } else {
        size_t step = n == sizeof(bytes) ? MM_SCP_KEY_LEN : 0;
        memcpy(keys->enc, bytes, MM_SCP_KEY_LEN);
        memcpy(keys->mac, bytes + step, MM_SCP_KEY_LEN);
        memcpy(keys->dek, bytes + 2 * step, MM_SCP_KEY_LEN);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return st;
}

enum mm_status mm_gp_read_key_file(const char *path, struct mm_scp_keys *keys, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    struct stat info;
    char text[KEY_FILE_MAX + 1] = "";
    enum mm_status st = mm_file_read(path, KEY_FILE_MAX, &data, &len, err);

    memset(keys, 0, sizeof(*keys));
    if (st == MM_OK && (stat(path, &info) != 0 || (info.st_mode & 077) != 0))
        st = mm_fail(err, MM_USAGE, SIZE_MAX, "%s: others may read it; chmod 600 it first", path);
    if (st == MM_OK) {
        memcpy(text, data, len);
        st = mm_gp_read_keys(text, keys, err);
        if (st != MM_OK)
            mm_err_prefix(err, "%s", path);
    }
    if (data != NULL)
        OPENSSL_cleanse(data, len);
    OPENSSL_cleanse(text, sizeof(text));
    free(data);
    return st;
}

/* ---- Connection ---- */

enum mm_status mm_gp_connect(const struct mm_gp_options *opt, bool session,
                             struct mm_gp_connection *out, struct mm_err *err)
{
    enum mm_status st;

    *out = (struct mm_gp_connection){0};
    if (session && !opt->has_keys)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "no keys given: --key, --key-file, MINTMARK_GP_KEY or --test-keys");
    st = mm_access_open(opt->reader, TIMEOUT_MS, &out->access, err);
    if (st == MM_OK && opt->trace) {
        out->trace = calloc(1, sizeof(*out->trace));
        if (out->trace != NULL) {
            out->trace->out = stderr;
            mm_access_set_trace(out->access, mm_trace_show, out->trace);
        }
    }
    /* Another program's command in between would break the chain of MACs. */
    if (st == MM_OK)
        st = mm_access_begin(out->access, err);
    if (st == MM_OK && session && opt->master)
        st = mm_gp_open_master(out->access, NULL, opt->keys.enc, opt->key_version, LEVEL,
                               &out->session, err);
    else if (st == MM_OK && session)
        st = mm_gp_open(out->access, NULL, &opt->keys, opt->key_version, LEVEL, &out->session, err);
    if (st != MM_OK)
        mm_gp_disconnect(out);
    return st;
}

void mm_gp_disconnect(struct mm_gp_connection *connection)
{
    mm_gp_close(&connection->session);
    if (connection->access != NULL)
        mm_access_end(connection->access);
    mm_access_close(&connection->access);
    free(connection->trace);
    connection->trace = NULL;
}

/* ---- Lists of commands ---- */

/* As a script for mintmark-apdu. */
static void print_list(const struct mm_buf *list, FILE *out)
{
    size_t off = 0, len;
    const uint8_t *apdu;

    while ((apdu = mm_gp_list_next(list, &off, &len)) != NULL) {
        for (size_t i = 0; i < len; i++)
            fprintf(out, "%02X", apdu[i]);
        fprintf(out, "  # %s\n", mm_gp_command_name(apdu, len));
    }
}

static void show_progress(void *ctx, size_t done, size_t all)
{
    (void)ctx;
    fprintf(stderr, "\r%zu of %zu%s", done, all, done == all ? "\n" : "");
}

enum mm_status mm_gp_tool_send(const struct mm_gp_options *opt, const struct mm_buf *list,
                               FILE *out, struct mm_err *err)
{
    struct mm_gp_connection c;
    bool watched = isatty(STDERR_FILENO) && !opt->trace;
    enum mm_status st;

    if (opt->dry_run) {
        print_list(list, out);
        return MM_OK;
    }
    st = mm_gp_connect(opt, true, &c, err);
    if (st == MM_OK)
        st = mm_gp_send_list(c.session, list, watched ? show_progress : NULL, NULL, err);
    mm_gp_disconnect(&c);
    return st;
}

/* Which of the package's applets to install: the one named, or the only one. */
static enum mm_status choose_module(const struct mm_gp_options *opt, const struct mm_cap *cap,
                                    struct mm_aid *module, struct mm_err *err)
{
    size_t n = mm_cap_applet_n(cap);

    *module = (struct mm_aid){0};
    for (size_t i = 0; i < n; i++) {
        const struct mm_aid *aid = &mm_cap_applet(cap, i)->aid;
        if (opt->applet.len > 0 ? mm_aid_equal(&opt->applet, aid) : n == 1)
            *module = *aid;
    }
    if (module->len > 0 || (n == 0 && opt->applet.len == 0)) /* none at all: a library */
        return MM_OK;
    if (opt->applet.len > 0)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "no applet of that AID among its %zu", n);
    return mm_fail(err, MM_USAGE, SIZE_MAX, "it has %zu applets; say which with --applet", n);
}

static enum mm_status install_list(const struct mm_gp_options *opt, const struct mm_cap *cap,
                                   struct mm_buf *list, struct mm_err *err)
{
    static const uint8_t no_privileges[1];
    const uint8_t *privileges = opt->privileges_len > 0 ? opt->privileges : no_privileges;
    size_t privileges_len = opt->privileges_len > 0 ? opt->privileges_len : sizeof(no_privileges);
    struct mm_aid module;
    enum mm_status st = choose_module(opt, cap, &module, err);

    if (st != MM_OK)
        return st;
    st = mm_gp_load_commands(cap, NULL, MM_GP_BLOCK_LEN, list);
    if (st == MM_OK && module.len > 0)
        st = mm_gp_install_command(mm_cap_aid(cap), &module,
                                   opt->instance.len > 0 ? &opt->instance : &module, privileges,
                                   privileges_len, opt->params, opt->params_len, list);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "commands to load it: %s", mm_status_text(st));
    return MM_OK;
}

enum mm_status mm_gp_tool_install(const struct mm_gp_options *opt, const char *path, FILE *out,
                                  struct mm_err *err)
{
    struct mm_cap *cap = NULL;
    struct mm_buf list;
    enum mm_status st = mm_cap_read_file(path, &cap, err);

    if (st != MM_OK)
        return st;
    mm_buf_init(&list);
    st = install_list(opt, cap, &list, err);
    if (st != MM_OK)
        mm_err_prefix(err, "%s", path);
    else
        st = mm_gp_tool_send(opt, &list, out, err);
    mm_buf_clear(&list);
    mm_cap_free(&cap);
    return st;
}

enum mm_status mm_gp_tool_aid(const char *text, struct mm_aid *out, struct mm_err *err)
{
    uint8_t bytes[MM_AID_MAX];
    size_t n = sizeof(bytes);

    if (mm_trace_aid_by_name(text, strlen(text), out) != MM_OK &&
        (mm_unhex(text, bytes, &n) != MM_OK || mm_aid_set(out, bytes, n) != MM_OK))
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "\"%s\" is not an AID of 5 to 16 bytes nor a known name", text);
    return MM_OK;
}

enum mm_status mm_gp_tool_delete(const struct mm_gp_options *opt, const char *aid, FILE *out,
                                 struct mm_err *err)
{
    struct mm_aid value;
    struct mm_buf list;
    enum mm_status st = mm_gp_tool_aid(aid, &value, err);

    if (st != MM_OK)
        return st;
    mm_buf_init(&list);
    st = mm_gp_delete_command(&value, opt->related, &list);
    if (st == MM_OK)
        st = mm_gp_tool_send(opt, &list, out, err);
    else
        st = mm_fail(err, st, SIZE_MAX, "DELETE: %s", mm_status_text(st));
    mm_buf_clear(&list);
    return st;
}

enum mm_status mm_gp_tool_put_keys(const struct mm_gp_options *opt, FILE *out, struct mm_err *err)
{
    struct mm_gp_connection c = {0};
    struct mm_buf list;
    enum mm_status st = MM_OK;

    (void)out;
    mm_buf_init(&list);
    if (!opt->has_new_keys)
        st = mm_fail(err, MM_USAGE, SIZE_MAX,
                     "no new keys given: --new-key-file or MINTMARK_GP_NEW_KEY");
    if (st == MM_OK && opt->dry_run)
        st = mm_fail(err, MM_USAGE, SIZE_MAX,
                     "put-keys has no --dry-run: its command needs the card's session");
    if (st == MM_OK)
        st = mm_gp_connect(opt, true, &c, err);
    if (st == MM_OK) {
        /* The set in use is replaced; the initial one (FF) is not addressable, so a first set is
         * added instead (GPCS 11.8.2.1). */
        uint8_t used = mm_gp_scp(c.session)->key_version;
        struct mm_gp_keyset set = mm_gp_keyset_of(&opt->new_keys);
        st = mm_gp_put_keys_command(mm_gp_encrypt, c.session, opt->add || used > 0x7f ? 0 : used,
                                    opt->new_version, &set, &list, err);
        OPENSSL_cleanse(&set, sizeof(set));
    }
    if (st == MM_OK)
        st = mm_gp_send_list(c.session, &list, NULL, NULL, err);
    mm_gp_disconnect(&c);
    mm_buf_clear(&list);
    return st;
}

enum mm_status mm_gp_tool_hash(const char *path, FILE *out, struct mm_err *err)
{
    uint8_t digest[MM_DIGEST_LEN];
    char hex[2 * MM_DIGEST_LEN + 1];
    struct mm_cap *cap = NULL;
    enum mm_status st = mm_cap_read_file(path, &cap, err);

    if (st != MM_OK)
        return st;
    mm_cap_code_digest(cap, digest);
    fprintf(out, "%s  %s\n", mm_hex(digest, sizeof(digest), hex), path);
    mm_cap_free(&cap);
    return MM_OK;
}
