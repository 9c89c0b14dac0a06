#include "short_lock.h"

#include "../sys/atom.h"
#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

/* A hold lasts 0.1 to 0.3 us, a sleep and a wake ten times that and more. On one shared processor this is lost, once. */
#define SPINS 60

static uint64_t mine(const struct toc_owner *me) { return me->id << 2; }

bool toc_short_try(uint64_t *lock, const struct toc_owner *me)
{
    uint64_t seen = 0;
    if (atom_cas_acqrel(lock, &seen, mine(me))) /* without a look before it, which would fetch the line once more */
        return true;
    for (int i = 0; i < SPINS; i++) {
        seen = 0;
        if (atom_load_relax(lock) == 0 && atom_cas_acqrel(lock, &seen, mine(me))) /* acquires; pairs with toc_short_give */
            return true;
        atom_pause();
    }
    return false;
}

int toc_short_take(uint64_t *lock, const struct toc_owner *me, int64_t deadline)
{
    if (toc_short_try(lock, me))
        return 0;
    int64_t patience = sys_now() + TOC_SHORT_PATIENCE_NS;
    for (;;) {
        uint64_t w = atom_load_acq(lock);
        if (w == 0) {
            /* CONTENDED, because others may sleep whom the last holder's wake did not reach. */
            if (atom_cas_acqrel(lock, &w, mine(me) | TOC_CONTENDED))
                return 0;
            continue;
        }
        if (!(w & TOC_CONTENDED)) {
            if (!atom_cas_acqrel(lock, &w, w | TOC_CONTENDED))
                continue;
            w |= TOC_CONTENDED;
        }
        TOC_STEP("short.take.before_sleep");
        int64_t until = deadline == SYS_FOREVER || deadline > patience ? patience : deadline;
        int rc = sys_futex_wait(lock, (uint32_t)w, ~0u, until);
        if (rc == -EINTR)
            return rc;
        int64_t now = sys_now();
        if (now >= patience) {
            w = atom_load_acq(lock);
            if (w && !toc_owner_lives(me, toc_short_holder(w)) && atom_cas_acqrel(lock, &w, mine(me) | TOC_CONTENDED))
                return 0;
            patience = now + TOC_SHORT_PATIENCE_NS;
        }
        if (deadline != SYS_FOREVER && now >= deadline)
            return -ETIMEDOUT;
    }
}

int toc_short_enter(uint64_t *lock, const struct toc_owner *me, int64_t deadline)
{
    if (toc_short_try(lock, me))
        return 0;
    int64_t least = sys_now() + TOC_SHORT_LEAST_NS;
    return toc_short_take(lock, me, deadline == SYS_FOREVER || deadline > least ? deadline : least);
}

void toc_short_give(uint64_t *lock)
{
    uint64_t was = atom_swap_acqrel(lock, 0); /* releases */
    TOC_STEP("short.give.before_wake");
    if (was & TOC_CONTENDED) /* killed before it: the sleepers look by themselves after 20 ms */
        sys_futex_wake(lock, 1);
}
