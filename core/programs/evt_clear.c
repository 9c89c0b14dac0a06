/* evt_clear: clear an event, and make it first if there is none. */
#include "program.h"

int main(int argc, char **argv)
{
    struct program p = {
        .self = "evt_clear", .verb = "clear",
        .help = "  evt_clear ready            # who waits for \"ready\" from now on waits for the next evt_set\n"
                "\n"
                "usage: evt_clear [--at PLACE] [--mode OCTAL] NAME\n"
                "\n"
                "Clears the event NAME. It is made if there is none.\n",
    };
    toc_event *e;
    int rc, code = program_read(&p, argc, argv);
    if (code == PROGRAM_GO_ON)
        code = program_open(&p, &e);
    if (code != PROGRAM_GO_ON)
        return code;
    rc = toc_event_clear(e);
    return rc < 0 ? program_failed(&p, rc) : PROGRAM_OK;
}
