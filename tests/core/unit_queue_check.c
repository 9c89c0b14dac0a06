/* unit_queue_check.c: toc_queue_check finds what is wrong, each structure's fault by its own sentence, and nothing where nothing is.
 * Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <sys/wait.h>
#include <unistd.h>

static const char *fault(toc_queue *q)
{
    const char *found = "not asked";
    IS(toc_queue_check(q, &found), 0);
    return found;
}

static void is_sound(toc_queue *q)
{
    const char *found = fault(q);
    if (found)
        fprintf(stderr, "not sound: %s\n", found);
    CHECK(found == NULL);
}

static void says(toc_queue *q, const char *words)
{
    const char *found = fault(q);
    if (!found || !strstr(found, words))
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", found ? found : "sound", words);
    CHECK(found && strstr(found, words));
}

static struct toc_queue_state *present(toc_queue *q)
{
    struct toc_queue_file *f = queue_file(q);
    return &f->state[change_count(f->head.word) & 1];
}

/* 20 items, of which three are held and two came back. */
static toc_queue *filled(toc_taken taken[5])
{
    toc_queue *q = opened("x");
    is_sound(q);
    for (uint64_t i = 1; i <= 20; i++)
        IS(put_sized(q, i, 100), 0);
    for (int i = 0; i < 5; i++)
        IS(toc_queue_receive(q, buffer, sizeof buffer, &taken[i], 0), 0);
    is_sound(q);
    IS(toc_queue_nack(q, &taken[1], 0), 0);
    IS(toc_queue_nack(q, &taken[3], 1000000000000ll), 0);
    is_sound(q);
    return q;
}

static void ended(toc_queue *q)
{
    IS(toc_handle_unlink(H(q)), 0);
    toc_queue_free(q);
}

static void a_sound_one(void)
{
    toc_taken taken[5];
    toc_queue *q = filled(taken);
    IS(toc_queue_ack(q, &taken[0]), 0);
    is_sound(q);
    for (uint64_t i = 21; i < 3000; i++) /* over several segments */
        IS(put_sized(q, i, 200), 0);
    is_sound(q);
    CHECK(toc_queue_purge(q) > 2900);
    is_sound(q);
    IS(toc_queue_shutdown(q, 1), 0);
    is_sound(q);
    ended(q);
}

static void one_whose_holder_died(void)
{
    toc_taken taken[5];
    toc_queue *q = filled(taken);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        toc_taken more;
        _exit(toc_queue_receive(q, buffer, sizeof buffer, &more, 0) == 0 ? 0 : 9);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    is_sound(q); /* too many claims are counted, perhaps; that is how the dead leave it */
    ended(q);
}

static void one_that_is_damaged(void)
{
    toc_taken taken[5];
    toc_queue *q = filled(taken);
    struct toc_queue_state *s = present(q);
    struct toc_table *t = &queue_file(q)->half[s->half];
    struct toc_holder *mine = toc_queue_holder(q, q->holder);
    unsigned char *segment = q->log.near[TOC_NEAR_TAIL].at;
    CHECK(segment != NULL);

    s->held++;
    says(q, "other claims");
    s->held -= 2;
    says(q, "fewer claims");
    s->held++;
    mine->leased = 1;
    says(q, "held by nobody");
    mine->leased = 3;
    s->bytes++;
    says(q, "bytes");
    s->bytes--;
    s->shut = 7;
    says(q, "shutdown");
    s->shut = 0;
    s->tail_sequence++;
    says(q, "fewer items");
    s->tail_sequence--;
    s->head_sequence = s->tail_sequence + 1;
    says(q, "its state makes no sense");
    s->head_sequence = 5;
    t->segment[0].base++;
    says(q, "table");
    t->segment[0].base--;
    t->count = 0;
    says(q, "lacks the segment");
    t->count = 1;
    segment[s->tail - t->segment[0].base - 10] ^= 4; /* in the last item */
    says(q, "damaged");
    segment[s->tail - t->segment[0].base - 10] ^= 4;
    is_sound(q);
    ended(q);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(a_sound_one);
    RUN(one_whose_holder_died);
    RUN(one_that_is_damaged);
    return unit_end();
}
