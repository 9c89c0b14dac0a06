/* run_child.c: the command as run's child, and everything that makes it feel as if run were not there.
 *
 * It is in our process group and session, so what the terminal sends reaches it without us, and it owns the terminal when we
 * do. What is sent to us alone is sent on. When it is stopped by job control we stop, so that the shell has its
 * turn; when it ends we end in the same way. We handle no signal: all are blocked here and taken from the queue one by
 * one, so nothing can come between two instructions, and the child starts with the mask and the dispositions that we had.
 */
#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    pid_t pid;
    int stopped;     /* as far as we have heard */
    int sent_a_stop; /* which may take effect any time, until a SIGCONT after it */
    sigset_t taken;  /* the signals that we take from the queue */
    sigset_t early;  /* of those, what came before the child was there, or as it was born */
    sigset_t before; /* our mask, as we were started with */
    struct sigaction on_child; /* likewise, of SIGCHLD: ignored, it would take the status from us */
};

/* Those that end us by our own fault must, and nobody can take these two. */
static void choose(sigset_t *taken)
{
    static const int not[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigfillset(taken);
    for (size_t i = 0; i < sizeof not / sizeof *not; i++)
        sigdelset(taken, not[i]);
}

/* Between vfork and exec, on our own memory. Who is killed in here leaves the bell that we may hold in our hand to be
 * closed by exec or by the child's end, and so it rings. */
static __attribute__((noinline, noreturn)) void become(char **command, const struct child *c, pid_t parent,
                                                       unsigned closed, volatile int *fault)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* dead before the kernel knew that we want to hear of it: nothing is started */
        _exit(RUN_FAILED);
    for (int fd = 0; fd < 3; fd++)
        if (closed & 1u << fd)
            close(fd);
    sigaction(SIGCHLD, &c->on_child, NULL);
    sigprocmask(SIG_SETMASK, &c->before, NULL);
    execvp(command[0], command);
    *fault = errno;
    _exit(RUN_NOT_FOUND);
}

/* 0, or -errno. */
static int start(struct child *c, char **command, unsigned closed, int *no_process)
{
    volatile int fault = 0;
    struct sigaction plain = {.sa_handler = SIG_DFL};
    pid_t parent = getpid();
    choose(&c->taken);
    sigaction(SIGCHLD, &plain, &c->on_child);
    sigprocmask(SIG_SETMASK, &c->taken, &c->before);
    /* Not fork: it costs a tenth of the whole start more, for a copy that exec throws away. */
    pid_t pid = vfork();
    if (pid == 0)
        become(command, c, parent, closed, &fault);
    *no_process = pid < 0;
    if (pid < 0)
        return -errno;
    c->pid = pid;
    sigpending(&c->early);
    if (!fault)
        return 0;
    waitpid(pid, NULL, 0);
    return -fault;
}

/* Has the command ended? Also takes in whom we have as the first process of a container, or from who was here before exec. */
static int news(struct child *c, int *status, int *stop)
{
    pid_t pid;
    int s;
    while ((pid = waitpid(-1, &s, WNOHANG | WUNTRACED | WCONTINUED)) != 0) {
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            break;
        if (pid != c->pid)
            continue;
        if (!WIFSTOPPED(s) && !WIFCONTINUED(s)) {
            *status = s;
            return 1;
        }
        c->stopped = WIFSTOPPED(s);
        *stop = c->stopped ? WSTOPSIG(s) : 0;
    }
    return 0;
}

/* Only stops of job control, after which a shell continues the whole group. Who sends SIGSTOP and SIGCONT to the command alone (a
 * limiter of processor time, a debugger) would find us stopped for good: its end would be seen by nobody. */
static int is_job_control(int signal) { return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU; }

/* Nobody may be left stopped when a stop and a SIGCONT come in a row, and a stop that is made takes a SIGCONT that waits away.
 * So: does one wait already, then the command goes on as well. The stop then waits in our queue, blocked, while we look
 * whether the child was continued meanwhile: a SIGCONT to both of us reaches the child, who is younger, first. One
 * that comes later takes the stop away. */
static void stop_like(const struct child *c, int signal)
{
    siginfo_t changed = {0};
    sigset_t one, go_on;
    struct sigaction plain = {.sa_handler = SIG_DFL}, old;
    struct timespec now = {0};
    sigemptyset(&go_on);
    sigaddset(&go_on, SIGCONT);
    if (sigtimedwait(&go_on, NULL, &now) > 0) {
        kill(c->pid, SIGCONT);
        return;
    }
    sigemptyset(&one);
    sigaddset(&one, signal);
    sigaction(signal, &plain, &old);
    kill(getpid(), signal);
    waitid(P_PID, (id_t)c->pid, &changed, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT);
    if (!changed.si_pid) {
        sigprocmask(SIG_UNBLOCK, &one, NULL); /* here we stop, and from here we go on */
        sigprocmask(SIG_BLOCK, &one, NULL);
    }
    sigtimedwait(&one, NULL, &now);
    sigaction(signal, &old, NULL);
}

/* What the kernel sends for a terminal it sends to the whole group, the child included; but when the line is cut it tells
 * the session's leader alone. */
static int is_the_groups(const struct child *c, const siginfo_t *got)
{
    if (got->si_code != SI_KERNEL || sigismember(&c->early, got->si_signo))
        return 0;
    switch (got->si_signo) {
    case SIGINT: case SIGQUIT: case SIGTSTP: case SIGTTIN: case SIGTTOU: case SIGWINCH:
        return 1;
    case SIGHUP: case SIGCONT:
        return getsid(0) != getpid();
    default:
        return 0;
    }
}

/* A shell's `fg` continues it, too, and who handles SIGCONT is not to hear it twice. */
static int is_in_vain(const struct child *c, int signal) { return signal == SIGCONT && !c->stopped && !c->sent_a_stop; }

static void pass_on(struct child *c, const siginfo_t *got)
{
    if (got->si_code <= 0 && got->si_pid == c->pid) /* `kill 0` in the command: it knows */
        return;
    if (is_the_groups(c, got) || is_in_vain(c, got->si_signo))
        return;
    if (is_job_control(got->si_signo) || got->si_signo == SIGCONT)
        c->sent_a_stop = got->si_signo != SIGCONT;
    if (got->si_code == SI_QUEUE)
        sigqueue(c->pid, got->si_signo, got->si_value);
    else
        kill(c->pid, got->si_signo); /* it is not reaped: the number is its own */
}

int run_child(char **command, unsigned closed, int *no_process)
{
    struct child c = {0};
    siginfo_t got;
    int status = 0, rc = start(&c, command, closed, no_process);
    if (rc < 0)
        return rc;
    for (;;) {
        int stop = 0;
        if (news(&c, &status, &stop))
            return status;
        if (is_job_control(stop)) {
            stop_like(&c, stop);
            continue;
        }
        if (sigwaitinfo(&c.taken, &got) < 0 || got.si_signo == SIGCHLD)
            continue;
        if (got.si_signo == SIGCONT && news(&c, &status, &stop))
            return status;
        pass_on(&c, &got);
        sigdelset(&c.early, got.si_signo);
    }
}

int run_end_like(int status)
{
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    int signal = WTERMSIG(status);
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t one;
    prctl(PR_SET_DUMPABLE, 0); /* the command has left its core; ours would say nothing */
    sigaction(signal, &plain, NULL);
    sigemptyset(&one);
    sigaddset(&one, signal);
    kill(getpid(), signal);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    return 128 + signal; /* the first process of a container is not ended by signals of its own */
}
