/* mintmark-gp: life cycles, stored data, commands of the user's own. */
#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gptool/gptool.h"

#define DATA_FILE_MAX 262144

enum { CARD_INITIALIZED = 0x07, CARD_SECURED = 0x0f, CARD_LOCKED = 0x7f, CARD_TERMINATED = 0xff };

/* ---- Life cycles ---- */

static enum mm_status set_status(struct mm_gptool *tool, const struct mm_aid *aid, uint8_t state,
                                 struct mm_err *err)
{
    struct mm_buf list;
    enum mm_status st;

    mm_buf_init(&list);
    st = mm_gp_set_status_command(aid, state, &list);
    if (st != MM_OK)
        st = mm_fail(err, st, SIZE_MAX, "SET STATUS: %s", mm_status_text(st));
    else
        st = mm_gptool_send(tool, &list, err);
    mm_buf_clear(&list);
    return st;
}

enum mm_status mm_gptool_lock(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    struct mm_aid aid;
    enum mm_status st;

    if (n == 0) {
        st = mm_gptool_confirm(
            tool, err,
            "the whole card will be locked: only its domain can be selected then, "
            "and only its keys unlock it");
        return st == MM_OK ? set_status(tool, NULL, CARD_LOCKED, err) : st;
    }
    st = mm_gptool_aid(args[0], &aid, err);
    return st == MM_OK ? set_status(tool, &aid, 0x80, err) : st;
}

enum mm_status mm_gptool_unlock(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    struct mm_aid aid;
    enum mm_status st;

    if (n == 0)
        return set_status(tool, NULL, CARD_SECURED, err);
    st = mm_gptool_aid(args[0], &aid, err);
    return st == MM_OK ? set_status(tool, &aid, 0x00, err) : st;
}

enum mm_status mm_gptool_set_state(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    uint8_t state = strcmp(args[0], "secured") == 0 ? CARD_SECURED : CARD_INITIALIZED;
    enum mm_status st;

    (void)n;
    if (strcmp(args[0], "initialized") != 0 && state != CARD_SECURED)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "set-state: expected initialized or secured");
    st = mm_gptool_confirm(tool, err, "the card's state will be %s; there is no way back", args[0]);
    return st == MM_OK ? set_status(tool, NULL, state, err) : st;
}

enum mm_status mm_gptool_terminate(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    enum mm_status st =
        mm_gptool_confirm(tool, err, "terminate ends the card for good, with all that is on it");

    (void)args;
    (void)n;
    return st == MM_OK ? set_status(tool, NULL, CARD_TERMINATED, err) : st;
}

/* ---- Data ---- */

