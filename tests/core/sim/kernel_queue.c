/* kernel_queue.c: the verbs that a queue needs beyond it: who lives, ranges of files, wakes by count.
 *
 * A lock belongs to a process and a file, and goes with the first close of any descriptor of that file in that process, also
 * the close of the dead (fs/locks.c, locks_remove_posix).
 */
#include "kernel.h"

#define LOCKS 64
#define FILE_ROOM (192u << 10) /* of a control file: what is mapped must not move when it grows */

static struct { int node, process; uint64_t id; } locks[LOCKS];
static int lock_count;
static int64_t died[SIM_PROCESSES]; /* when; 0: it lives */

void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size) { return __wrap_calloc(1, size); }

void *__wrap_realloc(void *at, size_t size)
{
    void *more = __wrap_calloc(1, size);
    if (at) {
        size_t had = ((size_t *)at)[-2];
        memcpy(more, at, had < size ? had : size);
        __wrap_free(at);
    }
    return more;
}

void kernel_reset(void)
{
    kernel_begin();
    lock_count = 0;
    memset(died, 0, sizeof died);
}

/* -- who lives */

static bool unlock(int process, int node)
{
    int before = lock_count;
    for (int i = 0; i < lock_count; i++)
        if (locks[i].process == process && locks[i].node == node)
            locks[i--] = locks[--lock_count];
    return lock_count < before;
}

int sys_close(int fd)
{
    toc_sim_point();
    int o = table[sim_process()][fd];
    opened_of(fd);
    table[sim_process()][fd] = 0;
    unlock(sim_process(), opens[o].node);
    let_go(o);
    return 0;
}

int64_t kernel_died(int process) { return died[process]; }

void kernel_close_all(int process)
{
    died[process] = sim_clock();
    /* First what each close does to the process's own locks, and after all of that, as task work, what it does to the open
     * file itself (exit_files, then exit_task_work, in kernel/exit.c). Others run in between. */
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (table[process][fd] && unlock(process, opens[table[process][fd]].node))
            toc_sim_point();
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (table[process][fd]) {
            toc_sim_point();
            int o = table[process][fd];
            table[process][fd] = 0;
            let_go(o);
        }
    sim_say("is gone");
}

int sys_owner_open(const char *path)
{
    toc_sim_point();
    int node = node_of(path, NULL);
    if (node < 0)
        name_node(path, node = new_node(FILE_, 0644));
    return open_node(node, true, false);
}

int sys_owner_lock(int fd, uint64_t id)
{
    toc_sim_point();
    if (lock_count == LOCKS)
        sim_fail("too many locks");
    opened_of(fd);
    locks[lock_count].node = opens[table[sim_process()][fd]].node;
    locks[lock_count].process = sim_process();
    locks[lock_count++].id = id;
    return 0;
}

bool kernel_has_lock(uint64_t id)
{
    for (int i = 0; i < lock_count; i++)
        if (locks[i].id == id)
            return true;
    return false;
}

int sys_owner_is_locked(int fd, uint64_t id)
{
    toc_sim_point();
    int node = opened_of(fd)->node;
    for (int i = 0; i < lock_count; i++)
        if (locks[i].node == node && locks[i].id == id)
            return 1;
    return 0;
}

/* -- wakes by count */

static uint64_t low_sum(uint64_t w, int32_t add) { return (w & ~0xffffffffull) | (uint32_t)((uint32_t)w + (uint32_t)add); }

int sys_futex_add_wake(uint64_t *word, int32_t add, int count)
{
    toc_sim_point();
    if (add < -2048 || add > 2047)
        sim_fail("FUTEX_OP takes 12 bits: %d", add);
    *word = low_sum(*word, add);
    int n = sim_wake_some(word, ~0u, count);
    sim_say("adds %d, wakes %d, word %llx", add, n, (unsigned long long)*word);
    return n;
}

int sys_futex_wake(uint64_t *word, int count)
{
    toc_sim_point();
    sim_say("wakes up to %d", count);
    return sim_wake_some(word, ~0u, count);
}

/* -- files that grow */

static int grow(int fd, uint64_t size)
{
    struct node *n = &nodes[opened_of(fd)->node];
    if (!n->data && size > FILE_ROOM)
        n->data = heap_get(size, 4096);
    else if (!n->data)
        n->data = heap_get(size >= 4 * 4096 ? size : FILE_ROOM, 4096); /* a part is allocated at once, a control file by and by */
    else if (size > FILE_ROOM && size > n->size)
        sim_fail("a file that is mapped grows beyond its room");
    n->size = size > n->size ? size : n->size;
    return 0;
}

int sys_allocate(int fd, size_t size) { toc_sim_point(); return grow(fd, size); }
int sys_extend(int fd, size_t size) { toc_sim_point(); return grow(fd, size); }
int sys_allocate_range(int fd, uint64_t offset, size_t size) { toc_sim_point(); return grow(fd, offset + size); }
int sys_memory(void) { return open_node(new_node(FILE_, 0600), true, true); }

int sys_open_part(const char *path, bool make, uint32_t mode)
{
    toc_sim_point();
    int node = node_of(path, NULL);
    if (node < 0 && !make)
        return node;
    if (node < 0)
        name_node(path, node = new_node(FILE_, mode));
    return open_node(node, true, true);
}

void *sys_map_range(int fd, uint64_t offset, size_t size, int *error)
{
    toc_sim_point();
    struct node *n = &nodes[opened_of(fd)->node];
    *error = offset + size > n->size ? -EINVAL : 0;
    return *error ? NULL : n->data + offset;
}

int sys_punch(int fd, uint64_t offset, size_t size)
{
    toc_sim_point();
    struct node *n = &nodes[opened_of(fd)->node];
    if (offset + size <= n->size)
        memset(n->data + offset, 0, size);
    return 0;
}

/* -- no power cuts, and no loops that select */
int sys_sync(int fd) { opened_of(fd); return 0; }
int sys_sync_dir(const char *path) { (void)path; return 0; }
int sys_boot_id(uint64_t *id) { *id = 1; return 0; }
int sys_timer(void) { return -ENFILE; }
int sys_timer_set(int timer, int64_t when) { (void)timer, (void)when; return 0; }
