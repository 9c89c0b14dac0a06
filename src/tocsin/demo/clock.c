/* clock.c: run a command, and say when it began, when it ended, and what CPU time it took.
 *
 * For shell scripts, which can see neither. The line goes out in one write, because others share the pipe.
 */
#include "demo.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int demo_clock(const char *label, char **argv)
{
    struct rusage used = {0};
    int status = 0;
    int64_t began = demo_ns(CLOCK_MONOTONIC);
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(3);
    }
    if (child < 0 || wait4(child, &status, 0, &used) < 0) {
        perror("tocsin-demo-hash");
        return 3;
    }
    int64_t ended = demo_ns(CLOCK_MONOTONIC);
    int64_t cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000ll
                  + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000ll;
    char line[256];
    int size = snprintf(line, sizeof line, "%s %lld %lld %lld\n", label, (long long)began, (long long)ended, (long long)cpu);
    if (size < 0 || (size_t)size >= sizeof line || write(1, line, (size_t)size) != size)
        return 3;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
