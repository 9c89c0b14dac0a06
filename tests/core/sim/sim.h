/* sim.h: floor 0 as a simulation: one scheduler, one clock, one small kernel. See tests/core/README.md.
 *
 * A task is a thread of a simulated process. Exactly one runs; it may lose the processor, or its process may
 * be killed, at every atomic verb (toc_sim_point, core/sys/atom.h) and at every verb of sys.h that others can
 * notice. The clock stands still while anybody can run.
 */
#ifndef SIM_H
#define SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#define SIM_TASKS 12
#define SIM_PROCESSES 8
#define SIM_SECOND 1000000000ll

/* -- choices: where a schedule comes from */
struct sim_plan {
    bool random;
    uint64_t seed;     /* random: of this run */
    int preemptions;   /* all schedules: how often a task that could go on is stopped */
    int kills;         /* how many processes die, at most */
    int spurious;      /* random: how many sleeps end for nothing, at most */
    const char *replay; /* all schedules: "3,0,1": the choices of one run */
};

struct sim_counts { uint64_t runs, points, switches, kills, sleeps, jumps; };
extern struct sim_counts sim_counts;
extern bool sim_loud;

void sim_plan_first(const struct sim_plan *plan);
bool sim_plan_next(void); /* false: there is no other schedule */
void sim_plan_print(void);
uint64_t sim_random(void); /* of the run, not of the schedule: ids and masks */

/* -- one run */
void sim_reset(void); /* nothing left but the plan */
int sim_spawn(int process, void (*body)(int), int argument, bool mortal); /* the task's number */
void sim_run(void); /* until everyone is done or sleeps for longer than a second */
void sim_as(int process); /* outside of a run: whose descriptors the next calls use */
int sim_process(void);
int64_t sim_clock(void);
void sim_skip(int64_t ns);
bool sim_killed(int process);
bool sim_done(int task);
void sim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the run; what is wrong stands in `sim_fault`. */
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
extern char sim_fault[400];
extern jmp_buf sim_failed;

/* -- signals.c */
void sim_signals_once(const char *scenario, int kills);
extern uint64_t sim_signals_asleep;

/* -- for the kernel */
void toc_sim_point(void);
bool sim_sleep(const void *on, uint32_t mask, int64_t deadline); /* true: woken, false: the deadline */
int sim_wake(const void *on, uint32_t mask);
int sim_wake_some(const void *on, uint32_t mask, int count); /* at most so many */
bool sim_spurious(void);
bool sim_is_alone(void); /* the only thread of its process */

/* -- the kernel, for the scenarios */
void kernel_reset(void);
void kernel_close_all(int process);
int kernel_poll(int epoll); /* waits until it is readable; consumes nothing */
int kernel_give(int from, int fd, int to); /* as by inheritance: the number in `to` */
int64_t kernel_died(int process); /* when; 0: it lives. kernel_queue.c */
bool kernel_has_lock(uint64_t id); /* has anybody, of an owner's? kernel_queue.c */
int kernel_writers(void); /* descriptors that hold some bell open for writing, of the living */
void kernel_fill_pipes(void);
struct toc_held;
struct toc_held **sim_held_list(void);
struct toc_owner;
struct toc_owner **sim_owner_list(void);
void sim_handle_reset(void);

#endif
