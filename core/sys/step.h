/* step.h: named places at which a test may kill the process. Nothing at all in a release build.
 *
 * TOC_STEP("event.set.before_wake") names the instant for people; the tests find every name in the binary
 * and die at each, so that a new step without a test cannot exist. (Every instruction is killed as well,
 * by tests/crash/; the names say which of those instants matter, and why.)
 */
#ifndef TOC_STEP_H
#define TOC_STEP_H

#ifdef TOC_STEPS
void toc_step(const char *name);
#define TOC_STEP(name) toc_step("toc-step:" name)
#else
#define TOC_STEP(name) ((void)0)
#endif

#endif
