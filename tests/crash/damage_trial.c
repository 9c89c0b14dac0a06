/* damage_trial.c: a queue with something of everything in it, and a process that makes every call there is. */
#include "damage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

long cases, opened, faults;
struct trial *page;

void damage_fill(unsigned char bytes[SIZE], uint32_t n)
{
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(n * 7 + (unsigned)i);
    memcpy(bytes, &n, sizeof n);
}

static toc_queue *open_queue(int *rc)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_queue *q = NULL;
    o.common.at = dir;
    o.common.create = 0;
    *rc = toc_queue_open(&q, "x", &o);
    return q;
}

void damage_make(void)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_queue *q;
    unsigned char bytes[SIZE];
    toc_taken t;
    int status;
    o.common.at = dir;
    if (toc_queue_open(&q, "x", &o) < 0)
        die("the queue");
    for (uint32_t n = 1; n <= ITEMS; n++) {
        damage_fill(bytes, n);
        if (toc_queue_put(q, bytes, SIZE, 0) < 0)
            die("put");
    }
    pid_t pid = bench_fork(HANG_S); /* who dies with 1 and 4, and gave 2 back, and 3 for later */
    if (pid == 0) {
        toc_taken held[4];
        for (int i = 0; i < 4; i++)
            toc_queue_receive(q, bytes, SIZE, &held[i], 0);
        toc_queue_nack(q, &held[1], 0);
        toc_queue_nack(q, &held[2], 3600000000000ll);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    for (int i = 0; i < 80; i++) /* 5 to 84: the first segments stay, as 1 is still held */
        if (toc_queue_get(q, bytes, SIZE, &t, 0) < 0)
            die("get");
    toc_queue_free(q);
}

/* -- the one who finds it */

static int allowed(long rc)
{
    static const int CODES[] = {EUCLEAN, EBADMSG, EPROTO, EIDRM, ENOSPC, EUSERS, EFBIG, ENOMEM, EAGAIN, EPIPE, EMEDIUMTYPE, ESTALE,
                                ETIMEDOUT, EEXIST, EMSGSIZE, ENOENT, ENOBUFS, ERANGE, EINVAL, EOVERFLOW, EACCES, EPERM, EISDIR, ELOOP};
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        if (rc == -CODES[i])
            return 1;
    return rc >= 0;
}

#define LET(what, call)                                                                                                 \
    do {                                                                                                               \
        long let_rc = (long)(call);                                                                                    \
        if (!allowed(let_rc) && !page->fault[0])                                                                       \
            snprintf(page->fault, sizeof page->fault, "%s gave %ld (%s)", what, let_rc, toc_strerror((int)let_rc));     \
    } while (0)

static void came(const unsigned char *bytes, size_t length, int strange)
{
    unsigned char wanted[SIZE];
    uint32_t n = 0;
    memcpy(&n, bytes, sizeof n);
    damage_fill(wanted, n);
    if (n == 0 || n > ITEMS + 1 || length != SIZE || memcmp(bytes, wanted, SIZE))
        snprintf(page->fault, sizeof page->fault, "an item that nobody put (%zu bytes, number %u)", length, n);
    else if (page->came[n]++ && !strange)
        snprintf(page->fault, sizeof page->fault, "item %u came twice", n);
}

static void try_everything(int strange)
{
    static unsigned char bytes[1 << 16];
    toc_queue_stat st;
    toc_taken t;
    int rc;
    toc_queue *q = open_queue(&rc);
    LET("open", rc);
    if (rc < 0)
        return;
    page->opened = 1;
    LET("state", toc_queue_state(q, &st));
    LET("due", toc_queue_due(q));
    rc = toc_queue_peek(q, bytes, sizeof bytes, &t);
    LET("peek", rc); /* which passes nothing over */
    rc = toc_queue_receive(q, bytes, sizeof bytes, &t, 0);
    page->passed += rc == -EBADMSG ? (uint32_t)t.length : 0;
    LET("receive", rc);
    if (rc == 0) {
        came(bytes, t.length, strange);
        LET("ack", toc_queue_ack(q, &t));
    }
    damage_fill(bytes, ITEMS + 1);
    LET("put", toc_queue_put(q, bytes, SIZE, 0));
    if (queue_file(q)->looked_ns)
        queue_file(q)->looked_ns = 0; /* now, not within a second */
    for (int i = 0; i < 3 * ITEMS; i++) {
        rc = toc_queue_get(q, bytes, sizeof bytes, &t, 0);
        LET("get", rc);
        if (rc == 0)
            came(bytes, t.length, strange);
        if (rc == 0 && t.held)
            LET("ack of a get", toc_queue_ack(q, &t));
        if (rc == -EBADMSG)
            page->passed += (uint32_t)t.length;
        else if (rc < 0)
            break;
    }
    LET("task_done", toc_queue_task_done(q));
    LET("join", toc_queue_join(q, toc_now() + 1000));
    LET("fileno", toc_fileno((toc_handle *)q));
    LET("purge", toc_queue_purge(q));
    LET("shutdown", toc_queue_shutdown(q, 1));
    LET("state", toc_queue_state(q, &st));
    LET("unlink", toc_handle_unlink((toc_handle *)q));
    toc_queue_free(q);
}

void damage_judge(const char *what, size_t at, int bit, int strange)
{
    int status;
    memset(page, 0, sizeof *page);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        struct rlimit limit = {256 << 20, 256 << 20}; /* a wrong length must not fill the machine */
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
        try_everything(strange);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    cases++;
    opened += page->opened;
    if (WIFSIGNALED(status))
        snprintf(page->fault, sizeof page->fault, WTERMSIG(status) == SIGALRM ? "it hangs" : "it died by signal %d", WTERMSIG(status));
    if (page->fault[0] && faults++ < 40)
        printf("FAULT %s, byte %zu, bit %d: %s\n", what, at, bit, page->fault);
}
