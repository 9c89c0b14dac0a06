/* unit_data.h: what the unit tests of data events share. */
#ifndef UNIT_DATA_H
#define UNIT_DATA_H

#include "unit.h"

#include "objects/data.h"
#include "parts/change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BIG 100000 /* more than fits the file */

static char room[BIG + 64]; /* of the main thread */

static inline toc_data *opened(const char *name, int replay)
{
    toc_data *d;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_data_open(&d, name, name ? &options : NULL, replay), 0);
    return d;
}

static inline uint64_t put(toc_data *d, const char *text)
{
    uint64_t version = 0;
    IS(toc_data_signal(d, text, strlen(text), -1, TOC_FOREVER, &version), 0);
    return version;
}

/* `length` bytes, all `fill`. */
static inline uint64_t put_many(toc_data *d, size_t length, int fill)
{
    static __thread char bytes[BIG];
    uint64_t version = 0;
    CHECK(length <= sizeof bytes);
    memset(bytes, fill, length);
    int rc;
    do
        rc = toc_data_signal(d, bytes, length, -1, TOC_FOREVER, &version);
    while (rc == -EINTR);
    IS(rc, 0);
    return version;
}

static inline const char *latest(toc_data *d)
{
    size_t length = 0;
    uint64_t version;
    IS(toc_data_latest(d, room, sizeof room - 1, &length, &version), 0);
    room[length] = 0;
    return room;
}

static inline int waited(toc_data *d, int64_t deadline, const char *wanted, uint64_t version_wanted)
{
    size_t length = 0;
    uint64_t version = 0;
    int rc = toc_data_wait(d, room, sizeof room - 1, &length, &version, deadline);
    if (rc == 1) {
        room[length] = 0;
        CHECK(strcmp(room, wanted) == 0);
        IS(version, version_wanted);
    }
    return rc;
}

/* Files of values that belong to `name`. */
static inline int files(const char *name)
{
    int found = 0;
    size_t n = strlen(name);
    DIR *directory = opendir(place);
    CHECK(directory);
    for (struct dirent *e; (e = readdir(directory));)
        found += e->d_name[0] == '.' && strncmp(e->d_name + 1, name, n) == 0 && strstr(e->d_name, ".v") != NULL;
    closedir(directory);
    return found;
}

static inline struct toc_data_file *mapped(toc_data *d)
{
    int fd = open(toc_handle_path(H(d)), O_RDWR);
    struct toc_data_file *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(fd >= 0 && f != MAP_FAILED);
    close(fd);
    return f;
}

#endif
