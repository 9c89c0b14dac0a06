/* kernel.c: the verbs of core/sys/sys.h on a small kernel in memory.
 *
 * FIFOs and epolls follow fs/pipe.c and fs/eventpoll.c: a close while there are readers and no writers is an
 * edge, also the close of the dead. Where the kernel gives more edges than tocsin builds on (an open for
 * writing, wake_up_partner), this one gives none.
 */
#include "sim.h"

#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES 96
#define OPENS 128
#define NAMES 48
#define DESCRIPTORS 48
#define PIPE 4 /* bytes */

enum kind { FILE_ = 1, DIRECTORY, FIFO, EPOLL };

struct node {
    enum kind kind;
    uint32_t mode, links;
    int bytes, readers, writers;
    uint32_t written; /* how many writers ever came: pipe->w_counter */
    int locked_by;    /* an open file, or 0 */
    char *data;
    size_t size;
    int watched; /* an epoll's one open file, or 0 */
    bool pending;
};

struct opened {
    int node, users;
    bool write, read;
    uint32_t written; /* filp->f_pipe: what it had seen of `written` */
};

static struct node nodes[NODES];
static struct opened opens[OPENS];
static struct { char path[200]; int node; } names[NAMES];
static int table[SIM_PROCESSES][DESCRIPTORS]; /* an open file, or 0 */
static struct { bool locked; char wait; } gates[SIM_PROCESSES];
static int node_count, name_count;

/* -- the heap: a run that kills leaves its memory behind, so the next one begins with a new heap */

static char heap[1 << 20] __attribute__((aligned(4096)));
static size_t heap_used;

void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *at);
char *__wrap_strdup(const char *text);

static void *get(size_t size, size_t align)
{
    heap_used = (heap_used + align - 1) / align * align;
    if (heap_used + size > sizeof heap)
        sim_fail("the simulated heap is too small");
    void *at = memset(heap + heap_used, 0, size);
    heap_used += size;
    return at;
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t *at = get(count * size + 16, 16);
    *at = count * size;
    return at + 2;
}

void __wrap_free(void *at)
{
    if (at)
        memset(at, 0xdd, ((size_t *)at)[-2]); /* whoever still uses it will notice */
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(__wrap_calloc(1, size), text, size);
}

/* -- nodes and descriptors */

static int name_node(const char *path, int node)
{
    if (name_count == NAMES)
        sim_fail("too many names");
    snprintf(names[name_count].path, sizeof names[0].path, "%s", path);
    names[name_count++].node = node;
    nodes[node].links++;
    return 0;
}

static int new_node(enum kind kind, uint32_t mode)
{
    if (++node_count == NODES)
        sim_fail("too many nodes");
    nodes[node_count] = (struct node){.kind = kind, .mode = mode};
    return node_count;
}

void kernel_reset(void)
{
    sim_handle_reset();
    node_count = name_count = 0;
    heap_used = 0;
    memset(opens, 0, sizeof opens);
    memset(table, 0, sizeof table);
    memset(gates, 0, sizeof gates);
    name_node("/sim", new_node(DIRECTORY, 0700));
    name_node("/dev/shm", new_node(DIRECTORY, 01777));
}

static int find(const char *path, int *slot)
{
    char plain[200];
    size_t n = (size_t)snprintf(plain, sizeof plain, "%s", path);
    if (n >= sizeof plain)
        return -ENAMETOOLONG;
    if (n > 2 && !strcmp(plain + n - 2, "/."))
        plain[n -= 2] = 0;
    while (n > 1 && plain[n - 1] == '/')
        plain[--n] = 0;
    for (int i = 0; i < name_count; i++)
        if (!strcmp(names[i].path, plain)) {
            if (slot)
                *slot = i;
            return names[i].node;
        }
    return -ENOENT;
}

static int describe(int node, struct sys_file *out)
{
    const struct node *n = &nodes[node];
    *out = (struct sys_file){.dev = 1, .ino = (uint64_t)node, .size = n->size, .mode = n->mode, .uid = 1000,
                             .links = n->links, .regular = n->kind == FILE_, .directory = n->kind == DIRECTORY};
    return 0;
}

