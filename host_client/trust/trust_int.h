/* Inside of the trust module: files and libraries. */
#ifndef MM_TRUST_INT_H
#define MM_TRUST_INT_H

#include "host_client/trust/trust.h"

/* SHA-256 of a whole file. MM_NOT_FOUND when it is not there. */
enum mm_status trust_file_digest(const char *path, uint8_t digest[MM_DIGEST_LEN],
                                 struct mm_err *err) MM_USE_RESULT;

/* What the dynamic loader would map for a program, the loader itself included. */
struct trust_libraries {
    char **paths; /* owned */
    size_t n;
};
enum mm_status trust_libraries_list(const char *executable, struct trust_libraries *out,
                                    struct mm_err *err) MM_USE_RESULT;
void trust_libraries_clear(struct trust_libraries *libs);

#endif
