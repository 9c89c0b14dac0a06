/* seconds.h: a timeout as people write it. */
#ifndef TOC_SECONDS_H
#define TOC_SECONDS_H

#include <stdint.h>

/* NULL and the nanoseconds (0 for 0 and less, TOC_FOREVER for inf), or what is wrong with the text. */
const char *seconds_read(const char *text, int64_t *ns);

#endif
