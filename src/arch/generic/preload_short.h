/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_GENERIC_PRELOAD_SHORT_H
#define MEMBUS_GENERIC_PRELOAD_SHORT_H

/*
 * What the preload library's functions do themselves, without the jump to the kernel: here
 * nothing. An architecture's own file of this name takes the place of this one.
 */

#include "kernel.h"

/* The end that preload_fill_is_short() is given with this kernel. */
MEMBUS_INLINE size_t preload_short_end(const struct membus_kernel *kernel)
{
    (void)kernel;
    return 0;
}

MEMBUS_INLINE bool preload_fill_is_short(const char *dst, size_t n, size_t end)
{
    (void)dst;
    (void)n;
    (void)end;
    return false;
}

MEMBUS_INLINE void preload_fill_short(char *dst, int value, size_t n)
{
    (void)dst;
    (void)value;
    (void)n;
}

#endif
