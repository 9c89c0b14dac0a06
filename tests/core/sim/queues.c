/* queues.c: who does what on one queue, and whether every item went where it should.
 *
 *      queue random SEED RUNS KILLS SCENARIO
 *      queue show SCENARIO KILLS seed N              one run again, told aloud
 *
 * A scenario: flags, a colon, processes, as in scenarios.c. A process does what its letters say, one after the other:
 *      p puts   g gets   r receives and acks   n receives and gives it back, at once   t gets, and says that it is done
 *      j joins, for five seconds   s is stopped for 50 ms, with the lock
 * Flags: a digit: as many items at first; f no more than one item fits; L items that fill a segment each.
 */
#include "queues.h"

struct item items[ITEMS];
struct job jobs[SIM_TASKS];
unsigned char bytes[SIM_TASKS][LARGE];
int job_count, item_count, first_item[SIM_TASKS];
size_t size;
bool drained;
uint64_t taken_in_all, again_in_all;
toc_queue *handles[SIM_PROCESSES];

toc_queue *opened(int process, int64_t maxsize)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    o.maxsize = maxsize;
    sim_as(process);
    int rc = toc_queue_open(&handles[process], PATH, &o);
    if (rc < 0)
        sim_fail("open in process %d: %d", process, rc);
    return handles[process];
}

static void prepare(const char *scenario, int kills)
{
    const char *roles = strchr(scenario, ':');
    int64_t maxsize = memchr(scenario, 'f', (size_t)(roles - scenario)) ? 1 : 0;
    size = memchr(scenario, 'L', (size_t)(roles - scenario)) ? LARGE : 8;
    job_count = item_count = 0;
    drained = false;
    memset(items, 0, sizeof items);
    opened(0, maxsize);
    for (const char *c = scenario; c < roles; c++)
        for (int i = '0'; *c >= '0' && *c <= '9' && i < *c; i++)
            if (put_one(handles[0], item_count++, bytes[0]) < 0)
                sim_fail("before the run: put");
    for (const char *c = roles; c; c = strchr(c + 1, ' ')) {
        int process = ++job_count, task = process - 1;
        jobs[task] = (struct job){.roles = c + 1, .process = process, .q = opened(process, -1)};
        first_item[task] = item_count;
        for (const char *r = c + 1; *r && *r != ' '; r++)
            item_count += *r == 'p';
        jobs[task].task = sim_spawn(process, body, task, kills > 0);
    }
}

static bool once(const char *scenario, int kills)
{
    if (setjmp(sim_failed))
        return false;
    sim_reset();
    prepare(scenario, kills);
    sim_run();
    judge("at the end");
    recover();
    return true;
}

int main(int argc, char **argv)
{
    bool show = argc == 6 && !strcmp(argv[1], "show");
    if (!show && (argc != 6 || strcmp(argv[1], "random") != 0)) {
        fprintf(stderr, "see the head of queues.c\n");
        return 2;
    }
    const char *scenario = argv[show ? 2 : 5];
    struct sim_plan plan = {.random = true, .seed = strtoull(argv[show ? 5 : 2], NULL, 0), .kills = atoi(argv[show ? 3 : 4]),
                            .spurious = 2};
    uint64_t most = show ? 1 : strtoull(argv[3], NULL, 0);
    bool good;
    sim_loud = show;
    if (!strchr(scenario, ':'))
        return 2;
    sim_plan_first(&plan);
    do
        good = once(scenario, plan.kills);
    while (good && --most && sim_plan_next());
    printf("{\"scenario\": \"%s\", \"runs\": %llu, \"points\": %llu, \"switches\": %llu, \"kills\": %llu, "
           "\"sleeps\": %llu, \"taken\": %llu, \"again\": %llu, \"failed\": \"",
           scenario, (unsigned long long)sim_counts.runs, (unsigned long long)sim_counts.points,
           (unsigned long long)sim_counts.switches, (unsigned long long)sim_counts.kills,
           (unsigned long long)sim_counts.sleeps, (unsigned long long)taken_in_all, (unsigned long long)again_in_all);
    if (!good) {
        printf("%s; ", sim_fault);
        sim_plan_print();
    }
    printf("\"}\n");
    return !good;
}
