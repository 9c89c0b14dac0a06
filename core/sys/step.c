/* step.c: test builds only. Dies by SIGKILL at the step that the environment names. */
#define _GNU_SOURCE
#include "step.h"

#ifdef TOC_STEPS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

void toc_step(const char *name)
{
    const char *target = getenv("TOC_STEP_KILL"); /* without the prefix "toc-step:" by which tests find names */
    if (target && strcmp(target, name + sizeof "toc-step:" - 1) == 0)
        raise(SIGKILL);
}
#else
typedef int toc_no_steps_here;
#endif
