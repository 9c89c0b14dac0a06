/* queue_bench.c: the queue as a scenario wants it, and those who hold things and wait. See queue_bench.h. */
#include "queue_bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct world *world_new(const char *dir)
{
    struct world *w = calloc(1, sizeof *w);
    w->page = mmap(NULL, sizeof *w->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->page == MAP_FAILED || snprintf(w->dir, sizeof w->dir, "%s", dir) >= (int)sizeof w->dir)
        die("memory");
    return w;
}

toc_queue *world_open(struct world *w)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_queue *q = NULL;
    if (w->s->anonymous && w->mine)
        return w->mine;
    o.common.at = w->s->anonymous ? NULL : w->dir;
    o.maxsize = w->s->maxsize ? w->s->maxsize : -1;
    o.durable = w->s->durable ? 1 : -1;
    w->page->rc = toc_queue_open(&q, w->s->anonymous ? NULL : "x", &o);
    return q;
}

struct toc_queue_state world_state(const struct world *w)
{
    struct toc_queue_state s;
    memcpy(&s, &w->file->state[change_count(w->file->head.word) & 1], sizeof s);
    return s;
}

/* -- what scenarios are made of */

static void put_number(toc_queue *q, uint32_t n, size_t size)
{
    static unsigned char bytes[BIG * 3];
    memcpy(bytes, &n, sizeof n);
    if (toc_queue_put(q, bytes, size, 0) < 0)
        die("put");
}

void world_put(struct world *w, int n, size_t size)
{
    for (int i = 0; i < n; i++) {
        uint64_t at = world_state(w).tail;
        int rc = 0;
        put_number(w->mine, ++w->items, size);
        struct toc_queue_state s = world_state(w);
        toc_log_begin(&w->mine->log, s.half);
        struct toc_record *r = toc_log_at(&w->mine->log, s.half, &at, s.tail, TOC_NEAR_LOW, &rc);
        if (!r || r->sequence != w->items)
            die("the record that was put");
        w->claim[w->items] = &r->claim;
        w->item[w->items] = (struct item){READY, 0};
    }
}

static toc_taken receive_one(toc_queue *q, uint32_t *number)
{
    static unsigned char bytes[BIG * 3];
    toc_taken t;
    if (toc_queue_receive(q, bytes, sizeof bytes, &t, 0) < 0)
        die("receive");
    memcpy(number, bytes, sizeof *number);
    return t;
}

void world_take(struct world *w, int n)
{
    uint32_t number;
    while (n--) {
        toc_taken t = receive_one(w->mine, &number);
        if (toc_queue_ack(w->mine, &t) < 0)
            die("ack");
        w->item[number].fate = GONE;
        w->claim[number] = NULL; /* its segment may go */
    }
}

void world_back(struct world *w, int n, int64_t delay)
{
    uint32_t number;
    toc_taken t[ITEMS];
    for (int i = 0; i < n; i++)
        t[i] = receive_one(w->mine, &number);
    for (int i = 0; i < n; i++) {
        if (toc_queue_nack(w->mine, &t[i], delay) < 0)
            die("nack");
        struct item *item = &w->item[t[i].sequence];
        *item = (struct item){delay ? DELAYED : READY, item->attempt + 1};
    }
}

