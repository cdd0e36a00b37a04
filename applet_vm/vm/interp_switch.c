/* The same loop as a plain switch, for compilers without computed goto and to test both. */
#define MM_SWITCH_DISPATCH
#define MM_INTERP mm_interp_switch
#include "applet_vm/vm/interp_loop.h"
