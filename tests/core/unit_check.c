/* unit_check.c: toc_check_object finds nothing in what is sound, whoever uses it meanwhile, and changes nothing.
 * Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_check.h"

#include <pthread.h>
#include <sys/wait.h>

static void what_is_sound(void)
{
    make_all();
    for (size_t i = 0; i < ALL; i++)
        is_sound(KINDS[i]);
    IS(toc_check_object(path_of("none"), said, ROOM), -ENOENT);
    IS(toc_check_object(place, said, ROOM), -EMEDIUMTYPE);
    clear();
}

/* Not one byte, and no file, is another after it. */
static uint64_t everything(void)
{
    uint64_t sum = 0;
    DIR *d = opendir(place);
    for (struct dirent *e; (e = readdir(d));) {
        struct stat s;
        CHECK(lstat(path_of(e->d_name), &s) == 0);
        if (e->d_name[0] == '.' && strlen(e->d_name) < 3)
            continue;
        sum += (uint64_t)s.st_ino * 31 + (uint64_t)s.st_size + s.st_mode + (uint64_t)s.st_mtim.tv_nsec + (uint64_t)s.st_ctim.tv_nsec;
    }
    closedir(d);
    return sum;
}

static void it_changes_nothing(void)
{
    make_all();
    uint64_t before = everything();
    for (size_t i = 0; i < ALL; i++)
        is_sound(KINDS[i]);
    CHECK(everything() == before);
    clear();
}

static int stop;

/* On a busy machine, the lock may be out of reach for the second that a call that looks once waits for it. */
static void may_be_late(int rc) { CHECK(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT); }

static void *use_queue(void *context)
{
    toc_queue *q = context;
    unsigned char room[300];
    toc_taken taken;
    for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++) {
        may_be_late(toc_queue_put(q, bytes, 200, 0));
        if (i % 2)
            may_be_late(toc_queue_get(q, room, sizeof room, &taken, 0));
        else if (toc_queue_receive(q, room, sizeof room, &taken, 0) == 0)
            IS(i % 4 ? toc_queue_ack(q, &taken) : toc_queue_nack(q, &taken, 0), 0);
        if (i % 5000 == 4999)
            CHECK(toc_queue_purge(q) >= 0);
    }
    return NULL;
}

static void *use_topic(void *context)
{
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        fill_topic(context, 100);
    return NULL;
}

static void *use_data(void *context)
{
    for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++)
        set_value(context, i % 3 ? 50 : BIG);
    return NULL;
}

static void what_is_used_meanwhile(void)
{
    pthread_t thread[4];
    toc_queue *q = queue(), *other = queue();
    toc_topic *t = topic();
    toc_data *d = data();
    stop = 0;
    CHECK(pthread_create(&thread[0], NULL, use_queue, q) == 0 && pthread_create(&thread[1], NULL, use_queue, other) == 0);
    CHECK(pthread_create(&thread[2], NULL, use_topic, t) == 0 && pthread_create(&thread[3], NULL, use_data, d) == 0);
    for (int i = 0; i < 10; i++) {
        is_sound("queue");
        is_sound("topic");
        is_sound("data");
        if (i % 4 == 0) /* and repair takes nothing away from them */
            for (size_t k = 0; k < ALL; k++)
                if (k == 2 || k == 3 || k == 5)
                    may_be_late(toc_repair(path_of(KINDS[k]), NULL));
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    is_sound("queue");
    is_sound("topic");
    is_sound("data");
    toc_queue_free(q);
    toc_queue_free(other);
    toc_topic_free(t);
    toc_data_free(d);
    clear();
}

static void one_whose_holder_died(void)
{
    toc_queue *q = queue();
    IS(toc_queue_put(q, bytes, 200, 0), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        toc_taken more;
        _exit(toc_queue_receive(q, bytes, sizeof bytes, &more, 0) == 0 ? 0 : 9);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    is_sound("queue");
    IS(toc_repair(path_of("queue"), NULL), 0);
    toc_queue_stat s;
    IS(toc_queue_state(q, &s), 0);
    CHECK(s.ready == 1 && s.held == 0);
    toc_queue_free(q);
    clear();
}

int main(int argc, char **argv)
{
    check_begin(argc, argv);
    RUN(what_is_sound);
    RUN(it_changes_nothing);
    RUN(what_is_used_meanwhile);
    RUN(one_whose_holder_died);
    return unit_end();
}
