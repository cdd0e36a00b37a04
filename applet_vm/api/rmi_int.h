/*
 * Java Card RMI inside the API module (JCRE 3.0.5, chapter 8): rmi.c has the commands, rmi_session.c
 * what a client may call, rmi_data.c parameters and results as bytes.
 */
#ifndef MM_API_RMI_INT_H
#define MM_API_RMI_INT_H

#include "applet_vm/api/service_int.h"

#define MM_RMI_CLASS        "javacard/framework/service/RMIService"
#define MM_RMI_NULL_ID      0xFFFF
#define MM_RMI_RESPONSE_MAX 256
#define MM_RMI_ARRAYS_MAX   8   /* array parameters of one call */
#define MM_RMI_CELLS_MAX    256 /* of parameters; a short command cannot bring more */

enum { MM_RMI_NORMAL = 0x81, MM_RMI_EXCEPTION = 0x82, MM_RMI_SUBCLASS = 0x83, MM_RMI_ERROR = 0x99 };

/* What could not be done (8.3.5.3). */
enum mm_rmi_fault {
    MM_RMI_FINE = 0,
    MM_RMI_NO_OBJECT = 1,
    MM_RMI_NO_METHOD = 2,
    MM_RMI_NO_SIGNATURE = 3,
    MM_RMI_NO_ROOM_IN = 4,
    MM_RMI_NO_ROOM_OUT = 5,
    MM_RMI_PROTOCOL = 6,
    MM_RMI_INTERNAL = 0xFFFF
};

/* ---- rmi_session.c. All throw SecurityException when the applet is not the selected one ---- */
/* Hidden cells of the service: the initial object, the session, the objects it knows; the instruction
 * byte for the next SELECT. The objects are references, so that none is collected while a client may
 * call it. */
enum { MM_RMI_INITIAL, MM_RMI_SESSION, MM_RMI_OBJECTS, MM_RMI_INS, MM_RMI_CELLS };
mm_ref mm_rmi_cell(struct mm_vm *vm, mm_ref service, uint8_t which);
/* Begin anew, with nothing known. */
enum mm_run mm_rmi_session_begin(struct mm_vm *vm, mm_ref service, bool by_interfaces);
/* Is there a session, and which instruction is INVOKE in it? */
enum mm_run mm_rmi_session_ins(struct mm_vm *vm, mm_ref service, bool *active, uint8_t *ins);
enum mm_run mm_rmi_knows(struct mm_vm *vm, mm_ref service, mm_ref obj, bool *yes);
/* Append a remote reference descriptor (8.3.2); the object is known from then on. */
enum mm_run mm_rmi_put_reference(struct mm_vm *vm, mm_ref service, mm_ref obj, struct mm_buf *out,
                                 enum mm_rmi_fault *fault);

/* ---- rmi_data.c ---- */
struct mm_rmi_call {
    uint16_t cells[MM_RMI_CELLS_MAX];
    size_t cell_n;
    mm_ref arrays[MM_RMI_ARRAYS_MAX]; /* global arrays, to be given back */
    size_t array_n;
    uint8_t result; /* type nibble */
};
/* All parameters of a call, as the method's signature says. */
enum mm_rmi_fault mm_rmi_take_parameters(struct mm_vm *vm, const struct mm_remote_method *m,
                                         struct mm_rd *rd, struct mm_rmi_call *call);
/* Append a normal response. */
enum mm_run mm_rmi_put_result(struct mm_vm *vm, mm_ref service, uint8_t type, const uint16_t ret[2],
                              struct mm_buf *out, enum mm_rmi_fault *fault);
/* Append the response to the exception that left the method. */
void mm_rmi_put_exception(struct mm_vm *vm, struct mm_buf *out);

#endif
