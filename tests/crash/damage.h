/* damage.h: a queue's files, one of which is damaged, and whoever finds it so. See queue_damage.c. */
#ifndef DAMAGE_H
#define DAMAGE_H

#include "bench.h"
#include "walk.h"

#include "objects/queue.h"

#define FILES 16
#define ITEMS 200
#define SIZE 300

extern struct image { /* of one file, as it was */
    char name[300];
    unsigned char *bytes;
    size_t size;
} image[FILES];
extern int images;
extern const char *dir;
extern long cases, opened, faults;
extern struct trial { /* in memory that all share */
    char fault[200];
    uint32_t came[ITEMS + 2], opened, passed;
} *page;

void damage_path(char path[900], const char *name);
void damage_tidy(int keep); /* keep: the images of all files, else none is left */
void damage_restore(void);
struct image *damage_image(const char *end); /* of the file whose name ends so */
void damage_flip(const char *end, size_t at, int bit);
void damage_fill(unsigned char bytes[SIZE], uint32_t n);
void damage_make(void);
/* A fresh process tries everything. `strange`: an item may come twice. */
void damage_judge(const char *what, size_t at, int bit, int strange);

#endif
