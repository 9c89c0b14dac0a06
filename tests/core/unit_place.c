/* unit_place.c: names and places, and what a file must be before it is trusted. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit.h"

#include "parts/format.h"
#include "tocsin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void names(void)
{
    static const char *const good[] = {"x", "job/x", "A-Z_0.9", "a/b/c/d", "/tmp/x", "./x", "x-", "x..y"};
    static const char *const bad[] = {"", "/", "x/", ".x", "-x", "a//b", "a/.b", "a/-b", "a b", "ä", "a\nb", "..",
                                      "a/../b", "./", "./.x", "/tmp/.x", "x!"};
    char longest[TOC_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(toc_name_fault(good[i]) == NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(toc_name_fault(bad[i]) != NULL);
    CHECK(toc_name_fault(NULL) != NULL);
    memset(longest, 'x', sizeof longest);
    longest[TOC_NAME_MAX + 1] = 0;
    CHECK(toc_name_fault(longest) != NULL);
    longest[TOC_NAME_MAX] = 0;
    CHECK(toc_name_fault(longest) == NULL);
}

static void places(void)
{
    char path[TOC_PATH_MAX], wanted[TOC_PATH_MAX];
    const char *prefix;
    unsetenv("TOCSIN_AT");
    CHECK(toc_place_fault("user") == NULL && toc_place_fault("system") == NULL && toc_place_fault("./d") == NULL);
    CHECK(toc_place_fault("elsewhere") != NULL && toc_place_fault("redis://h") != NULL);
    IS(toc_path(path, NULL, "x"), 0);
    snprintf(wanted, sizeof wanted, "/dev/shm/tocsin-%u/x", (unsigned)geteuid());
    CHECK(!strcmp(path, wanted));
    IS(toc_path(path, "system", "a/b"), 0);
    CHECK(!strcmp(path, "/dev/shm/tocsin.a!b")); /* no folders in a directory that is everybody's */
    IS(toc_path(path, "/some/where/", "a/b"), 0);
    CHECK(!strcmp(path, "/some/where/a/b"));
    IS(toc_path(path, "user", "/own/x"), 0);
    CHECK(!strcmp(path, "/own/x"));
    IS(toc_path(path, "nonsense", "x"), -EINVAL);
    IS(toc_path(path, "user", ".x"), -EINVAL);
    CHECK(chdir(place) == 0 && realpath(".", wanted));
    IS(toc_path(path, "user", "./x"), 0);
    CHECK(!strncmp(path, wanted, strlen(wanted)) && !strcmp(path + strlen(wanted), "/x"));
    setenv("TOCSIN_AT", "/from/environment", 1);
    IS(toc_path(path, NULL, "x"), 0);
    CHECK(!strcmp(path, "/from/environment/x"));
    setenv("TOCSIN_AT", "", 1); /* empty: as if it were not there */
    IS(toc_place_dir(path, &prefix, NULL), 0);
    CHECK(!strncmp(path, "/dev/shm/tocsin-", 16) && !*prefix);
    unsetenv("TOCSIN_AT");
}

static int open_here(toc_event **e, const char *name, int create)
{
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    options.create = create;
    return toc_event_open(e, name, &options);
}

static void options_are_kept(void)
{
    toc_event *e, *again;
    toc_stat stat_;
    struct stat file;
    toc_options o = {place, 0640, 1, 0};
    IS(open_here(&e, "none", 0), -ENOENT);
    umask(0077);
    IS(toc_event_open(&e, "moded", &o), 0);
    CHECK(stat(toc_event_path(e), &file) == 0 && (file.st_mode & 0777) == 0640); /* the umask has no say */
    IS(toc_event_stat(e, &stat_), 0);
    IS(stat_.mode, 0640);
    o.mode = 0600;
    IS(toc_event_open(&again, "moded", &o), -EEXIST);
    o.mode = -1;
    IS(toc_event_open(&again, "moded", &o), 0);
    toc_event_free(again);
    o.mode = 0400;
    IS(toc_event_open(&again, "other", &o), -EDOM);
    o.mode = 01777;
    IS(toc_event_open(&again, "other", &o), -EDOM);
    IS(toc_event_open(&again, "moded/x", &(toc_options){place, -1, 1, 0}), -EMEDIUMTYPE);
    IS(open_here(&again, "folder/x", 1), 0);
    toc_event_free(again);
    IS(open_here(&again, "folder", 1), -EMEDIUMTYPE);
    toc_event_free(e);
}

static void write_at(const char *name, off_t at, const void *what, size_t size)
{
    char path[TOC_PATH_MAX];
    toc_path(path, place, name);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && pwrite(fd, what, size, at) == (ssize_t)size);
    close(fd);
}

/* Every byte of the head that is judged, changed in every bit. */
static void heads_are_checked(void)
{
    struct toc_head head;
    toc_event *e;
    toc_stat stat_;
    char path[TOC_PATH_MAX];
    IS(open_here(&e, "image", 1), 0);
    toc_event_free(e);
    toc_path(path, place, "image");
    int fd = open(path, O_RDONLY);
    CHECK(read(fd, &head, sizeof head) == sizeof head);
    close(fd);
    for (size_t bit = 0; bit < 8 * offsetof(struct toc_head, bell_made_ns); bit++) {
        unsigned char changed = ((unsigned char *)&head)[bit / 8] ^ (unsigned char)(1 << bit % 8);
        write_at("image", (off_t)(bit / 8), &changed, 1);
        int rc = open_here(&e, "image", 1);
        CHECK(rc == -EUCLEAN || rc == -EPROTO);
        IS(toc_peek(&stat_, path), rc);
        IS(toc_unlink(path), rc);
        write_at("image", (off_t)(bit / 8), (unsigned char *)&head + bit / 8, 1);
    }
    IS(open_here(&e, "image", 0), 0);
    toc_event_free(e);
    struct toc_head strange = head;
    strange.kind = 77;
    strange.check = toc_check(&strange);
    write_at("image", 0, &strange, sizeof strange);
    IS(open_here(&e, "image", 1), -EMEDIUMTYPE);
    IS(toc_peek(&stat_, path), 0);
    IS(stat_.kind, 77);
    CHECK(truncate(path, 100) == 0);
    IS(open_here(&e, "image", 1), -EUCLEAN);
    CHECK(truncate(path, 0) == 0);
    IS(open_here(&e, "image", 1), -EUCLEAN);
    CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
    IS(open_here(&e, "image", 1), -EUCLEAN);
    CHECK(unlink(path) == 0 && symlink("elsewhere", path) == 0);
    IS(open_here(&e, "image", 1), -ELOOP);
    CHECK(unlink(path) == 0);
}

static void sentences(void)
{
    for (int rc = 0; rc > -140; rc--)
        CHECK(toc_strerror(rc) && strlen(toc_strerror(rc)) > 5);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(names);
    RUN(places);
    RUN(options_are_kept);
    RUN(heads_are_checked);
    RUN(sentences);
    return unit_end();
}
