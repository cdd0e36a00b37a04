/* The file of platform pins that agent and client share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "host_client/net/net.h"

#define FILE_MAX 4096

static enum mm_status take_version(const char *line, unsigned number, struct mm_pins *out,
                                   struct mm_err *err)
{
    static const char word[] = "# version ";
    char *end = NULL;
    unsigned long long v;

    if (strncmp(line, word, sizeof(word) - 1) != 0)
        return MM_OK; /* a comment */
    line += sizeof(word) - 1;
    v = strtoull(line, &end, 10);
    if (*line < '0' || *line > '9' || *end != '\0' || v > UINT32_MAX)
        return mm_fail(err, MM_MALFORMED, number, "line %u: expected a version of 0 to %u", number,
                       UINT32_MAX);
    out->version = (uint32_t)v;
    return MM_OK;
}

static enum mm_status take_line(const char *line, unsigned number, struct mm_pins *out,
                                struct mm_err *err)
{
    size_t n = MM_PIN_LEN;

    if (line[0] == '#')
        return take_version(line, number, out, err);
    if (line[0] == '\0')
        return MM_OK;
    if (out->n == MM_PINS_MAX)
        return mm_fail(err, MM_MALFORMED, number, "line %u: more than %d pins", number,
                       MM_PINS_MAX);
    if (strlen(line) != 2 * MM_PIN_LEN || mm_unhex(line, out->pins[out->n], &n) != MM_OK ||
        n != MM_PIN_LEN)
        return mm_fail(err, MM_MALFORMED, number, "line %u: expected 64 hexadecimal digits",
                       number);
    out->n++;
    return MM_OK;
}

enum mm_status mm_pins_read(const char *path, struct mm_pins *out, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    char *text = NULL;
    unsigned number = 0;
    enum mm_status st = mm_file_read(path, FILE_MAX, &data, &len, err);

    *out = (struct mm_pins){0};
    if (st != MM_OK)
        return st;
    text = strndup((const char *)data, len); /* ends at a NUL, which no such file has */
    if (text == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    else if (strlen(text) != len)
        st = mm_fail(err, MM_MALFORMED, strlen(text), "expected text");
    for (char *line = text, *next; st == MM_OK && line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        st = take_line(line, ++number, out, err);
    }
    if (st == MM_OK && out->n == 0)
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "expected 64 hexadecimal digits in a line");
    if (st != MM_OK) {
        *out = (struct mm_pins){0};
        mm_err_prefix(err, "%s", path);
    }
    free(text);
    free(data);
    return st;
}

enum mm_status mm_pins_write(const char *path, const struct mm_pins *pins, struct mm_err *err)
{
    char text[32 + MM_PINS_MAX * (2 * MM_PIN_LEN + 1) + 1], hex[2 * MM_PIN_LEN + 1];
    int len = snprintf(text, sizeof(text), "# version %u\n", pins->version);

    for (size_t i = 0; i < pins->n && i < MM_PINS_MAX; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s\n",
                        mm_hex(pins->pins[i], MM_PIN_LEN, hex));
    return mm_file_write(path, text, (size_t)len, 0644, err);
}

void mm_pins_text(const struct mm_pins *pins, char out[MM_PINS_TEXT_LEN])
{
    unsigned char b64[45]; /* 32 bytes make 44 digits and a NUL */
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < pins->n && i < MM_PINS_MAX; i++) {
        (void)EVP_EncodeBlock(b64, pins->pins[i], MM_PIN_LEN);
        len += (size_t)snprintf(out + len, MM_PINS_TEXT_LEN - len, "%ssha256//%s", i > 0 ? ";" : "",
                                (const char *)b64);
    }
}

/* ---- What the agent does with them ---- */

bool mm_pins_seen(struct mm_pins *pins, const uint8_t pin[MM_PIN_LEN])
{
    for (size_t i = 0; i + 1 < pins->n; i++) {
        if (memcmp(pins->pins[i], pin, MM_PIN_LEN) == 0) {
            memset(pins->pins[i + 1], 0, (pins->n - i - 1) * MM_PIN_LEN);
            pins->n = i + 1;
            return true;
        }
    }
    return false;
}

enum mm_status mm_pins_add(struct mm_pins *pins, const uint8_t pin[MM_PIN_LEN], uint32_t version)
{
    size_t at = 0;

    while (at < pins->n && memcmp(pins->pins[at], pin, MM_PIN_LEN) != 0)
        at++;
    if (at == MM_PINS_MAX)
        return MM_STATE;
    if (at == pins->n)
        pins->n++;
    memmove(pins->pins[1], pins->pins[0], at * MM_PIN_LEN);
    memcpy(pins->pins[0], pin, MM_PIN_LEN);
    pins->version = version;
    return MM_OK;
}
