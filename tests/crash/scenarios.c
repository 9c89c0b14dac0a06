/* scenarios.c: each operation of the core, in each situation that changes its path. */
#include "bench.h"

#include <errno.h>

static void op_open(struct ctx *c, toc_event *e)
{
    (void)e;
    bench_open(c);
}

static void op_set(struct ctx *c, toc_event *e) { c->page->op_rc = toc_event_set(e); }
static void op_clear(struct ctx *c, toc_event *e) { c->page->op_rc = toc_event_clear(e); }
static void op_wait(struct ctx *c, toc_event *e) { c->page->op_rc = toc_event_wait(e, toc_event_clears(e), TOC_FOREVER); }

static void op_wait_clear(struct ctx *c, toc_event *e)
{
    c->page->op_rc = toc_event_wait_clear(e, toc_event_clears(e), TOC_FOREVER);
}

static void op_fileno(struct ctx *c, toc_event *e)
{
    int fd = toc_event_fileno(e);
    c->page->op_rc = fd < 0 ? fd : 0;
}

static void op_look(struct ctx *c, toc_event *e) /* listen, consume the edge, close: the whole life of a listener */
{
    op_fileno(c, e);
    toc_event_is_set(e);
    toc_event_free(e);
}

static void op_arm(struct ctx *c, toc_event *e) /* as a loop's hub does it */
{
    uint64_t word;
    int fd = toc_event_listen(e);
    if (fd >= 0)
        toc_event_look_again(e);
    c->page->op_rc = fd < 0 ? fd : toc_event_arm(e, 0, &word);
}

static void op_unlink(struct ctx *c, toc_event *e)
{
    (void)e;
    c->page->op_rc = toc_unlink(c->path);
}

static void op_unlink_handle(struct ctx *c, toc_event *e) { c->page->op_rc = toc_event_unlink(e); }

static void op_own(struct ctx *c, toc_event *e) { c->page->op_rc = toc_event_own(e, "op"); }

static void op_own_set(struct ctx *c, toc_event *e)
{
    op_own(c, e);
    if (c->page->op_rc == 0)
        op_set(c, e);
}

static void op_own_disown(struct ctx *c, toc_event *e)
{
    op_own(c, e);
    if (c->page->op_rc == 0)
        c->page->op_rc = toc_event_disown(e);
}

static void op_own_close(struct ctx *c, toc_event *e)
{
    op_own(c, e);
    toc_event_close(e);
}

static void op_told(struct ctx *c, toc_event *e)
{
    op_wait(c, e);
    if (c->page->op_rc == -EOWNERDEAD)
        c->page->op_rc = 0;
}

