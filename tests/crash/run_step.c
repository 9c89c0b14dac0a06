/* run_step.c: `tocsin run` is killed, instruction by instruction: its dependents always hear, its command is always told.
 *
 *      run_step DIR TOCSIN SHARE SEED [PATIENCE [SCENE]]
 *
 * SHARE of 10,000 instructions by chance, and both sides of every system call; 0: all. PATIENCE in seconds: who is not done
 * by then hangs.
 *
 * Three places to die: in run itself, from its first instruction to its last; in run while it waits for another; and while its
 * child is between vfork and exec, at each instruction of the child. After each kill, with nobody's help:
 *  - the event is set: then the command had ended by itself, and whoever waits comes back with it;
 *  - it is owned: by a dead one, and whoever waits comes back with that;
 *  - it is neither: nothing had been promised, and whoever waits goes on waiting, until somebody sets it;
 *  - the command, if it was born, ends by itself or by SIGTERM;
 *  - another run of the same job does it all. */
#define _GNU_SOURCE
#include "tocsin.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HEARD_SET = 10, HEARD_DEATH = 11, BROKEN = 12 };
static const struct scene {
    const char *name;
    int stays, waits, in_child;
} SCENES[] = {
    {.name = "run itself"},
    {.name = "run itself, its command stays", .stays = 1},
    {.name = "while it waits", .waits = 1},
    {.name = "between vfork and exec", .in_child = 1},
    {.name = "between vfork and exec, the command stays", .in_child = 1, .stays = 1},
};

static const struct scene *s;
static const char *self, *tocsin;
static char dir[500], log_path[600];
static long faults, kills;
static int patience = 60; /* seconds: a detector of hangs */
static uint64_t random_state;

static uint64_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void die(const char *what)
{
    perror(what);
    exit(3);
}

static void fault(const char *what, long at)
{
    printf("FAULT %s, at %ld: %s\n", s->name, at, what);
    faults++;
}

static toc_event *event(const char *name)
{
    toc_event *e;
    toc_options o = TOC_DEFAULTS;
    o.at = dir;
    if (toc_event_open(&e, name, &o) < 0)
        die("open");
    return e;
}

static char state_of(pid_t pid)
{
    char path[64], text[300] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 'X';
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    char *end = n > 0 ? strrchr(text, ')') : NULL;
    return end ? end[2] : 'X';
}

/* Its status, or -1: it hangs. */
static int ended(pid_t pid)
{
    int status;
    for (time_t until = time(NULL) + patience; time(NULL) < until; sched_yield())
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
    return -1;
}

static pid_t waiter(void)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    toc_event *e = event("x");
    int rc;
    do
        rc = toc_event_wait(e, 0, TOC_FOREVER);
    while (rc == -EINTR);
    _exit(rc == 1 ? HEARD_SET : rc == -EOWNERDEAD ? HEARD_DEATH : BROKEN);
}

/* -- the one who is stepped */

static pid_t begin(void)
{
    unlink(log_path);
    pid_t pid = fork();
    if (pid == 0) {
        personality(ADDR_NO_RANDOMIZE);
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
            _exit(77);
        char *stays = s->stays ? "stays" : "ends";
        if (s->waits)
            execl(tocsin, "tocsin", "run", "--at", dir, "--after", "y", "--sets", "x", "--", self, stays, log_path, NULL);
        else
            execl(tocsin, "tocsin", "run", "--at", dir, "--sets", "x", "--", self, stays, log_path, NULL);
        _exit(4);
    }
    int status;
    waitpid(pid, &status, 0); /* at the first instruction of the program */
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        printf("SKIP ptrace is not permitted here\n");
        exit(77);
    }
    if (!WIFSTOPPED(status))
        die("the program that is stepped");
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL | (s->in_child ? PTRACE_O_TRACEVFORK : 0));
    return pid;
}

static int enters(pid_t pid)
{
#if defined(__x86_64__)
    struct user_regs_struct regs;
    struct iovec io = {&regs, sizeof regs};
    return ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) == 0 &&
           (ptrace(PTRACE_PEEKTEXT, pid, (void *)regs.rip, 0) & 0xffff) == 0x050f;
