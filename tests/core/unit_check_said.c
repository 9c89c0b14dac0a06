/* unit_check_said.c: what toc_check_object says of which damage, and what toc_repair does about it.
 * Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_check.h"

static void a_damaged_queue(void)
{
    toc_queue *q = queue();
    fill_queue(q);
    struct toc_queue_file *f = queue_file(q);
    struct toc_queue_state *s = &f->state[change_count(f->head.word) & 1];
    struct toc_table *t = &f->half[s->half];
    s->held++;
    says("queue", "other claims", TOC_MEND_REPAIR);
    IS(toc_repair(path_of("queue"), NULL), 0);
    is_sound("queue");
    s = &f->state[change_count(f->head.word) & 1];
    s->held = 0;
    s->back = s->delayed;
    says("queue", "fewer claims", TOC_MEND_REPAIR);
    IS(toc_repair(path_of("queue"), NULL), 0);
    s = &f->state[change_count(f->head.word) & 1];
    CHECK(s->held == 1 && s->back == 2);
    s->bytes++;
    says("queue", "bytes", TOC_MEND_REPAIR);
    IS(toc_repair(path_of("queue"), NULL), 0);
    toc_queue_holder(q, q->holder)->leased = 0;
    says("queue", "nobody whom it knows", TOC_MEND_REPAIR);
    IS(toc_repair(path_of("queue"), NULL), 0);
    is_sound("queue");
    IS(toc_queue_holder(q, q->holder)->leased, 1);
    s = &f->state[change_count(f->head.word) & 1];
    s->low += 4;
    says("queue", "state", TOC_MEND_REMOVE);
    s->low -= 4;
    t = &f->half[s->half];
    t->segment[0].base++;
    says("queue", "table", TOC_MEND_REMOVE);
    t->segment[0].base--;
    uint32_t count = t->count;
    t->count = 0;
    says("queue", "lacks the segment", TOC_MEND_REMOVE);
    t->count = count;
    f->setup.maxsize ^= 8;
    says("queue", "fixed when it was made", TOC_MEND_REMOVE);
    IS(toc_repair(path_of("queue"), NULL), -EUCLEAN);
    f->setup.maxsize ^= 8;
    f->spare2 = 1;
    says("queue", "not zero", TOC_MEND_REMOVE);
    f->spare2 = 0;
    is_sound("queue");
    toc_queue_free(q);
    clear();
}

static void damaged_items(void)
{
    toc_queue *q = queue();
    toc_taken taken;
    char segment[1100];
    for (int i = 0; i < 20; i++)
        IS(toc_queue_put(q, bytes, 200, 0), 0);
    struct toc_queue_file *f = queue_file(q);
    snprintf(segment, sizeof segment, "%s%u", q->prefix, f->half[f->state[change_count(f->head.word) & 1].half].segment[0].file);
    int fd = open(segment, O_RDWR);
    CHECK(fd >= 0 && pwrite(fd, "?", 1, 5 * 224 + 100) == 1 && pwrite(fd, "\377\377\377\177", 4, 7 * 224) == 4);
    says("queue", "items are damaged", TOC_MEND_ITSELF);
    CHECK(said[0].many == 2 && said[0].sequence == 6);
    IS(check_at("queue"), 1);
    int got = 0, lost = 0, rc;
    while ((rc = toc_queue_get(q, bytes, sizeof bytes, &taken, 0)) != -EAGAIN) {
        got += rc == 0;
        lost += rc == -EBADMSG ? (int)taken.length : 0;
    }
    CHECK(got == 18 && lost == 2);
    says("queue", "bytes", TOC_MEND_REPAIR); /* nobody knows how long they were */
    IS(toc_repair(path_of("queue"), NULL), 0);
    is_sound("queue");
    for (int i = 0; i < 20; i++)
        IS(toc_queue_put(q, bytes, 200, 0), 0);
    CHECK(ftruncate(fd, 6000) == 0); /* in the middle of the tape: nobody may touch what was behind it */
    close(fd);
    says("queue", "damaged", TOC_MEND_ITSELF);
    CHECK(said[0].many > 5 && said[0].many < 20);
    CHECK(unlink(segment) == 0);
    says("queue", "items are damaged", TOC_MEND_ITSELF);
    CHECK(said[0].many == 20);
    toc_queue_free(q);
    clear();
}

static void make_file(const char *prefix, const char *rest)
{
    char path[1200];
    snprintf(path, sizeof path, "%s%s", prefix, rest);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0);
    close(fd);
}

