/* javacardx.biometry.BioBuilder, javacardx.biometry1toN.Bio1toNBuilder, and what a matcher holds. */
#include "applet_vm/api/bio_int.h"

#include <string.h>

#define TYPE_FIRST 1
#define TYPE_LAST  18 /* without PASSWORD, 31 */

/* The RID of the provider that is here, of the project's own AIDs. */
static const uint8_t own_rid[5] = {0xF0, 'M', 'I', 'N', 'T'};

static enum mm_run refuse(struct mm_vm *vm, bool one_to_n, uint16_t reason)
{
    return mm_vm_throw(vm,
                       one_to_n ? "javacardx/biometry1toN/Bio1toNException"
                                : "javacardx/biometry/BioException",
                       reason);
}

/* Type and provider (RID null: any) must be had. */
static enum mm_run check(struct mm_vm *vm, bool one_to_n, int type, mm_ref rid)
{
    const uint8_t *bytes;
    struct mm_obj_info info;
    bool good = (type >= TYPE_FIRST && type <= TYPE_LAST) || type == MM_BIO_PASSWORD;
    enum mm_run run;

    if (rid != MM_REF_NULL && mm_vm_object(vm, rid, &info)) {
        run = mm_vm_bytes(vm, rid, 0, info.n, &bytes);
        if (run != MM_RUN_OK)
            return run;
        good &= info.n == sizeof(own_rid) && memcmp(bytes, own_rid, sizeof(own_rid)) == 0;
    }
    return good ? MM_RUN_OK : refuse(vm, one_to_n, MM_BIO_UNSUPPORTED);
}

static enum mm_run make(struct mm_vm *vm, const char *class_name, mm_ref *ref)
{
    *ref = mm_vm_new_instance(vm, class_name);
    return *ref != MM_REF_NULL ? MM_RUN_OK : mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
}

/* buildBioTemplate(type, tryLimit, RID, initParam): bytes of the reference that are public */
enum mm_run mm_n_bio_build(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int type = MM_ARG_BYTE(0), limit = MM_ARG_BYTE(1), public_n = MM_ARG_BYTE(3);
    mm_ref reference;
    enum mm_run run;

    if (limit < 1 || public_n < 0)
        return refuse(vm, false, MM_BIO_ILLEGAL_VALUE);
    run = check(vm, false, type, args[2]);
    if (run == MM_RUN_OK)
        run = make(vm, MM_BIO_REFERENCE, &reference);
    if (run == MM_RUN_OK)
        run = mm_bio_reference_init(vm, reference, type, public_n);
    if (run == MM_RUN_OK)
        run = make(vm, MM_BIO_TEMPLATE, &ret[0]);
    if (run == MM_RUN_OK)
        run = mm_bio_session_init(vm, ret[0], type, limit, 1);
    return run == MM_RUN_OK ? mm_bio_put(vm, ret[0], 0, reference) : run;
}

enum mm_run mm_n_bio_build_default(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint16_t all[] = {args[0], args[1], MM_REF_NULL, 0};

    return mm_n_bio_build(vm, all, ret);
}

/* buildBioMatcher(max, type, tryLimit, RID, initParam) */
enum mm_run mm_n_bio_build_matcher(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int max = MM_ARG_SHORT(0), type = MM_ARG_BYTE(1), limit = MM_ARG_BYTE(2);
    enum mm_run run;

    if (max < 1 || limit < 1)
        return refuse(vm, true, MM_BIO_ILLEGAL_VALUE);
    if (max > MM_BIO_MAX)
        return refuse(vm, true, MM_BIO_CAPACITY);
    run = check(vm, true, type, args[3]);
    if (run == MM_RUN_OK)
        run = make(vm, MM_BIO_MATCHER, &ret[0]);
    return run == MM_RUN_OK ? mm_bio_session_init(vm, ret[0], type, limit, max) : run;
}

enum mm_run mm_n_bio_build_matcher_default(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint16_t all[] = {args[0], args[1], args[2], MM_REF_NULL, 0};

    return mm_n_bio_build_matcher(vm, all, ret);
}

/* buildBioTemplateData(type, RID) */
enum mm_run mm_n_bio_build_data(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run = check(vm, true, MM_ARG_BYTE(0), args[1]);

    if (run == MM_RUN_OK)
        run = make(vm, MM_BIO_DATA, &ret[0]);
    return run == MM_RUN_OK ? mm_bio_reference_init(vm, ret[0], MM_ARG_BYTE(0), 0) : run;
}

enum mm_run mm_n_bio_build_data_default(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint16_t all[] = {args[0], MM_REF_NULL};

    return mm_n_bio_build_data(vm, all, ret);
}

/* ---- What a matcher holds ---- */

enum mm_run mm_n_bio_max(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = (uint16_t)mm_bio_max(vm, args[0]);
    return MM_RUN_OK;
}

/* Past the end there is nothing: null. */
enum mm_run mm_n_bio_get_data(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_bio_get(vm, args[0], MM_ARG_SHORT(1));
    return MM_RUN_OK;
}

/* putBioTemplateData(index, data); null takes away what is there. An applet's own implementation of
 * BioTemplateData has nothing that could be matched with. */
enum mm_run mm_n_bio_put_data(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int index = MM_ARG_SHORT(1);
    enum mm_run run = args[2] != MM_REF_NULL ? mm_vm_access(vm, args[2]) : MM_RUN_OK;

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (index < 0 || (size_t)index >= mm_bio_max(vm, args[0]) ||
        (args[2] != MM_REF_NULL && !mm_vm_instance_of(vm, args[2], MM_BIO_DATA)))
        return refuse(vm, true, MM_BIO_ILLEGAL_VALUE);
    if (args[2] != MM_REF_NULL && !mm_bio_ready(vm, args[2]))
        return refuse(vm, true, MM_BIO_NOT_ENROLLED);
    if (args[2] != MM_REF_NULL && mm_bio_type(vm, args[2]) != mm_bio_session_type(vm, args[0]))
        return refuse(vm, true, MM_BIO_MISMATCHED);
    return mm_bio_put(vm, args[0], (uint16_t)index, args[2]);
}
