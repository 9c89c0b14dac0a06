/* data_kill.c: somebody is killed who signals, or writes a value, or waits for one. Nobody else may notice.
 *
 *      data_kill DIR step NAME             at a named step of the core (built with -DTOC_STEPS)
 *      data_kill DIR every SHARE SEED [PATIENCE]   at instructions: SHARE of 10,000 by chance, and a third of the
 *                                          eventful ones (from 1,000 on: all of those; 0: all). PATIENCE: seconds
 *
 * After each kill, with nobody's help: the value is the one before or the new one, whole; if it is the new one (or the
 * count moved), whoever waited must come back, else must not. Then a fresh process reads, writes, listens, and finds
 * nothing left behind by the dead one. */
#include "bench.h"
#include "walk.h"

#include "../../core/objects/data.h"
#include "../../core/parts/lock.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAR (TOC_DATA_NEAR + 8) /* one word more than fits the object's file */
#define H(w) ((toc_handle *)(w))

enum does { SIGNALS, WRITES, WAITS, UNLINKS };

struct scene {
    const char *name;
    int signal; /* a Signal, else a DataEvent */
    enum does does;
    unsigned waits; /* SLEEPER, LISTENER */
    size_t before, after; /* bytes of the value that is there, and of the one that is written */
    int anonymous, busy;  /* busy: somebody else has the lock */
};

static const struct scene SCENES[] = {
    {"signal: nobody listens", 1, SIGNALS, 0, .before = 1},
    {"signal: one waits", 1, SIGNALS, SLEEPER, 0},
    {"signal: one waits, one polls", 1, SIGNALS, SLEEPER | LISTENER, .before = 1},
    {"signal: anonymous, one waits", 1, SIGNALS, SLEEPER, .anonymous = 1},
    {"signal: wait falls asleep", 1, WAITS, 0},
    {"signal: unlink, one waits", 1, UNLINKS, SLEEPER},
    {"data: the first value", 0, WRITES, 0, 0, 40},
    {"data: a small one, one waits, one polls", 0, WRITES, SLEEPER | LISTENER, 40, 48},
    {"data: a large one for a small one", 0, WRITES, SLEEPER, 40, FAR},
    {"data: a large one for a large one", 0, WRITES, 0, FAR, FAR + 8},
    {"data: a small one for a large one", 0, WRITES, LISTENER, FAR, 40},
    {"data: anonymous, a large one for a large one", 0, WRITES, SLEEPER, FAR, FAR + 8, .anonymous = 1},
    {"data: a write that waits for the lock", 0, WRITES, 0, 40, 48, .busy = 1},
    {"data: wait falls asleep", 0, WAITS, 0, .before = 40},
    {"data: unlink of a large one, one waits", 0, UNLINKS, SLEEPER, .before = FAR},
};
#define N_SCENES ((int)(sizeof SCENES / sizeof *SCENES))

static struct shared {
    uint32_t done;
    int rc;
    char fault[300];
    struct { uint32_t phase; int64_t rc; } slot[2];
} *page;

static struct world {
    const struct scene *s;
    char dir[512], path[600];
    void *handle; /* ours; an anonymous object's is everyone's */
    struct toc_head *head;
    pid_t waiter[2];
    int waiters;
    uint64_t begun_with;
} world;

static long points;
static int faults;

static uint64_t load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

static void *opened(int replay)
{
    toc_options o = TOC_DEFAULTS;
    void *out = NULL;
    o.at = world.dir;
    const char *name = world.s->anonymous ? NULL : "x";
    page->rc = world.s->signal ? toc_signal_open((toc_signal **)&out, name, &o, replay)
                               : toc_data_open((toc_data **)&out, name, &o, replay);
    return out;
}

/* An anonymous one has one handle per process, the inherited one: its cursor is a copy. */
static void *own(int replay) { return world.s->anonymous ? world.handle : opened(replay); }

static int write_value(void *handle, size_t length, char letter, uint64_t *version)
{
    char bytes[FAR + 8];
    memset(bytes, letter, length);
    if (world.s->signal)
        return toc_signal_signal(handle, version);
    int rc;
    do
        rc = toc_data_signal(handle, bytes, length, -1, TOC_FOREVER, version);
    while (rc == -EINTR);
    return rc;
}

