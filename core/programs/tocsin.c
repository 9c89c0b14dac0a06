/* tocsin: the command. `run` is done here, where a start costs what a C program costs, unless its place is on a server;
 * that, and every other verb, is the interpreter's, whose script pip puts beside us as `tocsin-verbs`. */
#define _GNU_SOURCE
#include "line.h"
#include "run.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define VERBS "tocsin-verbs"

static int hand_over(char **argv)
{
    char path[PATH_MAX + sizeof VERBS];
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    if (length > 0) {
        path[length] = 0;
        strcpy(strrchr(path, '/') + 1, VERBS);
        execv(path, argv);
    }
    execvp(VERBS, argv);
    line_complain("tocsin", argv[1], "this verb needs Python's half of tocsin, `" VERBS "`, which is neither beside this program nor on PATH",
                  "pip install tocsin; `tocsin run`, evt_set, evt_clear and evt_wait do without");
    return PROGRAM_FAILED;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "run"))
        return hand_over(argv);
    int code = run_main(argc - 1, argv + 1);
    if (code != RUN_ELSEWHERE)
        return code;
    hand_over(argv);
    return RUN_FAILED;
}