#else
    (void)pid;
    return 0;
#endif
}

/* On to the next instruction, or to the next side of a system call. 1: there it is; 0: it has ended, or sleeps. */
static int go(pid_t pid, int how)
{
    int status;
    if (ptrace(how, pid, 0, 0) < 0)
        return 0;
    for (int i = 1; waitpid(pid, &status, WNOHANG) == 0; i++) {
        sched_yield();
        if ((s->waits || s->stays) && i % 16 == 0 && state_of(pid) == 'S')
            return 0;
    }
    return WIFSTOPPED(status);
}

/* To the child's first instruction; its parent sleeps in vfork. */
static pid_t to_child(pid_t pid)
{
    int status;
    unsigned long child = 0;
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    if (!WIFSTOPPED(status) || status >> 8 != (SIGTRAP | PTRACE_EVENT_VFORK << 8))
        die("no vfork came");
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &child);
    waitpid((pid_t)child, &status, 0);
    ptrace(PTRACE_SETOPTIONS, (pid_t)child, 0, PTRACE_O_TRACEEXEC); /* not the parent's: it may outlive us for a moment */
    ptrace(PTRACE_CONT, pid, 0, 0);
    return (pid_t)child;
}

static int has_become(pid_t pid)
{
    char path[64], name[700];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(path, name, sizeof name - 1);
    name[n < 0 ? 0 : n] = 0;
    return !strcmp(name, self);
}

/* -- after the kill */

static void judge(pid_t waits, long at)
{
    toc_event *e = event("x");
    toc_owner_info owner = {0};
    int set = toc_event_is_set(e), owned = toc_event_owner(e, &owner), status;
    const int set_by_run = set;
    char done[8] = "";
    if (owned == 1 && owner.alive)
        fault("the dead owner is called alive", at);
    /* The command, if there is one: ours by now, as we take orphans in. The waiter is another child. */
    pid_t orphan;
    for (time_t until = time(NULL) + patience;; sched_yield()) {
        orphan = waitpid(-1, &status, WNOHANG);
        if (orphan < 0)
            break;
        if (orphan > 0 && orphan == waits) {
            int heard = WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
            waits = 0;
            if (heard != (set ? HEARD_SET : owned ? HEARD_DEATH : BROKEN))
                fault(heard == HEARD_SET ? "a waiter heard of a set" : heard == HEARD_DEATH ? "a waiter heard of a death"
                                                                                            : "a waiter broke", at);
        } else if (orphan > 0 && !WIFEXITED(status) && WTERMSIG(status) != SIGTERM) {
            fault("the command ended by another signal", at);
        } else if (orphan == 0) {
            char path[64], text[100] = "";
            snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
            int fd = open(path, O_RDONLY);
            ssize_t n = read(fd, text, sizeof text - 1);
            close(fd);
            pid_t only = n > 0 ? atoi(text) : 0;
            char *next = n > 0 ? strchr(text, ' ') : NULL;
            int alone = only == waits && (!next || !next[1]);
            if (waits && alone && !set && !owned && state_of(waits) == 'S') {
                toc_event_set(e); /* nothing was promised; now it comes, from somebody else */
                set = 1;
            }
            if (time(NULL) >= until) {
                fault(alone ? "a waiter was never told" : "the command was never told", at);
                for (char *one = text; (only = (pid_t)strtol(one, &one, 10)) > 0;)
                    kill(only, SIGKILL); /* it has our output open, and nobody would see its end */
                while (waitpid(-1, NULL, 0) > 0)
                    ;
                break;
            }
        }
    }
    int fd = open(log_path, O_RDONLY);
    if (fd >= 0) {
        if (read(fd, done, 2) < 0)
            die("log");
        close(fd);
    }
    if (set_by_run && strcmp(done, "se"))
        fault("it is set, and the command had not ended", at);
    toc_event_free(e);

    pid_t again = fork();
    if (again == 0) {
        execl(tocsin, "tocsin", "run", "--at", dir, "--sets", "x", "--", self, "ends", log_path, NULL);
        _exit(4);
    }
    status = ended(again);
    if (status != 0)
        fault("the next run of the job fails", at);
    e = event("x");
    if (toc_event_is_set(e) != 1)
        fault("the next run of the job did not set it", at);
    toc_unlink(toc_event_path(e));
    toc_event_free(e);
}

