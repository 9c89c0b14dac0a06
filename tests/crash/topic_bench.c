/* topic_bench.c: the scene of a kill: the topic, those who wait, and the operations. See topic_bench.h. */
#include "topic_bench.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared *page;
struct world world;

static void fill(unsigned char *to, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = number * 0x9e3779b97f4a7c15ull + i;
        memcpy(to + i, &word, 8);
    }
    memcpy(to, &number, 8);
}

toc_topic *scene_open(void)
{
    toc_topic *t = NULL;
    toc_topic_options o = TOC_TOPIC_DEFAULTS;
    o.common.at = world.dir;
    o.max_bytes = LEAST;
    int rc, memory, pipe;
    if (world.s->anonymous && world.witness) {
        toc_descriptors(H(world.witness), &memory, &pipe);
        rc = toc_topic_attach(&t, dup(memory), dup(pipe));
    } else {
        rc = toc_topic_open(&t, world.s->anonymous ? NULL : "x", &o);
    }
    if (rc < 0)
        page->rc = rc;
    return t;
}

int scene_emit(toc_topic *t, uint64_t number, size_t size, int64_t deadline)
{
    unsigned char bytes[LARGE];
    uint64_t sequence;
    int rc;
    fill(bytes, number, size);
    do
        rc = toc_topic_emit(t, bytes, size, deadline, &sequence);
    while (rc == -EINTR);
    return rc < 0 ? rc : sequence == number ? 0 : -EDOM;
}

int64_t scene_hear(toc_topic *t, uint64_t *missed, int64_t deadline)
{
    unsigned char bytes[LARGE], wanted[LARGE];
    toc_heard h;
    int64_t n;
    do
        n = toc_topic_read(t, bytes, sizeof bytes, &h, 1, missed, deadline);
    while (n == -EINTR);
    if (n <= 0)
        return n;
    fill(wanted, h.sequence, h.length);
    if ((h.length != SIZE && h.length != LARGE) || memcmp(bytes, wanted, h.length) != 0)
        return -EDOM;
    return (int64_t)h.sequence;
}

toc_topic_stat scene_stat(toc_topic *t)
{
    toc_topic_stat s = {0};
    toc_topic_state(t, &s);
    return s;
}

/* What the operation needs, made before it: its instructions are the core's. */
static unsigned char bytes_of[BATCH][LARGE];
static toc_item items[BATCH];

static int64_t emit_these(toc_topic *t, size_t count, int64_t deadline)
{
    size_t done;
    uint64_t sequence;
    return toc_topic_emit_many(t, items, count, deadline, &done, &sequence);
}

static int64_t read_these(toc_topic *t, size_t count, int64_t deadline)
{
    static unsigned char bytes[64 * LARGE];
    static toc_heard out[64];
    uint64_t missed;
    return toc_topic_read(t, bytes, sizeof bytes, out, count, &missed, deadline);
}

static int wants_to_hear(void)
{
    enum does d = world.s->does;
    return d == READS || d == READS_MANY || d == SLEEPS || d == CLOSES;
}

toc_topic *scene_prepare(void)
{
    toc_topic *t = world.s->anonymous ? world.hand : scene_open();
    for (unsigned i = 0; i < BATCH; i++) {
        size_t size = world.s->does == EMITS_LARGE ? LARGE : SIZE;
        fill(bytes_of[i], world.begun_with + 1 + i, size);
        items[i] = (toc_item){bytes_of[i], size};
    }
    /* It is somebody already; LISTENS is about becoming that. */
    if (t && world.s->does != LISTENS && toc_topic_ready(t) < 0)
        return NULL;
    if (t && wants_to_hear() && toc_topic_listen(t, world.s->unread ? 1000 : 0) < 0)
        return NULL;
    return t;
}

