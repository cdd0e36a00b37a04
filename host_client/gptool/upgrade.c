/* mintmark-gp: another version of a package, its applications' data kept (GPCS 2.3, Amendment H). */
#include <jansson.h>
#include <string.h>

#include "host_client/gptool/gptool.h"

/* ---- One command of the session ---- */

/* A dry run prints it, and takes the session to be where the next step needs it. */
static enum mm_status manage(struct mm_gptool *tool, enum mm_gp_upgrade_action action,
                             const struct mm_aid *aid, struct mm_gp_upgrade_info *info,
                             struct mm_err *err)
{
    struct mm_buf list;
    enum mm_status st;

    *info = (struct mm_gp_upgrade_info){.status = MM_GP_UPGRADE_WAITING_ELF};
    if (!tool->opt->dry_run) {
        st = tool->session == NULL ? mm_gptool_connect(tool, true, err) : MM_OK;
        return st == MM_OK ? mm_gp_upgrade(tool->session, action, aid, info, err) : st;
    }
    mm_buf_init(&list);
    st = mm_gp_upgrade_command(action, aid, &list);
    if (st == MM_OK)
        st = mm_gptool_send(tool, &list, err);
    mm_buf_clear(&list);
    return st;
}

static enum mm_status show(const struct mm_gptool *tool, const struct mm_gp_upgrade_info *info,
                           struct mm_err *err)
{
    char aid[2 * MM_AID_MAX + 1] = "";
    json_t *o;
    bool bad;

    if (tool->opt->dry_run)
        return MM_OK;
    mm_hex(info->aid.bytes, info->aid.len, aid);
    if (!tool->opt->json) {
        fprintf(tool->out, "%s%s%s\n", aid, info->aid.len > 0 ? ": " : "",
                mm_gp_upgrade_text(info->status));
        return MM_OK;
    }
    o = json_pack("{s:i, s:s, s:s*}", "status", (int)info->status, "text",
                  mm_gp_upgrade_text(info->status), "aid", info->aid.len > 0 ? aid : NULL);
    bad = o == NULL || json_dumpf(o, tool->out, JSON_INDENT(2)) != 0;
    json_decref(o);
    fputc('\n', tool->out);
    return bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "the status could not be written") : MM_OK;
}

/* ---- The way of a package ---- */

static enum mm_status load(struct mm_gptool *tool, const struct mm_cap *cap, struct mm_err *err)
{
    struct mm_buf list;
    enum mm_status st;

    mm_buf_init(&list);
    st = mm_gptool_put_load(tool->opt, cap, NULL, &list, err);
    if (st == MM_OK)
        st = mm_gptool_send(tool, &list, err);
    mm_buf_clear(&list);
    return st;
}

/* Whatever the card or an applet said: there are two ways on from here. */
static enum mm_status resume(struct mm_gptool *tool, struct mm_gp_upgrade_info *info,
                             struct mm_err *err)
{
    enum mm_status st = manage(tool, MM_GP_UPGRADE_RESUME, NULL, info, err);

    if (st == MM_CARD)
        mm_err_prefix(err, "not restored (upgrade-resume tries again, upgrade-recover with the old "
                           "file goes back)");
    return st;
}

/* What the session waits for is of that AID. */
static enum mm_status fits(const struct mm_gp_upgrade_info *info, const struct mm_cap *cap,
                           const char *path, struct mm_err *err)
{
    char hex[2 * MM_AID_MAX + 1];

    if (cap == NULL)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "the card waits for the package: say which file");
    if (info->aid.len == 0 || mm_aid_equal(&info->aid, mm_cap_aid(cap)))
        return MM_OK;
    return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: the card waits for package %s", path,
                   mm_hex(info->aid.bytes, info->aid.len, hex));
}

/* From wherever the session is to its end. */
static enum mm_status finish(struct mm_gptool *tool, const struct mm_cap *cap, const char *path,
                             struct mm_gp_upgrade_info *info, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    if (info->status == MM_GP_UPGRADE_WAITING_ELF) {
        st = fits(info, cap, path, err);
        if (st == MM_OK)
            st = load(tool, cap, err);
        if (st == MM_OK)
            st = resume(tool, info, err);
    }
    if (st != MM_OK)
        return st;
    st = show(tool, info, err);
    if (st == MM_OK && info->status != MM_GP_UPGRADE_COMPLETED && !tool->opt->dry_run)
        st = mm_fail(err, MM_CARD, SIZE_MAX, "the upgrade has not come to its end: %s",
                     mm_gp_upgrade_text(info->status));
    return st;
}

enum mm_status mm_gptool_upgrade(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    struct mm_cap *cap = NULL;
    struct mm_gp_upgrade_info info;
    char hex[2 * MM_AID_MAX + 1];
    enum mm_status st = mm_cap_read_file(args[0], &cap, err);

    (void)n;
    if (st == MM_OK)
        st = mm_gptool_confirm(tool, err,
                               "package %s will be replaced; its applications keep what they "
                               "save for the new version",
                               mm_hex(mm_cap_aid(cap)->bytes, mm_cap_aid(cap)->len, hex));
    if (st == MM_OK)
        st = manage(tool, MM_GP_UPGRADE_START, mm_cap_aid(cap), &info, err);
    if (st == MM_OK)
        st = finish(tool, cap, args[0], &info, err);
    mm_cap_free(&cap);
    return st;
}

enum mm_status mm_gptool_upgrade_status(struct mm_gptool *tool, char **args, int n,
                                        struct mm_err *err)
{
    struct mm_gp_upgrade_info info;
    enum mm_status st = manage(tool, MM_GP_UPGRADE_STATUS, NULL, &info, err);

    (void)args, (void)n;
    return st == MM_OK ? show(tool, &info, err) : st;
}

/* The action, and with a file all that is left to do; without one, what needs none. */
static enum mm_status go_on(struct mm_gptool *tool, enum mm_gp_upgrade_action action, char **args,
                            int n, struct mm_err *err)
{
    struct mm_cap *cap = NULL;
    struct mm_gp_upgrade_info info;
    enum mm_status st = n > 0 ? mm_cap_read_file(args[0], &cap, err) : MM_OK;

    if (st == MM_OK)
        st = action == MM_GP_UPGRADE_RESUME ? resume(tool, &info, err)
                                            : manage(tool, action, NULL, &info, err);
    if (st == MM_OK && cap == NULL && action == MM_GP_UPGRADE_RECOVERY)
        st = show(tool, &info, err);
    else if (st == MM_OK)
        st = finish(tool, cap, n > 0 ? args[0] : NULL, &info, err);
    mm_cap_free(&cap);
    return st;
}

enum mm_status mm_gptool_upgrade_resume(struct mm_gptool *tool, char **args, int n,
                                        struct mm_err *err)
{
    return go_on(tool, MM_GP_UPGRADE_RESUME, args, n, err);
}

enum mm_status mm_gptool_upgrade_recover(struct mm_gptool *tool, char **args, int n,
                                         struct mm_err *err)
{
    return go_on(tool, MM_GP_UPGRADE_RECOVERY, args, n, err);
}

enum mm_status mm_gptool_upgrade_abort(struct mm_gptool *tool, char **args, int n,
                                       struct mm_err *err)
{
    struct mm_gp_upgrade_info info;
    enum mm_status st =
        mm_gptool_confirm(tool, err,
                          "the package's applications will be deleted, with all that "
                          "they saved");

    (void)args, (void)n;
    if (st == MM_OK)
        st = manage(tool, MM_GP_UPGRADE_ABORT, NULL, &info, err);
    return st == MM_OK ? show(tool, &info, err) : st;
}
