#include "seconds.h"

#include "../tocsin.h"

#include <stdlib.h>
#include <strings.h>

/* strtod alone would take "0x10", " 1" and "nan(7)", and which point it wants depends on the locale. */
static const char *digits(const char *c)
{
    while (*c >= '0' && *c <= '9')
        c++;
    return c;
}

static int is_number(const char *c)
{
    const char *whole = c, *end = digits(c);
    int any = end > whole;
    if (*end == '.') {
        const char *part = end + 1;
        end = digits(part);
        any |= end > part;
    }
    if (any && (*end == 'e' || *end == 'E')) {
        const char *power = end + 1;
        power += *power == '-' || *power == '+';
        end = digits(power);
        any = end > power;
    }
    return any && !*end;
}

const char *seconds_read(const char *text, int64_t *ns)
{
    const char *c = text + (*text == '-' || *text == '+');
    if (!strcasecmp(c, "inf") || !strcasecmp(c, "infinity")) {
        *ns = *text == '-' ? 0 : TOC_FOREVER;
        return NULL;
    }
    if (!is_number(c))
        return "a timeout is a number of seconds, or inf";
    double seconds = strtod(c, NULL);
    if (*text == '-' || seconds == 0) {
        *ns = 0;
        return NULL;
    }
    if (seconds > 9e9) /* the deadline, now + timeout, is an int64_t of nanoseconds */
        return "a timeout may not be longer than 9e9 seconds; inf waits for ever";
    *ns = seconds < 1e-9 ? 1 : (int64_t)(seconds * 1e9);
    return NULL;
}
