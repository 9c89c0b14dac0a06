/* handle.c as it is, and its count of idle ears, which a run that killed leaves behind. */
#include "objects/handle.c"

#include "sim.h"

void sim_handle_reset(void) { idle_ears = 0; }
