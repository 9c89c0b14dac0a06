/* bench.c: one object, as a scenario wants it. See bench.h. */
#include "bench_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int patience = 60;

void die(const char *what)
{
    fprintf(stderr, "the bench itself failed: %s (%s)\n", what, strerror(errno));
    exit(3);
}

struct ctx *bench_new(const char *dir)
{
    struct ctx *c = calloc(1, sizeof *c);
    c->page = mmap(NULL, sizeof *c->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c->page == MAP_FAILED || snprintf(c->dir, sizeof c->dir, "%s", dir) >= (int)sizeof c->dir)
        die("memory");
    return c;
}

pid_t bench_fork(int seconds)
{
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(3);
        alarm((unsigned)seconds);
    }
    return pid;
}

char bench_state_of(pid_t pid)
{
    char path[40], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 'X';
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    const char *end = strrchr(text, ')');
    return end ? end[2] : 'X';
}

toc_event *bench_open(struct ctx *c)
{
    toc_options o = TOC_DEFAULTS;
    toc_event *e = NULL;
    if (c->shared)
        return c->shared;
    o.at = c->dir;
    c->page->op_rc = toc_event_open(&e, c->s->object ? c->s->object : "x", &o);
    return e;
}

/* -- the object */

static void hidden_path(struct ctx *c, char out[700], const char *end)
{
    snprintf(out, 700, "%s/.x.%016llx.bell%s", c->dir, (unsigned long long)c->head->id, end);
}

static void map_object(struct ctx *c, int fd)
{
    if (fd < 0)
        die("opening the object");
    c->head = mmap(NULL, TOC_EVENT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (c->head == MAP_FAILED)
        die("mapping the object");
}

static void prepare(struct ctx *c)
{
    const struct scenario *s = c->s;
    char path[700];
    if (s->anonymous) {
        int memory, pipe;
        if (toc_event_open(&c->shared, NULL, NULL) < 0)
            die("anonymous");
        toc_event_descriptors(c->shared, &memory, &pipe);
        map_object(c, memory);
        return;
    }
    toc_event *e = bench_open(c);
    if (!e)
        die("making the object");
    if (s->start == LATCHED && toc_event_set(e) < 0)
        die("set");
    if (s->start >= WITH_BELL && s->start <= MARKED && toc_event_fileno(e) < 0)
        die("fileno");
    toc_event_free(e);
    if (s->start == LEFT) {
        pid_t owner = bench_fork(HANG_S);
        if (owner == 0)
            _exit(toc_event_own(bench_open(c), "who died") < 0);
        int status;
        if (waitpid(owner, &status, 0) < 0 || status)
            die("own");
    }
    int fd = open(c->path, O_RDWR | O_CLOEXEC);
    map_object(c, fd);
    close(fd);
    if (s->start == NO_FIFO) {
        hidden_path(c, path, "");
        if (unlink(path) < 0)
            die("the bell's name");
    }
    if (s->start == MARKED) {
        hidden_path(c, path, ".new");
        if (mkfifo(path, 0600) < 0)
            die("the dead maker's name");
        __atomic_fetch_or(&c->head->word, TOC_REMOVED, __ATOMIC_ACQ_REL);
    }
}

static void fill_bell(struct ctx *c)
{
    char path[700], bytes[4096] = {0};
    hidden_path(c, path, "");
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        die("filling the bell");
    while (write(fd, bytes, sizeof bytes) > 0) {}
    while (write(fd, bytes, 1) > 0) {}
    close(fd);
}

void bench_begin(struct ctx *c, const struct scenario *s)
{
    c->s = s;
    c->head = NULL;
    c->shared = NULL;
    c->waiters = 0;
    memset(c->page, 0, sizeof *c->page);
    snprintf(c->path, sizeof c->path, "%s/%s", c->dir, s->object ? s->object : "x");
    if (s->start != NOTHING)
        prepare(c);
    if (s->start == LATCHED && s->anonymous)
        toc_event_set(c->shared);
    /* Listeners before sleepers: once somebody has slept, a young bell costs its listener 100 ms. */
    static const unsigned ORDER[KINDS] = {LISTENER, CLEARER, NEXT, SLEEPER};
    for (int i = 0; i < KINDS; i++)
        if (s->before & ORDER[i]) {
            add_waiter(c, ORDER[i], 0);
            await_asleep(c, &c->waiter[c->waiters - 1]);
        }
    if (s->start == FULL_BELL)
        fill_bell(c);
    for (int i = 0; i < KINDS; i++)
        if (s->arrives & ORDER[i]) {
            int status;
            add_waiter(c, ORDER[i], 1);
            if (waitpid(c->waiter[c->waiters - 1].pid, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
                die("one who comes later");
        }
    c->begun_with = c->head ? load(&c->head->word) : 0;
}

void bench_end(struct ctx *c)
{
    for (int i = 0; i < c->waiters; i++)
        if (c->waiter[i].pid) {
            kill(c->waiter[i].pid, SIGKILL);
            waitpid(c->waiter[i].pid, NULL, 0);
        }
    if (c->head)
        munmap(c->head, TOC_EVENT_SIZE);
    if (c->shared)
        toc_event_free(c->shared);
    c->head = NULL;
    c->shared = NULL;
    bench_empty(c->dir, 0);
}
