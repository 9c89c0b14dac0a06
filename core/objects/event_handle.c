/* event_handle.c: an event's handle: what all handles have (handle.h), and the looks that belong to events. */
#include "event.h"

#include <errno.h>

/* Set, or its owner is dead, or nobody can say: a wait then tells. */
static bool ready(const struct toc_handle *h, uint64_t word)
{
    return (word & TOC_SET) || toc_event_judge((struct toc_event *)(uintptr_t)h, word) != 0;
}

static const struct toc_kind EVENT = {TOC_KIND_EVENT, TOC_EVENT_SIZE, sizeof(struct toc_event), ready, toc_event_let_go};

static struct toc_event *begin(struct toc_handle *h, const toc_options *options)
{
    struct toc_event *e = (struct toc_event *)h; /* its first member */
    e->spin_ns = options ? options->spin_ns : 0;
    e->hand = (struct toc_held)TOC_HELD_NONE;
    return e;
}

int toc_event_open(toc_event **out, const char *name, const toc_options *options)
{
    struct toc_handle *h;
    int rc = toc_handle_open(&h, &EVENT, name, options);
    if (rc == 0)
        *out = begin(h, options);
    return rc;
}

int toc_event_attach(toc_event **out, int memory, int pipe)
{
    struct toc_handle *h;
    int rc = toc_handle_attach(&h, &EVENT, memory, pipe);
    if (rc == 0)
        *out = begin(h, NULL);
    return rc;
}

int toc_event_descriptors(const toc_event *e, int *memory, int *pipe) { return toc_descriptors(&e->h, memory, pipe); }
void toc_event_close(toc_event *e) { toc_close(&e->h); }
void toc_event_free(toc_event *e)
{
    if (e)
        toc_handle_free(&e->h);
}
int toc_event_check_name(toc_event *e) { return toc_check_name(&e->h); }
const char *toc_event_path(const toc_event *e) { return toc_handle_path(&e->h); }
int toc_event_stat(const toc_event *e, toc_stat *out) { return toc_handle_stat(&e->h, out); }
int toc_event_unlink(toc_event *e) { return toc_handle_unlink(&e->h); }
int toc_event_fileno(toc_event *e) { return toc_fileno(&e->h); }
int toc_event_listen(toc_event *e) { return toc_listen(&e->h); }
int64_t toc_event_look_again(toc_event *e) { return toc_look_again(&e->h); }
uint64_t toc_event_clears(const toc_event *e) { return toc_ticket(&e->h); }

static uint64_t look(struct toc_event *e) { return toc_handle_settle(&e->h, atom_load_acq(&e->h.o.head->word)); }

int toc_event_is_set(toc_event *e)
{
    if (atom32_load_acq(&e->h.o.closed))
        return -ESHUTDOWN;
    uint64_t w = look(e);
    if ((w & TOC_REMOVED) || atom32_load_acq(&e->h.o.gone))
        return -EIDRM;
    return w & TOC_SET ? 1 : 0;
}

int toc_event_generation(toc_event *e, uint64_t *out)
{
    if (atom32_load_acq(&e->h.o.closed))
        return -ESHUTDOWN;
    *out = word_generation(look(e)); /* a loop that compares generations must not spin on an edge of the past */
    return 0;
}

int toc_event_arm(toc_event *e, int for_clear, uint64_t *out)
{
    return toc_handle_arm(&e->h, for_clear ? TOC_CBELL : TOC_BELL, out);
}

int toc_event_arm_later(toc_event *e, uint64_t *out)
{
    uint64_t *word = &e->h.o.head->word;
    int rc = toc_object_ready(&e->h.o);
    if (rc < 0)
        return rc;
    do
        *out = atom_or_acqrel(word, TOC_BELL);
    while ((*out & TOC_SET) && !((*out = atom_or_acqrel(word, TOC_CBELL)) & TOC_SET));
    if ((rc = toc_handle_verdict(&e->h, *out)) == 0)
        rc = toc_event_judge(e, *out);
    return rc > 0 ? -EOWNERDEAD : rc;
}
