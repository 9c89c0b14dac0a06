/* signals.c: the same for one signal. A scenario whose flags begin with ~; the letters of its threads:
 *      w waits, blocking      W the same, until it has heard two      f polls fileno() and looks      a arms as an event loop does, and looks
 *      s signals   S signals twice   u unlinks   x closes its own process's handle   z cancels its waits
 * The other waiters are content with one signal or more. Flags: b it has a bell; L a listener of the past left BELL on; m anonymous.
 */
#include "sim.h"

#include "objects/handle.h"
#include "parts/word.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

#define PATH "/sim/x"
#define H(s) ((toc_handle *)(s))

struct job {
    char role;
    int process;
    toc_signal *s;
    int64_t rc;
    uint64_t sequence[2];
    bool done;
};

static struct job jobs[SIM_TASKS];
static toc_signal *handles[SIM_PROCESSES];
static bool ended[SIM_PROCESSES]; /* closed or cancelled */
static uint64_t begun_with;
static int job_count;
uint64_t sim_signals_asleep;

static bool waits(const struct job *j) { return strchr("wWfa", j->role) != NULL; }
static uint64_t word(void) { return H(handles[0])->o.head->word; }
static uint64_t count(void) { return word() >> 8; } /* the judge counts for himself */

static int64_t by_descriptor(toc_signal *s)
{
    int fd = toc_fileno(H(s));
    int64_t n = fd;
    while (fd >= 0 && (n = toc_signal_wait(s, 0)) == 0)
        kernel_poll(fd);
    return n;
}

static int64_t by_arming(toc_signal *s)
{
    uint64_t ticket;
    int epoll = sys_epoll(), fd = toc_listen(H(s));
    if (fd < 0)
        return fd;
    sys_epoll_add(epoll, fd);
    for (;; sys_epoll_wait(epoll, SYS_FOREVER)) {
        sys_epoll_wait(epoll, 0);
        int rc = toc_arm(H(s), 0, &ticket);
        int64_t n = rc < 0 ? rc : toc_signal_wait(s, 0);
        if (n != 0)
            return n;
    }
}

static int64_t blocking(toc_signal *s)
{
    int64_t n;
    do
        n = toc_signal_wait(s, TOC_FOREVER);
    while (n == -EINTR);
    return n;
}

static int64_t play(struct job *j)
{
    int rc;
    switch (j->role) {
    case 'W': /* the second wait finds the ear of the first */
        while (j->rc < 2) {
            int64_t n = blocking(j->s);
            if (n < 0)
                return n;
            j->rc += n;
        }
        return j->rc;
    case 'w': return blocking(j->s);
    case 'f': return by_descriptor(j->s);
    case 'a': return by_arming(j->s);
    case 's': return toc_signal_signal(j->s, &j->sequence[0]);
    case 'S':
        rc = toc_signal_signal(j->s, &j->sequence[0]);
        return rc < 0 ? rc : toc_signal_signal(j->s, &j->sequence[1]);
    case 'u': return toc_handle_unlink(H(j->s));
    case 'x': ended[j->process] = true; toc_close(H(j->s)); return 0;
    case 'z': ended[j->process] = true; toc_cancel(H(j->s)); return 0;
    default: sim_fail("a signal has no role '%c'", j->role);
    }
}

static void body(int number)
{
    struct job *j = &jobs[number];
    j->rc = play(j);
    j->done = true;
    sim_say("'%c' is done: %lld", j->role, (long long)j->rc);
}

static void must(int rc, const char *what)
{
    if (rc < 0)
        sim_fail("before the run: %s: %d", what, rc);
}

static void open_in(int process, bool anonymous)
{
    int memory, pipe;
    sim_as(process);
    if (!anonymous || process == 0) {
        must(toc_signal_open(&handles[process], anonymous ? NULL : PATH, NULL, 0), "open");
        return;
    }
    toc_descriptors(H(handles[0]), &memory, &pipe);
    memory = kernel_give(0, memory, process);
    pipe = kernel_give(0, pipe, process);
    must(toc_signal_attach(&handles[process], memory, pipe, 0), "attach");
}

