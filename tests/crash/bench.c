/* bench.c: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int patience = 20;

void die(const char *what)
{
    fprintf(stderr, "the bench itself failed: %s (%s)\n", what, strerror(errno));
    exit(3);
}

static uint64_t load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

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

/* -- those who wait */

static int listen_for_set(toc_event *e, uint64_t since)
{
    struct pollfd p = {toc_event_fileno(e), POLLIN, 0};
    uint64_t generation;
    if (p.fd < 0)
        return p.fd;
    for (;; poll(&p, 1, -1)) { /* look first: a pulse inside toc_event_fileno has left no edge */
        int rc = toc_event_is_set(e);
        if (rc < 0 || (rc = toc_event_generation(e, &generation)) < 0)
            return rc;
        if (generation > since)
            return 1;
    }
}

static void waiter_main(struct ctx *c, unsigned kind, struct slot *s, int comes_later)
{
    toc_event *e = bench_open(c);
    if (!e)
        _exit(4);
    if (comes_later)
        raise(SIGSTOP);
    s->clears = toc_event_clears(e);
    s->since = s->clears;
    if (kind == NEXT)
        toc_event_generation(e, &s->since);
    __atomic_store_n(&s->phase, 1, __ATOMIC_RELEASE);
    do
        s->rc = kind == LISTENER ? listen_for_set(e, s->since)
            : kind == CLEARER ? toc_event_wait_clear(e, s->clears, TOC_FOREVER)
            : toc_event_wait(e, s->since, TOC_FOREVER);
    while (s->rc == -EINTR);
    s->phase = 2;
    _exit(0);
}

static void add_waiter(struct ctx *c, unsigned kind, int comes_later)
{
    struct slot *s = &c->page->slot[c->waiters];
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0)
        waiter_main(c, kind, s, comes_later);
    c->waiter[c->waiters++] = (struct waiter){pid, kind, s};
}

/* Asleep, or already back. The bit in the word and the kernel's own word for it: nobody guesses by the clock. */
static void await_asleep(struct ctx *c, const struct waiter *w)
{
    uint64_t bit = w->kind == SLEEPER ? TOC_SLEEPERS : w->kind == LISTENER ? TOC_BELL : TOC_CBELL;
    for (;;) {
        char state = bench_state_of(w->pid);
        if (state == 'Z' || state == 'X')
            return;
        uint64_t word = load(&c->head->word);
        if (__atomic_load_n(&w->slot->phase, __ATOMIC_ACQUIRE) == 1 && state == 'S' && (word & bit))
            return;
        sched_yield();
    }
}

