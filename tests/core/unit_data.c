/* unit_data.c: a data event of one process and its children, call by call. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "check.h"

#include "objects/data.h"
#include "parts/change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define H(d) ((toc_handle *)(d))
#define BIG 100000 /* more than fits the file */

static const char *place;
static char room[BIG + 64]; /* of the main thread */

static toc_data *opened(const char *name, int replay)
{
    toc_data *d;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_data_open(&d, name, name ? &options : NULL, replay), 0);
    return d;
}

static uint64_t put(toc_data *d, const char *text)
{
    uint64_t version = 0;
    IS(toc_data_signal(d, text, strlen(text), -1, TOC_FOREVER, &version), 0);
    return version;
}

/* `length` bytes, all `fill`. */
static uint64_t put_many(toc_data *d, size_t length, int fill)
{
    static __thread char bytes[BIG];
    uint64_t version = 0;
    CHECK(length <= sizeof bytes);
    memset(bytes, fill, length);
    int rc;
    do
        rc = toc_data_signal(d, bytes, length, -1, TOC_FOREVER, &version);
    while (rc == -EINTR);
    IS(rc, 0);
    return version;
}

static const char *latest(toc_data *d)
{
    size_t length = 0;
    uint64_t version;
    IS(toc_data_latest(d, room, sizeof room - 1, &length, &version), 0);
    room[length] = 0;
    return room;
}

static int waited(toc_data *d, int64_t deadline, const char *wanted, uint64_t version_wanted)
{
    size_t length = 0;
    uint64_t version = 0;
    int rc = toc_data_wait(d, room, sizeof room - 1, &length, &version, deadline);
    if (rc == 1) {
        room[length] = 0;
        CHECK(strcmp(room, wanted) == 0);
        IS(version, version_wanted);
    }
    return rc;
}

static int readable(int fd) { return poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0); }

/* Files of values that belong to `name`. */
static int files(const char *name)
{
    int found = 0;
    size_t n = strlen(name);
    DIR *directory = opendir(place);
    CHECK(directory);
    for (struct dirent *e; (e = readdir(directory));)
        found += e->d_name[0] == '.' && strncmp(e->d_name + 1, name, n) == 0 && strstr(e->d_name, ".v") != NULL;
    closedir(directory);
    return found;
}

static void the_latest_wins(void)
{
    toc_data *d = opened("latest", 1), *a = opened("latest", 1), *late, *fresh;
    size_t length;
    uint64_t version = 9;
    IS(toc_data_latest(d, room, sizeof room, &length, &version), -ENODATA);
    IS(toc_data_version(d, &version), 0);
    IS(version, 0);
    IS(waited(a, 0, "", 0), 0);
    IS(put(d, "one"), 1);
    IS(put(a, "two"), 2);
    CHECK(strcmp(latest(d), "two") == 0);
    CHECK(strcmp(latest(d), "two") == 0); /* moves no cursor */
    IS(waited(d, TOC_FOREVER, "two", 2), 1);
    IS(waited(d, 0, "", 0), 0);
    late = opened("latest", 1);
    fresh = opened("latest", 0);
    IS(waited(late, 0, "two", 2), 1); /* a value is a state: the present one is news to a new listener */
    IS(waited(fresh, 0, "", 0), 0);
    IS(put(d, ""), 3); /* nothing is a value */
    IS(waited(fresh, 0, "", 3), 1);
    IS(waited(late, toc_now() + 1000000, "", 3), 1);
    IS(waited(late, toc_now() + 1000000, "", 3), 0);
    toc_data_free(d);
    toc_data_free(a);
    toc_data_free(late);
    toc_data_free(fresh);
}

static void versions_are_compared(void)
{
    toc_data *d = opened("if", 1);
    uint64_t version = 0;
    IS(toc_data_signal(d, "a", 1, 1, TOC_FOREVER, &version), -ESTALE);
    IS(version, 0);
    IS(toc_data_signal(d, "a", 1, 0, TOC_FOREVER, &version), 0);
    IS(version, 1);
    IS(toc_data_signal(d, "b", 1, 0, 0, &version), -ESTALE);
    IS(version, 1);
    CHECK(strcmp(latest(d), "a") == 0);
    IS(toc_data_signal(d, "b", 1, 1, 0, NULL), 0);
    CHECK(strcmp(latest(d), "b") == 0);
    toc_data_free(d);
}

