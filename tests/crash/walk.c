/* walk.c: see walk.h. */
#include "bench.h"
#include "walk.h"

#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

long instructions;
static uint64_t random_state = 1;

void walk_seed(uint64_t seed) { random_state = seed * 0x9e3779b97f4a7c15u | 1; }

uint64_t walk_draw(void) /* xorshift */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

void walk_one_processor(void)
{
    cpu_set_t one;
    int here = sched_getcpu(); /* not always the first: another walk may be at work beside this one */
    if (here < 0)
        return;
    CPU_ZERO(&one);
    CPU_SET(here, &one);
    sched_setaffinity(0, sizeof one, &one);
}

/* The next instruction enters the kernel. On other processors nobody knows, and the slice is by chance only. */
static int at_system_call(pid_t pid)
{
#if defined(__x86_64__)
    struct user_regs_struct regs;
    struct iovec io = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) < 0)
        return 0;
    return (ptrace(PTRACE_PEEKTEXT, pid, (void *)regs.rip, 0) & 0xffff) == 0x050f;
#elif defined(__aarch64__)
    struct user_regs_struct regs;
    struct iovec io = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) < 0)
        return 0;
    return (uint32_t)ptrace(PTRACE_PEEKTEXT, pid, (void *)regs.pc, 0) == 0xd4000001u;
#else
    (void)pid;
    return 0;
#endif
}

void walk_trace_me(void)
{
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
        _exit(77);
    raise(SIGSTOP);
}

void walk_adopt(struct walk *w, pid_t pid)
{
    int status;
    w->pid = pid;
    if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status)) {
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
            printf("SKIP ptrace is not permitted here\n");
            exit(77);
        }
        die("the child that is stepped");
    }
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
}

static int is_done(const struct walk *w) { return (int)__atomic_load_n(w->done, __ATOMIC_ACQUIRE); }

static uint64_t word_of(const struct walk *w)
{
    uint64_t sum = 0;
    for (int i = 0; i < WATCHED && w->word[i]; i++)
        sum = (sum ^ __atomic_load_n(w->word[i], __ATOMIC_ACQUIRE)) * 1099511628211u;
    return sum;
}

enum step walk_step(struct walk *w)
{
    int status;
    instructions++;
    if (ptrace(PTRACE_SINGLESTEP, w->pid, 0, 0) < 0)
        return BROKEN;
    if (!w->sleeps) {
        waitpid(w->pid, &status, 0);
    } else {
        for (int i = 1; waitpid(w->pid, &status, WNOHANG) == 0; i++) {
            sched_yield();
            if (i % 16 == 0 && bench_state_of(w->pid) == 'S')
                return ASLEEP;
        }
    }
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        return BROKEN;
    return is_done(w) ? ENDED : STEPPED;
}

enum step walk_to(struct walk *w, struct point to)
{
    int status;
    enum step s = STEPPED;
    for (long i = 0; i < 2 * to.calls; i++) { /* each call stops twice: going in, coming out */
        if (ptrace(PTRACE_SYSCALL, w->pid, 0, 0) < 0 || waitpid(w->pid, &status, 0) < 0)
            return BROKEN;
        if (!WIFSTOPPED(status))
            return is_done(w) ? ENDED : BROKEN;
    }
    for (long i = 0; i < to.steps && s == STEPPED; i++)
        s = walk_step(w);
    return s;
}

enum step walk_moment(struct walk *w)
{
    for (int first = 1;; first = 0) {
        uint64_t word = word_of(w);
        int entering = at_system_call(w->pid);
        if (entering && !first)
            return STEPPED;
        enum step s = walk_step(w);
        if (s != STEPPED || entering || word_of(w) != word)
            return s;
    }
}

void walk_kill(struct walk *w)
{
    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
}

static void add(struct plan *p, long calls, long steps)
{
    if (steps < 0)
        return;
    if (p->count == p->room) {
        p->room = 2 * p->room + 64;
        p->points = realloc(p->points, (size_t)p->room * sizeof *p->points);
        if (!p->points)
            die("memory");
    }
    p->points[p->count++] = (struct point){calls, steps};
}

enum step walk_survey(struct walk *w, struct plan *p, long share, long thin, long about)
{
    enum step r = STEPPED;
    struct point at = {0, 0};
    p->count = p->steps = 0;
    for (int after = 1; r == STEPPED; p->steps++) {
        uint64_t word = word_of(w);
        struct point before = at;
        int entering = at_system_call(w->pid);
        r = walk_step(w);
        int eventful = entering || after || word_of(w) != word;
        if (share == 0 || (eventful ? walk_draw() % (uint64_t)thin == 0 : walk_draw() % (uint64_t)about < (uint64_t)share))
            add(p, before.calls, before.steps);
        if (entering && r == STEPPED)
            at = (struct point){at.calls + 1, 0};
        else
            at.steps++;
        after = entering || word_of(w) != word;
    }
    add(p, at.calls, at.steps + 2); /* the whole operation, or asleep in it */
    return r;
}
