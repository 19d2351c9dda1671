/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_STRAIGHT_H
#define MEMBUS_STRAIGHT_H

/*
 * Copies in a straight line, for hosts that take any alignment and show their stores in program
 * order (nothing is needed before the last element: W6).
 *
 * Whether a random size or address has an element of some width is as good as a coin toss, and a
 * mispredicted branch costs more than all the elements together. So every width has its place in
 * a line without branches, and an element that is not there is stored to the *sink* instead,
 * by a choice between two addresses. Where its load might lie outside the source, that is made
 * from *nowhere*.
 *
 * An architecture may bring choices of its own (MEMBUS_STRAIGHT_PICK). These are portable C, with
 * masks, because a compiler is free to make a branch of a conditional expression, and does.
 */

#include "words.h"

/* Are the copies here for this host? */
#define MEMBUS_STRAIGHT                                                                  \
    (MEMBUS_HOST_STORES_ORDERED && MEMBUS_ARCH_RAM_UNALIGNED && MEMBUS_ARCH_WORD == 8 && \
     __SIZEOF_POINTER__ == 8)

/*
 * `value` is not computed before this point, and no trip count from it: so the lines do with the
 * registers that a function need not save (nine on x86-64). A saved one costs more than its two
 * instructions: it is the caller's loop counter, mostly, which then goes from call to call through
 * memory. A loop of short copies took 1.5 times as long, at one stack address in five.
 */
#define MEMBUS_STRAIGHT_HERE(value) __asm__ volatile("" : "+r"(value))

/* On the caller's stack. Not where absent elements are loaded from, too: such a load would wait
 * for the last store there. */
struct membus_sink {
    char byte[64];
};

static const char membus_nowhere[256] __attribute__((aligned(64)));

#ifndef MEMBUS_STRAIGHT_PICK

/* `yes` where `mask` is all ones, `no` where it is 0. */
MEMBUS_INLINE uintptr_t membus_straight_either(uintptr_t mask, const void *yes, const void *no)
{
    return (uintptr_t)no + (((uintptr_t)yes - (uintptr_t)no) & mask);
}

/* dst, if `bits` has the constant `bit`; else the sink. Said in one expression, because gcc and
 * clang make a conditional move of that, but of a choice of two addresses at once gcc makes a
 * branch. */
MEMBUS_INLINE char *membus_pick(char *dst, size_t bits, unsigned bit, struct membus_sink *sink)
{
    return (char *)((uintptr_t)sink +
                    (((uintptr_t)dst - (uintptr_t)sink) & -(uintptr_t)((bits & bit) != 0)));
}

/* Both addresses, if `bits` has `bit`; else the sink and nowhere. */
MEMBUS_INLINE void membus_pick_both(char **dst, const char **src, size_t bits, unsigned bit,
                                    struct membus_sink *sink)
{
    const uintptr_t mask = -(uintptr_t)((bits & bit) != 0);

    *dst = (char *)membus_straight_either(mask, *dst, sink);
    *src = (const char *)membus_straight_either(mask, *src, membus_nowhere);
}

/* Both addresses, if n is above the constant `limit`. */
MEMBUS_INLINE void membus_pick_above(char **dst, const char **src, size_t n, unsigned limit,
                                     struct membus_sink *sink)
{
    membus_pick_both(dst, src, n > limit, 1, sink);
}

#endif

/* One element of constant `width`, if `bits` has `bit`. */
MEMBUS_INLINE void membus_maybe(char *dst, const char *src, unsigned width, size_t bits,
                                unsigned bit, struct membus_sink *sink)
{
    membus_pick_both(&dst, &src, bits, bit, sink);
    membus_word_copy(dst, src, width);
}

/* The same where the load lies inside the source in any case. */
MEMBUS_INLINE void membus_maybe_store(char *dst, const char *src, unsigned width, size_t bits,
                                      unsigned bit, struct membus_sink *sink)
{
    membus_word_copy(membus_pick(dst, bits, bit, sink), src, width);
}

/* Elements of 1, 2 and 4 bytes up to a word boundary of dst, of a range of at least 7. Returns
 * their bytes. */
MEMBUS_INLINE size_t membus_straight_head(char *dst, const char *src, struct membus_sink *sink)
{
    const size_t gap = -(uintptr_t)dst & 7;

    membus_maybe_store(dst, src, 1, gap, 1, sink);
    membus_maybe_store(dst + (gap & 1), src + (gap & 1), 2, gap, 2, sink);
    membus_maybe_store(dst + (gap & 3), src + (gap & 3), 4, gap, 4, sink);
    return gap;
}

/* The last 0 to 7 bytes, n ending there, as 4, 2 and 1 bytes; dst is at a word boundary, and the
 * range began at least 7 bytes before its end. */
MEMBUS_INLINE void membus_straight_last(char *dst, const char *src, size_t n,
                                        struct membus_sink *sink)
{
    const ptrdiff_t end = (ptrdiff_t)n, at4 = (end & ~3) - 4, at2 = (end & ~1) - 2;

    membus_maybe_store(dst + at4, src + at4, 4, n, 4, sink);
    membus_maybe_store(dst + at2, src + at2, 2, n, 2, sink);
    membus_maybe_store(dst + end - 1, src + end - 1, 1, n, 1, sink);
}

