#include "line.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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

void line_say_some(struct line *l, const char *text, size_t size)
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
        line_say_some(l, "...", sizeof l->text);
}

void line_say(struct line *l, const char *text) { line_say_some(l, text, sizeof l->text); }

void line_say_number(struct line *l, unsigned long number)
{
    char digits[24], *at = digits + sizeof digits - 1;
    *at = 0;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    line_say(l, at);
}

int line_write(int fd, const char *text, size_t size)
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

void line_complain(const char *self, const char *what, const char *why, const char *mend)
{
    struct line l = {0};
    line_say(&l, self);
    line_say(&l, ": ");
    if (what) {
        line_say_some(&l, *what ? what : "''", 250);
        line_say(&l, ": ");
    }
    line_say(&l, why);
    if (mend) {
        line_say(&l, " (");
        line_say(&l, mend);
        line_say(&l, ")");
    }
    l.text[l.used++] = '\n';
    line_write(2, l.text, l.used);
}
