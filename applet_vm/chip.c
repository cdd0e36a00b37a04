/* mintmark-chip: its commands. */
#include "applet_vm/chip.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applet_vm/link/link.h"

/* A name becomes a file name, so it is kept plain. */
static enum mm_status image_path(const struct mm_chip_options *options, char **path,
                                 struct mm_err *err)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(options->name);

    *path = NULL;
    if (len == 0 || len > 64 || strspn(options->name, plain) != len || options->name[0] == '.')
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "chip name \"%.64s\": expected 1 to 64 of letters, digits, '.', '_', '-', "
                       "not starting with '.'",
                       options->name);
    *path = mm_home_path(options->home, "chip/%s.nvm", options->name);
    return *path != NULL ? MM_OK : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

/* The path of an image that is there. */
static enum mm_status existing_path(const struct mm_chip_options *options, char **path,
                                    struct mm_err *err)
{
    enum mm_status st = image_path(options, path, err);

    if (st != MM_OK || access(*path, F_OK) == 0)
        return st;
    st = mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "no chip %s: there is no %s (make one with init)",
                 options->name, *path);
    free(*path);
    *path = NULL;
    return st;
}

static enum mm_status open_card(const struct mm_chip_options *options, struct mm_card **card,
                                struct mm_err *err)
{
    char *path = NULL;
    struct mm_card_config cfg = {
        .nvm = {.durability = options->durability, .tear_at = options->tear_at},
        .protocol = options->protocol,
        .no_verify = options->no_verify};
    enum mm_status st = existing_path(options, &path, err);

    *card = NULL;
    if (st != MM_OK)
        return st;
    cfg.nvm.path = path;
    st = mm_card_open(&cfg, card, err);
    free(path); /* the image has its own copy of what it needs */
    return st;
}

enum mm_status mm_chip_init(const struct mm_chip_options *options, struct mm_err *err)
{
    char *path = NULL;
    char *dir = mm_home_path(options->home, "chip");
    struct mm_card_config cfg = {0};
    enum mm_status st = image_path(options, &path, err);

    if (st == MM_OK && dir == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK)
        st = mm_dir_make(dir, err);
    if (st == MM_OK) {
        cfg.nvm.path = path;
        cfg.scp = options->scp;
        cfg.scp_n = options->scp_n;
        st = mm_card_init(&cfg, options->profile, err);
    }
    if (st == MM_OK)
        printf("%s\n", path);
    free(dir);
    free(path);
    return st;
}

/* ---- run ---- */

/* The handler's only way to the link: signals have no context argument. Set before the handler is
 * installed, cleared after it is removed. */
static struct mm_link *volatile running;

static void on_signal(int number)
{
    struct mm_link *link = running;

    (void)number;
    if (link != NULL)
        mm_link_stop(link);
}

static enum mm_status make_link(const struct mm_chip_options *options, struct mm_card *card,
                                struct mm_link **link, struct mm_err *err)
{
    if (options->listen)
        return mm_link_tcp(card, options->listen_port, link, err);
    return mm_link_vpcd(card, options->vpcd_host != NULL ? options->vpcd_host : "127.0.0.1",
                        options->vpcd_port, link, err);
}

static void tell_ready(const struct mm_chip_options *options, const struct mm_link *link)
{
    if (options->listen) {
        mm_log("info", "ready", "chip %s listens on 127.0.0.1:%u", options->name,
               mm_link_port(link));
        printf("%u\n", mm_link_port(link));
        fflush(stdout);
    } else {
        mm_log("info", "ready", "chip %s goes into vpcd at %s:%u", options->name,
               options->vpcd_host != NULL ? options->vpcd_host : "127.0.0.1", mm_link_port(link));
    }
}

enum mm_status mm_chip_run(const struct mm_chip_options *options, struct mm_err *err)
{
    struct sigaction stop = {.sa_handler = on_signal}, old_term, old_int;
    struct mm_card *card = NULL;
    struct mm_link *link = NULL;
    enum mm_status st = open_card(options, &card, err);

    if (st != MM_OK)
        return st;
    st = make_link(options, card, &link, err);
    if (st != MM_OK)
        goto out;
    running = link;
    sigemptyset(&stop.sa_mask);
    sigaction(SIGTERM, &stop, &old_term);
    sigaction(SIGINT, &stop, &old_int);
    tell_ready(options, link);
    st = mm_link_run(link, err);
    sigaction(SIGTERM, &old_term, NULL);
    sigaction(SIGINT, &old_int, NULL);
    running = NULL;
    mm_link_free(&link);
out:
    mm_card_close(&card);
    return st;
}

/* ---- info, fsck ---- */
enum mm_status mm_chip_info(const struct mm_chip_options *options, struct mm_err *err)
{
    struct mm_card *card = NULL;
    struct mm_buf text;
    enum mm_status st = open_card(options, &card, err);

    if (st != MM_OK)
        return st;
    mm_buf_init(&text);
    st = mm_card_describe(card, &text);
    if (st == MM_OK)
        fwrite(text.data, 1, text.len, stdout);
    else
        mm_fail(err, st, SIZE_MAX, "cannot describe the chip: %s", mm_status_text(st));
    mm_buf_clear(&text);
    mm_card_close(&card);
    return st;
}

/* The seal is looked at on the image itself: opening the card may heal nothing and run nothing. */
enum mm_status mm_chip_fsck(const struct mm_chip_options *options, struct mm_err *err)
{
    static const char *const found[] = {"sound", "changed", "older than promised"};
    static const char *const kinds[] = {"platform", "package", "applet", "domain"};
    struct mm_nvm_config cfg = {0};
    struct mm_nvm *nvm = NULL;
    struct mm_comp_info info;
    char *path = NULL;
    char hex[2 * MM_AID_MAX + 1];
    size_t bad = 0;
    enum mm_status st = existing_path(options, &path, err);

    if (st != MM_OK)
        return st;
    cfg.path = path;
    st = mm_nvm_open(&cfg, &nvm, err);
    if (st == MM_MALFORMED || st == MM_TRUNCATED || st == MM_TAMPERED)
        st = MM_REFUSED; /* not even readable as an image: damage as well */
    for (size_t i = 0; st == MM_OK && mm_comp_get(nvm, i, &info); i++) {
        printf("%-8s %5u %s: %s\n", info.kind <= MM_COMP_DOMAIN ? kinds[info.kind] : "?", info.comp,
               info.aid.len > 0 ? mm_hex(info.aid.bytes, info.aid.len, hex) : "-",
               info.damage <= MM_DAMAGE_ROLLBACK ? found[info.damage] : "?");
        bad += info.damage != MM_DAMAGE_NONE;
    }
    if (st == MM_OK && bad > 0)
        st = mm_fail(err, MM_REFUSED, SIZE_MAX, "%s: %zu component%s damaged", path, bad,
                     bad == 1 ? "" : "s");
    mm_nvm_close(&nvm);
    free(path);
    return st;
}