#define OWNS .owns = 1
#define OPENS .opens = 1
const struct scenario SCENARIOS[] = {
    {"open: makes it", NOTHING, .op = op_open, OPENS},
    {"open: makes it in a new folder", NOTHING, .op = op_open, OPENS, .object = "folder/x"},
    {"open: there already", PLAIN, .op = op_open, OPENS},
    {"open: its remover is dead", MARKED, .op = op_open, OPENS},
    {"set: nobody waits", PLAIN, .op = op_set},
    {"set: already set", LATCHED, .op = op_set},
    {"set: a sleeper", PLAIN, SLEEPER, .op = op_set},
    {"set: a listener", PLAIN, LISTENER, .op = op_set},
    {"set: a sleeper and a listener", PLAIN, SLEEPER | LISTENER, .op = op_set},
    {"set: a listener, the bell full", FULL_BELL, LISTENER, .op = op_set},
    {"set: a sleeper, the bell taken by a cleaner", NO_FIFO, SLEEPER, .op = op_set},
    {"set: anonymous, a sleeper and a listener", PLAIN, SLEEPER | LISTENER, .op = op_set, .anonymous = 1},
    {"clear: nobody waits", LATCHED, .op = op_clear},
    {"clear: already clear", PLAIN, .op = op_clear},
    {"clear: one waits for it", LATCHED, CLEARER, .op = op_clear},
    {"clear: one waits for it, one for the set after it", LATCHED, CLEARER | NEXT, .op = op_clear},
    {"clear: anonymous, one waits for it", LATCHED, CLEARER, .op = op_clear, .anonymous = 1},
    {"wait: falls asleep", PLAIN, .op = op_wait, .sleeps = 1},
    {"wait: falls asleep beside others", WITH_BELL, SLEEPER | LISTENER, .op = op_wait, .sleeps = 1},
    {"wait: for the set after the next clear", LATCHED, NEXT, .op = op_wait_clear, .sleeps = 1},
    {"wait_clear: falls asleep, makes the bell", LATCHED, .op = op_wait_clear, .sleeps = 1},
    {"wait_clear: falls asleep beside another", LATCHED, CLEARER, .op = op_wait_clear, .sleeps = 1},
    {"fileno: makes the bell", PLAIN, .op = op_fileno},
    {"fileno: beside another listener", PLAIN, LISTENER, .op = op_fileno},
    {"fileno: the bell taken by a cleaner", NO_FIFO, SLEEPER, .op = op_fileno},
    {"fileno, look, free", PLAIN, LISTENER, .op = op_look},
    {"listen and arm", PLAIN, LISTENER, .op = op_arm},
    {"unlink: nobody waits", PLAIN, .op = op_unlink, OPENS},
    {"unlink: a sleeper and a listener", PLAIN, SLEEPER | LISTENER, .op = op_unlink, OPENS},
    {"unlink: one waits for the clear, one for the next set", LATCHED, CLEARER | NEXT, .op = op_unlink, OPENS},
    {"unlink: its first remover is dead", MARKED, .op = op_unlink, OPENS},
    {"unlink: by its handle, a sleeper", PLAIN, SLEEPER, .op = op_unlink_handle},
    {"own: nobody waits", PLAIN, .op = op_own, OWNS},
    {"own: a listener", PLAIN, LISTENER, .op = op_own, OWNS},
    {"own, set: a sleeper", PLAIN, SLEEPER, .op = op_own_set, OWNS},
    {"own, set: a listener", PLAIN, LISTENER, .op = op_own_set, OWNS},
    {"own, set: anonymous, a sleeper and a listener", PLAIN, SLEEPER | LISTENER, .op = op_own_set, OWNS, .anonymous = 1},
    {"own: the bell taken by a cleaner", NO_FIFO, .op = op_own, OWNS},
    {"own, disown: a sleeper", PLAIN, SLEEPER, .op = op_own_disown, OWNS},
    {"own, close: a sleeper", PLAIN, SLEEPER, .op = op_own_close, OWNS},
    {"own, set: its owner is dead", LEFT, .op = op_own_set, OWNS},
    {"clear: its owner is dead", LEFT, .op = op_clear, OWNS},
    {"set: its owner is dead", LEFT, .op = op_set, OWNS},
    {"wait: its owner is dead", LEFT, .op = op_told, OWNS},
    {"fileno: its owner is dead", LEFT, .op = op_fileno, OWNS},
    /* Somebody comes while the operation is under way: every pair (step at which he comes, kill). */
    {"set: a sleeper; a listener comes", PLAIN, SLEEPER, LISTENER, .op = op_set},
    {"set: nobody; a sleeper comes", PLAIN, 0, SLEEPER, .op = op_set},
    {"set: nobody; a listener comes", PLAIN, 0, LISTENER, .op = op_set},
    {"clear: one waits for it; another comes", LATCHED, CLEARER, CLEARER, .op = op_clear},
    {"clear: nobody; one who waits for it comes", LATCHED, 0, CLEARER, .op = op_clear},
    {"unlink: nobody; a listener comes", PLAIN, 0, LISTENER, .op = op_unlink, OPENS},
    {"unlink: nobody; a sleeper comes", PLAIN, 0, SLEEPER, .op = op_unlink, OPENS},
    {"unlink: nobody; one who waits for the clear comes", LATCHED, 0, CLEARER, .op = op_unlink, OPENS},
    {"fileno: makes the bell; another listener comes", PLAIN, 0, LISTENER, .op = op_fileno},
    {"own, set: nobody; a sleeper comes", PLAIN, 0, SLEEPER, .op = op_own_set, OWNS},
    {"own, set: a sleeper; a listener comes", PLAIN, SLEEPER, LISTENER, .op = op_own_set, OWNS},
    {"own, disown: nobody; a sleeper comes", PLAIN, 0, SLEEPER, .op = op_own_disown, OWNS},
};
const int N_SCENARIOS = sizeof SCENARIOS / sizeof *SCENARIOS;
