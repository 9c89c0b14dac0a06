/* evt_set: set an event, make it first if there is none, and wake everyone who waits for it. */
#include "program.h"

int main(int argc, char **argv)
{
    struct program p = {
        .self = "evt_set", .verb = "set",
        .help = "  evt_set ready              # wake everyone who waits for \"ready\", now and later\n"
                "\n"
                "usage: evt_set [--at PLACE] [--mode OCTAL] NAME\n"
                "\n"
                "Sets the event NAME. It is made if there is none, and stays set until evt_clear.\n",
    };
    toc_event *e;
    int rc, code = program_read(&p, argc, argv);
    if (code == PROGRAM_GO_ON)
        code = program_open(&p, &e);
    if (code != PROGRAM_GO_ON)
        return code;
    rc = toc_event_set(e);
    return rc < 0 ? program_failed(&p, rc) : PROGRAM_OK;
}
