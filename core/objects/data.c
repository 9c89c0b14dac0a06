/* data.c: a value that everyone sees change. Floor 4; data.h tells how it is stored, parts/change.h how a change becomes
 * true, and docs/design/signal.md why. */
#include "data.h"

#include "../parts/change.h"
#include "../parts/short_lock.h"
#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

/* Tries of a reader whom writers keep overtaking, before it takes their lock; and such rounds before it gives up. */
#define TRIES 100
#define ROUNDS 1000
#define LOCK_ROUND_NS 100000000ll /* then look whether the handle was closed */

static int present(uint64_t w) { return (int)(change_count(w) & 1); }

static uint64_t version_in(const struct toc_handle *h, uint64_t w)
{
    return atom_load_relax(&((const struct toc_data_file *)h->o.head)->slot[present(w)].version);
}

/* If the slot is being prepared by now, the word has moved on, and there is something newer than the cursor indeed. */
static bool ready(const struct toc_handle *h, uint64_t word)
{
    return version_in(h, word) > atom_load_acq(&((const struct toc_data *)h)->cursor);
}

static const struct toc_kind DATA = {TOC_KIND_DATA, sizeof(struct toc_data_file), sizeof(struct toc_data), ready, NULL};

static bool unmoved(const struct toc_data *d, uint64_t w, uint64_t version)
{
    atom_fence(); /* after the copy; pairs with the fence in toc_data_fill */
    return change_count(atom_load_acq(&d->h.o.head->word)) == change_count(w) && version_in(&d->h, w) == version;
}

static uint64_t version_now(const struct toc_data *d)
{
    uint64_t version = 0;
    for (int i = 0; i < ROUNDS; i++) { /* another one only when a commit came in between */
        uint64_t w = atom_load_acq(&d->h.o.head->word);
        version = version_in(&d->h, w);
        if (unmoved(d, w, version))
            break;
    }
    return version;
}

static int begin(toc_data **out, struct toc_handle *h, int replay)
{
    *out = (struct toc_data *)h; /* its first member */
    (*out)->cursor = replay ? 0 : version_now(*out);
    return 0;
}

int toc_data_open(toc_data **out, const char *name, const toc_options *options, int replay)
{
    struct toc_handle *h;
    int rc = toc_handle_open(&h, &DATA, name, options);
    return rc < 0 ? rc : begin(out, h, replay);
}

int toc_data_attach(toc_data **out, int memory, int pipe, int replay)
{
    struct toc_handle *h;
    int rc = toc_handle_attach(&h, &DATA, memory, pipe);
    return rc < 0 ? rc : begin(out, h, replay);
}

void toc_data_free(toc_data *d)
{
    if (d)
        toc_handle_free(&d->h);
}

/* -- the lock */

static int lock(struct toc_data *d, int64_t deadline)
{
    struct toc_owner *me;
    int rc = toc_handle_owner(&d->h, (uint64_t)sys_now_coarse(), &me);
    while (rc == 0) {
        int64_t round = sys_now() + LOCK_ROUND_NS;
        bool last = deadline != TOC_FOREVER && deadline <= round;
        rc = toc_short_take(&data_file(d)->lock, me, last ? deadline : round);
        if (rc != -ETIMEDOUT || last)
            break;
        rc = toc_handle_verdict(&d->h, atom_load_acq(&d->h.o.head->word));
    }
    return rc;
}

static void unlock(struct toc_data *d) { toc_short_give(&data_file(d)->lock); }

/* -- writing */

int toc_data_signal(toc_data *d, const void *data, size_t length, int64_t if_version, int64_t deadline, uint64_t *version)
{
    struct toc_data_file *f = data_file(d);
    int rc = toc_object_ready(&d->h.o);
    if (rc == 0 && length > TOC_MESSAGE_MAX)
        rc = -EMSGSIZE;
    if (rc < 0 || (rc = lock(d, deadline)) < 0)
        return rc;
    uint64_t w = atom_load_acq(&f->head.word);
    int old = present(w);
    uint64_t now = atom_load_relax(&f->slot[old].version);
    rc = w & TOC_REMOVED ? -EIDRM : if_version >= 0 && now != (uint64_t)if_version ? -ESTALE : 0;
    if (rc == 0)
        rc = toc_data_fill(d, !old, now + 1, data, length);
    if (rc == 0) {
        TOC_STEP("data.signal.before_commit");
        rc = toc_change_commit(&f->head, &d->h.o.bell, TOC_BELL, TOC_WAKE_ALL);
        TOC_STEP("data.signal.before_tidy");
        toc_data_tidy(d, rc < 0 ? !old : old);
    }
    unlock(d);
    if (version)
        *version = rc == 0 ? now + 1 : now;
    return rc;
}

/* -- reading */

