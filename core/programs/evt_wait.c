/* evt_wait: wait until an event is set, or was set and cleared again since. */
#include "program.h"

#include <errno.h>

int main(int argc, char **argv)
{
    int64_t begin = toc_now();
    struct program p = {
        .self = "evt_wait", .verb = "wait", .takes_timeout = 1, .timeout_ns = TOC_FOREVER,
        .exits = "Exit: 0 set, 1 timed out, 2 wrong usage, 3 could not be done, 4 its owner died before it was set.\n",
        .help = "  evt_wait ready 0                # is it set? exit 1: it is not\n"
                "  evt_wait ready && echo go &     # until somebody says: evt_set ready\n"
                "  evt_set ready\n"
                "  evt_wait ready 2.5              # the same, for 2.5 seconds at most\n"
                "\n"
                "usage: evt_wait [--at PLACE] [--mode OCTAL] NAME [TIMEOUT_S]\n"
                "\n"
                "Waits until the event NAME is set, and makes it if there is none. TIMEOUT_S is in seconds;\n"
                "0 and less look once, inf (the default) waits for ever. Exit 4: somebody had promised to set it\n"
                "(`tocsin run --sets`, Event.own()), and died.\n",
    };
    toc_event *e;
    int rc, code = program_read(&p, argc, argv);
    if (code == PROGRAM_GO_ON)
        code = program_open(&p, &e);
    if (code != PROGRAM_GO_ON)
        return code;
    uint64_t since = toc_event_clears(e); /* a pulse counts from here on */
    int64_t deadline = p.timeout_ns == TOC_FOREVER ? TOC_FOREVER : begin + p.timeout_ns;
    do
        rc = toc_event_wait(e, since, deadline);
    while (rc == -EINTR); /* stopped and continued: the same `since`, the same deadline */
    if (rc == -EOWNERDEAD) {
        program_owner_died(&p, e, NULL);
        return PROGRAM_OWNER_DIED;
    }
    if (rc < 0)
        return program_failed(&p, rc);
    return rc ? PROGRAM_OK : PROGRAM_TIMED_OUT;
}
