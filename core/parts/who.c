#include "who.h"

#include "../sys/atom.h"
#include "../sys/sys.h"
#include "../tocsin.h"

#define WHO_WORDS (sizeof(struct toc_who) / sizeof(uint64_t))

union who {
    struct toc_who is;
    uint64_t words[WHO_WORDS];
};

_Static_assert(sizeof((struct toc_who){0}.command) == TOC_COMMAND_MAX, "what tocsin.h promises");
_Static_assert(offsetof(struct toc_who, claim) == 0, "toc_who_last reads it");

static uint64_t *words_of(struct toc_head *head) { return (uint64_t *)((char *)head + TOC_WHO_AT); }

static uint64_t sum_of(const union who *who)
{
    uint64_t sum = 14695981039346656037ull; /* FNV-1a, a word at a time */
    for (size_t i = 0; i < WHO_WORDS; i++)
        if (i != offsetof(struct toc_who, sum) / sizeof(uint64_t))
            sum = (sum ^ who->words[i]) * 1099511628211ull;
    return sum;
}

void toc_who_write(struct toc_head *head, uint64_t claim, const char *command)
{
    union who who = {.is = {.claim = claim, .pid = sys_pid()}};
    if (command)
        while (who.is.length < TOC_COMMAND_MAX && command[who.is.length]) {
            who.is.command[who.is.length] = command[who.is.length];
            who.is.length++;
        }
    who.is.sum = sum_of(&who);
    for (size_t i = 0; i < WHO_WORDS; i++)
        atom_store_relax(&words_of(head)[i], who.words[i]);
}

bool toc_who_read(struct toc_head *head, uint64_t claim, uint64_t same, struct toc_who *out)
{
    union who who;
    for (size_t i = 0; i < WHO_WORDS; i++)
        who.words[i] = atom_load_relax(&words_of(head)[i]);
    *out = who.is;
    return who.is.sum == sum_of(&who) && who.is.length <= TOC_COMMAND_MAX && !((who.is.claim ^ claim) & same);
}

uint64_t toc_who_last(const struct toc_head *head) { return atom_load_relax((const uint64_t *)((const char *)head + TOC_WHO_AT)); }
