/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_GUARD_MOVE_H
#define MEMBUS_GUARD_MOVE_H

#include "guard.h"

/* Bytes of window that O1 takes for this pair; 0 without an overlap that matters. */
size_t membus_guard_move_need(const void *dst, const void *src, size_t n);

/* Any overlap that needs at most MEMBUS_MOVE_EXACT bytes; returns the bytes stored. */
size_t membus_guard_move_ram(void *dst, const void *src, size_t n, bool strict,
                             struct membus_guard_trap *trap);

#endif
