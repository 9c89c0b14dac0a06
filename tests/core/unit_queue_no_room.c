/* unit_queue_no_room.c: no more room on the disk, no more descriptors: each call does it all or says why not. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t fill_up(toc_queue *q, uint64_t from)
{
    for (uint64_t i = from;; i++) {
        int rc = put_sized(q, i, 3000);
        if (rc == -ENOSPC)
            return i - from;
        IS(rc, 0);
    }
}

static void a_full_file_system(void)
{
    const char *before = place;
    char small[500];
    snprintf(small, sizeof small, "%s/small", place);
    IS(mkdir(small, 0700), 0);
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
            || mount("small", small, "tmpfs", 0, "size=2m") < 0)
            _exit(77);
        place = small;
        toc_queue *q = opened("x");
        uint64_t put_in = 0, out = 0;
        for (int round = 0; round < 4; round++) {
            put_in += fill_up(q, put_in + 1);
            CHECK(put_in - out > 300);
            IS(state(q).ready, put_in - out); /* what was refused left nothing behind */
            for (int i = 0; i < 250; i++)
                IS(got(q), ++out);
            int files_then = files();
            IS(put_sized(q, ++put_in, 3000), 0); /* and there is room again */
            CHECK(files() <= files_then + 1);
        }
        while (out < put_in)
            IS(got(q), ++out);
        CHECK(empty(q));
        toc_taken t;
        IS(put(q, 7), 0);
        IS(received(q, &t), 7);
        IS(toc_queue_nack(q, &t, 0), 0);
        IS(received(q, &t), 7);
        IS(toc_queue_ack(q, &t), 0);
        removed(q);
        IS(files(), 0);
        _exit(0);
    }
    IS(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        fprintf(stderr, "not tried: a full file system (a small one cannot be mounted here)\n");
    else
        IS(status, 0);
    place = before;
    IS(rmdir(small), 0);
}

/* One descriptor more each time, until everything has worked: each call says -EMFILE or does it all. */
static void no_descriptors(void)
{
    struct rlimit was, limit;
    IS(getrlimit(RLIMIT_NOFILE, &was), 0);
    int lowest = dup(0);
    close(lowest);
    for (int more = 0; more < 12; more++) {
        toc_queue *keep = opened("x");
        toc_taken t;
        int refused = 0, rc;
        IS(put(keep, 1), 0);
        IS(received(keep, &t), 1);
        IS(toc_queue_nack(keep, &t, 0), 0);
        int listener = toc_fileno(H(keep)); /* so that each change must open the bell */
        CHECK(listener >= 0);
        limit = was;
        int top = dup(0);
        close(top);
        limit.rlim_cur = (rlim_t)(top + more);
        IS(setrlimit(RLIMIT_NOFILE, &limit), 0);
        uint64_t in = 1, out = 0;
        toc_queue *q = NULL;
        toc_queue_options o = TOC_QUEUE_DEFAULTS;
        o.common.at = place;
        rc = toc_queue_open(&q, "x", &o);
        if (rc == 0) {
            for (int i = 0; i < 60; i++) {
                rc = put_sized(q, in + 1, 3000);
                CHECK(rc == 0 || rc == -EMFILE);
                in += rc == 0;
                refused += rc < 0;
                if (i % 3 == 2) {
                    rc = toc_queue_get(q, buffer, sizeof buffer, &t, 0);
                    CHECK(rc == 0 || rc == -EMFILE || rc == -EAGAIN);
                    refused += rc == -EMFILE;
                    if (rc == 0 && t.held) /* it could not be finished: ours all the same */
                        while ((rc = toc_queue_ack(q, &t)) == -EMFILE && more < 2)
                            setrlimit(RLIMIT_NOFILE, &was);
                    out += rc == 0;
                }
                toc_handle_looked(H(keep), 0);
            }
        } else {
            IS(rc, -EMFILE);
            refused++;
        }
        IS(setrlimit(RLIMIT_NOFILE, &was), 0);
        if (more == 11)
            IS(refused, 0);
        if (more == 0)
            CHECK(refused > 0);
        if (q)
            toc_queue_free(q);
        IS(state(keep).ready + out, in);
        for (; out < in; out++) {
            IS(toc_queue_get(keep, buffer, sizeof buffer, &t, 0), 0);
            number_in(buffer, t.length);
        }
        CHECK(empty(keep));
        removed(keep);
        IS(files(), 0);
    }
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(a_full_file_system);
    RUN(no_descriptors);
    return unit_end();
}
