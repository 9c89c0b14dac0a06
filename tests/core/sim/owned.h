/* owned.h: the roles of those who own, for scenarios.c. */
#ifndef OWNED_H
#define OWNED_H

#include "objects/event.h"

void sim_owned_begin(const char *scenario);
bool sim_owned(void); /* does anybody own in this scenario? */
/* O owns, then sets; D owns, then disowns; E owns, then closes the handle; Y owns and lives on. 0, or what failed. */
bool sim_is_owner(char role);
int sim_play_owner(char role, toc_event *e);
/* Judged without the core's help: does a claim count, and is its owner dead? */
bool sim_was_left_behind(const toc_event *e);
bool sim_may_be_left_behind(void); /* somebody who owns was killed, or closed his handle */
bool sim_only_owner_sets(void);

#endif
