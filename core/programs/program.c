#define _GNU_SOURCE /* readlink, PATH_MAX */
#include "program.h"

#include "line.h"
#include "seconds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TOC_VERSION
#define TOC_VERSION "unknown"
#endif

static const char OPTIONS[] =
    "\n"
    "  --at PLACE    user (the default), system, a directory, or redis://HOST; else $TOCSIN_AT\n"
    "  --mode OCTAL  who may use it, as in chmod (0600): fixed when the event is made\n"
    "  --help        this text\n"
    "  --version     the version\n"
    "\n";
static const char EXITS[] = "Exit: 0 done, 1 timed out, 2 wrong usage, 3 could not be done.\n";

int program_complain(const struct program *p, int code, const char *what, const char *why, const char *mend)
{
    line_complain(p->self, what, why, mend);
    return code;
}

int program_wrong(const struct program *p, const char *what, const char *why)
{
    struct line mend = {0};
    line_say(&mend, "see ");
    line_say(&mend, p->self);
    line_say(&mend, " --help");
    return program_complain(p, PROGRAM_USAGE, what, why, mend.text);
}

static int print(const struct program *p, const char *a, const char *b, const char *c)
{
    int rc = line_write(1, a, strlen(a));
    if (rc == 0)
        rc = line_write(1, b, strlen(b));
    if (rc == 0)
        rc = line_write(1, c, strlen(c));
    return rc < 0 ? program_complain(p, PROGRAM_FAILED, NULL, "can't write to standard output", NULL) : PROGRAM_OK;
}

unsigned program_keep_standard_descriptors(void)
{
    unsigned closed = 0;
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        closed |= 1u << fd;
        if (open("/dev/null", O_RDWR) < 0)
            _exit(PROGRAM_FAILED);
    }
    return closed;
}

const char *program_place(const struct program *p)
{
    if (p->options.at)
        return p->options.at;
    const char *at = getenv("TOCSIN_AT");
    return at && *at ? at : "user";
}

/* The interpreter's side knows Redis. It is installed beside us; a copy of this program alone asks PATH. What was not in
 * our arguments is not in its: everybody may read those, and a place may have a password. */
static int hand_over(const struct program *p)
{
    char path[PATH_MAX + sizeof "tocsin"];
    char *args[12];
    int n = 0;
    args[n++] = "tocsin";
    args[n++] = (char *)p->verb;
    if (p->options.at) {
        args[n++] = "--at";
        args[n++] = (char *)p->options.at;
    }
    if (p->mode) {
        args[n++] = "--mode";
        args[n++] = (char *)p->mode;
    }
    if (p->timeout) {
        args[n++] = "--timeout";
        args[n++] = (char *)p->timeout;
    }
    args[n++] = "--";
    args[n++] = (char *)p->name;
    args[n] = NULL;

    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    if (length > 0) {
        path[length] = 0;
        strcpy(strrchr(path, '/') + 1, "tocsin");
        execv(path, args);
    }
    execvp("tocsin", args);
    return program_complain(p, PROGRAM_FAILED, p->name, "a place on a server needs the `tocsin` command, which is not here",
                    "pip install tocsin");
}

static int read_mode(const char *text, int *mode)
{
    int n = 0;
    *mode = 0;
    for (; text[n]; n++) {
        if (text[n] < '0' || text[n] > '7' || n == 5)
            return -1;
        *mode = *mode * 8 + (text[n] - '0');
    }
    return n && *mode <= 0777 && (*mode & 0600) == 0600 ? 0 : -1;
}

/* The value of `--at X` or `--at=X`, or NULL when the argument is something else. */
const char *program_value(const char *option, int argc, char **argv, int *i, int *missing)
{
    size_t n = strlen(option);
    if (strncmp(argv[*i], option, n))
        return NULL;
    if (argv[*i][n] == '=')
        return argv[*i] + n + 1;
    if (argv[*i][n])
        return NULL;
    *missing = *i + 1 >= argc;
    return *missing ? "" : argv[++*i];
}

static int argument(struct program *p, const char *text)
{
    if (!p->name)
        p->name = text;
    else if (p->takes_timeout && !p->timeout)
        p->timeout = text;
    else
        return program_wrong(p, text, "one argument too many");
    return PROGRAM_GO_ON;
}

/* After the name, "-1" and "-inf" are timeouts. */
static int is_negative_time(const struct program *p, const char *text)
{
    return p->takes_timeout && p->name && !p->timeout && text[0] == '-' && text[1] && text[1] != '-';
}

int program_option(struct program *p, int argc, char **argv, int *i, int *code)
{
    const char *got, *text = argv[*i];
    int missing = 0;
    *code = PROGRAM_GO_ON;
    if (!strcmp(text, "--help") || !strcmp(text, "-h"))
        *code = print(p, p->help, OPTIONS, p->exits ? p->exits : EXITS);
    else if (!strcmp(text, "--version"))
        *code = print(p, p->self, " (tocsin) " TOC_VERSION, "\n");
    else if ((got = program_value("--at", argc, argv, i, &missing)))
        p->options.at = got;
    else if ((got = program_value("--mode", argc, argv, i, &missing)))
        p->mode = got;
    else
        return PROGRAM_GO_ON;
    if (missing)
        *code = program_wrong(p, text, "this option needs a value");
    return 0;
}

