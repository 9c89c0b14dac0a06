/* bench_files.c: what a kill leaves in the directory. See bench.h. */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

long left_over;

/* What the dead may leave: hidden, and of no meaning to anybody (README.md). */
static int is_left_over(const char *name)
{
    static const char *const ENDS[] = {".bell", ".bell.new", ".new"};
    const char *id = strncmp(name, ".x.", 3) ? name + 1 : name + 3; /* a folder in the making has only its id */
    if (name[0] != '.' || strspn(id, "0123456789abcdef") != 16)
        return 0;
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++)
        if (!strcmp(id + 16, ENDS[i]))
            return 1;
    return 0;
}

static const char *strangers(struct ctx *c, const char *dir)
{
    DIR *d = opendir(dir);
    const char *fault = NULL;
    for (struct dirent *f; d && (f = readdir(d));)
        if (is_left_over(f->d_name))
            left_over++;
        else if (c->s->owns && !strcmp(f->d_name, ".tocsin.owners"))
            continue;
        else if (strcmp(f->d_name, ".") && strcmp(f->d_name, "..") && strcmp(f->d_name, "folder")) {
            snprintf(c->page->fault, sizeof c->page->fault, "a file was left behind: %.100s", f->d_name);
            fault = c->page->fault;
        }
    closedir(d);
    return fault;
}

const char *bench_files(struct ctx *c)
{
    char path[700];
    struct stat root, folder;
    int rc = toc_unlink(c->path);
    if (rc < 0) {
        snprintf(c->page->fault, sizeof c->page->fault, "unlink in the end gave %d", rc);
        return c->page->fault;
    }
    snprintf(path, sizeof path, "%s/folder", c->dir);
    if (c->s->object && stat(c->dir, &root) == 0 && stat(path, &folder) == 0) {
        if ((folder.st_mode & 07777) != (root.st_mode & 07777)) {
            snprintf(c->page->fault, sizeof c->page->fault, "the folder has mode %o for ever, its parent %o",
                     folder.st_mode & 07777, root.st_mode & 07777);
            return c->page->fault;
        }
        const char *fault = strangers(c, path);
        if (fault)
            return fault;
    }
    return strangers(c, c->dir);
}

void bench_empty(const char *dir, int itself)
{
    DIR *d = opendir(dir);
    char path[1000];
    for (struct dirent *f; d && (f = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        if (strcmp(f->d_name, ".") && strcmp(f->d_name, "..") && unlink(path) < 0 && errno == EISDIR)
            bench_empty(path, 1);
    }
    if (d)
        closedir(d);
    if (itself)
        rmdir(dir);
}

static uint64_t mix(uint64_t sum, const void *data, size_t size)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ p[i]) * 1099511628211u;
    return sum;
}

static uint64_t files_signature(const char *dir)
{
    DIR *d = opendir(dir);
    uint64_t sum = 0;
    for (struct dirent *f; d && (f = readdir(d));) {
        char path[1000];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..") || lstat(path, &st) < 0)
            continue;
        uint64_t one = mix(14695981039346656037u, &st.st_mode, sizeof st.st_mode);
        one = mix(one, &st.st_nlink, sizeof st.st_nlink);
        for (const char *n = f->d_name; *n; n++) /* the random id is not part of it */
            if (strspn(n, "0123456789abcdef") < 16)
                one = mix(one, n, 1);
            else
                n += 15;
        sum += S_ISDIR(st.st_mode) ? mix(one, "/", 1) * 3 + files_signature(path) : one;
    }
    if (d)
        closedir(d);
    return sum;
}

uint64_t bench_signature(struct ctx *c)
{
    uint64_t sum = files_signature(c->dir);
    if (c->head) {
        uint64_t word = __atomic_load_n(&c->head->word, __ATOMIC_ACQUIRE) & (TOC_CLEAR1 * 16 - 1), stamped = __atomic_load_n(&c->head->bell_made_ns, __ATOMIC_ACQUIRE) > 0;
        uint64_t claim = __atomic_load_n(&c->head->claim, __ATOMIC_ACQUIRE), claimed = (claim >> 18 > 1) + (claim >> 18 > 0);
        sum = mix(mix(mix(sum, &word, sizeof word), &stamped, sizeof stamped), &claimed, sizeof claimed);
    }
    return sum;
}
