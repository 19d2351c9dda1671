/* SPDX-License-Identifier: MIT */

/*
 * Fills by the kernel `avx512`: up to 128 bytes without a branch, others four lines at a time, and
 * the last one to four lines without a branch again: a mispredicted one costs as much as nine
 * lines. No masked store has its idle lanes in a page that the fill does not reach (fill_short.h).
 */

#include "avx512.h"
#include "fill_short.h"

MEMBUS_INLINE void fill_masked(char *dst, int value, __mmask64 k)
{
    __asm__ volatile("vpbroadcastb %0, %%zmm16\n\t"
                     "vmovdqu8 %%zmm16, (%1)%{%2%}"
                     :
                     : "r"(value), "r"(dst), "Yk"(k)
                     : "xmm16", "memory");
}

/* Four lines. */
MEMBUS_INLINE void fill_blocks(char *line, int value)
{
    __asm__ volatile("vpbroadcastb %1, %%zmm16\n\t"
                     "vmovdqa64 %%zmm16, (%0)\n\t"
                     "vmovdqa64 %%zmm16, 64(%0)\n\t"
                     "vmovdqa64 %%zmm16, 128(%0)\n\t"
                     "vmovdqa64 %%zmm16, 192(%0)"
                     :
                     : "r"(line), "r"(value)
                     : "xmm16", "memory");
}

/* The last word, stored from 16 bytes of two words on: where those begin, and which of them it is.
 */
struct last_word {
    size_t at;
    unsigned mask;
};

MEMBUS_INLINE struct last_word last_word(size_t end)
{
    const size_t last = (end - 1) & ~(size_t)7;

    return (struct last_word){last & ~(size_t)15, (unsigned)low_bits(end - last) << (last & 8)};
}

/*
 * 65 to 128 bytes from the aligned word that dst starts in: the rest of 64 bytes, the body, and the
 * last word. `end` counts from that word.
 */
MEMBUS_INLINE void fill_two(char *dst, int value, size_t lead, size_t end)
{
    const size_t last = (end - 1) & ~(size_t)7;
    const struct last_word word = last_word(end);

    __asm__ volatile("vpbroadcastb %1, %%zmm16\n\t"
                     "kmovq %2, %%k1\n\t"
                     "kmovq %3, %%k2\n\t"
                     "kmovd %4, %%k3\n\t"
                     "vmovdqu8 %%zmm16, (%0)%{%%k1%}\n\t"
                     "vmovdqu8 %%zmm16, 64(%0)%{%%k2%}\n\t"
                     "vmovdqu8 %%xmm16, (%0,%5)%{%%k3%}"
                     :
                     : "r"(dst), "r"(value), "r"(UINT64_MAX << lead), "r"(low_bits(last - 64)),
                       "r"(word.mask), "r"(word.at)
                     : "xmm16", "k1", "k2", "k3", "memory");
}

/* Each byte's place in four lines: compared with where the last word starts, the bytes before it.
 */
static const uint8_t places[256] __attribute__((aligned(64))) = {
#define EIGHT(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7
#define SIXTY_FOUR(n)                                                                   \
    EIGHT(n), EIGHT(n + 8), EIGHT(n + 16), EIGHT(n + 24), EIGHT(n + 32), EIGHT(n + 40), \
        EIGHT(n + 48), EIGHT(n + 56)
    SIXTY_FOUR(0),
    SIXTY_FOUR(64),
    SIXTY_FOUR(128),
    SIXTY_FOUR(192),
};

/* From a line on: 1 to 256 bytes, without a branch. Stores of nothing go to the last line. */
MEMBUS_INLINE void fill_four(char *line, int value, size_t n)
{
    const size_t last = (n - 1) & ~(size_t)7, last_line = last & ~(size_t)63;
    const struct last_word word = last_word(n);

    __asm__ volatile(
        "vpbroadcastb %[value], %%zmm16\n\t"
        "vpbroadcastb %k[last], %%zmm17\n\t"
        "kmovd %[word], %%k5\n\t"
        "vpcmpub $6, (%[places]), %%zmm17, %%k1\n\t"
        "vpcmpub $6, 64(%[places]), %%zmm17, %%k2\n\t"
        "vpcmpub $6, 128(%[places]), %%zmm17, %%k3\n\t"
        "vpcmpub $6, 192(%[places]), %%zmm17, %%k4\n\t"
        "vmovdqu8 %%zmm16, (%[line])%{%%k1%}\n\t"
        "vmovdqu8 %%zmm16, (%[line],%[second])%{%%k2%}\n\t"
        "vmovdqu8 %%zmm16, (%[line],%[third])%{%%k3%}\n\t"
        "vmovdqu8 %%zmm16, (%[line],%[fourth])%{%%k4%}\n\t"
        "vmovdqu8 %%xmm16, (%[line],%[at])%{%%k5%}"
        :
        : [line] "r"(line), [value] "r"(value), [last] "r"(last), [word] "r"(word.mask),
          [at] "r"(word.at), [places] "r"(places), [second] "r"(last_line < 64 ? last_line : 64),
          [third] "r"(last_line < 128 ? last_line : 128), [fourth] "r"(last_line)
        : "memory", "xmm16", "xmm17", "k1", "k2", "k3", "k4", "k5");
}

/*
 * From byte `head` of a line to byte `end` of what follows it, 65 at least: so no store lies in two
 * lines, and none has its idle lanes in a page of their own.
 */
MEMBUS_INLINE void fill_lines(char *line, int value, size_t head, size_t end)
{
    size_t fours = (end - 65) / 256;

    fill_masked(line, value, UINT64_MAX << head);
    line += 64;
    for (size_t left = fours; left; left--, line += 256)
        fill_blocks(line, value);
    fill_four(line, value, end - 64 - 256 * fours);
}

/* n bytes in one line, from its byte `head` on: as membus_fill_short(), seen from the line. */
MEMBUS_INLINE void fill_line(char *line, int value, size_t head, size_t n)
{
    const size_t element = MEMBUS_FILL_ELEMENTS >> (n & 63) & 1;
    const size_t body = (head + n - 1) & ~(size_t)7 & (element - 1);
    const uint64_t all = low_bits(n) << head, first = _bzhi_u64(all, (unsigned)body);

    fill_masked(line, value, first);
    fill_masked(line, value, all ^ first);
}

/* What starts in the last lines of a page, or ends over 128 bytes from the word that it starts in.
 */
static __attribute__((noinline, aligned(64))) void *fill_other(char *dst, int value, size_t n)
{
    const size_t lead = (uintptr_t)dst & 7, line = (uintptr_t)dst & 63;

    if (line + n <= 64)
        fill_line(dst - line, value, line, n);
    else if (lead + n <= 64) /* reaches into the next page, which is there */
        membus_fill_short(dst, value, n);
    else
        fill_lines(dst - line, value, line, line + n);
    return dst;
}

__attribute__((aligned(64))) void *membus_avx512_fill(void *to, int value, size_t n)
{
    char *dst = to;
    const size_t lead = (uintptr_t)dst & 7, line = (uintptr_t)dst & 63;

    if (n > 128)
        fill_lines(dst - line, value, line, line + n);
    else if (lead + n - 65 < 64 && ((uintptr_t)dst & 4095) <= 4096 - 128)
        fill_two(dst - lead, value, lead, lead + n);
    else if (membus_fill_is_short(dst, n, MEMBUS_FILL_SHORT_END))
        membus_fill_short(dst, value, n);
    else
        return fill_other(dst, value, n);
    return to;
}
