/* held.c as it is, and its list, which is a process's own: the scheduler swaps it with the process. */
#include "parts/held.c"

#include "sys/sys.h"

struct toc_held **sim_held_list(void);
struct toc_held **sim_held_list(void) { return &first; }

/* Nothing that is simulated takes a lock, or sets an alarm. */
int sys_owner_open(const char *path) { (void)path; return -1; }
int sys_timer(void) { return -1; }
struct toc_owner;
void toc_owner_quit(struct toc_owner *o);
void toc_owner_quit(struct toc_owner *o) { (void)o; }
