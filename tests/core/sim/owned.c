/* owned.c: who owns an event in a scenario, and whether two of them do. */
#include "owned.h"

#include "kernel.h"
#include "sim.h"

#include <errno.h>
#include <string.h>

static const char *roles; /* of the scenario, from its colon on */
/* What own returned 0 for: `made`, for good; `owns`, until it sets out to end it. `clears`: the 18 bits that a claim has. */
static struct { bool made, owns; uint64_t clears; } claims[SIM_PROCESSES];

void sim_owned_begin(const char *scenario)
{
    roles = strchr(scenario, ':');
    memset(claims, 0, sizeof claims);
}

bool sim_is_owner(char role) { return strchr("ODEY", role) != NULL; }
bool sim_owned(void) { return strpbrk(roles, "ODEY") != NULL; }

static void note(const toc_event *e)
{
    uint64_t clears = e->claimed & 0x3ffff;
    for (int p = 0; p < SIM_PROCESSES; p++)
        if (claims[p].owns && !sim_killed(p) && claims[p].clears == clears && !(e->h.o.head->word & 1))
            sim_fail("processes %d and %d both own it", p, sim_process());
    claims[sim_process()].owns = claims[sim_process()].made = true;
    claims[sim_process()].clears = clears;
}

int sim_play_owner(char role, toc_event *e)
{
    int rc = toc_event_own(e, "me");
    if (rc == -EBUSY || rc == -EALREADY)
        return 0;
    if (rc < 0)
        return rc;
    note(e);
    if (role == 'Y')
        return 0;
    claims[sim_process()].owns = false;
    if (role == 'E')
        toc_event_close(e);
    return role == 'O' ? toc_event_set(e) : role == 'D' ? toc_event_disown(e) : 0;
}

bool sim_was_left_behind(const toc_event *e)
{
    const struct toc_head *head = e->h.o.head;
    uint64_t w = head->word, id = head->claim >> 18;
    bool counts = (w & TOC_OWNED) != 0;
    for (int p = 0; p < SIM_PROCESSES; p++) /* own has returned, so that OWNED must not be missing */
        counts |= claims[p].made && sim_killed(p) && claims[p].clears == (head->claim & 0x3ffff);
    counts &= id && !(w & 1) && (head->claim & 0x3ffff) == (w >> 8 & 0x3ffff);
    return counts && (id == 1 || !kernel_has_lock(id));
}

bool sim_may_be_left_behind(void)
{
    int process = 0;
    for (const char *c = roles + 1; *c; c++) {
        process += *c != ' ' && (c[-1] == ' ' || c[-1] == ':');
        if (*c == 'E' || (sim_is_owner(*c) && sim_killed(process)))
            return true;
    }
    return strchr(roles, 'x') != NULL;
}

bool sim_only_owner_sets(void)
{
    const char *first = strpbrk(roles, "ODEY");
    return first && *first == 'O' && !strpbrk(first + 1, "ODEY") && !strpbrk(roles, "spqSox");
}