static uint64_t count_of(void *handle)
{
    uint64_t n = 0;
    if (world.s->signal)
        toc_signal_count(handle, &n);
    else
        toc_data_version(handle, &n);
    return n;
}

static int64_t wait_once(void *handle, int64_t deadline)
{
    char bytes[FAR + 8];
    size_t length;
    uint64_t version;
    return world.s->signal ? toc_signal_wait(handle, deadline)
                           : toc_data_wait(handle, bytes, sizeof bytes, &length, &version, deadline);
}

static void free_handle(void *handle)
{
    if (world.s->signal)
        toc_signal_free(handle);
    else
        toc_data_free(handle);
}

/* -- those who wait */

static void waiter_main(int polls, int slot)
{
    void *handle = own(0);
    struct pollfd p = {polls ? toc_fileno(H(handle)) : -1, POLLIN, 0};
    int64_t rc;
    __atomic_store_n(&page->slot[slot].phase, 1, __ATOMIC_RELEASE);
    do {
        if (polls)
            poll(&p, 1, -1);
        rc = wait_once(handle, polls ? 0 : TOC_FOREVER);
    } while (rc == -EINTR || (polls && rc == 0));
    page->slot[slot].rc = rc;
    _exit(0);
}

static void add_waiter(int polls)
{
    int slot = world.waiters;
    uint64_t bit = polls || world.s->signal ? TOC_BELL : TOC_SLEEPERS;
    pid_t pid = world.waiter[world.waiters++] = bench_fork(HANG_S);
    if (pid == 0)
        waiter_main(polls, slot);
    while (!__atomic_load_n(&page->slot[slot].phase, __ATOMIC_ACQUIRE) || bench_state_of(pid) != 'S' || !(load(&world.head->word) & bit))
        sched_yield();
}

/* -- one kill */

static void begin(const struct scene *s)
{
    memset(page, 0, sizeof *page);
    memset(&world.waiter, 0, sizeof world.waiter);
    world.s = s;
    world.waiters = 0;
    world.handle = opened(0);
    if (!world.handle)
        die("making the object");
    world.head = ((struct toc_handle *)world.handle)->o.head;
    if (s->before && write_value(world.handle, s->before, 'a', NULL) < 0)
        die("the value before");
    if (s->before && wait_once(world.handle, 0) < 1)
        die("its cursor");
    if (s->waits & LISTENER)
        add_waiter(1);
    if (s->waits & SLEEPER)
        add_waiter(0);
    if (s->busy) {
        struct toc_owner *me;
        if (toc_handle_owner(world.handle, (uint64_t)sys_now_coarse(), &me) < 0)
            die("the lock's holder");
        data_file(world.handle)->lock = me->id << 2;
    }
    world.begun_with = count_of(world.handle);
}

static void operate(void)
{
    int64_t rc = 0;
    if (world.s->does == UNLINKS)
        rc = toc_unlink(world.path);
    else {
        void *handle = own(0);
        if (!handle)
            _exit(4);
        walk_trace_me();
        rc = world.s->does == WAITS ? wait_once(handle, TOC_FOREVER) : write_value(handle, world.s->after, 'b', NULL);
    }
    page->rc = (int)rc;
    __atomic_store_n(&page->done, 1, __ATOMIC_RELEASE);
    _exit(0);
}

static const char *complain(const char *what, long long number)
{
    snprintf(page->fault, sizeof page->fault, "%s: %lld (word %#llx)", what, number, (unsigned long long)load(&world.head->word));
    return page->fault;
}

static const char *reap(int i, int removed)
{
    int status;
    if (waitpid(world.waiter[i], &status, 0) < 0)
        die("waitpid");
    world.waiter[i] = 0;
    if (WIFSIGNALED(status))
        return complain("who waited was left asleep; signal", WTERMSIG(status));
    int64_t rc = page->slot[i].rc;
    return rc > 0 || (removed && rc == -EIDRM) ? NULL : complain("who waited got", rc);
}

