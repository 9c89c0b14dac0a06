#include "place.h"

#include "../sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHM "/dev/shm"
#define SYSTEM_PREFIX "tocsin."

static int is_path(const char *name) { return name[0] == '/' || (name[0] == '.' && name[1] == '/'); }

static int allowed(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static const char *path_fault(const char *name)
{
    const char *leaf = strrchr(name, '/') + 1;
    if (!*leaf)
        return "a path must end in the name of a file";
    if (*leaf == '.')
        return "the last part of a path may not begin with '.': such files belong to other objects";
    return strlen(leaf) > TOC_NAME_MAX ? "the last part of a path is longer than 200 characters" : NULL;
}

const char *toc_name_fault(const char *name)
{
    if (!name || !*name)
        return "a name may not be empty";
    if (is_path(name))
        return path_fault(name);
    if (strlen(name) > TOC_NAME_MAX)
        return "a name may not be longer than 200 characters";
    for (const char *c = name; *c; c++) {
        int begins = c == name || c[-1] == '/';
        if (begins && (*c == '/' || *c == '.' || *c == '-'))
            return *c == '/' ? "a part between slashes may not be empty" : "a part of a name may not begin with '.' or '-'";
        if (*c != '/' && !allowed(*c))
            return "a name may contain A-Z a-z 0-9 . _ - and / only";
        if (*c == '/' && !c[1])
            return "a name may not end in '/'";
    }
    return NULL;
}

static const char *here(const char *at)
{
    if (!at) {
        at = sys_env("TOCSIN_AT");
        if (!at || !*at)
            at = "user";
    }
    return at;
}

/* Is `at` a server's scheme and then `mark`? A slip in a URL would else be the path of a directory. */
static int is_server(const char *at, const char *mark)
{
    static const char *const schemes[] = {"rediss", "redis", "unix"};
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(schemes[i]);
        if (!strncmp(at, schemes[i], length))
            return !strncmp(at + length, mark, strlen(mark));
    }
    return 0;
}

const char *toc_place_fault(const char *at)
{
    at = here(at);
    if (!strcmp(at, "user") || !strcmp(at, "system"))
        return NULL;
    if (strstr(at, "://"))
        return is_server(at, "://") ? "this place is on another host, and the C core knows one host only"
                                    : "a server's place begins with redis://, rediss:// or unix://";
    if (is_server(at, ":") || is_server(at, "//"))
        return "a server's place is redis://HOST, rediss://HOST or unix:///PATH (and a directory of such a name ./NAME/)";
    if (!strchr(at, '/'))
        return "a place is \"user\", \"system\", redis://HOST, or a directory, which contains a '/'";
    return NULL;
}

