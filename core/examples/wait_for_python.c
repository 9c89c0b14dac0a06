/* wait_for_python.c: a C program that waits for an event that Python sets, and answers with another.
 *
 *      ./wait_for_python 30 &
 *      python3 -c 'from tocsin import Event; Event("from-python").set(); print(Event("from-c").wait(30))'
 *
 * It does not matter which of the two starts first: the event is a latch, and whoever is first makes it.
 * How to build it: docs/howto/from-c.md. Exit: 0 answered, 1 nobody set it in time, 3 could not.
 */
#include <tocsin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int could_not(const char *what, int rc)
{
    fprintf(stderr, "wait_for_python: %s: %s\n", what, toc_strerror(rc));
    return 3;
}

int main(int argc, char **argv)
{
    toc_event *question, *answer;
    double seconds = argc > 1 ? atof(argv[1]) : 60;

    /* NULL: the defaults. The place is $TOCSIN_AT, else this user on this host, as it is in Python. */
    int rc = toc_event_open(&question, "from-python", NULL);
    if (rc < 0)
        return could_not("from-python", rc);
    rc = toc_event_open(&answer, "from-c", NULL);
    if (rc < 0)
        return could_not("from-c", rc);

    /* The count is taken once, before the wait: a set that is cleared again at once is not missed, and a wait
     * that a signal interrupts is called again with the same count and the same deadline. */
    uint64_t since = toc_event_clears(question);
    int64_t deadline = toc_now() + (int64_t)(seconds * 1e9);
    do
        rc = toc_event_wait(question, since, deadline);
    while (rc == -EINTR);
    if (rc < 0)
        return could_not("from-python", rc);
    if (rc == 0) {
        fprintf(stderr, "wait_for_python: nobody set from-python\n");
        return 1;
    }

    /* What Python wrote before its set() is there for us now. Clear the question for the next one, answer. */
    printf("set by Python, time number %llu\n", (unsigned long long)(since + 1));
    rc = toc_event_clear(question);
    if (rc == 0)
        rc = toc_event_set(answer);
    if (rc < 0)
        return could_not("the answer", rc);

    toc_event_free(answer);
    toc_event_free(question);
    return 0;
}