/* 8 to 63 bytes at a word boundary of dst: words, each on its own (W5), then 4, 2 and 1 bytes. */
MEMBUS_INLINE void membus_straight_words(char *dst, const char *src, size_t n,
                                         struct membus_sink *sink)
{
    char *d = dst;
    const char *s = src;

#define WORD(i)                                    \
    membus_pick_above(&d, &s, n, 8 * i + 7, sink); \
    membus_word_copy(d + 8 * i, s + 8 * i, 8);

    membus_word_copy(dst, src, 8);
    WORD(1)
    WORD(2)
    WORD(3)
    WORD(4)
    WORD(5)
    WORD(6)
#undef WORD
    membus_straight_last(dst, src, n, sink);
}

/* 0 to 31 bytes at a word boundary of dst, of a range that began 16 bytes before them or earlier:
 * so all loads lie inside it. */
MEMBUS_INLINE void membus_straight_rest(char *dst, const char *src, size_t n,
                                        struct membus_sink *sink)
{
    const ptrdiff_t at16 = (ptrdiff_t)(n & 16) - 16, at8 = (ptrdiff_t)(n & 24) - 8;
    char *d = membus_pick(dst + at16, n, 16, sink);

    membus_word_copy(d, src + at16, 8);
    membus_word_copy(d + 8, src + at16 + 8, 8);
    membus_maybe_store(dst + at8, src + at8, 8, n, 8, sink);
    membus_straight_last(dst, src, n, sink);
}

/* The sizes that are one access whatever the alignment (W2), as bits. */
#define MEMBUS_STRAIGHT_WHOLE 0x116u

/* 1 to 15 bytes: W1-W5. The sizes of W2 are one load as well: nothing is loaded but what is
 * stored. */
MEMBUS_INLINE void membus_straight_short(char *dst, const char *src, size_t n,
                                         struct membus_sink *sink)
{
    const size_t whole = MEMBUS_STRAIGHT_WHOLE >> n & 1;
    size_t gap = -(uintptr_t)dst & 7 & (whole - 1), past, four;

    membus_maybe(dst, src, 1, gap, 1, sink);
    membus_maybe(dst + (gap & 1), src + (gap & 1), 2, gap, 2, sink);
    MEMBUS_STRAIGHT_HERE(gap);
    past = gap & 3;
    dst += past;
    src += past;
    n -= past;
    four = gap & (n + 12) >> 2 & 4; /* if there are 4 */
    membus_maybe(dst, src, 4, four, 4, sink);
    MEMBUS_STRAIGHT_HERE(four);
    dst += four;
    src += four;
    n -= four;
    membus_maybe(dst, src, 8, n, 8, sink);
    membus_maybe(dst + (n & 8), src + (n & 8), 4, n, 4, sink);
    membus_maybe(dst + (n & 12), src + (n & 12), 2, n, 2, sink);
    membus_maybe(dst + (ptrdiff_t)n - 1, src + (ptrdiff_t)n - 1, 1, n, 1, sink);
}

/* Four words, the loads first. */
MEMBUS_INLINE void membus_straight_four(char *dst, const char *src)
{
    membus_word a = membus_native_load(src), b = membus_native_load(src + 8);
    membus_word c = membus_native_load(src + 16), d = membus_native_load(src + 24);

    membus_native_store(dst, a);
    membus_native_store(dst + 8, b);
    membus_native_store(dst + 16, c);
    membus_native_store(dst + 24, d);
}

/*
 * 16 bytes and more, by words. The loop moves one address, as `apart` is dst - src, and ends at
 * another: it is short enough to begin and end in one line of code, which is what such loops are
 * fetched and decoded by (meson.build aligns them).
 */
static __attribute__((noinline, unused)) void *membus_straight_longer(char *to, const char *from,
                                                                      size_t n)
{
    struct membus_sink sink, late; /* two, so that no register is kept for one */
    const size_t head = membus_straight_head(to, from, &sink);
    char *dst = to + head;
    const char *src = from + head;

    n -= head;
    if (n < 64) {
        membus_straight_words(dst, src, n, &sink);
        return to;
    }

    uintptr_t apart = (uintptr_t)dst - (uintptr_t)src;
    const char *last = src + n - 32;

    MEMBUS_STRAIGHT_HERE(apart);
    MEMBUS_STRAIGHT_HERE(last);
    do {
        membus_straight_four((char *)((uintptr_t)src + apart), src);
        src += 32;
        MEMBUS_STRAIGHT_HERE(src);
    } while (src <= last);
    membus_straight_rest((char *)((uintptr_t)src + apart), src, (size_t)(last + 32 - src), &late);
    return to;
}

/* Any n, by words: W1-W7. dst and src overlap only with dst <= src. */
MEMBUS_INLINE void *membus_straight_copy(void *to, const void *from, size_t n)
{
    struct membus_sink sink;

    if (n >= 16)
        return membus_straight_longer((char *)to, (const char *)from, n);
    if (n)
        membus_straight_short((char *)to, (const char *)from, n, &sink);
    return to;
}

#endif
