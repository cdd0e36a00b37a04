/*
 * Tries of a PIN and of a biometric session. A try is counted before anything is compared: promised at
 * once, and no abort or power cut brings it back (JCRE 3.0.5, 7.7; PIN.check, BioTemplate.initMatch).
 */
#include "applet_vm/api/api_int.h"

enum mm_run mm_api_tries_set(struct mm_vm *vm, mm_ref obj, const char *class_name, uint16_t tries)
{
    return mm_vm_hidden_set(vm, obj, class_name, MM_TRIES_LEFT, tries, true);
}

enum mm_run mm_api_tries_use(struct mm_vm *vm, mm_ref obj, const char *class_name)
{
    uint16_t tries = mm_vm_hidden(vm, obj, class_name, MM_TRIES_LEFT);

    return mm_api_tries_set(vm, obj, class_name, tries != 0 ? (uint16_t)(tries - 1) : 0);
}

enum mm_run mm_api_tries_refill(struct mm_vm *vm, mm_ref obj, const char *class_name)
{
    return mm_api_tries_set(vm, obj, class_name, mm_vm_hidden(vm, obj, class_name, MM_TRIES_LIMIT));
}