static void prepare(const char *scenario, int kills)
{
    const char *roles = strchr(scenario, ':');
    bool anonymous = memchr(scenario, 'm', (size_t)(roles - scenario)) != NULL;
    job_count = 0;
    memset(ended, 0, sizeof ended);
    open_in(0, anonymous);
    if (memchr(scenario, 'b', (size_t)(roles - scenario))) {
        must(toc_fileno(H(handles[0])), "fileno");
        toc_ear_close(H(handles[0])->own);
        H(handles[0])->listening = 0;
        H(handles[0])->own = NULL;
        sim_skip(10 * SIM_SECOND);
        H(handles[0])->o.head->word &= ~TOC_BELL;
    }
    must(toc_signal_signal(handles[0], NULL), "signal"); /* nobody is to hear what was before */
    if (memchr(scenario, 'L', (size_t)(roles - scenario)))
        H(handles[0])->o.head->word |= TOC_BELL;
    int process = 0;
    for (const char *c = roles + 1; *c; c++) {
        if (*c == ' ')
            continue;
        if (c[-1] == ' ' || c[-1] == ':')
            open_in(++process, anonymous);
        jobs[job_count] = (struct job){.role = *c, .process = process, .s = handles[process]};
        sim_spawn(process, body, job_count++, kills > 0);
    }
    begun_with = count();
}

/* What the threads of a process have heard. */
static uint64_t heard(int process)
{
    uint64_t sum = begun_with;
    for (int i = 0; i < job_count; i++)
        if (jobs[i].process == process && waits(&jobs[i]) && jobs[i].rc > 0)
            sum += (uint64_t)jobs[i].rc;
    return sum;
}

static bool may_be_told(const struct job *j, const char *scenario)
{
    return (j->rc == -EIDRM && strchr(scenario, 'u')) || ((j->rc == -ESHUTDOWN || j->rc == -ECANCELED) && ended[j->process]);
}

static void judge(const char *scenario, const char *when)
{
    for (int i = 0; i < job_count; i++) {
        const struct job *j = &jobs[i];
        if (sim_killed(j->process))
            continue;
        if (!j->done && !waits(j))
            sim_fail("%s: '%c' of process %d never came back", when, j->role, j->process);
        /* Descriptors say nothing of a close: the numbers are gone, and loops ask their own. */
        bool told = (word() & TOC_REMOVED) || (ended[j->process] && strchr("wW", j->role)) || count() > heard(j->process);
        if (!j->done && told)
            sim_fail("%s: lost wake-up: '%c' of process %d sleeps, word %llx, heard %llu", when, j->role, j->process,
                     (unsigned long long)word(), (unsigned long long)heard(j->process));
        if (j->done && j->rc < 0 && !may_be_told(j, scenario))
            sim_fail("%s: '%c' of process %d failed: %lld", when, j->role, j->process, (long long)j->rc);
        if (heard(j->process) > count())
            sim_fail("%s: process %d heard more than there was", when, j->process);
        for (int k = 0; k < 2 && j->sequence[k]; k++)
            for (int n = 0; n < job_count; n++)
                if (j->sequence[k] > count() || (n != i && (jobs[n].sequence[0] == j->sequence[k] || jobs[n].sequence[1] == j->sequence[k])))
                    sim_fail("%s: two signals have the number %llu", when, (unsigned long long)j->sequence[k]);
    }
}

/* Whatever happened, a fresh process signals, and everyone is released: one of each handle each time. */
static void recover(const char *scenario)
{
    for (int round = 0; round < SIM_TASKS; round++) {
        int sleeping = 0, number = job_count;
        for (int i = 0; i < number; i++)
            sleeping += !jobs[i].done && !sim_killed(jobs[i].process) && !ended[jobs[i].process];
        if (round == 0)
            sim_signals_asleep += (unsigned)sleeping;
        if (!sleeping || number == SIM_TASKS)
            return;
        sim_as(SIM_PROCESSES - 1);
        if (round == 0)
            must(H(handles[0])->o.path ? toc_signal_open(&handles[SIM_PROCESSES - 1], PATH, NULL, 0) : 0, "open by a fresh process");
        toc_signal *fresh = H(handles[0])->o.path ? handles[SIM_PROCESSES - 1] : handles[0];
        int process = H(handles[0])->o.path ? SIM_PROCESSES - 1 : 0;
        sim_as(process);
        jobs[number] = (struct job){.role = 's', .process = process, .s = fresh};
        job_count++;
        sim_spawn(process, body, number, false);
        sim_run();
        judge(scenario, "after a fresh signal");
    }
}

void sim_signals_once(const char *scenario, int kills)
{
    prepare(scenario, kills);
    int64_t begin = sim_clock();
    sim_run();
    judge(scenario, "at the end");
    if (sim_clock() - begin > 150 * SIM_SECOND / 1000)
        sim_fail("it took %lld ms", (long long)((sim_clock() - begin) / 1000000));
    recover(scenario);
}
