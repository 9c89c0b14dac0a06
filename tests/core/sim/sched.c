/* sched.c: tasks, the clock, and who runs next. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define STACK 65536
#define STEPS 20000
#define DEPTH 20000

enum state { DONE, READY, ASLEEP };

struct task {
    ucontext_t at;
    enum state state;
    int process, argument;
    bool mortal, woken;
    void (*body)(int);
    const void *on; /* what it sleeps on */
    uint32_t mask;
    int64_t deadline;
};

struct process {
    bool dead, dying;
    int tasks;
    struct toc_held *held;
    struct toc_owner *owners;
};

struct sim_counts sim_counts;
bool sim_loud;
char sim_fault[400];
jmp_buf sim_failed;

static char stacks[SIM_TASKS][STACK] __attribute__((aligned(64)));
static struct task tasks[SIM_TASKS];
static struct process processes[SIM_PROCESSES];
static int task_count, whose;
static struct task *current; /* NULL: outside of a run, where nothing interrupts */
static ucontext_t outside;
static int64_t now;
static int steps;

/* -- choices */

static struct sim_plan plan;
static int left_preemptions, left_kills, left_spurious;
static uint64_t dice, ids;
static uint32_t chance_switch, chance_kill;
static struct { uint16_t chosen, of; } trail[DEPTH];
static int depth, fixed;

static uint64_t next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

uint64_t sim_random(void) { return next(&ids); }

void sim_plan_first(const struct sim_plan *p)
{
    plan = *p;
    fixed = 0;
    for (const char *c = p->replay; c && *c; c += strcspn(c, ","), c += *c == ',')
        trail[fixed++].chosen = (uint16_t)atoi(c);
}

bool sim_plan_next(void)
{
    if (plan.random) {
        plan.seed++;
        return true;
    }
    if (plan.replay)
        return false;
    while (depth && trail[depth - 1].chosen + 1 >= trail[depth - 1].of)
        depth--;
    if (!depth)
        return false;
    trail[depth - 1].chosen++;
    fixed = depth;
    return true;
}

void sim_plan_print(void)
{
    if (plan.random) {
        printf("seed %llu", (unsigned long long)plan.seed);
        return;
    }
    int last = depth;
    while (last && !trail[last - 1].chosen)
        last--;
    printf("choices ");
    for (int i = 0; i < last; i++)
        printf("%s%d", i ? "," : "", trail[i].chosen);
}

/* One of 0..of-1. All schedules: the first way that has not been gone yet. */
static int choose(int of)
{
    if (of < 2)
        return 0;
    if (plan.random)
        return (int)(next(&dice) % (unsigned)of);
    if (depth == DEPTH)
        sim_fail("too many choices");
    if (depth >= fixed)
        trail[depth].chosen = 0;
    if (trail[depth].chosen >= of)
        sim_fail("this replay belongs to another build");
    trail[depth].of = (uint16_t)of;
    return trail[depth++].chosen;
}

static bool chance(uint32_t in_65536) { return (next(&dice) & 0xffff) < in_65536; }

bool sim_spurious(void)
{
    if (!current || !plan.random || !left_spurious || !chance(4000))
        return false;
    left_spurious--;
    return true;
}

/* -- the run */

void sim_reset(void)
{
    static const uint32_t switches[] = {1000, 4000, 16000, 32000};
    memset(processes, 0, sizeof processes);
    task_count = whose = steps = depth = 0;
    current = NULL;
    now = 1000 * SIM_SECOND;
    ids = 42;
    dice = plan.seed;
    left_preemptions = plan.preemptions;
    left_kills = plan.kills;
    left_spurious = plan.spurious;
    chance_switch = switches[next(&dice) % 4];
    chance_kill = 200 + next(&dice) % 2000;
    *sim_held_list() = NULL;
    *sim_owner_list() = NULL;
    sim_counts.runs++;
    kernel_reset();
}

void sim_say(const char *format, ...)
{
    va_list list;
    if (!sim_loud)
        return;
    va_start(list, format);
    printf("%10.3f ms  process %d  ", (double)(now - 1000 * SIM_SECOND) / 1e6, whose);
    vprintf(format, list);
    putchar('\n');
    va_end(list);
}

void sim_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(sim_fault, sizeof sim_fault, format, list);
    va_end(list);
    if (!current)
        longjmp(sim_failed, 1);
    setcontext(&outside); /* sim_run looks at sim_fault */
    abort();
}

void sim_as(int process)
{
    if (whose == process)
        return;
    processes[whose].held = *sim_held_list();
    processes[whose].owners = *sim_owner_list();
    whose = process;
    *sim_held_list() = processes[process].held;
    *sim_owner_list() = processes[process].owners;
}

int sim_process(void) { return whose; }
int64_t sim_clock(void) { return now; }
void sim_skip(int64_t ns) { now += ns; }
bool sim_killed(int process) { return processes[process].dead; }
bool sim_done(int task) { return tasks[task].state == DONE; }
bool sim_is_alone(void) { return !current || processes[whose].tasks < 2; }

