/* unit_queue_wait.c: who waits at a queue, by call and by descriptor; and who else opens it. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

struct waiter {
    toc_queue *q;
    uint32_t done;
    int rc;
    uint64_t number;
    pthread_t thread;
};

static void *gets(void *argument)
{
    struct waiter *w = argument;
    unsigned char bytes[64];
    toc_taken t;
    w->rc = toc_queue_get(w->q, bytes, sizeof bytes, &t, TOC_FOREVER);
    w->number = w->rc == 0 ? number_in(bytes, t.length) : 0;
    __atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void *puts_one(void *argument)
{
    struct waiter *w = argument;
    unsigned char bytes[8];
    fill(bytes, 77, 8);
    w->rc = toc_queue_put(w->q, bytes, 8, TOC_FOREVER);
    return NULL;
}

static void *joins(void *argument)
{
    struct waiter *w = argument;
    w->rc = toc_queue_join(w->q, TOC_FOREVER);
    return NULL;
}

static void begin(struct waiter *w, toc_queue *q, void *(*what)(void *), uint64_t bit)
{
    *w = (struct waiter){.q = q};
    IS(pthread_create(&w->thread, NULL, what, w), 0);
    while (!(atom_load_acq(&queue_file(q)->head.word) & bit))
        sched_yield();
}

static int end(struct waiter *w)
{
    IS(pthread_join(w->thread, NULL), 0);
    return w->rc;
}

static void who_waits_is_told(void)
{
    EACH(name) {
        toc_queue *q = opened_with(name, 1, -1);
        struct waiter a, b;
        begin(&a, q, gets, TOC_SLEEPERS);
        IS(put(q, 5), 0);
        IS(end(&a), 0);
        IS(a.number, 5);
        begin(&a, q, joins, TOC_CBELL);
        IS(toc_queue_task_done(q), 0);
        IS(end(&a), 1);
        IS(put(q, 6), 0);
        begin(&a, q, puts_one, TOC_CBELL);
        IS(got(q), 6);
        IS(end(&a), 0);
        IS(got(q), 77);
        begin(&a, q, gets, TOC_SLEEPERS);
        begin(&b, q, gets, TOC_MANY);
        IS(toc_queue_shutdown(q, 0), 0);
        IS(end(&a), -EPIPE);
        IS(end(&b), -EPIPE);
        removed(q);
        q = opened(name);
        begin(&a, q, gets, TOC_SLEEPERS);
        toc_cancel(H(q));
        IS(end(&a), -ECANCELED);
        removed(q);
        if (!name)
            continue;
        q = opened(name);
        begin(&a, q, gets, TOC_SLEEPERS);
        IS(toc_handle_unlink(H(q)), 0);
        IS(end(&a), -EIDRM);
        toc_taken t;
        IS(put(q, 1), -EIDRM);
        IS(toc_queue_receive(q, buffer, sizeof buffer, &t, 0), -EIDRM);
        IS(toc_queue_purge(q), -EIDRM);
        toc_queue_free(q);
    }
}

static void its_descriptor(void)
{
    EACH(name) {
        toc_queue *q = opened(name);
        int fd = toc_fileno(H(q));
        CHECK(fd >= 0);
        IS(readable(fd), 0);
        IS(put(q, 1), 0);
        IS(put(q, 2), 0);
        IS(readable(fd), 1);
        IS(got(q), 1);
        IS(readable(fd), 1); /* there is one more */
        IS(got(q), 2);
        CHECK(empty(q));
        IS(readable(fd), 0);
        IS(toc_queue_shutdown(q, 0), 0);
        IS(readable(fd), 1);
        removed(q);
    }
}

static void opened_by_others(void)
{
    toc_queue *q = opened_with("x", 50, -1), *other;
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_options event = TOC_DEFAULTS;
    toc_event *e;
    int status;
    IS(put(q, 1), 0);
    IS(put(q, 2), 0);
    pid_t pid = fork();
    if (pid == 0) {
        toc_queue *mine = opened("x");
        _exit(got(mine) == 1 && put(mine, 3) == 0 && state(mine).maxsize == 50 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    IS(status, 0);
    IS(got(q), 2);
    IS(got(q), 3);
    event.at = place;
    IS(toc_event_open(&e, "x", &event), -EMEDIUMTYPE);
    removed(q);
    o.common.at = place;
    o.common.create = 0;
    IS(toc_queue_open(&other, "x", &o), -ENOENT);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(who_waits_is_told);
    RUN(its_descriptor);
    RUN(opened_by_others);
    return unit_end();
}
