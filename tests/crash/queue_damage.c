/* queue_damage.c: a queue whose files somebody has damaged: every bit of what says something, one at a time.
 *
 *      queue_damage DIR [--every N] [--seed S]
 *
 * Whoever opens it may get an error or an item that was put; never a crash, never wrong bytes, never a call without end. Of
 * records it is asked more: one bit of one record is wrong, then all the others come, and one was passed over. (Of those that
 * came back, a wrong length or sequence is passed over in silence: nobody knows any more that it was one.) */
#include "damage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_there(uint32_t n) { return n == 1 || n == 2 || n == 4 || (n > 84 && n <= ITEMS); }

static void each_bit(const char *what, const char *end, size_t from, size_t to, long every)
{
    long before = cases, was = faults;
    for (size_t at = from; at < to; at++)
        for (int bit = 0; bit < 8; bit++) {
            if (every > 1 && walk_draw() % (uint64_t)every)
                continue;
            damage_restore();
            damage_flip(end, at, bit);
            damage_judge(what, at, bit, 1);
        }
    printf("%-34s %6ld bits %4ld faults\n", what, cases - before, faults - was);
}

/* -- one record that is wrong, all the others right */

static void each_bit_of_a_record(const char *what, uint32_t number, int before_head, long every)
{
    const struct image *control = damage_image("x");
    const struct toc_queue_file *f = (const struct toc_queue_file *)(const void *)control->bytes;
    const struct toc_queue_state *s = &f->state[change_count(f->head.word) & 1];
    const struct toc_table *t = &f->half[s->half];
    size_t record = (size_t)toc_record_size(SIZE), at = 0;
    char end[40];
    for (uint32_t i = 0, first = 1; i < t->count; i++) {
        uint32_t holds = (uint32_t)((size_t)t->segment[i].pages * TOC_PAGE / record);
        if (number < first + holds) {
            snprintf(end, sizeof end, ".%u", t->segment[i].file);
            at = (number - first) * record;
            break;
        }
        first += holds;
    }
    long before = cases, was = faults;
    for (size_t byte = at; byte < at + record; byte++)
        for (int bit = 0; bit < 8; bit++) {
            int is_claim = byte - at >= offsetof(struct toc_record, claim) && byte - at < sizeof(struct toc_record);
            int is_head = byte - at < sizeof(struct toc_record), is_end = byte - at >= sizeof(struct toc_record) + SIZE;
            if (every > 1 && walk_draw() % (uint64_t)(is_head ? (every + 3) / 4 : every * 2))
                continue;
            damage_restore();
            damage_flip(end, byte, bit);
            damage_judge(what, byte - at, bit, is_claim);
            uint32_t missing = 0;
            for (uint32_t n = 1; n <= ITEMS; n++)
                missing += is_there(n) && n != number && page->came[n] != 1;
            if ((missing && !is_claim) || (missing > 1 && is_claim) || (!is_claim && !is_end && page->passed != 1 && !(before_head && page->passed == 0))) {
                if (faults++ < 40)
                    printf("FAULT %s, byte %zu, bit %d: %u of the others did not come once, %u were passed over\n", what, byte - at,
                           bit, missing, page->passed);
            }
        }
    printf("%-34s %6ld bits %4ld faults\n", what, cases - before, faults - was);
}

/* -- files that are short, gone, or something else */

static void mistreat(const char *end, int how)
{
    char path[900];
    damage_restore();
    damage_path(path, damage_image(end)->name);
    if (how == 0 && unlink(path) < 0)
        die("unlink");
    if (how == 1 && (unlink(path) < 0 || mkdir(path, 0700) < 0))
        die("mkdir");
    if (how == 2 && (unlink(path) < 0 || mkfifo(path, 0600) < 0))
        die("mkfifo");
    if (how == 3 && (unlink(path) < 0 || symlink("/etc/passwd", path) < 0))
        die("symlink");
    if (how >= 4 && truncate(path, (off_t)(damage_image(end)->size * (size_t)(how - 4) / 8 / 8 * 8 + (how == 11 ? 4088 : 0))) < 0)
        die("truncate");
    damage_judge(end, (size_t)how, 0, 1);
}

int main(int argc, char **argv)
{
    long every = 1;
    if (argc < 2)
        die("usage: queue_damage DIR [--every N] [--seed S]");
    dir = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--every"))
            every = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--seed"))
            walk_seed(strtoull(argv[i + 1], NULL, 0));
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    damage_make();
    damage_tidy(1);
    damage_judge("nothing is damaged", 0, 0, 0);
    for (uint32_t n = 1; n <= ITEMS; n++)
        if (page->came[n] != (uint32_t)is_there(n) && faults++ < 40)
            printf("FAULT nothing is damaged: item %u came %u times\n", n, page->came[n]);
    each_bit("the head", "x", 0, 128, every);
    each_bit("the setup", "x", 128, 192, every);
    each_bit("the lock and what is beside it", "x", 192, 256, every);
    each_bit("the states", "x", 256, 512, every);
    each_bit("the holders", "x", 512, 512 + 3 * sizeof(struct toc_holder), every);
    size_t half = offsetof(struct toc_queue_file, half);
    each_bit("the first table", "x", half, half + 256 + 8 * sizeof(struct toc_segment), every);
    half += TOC_TABLE_SIZE;
    each_bit("the second table", "x", half, half + 256 + 8 * sizeof(struct toc_segment), every);
    each_bit_of_a_record("a record that nobody had", 120, 0, every);
    each_bit_of_a_record("the next record", 85, 0, every);
    each_bit_of_a_record("the last record", ITEMS, 0, every);
    each_bit_of_a_record("a record that came back", 2, 1, every);
    each_bit_of_a_record("a record that the dead held", 4, 1, every);
    for (int i = 0; i < images; i++)
        for (int how = 0; how < 12; how++)
            mistreat(strcmp(image[i].name, "x") ? strrchr(image[i].name, '.') : "x", how);
    damage_restore();
    damage_judge("nothing is damaged, afterwards", 0, 0, 0);
    printf("TOTAL cases=%ld opened=%ld faults=%ld\n", cases, opened, faults);
    return faults || opened == 0 ? 1 : 0;
}
