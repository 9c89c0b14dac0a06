/* hash.c: stage 2 of the demo, a C program that waits for a shell script and hands over to Python.
 *
 *      tocsin-demo-hash events|polling BATCHES        hash each file in the archive of each batch
 *      tocsin-demo-hash --clock LABEL COMMAND...      time a command, for the shell script: clock.c
 *
 * Results go from archive/N to hash/N in the working directory: written hidden, then renamed, then
 * announced. A line "DIGEST SIZE" per file stands in the order of the archive. After that the batch is an
 * item in the queue `jobs`, for one of the processes that parse. The same program with 50 ms polling differs
 * in `come`, `publish` and `hand_over`, and in nothing else. Where the place is on a server, which the C library doesn't
 * know, these three do as a shell would: by commands, as few as it takes, because each start costs more than all else that
 * a batch does. Exit 0; 2 usage; 3 could not.
 */
#include "demo.h"
#include "tocsin.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAME_SIZE = 64, TAR_BLOCK = 512 };
#define PATIENCE_NS (120 * 1000000000ll) /* whoever waits this long is on its own */
#define POLL_NS (50 * 1000000l)

static bool polling, on_server;
static FILE *feed; /* to `tocsin put jobs`, which puts each line: on a server */

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "tocsin-demo-hash: %s: %s\n", what, why);
    exit(3);
}

static toc_event *open_event(const char *name)
{
    toc_event *event;
    int rc = toc_event_open(&event, name, NULL);
    if (rc < 0)
        fail(name, toc_strerror(rc));
    return event;
}

