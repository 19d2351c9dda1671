/* SPDX-License-Identifier: MIT */

/*
 * Copies by the kernel `avx512` of more than a last-level cache holds. There a store waits for its
 * line to come from memory, too, where a non-temporal one (W7) would not; so both sides are asked
 * for ahead of time. Where a cache has them, that takes a tenth longer.
 */

#include "far_avx512.h"

#include "avx512.h"

/* What lines() copies. */
#define LINES 128u

/* Two lines, loaded by halves: where a line of dst crosses one of src, only one of them does. */
MEMBUS_INLINE void lines(char *dst, const char *src)
{
    __asm__ volatile("vmovdqu64 (%1), %%ymm16\n\t"
                     "vinserti64x4 $1, 32(%1), %%zmm16, %%zmm16\n\t"
                     "vmovdqu64 64(%1), %%ymm17\n\t"
                     "vinserti64x4 $1, 96(%1), %%zmm17, %%zmm17\n\t"
                     "vmovdqu64 %%zmm16, (%0)\n\t"
                     "vmovdqu64 %%zmm17, 64(%0)"
                     :
                     : "r"(dst), "r"(src)
                     : "xmm16", "xmm17", "memory");
}

/* Bytes ahead; from half a KiB to 3 KiB makes little difference. */
#define AHEAD 1536u

/* Below there is nothing to ask for. */
#define LEAST 4096u

/* Into the second-level cache: into the first was slower than not at all. */
MEMBUS_INLINE void ask_for(const char *p)
{
    __asm__ volatile("prefetcht1 (%0)\n\t"
                     "prefetcht1 64(%0)"
                     :
                     : "r"(p));
}

void *membus_avx512_copy_far(void *to, const void *from, size_t n)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;
    size_t done = -(uintptr_t)dst & 63; /* up to a line of dst */

    if (n < LEAST)
        return membus_avx512_copy(dst, src, n);
    if (done)
        membus_avx512_copy(dst, src, done);
    for (; n - done > AHEAD + 2 * LINES; done += LINES) {
        ask_for(src + done + AHEAD);
        ask_for(dst + done + AHEAD);
        lines(dst + done, src + done);
    }
    membus_avx512_copy(dst + done, src + done, n - done);
    return to;
}