static const char *survivors(int *changed)
{
    int removed = !!(load(&world.head->word) & TOC_REMOVED), status;
    *changed = count_of(world.handle) != world.begun_with;
    for (int i = 0; i < world.waiters; i++) {
        const char *fault = NULL;
        if (*changed || removed)
            fault = reap(i, removed);
        else if (waitpid(world.waiter[i], &status, WNOHANG) != 0) {
            world.waiter[i] = 0;
            fault = complain("who waited came back without a reason, with", page->slot[i].rc);
        }
        if (fault)
            return fault;
    }
    return NULL;
}

/* Names in the place that begin so. */
static int names(const char *begin_with, const char *contain)
{
    int found = 0;
    DIR *d = opendir(world.dir);
    if (!d)
        die("the place");
    for (struct dirent *e; (e = readdir(d));)
        found += strncmp(e->d_name, begin_with, strlen(begin_with)) == 0 && strstr(e->d_name, contain);
    closedir(d);
    return found;
}

#define MUST(what, got, wanted)                                          \
    do {                                                                 \
        long long must_got = (got);                                      \
        if (must_got != (long long)(wanted)) {                           \
            complain("a fresh process: " what " gave", must_got);        \
            return;                                                      \
        }                                                                \
    } while (0)

static void look(void *handle, size_t length_wanted, char letter)
{
    char bytes[FAR + 8];
    size_t length = 0;
    uint64_t version;
    int rc = toc_data_latest(handle, bytes, sizeof bytes, &length, &version);
    MUST("latest", rc, length_wanted ? 0 : -ENODATA);
    if (rc == -ENODATA)
        return;
    MUST("the length", length, length_wanted);
    for (size_t i = 0; i < length; i++)
        MUST("a letter of the value", bytes[i], letter);
}

static void fresh_main(int changed, int removed)
{
    void *handle = own(1);
    uint64_t n, version = 0;
    MUST("open", handle ? 0 : page->rc, 0);
    n = removed ? 0 : world.begun_with + (uint64_t)changed;
    MUST("the count", count_of(handle), n);
    if (!world.s->signal) {
        look(handle, removed ? 0 : changed ? world.s->after : world.s->before, changed ? 'b' : 'a');
        if (page->fault[0])
            return;
    }
    int fd = toc_fileno(H(handle));
    MUST("fileno", fd < 0, 0);
    static const size_t SIZES[] = {FAR, FAR, 20};
    for (int i = 0; i < 3; i++) {
        MUST("signal", write_value(handle, SIZES[i], 'c', &version), 0);
        MUST("its number", version, ++n);
        MUST("its descriptor after it", poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0), 1);
        MUST("wait", wait_once(handle, TOC_FOREVER) > 0, 1);
        if (!world.s->signal)
            look(handle, SIZES[i], 'c');
        if (page->fault[0])
            return;
        /* The descriptor is a hint: those who leave ring, too. */
        int noisy = 0;
        for (; noisy < 1000 && poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0); noisy++)
            MUST("wait that nobody ends", wait_once(handle, 0), 0);
        MUST("its descriptor that stays readable", noisy == 1000, 0);
        if (!world.s->anonymous)
            MUST("the files of values", names(".x.", ".v"), !world.s->signal && SIZES[i] > TOC_DATA_NEAR);
    }
}

static const char *fresh(int changed)
{
    int status, removed = !!(load(&world.head->word) & TOC_REMOVED);
    if (load(&world.head->bell_made_ns) > 0) /* time passes: nobody waits out a young bell at every kill */
        __atomic_fetch_sub(&world.head->bell_made_ns, 1000000000, __ATOMIC_ACQ_REL);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        fresh_main(changed, removed);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (page->fault[0])
        return page->fault;
    if (!WIFEXITED(status))
        return WTERMSIG(status) == SIGALRM ? "a fresh process hangs" : "a fresh process died";
    for (int i = 0; i < world.waiters; i++) {
        const char *fault = world.waiter[i] ? reap(i, removed) : NULL;
        if (fault)
            return fault;
    }
    if (world.s->anonymous)
        return NULL;
    int rc = toc_unlink(world.path);
    if (rc < 0)
        return complain("unlink gave", rc);
    int left = names("x", "") + names(".x.", ".v");
    if (world.s->does != UNLINKS) /* a bell that was made beside a remover may stay */
        left += names(".x.", "");
    return left ? complain("names left behind", left) : NULL;
}

