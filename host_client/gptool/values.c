/* mintmark-gp: what the values of its options mean. */
#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/access/trace.h"
#include "host_client/gptool/options_int.h"

#define KEY_FILE_MAX 1024

enum mm_status mm_gptool_byte(const char *what, const char *text, uint8_t *out, struct mm_err *err)
{
    uint8_t v = 0;
    size_t n = 1;

    if (mm_unhex(text, &v, &n) != MM_OK || n != 1)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected one byte in hex", what);
    *out = v;
    return MM_OK;
}

enum mm_status mm_gptool_aid(const char *text, struct mm_aid *out, struct mm_err *err)
{
    uint8_t bytes[MM_AID_MAX];
    size_t n = sizeof(bytes);

    if (mm_trace_aid_by_name(text, strlen(text), out) != MM_OK &&
        (mm_unhex(text, bytes, &n) != MM_OK || mm_aid_set(out, bytes, n) != MM_OK))
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "\"%s\" is not an AID of 5 to 16 bytes nor a known name", text);
    return MM_OK;
}

enum mm_status mm_gptool_keys(const char *text, struct mm_gp_keyset *set, struct mm_err *err)
{
    uint8_t bytes[3 * MM_GP_KEY_MAX];
    size_t n = sizeof(bytes), step, len;
    enum mm_status st = mm_unhex(text, bytes, &n);

    memset(set, 0, sizeof(*set));
    set->type = MM_GP_KEY_AES;
    step = n == 48 || n == 72 || n == 96 ? n / 3 : 0;
    len = step != 0 ? step : n;
    if (st != MM_OK || (len != 16 && len != 24 && len != 32)) {
        st = mm_fail(err, MM_USAGE, SIZE_MAX,
                     "keys: expected 16, 24 or 32 bytes in hex, or three times as many as "
                     "enc:mac:dek");
    } else {
        set->len = (uint8_t)len;
        memcpy(set->enc, bytes, len);
        memcpy(set->mac, bytes + step, len);
        memcpy(set->dek, bytes + 2 * step, len);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return st;
}

enum mm_status mm_gptool_read_key_file(const char *path, struct mm_gp_keyset *set,
                                       struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_gp_read_private(path, KEY_FILE_MAX, &data, &len, err);

    if (st != MM_OK)
        return st;
    for (size_t i = 0; i < len; i++) /* the newline at the end, and others */
        data[i] = isspace(data[i]) ? ' ' : data[i];
    st = mm_gptool_keys((const char *)data, set, err);
    if (st != MM_OK)
        mm_err_prefix(err, "%s", path);
    OPENSSL_cleanse(data, len);
    free(data);
    return st;
}

enum mm_status mm_gptool_read_pin_file(const char *path, struct mm_gptool_options *opt,
                                       struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_gp_read_private(path, sizeof(opt->pin) - 1, &data, &len, err);

    if (st != MM_OK)
        return st;
    data[strcspn((const char *)data, "\r\n")] = '\0';
    snprintf(opt->pin, sizeof(opt->pin), "%s", (const char *)data);
    OPENSSL_cleanse(data, len);
    free(data);
    return MM_OK;
}

/* One of several words; their numbers start at 0. */
static enum mm_status read_word(const char *what, const char *text, const char *const *words,
                                size_t n, size_t *out, struct mm_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return MM_OK;
        }
    }
    return mm_fail(err, MM_USAGE, SIZE_MAX, "--%s: \"%s\" is none of its values", what, text);
}
#define WORDS(array) array, sizeof(array) / sizeof((array)[0])

enum mm_status mm_gptool_read_diversify(const char *what, const char *text,
                                        enum mm_gp_diversify *out, struct mm_err *err)
{
    static const char *const words[] = {[MM_GP_DIVERSIFY_NONE] = "none",
                                        [MM_GP_DIVERSIFY_EMV] = "emv",
                                        [MM_GP_DIVERSIFY_VISA2] = "visa2",
                                        [MM_GP_DIVERSIFY_KDF3] = "kdf3",
                                        [MM_GP_DIVERSIFY_OURS] = "mintmark"};
    size_t i = 0;
    enum mm_status st = read_word(what, text, WORDS(words), &i, err);

    *out = (enum mm_gp_diversify)i;
    return st;
}

enum mm_status mm_gptool_read_level(const char *text, uint8_t *out, struct mm_err *err)
{
    static const char *const words[] = {"mac", "mac+enc", "mac+rmac", "mac+enc+rmac", "all"};
    static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};
    size_t i = 0;
    enum mm_status st = read_word("security", text, WORDS(words), &i, err);

    *out = levels[i];
    return st;
}

enum mm_status mm_gptool_read_scp(const char *text, uint8_t *out, struct mm_err *err)
{
    static const char *const words[] = {"auto", "02", "03"};
    static const uint8_t scps[] = {0, 0x02, 0x03};
    size_t i = 0;
    enum mm_status st = read_word("scp", text, WORDS(words), &i, err);

    *out = scps[i];
    return st;
}

enum mm_status mm_gptool_read_rsa(const char *text, enum mm_gp_rsa_scheme *out, struct mm_err *err)
{
    static const char *const words[] = {
        [MM_GP_RSA_BY_LENGTH] = "auto", [MM_GP_RSA_PKCS1] = "pkcs1", [MM_GP_RSA_PSS] = "pss"};
    size_t i = 0;
    enum mm_status st = read_word("rsa", text, WORDS(words), &i, err);

    *out = (enum mm_gp_rsa_scheme)i;
    return st;
}

enum mm_status mm_gptool_read_type(const char *text, struct mm_gptool_options *opt,
                                   struct mm_err *err)
{
    static const char *const words[] = {"aes", "des"};
    size_t i = 0;
    enum mm_status st = read_word("new-type", text, WORDS(words), &i, err);

    opt->new_type = i == 0 ? MM_GP_KEY_AES : MM_GP_KEY_DES;
    opt->has_new_type = st == MM_OK;
    return st;
}

enum mm_status mm_gptool_read_hex(const char *name, const char *text, uint8_t *out, size_t *len,
                                  size_t most, struct mm_err *err)
{
    *len = most;
    if (mm_unhex(text, out, len) == MM_OK)
        return MM_OK;
    *len = 0;
    return mm_fail(err, MM_USAGE, SIZE_MAX, "--%s: expected up to %zu bytes in hex", name, most);
}

enum mm_status mm_gptool_read_privileges(const char *text, struct mm_gptool_options *opt,
                                         struct mm_err *err)
{
    enum mm_status st = mm_gp_privileges_read(text, opt->privileges, err);

    opt->has_privileges = st == MM_OK;
    /* One byte where it is enough: cards before 2.2 know no other form. */
    opt->privileges_len = (opt->privileges[1] | opt->privileges[2]) != 0 ? 3 : 1;
    return st;
}

enum mm_status mm_gptool_read_block_len(const char *text, size_t *out, struct mm_err *err)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*end != '\0' || n < 16 || n > 255)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "--block-size: expected 16 to 255");
    *out = n;
    return MM_OK;
}
