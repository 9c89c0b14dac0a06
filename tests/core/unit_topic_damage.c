/* unit_topic_damage.c: damaged topics: what can be read is read, the rest is told, nothing crashes or hangs; and no room on the
 * disk: an emit that fails changes nothing. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_topic.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct toc_topic_state *present(toc_topic *t)
{
    return &topic_file(t)->state[change_count(topic_file(t)->head.word) & 1];
}

static unsigned char *segment_of(toc_topic *t, uint32_t i, struct toc_segment *s)
{
    int rc;
    *s = topic_file(t)->half[present(t)->half].segment[i];
    unsigned char *at = toc_log_map(&t->log, s, false, &rc);
    CHECK(at);
    return at;
}

/* A record that is not what it was: told once, with how many are lost, and the next one is whole. */
static void a_damaged_record_is_told_once(void)
{
    static const size_t PLACES[] = {0, 4, 8, 24, 60}; /* length, check, sequence, payload */
    EACH(name)
        for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
            toc_topic *t = opened(name), *a = listener(t, 0);
            struct toc_segment s;
            toc_heard h;
            for (uint64_t n = 1; n <= 20; n++)
                emit_sized(t, n, 60);
            segment_of(t, 0, &s)[7 * 88 + PLACES[i]] ^= 0x41;
            for (uint64_t n = 1; n <= 7; n++)
                IS(heard(a), n);
            IS(read_one_into(a, &h), -EUCLEAN);
            IS(missed, 1);
            for (uint64_t n = 9; n <= 20; n++)
                IS(heard(a), n);
            CHECK(silent(a));
            emit(t, 21);
            IS(heard(a), 21);
            toc_topic_free(a);
            removed(t);
        }
}

static void a_segment_that_is_gone(void)
{
    toc_topic *t = opened_with("x", LEAST), *a = listener(t, 0);
    char path[1200];
    uint64_t sequence;
    toc_heard h;
    for (uint64_t n = 1; n <= 9; n++)
        emit_sized(t, n, 1000);
    snprintf(path, sizeof path, "%s%u", t->prefix, topic_file(t)->half[present(t)->half].segment[1].file);
    CHECK(unlink(path) == 0);
    toc_topic *fresh = another(t);
    for (uint64_t n = 1; n <= 4; n++)
        IS(heard(a), n);
    IS(read_one_into(a, &h), -EUCLEAN); /* the rest of it, up to the present end */
    IS(missed, 5);
    IS(toc_topic_emit(fresh, "x", 1, 0, &sequence), 0); /* the last segment is there */
    IS(read_one_into(a, &h), 1);
    IS(h.sequence, 10);
    toc_topic_free(fresh);
    toc_topic_free(a);
    removed(t);
}

/* -- anything, anywhere */

static uint64_t lot = 88172645463325252ull;

static uint64_t draw(void)
{
    lot ^= lot << 13;
    lot ^= lot >> 7;
    return lot ^= lot << 17;
}

static uint64_t strange(uint64_t was)
{
    static const uint64_t ODD[] = {0, 1, 7, 8, 4095, 4096, 1ull << 31, 1ull << 32, 1ull << 47, 1ull << 63, ~0ull, ~7ull};
    switch (draw() % 4) {
    case 0: return was ^ 1ull << draw() % 64;
    case 1: return was + (draw() % 2 ? 8 : (uint64_t)-8) * (draw() % 600);
    case 2: return ODD[draw() % (sizeof ODD / sizeof *ODD)];
    default: return draw();
    }
}

static void damage(toc_topic *t, unsigned char *segment)
{
    struct toc_topic_file *f = topic_file(t);
    uint64_t *at;
    switch (draw() % 6) {
    case 0: at = (uint64_t *)(void *)&f->state[draw() % 2] + draw() % 8; break;
    case 1: at = (uint64_t *)(void *)&f->half[draw() % 2] + draw() % 4; break;
    case 2: at = (uint64_t *)(void *)&f->half[draw() % 2].segment[draw() % 10] + draw() % 2; break;
    case 3: at = &f->floor + draw() % 3; break;
    case 4: at = (uint64_t *)(void *)&f->slot[draw() % 3] + draw() % 2; break;
    default: at = (uint64_t *)(void *)segment + draw() % 512; break;
    }
    __atomic_store_n(at, strange(*at), __ATOMIC_RELAXED);
}