/* A place to die: so many system calls have returned, and then so many instructions. A stretch may be an instruction longer
 * from run to run, and most of the way goes in strides from call to call. */
struct point {
    long calls, steps;
    int eventful; /* beside a system call */
};

/* To the end (`to` NULL) or to a point; kills run, judges. Into `seen`, if there is room, all points on the way. */
static long one(const struct point *to, struct point *seen, long room)
{
    toc_event_free(event("x"));
    pid_t waits = waiter(), run = begin(), stepped = s->in_child ? to_child(run) : run;
    struct point at = {0};
    long count = 0;
    int on = 1;
    for (; on && to && at.calls < to->calls; at.calls++)
        on = go(stepped, PTRACE_SYSCALL) && go(stepped, PTRACE_SYSCALL);
    for (int after = 1; on && (!to || at.steps < to->steps); count++) {
        int in = to ? 0 : enters(stepped);
        at.eventful = in || after;
        if (count < room)
            seen[count] = at;
        after = in;
        on = go(stepped, PTRACE_SINGLESTEP) && !(s->in_child && has_become(stepped));
        at = in ? (struct point){.calls = at.calls + 1} : (struct point){.calls = at.calls, .steps = at.steps + 1};
    }
    kill(run, SIGKILL);
    if (stepped != run)
        ptrace(PTRACE_DETACH, stepped, 0, 0); /* the child goes on alone */
    int status;
    while (waitpid(run, &status, 0) == run && !WIFEXITED(status) && !WIFSIGNALED(status))
        ;
    kills++;
    judge(waits, to ? to->calls * 100000 + to->steps : -1);
    return count;
}

int main(int argc, char **argv)
{
    if (argc == 3) { /* the command */
        int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (write(fd, "s", 1) != 1)
            return 5;
        while (!strcmp(argv[1], "stays"))
            pause();
        return write(fd, "e", 1) == 1 ? 0 : 5;
    }
    if (argc < 5)
        die("usage: run_step DIR TOCSIN SHARE SEED [PATIENCE [SCENE]]");
    char me[600];
    ssize_t n = readlink("/proc/self/exe", me, sizeof me - 1);
    me[n < 0 ? 0 : n] = 0;
    self = me;
    tocsin = argv[2];
    snprintf(dir, sizeof dir, "%s", argv[1]);
    snprintf(log_path, sizeof log_path, "%s/log", argv[1]);
    long share = atol(argv[3]);
    if (argc > 5)
        patience = atoi(argv[5]);
    random_state = strtoull(argv[4], NULL, 10) * 0x9e3779b97f4a7c15u | 1;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    cpu_set_t one_cpu;
    CPU_ZERO(&one_cpu);
    CPU_SET(sched_getcpu(), &one_cpu);
    sched_setaffinity(0, sizeof one_cpu, &one_cpu); /* tracer and tracee take turns */
    long room = 1 << 20, scenes = 0, instructions = 0;
    struct point *all = malloc((size_t)room * sizeof *all);
    for (size_t i = 0; all && i < sizeof SCENES / sizeof *SCENES && !faults; i++) {
        s = &SCENES[i];
        if (argc > 6 && strcmp(argv[6], s->name))
            continue;
        scenes++;
        long before = kills, count = one(NULL, all, room);
        for (long k = 0; k < count && k < room && !faults; k++)
            if (share == 0 || all[k].eventful || draw() % 10000 < (uint64_t)share)
                one(&all[k], NULL, 0);
        instructions += count;
        printf("%s: %ld instructions, %ld kills\n", s->name, count, kills - before);
    }
    printf("TOTAL scenes=%ld instructions=%ld kills=%ld faults=%ld\n", scenes, instructions, kills, faults);
    return faults ? 1 : 0;
}
