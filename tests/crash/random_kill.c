/* random_kill.c: SIGKILL at random times, into busy setters, openers, unlinkers and waiters of all kinds.
 *
 *      random_kill DIR PAGE [--kills N] [--seed S] [--evt-wait PROGRAM] [--python PYTHON --script WORKER]
 *
 * In each round everybody is busy with one event; after a random time some are killed. Then the others are
 * asked to stop starting new things ("freeze"), and the state is judged with nobody's help: is the event set,
 * everyone who waits for that must come out; is it clear, everyone who waits for that. Then a fresh handle
 * makes it the other way, and the rest must come out. Nobody may be left. The time limit is a hang detector.
 * PAGE is a file that all of them map: who does what, so that we know where the dead were hit. */
#include "bench.h"
#include "busy.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct busy_page *page;
static const char *dir, *page_path, *evt_wait, *python, *script;
static uint64_t random_state;
static long hit[ROLES][PHASES][2]; /* [1]: asleep in the kernel */
static long kills, rounds, by_the_dead, removals;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

static const enum role CREW[SLOTS] = {
    SETTER, SETTER, RINGER, OPENER, UNLINKER, CLEARING,
    SLEEPING, SLEEPING, LISTENING, LISTENING, WAITING_CLEAR,
    THREADS, THREADS, THREADS, /* one process, three threads */
    TASK, TASK,                /* one Python process: asyncio, and a thread of it */
    SHELL, SHELL,
};

static int group(int i) { return CREW[i] == THREADS ? 3 : CREW[i] == TASK ? 2 : 1; }
static int leads(int i) { return i == 0 || CREW[i] != CREW[i - 1] || (CREW[i] != THREADS && CREW[i] != TASK); }
static int used(int i) { return CREW[i] == SHELL ? !!evt_wait : CREW[i] == TASK ? !!python : 1; }
static uint32_t phase_of(int i) { return __atomic_load_n(&page->slot[i].phase, __ATOMIC_SEQ_CST); }

static void run_program(int i)
{
    char number[12];
    snprintf(number, sizeof number, "%d", i);
    if (CREW[i] == TASK)
        execl(python, python, script, dir, page_path, number, (char *)NULL);
    else if (i % 2) /* a shell as people have it */
        execl("/bin/sh", "sh", "-c", "exec \"$0\" --at \"$1\" x", evt_wait, dir, (char *)NULL);
    else
        execl(evt_wait, evt_wait, "--at", dir, "x", (char *)NULL);
    _exit(127);
}

static void hire(int i)
{
    if (!used(i))
        return;
    for (int n = 0; n < group(i); n++)
        page->slot[i + n].phase = CREW[i] == SHELL ? WAIT_SET : STARTING;
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(3);
        if (CREW[i] == SHELL) { /* it says when its event was removed, as it should */
            int null = open("/dev/null", O_WRONLY);
            dup2(null, 2);
        }
        if (CREW[i] == TASK || CREW[i] == SHELL)
            run_program(i);
        busy_main(page, CREW[i], i, dir, draw(UINT64_MAX));
    }
    for (int n = 0; n < group(i); n++)
        page->slot[i + n].pid = pid;
}

static void lost(const char *what, toc_event *e)
{
    toc_stat st = {0};
    if (e)
        toc_event_stat(e, &st);
    printf("FAULT %s: round %ld, kills %ld, word %#llx\n", what, rounds, kills, (unsigned long long)st.word);
    for (int i = 0; i < SLOTS; i++)
        if (used(i))
            printf("  %-14s pid %d phase %s state %c\n", ROLE_NAMES[CREW[i]], page->slot[i].pid, PHASE_NAMES[phase_of(i)],
                   bench_state_of(page->slot[i].pid));
    printf("TOTAL kills=%ld rounds=%ld hangs=1\n", kills, rounds);
    exit(1);
}

/* A shell's command has no phase of its own: it waits, or it is gone, and then how it went must be right. */
static void look_at_shells(toc_event *e)
{
    for (int i = 0; i < SLOTS; i++) {
        int status;
        if (CREW[i] != SHELL || phase_of(i) != WAIT_SET || !used(i) || waitpid(page->slot[i].pid, &status, WNOHANG) == 0)
            continue;
        if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3))
            lost("evt_wait ended wrongly", e);
        page->slot[i].phase = PARKED;
    }
}

/* Everybody is parked, or waits for what `may_wait` allows. Workers that die by themselves are a fault. */
static void settle(toc_event *e, unsigned may_wait, const char *otherwise)
{
    for (int64_t end = toc_now() + HANG_S * 1000000000ll;;) {
        int busy = 0, status = 0;
        look_at_shells(e);
        for (int i = 0; i < SLOTS; i++) {
            uint32_t phase = phase_of(i);
            if (!used(i) || phase == PARKED || (may_wait & 1u << phase))
                continue;
            /* An interpreter takes its time to start, and has nothing to lose before it first asks to begin. */
            busy += CREW[i] != TASK || phase != STARTING;
            if (CREW[i] != SHELL && waitpid(page->slot[i].pid, &status, WNOHANG) > 0)
                lost("a worker died by itself", e);
        }
        if (!busy)
            return;
        if (toc_now() > end)
            lost(otherwise, e);
        sched_yield();
    }
}