static void any_size(void)
{
    static const size_t SIZES[] = {1, 7, 8, 9, 4095, 4096, 8191, 8192, 8193, 65536, 65537, BIG, 3, BIG, BIG, 4096, 9000};
    for (int named = 0; named < 2; named++) {
        toc_data *d = opened(named ? "size" : NULL, 1);
        for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
            size_t length, short_of = SIZES[i] - 1;
            uint64_t version;
            IS(put_many(d, SIZES[i], 'a' + (int)i), i + 1);
            IS(toc_data_latest(d, room, short_of, &length, &version), -ENOBUFS);
            IS(length, SIZES[i]);
            IS(toc_data_wait(d, room, short_of, &length, &version, 0), -ENOBUFS);
            memset(room, 0, sizeof room);
            IS(toc_data_wait(d, room, length, &length, &version, 0), 1); /* its cursor was where it was */
            IS(length, SIZES[i]);
            IS(version, i + 1);
            for (size_t j = 0; j < length; j++)
                CHECK(room[j] == 'a' + (int)i);
            CHECK(room[length] == 0); /* and not a byte more */
            if (named)
                IS(files("size"), SIZES[i] > TOC_DATA_NEAR); /* the replaced one is gone */
        }
        IS(toc_data_signal(d, room, TOC_MESSAGE_MAX + 1, -1, 0, NULL), -EMSGSIZE);
        IS(toc_handle_unlink(H(d)), 0);
        IS(files("size"), 0);
        toc_data_free(d);
    }
}

static void the_largest(void)
{
    char *bytes = calloc(1, TOC_MESSAGE_MAX), *back = calloc(1, TOC_MESSAGE_MAX);
    for (int named = 0; named < 2; named++) {
        toc_data *d = opened(named ? "largest" : NULL, 1);
        size_t length;
        uint64_t version;
        for (size_t i = 0; i < TOC_MESSAGE_MAX; i += 4096)
            bytes[i] = (char)(i / 4096 + (size_t)named);
        IS(toc_data_signal(d, bytes, TOC_MESSAGE_MAX, -1, TOC_FOREVER, NULL), 0);
        IS(toc_data_latest(d, back, TOC_MESSAGE_MAX, &length, &version), 0);
        CHECK(length == TOC_MESSAGE_MAX && memcmp(bytes, back, length) == 0);
        if (!named) { /* its memory goes back when a small one replaces it; its range stays */
            int memory, pipe;
            struct stat st;
            IS(toc_descriptors(H(d), &memory, &pipe), 0);
            put(d, "small");
            CHECK(fstat(memory, &st) == 0 && st.st_blocks * 512 < 1 << 20);
            IS(toc_data_signal(d, bytes, TOC_MESSAGE_MAX, -1, TOC_FOREVER, NULL), 0);
            put(d, "small");
        }
        IS(toc_handle_unlink(H(d)), 0);
        toc_data_free(d);
    }
    free(bytes);
    free(back);
}

struct waiter {
    pthread_t thread;
    toc_data *d;
    int rc;
    char got[64];
};

static void *wait_in_thread(void *argument)
{
    struct waiter *w = argument;
    size_t length;
    uint64_t version;
    do
        w->rc = toc_data_wait(w->d, w->got, sizeof w->got, &length, &version, TOC_FOREVER);
    while (w->rc == -EINTR);
    return NULL;
}

/* Comes back when it is blocked, by what the handle itself says. */
static void begin_wait(struct waiter *w, toc_data *d, uint32_t nth)
{
    toc_stat st;
    *w = (struct waiter){.d = d};
    CHECK(pthread_create(&w->thread, NULL, wait_in_thread, w) == 0);
    do {
        sched_yield();
        IS(toc_handle_stat(H(d), &st), 0);
    } while (st.waiting_here < nth || !st.sleepers);
}

static int end_wait(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->rc;
}

