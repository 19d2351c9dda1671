/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_STRICT_H
#define MEMBUS_X86_64_STRICT_H

/* MEMBUS_ORDER_STRICT where AVX is enumerated: see blocks.h. */

#include "blocks.h"

static __attribute__((noinline)) void *membus_strict_256(char *to, const char *from, size_t n)
{
    return membus_blocks_256(to, from, n, true);
}

static __attribute__((noinline)) void *membus_strict_large(char *to, const char *from, size_t n)
{
    return membus_blocks_large(to, from, n, true);
}

MEMBUS_INLINE void *membus_strict_copy(void *to, const void *from, size_t n)
{
    struct membus_sink sink;

    if (n >= 16)
        return n <= 256 ? membus_strict_256((char *)to, (const char *)from, n)
                        : membus_strict_large((char *)to, (const char *)from, n);
    if (n)
        membus_straight_short((char *)to, (const char *)from, n, &sink);
    return to;
}

#endif
