/* damage_files.c: the files of a queue: as they were, one bit of them wrong, and as they were again. */
#include "damage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct image image[FILES];
int images;
const char *dir;

void damage_path(char path[900], const char *name) { snprintf(path, 900, "%.500s/%.300s", dir, name); }

static void keep_image(const char *name)
{
    char path[900];
    struct stat st;
    damage_path(path, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct image *i = &image[images++];
    snprintf(i->name, sizeof i->name, "%s", name);
    if (fd < 0 || fstat(fd, &st) < 0 || images == FILES)
        die("the image of a file");
    i->size = (size_t)st.st_size;
    i->bytes = malloc(i->size);
    if (!i->bytes || read(fd, i->bytes, i->size) != (ssize_t)i->size)
        die("the image of a file");
    close(fd);
}

void damage_tidy(int keep)
{
    DIR *d = opendir(dir);
    for (struct dirent *f; d && (f = readdir(d));) {
        char path[900];
        damage_path(path, f->d_name);
        if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..") || !strcmp(f->d_name, TOC_OWNER_FILE))
            continue;
        if (keep && strncmp(f->d_name, ".x.", 3) && strcmp(f->d_name, "x"))
            continue;
        if (keep && strstr(f->d_name, ".bell") == NULL)
            keep_image(f->d_name);
        else if (!keep && unlink(path) < 0)
            rmdir(path);
    }
    if (d)
        closedir(d);
}

/* As it was, but for holes: what is zero is not written. */
void damage_restore(void)
{
    damage_tidy(0);
    for (int i = 0; i < images; i++) {
        char path[900];
        damage_path(path, image[i].name);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, (off_t)image[i].size) < 0)
            die("a file again");
        for (size_t at = 0; at < image[i].size; at += 4096) {
            static const unsigned char zeros[4096];
            size_t n = image[i].size - at < 4096 ? image[i].size - at : 4096;
            if (memcmp(image[i].bytes + at, zeros, n) && pwrite(fd, image[i].bytes + at, n, (off_t)at) != (ssize_t)n)
                die("the bytes of a file again");
        }
        close(fd);
    }
}

struct image *damage_image(const char *end)
{
    for (int i = 0; i < images; i++) {
        size_t n = strlen(image[i].name), e = strlen(end);
        if (n >= e && !strcmp(image[i].name + n - e, end))
            return &image[i];
    }
    die(end);
    return NULL;
}

void damage_flip(const char *end, size_t at, int bit)
{
    char path[900];
    const struct image *i = damage_image(end);
    unsigned char byte = i->bytes[at] ^ (unsigned char)(1 << bit);
    damage_path(path, i->name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || pwrite(fd, &byte, 1, (off_t)at) != 1)
        die("flipping");
    close(fd);
}