static void a_value_wakes_all(void)
{
    toc_data *d = opened("wakes", 1), *e[4];
    struct waiter w[4];
    for (int i = 0; i < 4; i++)
        begin_wait(&w[i], e[i] = opened("wakes", 1), 1);
    put(d, "news");
    for (int i = 0; i < 4; i++) {
        IS(end_wait(&w[i]), 1);
        CHECK(strcmp(w[i].got, "news") == 0);
        toc_data_free(e[i]);
    }
    toc_data_free(d);
}

static void cancel_and_close_end_the_blocked(void)
{
    for (int close = 0; close < 2; close++) {
        toc_data *d = opened("ended", 0), *other = opened("ended", 0);
        struct waiter w[3], another;
        size_t length;
        uint64_t version, ticket;
        begin_wait(&another, other, 1);
        for (uint32_t i = 0; i < 3; i++)
            begin_wait(&w[i], d, i + 1);
        if (close)
            toc_close(H(d));
        else
            toc_cancel(H(d));
        for (int i = 0; i < 3; i++)
            IS(end_wait(&w[i]), close ? -ESHUTDOWN : -ECANCELED);
        IS(waited(d, TOC_FOREVER, "", 0), close ? -ESHUTDOWN : -ECANCELED); /* for good */
        IS(toc_arm(H(d), 0, &ticket), close ? -ESHUTDOWN : -ECANCELED);
        IS(toc_data_signal(d, "x", 1, -1, 0, NULL), close ? -ESHUTDOWN : 0); /* it is the waits that are cancelled */
        IS(toc_data_latest(d, room, sizeof room, &length, &version), close ? -ESHUTDOWN : 0);
        put(other, "end");
        IS(end_wait(&another), 1); /* it is this handle's */
        toc_data_free(d);
        toc_data_free(other);
    }
}

static void removal_is_told(void)
{
    toc_data *d = opened("removed", 1), *other = opened("removed", 1), *next;
    struct waiter w;
    size_t length;
    uint64_t version;
    put_many(d, BIG, 'x');
    IS(files("removed"), 1);
    struct waiter listener;
    toc_data *fresh = opened("removed", 0);
    begin_wait(&w, fresh, 1);
    begin_wait(&listener, fresh, 2);
    IS(toc_handle_unlink(H(other)), 0);
    IS(end_wait(&w), -EIDRM);
    IS(end_wait(&listener), -EIDRM);
    IS(files("removed"), 0);
    IS(toc_data_signal(d, "x", 1, -1, TOC_FOREVER, NULL), -EIDRM);
    IS(toc_data_latest(d, room, sizeof room, &length, &version), -EIDRM);
    next = opened("removed", 1);
    IS(toc_data_latest(next, room, sizeof room, &length, &version), -ENODATA); /* another one of the same name */
    IS(toc_handle_unlink(H(next)), 0);
    toc_data_free(fresh);
    toc_data_free(d);
    toc_data_free(other);
    toc_data_free(next);
}

static void a_descriptor(void)
{
    toc_data *d = opened("fileno", 1), *e = opened("fileno", 1);
    int fd = toc_fileno(H(e));
    CHECK(fd >= 0);
    IS(toc_fileno(H(e)), fd);
    IS(readable(fd), 0);
    put(d, "one");
    IS(readable(fd), 1);
    CHECK(strcmp(latest(e), "one") == 0); /* a look that takes nothing, while it is ready */
    IS(readable(fd), 1);
    put(d, "two");
    IS(waited(e, 0, "two", 2), 1);
    IS(readable(fd), 0); /* nothing is left of it */
    IS(waited(e, 0, "", 0), 0);
    toc_cancel(H(e));
    IS(readable(fd), 1); /* whoever polls it is to look */
    toc_data_free(d);
    toc_data_free(e);
}

static void an_event_loop(void)
{
    toc_data *d = opened("loop", 1), *e = opened("loop", 1);
    uint64_t ticket, next;
    IS(toc_arm(H(e), 0, &ticket), 0);
    put(d, "one");
    IS(toc_arm(H(e), 0, &next), 0);
    CHECK(next != ticket);
    IS(next, toc_ticket(H(d)));
    struct pollfd p = {toc_listen(H(e)), POLLIN, 0};
    CHECK(p.fd >= 0);
    IS(waited(e, 0, "one", 1), 1);
    toc_data_free(d);
    toc_data_free(e);
}

