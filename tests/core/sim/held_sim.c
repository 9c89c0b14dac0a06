/* held.c as it is, and its list, which is a process's own: the scheduler swaps it with the process. */
#include "parts/held.c"

#include "sys/sys.h"

struct toc_held **sim_held_list(void);
struct toc_held **sim_held_list(void) { return &first; }

/* An event takes no lock and sets no alarm. What does brings kernel_queue.c and owner_sim.c along, which have the real ones. */
#define ELSEWHERE __attribute__((weak))
struct toc_owner;
ELSEWHERE int sys_owner_open(const char *path) { (void)path; return -1; }
ELSEWHERE int sys_timer(void) { return -1; }
void toc_owner_quit(struct toc_owner *o);
ELSEWHERE void toc_owner_quit(struct toc_owner *o) { (void)o; }
struct toc_owner **sim_owner_list(void);
ELSEWHERE struct toc_owner **sim_owner_list(void)
{
    static struct toc_owner *none;
    return &none;
}
