/* line.h: one line on standard error, without stdio: who, what, why, and the mend in brackets. */
#ifndef TOC_LINE_H
#define TOC_LINE_H

#include <stddef.h>

struct line {
    size_t used;
    char text[1024];
};

/* What the user typed goes in without what would disturb a terminal; `size`: at most so many bytes of it. */
void line_say(struct line *l, const char *text);
void line_say_some(struct line *l, const char *text, size_t size);
void line_say_number(struct line *l, unsigned long number);
/* 0, or -errno. */
int line_write(int fd, const char *text, size_t size);
/* "self: what: why (mend)" in one write, so that the lines of programs that run side by side don't mix. NULL: without. */
void line_complain(const char *self, const char *what, const char *why, const char *mend);

#endif
