/* queues_roles.c: what the processes of a run do with the queue, and what they must see of its items. */
#include "queues.h"

static bool anybody_died(void)
{
    for (int p = 0; p < SIM_PROCESSES; p++)
        if (kernel_died(p))
            return true;
    return false;
}

int put_one(toc_queue *q, int number, unsigned char *buffer)
{
    struct item *item = &items[number];
    int rc;
    memset(buffer, number, size);
    item->begun = true;
    do
        rc = toc_queue_put(q, buffer, size, TOC_FOREVER);
    while (rc == -EINTR);
    item->accepted = rc == 0;
    item->since = sim_clock();
    return rc;
}

/* Somebody has been given an item: may he? */
static struct item *given(struct job *j, const toc_taken *t, const unsigned char *buffer)
{
    int number = buffer[0];
    struct item *item = &items[number];
    for (size_t i = 0; i < size; i++)
        if (t->length != size || number >= item_count || buffer[i] != number)
            sim_fail("'%c' of process %d got something that nobody put", j->in, j->process);
    if (!item->begun || item->gone)
        sim_fail("item %d, which is %s, was given to process %d", number, item->gone ? "gone" : "not put", j->process);
    bool had = item->attempt > 0;
    if (had && !item->back && !sim_killed(item->holder))
        sim_fail("item %d was given to process %d, and process %d has it", number, j->process, item->holder);
    if (t->attempt <= item->attempt)
        sim_fail("item %d comes again as attempt %u after %u", number, t->attempt, item->attempt);
    if (t->attempt > 1 && !had && !anybody_died())
        sim_fail("item %d comes for the first time as attempt %u", number, t->attempt);
    int64_t late = item->since > j->began ? item->since : j->began;
    for (int p = 0; p < SIM_PROCESSES; p++)
        if (kernel_died(p) > late)
            late = kernel_died(p);
    late = sim_clock() - late;
    if (!drained && late > (anybody_died() ? LATE_AFTER_DEATH : LATE))
        sim_fail("item %d came %lld ms late", number, (long long)(late / 1000000));
    sim_say("'%c' has item %d, attempt %u", j->in, number, t->attempt);
    taken_in_all++;
    again_in_all += t->attempt > 1;
    *item = (struct item){.begun = true, .accepted = true, .holder = j->process, .attempt = t->attempt, .since = item->since};
    return item;
}

static int give_back(struct job *j, struct item *item, const toc_taken *t)
{
    int rc;
    item->back = true;
    do
        rc = toc_queue_nack(j->q, t, 0);
    while (rc == -EINTR);
    return rc;
}

int take_one(struct job *j, bool hold, int64_t deadline, struct item **out)
{
    unsigned char *buffer = bytes[j - jobs];
    toc_taken t;
    int rc;
    do
        rc = (hold ? toc_queue_receive : toc_queue_get)(j->q, buffer, LARGE, &t, deadline);
    while (rc == -EINTR);
    if (rc < 0)
        return rc;
    *out = given(j, &t, buffer);
    if (j->in == 'n')
        return give_back(j, *out, &t);
    (*out)->acking = hold || t.held;
    while (t.held && (rc = toc_queue_ack(j->q, &t)) == -EINTR) {}
    (*out)->gone = true;
    (*out)->finished |= hold;
    return rc;
}

static int finish(struct job *j, struct item *item)
{
    int rc;
    item->finished = true;
    do
        rc = toc_queue_task_done(j->q);
    while (rc == -EINTR);
    return rc;
}

static int join(struct job *j)
{
    bool wanted[ITEMS];
    int rc, open = 0;
    for (int i = 0; i < item_count; i++)
        wanted[i] = items[i].accepted;
    do
        rc = toc_queue_join(j->q, j->began + PATIENCE);
    while (rc == -EINTR);
    for (int i = 0; i < item_count; i++) {
        bool over = items[i].finished || (items[i].attempt && items[i].gone && sim_killed(items[i].holder));
        /* whom a death has met in a get may have taken any of them */
        if (wanted[i] && !over && rc == 1 && !anybody_died())
            sim_fail("a join ended, and item %d is not done", i);
        open += items[i].begun && !over;
    }
    if (rc == 0 && !open)
        sim_fail("a join was not told of the end");
    return rc < 0 ? rc : 0;
}

static int stop_inside(struct job *j)
{
    int rc;
    while ((rc = toc_queue_enter(j->q, TOC_FOREVER)) == -EINTR) {}
    if (rc < 0)
        return rc;
    sys_nap(SIM_SECOND / 20);
    if (toc_short_holder(queue_file(j->q)->lock) != j->q->h.owner->id)
        sim_fail("process %d lives, and the lock was taken from it", j->process);
    toc_queue_leave(j->q);
    return 0;
}

static int play(struct job *j, int *number)
{
    struct item *item = NULL;
    int rc;
    switch (j->in) {
    case 'p': return put_one(j->q, (*number)++, bytes[j - jobs]);
    case 'g': return take_one(j, false, TOC_FOREVER, &item);
    case 'r': case 'n': return take_one(j, true, TOC_FOREVER, &item);
    case 't':
        rc = take_one(j, false, TOC_FOREVER, &item);
        return rc < 0 ? rc : finish(j, item);
    case 'j': return join(j);
    case 's': return stop_inside(j);
    default: sim_fail("there is no role '%c'", j->in);
    }
}

void body(int task)
{
    struct job *j = &jobs[task];
    int number = first_item[task];
    for (const char *c = j->roles; *c && *c != ' '; c++) {
        j->began = sim_clock();
        j->in = *c;
        int rc = play(j, &number);
        if (rc < 0)
            sim_fail("'%c' of process %d failed: %d", *c, j->process, rc);
        sim_say("'%c' is done", *c);
        j->in = 0;
    }
    j->done = true;
}
