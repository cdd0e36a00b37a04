/* mintmark-chip: what its commands do. main.c reads the command line. */
#ifndef MM_CHIP_H
#define MM_CHIP_H

#include "applet_vm/card/card.h"

struct mm_chip_options {
    const char *home;          /* NULL: MINTMARK_HOME and its defaults */
    const char *name;          /* the chip's name: file NAME.nvm */
    enum mm_profile profile;   /* init */
    struct mm_card_scp scp[2]; /* init: protocols, the first with the test keys */
    size_t scp_n;
    const char *vpcd_host; /* run, tear; NULL: 127.0.0.1 */
    uint16_t vpcd_port;
    bool listen; /* run, tear: TCP server instead of vpcd */
    uint16_t listen_port;
    enum mm_durability durability;
    unsigned tear_at;          /* tear */
    enum mm_protocol protocol; /* run, tear */
    bool no_verify;            /* run, tear: developer profile only */
};

enum mm_status mm_chip_init(const struct mm_chip_options *options,
                            struct mm_err *err) MM_USE_RESULT;
/* Serves until SIGTERM or SIGINT, then closes the image with a checkpoint. */
enum mm_status mm_chip_run(const struct mm_chip_options *options, struct mm_err *err) MM_USE_RESULT;
/* Both print to standard output. fsck: MM_REFUSED when a component is damaged. */
enum mm_status mm_chip_info(const struct mm_chip_options *options,
                            struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_chip_fsck(const struct mm_chip_options *options,
                            struct mm_err *err) MM_USE_RESULT;

#endif
