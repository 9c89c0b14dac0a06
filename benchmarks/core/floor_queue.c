/* floor_queue.c: what the core's queue costs without Python and without a codec: items of 60 bytes.
 *
 *      floor_queue alone   DIR ITEMS                    put and get in one process
 *      floor_queue receive DIR ITEMS                    put, receive and ack in one process
 *      floor_queue between DIR ITEMS BATCH CPU_A CPU_B  a process puts, another gets; CPU -1: wherever the scheduler likes
 *
 * Prints ns per item. BATCH 1: one by one, as a binding would do it: the quick call first, then the one that may sleep.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

#define ITEM 60
#define MOST 1024

static toc_queue *open_queue(const char *dir)
{
    toc_queue *q;
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    o.common.at = dir;
    must(toc_queue_open(&q, "floor", &o), "open");
    return q;
}

static char item[ITEM] = "sixty bytes, more or less: what a short JSON document takes";

static void put(toc_queue *q)
{
    int rc = toc_queue_put_quick(q, item, sizeof item);
    while (rc == 0 || rc == -EINTR) {
        rc = toc_queue_put(q, item, sizeof item, TOC_FOREVER);
        if (rc == 0)
            return;
    }
    must(rc, "put");
}

static void get(toc_queue *q)
{
    char buffer[256];
    toc_taken taken;
    int rc = toc_queue_get_quick(q, buffer, sizeof buffer, &taken);
    while (rc == 0 || rc == -EINTR) {
        rc = toc_queue_get(q, buffer, sizeof buffer, &taken, TOC_FOREVER);
        if (rc == 0)
            return;
    }
    must(rc, "get");
}

static void receive_and_ack(toc_queue *q)
{
    char buffer[256];
    toc_taken taken;
    must(toc_queue_receive(q, buffer, sizeof buffer, &taken, TOC_FOREVER), "receive");
    must(toc_queue_ack(q, &taken), "ack");
}

static void put_all(toc_queue *q, long items, long batch)
{
    static toc_item many[MOST];
    for (long i = 0; i < batch; i++)
        many[i] = (toc_item){item, sizeof item};
    for (long i = 0; i < items; i += batch) {
        size_t done = 0;
        if (batch == 1)
            put(q);
        else
            must(toc_queue_put_many(q, many, (size_t)batch, &done, TOC_FOREVER), "put_many");
    }
}

static void get_all(toc_queue *q, long items, long batch)
{
    static char buffer[MOST * 128];
    static toc_taken taken[MOST];
    for (long i = 0; i < items;)
        if (batch == 1) {
            get(q);
            i++;
        } else {
            int rc = toc_queue_get_many(q, buffer, sizeof buffer, taken, (size_t)batch, TOC_FOREVER);
            must(rc == -EINTR ? 0 : rc, "get_many");
            i += rc > 0 ? rc : 0;
        }
}

static double alone(const char *dir, int receiving, long items)
{
    toc_queue *q = open_queue(dir);
    int64_t start = 0;
    for (int pass = 0; pass < 2; pass++) { /* the first is to warm up */
        start = toc_now();
        for (long i = 0; i < items; i++) {
            put(q);
            if (receiving)
                receive_and_ack(q);
            else
                get(q);
        }
    }
    double ns = (double)(toc_now() - start) / (double)items;
    must(toc_handle_unlink((toc_handle *)q), "unlink");
    toc_queue_free(q);
    return ns;
}

static double between(const char *dir, long items, long batch, long cpu_a, long cpu_b)
{
    long warm = items / 10 / batch * batch;
    items = items / batch * batch;
    toc_queue *q = open_queue(dir);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(cpu_a);
        put_all(open_queue(dir), warm + items, batch);
        _exit(0);
    }
    pin(cpu_b);
    get_all(q, warm, batch);
    int64_t start = toc_now();
    get_all(q, items, batch);
    double ns = (double)(toc_now() - start) / (double)items;
    waitpid(child, NULL, 0);
    must(toc_handle_unlink((toc_handle *)q), "unlink");
    toc_queue_free(q);
    return ns;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "alone") == 0)
        printf("%.3f\n", alone(argv[2], 0, atol(argv[3])));
    else if (argc == 4 && strcmp(argv[1], "receive") == 0)
        printf("%.3f\n", alone(argv[2], 1, atol(argv[3])));
    else if (argc == 7 && strcmp(argv[1], "between") == 0 && atol(argv[4]) > 0 && atol(argv[4]) <= MOST)
        printf("%.3f\n", between(argv[2], atol(argv[3]), atol(argv[4]), atol(argv[5]), atol(argv[6])));
    else
        return 2;
    return 0;
}