/* Hexadecimal of a file, without what follows a # in its line. */
static enum mm_status read_data_file(const char *path, char **out, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    char *text;
    size_t at = 0;
    bool comment = false;
    enum mm_status st = mm_file_read(path, DATA_FILE_MAX, &data, &len, err);

    *out = NULL;
    if (st != MM_OK)
        return st;
    text = malloc(len + 1);
    for (size_t i = 0; text != NULL && i < len; i++) {
        comment = data[i] == '#' || (comment && data[i] != '\n');
        if (!comment && !isspace(data[i]))
            text[at++] = (char)data[i];
    }
    free(data);
    if (text == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    text[at] = '\0';
    *out = text;
    return MM_OK;
}

/* The data of the arguments or of --file, as bytes; *out owned by the caller (free). */
static enum mm_status read_data(const struct mm_gptool_options *opt, const char *hex, uint8_t **out,
                                size_t *len, struct mm_err *err)
{
    char *text = NULL;
    enum mm_status st = MM_OK;

    *out = NULL;
    if ((hex == NULL) == (opt->file == NULL))
        return mm_fail(err, MM_USAGE, SIZE_MAX, "expected data in hex, or --file");
    if (hex == NULL)
        st = read_data_file(opt->file, &text, err);
    else if ((text = strdup(hex)) == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st != MM_OK)
        return st;
    *len = strlen(text) / 2 + 1;
    *out = malloc(*len);
    if (*out == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    else if (mm_unhex(text, *out, len) != MM_OK || *len == 0)
        st = mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected bytes in hex",
                     hex != NULL ? "data" : opt->file);
    OPENSSL_cleanse(text, strlen(text)); /* it may be personal, or a key */
    free(text);
    return st;
}

struct storing {
    const struct mm_aid *target; /* NULL: the domain */
    uint8_t structure;
    const uint8_t *data;
    size_t len;
};

static enum mm_status make_store(struct mm_gptool *tool, const struct mm_gptool_card *card,
                                 const void *arg, struct mm_buf *list, struct mm_err *err)
{
    const struct storing *s = arg;
    struct mm_gp_hide hide = {.encrypt = card->encrypt,
                              .ctx = card->ctx,
                              .block_len = mm_scp_block(card->scp),
                              .unpadded = tool->opt->no_padding};
    struct mm_buf hidden;
    enum mm_status st = MM_OK;

    mm_buf_init(&hidden);
    if (tool->opt->encrypt)
        st = mm_gp_encrypt_groups(&hide, s->data, s->len, &hidden, err);
    else
        mm_buf_bytes(&hidden, s->data, s->len);
    if (st == MM_OK && hidden.bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK) {
        st = mm_gp_store_data_commands(s->target, s->structure, hidden.data, hidden.len, list);
        if (st != MM_OK)
            st = mm_fail(err, st, SIZE_MAX, "STORE DATA: %s", mm_status_text(st));
    }
    mm_buf_clear(&hidden);
    return st;
}

static enum mm_status store(struct mm_gptool *tool, const struct mm_aid *target, uint8_t structure,
                            const char *hex, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    struct storing s = {.target = target, .structure = structure};
    uint8_t *data = NULL;
    enum mm_status st;

    if ((opt->encrypt && structure != MM_GP_STORE_DGI) || (opt->no_padding && !opt->encrypt))
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "--encrypt goes with --dgi, and --no-padding with --encrypt");
    st = read_data(opt, hex, &data, &s.len, err);
    s.data = data;
    if (opt->encrypt)
        s.structure |= MM_GP_STORE_ENCRYPTED;
    if (st == MM_OK)
        st = mm_gptool_make_and_send(tool, make_store, &s, err);
    if (data != NULL)
        OPENSSL_cleanse(data, s.len);
    free(data);
    return st;
}

enum mm_status mm_gptool_store_data(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    return store(tool, NULL, tool->opt->dgi ? MM_GP_STORE_DGI : MM_GP_STORE_TLV,
                 n == 1 ? args[0] : NULL, err);
}

enum mm_status mm_gptool_personalise(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    uint8_t structure = MM_GP_STORE_RAW; /* what the bytes are is between sender and application */
    struct mm_aid aid;
    enum mm_status st = mm_gptool_aid(args[0], &aid, err);

    if (opt->dgi || opt->tlv)
        structure = opt->dgi ? MM_GP_STORE_DGI : MM_GP_STORE_TLV;
    return st == MM_OK ? store(tool, &aid, structure, n == 2 ? args[1] : NULL, err) : st;
}

/* ---- Commands of the user's own ---- */

static enum mm_status exchange(struct mm_gptool *tool, const uint8_t *apdu, size_t len,
                               struct mm_err *err)
{
    struct mm_buf resp;
    uint16_t sw = 0;
    enum mm_status st;

    mm_buf_init(&resp);
    st = mm_gp_send(tool->session, apdu, len, &resp, &sw, err);
    for (size_t i = 0; i < resp.len; i++)
        fprintf(tool->out, "%02X", resp.data[i]);
    if (st == MM_OK)
        fprintf(tool->out, "%s%04X  %s\n", resp.len > 0 ? " " : "", sw, mm_sw_text(sw));
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR && sw >> 8 != 0x62 && sw >> 8 != 0x63)
        st = mm_fail(err, MM_CARD, SIZE_MAX, "%04X, %s", sw, mm_sw_text(sw));
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_gptool_apdu(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (int i = 0; st == MM_OK && i < n; i++) {
        size_t len = strlen(args[i]) / 2 + 1;
        uint8_t *apdu = malloc(len);

        if (apdu == NULL)
            return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        if (mm_unhex(args[i], apdu, &len) != MM_OK || len < 4)
            st = mm_fail(err, MM_USAGE, SIZE_MAX, "\"%s\": expected a command in hex", args[i]);
        else if (tool->opt->dry_run)
            fprintf(tool->out, "%s\n", args[i]);
        else if (tool->session == NULL)
            st = mm_gptool_connect(tool, true, err);
        if (st == MM_OK && !tool->opt->dry_run)
            st = exchange(tool, apdu, len, err);
        free(apdu);
    }
    return st;
}
