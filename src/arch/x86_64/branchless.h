/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_BRANCHLESS_H
#define MEMBUS_X86_64_BRANCHLESS_H

/*
 * Up to 64 bytes without a branch and without masked stores (AVX2).
 *
 * Whether a random size or address has an element of some width is as good as a coin toss, and a
 * mispredicted branch costs more than all the elements together. So every width has its place in
 * a straight line, and an element that is not there is copied from nowhere to nowhere, by
 * conditional moves of the two addresses. The two nowheres differ: a load from where a store of
 * another width just went would wait for it.
 */

#include "vector.h"
#include "words.h"

static const char membus_nowhere[32] __attribute__((aligned(32)));

/* Where the stores of absent elements go; on the caller's stack. */
struct membus_sink {
    char byte[32];
};

/* One element of constant `width` at `offset`, if `bit` is not zero. */
MEMBUS_INLINE void membus_maybe(char *dst, const char *src, size_t offset, unsigned width,
                                uint32_t bit, struct membus_sink *sink)
{
    const char *from = src + offset;
    char *to = dst + offset;

    __asm__("test %2, %2\n\t"
            "cmovz %3, %0\n\t"
            "cmovz %4, %1"
            : "+&r"(to), "+&r"(from)
            : "r"(bit), "r"(sink), "r"(membus_nowhere)
            : "cc");
    if (width == 32)
        membus_store_32(to, membus_load_32(from));
    else if (width == 16)
        membus_store_16(to, membus_load_16(from));
    else
        membus_word_copy(to, from, width);
}

/* 0 to 64 bytes at a word boundary of dst: 32, 16 and 8 bytes as the size has them (nothing wider
 * than the constant `widest`, 16 or 32), then the last word on its own, as elements (W5). */
MEMBUS_INLINE void membus_maybe_aligned(char *dst, const char *src, size_t n, unsigned widest,
                                        struct membus_sink *sink)
{
    const uint32_t left = (uint32_t)n, body = (left - (left != 0)) & ~7u, last = left - body;

    membus_maybe(dst, src, 0, widest, body & 32, sink);
    if (widest == 16)
        membus_maybe(dst, src, 16, 16, body & 32, sink);
    membus_maybe(dst, src, body & 32, 16, body & 16, sink);
    membus_maybe(dst, src, body & 48, 8, body & 8, sink);
    membus_maybe(dst, src, body, 8, last & 8, sink);
    membus_maybe(dst, src, body, 4, last & 4, sink);
    membus_maybe(dst, src, body + (last & 4), 2, last & 2, sink);
    membus_maybe(dst, src, body + (last & 6), 1, last & 1, sink);
}

/* Elements of 1, 2 and 4 bytes up to a word boundary of dst, as far as they fit in n; none if
 * `whole` is 1. Returns their bytes. */
MEMBUS_INLINE size_t membus_maybe_head(char *dst, const char *src, size_t n, uint32_t whole,
                                       struct membus_sink *sink)
{
    const uint32_t gap = -(uint32_t)(uintptr_t)dst & 7 & (whole - 1);
    const uint32_t four = gap & 4 & -(uint32_t)(n - (gap & 3) >= 4);

    membus_maybe(dst, src, 0, 1, gap & 1, sink);
    membus_maybe(dst, src, gap & 1, 2, gap & 2, sink);
    membus_maybe(dst, src, gap & 3, 4, four, sink);
    return (gap & 3) + four;
}

/* The sizes that are one access whatever the alignment (W2), and 0, as bits. */
#define MEMBUS_WHOLE UINT64_C(0x117)

/* 0 to 63 bytes: W1-W5. */
MEMBUS_INLINE void membus_maybe_copy(char *dst, const char *src, size_t n, unsigned widest)
{
    struct membus_sink sink;
    size_t head = membus_maybe_head(dst, src, n, MEMBUS_WHOLE >> n & 1, &sink);

    membus_maybe_aligned(dst + head, src + head, n - head, widest, &sink);
}

#endif
