/* queue_kill.c: items go through one queue from four producers to four consumers, and all the while one of the eight is killed
 * and another one starts in its place.
 *
 *      queue_kill DIR [--items N] [--kills K] [--every MS] [--seed S]
 *
 * In the end: nothing that was accepted is lost, nothing was given to two who lived, and every repetition has an attempt that
 * says so. Three consumers receive and ack, and now and then give back; one gets: what a killed get had in hand is its own,
 * so for each kill inside a get one item may be missing, and no more. */
#include "bench.h"

#include "objects/queue.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 8
#define PRODUCERS 4
#define LARGEST 3000

enum doing { STARTING, PUTTING, GETTING, RECEIVING, ACKING, NACKING, BETWEEN, DOINGS };
static const char *const DOING[] = {"starting", "put", "get", "receive", "ack", "nack", "between calls"};

struct fate { /* of one item */
    uint8_t accepted, seen, settled, doubtful;
    uint32_t holder; /* who received it and has not settled it */
};

static struct shared {
    uint32_t stop, fault;
    uint64_t quota; /* how far a producer may get: so much for each kill, or a slow killer would come when all is over */
    char text[200];
    uint64_t repeats;
    struct worker {
        uint32_t doing, person; /* a number that is never used again */
        uint64_t id, next, in_hand;
    } worker[WORKERS];
    uint8_t dead[1 << 16]; /* by person */
} *shared;
static struct fate *fates; /* PRODUCERS times `each` */
static uint64_t each;

struct item {
    uint64_t producer, number, filled;
    unsigned char more[LARGEST];
};

static void blame(const char *what, uint64_t producer, uint64_t number, long value)
{
    if (__atomic_exchange_n(&shared->fault, 1, __ATOMIC_ACQ_REL) == 0)
        snprintf(shared->text, sizeof shared->text, "%s (item %llu of producer %llu, %ld)", what, (unsigned long long)number,
                 (unsigned long long)producer, value);
    _exit(2);
}

static void doing(struct worker *me, enum doing what) { __atomic_store_n(&me->doing, what, __ATOMIC_RELEASE); }
static int ends(void) { return (int)__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE); }

static toc_queue *open_it(const char *dir)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_queue *q;
    o.common.at = dir;
    o.maxsize = 1000;
    o.max_deliveries = 0;
    return toc_queue_open(&q, "x", &o) < 0 ? NULL : q;
}

static void produce(toc_queue *q, struct worker *me, uint64_t which)
{
    static struct item item[8];
    toc_item items[8];
    while (me->next < each && !ends()) {
        if (me->next >= __atomic_load_n(&shared->quota, __ATOMIC_ACQUIRE)) {
            usleep(1000);
            continue;
        }
        size_t n = me->next % 5 == 0 && each - me->next >= 8 ? 8 : 1, done = 0;
        for (size_t i = 0; i < n; i++) {
            uint64_t number = me->next + i, filled = number * 2654435761u % 97 == 0 ? LARGEST : number % 200;
            item[i].producer = which;
            item[i].number = number;
            item[i].filled = filled;
            memset(item[i].more, (int)(number % 251), filled);
            items[i] = (toc_item){&item[i], offsetof(struct item, more) + filled};
        }
        me->in_hand = n;
        doing(me, PUTTING);
        int rc = toc_queue_put_many(q, items, n, &done, TOC_FOREVER);
        for (size_t i = 0; i < done; i++)
            fates[which * each + me->next + i].accepted = 1;
        __atomic_store_n(&me->next, me->next + done, __ATOMIC_RELEASE);
        doing(me, BETWEEN);
        if (rc < 0 && rc != -EINTR)
            blame("put gave", which, me->next, rc);
    }
}

static struct fate *fate_of(const struct item *item, size_t length)
{
    if (length < offsetof(struct item, more) || length != offsetof(struct item, more) + item->filled || item->producer >= PRODUCERS
        || item->number >= each)
        blame("an item is not what was put", item->producer, item->number, (long)length);
    for (uint64_t i = 0; i < item->filled; i++)
        if (item->more[i] != item->number % 251)
            blame("the bytes of an item are wrong", item->producer, item->number, (long)i);
    return &fates[item->producer * each + item->number];
}

static void consume(toc_queue *q, struct worker *me, int gets)
{
    static struct item item;
    toc_taken t;
    for (uint64_t turn = 0;; turn++) {
        doing(me, gets ? GETTING : RECEIVING);
        int64_t until = toc_now() + 20000000;
        int rc = gets ? toc_queue_get(q, &item, sizeof item, &t, until) : toc_queue_receive(q, &item, sizeof item, &t, until);
        if (rc == -EINTR || rc == -EAGAIN || rc == -ETIMEDOUT) {
            doing(me, BETWEEN);
            if (rc == -EAGAIN && ends() == 2)
                return;
            continue;
        }
        if (rc < 0)
            blame("a consumer got", 0, 0, rc);
        struct fate *f = fate_of(&item, t.length);
        uint32_t holder = __atomic_exchange_n(&f->holder, t.held ? me->person : 0, __ATOMIC_ACQ_REL);
        uint8_t before = __atomic_fetch_add(&f->seen, 1, __ATOMIC_ACQ_REL);
        doing(me, BETWEEN);
        if (before && t.attempt < 2)
            blame("came again with attempt", item.producer, item.number, t.attempt);
        if (f->settled)
            blame("came again after its ack, with attempt", item.producer, item.number, t.attempt);
        if (holder && !__atomic_load_n(&shared->dead[holder], __ATOMIC_ACQUIRE))
            blame("was taken from one who lives", item.producer, item.number, holder);
        if (before)
            __atomic_fetch_add(&shared->repeats, 1, __ATOMIC_RELAXED);
        if (!t.held)
            continue;
        f->holder = 0; /* before the call: from then on another may have it */
        if (turn % 23 == 7 && ends() != 2) {
            doing(me, NACKING);
            rc = toc_queue_nack(q, &t, turn % 2 ? 0 : 3000000);
        } else {
            doing(me, ACKING);
            rc = toc_queue_ack(q, &t);
            if (rc == 0)
                f->settled = 1;
        }
        if (rc < 0 && rc != -EINTR)
            blame("settling gave", item.producer, item.number, rc);
        while (rc == -EINTR)
            rc = toc_queue_ack(q, &t);
        doing(me, BETWEEN);
    }
}

