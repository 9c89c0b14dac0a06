/* run.c: `tocsin run`: the call, the order of things, and the codes. */
#define _GNU_SOURCE
#include "run.h"

#include "line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char HELP[] =
    "  tocsin run --after a --after b -- echo both &   # starts when both are set\n"
    "  tocsin run --sets a -- true\n"
    "  tocsin run --sets b -- true\n"
    "\n"
    "usage: tocsin run [--after E]... [--sets E | --sets-always E] [--timeout S] [--at PLACE] -- COMMAND...\n"
    "\n"
    "Runs COMMAND when all events --after are set, and sets E when it ends with exit 0. The lines of a graph of\n"
    "jobs may be started in any order. From its start on it owns E, so whoever waits for E is told at once\n"
    "when COMMAND fails, or when it or this program dies. Signals, job control, terminal and exit code\n"
    "are COMMAND's.\n"
    "\n"
    "  --after E     start when E is set; may be repeated. E is made if there is none\n"
    "  --sets E      own E, and set it on exit 0. It is cleared first if it is still set\n"
    "  --sets-always E\n"
    "                the same on any end of COMMAND\n"
    "  --timeout S   seconds to wait for all --after; 0 looks once, inf (the default) waits for ever";
static const char EXITS[] =
    "Exit: COMMAND's, or its signal. 2 wrong usage, 123 an owner died before its event was set, 124 timed out,\n"
    "125 could not be done, 126 COMMAND can't be executed, 127 there is no COMMAND.\n";

struct job {
    struct program p;
    struct awaited *after;
    int afters;
    const char *sets;
    toc_event *e;      /* of `sets` */
    int always;        /* on any end */
    char **command;
    char line[TOC_COMMAND_MAX + 1]; /* the command in words, for people */
};

/* -- the call */

static int add_sets(struct job *j, const char *name, int always)
{
    if (j->sets)
        return program_wrong(&j->p, name, "one event is set by the end of a command; this is a second one");
    j->sets = name;
    j->always = always;
    return PROGRAM_GO_ON;
}

static int option(struct job *j, int argc, char **argv, int *i)
{
    const char *got, *text = argv[*i];
    int missing = 0, code = PROGRAM_GO_ON;
    if ((got = program_value("--after", argc, argv, i, &missing)))
        j->after[j->afters++] = (struct awaited){.name = got, .fd = -1};
    else if ((got = program_value("--timeout", argc, argv, i, &missing)))
        j->p.timeout = got;
    else if ((got = program_value("--sets", argc, argv, i, &missing)))
        code = missing ? code : add_sets(j, got, 0);
    else if ((got = program_value("--sets-always", argc, argv, i, &missing)))
        code = missing ? code : add_sets(j, got, 1);
    else if (program_option(&j->p, argc, argv, i, &code))
        code = program_wrong(&j->p, text, "there is no such option");
    return missing ? program_wrong(&j->p, text, "this option needs a value") : code;
}

/* Options end at the first word that is none, or behind --. What the command is called is in its `line`, cut to fit. */
static int read_call(struct job *j, int argc, char **argv)
{
    int i = 1, code = PROGRAM_GO_ON;
    for (; i < argc && argv[i][0] == '-' && code == PROGRAM_GO_ON; i++) {
        if (!strcmp(argv[i], "--")) {
            i++;
            break;
        }
        code = option(j, argc, argv, &i);
    }
    if (code != PROGRAM_GO_ON)
        return code;
    if (i >= argc)
        return program_wrong(&j->p, NULL, "which command? COMMAND is missing");
    j->command = argv + i;
    struct line words = {0};
    for (; i < argc && words.used <= TOC_COMMAND_MAX; i++) {
        if (words.used)
            line_say(&words, " ");
        line_say(&words, argv[i]);
    }
    memcpy(j->line, words.text, words.used < TOC_COMMAND_MAX ? words.used : TOC_COMMAND_MAX);
    return PROGRAM_GO_ON;
}

static int waits_for_itself(const struct job *j)
{
    char mine[TOC_PATH_MAX], other[TOC_PATH_MAX];
    if (!j->sets || toc_path(mine, j->p.options.at, j->sets) < 0)
        return PROGRAM_GO_ON;
    for (int i = 0; i < j->afters; i++)
        if (toc_path(other, j->p.options.at, j->after[i].name) == 0 && !strcmp(mine, other))
            return program_wrong(&j->p, j->sets, "it would wait for its own end: --after and --sets are one event");
    return PROGRAM_GO_ON;
}

/* Nothing is made before the whole call is right. */
static int check_call(struct job *j)
{
    int code = program_check(&j->p);
    for (int i = -1; i < j->afters && code == PROGRAM_GO_ON; i++) {
        j->p.name = i < 0 ? j->sets : j->after[i].name;
        if (j->p.name)
            code = program_check_name(&j->p);
    }
    if (code == PROGRAM_GO_ON && program_is_elsewhere(&j->p))
        return RUN_ELSEWHERE;
    if (code == PROGRAM_GO_ON)
        code = program_check_place(&j->p);
    return code == PROGRAM_GO_ON ? waits_for_itself(j) : code;
}

