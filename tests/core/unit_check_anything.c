/* unit_check_anything.c: no byte of a file makes toc_check_object or toc_repair crash or hang.
 * Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_check.h"

/* -- anything, anywhere: it ends, and says something that exists */

static void look_at_all(void)
{
    for (size_t i = 0; i < ALL; i++) {
        int rc = check_at(KINDS[i]);
        CHECK(rc >= 0 || rc == -EPROTO || rc == -ENOENT || rc == -ENOMEM);
        for (int n = 0; n < rc && n < ROOM; n++)
            CHECK(said[n].what && said[n].mend >= 0 && said[n].mend <= 2);
    }
}

/* Every eighth byte of each file, in turn; of long files the beginning, where everything is, and then here and there. */
static void every_byte_is_turned_over(void)
{
    static const unsigned char XOR[] = {0xff, 0x01, 0x80};
    make_all();
    DIR *d = opendir(place);
    for (struct dirent *e; (e = readdir(d));) {
        struct stat s;
        CHECK(lstat(path_of(e->d_name), &s) == 0);
        if (!S_ISREG(s.st_mode) || strcmp(e->d_name, ".tocsin.owners") == 0)
            continue;
        char kind[16]; /* whose file it is */
        CHECK(sscanf(e->d_name, e->d_name[0] == '.' ? ".%15[a-z]" : "%15[a-z]", kind) == 1);
        unsigned char *at = mapped(e->d_name, (size_t)s.st_size);
        uint64_t step = 8;
        for (uint64_t i = 0; i < (uint64_t)s.st_size; i += step) {
            step = i < 1024 ? 8 : (i / 4096) % 9 == 0 && i % 4096 < 512 ? 16 : 1032;
            for (size_t x = 0; x < sizeof XOR; x++) {
                at[i + i / 8 % 8] ^= XOR[x];
                int rc = check_at(kind);
                CHECK(rc >= 0 || rc == -EPROTO || rc == -ENOENT);
                at[i + i / 8 % 8] ^= XOR[x];
            }
        }
        munmap(at, (size_t)s.st_size);
        is_sound(kind);
    }
    closedir(d);
    clear();
}

static uint64_t lot = 88172645463325252ull;

static uint64_t draw(void)
{
    lot ^= lot << 13;
    lot ^= lot >> 7;
    return lot ^= lot << 17;
}

/* Words of all sorts in the control blocks, and repair as well: it may refuse, and whoever looks afterwards still gets an answer. */
static void anything_anywhere(void)
{
    static const uint64_t ODD[] = {0, 1, 7, 8, 4095, 4096, 1ull << 31, 1ull << 32, 1ull << 47, 1ull << 63, ~0ull, ~7ull};
    static const size_t SIZE[] = {512, 128, 320, 600, 400, 600};
    for (int round = 0; round < 60; round++) {
        make_all();
        for (size_t i = 0; i < ALL; i++) {
            uint64_t *words = mapped(KINDS[i], 4096);
            for (int n = 0; n < 2; n++) {
                uint64_t *at = &words[(40 + draw() % (SIZE[i] - 40)) / 8];
                __atomic_store_n(at, draw() % 3 ? ODD[draw() % 12] : *at ^ 1ull << draw() % 64, __ATOMIC_RELAXED);
            }
            munmap(words, 4096);
        }
        look_at_all();
        if (round % 2)
            for (size_t i = 0; i < ALL; i++)
                if (i != 3 && i != 5 && i != 2) /* a lock word that names a living one is waited for: not here */
                    toc_repair(path_of(KINDS[i]), NULL);
        look_at_all();
        clear();
    }
}

static void cut_anywhere(void)
{
    for (size_t i = 0; i < ALL; i++) {
        make_all();
        struct stat s;
        CHECK(stat(path_of(KINDS[i]), &s) == 0);
        for (off_t size = s.st_size - 1; size > 0; size -= size > 5000 ? 4001 : size > 300 ? 97 : 7) {
            CHECK(truncate(path_of(KINDS[i]), size) == 0);
            CHECK(check_at(KINDS[i]) > 0);
            IS(toc_repair(path_of(KINDS[i]), NULL) < 0 || KINDS[i][0] == 'e' || size >= 128, 1);
        }
        clear();
    }
}

int main(int argc, char **argv)
{
    check_begin(argc, argv);
    RUN(every_byte_is_turned_over);
    RUN(anything_anywhere);
    RUN(cut_anywhere);
    return unit_end();
}
