/*
 * What is on a card: its GlobalPlatform version, and with keys its content.
 *
 *     cc card_list.c $(pkg-config --cflags --libs mintmark-gp) -o card_list
 *     ./card_list READER [KEY]
 */
#include <mintmark_gp.h>
#include <stdio.h>
#include <string.h>

static void show_fact(void *ctx, const char *key, const char *name, const char *value)
{
    (void)ctx;
    if (strcmp(key, "gp_version") == 0 || strcmp(key, "secure_channels") == 0)
        printf("%s: %s\n", name, value);
}

static void show_entry(void *ctx, const struct mintmark_gp_entry *entry)
{
    static const char *const kinds[] = {"domain", "application", "package"};
    size_t *n = ctx;

    printf("%-12s ", kinds[entry->kind]);
    for (size_t i = 0; i < entry->aid_len; i++)
        printf("%02X", entry->aid[i]);
    putchar('\n');
    (*n)++;
}

/* 32 hexadecimal digits. */
static int read_key(const char *text, uint8_t key[16])
{
    if (strlen(text) != 32)
        return -1;
    for (size_t i = 0; i < 16; i++) {
        if (sscanf(text + 2 * i, "%2hhx", &key[i]) != 1)
            return -1;
    }
    return 0;
}

static enum mintmark_gp_status show_content(struct mintmark_gp *gp, const uint8_t key[16])
{
    struct mintmark_gp_keys *keys = NULL;
    size_t n = 0;
    enum mintmark_gp_status st = mintmark_gp_keys_new(key, key, key, 16, MINTMARK_GP_PLAIN, &keys);

    if (st == MINTMARK_GP_OK)
        st = mintmark_gp_open(gp, keys, NULL);
    if (st == MINTMARK_GP_OK)
        st = mintmark_gp_list(gp, show_entry, &n);
    mintmark_gp_close(gp); /* before its keys go */
    mintmark_gp_keys_free(&keys);
    if (st == MINTMARK_GP_OK)
        printf("%zu entries\n", n);
    return st;
}

int main(int argc, char **argv)
{
    struct mintmark_gp *gp = NULL;
    uint8_t key[16];
    enum mintmark_gp_status st;

    if (argc < 2 || (argc > 2 && read_key(argv[2], key) != 0)) {
        fputs("usage: card_list READER [KEY of 16 bytes in hex]\n", stderr);
        return MINTMARK_GP_USAGE;
    }
    st = mintmark_gp_connect(argv[1], &gp);
    if (st == MINTMARK_GP_OK)
        st = mintmark_gp_info(gp, show_fact, NULL);
    if (st == MINTMARK_GP_OK && argc > 2)
        st = show_content(gp, key);
    if (st != MINTMARK_GP_OK)
        fprintf(stderr, "card_list: %s\n", mintmark_gp_error(gp));
    mintmark_gp_disconnect(&gp);
    return (int)st;
}
