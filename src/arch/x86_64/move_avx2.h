/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_MOVE_AVX2_H
#define MEMBUS_X86_64_MOVE_AVX2_H

/* Moves of the kernel `avx2` that overlap with src <= dst < src + n; `copy` is its own. */

#include <stddef.h>

#include "move.h"

void *membus_avx2_move_overlapping(void *to, const void *from, size_t n,
                                   membus_copy_function *copy);

#endif
