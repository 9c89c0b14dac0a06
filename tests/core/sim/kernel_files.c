/* kernel_files.c: files and directories by name. */
#include "kernel.h"

static int describe(int node, struct sys_file *out)
{
    const struct node *n = &nodes[node];
    *out = (struct sys_file){.dev = 1, .ino = (uint64_t)node, .size = n->size, .mode = n->mode, .uid = 1000,
                             .links = n->links, .regular = n->kind == FILE_, .directory = n->kind == DIRECTORY};
    return 0;
}

int sys_stat(const char *path, struct sys_file *out)
{
    toc_sim_point();
    int node = node_of(path, NULL);
    return node < 0 ? node : describe(node, out);
}

int sys_fstat(int fd, struct sys_file *out)
{
    toc_sim_point();
    return describe(opened_of(fd)->node, out);
}

int sys_open(const char *path, bool write)
{
    toc_sim_point();
    int node = node_of(path, NULL);
    return node < 0 ? node : nodes[node].kind == DIRECTORY ? -EISDIR : open_node(node, true, write);
}

int sys_create(const char *dir, const char *hidden, uint32_t mode, bool *named)
{
    (void)hidden;
    toc_sim_point();
    *named = false;
    return node_of(dir, NULL) < 0 ? -ENOENT : open_node(new_node(FILE_, mode), true, true);
}

int sys_name(int fd, const char *hidden, bool named, const char *path)
{
    (void)hidden, (void)named;
    toc_sim_point();
    sim_say("gives a new file its name");
    return node_of(path, NULL) >= 0 ? -EEXIST : name_node(path, opened_of(fd)->node);
}

IN_PART int sys_allocate(int fd, size_t size)
{
    struct node *n = &nodes[opened_of(fd)->node];
    n->data = heap_get(size, 64);
    n->size = size;
    return 0;
}

IN_PART int sys_memory(void) { return open_node(new_node(FILE_, 0600), true, true); }
IN_PART int sys_extend(int fd, size_t size) { return sys_allocate(fd, size); }

void *sys_map(int fd, size_t size, bool write, int *error)
{
    struct node *n = &nodes[opened_of(fd)->node];
    (void)write;
    *error = size > n->size ? -EINVAL : 0;
    return *error ? NULL : n->data;
}

void sys_unmap(void *at, size_t size) { (void)at, (void)size; }

int sys_unlink(const char *path)
{
    int slot;
    toc_sim_point();
    int node = node_of(path, &slot);
    if (node < 0)
        return node;
    sim_say("unlink %s", path);
    nodes[node].links--;
    names[slot] = names[--name_count];
    return 0;
}

int sys_list(const char *directory, int (*each)(void *, const char *), void *context)
{
    (void)directory, (void)each, (void)context; /* nothing that is simulated has parts */
    return 0;
}

int sys_link(const char *from, const char *to)
{
    toc_sim_point();
    int node = node_of(from, NULL);
    sim_say("link %s", to);
    return node < 0 ? node : node_of(to, NULL) >= 0 ? -EEXIST : name_node(to, node);
}

int sys_chmod(const char *path, uint32_t mode)
{
    toc_sim_point();
    int node = node_of(path, NULL);
    if (node < 0)
        return node;
    nodes[node].mode = mode;
    return 0;
}

int sys_mkdir(const char *path, uint32_t mode)
{
    toc_sim_point();
    return node_of(path, NULL) >= 0 ? -EEXIST : name_node(path, new_node(DIRECTORY, mode));
}

int sys_rmdir(const char *path) { return sys_unlink(path); }

int sys_rename_new(const char *from, const char *to)
{
    int slot;
    toc_sim_point();
    if (node_of(to, NULL) >= 0)
        return -EEXIST;
    if (node_of(from, &slot) < 0)
        return -ENOENT;
    snprintf(names[slot].path, sizeof names[0].path, "%s", to);
    return 0;
}

int sys_lock(int fd)
{
    for (int i = 0; i < 100; i++) {
        toc_sim_point();
        struct node *n = &nodes[opened_of(fd)->node];
        if (!n->locked_by) {
            n->locked_by = table[sim_process()][fd];
            return 0;
        }
        sys_nap(10000000);
    }
    return -EBUSY;
}

int sys_may_remove(const char *dir, const struct sys_file *file) { (void)dir, (void)file; return 0; }
int sys_self_path(int fd, char out[64]) { return snprintf(out, 64, "/proc/self/fd/%d", fd) < 64 ? 0 : -1; }
int sys_working_dir(char *out, size_t size) { return snprintf(out, size, "/sim") < (int)size ? 0 : -ERANGE; }
const char *sys_env(const char *name) { (void)name; return NULL; }
