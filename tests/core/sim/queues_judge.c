/* queues_judge.c: who sleeps beside an item, and what became of each item in the end. */
#include "queues.h"

static int asleep(const char *roles)
{
    int n = 0;
    for (int i = 0; i < job_count; i++)
        n += !jobs[i].done && !sim_killed(jobs[i].process) && jobs[i].in && strchr(roles, jobs[i].in);
    return n;
}

void judge(const char *when)
{
    toc_queue_stat s;
    sim_as(0);
    toc_queue_state(handles[0], &s);
    for (int i = 0; i < job_count; i++)
        if (!jobs[i].done && !sim_killed(jobs[i].process) && (!jobs[i].in || !strchr("grntp", jobs[i].in)))
            sim_fail("%s: '%c' of process %d never came back", when, jobs[i].in, jobs[i].process);
    if (asleep("grnt") && (s.ready || s.delayed || s.held))
        sim_fail("%s: lost wake-up: somebody sleeps, and %d are ready, %d held", when, (int)s.ready, (int)s.held);
    if (asleep("p") && (s.maxsize == 0 || s.ready < (uint64_t)s.maxsize))
        sim_fail("%s: lost wake-up: a put sleeps, and there is room", when);
    if (jobs[job_count - 1].process == SIM_PROCESSES - 1 && !jobs[job_count - 1].done)
        sim_fail("%s: a fresh process never came back", when);
    if (kernel_writers())
        sim_fail("%s: somebody keeps a bell open", when);
}

/* A fresh process takes what is there, and what the dead held. */
static void drain(int task)
{
    struct job *j = &jobs[task];
    struct item *item;
    j->in = 'g';
    for (int empty = 0; empty < 3;) { /* seconds, each of them within the run */
        int rc = take_one(j, false, sim_clock() + SIM_SECOND, &item);
        if (rc != 0 && rc != -EAGAIN)
            sim_fail("a fresh process can't get: %d", rc);
        empty = rc == 0 ? 0 : empty + 1;
    }
    j->in = 0;
    j->done = true;
}

static void refill(int task)
{
    int number = item_count++;
    if (put_one(jobs[task].q, number, bytes[task]) < 0)
        sim_fail("a fresh process can't put");
    jobs[task].done = true;
}

void recover(void)
{
    int last = SIM_PROCESSES - 1, task = job_count, may_be_lost = 0;
    toc_queue *q = opened(last, -1);
    drained = true;
    jobs[job_count++] = (struct job){.process = last, .q = q, .in = 'g'};
    sim_spawn(last, drain, task, false);
    sim_run();
    judge("after a fresh get");
    for (int i = 0; i < task; i++)
        may_be_lost += sim_killed(jobs[i].process) && (jobs[i].in == 'g' || jobs[i].in == 't');
    for (int i = 0; i < item_count; i++) {
        struct item *item = &items[i];
        bool with_the_dead = item->acking && sim_killed(item->holder);
        if (item->accepted && !item->gone && !with_the_dead && --may_be_lost < 0)
            sim_fail("item %d is lost", i);
    }
    while (asleep("grnt") && job_count < SIM_TASKS) { /* and who still waits has not been forgotten */
        int before = asleep("grnt");
        sim_as(last);
        jobs[job_count] = (struct job){.process = last, .q = q, .in = 'p', .roles = ""};
        sim_spawn(last, refill, job_count, false);
        job_count++;
        sim_run();
        judge("after a fresh put");
        if (asleep("grnt") >= before)
            break; /* it went to one that gave it back, or gets more */
    }
}
