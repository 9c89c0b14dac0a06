/* unit_topic.c: what a topic promises to one thread: order, cursors, replay, what falls out at the end, and who is told.
 * Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_topic.h"

#include <sys/wait.h>
#include <unistd.h>

static void everyone_hears_everything(void)
{
    EACH(name)
    {
        toc_topic *t = opened(name), *a = listener(t, 0), *b = listener(t, 0);
        IS(emit(t, 7), 1);
        IS(emit(t, 8), 2);
        IS(heard(a), 7);
        IS(heard(a), 8);
        CHECK(silent(a));
        IS(heard(b), 7);
        IS(emit(b, 9), 3); /* who listens may emit, and hears itself */
        IS(heard(b), 8);
        IS(heard(b), 9);
        IS(heard(a), 9);
        toc_heard h;
        IS(read_one_into(t, &h), -ENOTCONN);
        IS(toc_topic_subscribers(t), 2);
        toc_topic_free(b);
        IS(toc_topic_subscribers(t), 1);
        toc_topic_free(a);
        removed(t);
    }
}

static void of_every_size(void)
{
    static const size_t SIZES[] = {0, 1, 7, 8, 9, 60, 4000, 4072, 5000, 16384, 70000};
    EACH(name)
    {
        toc_topic *t = opened(name), *a = listener(t, 0);
        toc_heard h;
        for (uint64_t round = 1; round < 40; round++)
            for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
                size_t size = SIZES[i];
                emit_sized(t, round * 31 + i, size);
                if (size > 8) {
                    IS(toc_topic_read(a, buffer, 8, &h, 1, &missed, 0), -ENOBUFS);
                    IS(h.length, size);
                }
                IS(read_one_into(a, &h), 1);
                IS(h.length, size);
                IS(number_in(buffer, size), size == 1 || size == 7 ? number_in(buffer, size) : size ? round * 31 + i : 0);
            }
        toc_topic_free(a);
        removed(t);
    }
}

static void too_large(void)
{
    static unsigned char large[LEAST];
    toc_topic *t = opened_with("x", LEAST);
    uint64_t sequence;
    IS(toc_topic_emit(t, large, LEAST, 0, &sequence), -EMSGSIZE);
    IS(toc_topic_emit_quick(t, large, LEAST, &sequence), -EMSGSIZE);
    IS(toc_topic_emit(t, large, LEAST - 24, 0, &sequence), 0);
    IS(toc_topic_emit(t, large, (size_t)TOC_MESSAGE_MAX + 1, 0, &sequence), -EMSGSIZE);
    toc_topic *other;
    toc_topic_options options = TOC_TOPIC_DEFAULTS;
    options.common.at = place;
    options.max_bytes = LEAST - 1;
    IS(toc_topic_open(&other, "y", &options), -ERANGE);
    options.max_bytes = LEAST + 1;
    IS(toc_topic_open(&other, "x", &options), -EEXIST);
    removed(t);
}

static void replays(void)
{
    EACH(name)
    {
        toc_topic *t = opened(name), *a;
        for (uint64_t n = 1; n <= 3000; n++)
            IS(emit_sized(t, n, 60), n);
        for (uint64_t want = 0; want < 3200; want += want < 3 ? 1 : 97) {
            a = listener(t, want);
            uint64_t have = want < 3000 ? want : 3000;
            for (uint64_t n = 3001 - have; n <= 3000; n++)
                IS(heard(a), n);
            CHECK(silent(a));
            toc_topic_free(a);
        }
        removed(t);
    }
}

/* Whoever falls behind is told how many are lost, exactly, and goes on with the oldest that is left. */
static void falls_behind(void)
{
    EACH(name)
    {
        toc_topic *t = opened_with(name, LEAST), *a = listener(t, 0), *fresh;
        uint64_t n = 0, next = 1;
        for (int round = 0; round < 300; round++) {
            int burst = round % 7 ? round % 5 * 100 : 2000;
            for (int i = 0; i < burst; i++, n++)
                emit_sized(t, n + 1, 8 + (n * 37) % 200);
            toc_topic_stat s = state(t);
            CHECK(s.file_bytes <= LEAST && s.segments <= 8);
            IS(s.emits, n);
            if (s.oldest > next) {
                IS(lagged(a), s.oldest - next);
                next = s.oldest;
            }
            for (int i = 0; i < 150 && next <= n; i++)
                IS(heard(a), next++);
            fresh = listener(t, 10);
            uint64_t first = n < 10 ? 1 : n - 9;
            for (uint64_t k = first; k <= n; k++)
                IS(heard(fresh), k);
            toc_topic_free(fresh);
        }
        if (name)
            CHECK(files() <= 8 + 4);
        toc_topic_free(a);
        removed(t);
        IS(files(), 0);
    }
}

static void many_at_once(void)
{
    static unsigned char bytes[4000][16];
    static toc_item items[4000];
    static toc_heard out[5000];
    EACH(name)
    {
        toc_topic *t = opened(name), *a = listener(t, 0);
        size_t done;
        uint64_t sequence, n = 0;
        for (int i = 0; i < 4000; i++) {
            fill(bytes[i], (uint64_t)i + 1, 16);
            items[i] = (toc_item){bytes[i], 16};
        }
        IS(toc_topic_emit_many(t, items, 4000, 0, &done, &sequence), 0);
        IS(done, 4000);
        IS(sequence, 4000);
        for (int64_t k; (k = toc_topic_read(a, buffer, 3000, out, 5000, &missed, 0)) > 0;)
            for (int64_t i = 0; i < k; i++) {
                IS(out[i].sequence, ++n);
                IS(number_in(buffer + out[i].offset, out[i].length), n);
            }
        IS(n, 4000);
        IS(toc_topic_emit_many(t, items, 0, 0, &done, &sequence), 0);
        IS(toc_topic_read(a, buffer, 3000, out, 0, &missed, 0), 0);
        toc_topic_free(a);
        removed(t);
    }
}

