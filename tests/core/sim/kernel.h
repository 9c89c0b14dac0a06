/* kernel.h: what the simulated kernel is made of. kernel.c has its nodes and descriptors, kernel_bell.c what one waits on,
 * kernel_files.c the files, kernel_queue.c what only a queue needs. */
#ifndef KERNEL_H
#define KERNEL_H

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
/* kernel_queue.c, where it is linked in, has the whole truth of these. */
#define IN_PART __attribute__((weak))

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

extern struct node nodes[NODES];
extern struct opened opens[OPENS];
extern struct name { char path[200]; int node; } names[NAMES];
extern int table[SIM_PROCESSES][DESCRIPTORS]; /* an open file, or 0 */
extern int node_count, name_count;

void *heap_get(size_t size, size_t align); /* zeros, of this run */
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *at);
char *__wrap_strdup(const char *text);
int new_node(enum kind kind, uint32_t mode);
int name_node(const char *path, int node);
int node_of(const char *path, int *slot); /* slot: NULL, or where its name is */
int open_node(int node, bool read, bool write);
struct opened *opened_of(int fd);
void let_go(int opened); /* one user less, and what the last one's close tells others */
void bell_edge(int fifo);
void kernel_begin(void); /* nothing is left of the run before */

#endif