static int read_arguments(struct program *p, int argc, char **argv)
{
    int code = PROGRAM_GO_ON, options = 1;
    for (int i = 1; i < argc && code == PROGRAM_GO_ON; i++) {
        if (!options || argv[i][0] != '-' || is_negative_time(p, argv[i]))
            code = argument(p, argv[i]);
        else if (!strcmp(argv[i], "--"))
            options = 0;
        else if (program_option(p, argc, argv, &i, &code))
            return program_wrong(p, argv[i], "there is no such option");
    }
    return code;
}

int program_check_name(const struct program *p)
{
    const char *fault = toc_name_fault(p->name);
    return fault ? program_wrong(p, p->name, fault) : PROGRAM_GO_ON;
}

int program_check(struct program *p)
{
    const char *fault;
    if (p->mode && read_mode(p->mode, &p->options.mode) < 0)
        return program_wrong(p, p->mode, "a mode is octal, 0600 to 0777, and its owner may always read and write");
    if (p->timeout && (fault = seconds_read(p->timeout, &p->timeout_ns)))
        return program_wrong(p, p->timeout, fault);
    return PROGRAM_GO_ON;
}

int program_is_elsewhere(const struct program *p)
{
    static const char *const SERVERS[] = {"redis://", "rediss://", "unix://"}; /* src/tocsin/_place.py has the same */
    for (size_t i = 0; i < sizeof SERVERS / sizeof *SERVERS; i++)
        if (!strncmp(program_place(p), SERVERS[i], strlen(SERVERS[i])))
            return 1;
    return 0;
}

int program_is_path(const struct program *p) { return p->name[0] == '/' || p->name[0] == '.'; }

int program_check_place(const struct program *p)
{
    const char *fault = toc_place_fault(p->options.at);
    return fault ? program_wrong(p, program_place(p), fault) : PROGRAM_GO_ON;
}

int program_read(struct program *p, int argc, char **argv)
{
    program_keep_standard_descriptors();
    p->options = TOC_DEFAULTS;
    int code = read_arguments(p, argc, argv);
    if (code != PROGRAM_GO_ON)
        return code;
    if (!p->name)
        return program_wrong(p, NULL, "which event? NAME is missing");
    code = program_check_name(p);
    if (code == PROGRAM_GO_ON)
        code = program_check(p);
    if (code != PROGRAM_GO_ON)
        return code;
    if (!program_is_elsewhere(p))
        return program_check_place(p);
    return program_is_path(p) ? PROGRAM_GO_ON : hand_over(p);
}

int program_open(const struct program *p, toc_event **e)
{
    int rc = toc_event_open(e, p->name, &p->options);
    return rc < 0 ? program_failed(p, rc) : PROGRAM_GO_ON;
}

static const char *mend_of(int rc)
{
    switch (-rc) {
    case EUCLEAN: return "look at it with `tocsin stat`, then remove the file";
    case EPROTO: return "use one version of tocsin, or remove it with `tocsin rm`";
    case EMEDIUMTYPE: return "choose another name, or see `tocsin ls`";
    case EIDRM: return "whoever removed it meant it: start again to make it anew";
    case EEXIST: return "leave --mode out, or give the mode that `tocsin stat` shows";
    case ENOENT: return "the directory of the place must be there: make it";
    case ENOTDIR: return "the place must be a directory";
    case ENOTUNIQ: return "give --mode with the mode that `tocsin stat` shows, if you trust its writers";
    case ELOOP: return "name the file that it points to";
    case EACCES: return "ask its owner for a --mode that lets you write";
    case EPERM: return "choose another place with --at, or see `tocsin doctor`";
    case EMFILE: case ENFILE: return "raise `ulimit -n`, or close something";
    case ENOSPC: return "make room in the file system of the place";
    case EROFS: return "choose another place with --at";
    case ENAMETOOLONG: return "choose a shorter place or name";
    default: return "see `tocsin doctor`";
    }
}

int program_failed(const struct program *p, int rc)
{
    struct line why = {0};
    if (rc == -ENOENT) { /* it would have been made: so it is not the object that is missing */
        line_say(&why, "there is no directory for it");
    } else {
        line_say(&why, toc_strerror(rc));
    }
    const char *at = program_place(p);
    if (!program_is_path(p)) {
        line_say(&why, ", at ");
        line_say_some(&why, at, 250);
    }
    return program_complain(p, p->failed ? p->failed : PROGRAM_FAILED, p->name, why.text, mend_of(rc));
}

void program_owner_died(const struct program *p, toc_event *e, const char *so)
{
    struct line why = {0};
    toc_owner_info owner;
    line_say(&why, "its owner died before it was set");
    if (toc_event_owner(e, &owner) == 1 && owner.pid) {
        line_say(&why, ": process ");
        line_say_number(&why, owner.pid);
        if (owner.command[0]) {
            line_say(&why, ", ");
            line_say(&why, owner.command);
        }
    }
    line_complain(p->self, p->name, why.text, so);
}
