/* look.h: one look at any object, from outside. Floor 4; look.c and look_logs.c share it. It knows what the files of all kinds
 * say, and opens no handle.
 *
 * By read(2), never through a mapping: a file that its owner cuts short meanwhile is -EUCLEAN here, and not SIGBUS. Read only,
 * without a lock, an identity or a bell, so nothing is made, nobody is woken, and nobody waits for who looks. What is in a
 * file twice (the two copies of a state) is read between two looks at the word's count, as every reader does it. */
#ifndef TOC_LOOK_H
#define TOC_LOOK_H

#include "../tocsin.h"

#include <stddef.h>
#include <stdint.h>

/* All of it, or -EUCLEAN: the file ends before. */
int toc_look_read(int fd, void *out, size_t size, uint64_t offset);
/* What lies at `offset` for the even counts and `size` bytes further for the odd ones. *word: of that instant. */
int toc_look_present(int fd, uint64_t *word, void *out, size_t size, uint64_t offset);
/* The kinds that keep a log. */
uint64_t toc_look_log_size(uint32_t kind);
int toc_look_at_queue(int fd, toc_look *out);
int toc_look_at_topic(int fd, toc_look *out);

#endif