static int child_says(toc_data *d, toc_data *back)
{
    int fd = toc_fileno(H(d)); /* one of its own: the parent's was closed */
    if (fd < 0 || readable(fd) != 1)
        return 10;
    if (waited(d, 0, "two", 2) != 1) /* its cursor is a copy */
        return 11;
    if (toc_data_signal(back, "here", 4, -1, TOC_FOREVER, NULL) < 0) /* as an owner of its own */
        return 12;
    return waited(d, TOC_FOREVER, "three", 3) == 1 ? 0 : 13;
}

static void fork_goes_on(void)
{
    for (int named = 0; named < 2; named++) {
        toc_data *d = opened(named ? "fork" : NULL, 1), *back = opened(named ? "back" : NULL, 1);
        int status, fd = toc_fileno(H(d));
        put(d, "one");
        IS(waited(d, 0, "one", 1), 1);
        put(d, "two");
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(child_says(d, back));
        IS(waited(back, TOC_FOREVER, "here", 1), 1);
        IS(readable(fd), 1); /* the child's looks have not eaten our edges */
        put(d, "three");
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        IS(WEXITSTATUS(status), 0);
        IS(waited(d, 0, "three", 3), 1);
        toc_data_free(d);
        toc_data_free(back);
    }
}

static void anonymous_is_attached(void)
{
    toc_data *d = opened(NULL, 1), *twin;
    int memory, pipe;
    IS(toc_descriptors(H(d), &memory, &pipe), 0);
    put_many(d, BIG, 'y');
    IS(toc_data_attach(&twin, dup(memory), dup(pipe), 1), 0);
    size_t length;
    uint64_t version;
    IS(toc_data_wait(twin, room, sizeof room, &length, &version, 0), 1);
    CHECK(length == BIG && room[0] == 'y' && room[BIG - 1] == 'y');
    IS(toc_handle_unlink(H(d)), 0);
    IS(toc_data_signal(twin, "x", 1, -1, 0, NULL), -EIDRM);
    toc_data_free(twin);
    toc_data_free(d);
}

/* Who may only read can read, and not wait. */
static void readers_without_permission(void)
{
    if (geteuid() == 0)
        return;
    toc_data *d = opened("read-only", 1), *reader;
    put_many(d, BIG, 'r');
    CHECK(chmod(toc_handle_path(H(d)), 0400) == 0);
    reader = opened("read-only", 1);
    CHECK(latest(reader)[BIG - 1] == 'r');
    IS(waited(reader, 0, "", 0), -EACCES);
    IS(toc_data_signal(reader, "x", 1, -1, 0, NULL), -EACCES);
    toc_data_free(reader);
    toc_data_free(d);
}

/* Threads write values whose bytes are all the same; no reader ever sees a mixture. */
#define WRITES 300
static atomic_int writers_left;

static void *writes(void *argument)
{
    toc_data *d = argument;
    for (int i = 0; i < WRITES; i++)
        put_many(d, i % 3 == 0 ? 20000 + (size_t)i : 1000 + (size_t)i, 'a' + i % 26);
    writers_left--;
    return NULL;
}

static void *reads(void *argument)
{
    static __thread char bytes[BIG];
    toc_data *d = argument;
    uint64_t before = 0, version;
    do {
        size_t length;
        int rc = toc_data_latest(d, bytes, sizeof bytes, &length, &version);
        if (rc == -ENODATA)
            continue;
        IS(rc, 0);
        CHECK(version >= before);
        before = version;
        for (size_t i = 1; i < length; i++)
            if (bytes[i] != bytes[0])
                CHECK(!"a mixture of two values");
    } while (writers_left);
    return NULL;
}

static void *waits(void *argument)
{
    static __thread char bytes[BIG];
    toc_data *d = argument;
    uint64_t before = 0, version = 0;
    while (version < 2 * WRITES) {
        size_t length;
        int rc = toc_data_wait(d, bytes, sizeof bytes, &length, &version, TOC_FOREVER);
        CHECK(rc == 1 || rc == -EINTR);
        CHECK(rc != 1 || version > before);
        before = version;
    }
    return NULL;
}

