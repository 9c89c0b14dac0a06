/* removal.h: how an object goes. Floor 3, beside object.c. */
#ifndef TOC_REMOVAL_H
#define TOC_REMOVAL_H

#include "../parts/format.h"
#include "../sys/sys.h"

#include <stdint.h>

#define TOC_BELL_PATH_MAX (1024 + 32)

/* 0 when `shared` is the head of a sound object of `kind` (0: any). */
int toc_head_fault(const struct toc_head *shared, uint32_t kind);
/* What the failure of an open says of the name: a folder in place of an object, an object in place of a folder, a
 * socket or a device without a driver. */
int toc_file_fault(int rc);
/* ".NAME.<id>.bell" beside the file NAME. */
int toc_bell_path(char out[TOC_BELL_PATH_MAX], const char *path, uint64_t id);
/* Its remover was killed after the mark: take the name away (-EIDRM: make a new one), or, where we may not,
 * take the mark away (0: it lives again; everyone who used it has been told). */
int toc_removal_finish(struct toc_head *h, const char *path, const struct sys_file *marked);
/* Mark, wake everyone, ring everyone. */
int toc_removal_tell(struct toc_head *h, const char *bell, int anonymous);

#endif