/* -EAGAIN: a writer overtook us. */
static int copy_once(struct toc_data *d, void *buffer, size_t capacity, size_t *length, uint64_t *version)
{
    uint64_t w = atom_load_acq(&d->h.o.head->word);
    const struct toc_data_slot *shared = &data_file(d)->slot[present(w)];
    struct toc_data_slot seen = {
        .version = atom_load_relax(&shared->version), .length = atom_load_relax(&shared->length),
        .far = atom_load_relax(&shared->far), .file = atom_load_relax(&shared->file), .range = atom_load_relax(&shared->range),
    };
    if (!unmoved(d, w, seen.version))
        return -EAGAIN;
    if (seen.version == 0)
        return -ENODATA;
    int rc = toc_data_fault(d, &seen);
    if (rc < 0)
        return rc;
    *length = seen.length;
    *version = seen.version;
    if (seen.length > capacity)
        return -ENOBUFS;
    rc = toc_data_copy(d, present(w), &seen, buffer);
    return unmoved(d, w, seen.version) ? rc : -EAGAIN;
}

static int copy(struct toc_data *d, void *buffer, size_t capacity, size_t *length, uint64_t *version)
{
    for (int i = 0; i < ROUNDS; i++) {
        int rc = -EAGAIN;
        for (int j = 0; rc == -EAGAIN && j < TRIES; j++)
            rc = copy_once(d, buffer, capacity, length, version);
        if (rc != -EAGAIN)
            return rc;
        if (!d->h.o.writable) { /* no lock for who may only read */
            sys_nap(50000);
        } else if (lock(d, sys_now() + LOCK_ROUND_NS) == 0) { /* a holder who is stopped cannot overtake us, either */
            rc = copy_once(d, buffer, capacity, length, version);
            unlock(d);
            if (rc != -EAGAIN)
                return rc;
        }
    }
    return -EBUSY;
}

int toc_data_version(toc_data *d, uint64_t *version)
{
    if (atom32_load_acq(&d->h.o.closed))
        return -ESHUTDOWN;
    toc_handle_settle(&d->h, atom_load_acq(&d->h.o.head->word));
    *version = version_now(d);
    return 0;
}

int toc_data_latest(toc_data *d, void *buffer, size_t capacity, size_t *length, uint64_t *version)
{
    if (atom32_load_acq(&d->h.o.closed))
        return -ESHUTDOWN;
    uint64_t w = atom_load_acq(&d->h.o.head->word);
    if ((w & TOC_REMOVED) || atom32_load_acq(&d->h.o.gone))
        return -EIDRM;
    toc_handle_settle(&d->h, w);
    return copy(d, buffer, capacity, length, version);
}

/* 1: had. 0: nothing newer than the cursor, which a thread of ours may just have moved. */
static int take(struct toc_data *d, void *buffer, size_t capacity, size_t *length, uint64_t *version)
{
    uint64_t had = atom_load_acq(&d->cursor);
    for (int i = 0; i < ROUNDS && version_now(d) > had; i++) {
        int rc = copy(d, buffer, capacity, length, version);
        if (rc < 0)
            return rc;
        if (*version > had && atom_cas_acqrel(&d->cursor, &had, *version))
            return 1;
    }
    return 0;
}

int toc_data_wait(toc_data *d, void *buffer, size_t capacity, size_t *length, uint64_t *version, int64_t deadline)
{
    uint64_t *word = &d->h.o.head->word;
    int rc = toc_object_ready(&d->h.o);
    for (int slept = 0; rc == 0;) {
        uint64_t w = atom_load_acq(word);
        if ((rc = toc_handle_verdict(&d->h, w)) < 0)
            return rc;
        rc = ready(&d->h, w) ? take(d, buffer, capacity, length, version) : 0;
        if (rc == 1)
            toc_handle_looked(&d->h, w); /* had, so the descriptor must not stay readable from it */
        if (rc != 0)
            return rc;
        if (slept == -EINTR)
            return slept;
        int64_t now = sys_now();
        if (deadline != TOC_FOREVER && deadline <= now) {
            w = toc_handle_looked(&d->h, w);
            return ready(&d->h, w) ? take(d, buffer, capacity, length, version) : 0;
        }
        if (now >= toc_handle_next_look(&d->h)) {
            toc_object_check_name(&d->h.o);
            continue;
        }
        if (ready(&d->h, w) || (!(w & TOC_SLEEPERS) && !atom_cas_acqrel(word, &w, w | TOC_SLEEPERS | TOC_SLEPT)))
            continue;
        w |= TOC_SLEEPERS | TOC_SLEPT;
        TOC_STEP("data.wait.before_sleep");
        toc_object_enter(&d->h.o); /* before the last look at `closed`, or close would not know that it has to wake us */
        slept = toc_handle_verdict(&d->h, w);
        if (slept == 0)
            slept = sys_futex_wait(word, (uint32_t)w, d->h.o.mask, toc_handle_sleep_until(&d->h, deadline));
        toc_object_leave(&d->h.o);
    }
    return rc;
}