static void never_a_half_value(void)
{
    for (int named = 0; named < 2; named++) {
        pthread_t threads[5];
        toc_data *d = opened(named ? "stress" : NULL, 1), *other = d;
        int memory, pipe;
        if (named)
            other = opened("stress", 1);
        else if (toc_descriptors(H(d), &memory, &pipe) == 0)
            IS(toc_data_attach(&other, dup(memory), dup(pipe), 1), 0);
        writers_left = 2;
        CHECK(pthread_create(&threads[0], NULL, writes, d) == 0);
        CHECK(pthread_create(&threads[1], NULL, writes, other) == 0);
        CHECK(pthread_create(&threads[2], NULL, reads, d) == 0);
        CHECK(pthread_create(&threads[3], NULL, reads, other) == 0);
        CHECK(pthread_create(&threads[4], NULL, waits, other) == 0);
        for (int i = 0; i < 5; i++)
            pthread_join(threads[i], NULL);
        IS(toc_handle_unlink(H(d)), 0);
        toc_data_free(d);
        toc_data_free(other);
    }
    IS(files("stress"), 0);
}

/* A writer is killed again and again, wherever it is; whoever comes next goes on, and no value is ever half. */
static void killed_writers(void)
{
    for (int named = 0; named < 2; named++) {
        toc_data *d = opened(named ? "killed" : NULL, 1);
        uint64_t before = put_many(d, 10, 'z'), version;
        for (int i = 0; i < 60; i++) {
            size_t length;
            int ready[2], status;
            char byte;
            CHECK(pipe(ready) == 0);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                alarm(50);
                for (int j = 0;; j++) {
                    put_many(d, j % 2 ? 50000 : 500, 'a' + j % 26);
                    if (j == 3)
                        CHECK(write(ready[1], "!", 1) == 1);
                }
            }
            CHECK(read(ready[0], &byte, 1) == 1);
            for (int j = 0; j < i * 37 % 1000; j++) /* another place each time */
                IS(toc_data_latest(d, room, sizeof room, &length, &version), 0);
            kill(child, SIGKILL);
            CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
            close(ready[0]);
            close(ready[1]);
            IS(toc_data_latest(d, room, sizeof room, &length, &version), 0);
            CHECK(version > before);
            for (size_t j = 1; j < length; j++)
                if (room[j] != room[0])
                    CHECK(!"a half value");
            before = put_many(d, 9000, 'z');
            IS(before, version + 1);
            if (named)
                IS(files("killed"), 1); /* what the dead one left is gone */
        }
        toc_data_free(d);
    }
}

/* -- damage: an error, or a value, and never a crash */

static struct toc_data_file *mapped(toc_data *d)
{
    int fd = open(toc_handle_path(H(d)), O_RDWR);
    struct toc_data_file *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(fd >= 0 && f != MAP_FAILED);
    close(fd);
    return f;
}

static int look(toc_data *d)
{
    size_t length;
    uint64_t version;
    return toc_data_latest(d, room, sizeof room, &length, &version);
}

static void damage_is_told(void)
{
    toc_data *d = opened("damaged", 1);
    struct toc_data_file *f = mapped(d);
    put_many(d, BIG, 'x');
    struct toc_data_slot *slot = &f->slot[change_count(f->head.word) & 1], good = *slot;
    static const uint64_t BAD[] = {1, 2, 4096, 4097, BIG + 4096, TOC_MESSAGE_MAX, TOC_MESSAGE_MAX + 1, 1ull << 32,
                                   1ull << 63, ~0ull};
    char path[1100];
    snprintf(path, sizeof path, "%s/.damaged.%016llx.v%016llx", place, (unsigned long long)f->head.id,
             (unsigned long long)good.file);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        slot->length = BAD[i];
        int rc = look(d);
        CHECK(rc == -EUCLEAN || rc == -ENOBUFS || (rc == 0 && BAD[i] <= BIG));
        *slot = good;
        slot->far = BAD[i];
        IS(look(d), BAD[i] == 1 ? 0 : -EUCLEAN);
        *slot = good;
        slot->file = BAD[i];
        IS(look(d), -EUCLEAN);
        *slot = good;
        IS(look(d), 0);
    }
    slot->far = 0;
    IS(look(d), -EUCLEAN);
    *slot = good;
    slot->file = 0;
    IS(look(d), -EUCLEAN);
    *slot = good;
    CHECK(truncate(path, 5000) == 0);
    IS(look(d), -EUCLEAN);
    CHECK(unlink(path) == 0);
    IS(look(d), -EUCLEAN); /* a cleaner took it */
    CHECK(symlink("/etc/passwd", path) == 0);
    CHECK(look(d) < 0);
    CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
    CHECK(look(d) < 0); /* and doesn't hang */
    CHECK(unlink(path) == 0);
    put_many(d, 30, 'y'); /* the next value is whole again */
    IS(look(d), 0);
    /* Of the slot that is prepared next, everything may be wrong. */
    slot = &f->slot[!(change_count(f->head.word) & 1)];
    memset(slot, 0xee, sizeof *slot);
    put_many(d, BIG, 'z');
    IS(look(d), 0);
    IS(files("damaged"), 1);
    munmap(f, sizeof *f);
    CHECK(truncate(toc_handle_path(H(d)), 4096) == 0);
    toc_data *short_one;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_data_open(&short_one, "damaged", &options, 1), -EUCLEAN);
    toc_data_free(d);
}