static pid_t start(const char *dir, int i, uint32_t person)
{
    struct worker *me = &shared->worker[i];
    me->person = person;
    doing(me, STARTING);
    pid_t pid = bench_fork(3000);
    if (pid > 0)
        return pid;
    toc_queue *q = open_it(dir);
    if (!q || toc_queue_ready(q) < 0)
        blame("open failed", 0, 0, i);
    me->id = q->h.owner->id;
    if (i < PRODUCERS)
        produce(q, me, (uint64_t)i);
    else
        consume(q, me, i == WORKERS - 1);
    _exit(0);
}

/* What the dead producer had in hand may be in or not; nobody puts it again. */
static void after_death(int i)
{
    struct worker *w = &shared->worker[i];
    if (i >= PRODUCERS || w->doing != PUTTING)
        return;
    for (uint64_t n = 0; n < w->in_hand && w->next + n < each; n++)
        fates[(uint64_t)i * each + w->next + n].doubtful = 1;
    w->next += w->in_hand;
}

int main(int argc, char **argv)
{
    uint64_t items = 100000, kills_wanted = 100, seed = 1, kills = 0, hits[DOINGS][2] = {0}, inside = 0, doubts = 0, person = 0;
    long every = 50;
    if (argc < 2)
        die("usage: queue_kill DIR [--items N] [--kills K] [--every MS] [--seed S]");
    for (int i = 2; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 0);
        if (!strcmp(argv[i], "--items"))
            items = value;
        else if (!strcmp(argv[i], "--kills"))
            kills_wanted = value;
        else if (!strcmp(argv[i], "--every"))
            every = (long)value;
        else if (!strcmp(argv[i], "--seed"))
            seed = value;
    }
    srandom((unsigned)seed);
    each = items * 2; /* what is put while kills are still wanted */
    uint64_t share = each / 2 / (kills_wanted / 4 + 1);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fates = mmap(NULL, PRODUCERS * each * sizeof *fates, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shared == MAP_FAILED || fates == MAP_FAILED)
        die("memory");
    toc_queue *q = open_it(argv[1]);
    if (!q)
        die("the queue");
    shared->quota = share;
    pid_t pid[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        pid[i] = start(argv[1], i, (uint32_t)++person);
    for (;;) {
        uint64_t put = 0;
        for (int i = 0; i < PRODUCERS; i++)
            put += __atomic_load_n(&shared->worker[i].next, __ATOMIC_ACQUIRE);
        if (shared->fault || (put >= items && kills >= kills_wanted) || put >= each * 2 || person >= 65000)
            break;
        usleep((useconds_t)(every * 1000 / 2 + random() % (every * 1000))); /* the rate of the kills, and nothing else */
        int i = (int)(random() % WORKERS), status;
        struct worker *w = &shared->worker[i];
        char state = bench_state_of(pid[i]);
        __atomic_store_n(&shared->dead[w->person], 1, __ATOMIC_RELEASE);
        kill(pid[i], SIGKILL);
        waitpid(pid[i], &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status))
            break;
        __atomic_store_n(&shared->quota, share * (++kills + 1), __ATOMIC_RELEASE);
        hits[w->doing][state == 'S']++;
        inside += toc_short_holder(atom_load_acq(&queue_file(q)->lock)) == w->id;
        doubts += w->doing == GETTING;
        after_death(i);
        pid[i] = start(argv[1], i, (uint32_t)++person);
    }
    shared->stop = 1;
    for (int i = 0; i < PRODUCERS && !shared->fault; i++)
        waitpid(pid[i], NULL, 0);
    while (!shared->fault && toc_queue_join(q, toc_now() + 100000000) == 0) { /* the dead's come back within the second */
        toc_queue_stat st;
        toc_queue_state(q, &st);
        if (st.ready + st.held + st.delayed == 0) /* got, and never task_done */
            break;
    }
    shared->stop = 2;
    for (int i = PRODUCERS; i < WORKERS && !shared->fault; i++)
        waitpid(pid[i], NULL, 0);
    uint64_t accepted = 0, lost = 0, half = 0;
    for (uint64_t i = 0; i < PRODUCERS * each && !shared->fault; i++) {
        accepted += fates[i].accepted;
        lost += fates[i].accepted && !fates[i].seen;
        half += fates[i].doubtful && fates[i].seen;
    }
    if (shared->fault)
        printf("FAULT %s\n", shared->text);
    for (int i = 0; i < DOINGS; i++)
        for (int s = 0; s < 2; s++)
            if (hits[i][s])
                printf("HIT %-14s %-8s %6llu\n", DOING[i], s ? "asleep" : "running", (unsigned long long)hits[i][s]);
    printf("TOTAL items=%llu kills=%llu inside=%llu repeats=%llu lost=%llu doubts=%llu came_though_killed=%llu faults=%u seed=%llu\n",
           (unsigned long long)accepted, (unsigned long long)kills, (unsigned long long)inside, (unsigned long long)shared->repeats,
           (unsigned long long)lost, (unsigned long long)doubts, (unsigned long long)half, shared->fault, (unsigned long long)seed);
    return shared->fault || lost > doubts;
}
