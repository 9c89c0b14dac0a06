/* kernel.c: the verbs of core/sys/sys.h on a small kernel in memory: its heap, nodes and descriptors, and this process. */
#include "kernel.h"

struct node nodes[NODES];
struct opened opens[OPENS];
struct name names[NAMES];
int table[SIM_PROCESSES][DESCRIPTORS];
int node_count, name_count;
static struct { bool locked; char wait; } gates[SIM_PROCESSES];

/* -- the heap: a run that kills leaves its memory behind, so the next one begins with a new heap */

static char heap[1 << 20] __attribute__((aligned(4096)));
static size_t heap_used;

void *heap_get(size_t size, size_t align)
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
    size_t *at = heap_get(count * size + 16, 16);
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

int name_node(const char *path, int node)
{
    if (name_count == NAMES)
        sim_fail("too many names");
    snprintf(names[name_count].path, sizeof names[0].path, "%s", path);
    names[name_count++].node = node;
    nodes[node].links++;
    return 0;
}

int new_node(enum kind kind, uint32_t mode)
{
    if (++node_count == NODES)
        sim_fail("too many nodes");
    nodes[node_count] = (struct node){.kind = kind, .mode = mode};
    return node_count;
}

void kernel_begin(void)
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

IN_PART void kernel_reset(void) { kernel_begin(); }

int node_of(const char *path, int *slot)
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

struct opened *opened_of(int fd)
{
    int o = fd < 0 || fd >= DESCRIPTORS ? 0 : table[sim_process()][fd];
    if (!o)
        sim_fail("descriptor %d of process %d is not open", fd, sim_process());
    return &opens[o];
}

int open_node(int node, bool read, bool write)
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

void let_go(int opened)
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
        bell_edge(o->node);
    if (!n->readers && !n->writers)
        n->bytes = 0;
}

IN_PART int sys_close(int fd)
{
    toc_sim_point();
    opened_of(fd);
    int o = table[sim_process()][fd];
    table[sim_process()][fd] = 0;
    sim_say("close %d", fd);
    let_go(o);
    return 0;
}

IN_PART void kernel_close_all(int process)
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

/* -- this process */

int64_t sys_now(void) { return sim_clock(); }
int64_t sys_now_coarse(void) { return sim_clock(); }
int64_t sys_wall(void) { return sim_clock(); }
void sys_nap(int64_t ns) { sim_sleep(NULL, 0, sim_clock() + ns); }
uint32_t sys_uid(void) { return 1000; }
uint32_t sys_pid(void) { return 100 + (uint32_t)sim_process(); }

int sys_random(void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] = (unsigned char)sim_random();
    return 0;
}

void sys_at_fork(void (*child)(void)) { (void)child; }

void sys_signals_hold(void) {}
void sys_signals_give(void) {}

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