static pid_t somebody(struct world *w, int n, int lives, int gets)
{
    int status;
    pid_t pid = bench_fork(2 * HANG_S);
    if (pid == 0) {
        toc_queue *q = world_open(w);
        toc_taken t[ITEMS];
        uint32_t number;
        unsigned char bytes[BIG];
        for (int i = 0; i < n; i++)
            if (gets)
                toc_queue_get(q, bytes, sizeof bytes, &t[i], 0);
            else
                t[i] = receive_one(q, &number);
        raise(SIGSTOP);
        for (int i = 0; i < n; i++)
            if (toc_queue_ack(q, &t[i]) < 0)
                _exit(5);
        _exit(0);
    }
    if (waitpid(pid, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
        die("one who holds");
    if (lives)
        return pid;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return 0;
}

/* Which they were: what is fresh goes in order. */
static void mark_next(struct world *w, int n, enum fate fate)
{
    for (uint32_t i = 1; i <= w->items && n > 0; i++)
        if (w->item[i].fate == READY && w->item[i].attempt == 0) {
            w->item[i] = (struct item){fate, 1};
            if (fate == GONE)
                w->claim[i] = NULL; /* its segment may go */
            n--;
        }
}

void world_hold(struct world *w, int n, int dies)
{
    pid_t pid = somebody(w, n, !dies, 0);
    if (!dies)
        w->holder[w->holders++] = pid;
    mark_next(w, n, dies ? ORPHAN : HELD);
}

void world_lose(struct world *w, int n)
{
    somebody(w, n, 0, 1);
    mark_next(w, n, GONE);
}

void world_in_hand(struct world *w, toc_queue *q)
{
    static unsigned char bytes[BIG * 3];
    uint32_t number;
    for (int i = 0; i < w->s->in_hand; i++)
        if (!w->s->gets_them)
            w->hand[i] = receive_one(q, &number);
        else if (toc_queue_get(q, bytes, sizeof bytes, &w->hand[i], 0) < 0)
            die("get");
}

static void leave_lock_to_the_dead(struct world *w)
{
    int status;
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        toc_queue *q = world_open(w);
        _exit(toc_queue_enter(q, 0));
    }
    if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        die("the dead holder of the lock");
}

/* -- those who wait */

static int take_by_ear(toc_queue *q, void *bytes, size_t size, toc_taken *t)
{
    struct pollfd p = {toc_fileno((toc_handle *)q), POLLIN, 0};
    for (int rc; p.fd >= 0; poll(&p, 1, -1))
        if ((rc = toc_queue_get(q, bytes, size, t, 0)) != -EAGAIN)
            return rc;
    return p.fd;
}

static void waiter_main(struct world *w, struct queue_waiter *me)
{
    static unsigned char bytes[BIG * 3];
    toc_queue *q = world_open(w);
    toc_taken t;
    int rc;
    __atomic_store_n(&me->slot->phase, 1, __ATOMIC_RELEASE);
    uint32_t number = LATE + 10;
    memcpy(bytes, &number, sizeof number);
    do
        rc = me->kind == GETTER ? toc_queue_get(q, bytes, sizeof bytes, &t, TOC_FOREVER)
            : me->kind == EAR ? take_by_ear(q, bytes, sizeof bytes, &t)
            : me->kind == PUTTER ? toc_queue_put(q, bytes, 40, TOC_FOREVER)
            : toc_queue_join(q, TOC_FOREVER) - 1;
    while (rc == -EINTR);
    me->slot->rc = rc;
    if (rc == 0 && me->kind != JOINER)
        memcpy(&me->slot->number, bytes, sizeof number);
    _exit(0);
}

/* Asleep, or already back. The bit in the word and the kernel's own word for it: nobody guesses by the clock. */
static void add_waiter(struct world *w, unsigned kind)
{
    uint64_t bit = kind == GETTER ? TOC_SLEEPERS : kind == EAR ? TOC_BELL : TOC_CBELL;
    struct queue_waiter *one = &w->waiter[w->waiters];
    *one = (struct queue_waiter){.kind = kind, .slot = &w->page->slot[w->waiters]};
    w->waiters++;
    one->pid = bench_fork(HANG_S);
    if (one->pid == 0)
        waiter_main(w, one);
    for (;; sched_yield()) {
        char state = bench_state_of(one->pid);
        if (state == 'Z' || state == 'X')
            die("one who waits");
        uint64_t word = __atomic_load_n(&w->file->head.word, __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&one->slot->phase, __ATOMIC_ACQUIRE) == 1 && state == 'S' && (word & bit))
            return;
    }
}