static int number(int opened)
{
    int *mine = table[sim_process()];
    for (int fd = 3; fd < DESCRIPTORS; fd++)
        if (!mine[fd]) {
            mine[fd] = opened;
            opens[opened].users++;
            return fd;
        }
    return -EMFILE;
}

static struct opened *of(int fd)
{
    int o = fd < 0 || fd >= DESCRIPTORS ? 0 : table[sim_process()][fd];
    if (!o)
        sim_fail("descriptor %d of process %d is not open", fd, sim_process());
    return &opens[o];
}

static int open_node(int node, bool read, bool write)
{
    struct node *n = &nodes[node];
    for (int o = 1; o < OPENS; o++)
        if (!opens[o].users) {
            opens[o] = (struct opened){.node = node, .read = read, .write = write};
            if (n->kind == FIFO) {
                n->readers += read;
                n->writers += write;
                n->written += write;
                opens[o].written = n->writers ? 0 : n->written;
            }
            return number(o);
        }
    sim_fail("too many open files");
}

/* -- FIFOs and epolls */

static bool readable(int opened)
{
    const struct node *n = &nodes[opens[opened].node];
    return n->bytes || (!n->writers && n->written != opens[opened].written); /* EPOLLIN, EPOLLHUP */
}

static void edge(int fifo)
{
    for (int i = 1; i <= node_count; i++)
        if (nodes[i].kind == EPOLL && nodes[i].watched && opens[nodes[i].watched].node == fifo) {
            nodes[i].pending = true;
            sim_wake(&nodes[i], 1);
        }
}

static void let_go(int opened)
{
    struct opened *o = &opens[opened];
    if (--o->users)
        return;
    struct node *n = &nodes[o->node];
    if (n->locked_by == opened)
        n->locked_by = 0;
    for (int i = 1; i <= node_count; i++)
        if (nodes[i].kind == EPOLL && nodes[i].watched == opened)
            nodes[i].watched = 0;
    if (n->kind == EPOLL)
        n->watched = 0;
    if (n->kind != FIFO)
        return;
    n->readers -= o->read;
    n->writers -= o->write;
    if (!n->readers != !n->writers) /* pipe_release: readers, but no writers: any close is an edge */
        edge(o->node);
    if (!n->readers && !n->writers)
        n->bytes = 0;
}

int sys_close(int fd)
{
    toc_sim_point();
    of(fd);
    int o = table[sim_process()][fd];
    table[sim_process()][fd] = 0;
    sim_say("close %d", fd);
    let_go(o);
    return 0;
}

void kernel_close_all(int process)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (table[process][fd]) {
            toc_sim_point();
            int o = table[process][fd];
            table[process][fd] = 0;
            let_go(o);
        }
}

int kernel_give(int from, int fd, int to)
{
    int before = sim_process(), opened = table[from][fd];
    sim_as(to);
    int result = number(opened);
    sim_as(before);
    return result;
}

int kernel_writers(void)
{
    int n = 0;
    for (int p = 0; p < SIM_PROCESSES; p++)
        for (int fd = 0; fd < DESCRIPTORS; fd++)
            n += table[p][fd] && opens[table[p][fd]].write && nodes[opens[table[p][fd]].node].kind == FIFO;
    return n;
}

void kernel_fill_pipes(void)
{
    for (int i = 1; i <= node_count; i++)
        if (nodes[i].kind == FIFO)
            nodes[i].bytes = PIPE;
}

int sys_fifo_make(const char *path, uint32_t mode)
{
    toc_sim_point();
    sim_say("mkfifo %s", path);
    return find(path, NULL) >= 0 ? -EEXIST : name_node(path, new_node(FIFO, mode));
}

static int open_fifo(const char *path, bool write)
{
    toc_sim_point();
    int node, fd;
    if (sscanf(path, "/proc/self/fd/%d", &fd) == 1)
        node = of(fd)->node;
    else
        node = find(path, NULL);
    fd = node < 0 ? node : nodes[node].kind != FIFO ? -EUCLEAN : open_node(node, true, write);
    sim_say("open the bell%s: %d", write ? " to write" : "", fd);
    return fd;
}