static void judge(int64_t rc)
{
    CHECK(rc >= 0 || rc == -EUCLEAN || rc == -EOVERFLOW || rc == -ENOBUFS || rc == -EMSGSIZE || rc == -ENOSPC || rc == -EAGAIN
          || rc == -EUSERS || rc == -EBUSY || rc == -EFBIG || rc == -EINVAL || rc == -ENOTCONN || rc == -ENOMEM);
}

static void anything_may_be_damaged(void)
{
    toc_heard out[64];
    uint64_t sequence;
    for (int round = 0; round < 150; round++) {
        toc_topic *t = opened_with(round % 2 ? "x" : NULL, LEAST), *a = listener(t, 0), *b = another(t);
        for (uint64_t n = 1; n <= 40; n++)
            emit_sized(t, n, 500 + n * 20);
        for (int i = 0; i < 3; i++)
            if (toc_topic_read(a, buffer, sizeof buffer, out, 1, &missed, 0) < 0)
                CHECK(missed > 0);
        struct toc_topic_file *f = topic_file(t);
        struct toc_segment s;
        unsigned char *segment = segment_of(t, 0, &s);
        for (uint64_t n = 1 + draw() % 3; n > 0; n--)
            damage(t, segment);
        for (int i = 0; i < 30; i++) {
            judge(toc_topic_read(a, buffer, sizeof buffer, out, 64, &missed, 0));
            judge(toc_topic_emit(i % 2 ? t : b, buffer, draw() % 3000, draw() % 4 ? 0 : 1, &sequence));
            if (i == 10)
                judge(toc_topic_listen(b, 1000));
            if (i > 10)
                judge(toc_topic_read(b, buffer, sizeof buffer, out, 64, &missed, 0));
            judge(toc_topic_subscribers(t));
        }
        CHECK(f->lock == 0);
        toc_topic_free(a);
        toc_topic_free(b);
        removed(t);
    }
}

/* -- a full file system */

static uint64_t fill_up(toc_topic *t)
{
    static unsigned char bytes[3000];
    uint64_t sequence, n = 0;
    int rc;
    while ((rc = toc_topic_emit(t, bytes, sizeof bytes, 0, &sequence)) == 0 && n < 5000)
        n++;
    CHECK(rc == -ENOSPC);
    return n;
}

static void in_a_small_place(void)
{
    toc_topic *t = opened("x"), *a = listener(t, 0);
    uint64_t sequence, n = fill_up(t);
    toc_heard out[20];
    CHECK(n > 300);
    IS(state(t).emits, n); /* what was refused left nothing behind */
    int filled = files();
    IS(toc_topic_emit(t, buffer, 60, 0, &sequence) == -ENOSPC || sequence == n + 1, 1);
    CHECK(files() <= filled + 1);
    n = state(t).emits;
    for (uint64_t next = 1; next <= n;) {
        int64_t got = toc_topic_read(a, buffer, sizeof buffer, out, 20, &missed, 0);
        CHECK(got > 0);
        IS(out[0].sequence, next);
        next += (uint64_t)got;
    }
    toc_topic_free(a);
    removed(t);
    IS(files(), 0);
    t = opened_with("x", 1 << 20); /* and one that fits never fails */
    for (int i = 0; i < 3000; i++)
        IS(toc_topic_emit(t, buffer, 3000, 0, &sequence), 0);
    removed(t);
}

static void a_full_file_system(void)
{
    const char *before = place;
    char small[500];
    int status;
    snprintf(small, sizeof small, "%s/small", place);
    IS(mkdir(small, 0700), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
            || mount("small", small, "tmpfs", 0, "size=2m") < 0)
            _exit(77);
        place = small;
        in_a_small_place();
        _exit(0);
    }
    IS(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        fprintf(stderr, "not tried: a full file system (a small one cannot be mounted here)\n");
    else
        IS(status, 0);
    place = before;
    IS(rmdir(small), 0);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(a_damaged_record_is_told_once);
    RUN(a_segment_that_is_gone);
    RUN(anything_may_be_damaged);
    RUN(a_full_file_system);
    return unit_end();
}
