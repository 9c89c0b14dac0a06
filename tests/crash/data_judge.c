/* data_judge.c: who must have come back after a kill, and what a fresh process must find. See data_bench.h. */
#include "data_bench.h"
#include "play.h"
#include "parts/short_lock.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>


const char *scene_fault(const char *what, long long number)
{
    snprintf(page->fault, sizeof page->fault, "%s: %lld (word %#llx)", what, number, (unsigned long long)load(&world.head->word));
    return page->fault;
}

static const char *scene_reap(int i, int removed)
{
    int status;
    if (waitpid(world.waiter[i], &status, 0) < 0)
        die("waitpid");
    world.waiter[i] = 0;
    if (WIFSIGNALED(status))
        return scene_fault("who waited was left asleep; signal", WTERMSIG(status));
    int64_t rc = page->slot[i].rc;
    return rc > 0 || (removed && rc == -EIDRM) ? NULL : scene_fault("who waited got", rc);
}

static const char *survivors(int *changed)
{
    int removed = !!(load(&world.head->word) & TOC_REMOVED), status;
    *changed = scene_count(world.handle) != world.begun_with;
    for (int i = 0; i < world.waiters; i++) {
        const char *fault = NULL;
        if (*changed || removed)
            fault = scene_reap(i, removed);
        else if (waitpid(world.waiter[i], &status, WNOHANG) != 0) {
            world.waiter[i] = 0;
            fault = scene_fault("who waited came back without a reason, with", page->slot[i].rc);
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
            scene_fault("a fresh process: " what " gave", must_got);        \
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
    void *handle = scene_handle(1);
    uint64_t n, version = 0;
    MUST("open", handle ? 0 : page->rc, 0);
    n = removed ? 0 : world.begun_with + (uint64_t)changed;
    MUST("the count", scene_count(handle), n);
    if (!world.s->signal) {
        look(handle, removed ? 0 : changed ? world.s->after : world.s->before, changed ? 'b' : 'a');
        if (page->fault[0])
            return;
    }
    int fd = toc_fileno(H(handle));
    MUST("fileno", fd < 0, 0);
    static const size_t SIZES[] = {FAR, FAR, 20};
    for (int i = 0; i < 3; i++) {
        MUST("signal", scene_write(handle, SIZES[i], 'c', &version), 0);
        MUST("its number", version, ++n);
        MUST("its descriptor after it", poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0), 1);
        MUST("wait", scene_wait(handle, TOC_FOREVER) > 0, 1);
        if (!world.s->signal)
            look(handle, SIZES[i], 'c');
        if (page->fault[0])
            return;
        /* The descriptor is a hint: those who leave ring, too. */
        int noisy = 0;
        for (; noisy < 1000 && poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0); noisy++)
            MUST("wait that nobody ends", scene_wait(handle, 0), 0);
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
        const char *fault = world.waiter[i] ? scene_reap(i, removed) : NULL;
        if (fault)
            return fault;
    }
    if (world.s->anonymous)
        return NULL;
    int rc = toc_unlink(world.path);
    if (rc < 0)
        return scene_fault("unlink gave", rc);
    int left = names("x", "") + names(".x.", ".v");
    if (world.s->does != UNLINKS) /* a bell that was made beside a remover may stay */
        left += names(".x.", "");
    return left ? scene_fault("names left behind", left) : NULL;
}

void scene_judge(const char *where)
{
    int changed = 0;
    const char *fault = survivors(&changed);
    if (world.s->busy)
        toc_short_give(&data_file(world.handle)->lock);
    if (!fault)
        fault = fresh(changed);
    if (fault) {
        printf("FAULT %s, killed %s: %s\n", world.s->name, where, fault);
        faults++;
    }
    scene_end();
    points++;
}
