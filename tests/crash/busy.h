/* busy.h: the workers of random_kill, and the page on which each writes what it does at the moment.
 * worker.py knows this layout as well. */
#ifndef BUSY_H
#define BUSY_H

#include "bench.h"

#define SLOTS 18

enum role { SETTER, RINGER, OPENER, UNLINKER, CLEARING, SLEEPING, LISTENING, WAITING_CLEAR, THREADS, TASK, SHELL, ROLES };
enum phase { STARTING, PARKED, DEAD, WAIT_SET, WAIT_CLEAR, IN_SET, IN_CLEAR, IN_OPEN, IN_UNLINK, IN_FILENO, IN_FREE, BETWEEN, PHASES };

extern const char *const ROLE_NAMES[ROLES];
extern const char *const PHASE_NAMES[PHASES];

struct busy_page {
    uint32_t frozen;    /* 1: start nothing new */
    uint32_t unlinking; /* 1: the unlinker may remove the object in this round */
    struct busy_slot {
        int32_t pid;
        uint32_t phase;
    } slot[SLOTS];
};

_Noreturn void busy_main(struct busy_page *page, enum role role, int slot, const char *dir, uint64_t seed);
void busy_unpark(struct busy_page *page);

#endif
