/* kernel_bell.c: what one waits on: FIFOs, epolls, futexes.
 *
 * FIFOs and epolls follow fs/pipe.c and fs/eventpoll.c: a close while there are readers and no writers is an
 * edge, also the close of the dead. Where the kernel gives more edges than tocsin builds on (an open for
 * writing, wake_up_partner), this one gives none.
 */
#include "kernel.h"

/* -- FIFOs and epolls */

static bool readable(int opened)
{
    const struct node *n = &nodes[opens[opened].node];
    return n->bytes || (!n->writers && n->written != opens[opened].written); /* EPOLLIN, EPOLLHUP */
}

void bell_edge(int fifo)
{
    for (int i = 1; i <= node_count; i++)
        if (nodes[i].kind == EPOLL && nodes[i].watched && opens[nodes[i].watched].node == fifo) {
            nodes[i].pending = true;
            sim_wake(&nodes[i], 1);
        }
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
    return node_of(path, NULL) >= 0 ? -EEXIST : name_node(path, new_node(FIFO, mode));
}

static int open_fifo(const char *path, bool write)
{
    toc_sim_point();
    int node, fd;
    if (sscanf(path, "/proc/self/fd/%d", &fd) == 1)
        node = opened_of(fd)->node;
    else
        node = node_of(path, NULL);
    fd = node < 0 ? node : nodes[node].kind != FIFO ? -EUCLEAN : open_node(node, true, write);
    sim_say("open the bell%s: %d", write ? " to write" : "", fd);
    return fd;
}

int sys_open_ring(const char *path, bool follow) { (void)follow; return open_fifo(path, true); }
int sys_open_ear(const char *path, bool follow) { (void)follow; return open_fifo(path, false); }

int sys_write_byte(int fd)
{
    toc_sim_point();
    struct opened *o = opened_of(fd);
    struct node *n = &nodes[o->node];
    sim_say("write to %d, %d bytes before", fd, n->bytes);
    if (n->bytes == PIPE)
        return -EAGAIN;
    n->bytes++;
    bell_edge(o->node);
    return 0;
}

int sys_has_byte(int fd)
{
    toc_sim_point();
    return nodes[opened_of(fd)->node].bytes > 0;
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
    struct node *n = &nodes[opened_of(fd)->node];
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
    opened_of(fd);
    n->watched = table[sim_process()][fd];
    return raise_edge(n);
}

int sys_epoll_again(int epoll, int fd)
{
    toc_sim_point();
    struct node *n = epoll_of(epoll);
    opened_of(fd);
    return n->watched == table[sim_process()][fd] ? raise_edge(n) : -ENOENT;
}

int sys_epoll_drop(int epoll, int fd)
{
    toc_sim_point();
    struct node *n = epoll_of(epoll);
    opened_of(fd);
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