/* -- its events */

static int failed(struct job *j, const char *name, int rc)
{
    j->p.name = name;
    return program_failed(&j->p, rc);
}

/* All are there, and are looked at, before the first wait: a wrong one among them is said at once. */
static int open_after(struct job *j)
{
    for (int i = 0; i < j->afters; i++) {
        struct awaited *a = &j->after[i];
        int rc = toc_event_open(&a->e, a->name, &j->p.options);
        if (rc < 0)
            return failed(j, a->name, rc);
        a->since = toc_event_clears(a->e);
    }
    return PROGRAM_GO_ON;
}

static int is_owned(struct job *j)
{
    toc_owner_info owner;
    struct line why = {0};
    line_say(&why, "somebody else is about to set it");
    if (toc_event_owner(j->e, &owner) == 1 && owner.pid) {
        line_say(&why, ": process ");
        line_say_number(&why, owner.pid);
        line_say(&why, owner.command[0] ? ", " : "");
        line_say(&why, owner.command);
    }
    return program_complain(&j->p, RUN_FAILED, j->sets, why.text, "wait for its end, or choose another name");
}

/* Before the first wait, not at the start of the command: who dies while he waits is dead to those who wait for him. */
static int own(struct job *j)
{
    int rc;
    j->p.name = j->sets;
    rc = toc_event_open(&j->e, j->sets, &j->p.options);
    for (int tries = 0; rc == 0 && tries < 100; tries++) {
        rc = toc_event_own(j->e, j->line);
        if (rc != -EALREADY)
            break;
        rc = toc_event_clear(j->e); /* set by an earlier run */
    }
    if (rc == -EBUSY)
        return is_owned(j);
    return rc < 0 ? failed(j, j->sets, rc) : PROGRAM_GO_ON;
}

static int wait_for_all(struct job *j, int64_t begin)
{
    struct awaited *which;
    int64_t deadline = j->p.timeout_ns == TOC_FOREVER ? TOC_FOREVER : j->p.timeout_ns ? begin + j->p.timeout_ns : 0;
    int rc = run_wait(j->after, j->afters, deadline, &which);
    if (rc > 0)
        return PROGRAM_GO_ON;
    struct line so = {0};
    line_say_some(&so, j->line, 60);
    line_say(&so, " was not started");
    j->p.name = which->name;
    if (rc == 0)
        return program_complain(&j->p, RUN_TIMED_OUT, which->name, "not set in time", so.text);
    if (rc != -EOWNERDEAD)
        return program_failed(&j->p, rc);
    program_owner_died(&j->p, which->e, so.text);
    return RUN_OWNER_DIED;
}

/* -- its command */

static int not_started(struct job *j, int rc, int no_process)
{
    const char *why = "it can't be executed", *mend = NULL;
    int code = no_process ? RUN_FAILED : rc == -ENOENT ? RUN_NOT_FOUND : RUN_NOT_RUNNABLE;
    switch (-rc) {
    case ENOENT: why = "there is no such command"; break;
    case EACCES: why = "no permission to execute it"; mend = "chmod +x, if it is yours"; break;
    case E2BIG: why = "the arguments are longer than the kernel takes"; break;
    case EAGAIN: why = "no more processes may be started"; mend = "raise `ulimit -u`, or end something"; break;
    case ENOMEM: why = "no memory left"; break;
    case ETXTBSY: why = "it is being written at the moment"; break;
    default: break;
    }
    return program_complain(&j->p, code, j->command[0], why, mend);
}

/* Its end is what E says. A set that fails is said, but hides no end that is worse. */
static int run(struct job *j, unsigned closed)
{
    int no_process = 0, code = 0, status = run_child(j->command, closed, &no_process);
    if (status < 0)
        code = not_started(j, status, no_process);
    if (j->e && (j->always || status == 0)) {
        int rc = toc_event_set(j->e);
        if (rc < 0) {
            int unset = failed(j, j->sets, rc);
            if (status == 0)
                return unset;
        }
    }
    return status < 0 ? code : run_end_like(status);
}

int run_main(int argc, char **argv)
{
    int64_t begin = toc_now();
    struct job j = {.p = {.self = "tocsin run", .verb = "run", .help = HELP, .exits = EXITS, .failed = RUN_FAILED,
                          .timeout_ns = TOC_FOREVER, .options = TOC_DEFAULTS}};
    unsigned closed = program_keep_standard_descriptors();
    j.after = calloc((size_t)argc, sizeof *j.after);
    if (!j.after)
        return program_complain(&j.p, RUN_FAILED, NULL, "no memory left", NULL);
    int code = read_call(&j, argc, argv);
    if (code == PROGRAM_GO_ON)
        code = check_call(&j);
    if (code == PROGRAM_GO_ON && j.sets)
        code = own(&j);
    if (code == PROGRAM_GO_ON)
        code = open_after(&j);
    if (code == PROGRAM_GO_ON && j.afters)
        code = wait_for_all(&j, begin);
    if (code != PROGRAM_GO_ON)
        return code;
    for (int i = 0; i < j.afters; i++)
        toc_event_free(j.after[i].e);
    return run(&j, closed);
}
