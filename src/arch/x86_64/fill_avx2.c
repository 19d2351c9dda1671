/* SPDX-License-Identifier: MIT */

/*
 * Fills by the kernel `avx2` for which fill_avx2_line.S is not: as straight lines (straight.h),
 * what is not there stored to a sink. Large ones cost a mispredicted branch, the loop's end.
 */

#include "avx2.h"
#include "branchless.h"
#include "vector.h"

/* Both widths of what is stored. */
struct pattern {
    __m256i block;
    uint64_t word;
};

/* The sink of two blocks, with room to align it. */
struct fill_sink {
    char byte[3 * 32];
};

MEMBUS_INLINE struct membus_sink *sink_aligned(struct fill_sink *sink)
{
    return (struct membus_sink *)(((uintptr_t)sink + 31) & ~(uintptr_t)31);
}

/* One element of constant `width`, if `bits` has the bit of its width. */
MEMBUS_INLINE void maybe(char *dst, uint64_t word, unsigned width, size_t bits,
                         struct membus_sink *sink)
{
    membus_word_fill(membus_pick(dst, bits, width, sink), word, width);
}

/* Elements of 1, 2 and 4 bytes up to a word boundary of dst. Returns their bytes. */
MEMBUS_INLINE size_t head(char *dst, uint64_t word, struct membus_sink *sink)
{
    const size_t gap = -(uintptr_t)dst & 7;

    maybe(dst, word, 1, gap, sink);
    maybe(dst + (gap & 1), word, 2, gap, sink);
    maybe(dst + (gap & 3), word, 4, gap, sink);
    return gap;
}

/*
 * 8 to 135 bytes at a word boundary of dst: blocks, of which none reaches the last word; 16 and 8
 * bytes; a word; 4, 2 and 1 bytes (W5).
 */
MEMBUS_INLINE void tail(char *dst, const struct pattern *p, size_t n, struct membus_sink *sink)
{
    const size_t before = n - 8;
    char *const last = dst + (before & ~(size_t)7);
    char *to = membus_pick(dst, before, 64, sink);

    membus_store_32(to, p->block);
    membus_store_32(to + 32, p->block);
    to = membus_pick(dst + (before & 64), before, 32, sink);
    membus_store_32(to, p->block);
    to = membus_pick(dst + (before & 96), before, 16, sink);
    membus_store_16(to, _mm256_castsi256_si128(p->block));
    maybe(last - 8, p->word, 8, before, sink);
    membus_word_fill(last, p->word, 8);
    maybe(last + 8, p->word, 4, n, sink);
    maybe(last + 8 + (n & 4), p->word, 2, n, sink);
    maybe(last + 8 + (n & 6), p->word, 1, n, sink);
}

MEMBUS_INLINE struct pattern pattern_of(int value)
{
    return (struct pattern){_mm256_set1_epi8((char)value),
                            (unsigned char)value * UINT64_C(0x0101010101010101)};
}

/* What has no aligned word, 1 to 14 bytes, by elements (W2, W3). */
static __attribute__((noinline)) void *fill_short(char *dst, int value, size_t n)
{
    struct membus_sink sink;
    char *const to = dst;
    const uint64_t word = (unsigned char)value * UINT64_C(0x0101010101010101);
    const size_t whole = MEMBUS_STRAIGHT_WHOLE >> n & 1;
    size_t gap = -(uintptr_t)dst & 7 & (whole - 1), past, four;

    maybe(dst, word, 1, gap, &sink);
    maybe(dst + (gap & 1), word, 2, gap, &sink);
    past = gap & 3;
    dst += past;
    n -= past;
    four = gap & (n + 12) >> 2 & 4; /* if there are 4 */
    maybe(dst, word, 4, four, &sink);
    dst += four;
    n -= four;
    maybe(dst, word, 8, n, &sink);
    maybe(dst + (n & 8), word, 4, n, &sink);
    maybe(dst + (n & 12), word, 2, n, &sink);
    maybe(dst + (ptrdiff_t)n - 1, word, 1, n, &sink);
    return to;
}

static __attribute__((noinline)) void *fill_large(char *to, int value, size_t n)
{
    struct fill_sink memory;
    struct membus_sink *const sink = sink_aligned(&memory);
    const struct pattern p = pattern_of(value);
    const size_t gap = -(uintptr_t)to & 31;
    char *dst = to;

    if (gap) {
        head(dst, p.word, sink);
        maybe(dst + (gap & 7), p.word, 8, gap, sink);
        dst = membus_pick(dst + (gap & 15), gap, 16, sink);
        membus_store_16(dst, _mm256_castsi256_si128(p.block));
        dst = to + gap;
        n -= gap;
    }
    for (; n >= 128 + 8; n -= 128, dst += 128) {
        membus_store_32(dst, p.block);
        membus_store_32(dst + 32, p.block);
        membus_store_32(dst + 64, p.block);
        membus_store_32(dst + 96, p.block);
    }
    tail(dst, &p, n, sink);
    return to;
}

void *membus_avx2_fill_other(void *to, int value, size_t n)
{
    if (n >= 16)
        return fill_large((char *)to, value, n);
    return n ? fill_short((char *)to, value, n) : to;
}
