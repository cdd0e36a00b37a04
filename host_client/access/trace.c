#include "host_client/access/trace.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"

static const char *const aid_names[MM_AID_N] = {
#define MM_AID(name, hex, what) #name,
#include "apdu_spec/aid.def"
#undef MM_AID
};

static bool same_name(const char *listed, const char *given, size_t given_len)
{
    if (strlen(listed) != given_len)
        return false;
    for (size_t i = 0; i < given_len; i++) {
        int c = given[i] == '-' ? '_' : toupper((unsigned char)given[i]);
        if (c != listed[i])
            return false;
    }
    return true;
}

enum mm_status mm_trace_aid_by_name(const char *name, size_t name_len, struct mm_aid *aid)
{
    *aid = (struct mm_aid){0};
    for (unsigned i = 0; i < MM_AID_N; i++) {
        if (same_name(aid_names[i], name, name_len)) {
            *aid = mm_aid_of((enum mm_aid_id)i);
            return MM_OK;
        }
    }
    return MM_NOT_FOUND;
}

const char *mm_trace_aid_name(const struct mm_aid *aid)
{
    for (unsigned i = 0; i < MM_AID_N; i++) {
        struct mm_aid listed = mm_aid_of((enum mm_aid_id)i);
        if (mm_aid_equal(aid, &listed))
            return aid_names[i];
    }
    return NULL;
}

/* CLA without channel and secure messaging (ISO 7816-4, 5.4.1): what the lists are written in. */
static uint8_t plain_cla(uint8_t cla)
{
    return cla & 0x80;
}

/* The same INS means different things in different applications; the selected one goes first. */
static const struct mm_ins_info *find_ins(const char *app, const uint8_t *apdu)
{
    const struct mm_ins_info *info, *other = NULL;

    for (size_t i = 0; (info = mm_ins_at(i)) != NULL; i++) {
        if (info->ins != apdu[1] || plain_cla(info->cla) != plain_cla(apdu[0]))
            continue;
        if (strcmp(info->app, app) == 0 || strcmp(info->app, "CARD") == 0)
            return info;
        if (other == NULL)
            other = info;
    }
    return other;
}

static void note_select(struct mm_trace *t, const uint8_t *apdu, size_t len)
{
    struct mm_aid aid;
    const char *name = NULL;

    t->asked[0] = '\0';
    if (len < 5 || apdu[1] != MM_INS_CARD_SELECT || apdu[2] != 0x04 || 5u + apdu[4] > len)
        return;
    if (mm_aid_set(&aid, apdu + 5, apdu[4]) == MM_OK)
        name = mm_trace_aid_name(&aid);
    snprintf(t->asked, sizeof(t->asked), "%s", name != NULL ? name : "?");
}

static void put_hex(FILE *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%02X", data[i]);
}

void mm_trace_show(void *ctx, bool response, const uint8_t *data, size_t data_len)
{
    struct mm_trace *t = ctx;
    const struct mm_ins_info *info;
    uint16_t sw;

    if (!response) {
        info = data_len >= 4 ? find_ins(t->app, data) : NULL;
        fputs("> ", t->out);
        put_hex(t->out, data, data_len);
        fprintf(t->out, "  %s\n", info != NULL ? info->name : "unknown instruction");
        note_select(t, data, data_len);
        return;
    }
    if (data_len < 2)
        return;
    sw = mm_be16(data + data_len - 2);
    if (t->asked[0] != '\0' && (sw == MM_SW_9000_NO_ERROR || sw >> 8 == 0x61))
        memcpy(t->app, t->asked, sizeof(t->app));
    t->asked[0] = '\0';
    fputs("< ", t->out);
    put_hex(t->out, data, data_len - 2);
    fprintf(t->out, "%s%04X  %s\n", data_len > 2 ? " " : "", sw, mm_sw_text(sw));
}
