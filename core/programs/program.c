#define _GNU_SOURCE /* readlink, PATH_MAX */
#include "program.h"

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
    "  --at PLACE    user (the default), system, or a directory; else $TOCSIN_AT\n"
    "  --mode OCTAL  who may use it, as in chmod (0600): fixed when the event is made\n"
    "  --help        this text\n"
    "  --version     the version\n"
    "\n"
    "Exit: 0 done, 1 timed out, 2 wrong usage, 3 could not be done.\n";

struct line {
    size_t used;
    char text[1024];
};

/* Bytes of the printable character at `c`; 0: a control character, or no UTF-8. */
static size_t printable(const unsigned char *c)
{
    if (*c < 0x80)
        return *c >= ' ' && *c != 0x7f;
    size_t n = *c >= 0xf0 && *c < 0xf5 ? 4 : *c >= 0xe0 && *c < 0xf0 ? 3 : *c >= 0xc2 && *c < 0xe0 ? 2 : 0;
    for (size_t i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return *c == 0xc2 && c[1] < 0xa0 ? 0 : n;
}

/* At most `size` bytes of what the user typed, without what would disturb a terminal. */
static void say_some(struct line *l, const char *text, size_t size)
{
    size_t end = l->used + size;
    if (end > sizeof l->text - 1) /* one is kept for the newline */
        end = sizeof l->text - 1;
    while (*text) {
        size_t n = printable((const unsigned char *)text);
        if (l->used + n >= end)
            break;
        if (n)
            memcpy(l->text + l->used, text, n);
        else
            l->text[l->used] = '?';
        l->used += n ? n : 1;
        text += n ? n : 1;
    }
    if (*text && size < sizeof l->text)
        say_some(l, "...", sizeof l->text);
}

static void say(struct line *l, const char *text) { say_some(l, text, sizeof l->text); }

static int put(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

/* One write, so that the lines of programs that run side by side don't mix. */
static int complain(const struct program *p, int code, const char *what, const char *why, const char *mend)
{
    struct line l = {0};
    say(&l, p->self);
    say(&l, ": ");
    if (what) {
        say_some(&l, *what ? what : "''", 250);
        say(&l, ": ");
    }
    say(&l, why);
    if (mend) {
        say(&l, " (");
        say(&l, mend);
        say(&l, ")");
    }
    l.text[l.used++] = '\n';
    put(2, l.text, l.used);
    return code;
}

static int wrong(const struct program *p, const char *what, const char *why)
{
    struct line mend = {0};
    say(&mend, "see ");
    say(&mend, p->self);
    say(&mend, " --help");
    return complain(p, PROGRAM_USAGE, what, why, mend.text);
}

static int print(const struct program *p, const char *a, const char *b)
{
    int rc = put(1, a, strlen(a));
    if (rc == 0)
        rc = put(1, b, strlen(b));
    return rc < 0 ? complain(p, PROGRAM_FAILED, NULL, "can't write to standard output", NULL) : PROGRAM_OK;
}

/* If the caller closed 0, 1 or 2, the object's file would get that number, and our message would go into it. */
static void keep_standard_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            _exit(PROGRAM_FAILED);
}

static const char *place_of(const struct program *p)
{
    if (p->options.at)
        return p->options.at;
    const char *at = getenv("TOCSIN_AT");
    return at && *at ? at : "user";
}

/* The interpreter's side knows Redis. It is installed beside us; a copy of this program alone asks PATH. */
static int hand_over(const struct program *p)
{
    char path[PATH_MAX + sizeof "tocsin"];
    char *args[12];
    int n = 0;
    args[n++] = "tocsin";
    args[n++] = (char *)p->verb;
    args[n++] = "--at";
    args[n++] = (char *)place_of(p);
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
    return complain(p, PROGRAM_FAILED, place_of(p), "a place on another host needs the `tocsin` command, which is not here",
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
static const char *value(const char *option, int argc, char **argv, int *i, int *missing)
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
        return wrong(p, text, "one argument too many");
    return PROGRAM_GO_ON;
}

/* After the name, "-1" and "-inf" are timeouts. */
static int is_negative_time(const struct program *p, const char *text)
{
    return p->takes_timeout && p->name && !p->timeout && text[0] == '-' && text[1] && text[1] != '-';
}

static int read_arguments(struct program *p, int argc, char **argv)
{
    int code = PROGRAM_GO_ON, missing = 0, options = 1;
    for (int i = 1; i < argc && code == PROGRAM_GO_ON; i++) {
        const char *got, *text = argv[i];
        if (!options || text[0] != '-' || is_negative_time(p, text))
            code = argument(p, text);
        else if (!strcmp(text, "--"))
            options = 0;
        else if (!strcmp(text, "--help"))
            return print(p, p->help, OPTIONS);
        else if (!strcmp(text, "--version"))
            return print(p, p->self, " (tocsin) " TOC_VERSION "\n");
        else if ((got = value("--at", argc, argv, &i, &missing)))
            p->options.at = got;
        else if ((got = value("--mode", argc, argv, &i, &missing)))
            p->mode = got;
        else
            return wrong(p, text, "there is no such option");
        if (missing)
            return wrong(p, text, "this option needs a value");
    }
    return code;
}

int program_read(struct program *p, int argc, char **argv)
{
    const char *fault;
    keep_standard_descriptors();
    p->options = TOC_DEFAULTS;
    int code = read_arguments(p, argc, argv);
    if (code != PROGRAM_GO_ON)
        return code;
    if (!p->name)
        return wrong(p, NULL, "which event? NAME is missing");
    if ((fault = toc_name_fault(p->name)))
        return wrong(p, p->name, fault);
    if (p->mode && read_mode(p->mode, &p->options.mode) < 0)
        return wrong(p, p->mode, "a mode is octal, 0600 to 0777, and its owner may always read and write");
    if (p->timeout && (fault = seconds_read(p->timeout, &p->timeout_ns)))
        return wrong(p, p->timeout, fault);
    if (strstr(place_of(p), "://"))
        return hand_over(p);
    if ((fault = toc_place_fault(p->options.at)))
        return wrong(p, place_of(p), fault);
    return PROGRAM_GO_ON;
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
        say(&why, "there is no directory for it");
    } else {
        say(&why, toc_strerror(rc));
    }
    const char *at = place_of(p);
    if (p->name[0] != '/' && p->name[0] != '.') {
        say(&why, ", at ");
        say_some(&why, at, 250);
    }
    return complain(p, PROGRAM_FAILED, p->name, why.text, mend_of(rc));
}
