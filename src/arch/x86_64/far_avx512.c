/* SPDX-License-Identifier: MIT */

/*
 * Copies by the kernel `avx512` of more than a last-level cache holds. There a store waits for its
 * line to come from memory, too, where a non-temporal one (W7) would not; so both sides are asked
 * for ahead of time. Where a cache has them, that takes a tenth longer.
 */

#include "avx512.h"

/* For copy_avx512.S. */
void *membus_avx512_copy_far(char *to, const char *from, size_t n);

/* What lines() copies. */
#define LINES 128u

/* Bytes ahead; from half a KiB to 3 KiB makes little difference. */
#define AHEAD 1536u

/* Into the second-level cache: into the first was slower than not at all. */
MEMBUS_INLINE void ask_for(const char *p)
{
    __asm__ volatile("prefetcht1 (%0)\n\t"
                     "prefetcht1 64(%0)"
                     :
                     : "r"(p));
}

void *membus_avx512_copy_far(char *to, const char *from, size_t n)
{
    size_t done = -(uintptr_t)to & 63; /* up to a line of dst */

    if (done)
        membus_avx512_copy(to, from, done);
    for (; n - done > AHEAD + 2 * LINES; done += LINES) {
        ask_for(from + done + AHEAD);
        ask_for(to + done + AHEAD);
        lines(to + done, from + done);
    }
    membus_avx512_copy(to + done, from + done, n - done);
    return to;
}