static void freeze(uint32_t on)
{
    __atomic_store_n(&page->frozen, on, __ATOMIC_SEQ_CST);
    if (!on)
        busy_unpark(page);
}

static void kill_some(void)
{
    for (uint64_t n = 1 + draw(3); n > 0; n--) {
        int i;
        do
            i = (int)draw(SLOTS);
        while (!used(i) || !leads(i) || phase_of(i) == DEAD || phase_of(i) == PARKED || (CREW[i] == TASK && phase_of(i) == STARTING));
        if (CREW[i] == TASK && draw(4)) /* an interpreter costs as much to start as all others together */
            continue;
        pid_t pid = page->slot[i].pid;
        int asleep = bench_state_of(pid) == 'S';
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        for (int k = 0; k < group(i); k++) {
            hit[CREW[i]][phase_of(i + k)][asleep]++;
            page->slot[i + k].phase = DEAD;
        }
        kills++;
    }
}

static void hangs(int signal)
{
    (void)signal;
    static const char text[] = "FAULT open, set or clear after a kill did not return\n";
    if (write(1, text, sizeof text - 1)) {}
    _exit(1);
}

static int change(toc_event *e, int on)
{
    alarm(HANG_S);
    int rc = on ? toc_event_set(e) : toc_event_clear(e);
    alarm(0);
    return rc;
}

static void judge(void)
{
    toc_options o = TOC_DEFAULTS;
    toc_event *e = NULL;
    o.at = dir;
    const unsigned any = 1u << WAIT_SET | 1u << WAIT_CLEAR | 1u << DEAD;
    settle(NULL, any, "somebody hangs in a call that does not wait");
    alarm(HANG_S);
    int rc = toc_event_open(&e, "x", &o);
    alarm(0);
    if (rc < 0) {
        printf("FAULT open gave %d\n", rc);
        exit(1);
    }
    int is_set = toc_event_is_set(e);
    const unsigned left = (is_set ? 1u << WAIT_CLEAR : 1u << WAIT_SET) | 1u << DEAD;
    settle(e, left, is_set ? "set, and somebody sleeps on" : "clear, and somebody waits on for it");
    by_the_dead += is_set;
    if ((rc = change(e, !is_set)) < 0)
        lost("the set or clear after the kill failed", e);
    settle(e, is_set ? 1u << DEAD | 1u << WAIT_SET : 1u << DEAD, "set (or cleared) anew, and somebody sleeps on");
    if (is_set && (rc = change(e, 1)) < 0)
        lost("the second set failed", e);
    settle(e, 1u << DEAD, "set anew, and somebody sleeps on");
    if (draw(2))
        change(e, 0);
    toc_event_free(e);
}

static void print_histogram(void)
{
    for (int r = 0; r < ROLES; r++)
        for (int p = 0; p < PHASES; p++)
            for (int a = 0; a < 2; a++)
                if (hit[r][p][a])
                    printf("HIT %-24s %-20s %-7s %6ld\n", ROLE_NAMES[r], PHASE_NAMES[p], a ? "asleep" : "running", hit[r][p][a]);
}

/* An interpreter that starts slowly is not to be had before; then it goes on until it was. */
static int was_hit(int role)
{
    for (int p = 0; p < PHASES; p++)
        if (hit[role][p][0] || hit[role][p][1])
            return 1;
    return 0;
}

static int all_were_hit(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (used(i) && !was_hit(CREW[i]))
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    long wanted = 1500;
    uint64_t seed = 1;
    if (argc < 3)
        die("usage: random_kill DIR PAGE [--kills N] [--seed S] [--evt-wait PROGRAM] [--python PYTHON --script WORKER]");
    dir = argv[1];
    page_path = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        const char *o = argv[i], *v = argv[i + 1];
        if (!strcmp(o, "--kills"))
            wanted = atol(v);
        else if (!strcmp(o, "--seed"))
            seed = strtoull(v, NULL, 0);
        else if (!strcmp(o, "--evt-wait"))
            evt_wait = v;
        else if (!strcmp(o, "--python"))
            python = v;
        else if (!strcmp(o, "--script"))
            script = v;
    }
    signal(SIGALRM, hangs);
    random_state = seed * 0x9e3779b97f4a7c15u | 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int fd = open(page_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *page) < 0)
        die("the page");
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        die("the page");
    freeze(1);
    for (int i = 0; i < SLOTS; i++)
        if (leads(i))
            hire(i);
    for (; kills < wanted || !all_were_hit(); rounds++) {
        /* A new object's bell is young and costs listeners 100 ms: so removal is not in every round. */
        removals += page->unlinking = draw(12) == 0;
        freeze(0);
        struct timespec t = {0, (long)draw(1500000)};
        nanosleep(&t, NULL);
        kill_some();
        freeze(1);
        judge();
        for (int i = 0; i < SLOTS; i++)
            if (leads(i) && (phase_of(i) == DEAD || CREW[i] == SHELL))
                hire(i);
    }
    print_histogram();
    printf("TOTAL kills=%ld rounds=%ld hangs=0 found_set=%ld removals=%ld seed=%llu\n", kills, rounds, by_the_dead, removals,
           (unsigned long long)seed);
    return 0; /* the kernel ends the workers: PR_SET_PDEATHSIG */
}