int sys_open_ring(const char *path, bool follow) { (void)follow; return open_fifo(path, true); }
int sys_open_ear(const char *path, bool follow) { (void)follow; return open_fifo(path, false); }

int sys_write_byte(int fd)
{
    toc_sim_point();
    struct opened *o = of(fd);
    struct node *n = &nodes[o->node];
    sim_say("write to %d, %d bytes before", fd, n->bytes);
    if (n->bytes == PIPE)
        return -EAGAIN;
    n->bytes++;
    edge(o->node);
    return 0;
}

int sys_has_byte(int fd)
{
    toc_sim_point();
    return nodes[of(fd)->node].bytes > 0;
}

void sys_pipe_small(int fd) { (void)fd; }

int sys_pipe(int *reader)
{
    int node = new_node(FIFO, 0600);
    *reader = open_node(node, true, false);
    nodes[node].written = 1; /* its writer has come and gone */
    return *reader < 0 ? *reader : 0;
}

int sys_epoll(void) { return open_node(new_node(EPOLL, 0), false, false); }

static struct node *epoll_of(int fd)
{
    struct node *n = &nodes[of(fd)->node];
    if (n->kind != EPOLL)
        sim_fail("descriptor %d is not an epoll", fd);
    return n;
}

static int raise_edge(struct node *epoll)
{
    if (readable(epoll->watched)) {
        epoll->pending = true;
        sim_wake(epoll, 1);
    }
    return 0;
}

int sys_epoll_add(int epoll, int fd)
{
    toc_sim_point();
    struct node *n = epoll_of(epoll);
    if (n->watched)
        return -EEXIST;
    of(fd);
    n->watched = table[sim_process()][fd];
    return raise_edge(n);
}

int sys_epoll_again(int epoll, int fd)
{
    toc_sim_point();
    struct node *n = epoll_of(epoll);
    of(fd);
    return n->watched == table[sim_process()][fd] ? raise_edge(n) : -ENOENT;
}

int sys_epoll_drop(int epoll, int fd)
{
    toc_sim_point();
    struct node *n = epoll_of(epoll);
    of(fd);
    n->watched = 0;
    n->pending = false;
    return 0;
}

/* An item that became unreadable leaves the ready list when somebody looks (ep_send_events, ep_item_poll). */
static bool look(struct node *n)
{
    return n->pending = n->pending && n->watched && readable(n->watched);
}

static int await(int epoll, int64_t deadline, bool consume)
{
    for (;;) {
        toc_sim_point();
        struct node *n = epoll_of(epoll);
        if (look(n)) {
            n->pending = !consume;
            sim_say("an edge%s", consume ? ", consumed" : "");
            return 1;
        }
        if (deadline != SYS_FOREVER && deadline <= sim_clock())
            return 0;
        if (sim_spurious())
            return -EINTR;
        sim_say("sleeps on the bell");
        sim_sleep(n, 1, deadline == SYS_FOREVER ? INT64_MAX : deadline);
        sim_say("wakes");
    }
}

int sys_epoll_wait(int epoll, int64_t deadline) { return await(epoll, deadline, true); }
int kernel_poll(int epoll) { return await(epoll, SYS_FOREVER, false); }

/* -- futex */

int sys_futex_wait(uint64_t *word, uint32_t value, uint32_t mask, int64_t deadline)
{
    toc_sim_point();
    if ((uint32_t)*word != value)
        return -EAGAIN;
    if (sim_spurious())
        return sim_random() & 1 ? -EINTR : 0;
    sim_say("sleeps in the futex, word %llx", (unsigned long long)*word);
    bool woken = sim_sleep(word, mask, deadline == SYS_FOREVER ? INT64_MAX : deadline);
    sim_say("wakes");
    return woken ? 0 : -ETIMEDOUT;
}

int sys_futex_or_wake(uint64_t *word, uint32_t bits)
{
    toc_sim_point();
    *word |= bits;
    sim_say("puts %x in and wakes all, word %llx", bits, (unsigned long long)*word);
    return sim_wake(word, ~0u);
}

int sys_futex_wake_mask(uint64_t *word, uint32_t mask)
{
    toc_sim_point();
    return sim_wake(word, mask);
}