/* Appends to a path that is full at TOC_PATH_MAX. */
static int add(char path[TOC_PATH_MAX], const char *text)
{
    size_t have = strlen(path), more = strlen(text);
    if (have + more >= TOC_PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(path + have, text, more + 1);
    return 0;
}

static int add_absolute(char path[TOC_PATH_MAX], const char *text)
{
    int rc = 0;
    path[0] = 0;
    if (text[0] != '/') {
        rc = sys_working_dir(path, TOC_PATH_MAX);
        if (rc == 0 && strcmp(path, "/"))
            rc = add(path, "/");
        while (text[0] == '.' && text[1] == '/')
            for (text++; *text == '/'; text++) {}
    }
    return rc < 0 ? rc : add(path, text);
}

int toc_place_dir(char path[TOC_PATH_MAX], const char **prefix, const char *at)
{
    if (toc_place_fault(at))
        return -EINVAL;
    at = here(at);
    *prefix = "";
    path[0] = 0;
    if (!strcmp(at, "user")) {
        snprintf(path, TOC_PATH_MAX, SHM "/tocsin-%u", sys_uid());
        return 0;
    }
    if (!strcmp(at, "system")) {
        *prefix = SYSTEM_PREFIX;
        return add(path, SHM);
    }
    int rc = add_absolute(path, at);
    for (size_t n = strlen(path); rc == 0 && n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = 0;
    return rc;
}

int toc_place_resolve(struct toc_place *p, const char *at, const char *name)
{
    if (toc_name_fault(name))
        return -EINVAL;
    int rc;
    p->user = 0;
    if (is_path(name)) { /* it says itself where it is */
        rc = add_absolute(p->path, name);
        p->leaf = rc < 0 ? 0 : (size_t)(strrchr(p->path, '/') - p->path) + 1;
        p->root = p->leaf;
        return rc;
    }
    const char *prefix;
    rc = toc_place_dir(p->path, &prefix, at);
    if (rc < 0)
        return rc;
    p->user = !strcmp(here(at), "user");
    p->root = strlen(p->path);
    if ((rc = add(p->path, "/")) < 0 || (rc = add(p->path, prefix)) < 0)
        return rc;
    size_t begin = strlen(p->path);
    if ((rc = add(p->path, name)) < 0)
        return rc;
    if (*prefix) /* one shared directory without folders */
        for (char *c = p->path + begin; *c; c++)
            if (*c == '/')
                *c = '!';
    p->leaf = (size_t)(strrchr(p->path, '/') - p->path) + 1;
    return 0;
}

int toc_path(char path[TOC_PATH_MAX], const char *at, const char *name)
{
    struct toc_place p;
    int rc = toc_place_resolve(&p, at, name);
    if (rc == 0)
        memcpy(path, p.path, TOC_PATH_MAX);
    return rc;
}

/* A folder is made with its parent's permissions, so that a place which several users share stays shared; and it
 * has them before it has its name, or a kill in between would shut the others out for good. */
static int make_folder(const char *path, uint32_t mode)
{
    char hidden[TOC_PATH_MAX + 32];
    uint64_t id;
    int rc = sys_random(&id, sizeof id);
    if (rc < 0)
        return rc;
    size_t leaf = (size_t)(strrchr(path, '/') - path) + 1;
    snprintf(hidden, sizeof hidden, "%.*s.%016llx.new", (int)leaf, path, (unsigned long long)id);
    rc = sys_mkdir(hidden, 0700);
    if (rc < 0)
        return rc;
    rc = sys_chmod(hidden, mode);
    if (rc == 0)
        rc = sys_rename_new(hidden, path);
    if (rc < 0)
        sys_rmdir(hidden);
    return rc;
}

static int folder(const char *path, uint32_t mode)
{
    struct sys_file found;
    int rc = sys_stat(path, &found);
    if (rc == -ENOENT) {
        rc = make_folder(path, mode);
        if (rc != -EEXIST)
            return rc;
        rc = sys_stat(path, &found);
    }
    if (rc < 0)
        return rc;
    return found.directory ? 0 : found.symlink ? -ELOOP : -EMEDIUMTYPE;
}

int toc_place_check(const struct toc_place *p)
{
    char path[TOC_PATH_MAX];
    struct sys_file root;
    if (!p->user)
        return 0;
    memcpy(path, p->path, sizeof path);
    path[p->root] = 0;
    int rc = sys_stat(path, &root);
    if (rc < 0)
        return rc;
    return root.directory && root.uid == sys_uid() && !(root.mode & 077) ? 0 : -EPERM;
}

int toc_place_prepare(const struct toc_place *p)
{
    char path[TOC_PATH_MAX + 2];
    struct sys_file root;
    memcpy(path, p->path, p->root);
    path[p->root] = 0;
    int rc = p->user ? folder(path, 0700) : 0;
    if (rc < 0 || (rc = toc_place_check(p)) < 0)
        return rc;
    memcpy(path + p->root, "/.", 3); /* the place itself may be a symlink: the user chose it */
    rc = sys_stat(path, &root);
    if (rc < 0)
        return rc;
    for (size_t i = p->root + 1; i < p->leaf; i++)
        if (p->path[i] == '/') {
            memcpy(path + p->root, p->path + p->root, i - p->root);
            path[i] = 0;
            rc = folder(path, root.mode & 01777);
            if (rc < 0)
                return rc;
        }
    return 0;
}

int toc_place_is_private(const char *path)
{
    char dir[TOC_PATH_MAX];
    struct sys_file file;
    size_t n = (size_t)(strrchr(path, '/') - path);
    memcpy(dir, path, n);
    dir[n] = 0;
    return n && sys_stat(dir, &file) == 0 && file.directory && file.uid == sys_uid() && !(file.mode & 077);
}
