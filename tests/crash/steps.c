/* steps.c: dies at a named step of the core (step.h), in every scenario that reaches it.
 *
 *      steps DIR NAME
 *
 * Built with -DTOC_STEPS. Says which scenarios reached the step; exits 1 if somebody was left asleep, or if
 * no scenario reached it: a step that nobody tests may as well not be there. */
#include "bench.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* 1: it died there; 0: it passed by (or sleeps, or is done). */
static int run(struct ctx *c, const struct scenario *s, const char *name, const char **fault)
{
    int status;
    bench_begin(c, s);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        toc_event *e = s->opens ? NULL : bench_open(c);
        setenv("TOC_STEP_KILL", name, 1); /* not before: what leads to the operation is to live */
        s->op(c, e);
        _exit(0);
    }
    for (; waitpid(pid, &status, WNOHANG) == 0; sched_yield())
        if (s->sleeps && bench_state_of(pid) == 'S') {
            kill(pid, SIGTERM); /* not SIGKILL: that would look like the step */
            waitpid(pid, &status, 0);
            break;
        }
    int reached = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    *fault = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "the operation hangs" : bench_survivors(c);
    if (!*fault)
        *fault = bench_fresh(c);
    if (*fault)
        printf("FAULT %s at %s: %s\n", s->name, name, *fault);
    bench_end(c);
    return reached;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        die("usage: steps DIR NAME");
    int reached = 0, faults = 0;
    umask(022);
    chmod(argv[1], 01777);
    struct ctx *c = bench_new(argv[1]);
    for (int i = 0; i < N_SCENARIOS; i++) {
        const char *fault;
        if (SCENARIOS[i].arrives)
            continue;
        if (run(c, &SCENARIOS[i], argv[2], &fault)) {
            printf("died in: %s\n", SCENARIOS[i].name);
            reached++;
        }
        faults += !!fault;
    }
    printf("TOTAL step=%s reached=%d faults=%d\n", argv[2], reached, faults);
    return reached == 0 || faults ? 1 : 0;
}
