/* single_step.c: every instruction of every operation is a place to die.
 *
 * For each operation of scenarios.c a child is stepped k instructions into it by ptrace and then killed with
 * SIGKILL, for k = 0, 1, 2 ... to the end. After each kill those who waited must be out if the word says so
 * (nobody helps them: the dead must have rung), a fresh process must open, set, clear and wait, and then
 * everyone must be out. For each state that a kill leaves behind, as far as they differ, the fresh process
 * is killed at every instruction as well, and another one comes after it. In a second kind of scenario
 * somebody arrives at step a of the operation, and the kill comes b moments later, for every a and b.
 *
 *      single_step DIR [--per N] [--seed S] [--only TEXT] [--patience SECONDS]
 *
 * DIR is an empty directory of ours. With --per, about N instructions of each operation, and always those
 * around a system call and around a change of the word: between these nothing can be seen from outside. */
#include "bench.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum step { STEPPED, ENDED, ASLEEP, BROKEN };

static long points, recoveries, pairs, faults, operations, instructions;
static int failed;
static long per; /* 0: every instruction */
/* In full, this many of 10,000 uneventful instructions of each recovery, and all of the eventful ones. */
static const long full_share = 1500;
static uint64_t random_state;

static uint64_t draw(void) /* xorshift: the same seed, the same points */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
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

/* What a fresh process does first; it may be killed, too. */
static void op_recover(struct ctx *c, toc_event *e)
{
    e = bench_open(c);
    if (!e)
        return;
    toc_event_set(e);
    toc_event_clear(e);
    if (!c->shared)
        toc_event_free(e);
}

static pid_t start(struct ctx *c, void (*op)(struct ctx *, toc_event *), int opens)
{
    int status;
    c->page->done = 0;
    pid_t pid = bench_fork(2 * HANG_S);
    if (pid == 0) {
        toc_event *e = opens ? NULL : bench_open(c);
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
            _exit(77);
        raise(SIGSTOP); /* the start of the process is over, and nobody counts it */
        op(c, e);
        __atomic_store_n(&c->page->done, 1, __ATOMIC_RELEASE);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status)) {
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
            printf("SKIP ptrace is not permitted here\n");
            exit(77);
        }
        die("the child that is stepped");
    }
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
    return pid;
}

static enum step step(struct ctx *c, pid_t pid)
{
    int status;
    instructions++;
    if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0)
        return BROKEN;
    if (!c->s->sleeps) {
        waitpid(pid, &status, 0);
    } else {
        for (int i = 1; waitpid(pid, &status, WNOHANG) == 0; i++) {
            sched_yield();
            if (i % 16 == 0 && bench_state_of(pid) == 'S')
                return ASLEEP;
        }
    }
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        return BROKEN;
    return __atomic_load_n(&c->page->done, __ATOMIC_ACQUIRE) ? ENDED : STEPPED;
}

/* A kill point: so many system calls have returned, and then so many instructions. Counted like this it is the
 * same place in every run, though a random number or a clock may make a stretch an instruction longer; and
 * most of the way there goes in strides from system call to system call. */
struct point {
    long calls, steps;
};

static enum step walk_to(struct ctx *c, pid_t pid, struct point to)
{
    int status;
    enum step s = STEPPED;
    for (long i = 0; i < 2 * to.calls; i++) { /* each call stops twice: going in, coming out */
        if (ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0 || waitpid(pid, &status, 0) < 0)
            return BROKEN;
        if (!WIFSTOPPED(status))
            return __atomic_load_n(&c->page->done, __ATOMIC_ACQUIRE) ? ENDED : BROKEN;
    }
    for (long i = 0; i < to.steps && s == STEPPED; i++)
        s = step(c, pid);
    return s;
}

static uint64_t word_of(struct ctx *c) { return c->head ? __atomic_load_n(&c->head->word, __ATOMIC_ACQUIRE) : 0; }