/* -- files */

int sys_stat(const char *path, struct sys_file *out)
{
    toc_sim_point();
    int node = find(path, NULL);
    return node < 0 ? node : describe(node, out);
}

int sys_fstat(int fd, struct sys_file *out)
{
    toc_sim_point();
    return describe(of(fd)->node, out);
}

int sys_open(const char *path, bool write)
{
    toc_sim_point();
    int node = find(path, NULL);
    return node < 0 ? node : nodes[node].kind == DIRECTORY ? -EISDIR : open_node(node, true, write);
}

int sys_create(const char *dir, const char *hidden, uint32_t mode, bool *named)
{
    (void)hidden;
    toc_sim_point();
    *named = false;
    return find(dir, NULL) < 0 ? -ENOENT : open_node(new_node(FILE_, mode), true, true);
}

int sys_name(int fd, const char *hidden, bool named, const char *path)
{
    (void)hidden, (void)named;
    toc_sim_point();
    sim_say("gives a new file its name");
    return find(path, NULL) >= 0 ? -EEXIST : name_node(path, of(fd)->node);
}

int sys_allocate(int fd, size_t size)
{
    struct node *n = &nodes[of(fd)->node];
    n->data = get(size, 64);
    n->size = size;
    return 0;
}

int sys_memory(void) { return open_node(new_node(FILE_, 0600), true, true); }
int sys_extend(int fd, size_t size) { return sys_allocate(fd, size); }

void *sys_map(int fd, size_t size, bool write, int *error)
{
    struct node *n = &nodes[of(fd)->node];
    (void)write;
    *error = size > n->size ? -EINVAL : 0;
    return *error ? NULL : n->data;
}

void sys_unmap(void *at, size_t size) { (void)at, (void)size; }

int sys_unlink(const char *path)
{
    int slot;
    toc_sim_point();
    int node = find(path, &slot);
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
    int node = find(from, NULL);
    sim_say("link %s", to);
    return node < 0 ? node : find(to, NULL) >= 0 ? -EEXIST : name_node(to, node);
}

int sys_chmod(const char *path, uint32_t mode)
{
    toc_sim_point();
    int node = find(path, NULL);
    if (node < 0)
        return node;
    nodes[node].mode = mode;
    return 0;
}

int sys_mkdir(const char *path, uint32_t mode)
{
    toc_sim_point();
    return find(path, NULL) >= 0 ? -EEXIST : name_node(path, new_node(DIRECTORY, mode));
}

int sys_rmdir(const char *path) { return sys_unlink(path); }

int sys_rename_new(const char *from, const char *to)
{
    int slot;
    toc_sim_point();
    if (find(to, NULL) >= 0)
        return -EEXIST;
    if (find(from, &slot) < 0)
        return -ENOENT;
    snprintf(names[slot].path, sizeof names[0].path, "%s", to);
    return 0;
}

int sys_lock(int fd)
{
    for (int i = 0; i < 100; i++) {
        toc_sim_point();
        struct node *n = &nodes[of(fd)->node];
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

/* -- this process */

int64_t sys_now(void) { return sim_clock(); }
int64_t sys_now_coarse(void) { return sim_clock(); }
int64_t sys_wall(void) { return sim_clock(); }
void sys_nap(int64_t ns) { sim_sleep(NULL, 0, sim_clock() + ns); }
uint32_t sys_uid(void) { return 1000; }

int sys_random(void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] = (unsigned char)sim_random();
    return 0;
}

void sys_at_fork(void (*child)(void)) { (void)child; }

void sys_enter(struct sys_mask *saved)
{
    (void)saved;
    if (sim_is_alone())
        return;
    toc_sim_point();
    while (gates[sim_process()].locked)
        sim_sleep(&gates[sim_process()], 1, INT64_MAX);
    gates[sim_process()].locked = true;
}

void sys_leave(const struct sys_mask *saved)
{
    (void)saved;
    if (!gates[sim_process()].locked)
        return;
    toc_sim_point();
    gates[sim_process()].locked = false;
    sim_wake(&gates[sim_process()], 1);
}