int64_t scene_operate(toc_topic *t)
{
    switch (world.s->does) {
    case EMITS:
    case EMITS_LARGE: return emit_these(t, 1, 0);
    case EMITS_POLITELY: return emit_these(t, 1, TOC_FOREVER);
    case EMITS_MANY: return emit_these(t, BATCH, 0);
    case LISTENS: return toc_topic_listen(t, 7);
    case READS: return read_these(t, 1, 0);
    case READS_MANY: return read_these(t, 6, 0);
    case SLEEPS: return read_these(t, 1, TOC_FOREVER);
    case CLOSES: toc_close(H(t)); return 0;
    default: return world.s->anonymous ? toc_handle_unlink(H(t)) : toc_unlink(world.path);
    }
}

/* -- those who wait */

static void waiter_main(unsigned kind, int slot)
{
    uint64_t missed;
    toc_topic *t = scene_open();
    int64_t rc;
    if (!t || (kind != EMITTER && toc_topic_listen(t, 0) < 0))
        _exit(3);
    struct pollfd p = {kind == LISTENER ? toc_fileno(H(t)) : -1, POLLIN, 0};
    __atomic_store_n(&page->slot[slot].phase, 1, __ATOMIC_RELEASE);
    if (kind == EMITTER) {
        rc = scene_emit(t, world.begun_with + 1, SIZE, TOC_FOREVER);
        rc = rc == 0 ? 1 : rc;
    } else {
        do {
            if (kind == LISTENER)
                poll(&p, 1, -1);
            rc = scene_hear(t, &missed, kind == LISTENER ? 0 : TOC_FOREVER);
        } while (rc == 0);
    }
    page->slot[slot].rc = rc;
    _exit(0);
}

static void add_waiter(unsigned kind)
{
    int slot = world.waiters;
    uint64_t bit = kind == EMITTER ? TOC_CBELL : kind == LISTENER ? TOC_BELL : TOC_SLEEPERS;
    world.kind[slot] = kind;
    pid_t pid = world.waiter[world.waiters++] = bench_fork(HANG_S);
    if (pid == 0)
        waiter_main(kind, slot);
    while (!__atomic_load_n(&page->slot[slot].phase, __ATOMIC_ACQUIRE) || bench_state_of(pid) != 'S'
           || !(load(&world.file->head.word) & bit))
        sched_yield();
}

void scene_begin(const struct scene *s)
{
    uint64_t missed;
    memset(page, 0, sizeof *page);
    memset(&world.waiter, 0, sizeof world.waiter);
    world.s = s;
    world.waiters = 0;
    world.witness = world.hand = world.laggard = NULL;
    world.witness = scene_open();
    if (!world.witness || toc_topic_listen(world.witness, 0) < 0)
        die("making the topic");
    world.file = topic_file(world.witness);
    if (s->anonymous)
        world.hand = scene_open();
    world.heard = 0;
    if (s->does <= EMITS_LARGE) { /* politeness would wait for it */
        world.laggard = scene_open();
        if (!world.laggard || toc_topic_listen(world.laggard, 0) < 0)
            die("the laggard");
    }
    for (uint64_t i = 1; i <= s->before; i++) {
        if (scene_emit(world.witness, i, i == 1 && s->large ? LARGE : SIZE, 0) < 0
            || scene_hear(world.witness, &missed, 0) != (int64_t)i)
            die("what was there before");
        for (; world.laggard && world.heard < (i < 32 ? 1 : 4); world.heard++)
            if (scene_hear(world.laggard, &missed, 0) != (int64_t)world.heard + 1)
                die("what the laggard hears");
    }
    world.begun_with = s->before;
    world.oldest = scene_stat(world.witness).oldest;
}

/* When the operator is ready: an emitter waits for it. */
void scene_waiters(void)
{
    for (unsigned bit = 1; bit <= EMITTER; bit <<= 1)
        if (world.s->waits & bit)
            add_waiter(bit);
}

void scene_end(void)
{
    for (int i = 0; i < world.waiters; i++)
        if (world.waiter[i]) {
            kill(world.waiter[i], SIGKILL);
            waitpid(world.waiter[i], NULL, 0);
        }
    toc_topic_free(world.hand);
    toc_topic_free(world.laggard);
    toc_topic_free(world.witness);
    bench_empty(world.dir, 0);
}