static void damaged_ranges_are_told(void)
{
    toc_data *d = opened(NULL, 1);
    int memory, pipe;
    IS(toc_descriptors(H(d), &memory, &pipe), 0);
    struct toc_data_file *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    CHECK(f != MAP_FAILED);
    put_many(d, BIG, 'x');
    struct toc_data_slot *slot = &f->slot[change_count(f->head.word) & 1], good = *slot;
    static const uint64_t BAD[] = {0, 1, 2, 1ull << 32, 1ull << 32 | 1, 1ull << 33 | 0xffffffff, 1ull << 56 | 2, ~0ull};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        slot->range = BAD[i];
        IS(look(d), -EUCLEAN);
        *slot = good;
        f->slot[!(change_count(f->head.word) & 1)].range = BAD[i];
        put_many(d, BIG, 'y'); /* it takes a range of its own, far from ours */
        IS(look(d), 0);
        CHECK(room[0] == 'y' && room[BIG - 1] == 'y');
        put_many(d, BIG, 'x');
        slot = &f->slot[change_count(f->head.word) & 1];
        good = *slot;
    }
    munmap(f, sizeof *f);
    toc_data_free(d);
}

static void a_stopped_writer_holds_others_up_to_their_deadlines(void)
{
    toc_data *d = opened("stopped", 1);
    struct toc_data_file *f = mapped(d);
    put(d, "before");
    uint64_t holder = ((struct toc_handle *)d)->owner->id; /* this process: it lives */
    f->lock = holder << 2;
    int64_t begin = toc_now();
    IS(toc_data_signal(d, "x", 1, -1, 0, NULL), -ETIMEDOUT);
    IS(toc_data_signal(d, "x", 1, -1, begin + 30000000, NULL), -ETIMEDOUT);
    CHECK(toc_now() >= begin + 30000000);
    CHECK(strcmp(latest(d), "before") == 0); /* readers need no lock */
    f->lock = 12345ull << 2; /* nobody's: dead */
    put(d, "after");
    CHECK(strcmp(latest(d), "after") == 0);
    munmap(f, sizeof *f);
    toc_data_free(d);
}

int main(int argc, char **argv)
{
    (void)argc;
    place = argv[1];
    alarm(100); /* a watchdog: whoever hangs here is the bug */
    RUN(the_latest_wins);
    RUN(versions_are_compared);
    RUN(any_size);
    RUN(the_largest);
    RUN(a_value_wakes_all);
    RUN(cancel_and_close_end_the_blocked);
    RUN(removal_is_told);
    RUN(a_descriptor);
    RUN(an_event_loop);
    RUN(fork_goes_on);
    RUN(anonymous_is_attached);
    RUN(readers_without_permission);
    RUN(never_a_half_value);
    RUN(killed_writers);
    RUN(damage_is_told);
    RUN(damaged_ranges_are_told);
    RUN(a_stopped_writer_holds_others_up_to_their_deadlines);
    printf("%d\n", checks_made);
    return 0;
}