void bench_arrive(struct ctx *c)
{
    for (int i = 0; i < c->waiters; i++) {
        struct waiter *w = &c->waiter[i];
        if (w->slot->phase != 0)
            continue;
        kill(w->pid, SIGCONT);
        await_asleep(c, w);
    }
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
    if (s->start >= WITH_BELL && toc_event_fileno(e) < 0)
        die("fileno");
    toc_event_free(e);
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

/* -- what must be true after a kill */

static const char *KIND_NAMES[] = {[SLEEPER] = "the sleeper", [LISTENER] = "the listener", [CLEARER] = "who waits for the clear",
                                   [NEXT] = "who waits for the next set"};

static const char *complain(struct ctx *c, const struct waiter *w, const char *what, int number)
{
    snprintf(c->page->fault, sizeof c->page->fault, "%s %s %d (word now %#llx, it waits since %llu)", KIND_NAMES[w->kind], what,
             number, (unsigned long long)load(&c->head->word), (unsigned long long)w->slot->since);
    return c->page->fault;
}

static const char *reap(struct ctx *c, struct waiter *w, int gone)
{
    int status;
    if (waitpid(w->pid, &status, 0) < 0)
        die("waitpid");
    w->pid = 0;
    if (WIFSIGNALED(status))
        return complain(c, w, WTERMSIG(status) == SIGALRM ? "was left asleep; signal" : "died by signal", WTERMSIG(status));
    if (w->slot->rc == 1 || (gone && w->slot->rc == -EIDRM))
        return NULL;
    return complain(c, w, "got", w->slot->rc);
}

const char *bench_survivors(struct ctx *c)
{
    uint64_t word = c->head ? load(&c->head->word) : 0;
    for (int i = 0; i < c->waiters; i++) {
        struct waiter *w = &c->waiter[i];
        if (!w->pid || !w->slot->phase)
            continue;
        int released = w->kind == CLEARER ? word_clear_after(word, w->slot->clears) : word_set_after(word, w->slot->since);
        const char *fault = NULL;
        int status;
        if (released || (word & TOC_REMOVED))
            fault = reap(c, w, !!(word & TOC_REMOVED));
        else if (waitpid(w->pid, &status, WNOHANG) != 0) {
            w->pid = 0;
            fault = complain(c, w, "came back without a reason, with", w->slot->rc);
        }
        if (fault)
            return fault;
    }
    return NULL;
}

#define MUST(what, got, wanted)                                                                                        \
    do {                                                                                                               \
        long long must_got = (got);                                                                                    \
        if (must_got != (wanted)) {                                                                                    \
            snprintf(c->page->fault, sizeof c->page->fault, "a fresh process: %s gave %lld (%s)", what, must_got,       \
                     must_got < 0 ? toc_strerror((int)must_got) : "");                                                 \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

static int readable(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0);
}

/* Readable is a hint, and those who leave ring, too: then a look must quieten it, after as many as have left. */
static int noisy(toc_event *e, int fd)
{
    for (int i = 0; i < 1000; i++) {
        if (!readable(fd))
            return 0;
        toc_event_is_set(e);
    }
    return 1;
}

static void fresh_main(struct ctx *c)
{
    toc_stat st;
    const int64_t soon = toc_now() + HANG_S * 1000000000ll;
    toc_event *e = bench_open(c);
    MUST("open", e ? 0 : c->page->op_rc, 0);
    MUST("stat", toc_event_stat(e, &st), 0);
    MUST("the mark of removal", st.removed, 0);
    MUST("is_set", toc_event_is_set(e), (int)st.is_set);
    MUST("set", toc_event_set(e), 0);
    MUST("is_set after set", toc_event_is_set(e), 1);
    MUST("wait after set", toc_event_wait(e, toc_event_clears(e), soon), 1);
    uint64_t clears = toc_event_clears(e);
    MUST("clear", toc_event_clear(e), 0);
    MUST("is_set after clear", toc_event_is_set(e), 0);
    MUST("the count of clears", (long long)(toc_event_clears(e) - clears), 1);
    MUST("wait_clear after clear", toc_event_wait_clear(e, toc_event_clears(e), soon), 1);
    /* A listener too, where it does not cost 100 ms: the bell is old, or nobody ever slept. */
    MUST("stat", toc_event_stat(e, &st), 0);
    if (!(st.word & TOC_SLEPT) || (st.word & TOC_HASBELL)) {
        int fd = toc_event_fileno(e);
        MUST("fileno", fd < 0 ? fd : 0, 0);
        MUST("its descriptor before set", noisy(e, fd), 0);
        MUST("set", toc_event_set(e), 0);
        MUST("its descriptor after set", readable(fd), 1);
        MUST("clear", toc_event_clear(e), 0);
        MUST("its descriptor after clear", noisy(e, fd), 0);
    }
    MUST("wait that nobody ends", toc_event_wait(e, toc_event_clears(e), toc_now() + 1000), 0);
    MUST("set", toc_event_set(e), 0);
    MUST("clear", toc_event_clear(e), 0);
    if (!c->shared)
        toc_event_free(e);
}

const char *bench_fresh(struct ctx *c)
{
    int status;
    /* Time passes: nobody needs to wait out a young bell's 100 ms at every single kill. */
    if (c->head && load(&c->head->bell_made_ns) > 0)
        __atomic_fetch_sub(&c->head->bell_made_ns, 1000000000, __ATOMIC_ACQ_REL);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        fresh_main(c);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (c->page->fault[0])
        return c->page->fault;
    if (!WIFEXITED(status))
        return WTERMSIG(status) == SIGALRM ? "a fresh process hangs" : "a fresh process died";
    for (int i = 0; i < c->waiters; i++) {
        struct waiter *w = &c->waiter[i];
        const char *fault = w->pid && w->slot->phase ? reap(c, w, 0) : NULL;
        if (fault)
            return fault;
    }
    return c->s->anonymous ? NULL : bench_files(c);
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
