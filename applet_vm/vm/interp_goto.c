/* The interpreter with computed-goto dispatch: each operation jumps to the next by itself, which
 * gives the branch predictor a place of its own for each. */
#define MM_INTERP mm_interp_goto
#include "applet_vm/vm/interp_loop.h"
