/* floor_topic.c: what the core's topic costs without Python and without a codec: emits of 60 bytes.
 *
 *      floor_topic emit    DIR EMITS                    emitting, nobody listens
 *      floor_topic alone   DIR EMITS                    emitting and reading in one process
 *      floor_topic between DIR EMITS LISTENERS          one process emits, so many others hear all of it
 *
 * Prints ns per emit. Emitters do as a binding would: the quick call first, then the one that may sleep; the listeners
 * take what is there, up to 1,024 at once. In `between`, the emitter waits for who is slow, so nothing is lost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

#define PAYLOAD 60
#define MOST 1024

static char payload[PAYLOAD] = "sixty bytes, more or less: what a short JSON document takes";

static toc_topic *open_topic(const char *dir)
{
    toc_topic *t;
    toc_topic_options o = TOC_TOPIC_DEFAULTS;
    o.common.at = dir;
    must(toc_topic_open(&t, "floor", &o), "open");
    return t;
}

static void emit(toc_topic *t, int64_t deadline)
{
    uint64_t sequence;
    int rc = toc_topic_emit_quick(t, payload, sizeof payload, &sequence);
    while (rc == 0 || rc == -EINTR) {
        rc = toc_topic_emit(t, payload, sizeof payload, deadline, &sequence);
        if (rc == 0)
            return;
    }
    must(rc, "emit");
}

static int64_t hear(toc_topic *t, size_t most, int64_t deadline)
{
    static char buffer[1 << 16];
    static toc_heard out[MOST];
    uint64_t missed;
    int64_t n;
    do
        n = toc_topic_read(t, buffer, sizeof buffer, out, most, &missed, deadline);
    while (n == -EINTR);
    must((int)(n < 0 ? n : 0), "read");
    return n;
}

static double in_one_process(toc_topic *t, long emits, int heard)
{
    int64_t start = toc_now();
    for (long i = 0; i < emits; i++) {
        emit(t, 0);
        if (heard)
            hear(t, 1, 0);
    }
    return (double)(toc_now() - start) / (double)emits;
}

static double between(const char *dir, toc_topic *t, long emits, long listeners)
{
    uint32_t *ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ready == MAP_FAILED)
        must(-ENOMEM, "memory");
    for (long i = 0; i < listeners; i++) {
        pid_t pid = fork();
        must(pid < 0 ? -errno : 0, "fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            toc_topic *mine = open_topic(dir);
            must(toc_topic_listen(mine, 0), "listen");
            __atomic_fetch_add(ready, 1, __ATOMIC_ACQ_REL);
            for (long heard = 0; heard < emits;)
                heard += hear(mine, MOST, TOC_FOREVER);
            toc_topic_free(mine);
            _exit(0);
        }
    }
    while (__atomic_load_n(ready, __ATOMIC_ACQUIRE) < listeners)
        usleep(1000);
    int64_t start = toc_now();
    for (long i = 0; i < emits; i++)
        emit(t, TOC_FOREVER);
    int status;
    while (wait(&status) > 0)
        must(status ? -ECHILD : 0, "a listener");
    return (double)(toc_now() - start) / (double)emits;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5)
        must(-EINVAL, "usage: floor_topic emit|alone DIR EMITS | between DIR EMITS LISTENERS");
    long emits = atol(argv[3]);
    toc_topic *t = open_topic(argv[2]);
    double ns;
    if (strcmp(argv[1], "between") == 0 && argc == 5) {
        ns = between(argv[2], t, emits, atol(argv[4]));
    } else {
        int heard = strcmp(argv[1], "alone") == 0;
        if (heard)
            must(toc_topic_listen(t, 0), "listen");
        ns = in_one_process(t, emits, heard);
    }
    printf("%.1f\n", ns);
    must(toc_handle_unlink((toc_handle *)t), "unlink");
    toc_topic_free(t);
    return 0;
}
