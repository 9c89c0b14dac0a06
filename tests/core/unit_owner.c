/* unit_owner.c: who this process is to others, with many threads that ask at once, while the file is deleted and its descriptor
 * closed under them. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit.h"

#include "parts/owner.h"
#include "sys/atom.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define SECOND 1000000000ull

static char directory[256], file[300];
static uint64_t now = 1000 * SECOND; /* the seconds of these tests: a look is due at each */

static struct toc_owner *joined(void)
{
    struct toc_owner *o;
    IS(toc_owner_join(&o, directory), 0);
    return o;
}

static int descriptors(void)
{
    struct stat s, own;
    int n = 0;
    if (stat(file, &own) < 0)
        return 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fstat(fd, &s) == 0 && s.st_ino == own.st_ino && s.st_dev == own.st_dev;
    return n;
}

/* Asked by another process, which has no lock there of its own. */
static bool lives_for_others(uint64_t id)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(toc_owner_ask(directory, id) == 1);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* -- threads */

static pthread_barrier_t together;
static uint64_t ids[THREADS];

static void *begin(void *argument)
{
    uint64_t *id = argument;
    pthread_barrier_wait(&together);
    struct toc_owner *o = joined();
    *id = o->id;
    CHECK(toc_owner_lives(o, *id));
    pthread_barrier_wait(&together);
    toc_owner_quit(o);
    return NULL;
}

static void threads_that_begin_at_once_are_one(void)
{
    uint64_t before = 0;
    pthread_barrier_init(&together, NULL, THREADS + 1);
    for (int round = 0; round < 100; round++) {
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, begin, &ids[i]) == 0);
        pthread_barrier_wait(&together);
        pthread_barrier_wait(&together);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < THREADS; i++)
            CHECK(ids[i] == ids[0] && ids[i] != before);
        IS(descriptors(), 0);
        IS(toc_owner_ask(directory, ids[0]), 0);
        before = ids[0];
    }
    pthread_barrier_destroy(&together);
}

static uint64_t stopped;

static void *look_again(void *argument)
{
    struct toc_owner *o = argument;
    uint64_t id = o->id;
    while (!atom_load_relax(&stopped)) {
        CHECK(toc_owner_ready(o, __atomic_add_fetch(&now, 2 * SECOND, __ATOMIC_RELAXED)) == 0);
        CHECK(toc_owner_lives(o, id) && o->id == id);
    }
    return NULL;
}

static void the_file_is_deleted_under_threads(void)
{
    pthread_t threads[THREADS];
    struct toc_owner *o = joined();
    stopped = 0;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, look_again, o) == 0);
    for (int i = 0; i < 100; i++) {
        CHECK(unlink(file) == 0);
        while (access(file, F_OK) < 0)
            sched_yield();
        while (i % 20 == 0 && !lives_for_others(o->id)) /* a new file is there before the lock in it is */
            sched_yield();
    }
    atom_store_relax(&stopped, 1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    toc_owner_quit(o);
    IS(descriptors(), 0);
}

/* -- accidents */

static void a_closed_descriptor_is_noticed(void)
{
    struct toc_owner *o = joined();
    uint64_t id = o->id;
    int other = open("/dev/null", O_RDONLY);
    struct stat s, own;
    CHECK(stat(file, &own) == 0);
    for (int fd = 3; fd < 1024; fd++)
        if (fstat(fd, &s) == 0 && s.st_ino == own.st_ino)
            CHECK(dup2(other, fd) == fd); /* a daemon's tidying, and then a file of its own by this number */
    CHECK(!lives_for_others(id));
    IS(toc_owner_ready(o, now += 2 * SECOND), 0);
    CHECK(lives_for_others(id) && o->id == id);
    toc_owner_quit(o);
    close(other);
}

static void a_child_is_somebody_else(void)
{
    struct toc_owner *o = joined();
    uint64_t id = o->id;
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        IS(toc_owner_ready(o, now), 0);
        CHECK(o->id != id && toc_owner_lives(o, o->id) && toc_owner_lives(o, id));
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    IS(status, 0);
    CHECK(toc_owner_lives(o, id) && lives_for_others(id));
    toc_owner_quit(o);
    CHECK(!lives_for_others(id));
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    snprintf(directory, sizeof directory, "%s/owner/", place);
    snprintf(file, sizeof file, "%s%s", directory, TOC_OWNER_FILE);
    CHECK(mkdir(directory, 0700) == 0);
    RUN(threads_that_begin_at_once_are_one);
    RUN(the_file_is_deleted_under_threads);
    RUN(a_closed_descriptor_is_noticed);
    RUN(a_child_is_somebody_else);
    return unit_end();
}
