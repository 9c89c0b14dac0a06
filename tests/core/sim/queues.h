/* queues.h: the items and the processes of a run on one queue. See queues.c. */
#ifndef QUEUES_H
#define QUEUES_H

#include "sim.h"

#include "objects/queue.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/sim/x"
#define ITEMS 32
#define LARGE 12000u
#define PATIENCE (5 * SIM_SECOND)
#define LATE_AFTER_DEATH (SIM_SECOND * 3 / 2) /* who sleeps looks for the dead once a second */
#define LATE (SIM_SECOND * 3 / 20)            /* a bell is young for 100 ms */

struct item {
    bool begun, accepted, gone, acking, finished, back;
    int holder; /* the process that had it last */
    uint32_t attempt;
    int64_t since; /* when it was put or came back */
};

struct job {
    const char *roles;
    int process, task;
    toc_queue *q;
    char in; /* the call that it is in */
    int64_t began;
    bool done;
};

extern struct item items[ITEMS];
extern struct job jobs[SIM_TASKS];
extern toc_queue *handles[SIM_PROCESSES];
extern unsigned char bytes[SIM_TASKS][LARGE];
extern int job_count, item_count, first_item[SIM_TASKS];
extern size_t size; /* of an item */
extern bool drained; /* a fresh process takes what is left, and nothing is late any more */
extern uint64_t taken_in_all, again_in_all;

toc_queue *opened(int process, int64_t maxsize);
/* -- queues_roles.c */
int put_one(toc_queue *q, int number, unsigned char *buffer);
int take_one(struct job *j, bool hold, int64_t deadline, struct item **out);
void body(int task); /* what a process does, letter by letter */
/* -- queues_judge.c */
void judge(const char *when);
void recover(void); /* a fresh process takes, and must find, all that is left */

#endif
