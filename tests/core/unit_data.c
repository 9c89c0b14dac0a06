/* unit_data.c: a data event of one process and its children, call by call. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_data.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(the_latest_wins);
    RUN(versions_are_compared);
    RUN(any_size);
    RUN(the_largest);
    RUN(fork_goes_on);
    RUN(anonymous_is_attached);
    RUN(readers_without_permission);
    return unit_end();
}