static void end(void)
{
    for (int i = 0; i < world.waiters; i++)
        if (world.waiter[i]) {
            kill(world.waiter[i], SIGKILL);
            waitpid(world.waiter[i], NULL, 0);
        }
    free_handle(world.handle);
    bench_empty(world.dir, 0);
}

static void judge(const char *where)
{
    int changed = 0;
    const char *fault = survivors(&changed);
    if (world.s->busy)
        toc_lock_give(&data_file(world.handle)->lock);
    if (!fault)
        fault = fresh(changed);
    if (fault) {
        printf("FAULT %s, killed %s: %s\n", world.s->name, where, fault);
        faults++;
    }
    end();
    points++;
}

/* -- at a named step */

static int step(const struct scene *s, const char *name)
{
    int status;
    begin(s);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        void *handle = s->does == UNLINKS ? NULL : own(0);
        setenv("TOC_STEP_KILL", name, 1); /* not before: what leads to the operation is to live */
        if (s->does == UNLINKS)
            toc_unlink(world.path);
        else if (s->does == WAITS)
            wait_once(handle, TOC_FOREVER);
        else
            write_value(handle, s->after, 'b', NULL);
        _exit(0);
    }
    for (; waitpid(pid, &status, WNOHANG) == 0; sched_yield())
        if ((s->does == WAITS || s->busy) && bench_state_of(pid) == 'S') {
            kill(pid, SIGTERM); /* not SIGKILL: that would look like the step */
            waitpid(pid, &status, 0);
            break;
        }
    judge(name);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* -- at instructions */

static void start(struct walk *w)
{
    *w = (struct walk){.done = &page->done, .word = {&world.head->word}, .sleeps = world.s->does == WAITS || world.s->busy};
    if (!world.s->signal)
        w->word[1] = &data_file(world.handle)->lock;
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        if (world.s->does == UNLINKS)
            walk_trace_me();
        operate();
    }
    walk_adopt(w, pid);
}

static void every(const struct scene *s, long share)
{
    struct plan plan = {0};
    struct walk w;
    char where[80];
    begin(s);
    start(&w);
    enum step r = walk_survey(&w, &plan, share, share && share < 1000 ? 3 : 1, 10000);
    walk_kill(&w);
    if (r == BROKEN || (r == ENDED && page->rc < 0)) {
        printf("FAULT %s, not killed at all, gave %d\n", s->name, r == BROKEN ? -1 : page->rc);
        faults++;
    }
    judge("at its end");
    long before = points;
    for (long i = 0; i < plan.count && !faults; i++) {
        begin(s);
        start(&w);
        if (walk_to(&w, plan.points[i]) == BROKEN) {
            printf("FAULT %s died by itself, or hangs\n", s->name);
            faults++;
        }
        walk_kill(&w);
        snprintf(where, sizeof where, "after %ld calls and %ld steps", plan.points[i].calls, plan.points[i].steps);
        judge(where);
    }
    printf("%s: %ld instructions, %ld kills\n", s->name, plan.steps, points - before);
    free(plan.points);
}

int main(int argc, char **argv)
{
    int by_name = argc == 4 && strcmp(argv[2], "step") == 0, reached = 0;
    if (!by_name && !((argc == 5 || argc == 6) && strcmp(argv[2], "every") == 0))
        die("usage: data_kill DIR step NAME | DIR every SHARE SEED");
    umask(022);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        die("memory");
    snprintf(world.dir, sizeof world.dir, "%s", argv[1]);
    snprintf(world.path, sizeof world.path, "%s/x", argv[1]);
    if (!by_name) {
        walk_seed(strtoull(argv[4], NULL, 10));
        walk_one_processor();
        if (argc == 6)
            patience = atoi(argv[5]);
    }
    for (int i = 0; i < N_SCENES && (by_name || !faults); i++) {
        if (!by_name) {
            every(&SCENES[i], atol(argv[3]));
        } else if (step(&SCENES[i], argv[3])) {
            printf("died in: %s\n", SCENES[i].name);
            reached++;
        }
    }
    printf("TOTAL reached=%d kills=%ld faults=%d\n", reached, points, faults);
    return faults ? 1 : 0;
}
