/* unit_watch.c: changes in directories, and that each of many waiters hears of them. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit.h"

#include "objects/watch.h"
#include "tocsin.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[4096], inner[4200];

static struct toc_watch *open_it(void)
{
    struct toc_watch *w;
    IS(toc_watch_open(&w), 0);
    IS(w->error, 0);
    return w;
}

static void a_change_has_a_name(void)
{
    struct toc_watch *w = open_it();
    struct toc_watch_change change;
    int wd = toc_watch_add(w, home, TOC_WATCH_SELF);
    CHECK(wd > 0);
    IS(toc_watch_add(w, home, TOC_WATCH_ENTRIES), wd); /* bits are added */
    IS(toc_watch_read(w, true), 0);
    IS(mkdir(inner, 0700), 0);
    CHECK(toc_watch_read(w, false) > 0);
    toc_watch_next(w, 0, &change);
    CHECK(change.wd == wd && (change.mask & TOC_WATCH_ENTRIES) && strcmp(change.name, "inner") == 0);
    int deeper = toc_watch_add(w, inner, TOC_WATCH_SELF);
    IS(rmdir(inner), 0);
    size_t got = (size_t)toc_watch_read(w, false), at = 0;
    int gone = 0;
    while (at < got) {
        at = toc_watch_next(w, at, &change);
        gone += change.wd == deeper && (change.mask & TOC_WATCH_GONE);
    }
    CHECK(at == got && gone == 1);
    IS(toc_watch_add(w, inner, TOC_WATCH_SELF), -ENOENT);
    IS(symlink(home, inner), 0);
    IS(toc_watch_add(w, inner, TOC_WATCH_SELF), -ENOTDIR);
    IS(unlink(inner), 0);
    IS(toc_watch_remove(w, wd), 0);
    IS(toc_watch_remove(w, wd), -EINVAL);
    toc_watch_free(w);
}

static void who_reads_tells_the_others(void)
{
    struct toc_watch *w = open_it();
    int ears[3];
    for (int i = 0; i < 3; i++)
        CHECK((ears[i] = toc_watch_ear(w)) >= 0);
    CHECK(toc_watch_add(w, home, TOC_WATCH_ENTRIES) > 0);
    for (int i = 0; i < 3; i++)
        IS(toc_watch_sleep(ears[i], 0), 0);
    IS(mkdir(inner, 0700), 0);
    IS(toc_watch_sleep(ears[0], -1), 1);
    CHECK(toc_watch_read(w, true) > 0); /* the event is gone before the others have looked */
    for (int i = 1; i < 3; i++)
        IS(toc_watch_sleep(ears[i], -1), 1);
    IS(toc_watch_read(w, true), 0);
    IS(rmdir(inner), 0);
    IS(toc_watch_sleep(ears[2], -1), 1);
    IS(toc_watch_ring(w), 0);
    for (int i = 0; i < 3; i++)
        IS(toc_watch_sleep(ears[i], -1), 1);
    IS(toc_watch_alarm(w, toc_now() + 1000000), 0);
    for (int i = 0; i < 3; i++) {
        while (toc_watch_sleep(ears[i], toc_now() + 1000) == 1)
            toc_watch_read(w, false);
        close(ears[i]);
    }
    toc_watch_free(w);
}

static void without_an_instance(void)
{
    struct toc_watch *w;
    struct rlimit before, few;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    int next = dup(0);
    close(next);
    few = before;
    few.rlim_cur = (rlim_t)next + 2; /* a counter and a timer */
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    IS(toc_watch_open(&w), 0);
    IS(w->error, -EMFILE);
    IS(toc_watch_add(w, home, TOC_WATCH_ENTRIES), -EMFILE);
    IS(toc_watch_read(w, true), 0);
    IS(toc_watch_ear(w), -EMFILE);
    toc_watch_free(w);
    few.rlim_cur = (rlim_t)next + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    IS(toc_watch_open(&w), -EMFILE);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    IS(dup(0), next); /* nothing was left open */
    close(next);
    CHECK(toc_watch_file_system(home) > 0);
    IS(toc_watch_file_system("/nowhere"), -ENOENT);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    snprintf(home, sizeof home, "%s/home", argv[1]);
    snprintf(inner, sizeof inner, "%s/inner", home);
    CHECK(mkdir(home, 0700) == 0);
    RUN(a_change_has_a_name);
    RUN(who_reads_tells_the_others);
    RUN(without_an_instance);
    CHECK(rmdir(home) == 0);
    return unit_end();
}
