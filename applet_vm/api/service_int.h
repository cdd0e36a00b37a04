/* What the services share. Inside the API module. */
#ifndef MM_API_SERVICE_INT_H
#define MM_API_SERVICE_INT_H

#include "applet_vm/api/api_int.h"

#define MM_SERVICE_DATA 5 /* where the data of the Common Service Format begin */

/* ServiceException's reasons */
enum {
    MM_SERVICE_ILLEGAL_PARAM = 1,
    MM_SERVICE_TABLE_FULL = 2,
    MM_SERVICE_TOO_LONG = 3,
    MM_SERVICE_CANNOT_ACCESS_IN = 4,
    MM_SERVICE_CANNOT_ACCESS_OUT = 5,
    MM_SERVICE_NOT_EXPORTED = 7
};

enum mm_run mm_service_failed(struct mm_vm *vm, uint16_t reason);

#endif