/* A command's exit code. */
static int command(const char *const words[])
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        execvp(words[0], (char *const *)words);
        perror(words[0]);
        _exit(3);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        fail(words[0], strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One that has to end with 0; it has said why, if it didn't. */
static void must(const char *const words[])
{
    if (command(words) != 0)
        fail(words[0], "it failed");
}

/* Sleep until the result `name` is there: with its event, or by looking for the file. */
static bool come(const char *name)
{
    int64_t deadline = toc_now() + PATIENCE_NS;
    struct stat there;
    if (polling) {
        while (stat(name, &there) < 0) {
            if (toc_now() > deadline)
                return false;
            nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
        }
        return true;
    }
    if (on_server) { /* a look first: what is there already needs no process */
        if (stat(name, &there) == 0)
            return true;
        int code = command((const char *const[]){"evt_wait", name, "120", NULL});
        if (code > 1)
            fail(name, "evt_wait failed");
        return code == 0;
    }
    toc_event *event = open_event(name);
    uint64_t since = toc_event_clears(event);
    int rc;
    do
        rc = toc_event_wait(event, since, deadline);
    while (rc == -EINTR);
    if (rc < 0)
        fail(name, toc_strerror(rc));
    toc_event_free(event);
    return rc == 1;
}

/* Give a result its name, and tell everyone. Returns when the telling began. */
static int64_t publish(const char *hidden, const char *name)
{
    int64_t began = demo_ns(CLOCK_MONOTONIC);
    if (rename(hidden, name) < 0)
        fail(name, strerror(errno));
    if (polling)
        return began; /* the new name is the announcement */
    if (on_server) {
        began = demo_ns(CLOCK_MONOTONIC);
        must((const char *const[]){"evt_set", name, NULL});
        return began;
    }
    toc_event *event = open_event(name);
    began = demo_ns(CLOCK_MONOTONIC);
    int rc = toc_event_set(event);
    if (rc < 0)
        fail(name, toc_strerror(rc));
    toc_event_free(event);
    return began;
}

/* An item for the pool. There is no limit to this queue, so a put waits for nobody. */
static void hand_over(toc_queue *jobs, int batch)
{
    char item[NAME_SIZE];
    int size = snprintf(item, sizeof item, "{\"batch\":%d}", batch);
    int64_t began = demo_ns(CLOCK_MONOTONIC);
    int rc = 0;
    if (feed && (fprintf(feed, "%s\n", item) < 0 || fflush(feed) < 0))
        rc = -errno;
    while (!feed && (rc = toc_queue_put(jobs, item, (size_t)size, TOC_FOREVER)) == -EINTR)
        ;
    if (rc < 0)
        fail("jobs", toc_strerror(rc));
    dprintf(1, "put jobs %d %lld\n", batch, (long long)began);
}

/* The next block of an archive; false at its end. */
static bool block(FILE *tar, char out[TAR_BLOCK], const char *name)
{
    if (fread(out, 1, TAR_BLOCK, tar) != TAR_BLOCK)
        fail(name, "the archive is cut short");
    return out[0] != 0; /* an archive ends with a block of zeros */
}

/* A line for each regular file of a tar archive. Headers of long names, and so on, have contents too: skipped. */
static void hash_archive(FILE *tar, FILE *out, const char *name)
{
    char data[TAR_BLOCK], hex[65];
    while (block(tar, data, name)) {
        char digits[13] = {0}, type = data[156];
        memcpy(digits, data + 124, 12);
        unsigned long long size = strtoull(digits, NULL, 8);
        struct sha256 hash;
        sha256_begin(&hash);
        for (unsigned long long left = size; left > 0;) {
            size_t n = left < TAR_BLOCK ? (size_t)left : TAR_BLOCK;
            block(tar, data, name);
            sha256_add(&hash, data, n);
            left -= n;
        }
        sha256_end(&hash, hex);
        if (type == '0' || type == 0)
            fprintf(out, "%s %llu\n", hex, size);
    }
}

static void do_batch(int batch)
{
    char from[NAME_SIZE], hidden[NAME_SIZE], to[NAME_SIZE];
    snprintf(from, sizeof from, "archive/%d", batch);
    snprintf(hidden, sizeof hidden, "hash/.%d", batch);
    snprintf(to, sizeof to, "hash/%d", batch);

    int64_t cpu = demo_ns(CLOCK_PROCESS_CPUTIME_ID), began = demo_ns(CLOCK_MONOTONIC);
    bool came = come(from);
    int64_t ended = demo_ns(CLOCK_MONOTONIC);
    cpu = demo_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    dprintf(1, "waited archive %d %lld %lld %lld\n", batch, (long long)began, (long long)ended, (long long)cpu);
    if (!came)
        fail(from, "nothing came");

    FILE *tar = fopen(from, "rb"), *out = tar ? fopen(hidden, "wb") : NULL;
    if (!out)
        fail(tar ? hidden : from, strerror(errno));
    hash_archive(tar, out, from);
    fclose(tar);
    if (fclose(out) != 0)
        fail(hidden, strerror(errno));
    began = publish(hidden, to);
    dprintf(1, "announced %d %lld %lld 0\n", batch, (long long)began, (long long)demo_ns(CLOCK_MONOTONIC));
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "--clock") == 0)
        return demo_clock(argv[2], argv + 3);
    if (argc != 3 || (strcmp(argv[1], "events") != 0 && strcmp(argv[1], "polling") != 0)) {
        fputs("usage: tocsin-demo-hash events|polling BATCHES\n", stderr);
        return 2;
    }
    polling = strcmp(argv[1], "polling") == 0;
    const char *at = getenv("TOCSIN_AT");
    on_server = at && strstr(at, "://");
    toc_queue *jobs = NULL;
    int rc = polling || on_server ? 0 : toc_queue_open(&jobs, "jobs", NULL);
    if (rc < 0)
        fail("jobs", toc_strerror(rc));
    if (!polling && on_server && !(feed = popen("exec tocsin put jobs", "w")))
        fail("tocsin put jobs", strerror(errno));
    int batches = atoi(argv[2]);
    for (int batch = 0; batch < batches; batch++) {
        do_batch(batch);
        if (!polling)
            hand_over(jobs, batch);
    }
    if (jobs)
        toc_queue_free(jobs);
    if (feed && pclose(feed) != 0)
        fail("tocsin put jobs", "it failed");
    return 0;
}