static void files_that_nobody_names(void)
{
    toc_queue *q = queue();
    toc_topic *t = topic();
    toc_data *d = data();
    int did;
    char prefix[1100];
    for (int i = 0; i < 3000; i++) /* so that there are segments, and numbers that were given up */
        IS(toc_queue_put(q, bytes, 500, 0), 0);
    CHECK(toc_queue_purge(q) == 3000);
    fill_topic(t, 500);
    set_value(d, BIG);
    is_sound("queue");
    struct toc_queue_file *f = queue_file(q);
    struct toc_table *table = &f->half[f->state[change_count(f->head.word) & 1].half];
    uint32_t next = table->next_file, free_number = 0, used = 1;
    while (used) /* a number that was used and is no more */
        for (uint32_t i = used = (free_number++, 0); i < log_count(table); i++)
            used |= table->segment[i].file == free_number;
    for (int i = 0; i < 4; i++)
        if (table->spares > (uint32_t)i && table->spare[i].file == free_number)
            free_number++;
    CHECK(free_number < next);
    char number[16];
    snprintf(number, sizeof number, "%u", free_number);
    make_file(q->prefix, number);
    snprintf(number, sizeof number, "%u", next); /* this one somebody may be making */
    make_file(q->prefix, number);
    says("queue", "segments", TOC_MEND_REPAIR);
    IS(said[0].many, 1);
    IS(toc_repair(path_of("queue"), &did), 0);
    IS(did, 1);
    is_sound("queue");
    make_file(t->prefix, "1");
    if (check_at("topic")) {
        IS(toc_repair(path_of("topic"), &did), 0);
        IS(did, 1);
    }
    is_sound("topic");
    toc_handle *h = H(d);
    snprintf(prefix, sizeof prefix, "%s", h->o.bell.path);
    prefix[strlen(prefix) - 4] = 0;
    make_file(prefix, "v0123456789abcdef");
    says("data", "earlier values", TOC_MEND_REPAIR);
    CHECK(strcmp(said[0].file, "v0123456789abcdef") == 0);
    IS(toc_repair(path_of("data"), &did), 0);
    IS(did, 1);
    is_sound("data");
    make_file(prefix, "bell");
    says("data", "no FIFO", TOC_MEND_REPAIR);
    IS(toc_repair(path_of("data"), &did), 0);
    is_sound("data");
    CHECK(toc_fileno(h) >= 0);
    is_sound("data");
    toc_queue_free(q);
    toc_topic_free(t);
    toc_data_free(d);
    clear();
}

static void a_damaged_topic(void)
{
    toc_topic *t = topic();
    fill_topic(t, 200);
    is_sound("topic");
    struct toc_topic_file *f = topic_file(t);
    struct toc_topic_state *s = &f->state[change_count(f->head.word) & 1];
    char segment[1100];
    struct toc_segment last = f->half[s->half].segment[f->half[s->half].count - 1];
    snprintf(segment, sizeof segment, "%s%u", t->prefix, last.file);
    int fd = open(segment, O_RDWR);
    CHECK(fd >= 0 && pwrite(fd, "?", 1, 100) == 1);
    close(fd);
    says("topic", "emits are damaged", TOC_MEND_ITSELF);
    IS(said[0].many, 1);
    s->bytes++;
    says("topic", "other bytes", TOC_MEND_REMOVE);
    s->bytes--;
    s->low_sequence = 0;
    says("topic", "state", TOC_MEND_REMOVE);
    toc_topic_free(t);
    clear();
}

static void a_damaged_value(void)
{
    toc_data *d = data();
    set_value(d, 30);
    set_value(d, BIG);
    struct toc_data_file *f = data_file(d);
    struct toc_data_slot *slot = &f->slot[change_count(f->head.word) & 1];
    slot->length = TOC_MESSAGE_MAX + 1;
    says("data", "no sense", TOC_MEND_ITSELF);
    slot->length = BIG + 1000000;
    says("data", "too short", TOC_MEND_ITSELF);
    set_value(d, 10);
    is_sound("data");
    slot = &f->slot[change_count(f->head.word) & 1];
    slot->version += 2;
    says("data", "version", TOC_MEND_REMOVE);
    slot->version -= 2;
    is_sound("data");
    toc_data_free(d);
    clear();
}

static void what_is_no_object(void)
{
    make_all();
    CHECK(symlink("event", path_of("link")) == 0 && mkfifo(path_of("fifo"), 0600) == 0);
    says("link", "a link", TOC_MEND_REMOVE);
    says("fifo", "no regular file", TOC_MEND_REMOVE);
    CHECK(truncate(path_of("event"), 100) == 0 && truncate(path_of("queue"), 100000) == 0);
    says("event", "shorter than the head", TOC_MEND_REMOVE);
    says("queue", "it was cut", TOC_MEND_REMOVE);
    unsigned char *page = mapped("signal", 4096);
    page[0] ^= 1;
    says("signal", "does not begin", TOC_MEND_REMOVE);
    page[0] ^= 1;
    page[20] ^= 1;
    says("signal", "head is damaged", TOC_MEND_REMOVE);
    page[20] ^= 1;
    page[1000] = 1;
    says("signal", "not zero", TOC_MEND_REMOVE);
    page[1000] = 0;
    is_sound("signal");
    page[64] |= 1 << 4;
    says("signal", "it was removed", TOC_MEND_REPAIR);
    IS(toc_repair(path_of("signal"), NULL), 0);
    IS(check_at("signal"), -ENOENT);
    munmap(page, 4096);
    clear();
}

int main(int argc, char **argv)
{
    check_begin(argc, argv);
    RUN(a_damaged_queue);
    RUN(damaged_items);
    RUN(files_that_nobody_names);
    RUN(a_damaged_topic);
    RUN(a_damaged_value);
    RUN(what_is_no_object);
    return unit_end();
}