/* -- begin and end */

void world_ready(struct world *w)
{
    const struct queue_scenario *s = w->s;
    mark_next(w, w->s->in_hand, w->s->gets_them ? GONE : ORPHAN);
    /* Listeners before sleepers: once somebody has slept, a young bell costs its listener 100 ms. */
    static const unsigned ORDER[] = {EAR, PUTTER, JOINER, GETTER};
    for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++)
        if (s->waits & ORDER[i])
            add_waiter(w, ORDER[i]);
    if (s->dead_lock)
        leave_lock_to_the_dead(w);
    w->before = world_state(w);
    for (uint32_t i = 1; i <= w->items; i++)
        w->was[i] = w->claim[i] ? *w->claim[i] : 0;
}


static void map_file(struct world *w)
{
    int memory = -1, pipe = -1;
    if (w->s->anonymous)
        toc_descriptors((toc_handle *)w->mine, &memory, &pipe);
    else
        memory = open(w->path, O_RDWR | O_CLOEXEC);
    w->file = mmap(NULL, sizeof *w->file, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (w->file == MAP_FAILED)
        die("mapping the queue");
    if (!w->s->anonymous)
        close(memory);
}

void world_begin(struct world *w, const struct queue_scenario *s)
{
    struct world empty = {.s = s, .page = w->page};
    memcpy(empty.dir, w->dir, sizeof empty.dir);
    *w = empty;
    memset(w->page, 0, sizeof *w->page);
    snprintf(w->path, sizeof w->path, "%s/x", w->dir);
    if (!s->prepare)
        return;
    w->mine = world_open(w);
    if (!w->mine)
        die("making the queue");
    map_file(w);
    s->prepare(w);
}

/* The bench lives on, so the file in which it is somebody stays, too. */
static void empty(const char *dir)
{
    DIR *d = opendir(dir);
    char path[1000];
    for (struct dirent *f; d && (f = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        if (strcmp(f->d_name, ".") && strcmp(f->d_name, "..") && strcmp(f->d_name, TOC_OWNER_FILE))
            unlink(path);
    }
    if (d)
        closedir(d);
}

void world_end(struct world *w)
{
    for (int i = 0; i < w->waiters; i++)
        if (w->waiter[i].pid) {
            kill(w->waiter[i].pid, SIGKILL);
            waitpid(w->waiter[i].pid, NULL, 0);
        }
    for (int i = 0; i < w->holders; i++)
        if (w->holder[i]) {
            kill(w->holder[i], SIGKILL);
            waitpid(w->holder[i], NULL, 0);
        }
    if (w->file)
        munmap(w->file, sizeof *w->file);
    if (w->mine)
        toc_queue_free(w->mine);
    w->file = NULL;
    w->mine = NULL;
    empty(w->dir);
}

static uint64_t mix(uint64_t sum, uint64_t value) { return (sum ^ value) * 1099511628211u; }

uint64_t world_signature(struct world *w)
{
    uint64_t sum = 14695981039346656037u;
    if (!w->file)
        return sum;
    struct toc_queue_state s = world_state(w);
    sum = mix(mix(mix(sum, w->file->head.word & 0xfff), s.head_sequence), s.tail_sequence);
    sum = mix(mix(mix(sum, s.held * 64 + s.back), s.low), s.half);
    sum = mix(sum, (w->file->lock != 0) + 2 * (w->file->lock & 1));
    for (uint32_t i = 1; i <= w->items; i++)
        sum = mix(sum, w->claim[i] ? claim_what(*w->claim[i]) : 4u);
    for (uint32_t i = 0; i < 4; i++)
        sum = mix(mix(sum, w->file->holder[i].leased), w->file->holder[i].taken);
    return mix(sum, w->file->half[s.half & 1].change * 16 + w->file->half[s.half & 1].count);
}
