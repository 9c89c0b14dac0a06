# cython: language_level=3, freethreading_compatible=True, binding=False
"""A child that can't outlive its parent unheard, started at the price of a vfork.

subprocess has no word for PR_SET_PDEATHSIG but `preexec_fn`, which makes it fork, and run Python in the child: four times
what the start of a small command costs otherwise.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdlib cimport free, malloc

cdef extern from *:
    """
    #include <errno.h>
    #include <signal.h>
    #include <sys/prctl.h>
    #include <sys/wait.h>
    #include <unistd.h>

    struct tocsin_child {
        char **argv, **env;
        int input, death, guard;
        pid_t parent;
        sigset_t before;
        volatile int fault;
    };

    /* Between vfork and exec, on our parent's memory, which waits. Its handlers would work on it, too: so all signals stay
     * blocked until there is none. exec would undo them no earlier. */
    static __attribute__((noinline, noreturn)) void tocsin_become(struct tocsin_child *c)
    {
        struct sigaction now, plain = {.sa_handler = SIG_DFL};
        prctl(PR_SET_PDEATHSIG, c->death);
        if (getppid() != c->parent) /* dead before the kernel knew that we want to hear of it */
            _exit(127);
        setpgid(0, 0);
        if (c->guard >= 0) {
            pid_t me = getpid();
            if (write(c->guard, &me, sizeof me) < 0) { /* it is dead; who is not guarded works all the same */
                now.sa_handler = SIG_IGN; /* it waits, being blocked, though it is ignored: this throws it away */
                now.sa_flags = 0;
                sigemptyset(&now.sa_mask);
                sigaction(SIGPIPE, &now, NULL);
            }
        }
        for (int number = 1; number < NSIG; number++)
            if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_DFL
                && (now.sa_handler != SIG_IGN || number == SIGPIPE || number == SIGXFSZ)) /* those two Python ignores */
                sigaction(number, &plain, NULL);
        if (dup2(c->input, 0) < 0) {
            c->fault = errno;
            _exit(127);
        }
        sigprocmask(SIG_SETMASK, &c->before, NULL);
        execvpe(c->argv[0], c->argv, c->env);
        c->fault = errno;
        _exit(127);
    }

    /* The child, or -errno; `failed`: there was a process, but no command in it. */
    static int tocsin_start(char **argv, char **env, int input, int death, int guard, int *failed)
    {
        struct tocsin_child c = {.argv = argv, .env = env, .input = input, .death = death, .guard = guard,
                                 .parent = getpid()};
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &c.before);
        pid_t pid = vfork();
        if (pid == 0)
            tocsin_become(&c);
        int why = errno;
        if (pid > 0 && c.fault)
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        sigprocmask(SIG_SETMASK, &c.before, NULL);
        *failed = pid > 0 && c.fault;
        return pid < 0 ? -why : c.fault ? -c.fault : pid;
    }
    """
    int tocsin_start(char **, char **, int, int, int, int *)


cdef char **strings(list texts) except NULL:
    cdef char **made = <char **>malloc((len(texts) + 1) * sizeof(char *))
    cdef Py_ssize_t i
    if made == NULL:
        raise MemoryError
    try:
        for i in range(len(texts)):
            if b"\0" in <bytes?>texts[i]:
                raise ValueError("embedded null byte")
            made[i] = PyBytes_AS_STRING(texts[i])
    except BaseException:
        free(made)
        raise
    made[len(texts)] = NULL
    return made


def start(list argv, list env, int stdin, int death, int guard=-1):
    """Run `argv` (looked for on PATH) in a process group of its own: its pid, or -errno when there is no process, and
    -errno and True when there was one and the command could not be executed.

    Standard input is the descriptor `stdin`. When the thread that called this ends, the kernel sends it the signal
    `death`. Before it becomes the command it writes its number to the descriptor `guard`, which must not be one that
    blocks (-1: to nobody). Signals that we handle have their default action in it, those that we ignore stay ignored.

    ValueError: a zero byte in a text.
    """
    cdef char **words = strings(argv)
    cdef char **variables = NULL
    cdef int failed = 0, pid
    try:
        variables = strings(env)
        pid = tocsin_start(words, variables, stdin, death, guard, &failed)
    finally:
        free(words)
        free(variables)
    return pid, bool(failed)