static void asks_to_wait(void)
{
    EACH(name)
    {
        toc_topic *t = opened_with(name, LEAST), *slow = listener(t, 0), *fast = listener(t, 0);
        unsigned char bytes[1000];
        uint64_t sequence = 0, n = 0;
        int rc;
        fill(bytes, 1, sizeof bytes);
        while ((rc = toc_topic_emit(t, bytes, sizeof bytes, toc_now() + 1000, &sequence)) == 0) {
            IS(sequence, ++n);
            CHECK(n < 100);
            heard(fast);
        }
        IS(rc, -EAGAIN);
        CHECK(n >= 24);
        IS(toc_topic_emit(t, bytes, sizeof bytes, toc_now() + 1000, &sequence), -EAGAIN);
        for (int i = 0; i < 4; i++) /* a segment's worth */
            heard(slow);
        IS(toc_topic_emit(t, bytes, sizeof bytes, toc_now() + 1000, &sequence), 0);
        for (int i = 0; i < 3; i++) /* into that segment, for which nothing has to go */
            IS(toc_topic_emit(t, bytes, sizeof bytes, toc_now() + 1000, &sequence), 0);
        IS(toc_topic_emit(t, bytes, sizeof bytes, toc_now() + 1000, &sequence), -EAGAIN);
        toc_close(H(slow)); /* nobody waits for one who is gone */
        heard(fast);
        for (int i = 0; i < 3; i++)
            heard(fast);
        IS(toc_topic_emit(t, bytes, sizeof bytes, toc_now() + 1000, &sequence), 0);
        IS(toc_topic_emit(t, bytes, sizeof bytes, 0, &sequence), 0);
        toc_topic_free(slow);
        toc_topic_free(fast);
        removed(t);
    }
}

static void a_fork_listens_for_itself(void)
{
    EACH(name)
    {
        toc_topic *t = opened(name), *a = listener(t, 0);
        int status;
        emit(t, 1);
        emit(t, 2);
        IS(heard(a), 1);
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            IS(heard(a), 2);
            IS(toc_topic_subscribers(t), 2);
            emit(t, 3);
            IS(heard(a), 3);
            _exit(0);
        }
        IS(waitpid(pid, &status, 0), pid);
        IS(status, 0);
        IS(toc_topic_subscribers(t), 1);
        IS(heard(a), 2);
        IS(heard(a), 3);
        toc_topic_free(a);
        removed(t);
    }
}

static void many_subscribers(void)
{
    static toc_topic *all[TOC_SLOTS + TOC_SLOTS_MORE];
    toc_topic *t = opened("x"), *one_too_many = another(t);
    for (uint32_t i = 0; i < TOC_SLOTS + TOC_SLOTS_MORE; i++)
        all[i] = listener(t, 0);
    IS(toc_topic_subscribers(t), TOC_SLOTS + TOC_SLOTS_MORE);
    IS(toc_topic_listen(one_too_many, 0), -EUSERS);
    emit(t, 5);
    for (uint32_t i = 0; i < TOC_SLOTS + TOC_SLOTS_MORE; i++) {
        IS(heard(all[i]), 5);
        toc_topic_free(all[i]);
    }
    IS(toc_topic_listen(one_too_many, 1), 0);
    IS(heard(one_too_many), 5);
    toc_topic_free(one_too_many);
    removed(t);
}

static void is_readable_while_there_is_news(void)
{
    EACH(name)
    {
        toc_topic *t = opened(name), *a = listener(t, 0);
        int fd = toc_fileno(H(a));
        CHECK(fd >= 0);
        CHECK(silent(a));
        CHECK(!readable(fd));
        emit(t, 1);
        emit(t, 2);
        CHECK(readable(fd));
        IS(heard(a), 1);
        CHECK(readable(fd));
        IS(heard(a), 2);
        CHECK(!readable(fd));
        toc_cancel(H(a));
        CHECK(readable(fd));
        toc_heard h;
        IS(read_one_into(a, &h), -ECANCELED);
        toc_topic_free(a);
        removed(t);
    }
}

static void is_removed_for_everyone(void)
{
    toc_topic *t = opened("x"), *a = listener(t, 0);
    uint64_t sequence;
    toc_heard h;
    emit(t, 1);
    IS(files(), 1);
    IS(toc_handle_unlink(H(t)), 0);
    IS(files(), 0);
    IS(read_one_into(a, &h), -EIDRM);
    IS(toc_topic_emit(a, "", 0, 0, &sequence), -EIDRM);
    toc_topic *anew = opened("x");
    IS(emit(anew, 1), 1);
    toc_topic_free(a);
    toc_topic_free(t);
    removed(anew);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(everyone_hears_everything);
    RUN(of_every_size);
    RUN(too_large);
    RUN(replays);
    RUN(falls_behind);
    RUN(many_at_once);
    RUN(asks_to_wait);
    RUN(a_fork_listens_for_itself);
    RUN(many_subscribers);
    RUN(is_readable_while_there_is_news);
    RUN(is_removed_for_everyone);
    return unit_end();
}
