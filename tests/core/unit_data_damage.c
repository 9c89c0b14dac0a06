/* unit_data_damage.c: damaged slots and files: an error, or a value, and never a crash. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_data.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(damage_is_told);
    RUN(damaged_ranges_are_told);
    return unit_end();
}
