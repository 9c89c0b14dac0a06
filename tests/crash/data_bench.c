/* data_bench.c: the scene of a kill: the object, and those who wait. See data_bench.h. */
#include "data_bench.h"
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

static void *scene_open(int replay)
{
    toc_options o = TOC_DEFAULTS;
    void *out = NULL;
    o.at = world.dir;
    const char *name = world.s->anonymous ? NULL : "x";
    page->rc = world.s->signal ? toc_signal_open((toc_signal **)&out, name, &o, replay)
                               : toc_data_open((toc_data **)&out, name, &o, replay);
    return out;
}

void *scene_handle(int replay) { return world.s->anonymous ? world.handle : scene_open(replay); }

int scene_write(void *handle, size_t length, char letter, uint64_t *version)
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

uint64_t scene_count(void *handle)
{
    uint64_t n = 0;
    if (world.s->signal)
        toc_signal_count(handle, &n);
    else
        toc_data_version(handle, &n);
    return n;
}

int64_t scene_wait(void *handle, int64_t deadline)
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

static void waiter_main(int polls, int slot)
{
    void *handle = scene_handle(0);
    struct pollfd p = {polls ? toc_fileno(H(handle)) : -1, POLLIN, 0};
    int64_t rc;
    __atomic_store_n(&page->slot[slot].phase, 1, __ATOMIC_RELEASE);
    do {
        if (polls)
            poll(&p, 1, -1);
        rc = scene_wait(handle, polls ? 0 : TOC_FOREVER);
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

void scene_begin(const struct scene *s)
{
    memset(page, 0, sizeof *page);
    memset(&world.waiter, 0, sizeof world.waiter);
    world.s = s;
    world.waiters = 0;
    world.handle = scene_open(0);
    if (!world.handle)
        die("making the object");
    world.head = ((struct toc_handle *)world.handle)->o.head;
    if (s->before && scene_write(world.handle, s->before, 'a', NULL) < 0)
        die("the value before");
    if (s->before && scene_wait(world.handle, 0) < 1)
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
    world.begun_with = scene_count(world.handle);
}

void scene_end(void)
{
    for (int i = 0; i < world.waiters; i++)
        if (world.waiter[i]) {
            kill(world.waiter[i], SIGKILL);
            waitpid(world.waiter[i], NULL, 0);
        }
    free_handle(world.handle);
    bench_empty(world.dir, 0);
}
