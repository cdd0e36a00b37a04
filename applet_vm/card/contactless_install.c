/* What INSTALL says of an application on a contactless interface (Amendment C): in EF, A0 protocol
 * parameters and A1 parameters of the user's interaction. */
#include "applet_vm/card/contactless.h"

#include "applet_vm/base/ber.h"

static bool take(struct mm_rd *rd, uint16_t *tag, const uint8_t **value, size_t *len)
{
    if (mm_rd_left(rd) == 0)
        return false;
    *tag = mm_rd_u8(rd);
    if ((*tag & 0x1f) == 0x1f)
        *tag = (uint16_t)(*tag << 8 | mm_rd_u8(rd));
    *len = mm_ber_len(rd);
    *value = mm_rd_bytes(rd, *len);
    return !rd->bad;
}

/* 4F objects one behind the other; each is added to the list, or taken off it. */
static uint16_t change_list(struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                            const uint8_t *value, size_t len, bool add)
{
    uint16_t tag, sw = MM_SW_9000_NO_ERROR;
    struct mm_aid aid;
    struct mm_rd rd;

    mm_rd_init(&rd, value, len);
    while (sw == MM_SW_9000_NO_ERROR && take(&rd, &tag, &value, &len))
        sw = tag != 0x4f || mm_aid_set(&aid, value, len) != MM_OK
                 ? MM_SW_6A80_WRONG_DATA
                 : mm_cl_list_change(card, comp, list, &aid, add);
    return rd.bad ? MM_SW_6A80_WRONG_DATA : sw;
}

/* 4F: the head. */
static uint16_t join(struct mm_card *card, mm_comp comp, const uint8_t *value, size_t len)
{
    struct mm_aid head;
    struct mm_rd rd;
    uint16_t tag;

    mm_rd_init(&rd, value, len);
    if (!take(&rd, &tag, &value, &len) || tag != 0x4f || mm_rd_left(&rd) != 0 ||
        mm_aid_set(&head, value, len) != MM_OK)
        return MM_SW_6A80_WRONG_DATA;
    return mm_cl_join_group(card, comp, &head);
}

/* A state of GPCLRegistryEntry. */
static uint16_t start_in(struct mm_card *card, mm_comp comp, const uint8_t *value, size_t len)
{
    struct mm_reg_entry e = *mm_reg_comp(&card->registry, comp);
    enum mm_status st;

    if (len != 1 || (value[0] != 0x00 && value[0] != 0x01 && value[0] != 0x80))
        return MM_SW_6A80_WRONG_DATA;
    e.contactless = value[0];
    st = mm_reg_update(&card->registry, &e);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("contactless state", st);
}

/* Tags whose value is kept as one of the INFO_ constants; others are passed over. */
static const struct kept {
    uint16_t tag;
    uint8_t info;
} of_protocol[] = {{0x80, 12}, {0x83, 17}, {0x84, 13}, {0x86, 7}, {0x87, 8}, {0x88, 9}, {0, 0}},
  of_interaction[] = {{0xa5, 16}, {0xa6, 5}, {0x87, 11}, {0x88, 15}, {0, 0}};

static uint16_t keep(struct mm_card *card, mm_comp comp, const struct kept *list, uint16_t tag,
                     const uint8_t *value, size_t len)
{
    for (; list->tag != 0; list++) {
        if (list->tag == tag)
            return len > 0xff ? MM_SW_6A80_WRONG_DATA
                              : mm_cl_keep(card, comp, list->info, value, len);
    }
    return MM_SW_9000_NO_ERROR;
}

static uint16_t apply_protocol(struct mm_card *card, mm_comp comp, uint16_t tag,
                               const uint8_t *value, size_t len)
{
    return tag == 0x81 ? start_in(card, comp, value, len)
                       : keep(card, comp, of_protocol, tag, value, len);
}

static uint16_t apply_interaction(struct mm_card *card, mm_comp comp, uint16_t tag,
                                  const uint8_t *value, size_t len)
{
    switch (tag) {
    case 0xa0:
        return join(card, comp, value, len);
    case 0xa1:
    case 0xa2:
        return change_list(card, comp, MM_CL_GROUP, value, len, tag == 0xa1);
    case 0xa3:
    case 0xa4:
        return change_list(card, comp, MM_CL_CREL, value, len, tag == 0xa3);
    default: /* 7F20, what a display shows of it, among others */
        return keep(card, comp, of_interaction, tag, value, len);
    }
}

uint16_t mm_cl_apply(struct mm_card *card, mm_comp comp, const struct mm_cl_params *params)
{
    uint16_t tag, sw = MM_SW_9000_NO_ERROR;
    const uint8_t *value;
    struct mm_rd rd;
    size_t len;

    mm_rd_init(&rd, params->protocol, params->protocol_len);
    while (sw == MM_SW_9000_NO_ERROR && take(&rd, &tag, &value, &len))
        sw = apply_protocol(card, comp, tag, value, len);
    if (sw != MM_SW_9000_NO_ERROR || rd.bad)
        return rd.bad ? MM_SW_6A80_WRONG_DATA : sw;
    mm_rd_init(&rd, params->interaction, params->interaction_len);
    while (sw == MM_SW_9000_NO_ERROR && take(&rd, &tag, &value, &len))
        sw = apply_interaction(card, comp, tag, value, len);
    return rd.bad ? MM_SW_6A80_WRONG_DATA : sw;
}
