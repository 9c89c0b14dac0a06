/* unit_check.h: what the unit tests of toc_check_object share: one object of each kind, with something in it; and what is said. */
#ifndef UNIT_CHECK_H
#define UNIT_CHECK_H

#include "unit.h"

#include "objects/check.h"
#include "objects/data.h"
#include "objects/queue.h"
#include "objects/topic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ROOM 16
#define BIG 100000u

static toc_finding said[ROOM];

static inline toc_options here(void)
{
    toc_options o = TOC_DEFAULTS;
    o.at = place;
    return o;
}

static inline char *path_of(const char *leaf)
{
    static char path[4][1200];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", place, leaf);
    return path[turn];
}

static inline int check_at(const char *leaf) { return toc_check_object(path_of(leaf), said, ROOM); }

static inline void is_sound(const char *leaf)
{
    int rc = check_at(leaf);
    for (int i = 0; i < rc && i < ROOM; i++)
        fprintf(stderr, "%s is not sound: %s (%s)\n", leaf, said[i].what, said[i].file);
    IS(rc, 0);
}

static inline void says(const char *leaf, const char *words, int mend)
{
    int rc = check_at(leaf);
    CHECK(rc > 0 && rc <= ROOM);
    for (int i = 0; i < rc; i++)
        if (strstr(said[i].what, words)) {
            IS(said[i].mend, mend);
            return;
        }
    fprintf(stderr, "%s: \"%s\" does not say \"%s\"\n", leaf, said[0].what, words);
    CHECK(0);
}

/* -- one of each kind, with something in it */

static inline toc_queue *queue(void)
{
    toc_queue *q;
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    o.common = here();
    IS(toc_queue_open(&q, "queue", &o), 0);
    return q;
}

static inline toc_topic *topic(void)
{
    toc_topic *t;
    toc_topic_options o = TOC_TOPIC_DEFAULTS;
    o.common = here();
    o.max_bytes = TOC_TOPIC_BYTES_MIN;
    IS(toc_topic_open(&t, "topic", &o), 0);
    return t;
}

static inline toc_data *data(void)
{
    toc_data *d;
    toc_options o = here();
    IS(toc_data_open(&d, "data", &o, 1), 0);
    return d;
}

static unsigned char bytes[BIG];

static inline void fill_queue(toc_queue *q)
{
    toc_taken taken[4];
    for (int i = 0; i < 300; i++)
        IS(toc_queue_put(q, bytes, 200, 0), 0);
    for (int i = 0; i < 4; i++)
        IS(toc_queue_receive(q, bytes + 1000, 1000, &taken[i], 0), 0);
    IS(toc_queue_nack(q, &taken[1], 0), 0);
    IS(toc_queue_nack(q, &taken[2], 1000000000000ll), 0);
    IS(toc_queue_ack(q, &taken[3]), 0);
}

static inline void set_value(toc_data *d, size_t n) { IS(toc_data_signal(d, bytes, n, -1, TOC_FOREVER, NULL), 0); }

static inline void fill_topic(toc_topic *t, int emits)
{
    uint64_t sequence;
    for (int i = 0; i < emits; i++) {
        int rc = toc_topic_emit(t, bytes, 500, 0, &sequence);
        CHECK(rc == 0 || rc == -ETIMEDOUT);
    }
}

static inline void make_all(void)
{
    toc_options o = here();
    toc_event *e;
    toc_signal *s;
    toc_lock *l;
    toc_queue *q = queue();
    toc_data *d = data();
    toc_topic *t = topic();
    IS(toc_event_open(&e, "event", &o), 0);
    CHECK(toc_event_fileno(e) >= 0);
    IS(toc_event_own(e, "a test"), 0);
    IS(toc_signal_open(&s, "signal", &o, 0), 0);
    IS(toc_signal_signal(s, NULL), 0);
    IS(toc_lock_open(&l, "lock", &o, "a test"), 0);
    IS(toc_lock_acquire(l, 0, TOC_FOREVER), 1);
    fill_queue(q);
    set_value(d, 30);
    set_value(d, BIG);
    fill_topic(t, 200);
    toc_event_free(e);
    toc_signal_free(s);
    toc_lock_free(l);
    toc_queue_free(q);
    toc_data_free(d);
    toc_topic_free(t);
}

static const char *const KINDS[] = {"event", "signal", "data", "queue", "lock", "topic"};
#define ALL (sizeof KINDS / sizeof *KINDS)

static inline int clear_one(void *context, const char *name)
{
    (void)context;
    if (name[0] != '.' || strlen(name) > 2)
        if (unlink(path_of(name)) < 0)
            rmdir(path_of(name));
    return 0;
}

static inline void clear(void)
{
    DIR *d = opendir(place);
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".tocsin.owners") != 0)
            clear_one(NULL, e->d_name);
    closedir(d);
}

static inline void *mapped(const char *leaf, size_t size)
{
    int fd = open(path_of(leaf), O_RDWR);
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(fd >= 0 && at != MAP_FAILED);
    close(fd);
    return at;
}

static inline void check_begin(int argc, char **argv)
{
    unit_begin(argc, argv);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7);
}

#endif
