/* Inside of mintmark-gp's command line: the list of options, help, and what their values mean. */
#ifndef MM_GPTOOL_OPTIONS_INT_H
#define MM_GPTOOL_OPTIONS_INT_H

#include "host_client/gptool/gptool.h"

enum option_id {
#define MM_GP_OPTION(id, name, letter, argument, commands, help) OPT_##id,
#include "host_client/gptool/options.def"
#undef MM_GP_OPTION
    OPT_N
};
/* A row of options.def. */
struct mm_gptool_option_info {
    const char *name;
    char letter;
    const char *argument, *commands, *help;
};
extern const struct mm_gptool_option_info mm_gptool_infos[OPT_N];

/* ---- help.c ---- */
/* Is word one of the words in list? */
bool mm_gptool_has_word(const char *list, const char *word);
void mm_gptool_print_help(void);

/* ---- values.c: each says on failure what it expected (MM_USAGE) ---- */
enum mm_status mm_gptool_read_key_file(const char *path, struct mm_gp_keyset *set,
                                       struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_read_pin_file(const char *path, struct mm_gptool_options *opt,
                                       struct mm_err *err) MM_USE_RESULT;
/* what: the option's name without dashes. */
enum mm_status mm_gptool_read_diversify(const char *what, const char *text,
                                        enum mm_gp_diversify *out,
                                        struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_read_level(const char *text, uint8_t *out,
                                    struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_read_scp(const char *text, uint8_t *out, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_read_rsa(const char *text, enum mm_gp_rsa_scheme *out,
                                  struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_read_type(const char *text, struct mm_gptool_options *opt,
                                   struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_read_hex(const char *name, const char *text, uint8_t *out, size_t *len,
                                  size_t most, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_read_privileges(const char *text, struct mm_gptool_options *opt,
                                         struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_read_block_len(const char *text, size_t *out,
                                        struct mm_err *err) MM_USE_RESULT;

#endif
