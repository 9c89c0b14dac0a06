/* signal.c: a moment that every listener hears, once or added up. Floor 4.
 *
 * The word (parts/word.h) counts: bits 8 to 63 are how many signals ever were, BELL says that somebody listens, and
 * SET, SLEEPERS and CBELL are never on. A handle's cursor is the count that it has had. It is not shared: a
 * listener is nothing that others would have to know, or to tidy up after.
 *
 * A signal is one compare-and-swap, which counts and drops BELL. With BELL on, the bell is open from before it until
 * after it, and the close is the ring (bell.h): whoever armed before the swap is rung, by the kernel if the signaller
 * dies in between; whoever arms after it sees the count. Dropping BELL in a step of its own, after the ring, would drop
 * the bit of a listener who was rung and has armed anew, which does not change the word.
 *
 * All waits are by the bell, the blocking one too: in the futex, the count and the wake would have to be one system
 * call, which cannot say what the count was, and signal() returns it. */
#include "handle.h"

#include "../parts/word.h"
#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

#define TOC_SIGNAL_SIZE 4096u
#define ONE (1ull << 8)

struct toc_signal {
    struct toc_handle h;
    uint64_t cursor; /* the signals that this handle has had; its threads share it */
};

static uint64_t count_of(uint64_t w) { return w / ONE; }

static bool ready(const struct toc_handle *h, uint64_t word)
{
    return count_of(word) > atom_load_acq(&((const struct toc_signal *)h)->cursor);
}

static bool heard(const struct toc_handle *h, uint64_t word, uint64_t since)
{
    (void)since;
    return ready(h, word);
}

static const struct toc_kind SIGNAL = {TOC_KIND_SIGNAL, TOC_SIGNAL_SIZE, sizeof(struct toc_signal), ready, NULL};

static int begin(toc_signal **out, struct toc_handle *h, int replay)
{
    *out = (struct toc_signal *)h; /* its first member */
    uint64_t count = count_of(atom_load_acq(&h->o.head->word));
    (*out)->cursor = replay && count ? count - 1 : count;
    return 0;
}

int toc_signal_open(toc_signal **out, const char *name, const toc_options *options, int replay)
{
    struct toc_handle *h;
    int rc = toc_handle_open(&h, &SIGNAL, name, options);
    return rc < 0 ? rc : begin(out, h, replay);
}

int toc_signal_attach(toc_signal **out, int memory, int pipe, int replay)
{
    struct toc_handle *h;
    int rc = toc_handle_attach(&h, &SIGNAL, memory, pipe);
    return rc < 0 ? rc : begin(out, h, replay);
}

void toc_signal_free(toc_signal *s)
{
    if (s)
        toc_handle_free(&s->h);
}

int toc_signal_signal(toc_signal *s, uint64_t *sequence)
{
    int rc = toc_object_ready(&s->h.o);
    if (rc < 0)
        return rc;
    uint64_t *word = &s->h.o.head->word, w = atom_load_acq(word), after;
    struct toc_held ring = TOC_HELD_NONE;
    do {
        rc = w & TOC_REMOVED ? -EIDRM : 0;
        if (rc == 0 && (w & TOC_BELL) && ring.fd < 0)
            rc = toc_bell_open(&s->h.o.bell, &ring); /* before the change: if it fails, nothing has happened */
        if (rc < 0) {
            if (ring.fd >= 0)
                toc_bell_forget(&s->h.o.bell); /* its remover may have tidied up before we made it anew */
            toc_held_close(&ring);
            return rc;
        }
        after = (w & ~TOC_BELL) + ONE;
        TOC_STEP("signal.signal.before_change");
    } while (!atom_cas_acqrel(word, &w, after)); /* releases; pairs with the acquire of whoever counts */
    if (ring.fd >= 0) {
        TOC_STEP("signal.signal.before_close");
        if (atom_load_acq(word) & TOC_REMOVED)
            toc_bell_forget(&s->h.o.bell);
        toc_held_close(&ring); /* this is the ring */
    }
    if (sequence)
        *sequence = count_of(after);
    return 0;
}

int toc_signal_count(toc_signal *s, uint64_t *count)
{
    if (atom32_load_acq(&s->h.o.closed))
        return -ESHUTDOWN;
    *count = count_of(toc_handle_settle(&s->h, atom_load_acq(&s->h.o.head->word)));
    return 0;
}

/* Of two threads of a handle, each signal is one's. */
static int64_t take(struct toc_signal *s, uint64_t word)
{
    uint64_t count = count_of(word), had = atom_load_acq(&s->cursor);
    while (count > had)
        if (atom_cas_acqrel(&s->cursor, &had, count))
            return (int64_t)(count - had);
    return 0;
}

int64_t toc_signal_wait(toc_signal *s, int64_t deadline)
{
    int rc = toc_object_ready(&s->h.o);
    while (rc >= 0) {
        uint64_t w = atom_load_acq(&s->h.o.head->word);
        if ((rc = toc_handle_verdict(&s->h, w)) < 0)
            break;
        int64_t n = take(s, w);
        if (n == 0 && deadline != 0 && (deadline == TOC_FOREVER || deadline > sys_now())) {
            rc = toc_handle_await(&s->h, TOC_BELL, heard, 0, deadline);
            continue;
        }
        /* Had or not there, so the descriptor must not stay readable from it. */
        w = toc_handle_looked(&s->h, w);
        return n ? n : take(s, w);
    }
    return rc;
}