static int ready(struct task *out[SIM_TASKS], const struct task *but)
{
    int n = 0;
    for (int i = 0; i < task_count; i++)
        if (tasks[i].state == READY && &tasks[i] != but)
            out[n++] = &tasks[i];
    return n;
}

static void give(struct task *to)
{
    struct task *from = current;
    if (from == to)
        return;
    sim_counts.switches++;
    current = to;
    sim_as(to->process);
    swapcontext(from ? &from->at : &outside, &to->at);
}

/* Nobody can run: the clock jumps to the next deadline, if that is near. Looks at the clock that are a minute
 * away don't count, so they can't hide a wake-up that was lost. */
static bool jump(void)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < task_count; i++)
        if (tasks[i].state == ASLEEP && tasks[i].deadline < first)
            first = tasks[i].deadline;
    if (first > now + SIM_SECOND)
        return false;
    if (first > now)
        now = first;
    sim_counts.jumps++;
    for (int i = 0; i < task_count; i++)
        if (tasks[i].state == ASLEEP && tasks[i].deadline <= now)
            tasks[i].state = READY;
    return true;
}

/* The running task can't go on. */
static void yield_away(void)
{
    struct task *choice[SIM_TASKS];
    int n = ready(choice, NULL);
    if (!n && jump())
        n = ready(choice, NULL);
    if (n)
        give(choice[choose(n)]);
    else
        swapcontext(&current->at, &outside);
}

static void end(struct task *t)
{
    t->state = DONE;
    yield_away();
    abort();
}

static void killed(struct task *t)
{
    struct process *p = &processes[t->process];
    left_kills--;
    sim_counts.kills++;
    sim_say("is killed");
    p->dead = p->dying = true;
    for (int i = 0; i < task_count; i++)
        if (tasks[i].process == t->process && &tasks[i] != t)
            tasks[i].state = DONE;
    p->tasks = 1;
    kernel_close_all(t->process); /* one after the other, and others run in between, as in the kernel */
    end(t);
}

void toc_sim_point(void)
{
    struct task *t = current, *choice[SIM_TASKS];
    if (!t)
        return;
    sim_counts.points++;
    if (++steps > STEPS)
        sim_fail("it goes on for ever");
    bool may_die = t->mortal && left_kills && !processes[t->process].dying;
    int pick = 0, n = 0;
    if (plan.random) {
        if (may_die && chance(chance_kill))
            killed(t);
        if (!chance(chance_switch) || !(n = ready(choice, t)))
            return;
        pick = 1 + choose(n);
    } else if (left_preemptions || may_die) {
        n = left_preemptions ? ready(choice, t) : 0;
        pick = choose(1 + n + may_die);
    }
    if (pick > n)
        killed(t);
    if (pick) {
        left_preemptions--;
        sim_say("is stopped");
        give(choice[pick - 1]);
    }
}

bool sim_sleep(const void *on, uint32_t mask, int64_t deadline)
{
    struct task *t = current;
    if (!t) {
        if (deadline > now)
            now = deadline;
        return false;
    }
    sim_counts.sleeps++;
    t->on = on;
    t->mask = mask;
    t->deadline = deadline;
    t->woken = false;
    t->state = ASLEEP;
    yield_away();
    t->on = NULL;
    return t->woken;
}

int sim_wake(const void *on, uint32_t mask) { return sim_wake_some(on, mask, SIM_TASKS); }

int sim_wake_some(const void *on, uint32_t mask, int count)
{
    int n = 0, first = count < task_count ? choose(task_count) : 0; /* whose turn it is, nobody may rely on */
    for (int i = 0; i < task_count && n < count; i++) {
        struct task *t = &tasks[(first + i) % task_count];
        if (t->state == ASLEEP && t->on == on && (t->mask & mask)) {
            t->woken = true;
            t->state = READY;
            n++;
        }
    }
    return n;
}

static void start(int number)
{
    struct task *t = &tasks[number];
    t->body(t->argument);
    processes[t->process].tasks--;
    end(t);
}

int sim_spawn(int process, void (*body)(int), int argument, bool mortal)
{
    struct task *t = &tasks[task_count];
    if (task_count == SIM_TASKS)
        sim_fail("too many tasks");
    getcontext(&t->at);
    t->at.uc_stack.ss_sp = stacks[task_count];
    t->at.uc_stack.ss_size = STACK;
    t->at.uc_link = NULL;
    makecontext(&t->at, (void (*)(void))start, 1, task_count);
    t->state = READY;
    t->process = process;
    t->body = body;
    t->argument = argument;
    t->mortal = mortal;
    t->on = NULL;
    processes[process].tasks++;
    return task_count++;
}

void sim_run(void)
{
    struct task *choice[SIM_TASKS];
    int n = ready(choice, NULL);
    sim_fault[0] = 0;
    if (n || (jump() && (n = ready(choice, NULL))))
        give(choice[choose(n)]);
    current = NULL;
    if (sim_fault[0])
        longjmp(sim_failed, 1);
}