/* A moment: before a system call, after it, after a change of the word. */
static enum step next_moment(struct ctx *c, pid_t pid)
{
    for (int first = 1;; first = 0) {
        uint64_t word = word_of(c);
        int entering = at_system_call(pid);
        if (entering && !first)
            return STEPPED;
        enum step s = step(c, pid);
        if (s != STEPPED || entering || word_of(c) != word)
            return s;
    }
}

static void finish(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void report(struct ctx *c, const char *fault, struct point at, const char *second)
{
    faults++;
    failed = 1; /* the rest of this operation would say the same again and again */
    printf("FAULT %s: killed after %ld calls and %ld steps%s: %s\n", c->s->name, at.calls, at.steps, second, fault);
}

/* The kill points of an operation. */
struct plan {
    struct point *points;
    long count, room, steps;
};

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

/* One pass to the end. `share`: so many of the uneventful instructions, by chance; 0: all of them. In the slice
 * the eventful ones, on both sides of a system call and of a change of the word, are all in (one in `thin`). */
static enum step survey(struct ctx *c, pid_t pid, struct plan *p, long share, long thin, long about)
{
    enum step r = STEPPED;
    struct point at = {0, 0};
    p->count = p->steps = 0;
    for (int after = 1; r == STEPPED; p->steps++) {
        uint64_t word = word_of(c);
        struct point before = at;
        int entering = at_system_call(pid);
        r = step(c, pid);
        int eventful = entering || after || word_of(c) != word;
        if (share == 0 || (eventful ? draw() % (uint64_t)thin == 0 : draw() % (uint64_t)about < (uint64_t)share))
            add(p, before.calls, before.steps);
        if (entering && r == STEPPED)
            at = (struct point){at.calls + 1, 0};
        else
            at.steps++;
        after = entering || word_of(c) != word;
    }
    add(p, at.calls, at.steps + 2); /* the whole operation, or asleep in it */
    return r;
}

static void calibrate(struct ctx *c, const struct scenario *s, struct plan *p)
{
    bench_begin(c, s);
    pid_t pid = start(c, s->op, s->opens);
    /* Where somebody arrives, each point is multiplied by what follows it: 50 of 1,000 uneventful ones will do. */
    enum step r = survey(c, pid, p, s->arrives && !per ? 50 : per, 1, 1000);
    if (r == BROKEN || (r == ENDED && c->page->op_rc < 0)) {
        char text[80];
        snprintf(text, sizeof text, "not killed at all, it gave %d", r == BROKEN ? -1 : c->page->op_rc);
        report(c, text, (struct point){0, p->steps}, "");
    }
    finish(pid);
    bench_end(c);
}

/* One kill at `at`, and, if there is a second, another one of the fresh process that came after it. */
static void kill_at(struct ctx *c, const struct scenario *s, struct point at, const struct point *second, uint64_t *signature)
{
    char text[80] = "";
    bench_begin(c, s);
    pid_t pid = start(c, s->op, s->opens);
    enum step r = walk_to(c, pid, at);
    finish(pid);
    *signature = bench_signature(c);
    const char *fault = r == BROKEN ? "it died by itself, or hangs" : bench_survivors(c);
    if (!fault && second) {
        snprintf(text, sizeof text, ", the fresh process after %ld calls and %ld steps", second->calls, second->steps);
        pid = start(c, op_recover, 1);
        r = walk_to(c, pid, *second);
        finish(pid);
        fault = r == BROKEN ? "the recovery died by itself, or hangs" : bench_survivors(c);
    }
    if (!fault)
        fault = bench_fresh(c);
    if (fault)
        report(c, fault, at, text);
    bench_end(c);
}

/* A state that a kill has left behind, and that is new: the one who finds it may be killed anywhere, too. */
static void recover(struct ctx *c, const struct scenario *s, struct point at)
{
    struct plan p = {0};
    uint64_t ignored;
    bench_begin(c, s);
    pid_t pid = start(c, s->op, s->opens);
    walk_to(c, pid, at);
    finish(pid);
    pid = start(c, op_recover, 1);
    survey(c, pid, &p, per ? per : full_share, per ? 1 + 400 / per : 1, 10000);
    finish(pid);
    bench_end(c);
    for (long i = 0; i < p.count && !failed; i++) {
        recoveries++;
        kill_at(c, s, at, &p.points[i], &ignored);
    }
    free(p.points);
}

static int walk(struct ctx *c, const struct scenario *s, struct plan *p)
{
    uint64_t seen[64], signature;
    int states = 0;
    for (long i = 0; i < p->count && !failed; i++) {
        points++;
        kill_at(c, s, p->points[i], NULL, &signature);
        int known = states == 64;
        for (int n = 0; n < states; n++)
            known |= seen[n] == signature;
        if (!known) {
            seen[states++] = signature;
            recover(c, s, p->points[i]);
        }
    }
    return states;
}

static long meet(struct ctx *c, const struct scenario *s, struct plan *p)
{
    long met = 0;
    for (long i = 0; i < p->count && !failed; i++) {
        enum step r = STEPPED;
        for (long b = 0; b < 100 && r == STEPPED && !failed; b++) {
            /* The slice takes its share of the pairs; about 20 moments follow each arrival. */
            if (per && draw() % (uint64_t)(p->count * 20) >= (uint64_t)per)
                continue;
            char text[80];
            snprintf(text, sizeof text, ", %ld moments after somebody came", b);
            bench_begin(c, s);
            pid_t pid = start(c, s->op, s->opens);
            r = walk_to(c, pid, p->points[i]);
            bench_arrive(c);
            for (long n = 0; n < b && r == STEPPED; n++)
                r = next_moment(c, pid);
            finish(pid);
            const char *fault = r == BROKEN ? "it died by itself, or hangs" : bench_survivors(c);
            if (!fault)
                fault = bench_fresh(c);
            if (fault)
                report(c, fault, p->points[i], text);
            bench_end(c);
            met++;
        }
    }
    pairs += met;
    return met;
}

/* Tracer and tracee take turns: on one processor they need no wake-ups across. */
static void one_processor(void)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) < 0)
        return;
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv)
{
    const char *only = "";
    uint64_t seed = 1;
    if (argc < 2)
        die("usage: single_step DIR [--per N] [--seed S] [--only TEXT] [--patience SECONDS]");
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--per"))
            per = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--only"))
            only = argv[i + 1];
        else if (!strcmp(argv[i], "--patience")) /* of the hang detector: short for those who expect a hang */
            patience = atoi(argv[i + 1]);
    }
    random_state = seed * 0x9e3779b97f4a7c15u | 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    one_processor();
    umask(022);
    chmod(argv[1], 01777); /* as shared as /dev/shm: a folder in it must become as shared */
    struct ctx *c = bench_new(argv[1]);
    for (int i = 0; i < N_SCENARIOS; i++) {
        const struct scenario *s = &SCENARIOS[i];
        struct plan p = {0};
        if (!strstr(s->name, only))
            continue;
        long before = points, again = recoveries;
        operations++;
        failed = 0;
        calibrate(c, s, &p);
        if (s->arrives) {
            printf("%-62s %6ld instructions %6ld pairs\n", s->name, p.steps, meet(c, s, &p));
        } else {
            int states = walk(c, s, &p);
            printf("%-62s %6ld instructions %6ld kills %3d states %6ld kills of the recovery\n", s->name, p.steps,
                   points - before, states, recoveries - again);
        }
        free(p.points);
    }
    printf("TOTAL operations=%ld kills=%ld recoveries=%ld pairs=%ld instructions=%ld left_over=%ld faults=%ld seed=%llu\n",
           operations, points, recoveries, pairs, instructions, left_over, faults, (unsigned long long)seed);
    return faults ? 1 : 0;
}
