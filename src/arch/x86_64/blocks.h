/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_BLOCKS_H
#define MEMBUS_X86_64_BLOCKS_H

/*
 * Copies without masked stores (AVX): straight lines (straight.h) and, above 256 bytes, a loop of
 * whole lines between them. Two forms of the same: with 32-byte stores, or `strict`, with 16-byte
 * stores to 16-byte boundaries, the widest that the architecture keeps whole where AVX is
 * enumerated, by the instructions named there (SDM 9.1.1: VMOVDQA with VEX.128; a masked store is
 * not among them). x86 stores are seen in program order (SDM 9.2.2), so strict order costs width
 * and nothing else.
 *
 * Registers are named: a variable of 32 bytes would have the compiler align the stack.
 */

#include "branchless.h"
#include "vector.h"

/* After 32-byte accesses, which the compiler does not know of: what uses SSE next would wait for
 * the upper halves. */
MEMBUS_INLINE void membus_blocks_done(bool strict)
{
    if (!strict)
        __asm__ volatile("vzeroupper" ::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                               "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                               "xmm15");
}

/* 16 bytes to a 16-byte boundary in one access. */
MEMBUS_INLINE void membus_block_16(char *dst, const char *src)
{
    __asm__ volatile("vmovdqu %1, %%xmm0\n\t"
                     "vmovdqa %%xmm0, %0"
                     : "=m"(*(struct membus_block16 *)dst)
                     : "m"(*(const struct membus_block16 *)src)
                     : "xmm0");
}

MEMBUS_INLINE void membus_block_32(char *dst, const char *src)
{
    __asm__ volatile("vmovdqu %1, %%ymm0\n\t"
                     "vmovdqu %%ymm0, %0"
                     : "=m"(*(struct membus_block32 *)dst)
                     : "m"(*(const struct membus_block32 *)src)
                     : "xmm0");
}

MEMBUS_INLINE void membus_block(char *dst, const char *src, bool strict)
{
    if (strict) {
        membus_block_16(dst, src);
        membus_block_16(dst + 16, src + 16);
    } else {
        membus_block_32(dst, src);
    }
}

/* 128 bytes, strict: 64. All loads come before the stores: where the low 12 bits of the two
 * addresses are close, a load seems to depend on the store just before it. */
MEMBUS_INLINE void membus_lines(char *dst, const char *src, bool strict)
{
    if (strict)
        __asm__ volatile("vmovdqu (%1), %%xmm0\n\t"
                         "vmovdqu 16(%1), %%xmm1\n\t"
                         "vmovdqu 32(%1), %%xmm2\n\t"
                         "vmovdqu 48(%1), %%xmm3\n\t"
                         "vmovdqa %%xmm0, (%0)\n\t"
                         "vmovdqa %%xmm1, 16(%0)\n\t"
                         "vmovdqa %%xmm2, 32(%0)\n\t"
                         "vmovdqa %%xmm3, 48(%0)"
                         :
                         : "r"(dst), "r"(src)
                         : "xmm0", "xmm1", "xmm2", "xmm3", "memory");
    else
        __asm__ volatile("vmovdqu (%1), %%ymm0\n\t"
                         "vmovdqu 32(%1), %%ymm1\n\t"
                         "vmovdqu 64(%1), %%ymm2\n\t"
                         "vmovdqu 96(%1), %%ymm3\n\t"
                         "vmovdqu %%ymm0, (%0)\n\t"
                         "vmovdqu %%ymm1, 32(%0)\n\t"
                         "vmovdqu %%ymm2, 64(%0)\n\t"
                         "vmovdqu %%ymm3, 96(%0)"
                         :
                         : "r"(dst), "r"(src)
                         : "xmm0", "xmm1", "xmm2", "xmm3", "memory");
}

/* A sink for blocks, in `memory` of MEMBUS_BLOCKS_SINK, where none of them crosses a line. */
#define MEMBUS_BLOCKS_SINK 5

MEMBUS_INLINE struct membus_sink *membus_sink_aligned(struct membus_sink *memory)
{
    return (struct membus_sink *)(((uintptr_t)memory + 31) & ~(uintptr_t)31);
}

/* What is left behind the last block, for the last element (W5), is at least this: with a word in
 * any case, less has to be chosen. The strict head may leave no more than a byte. */
MEMBUS_INLINE unsigned membus_blocks_least(bool strict)
{
    return strict ? 1 : 8;
}

/* membus_blocks_least() bytes and up to `most` - 1 more, at a word boundary of dst (strict: 16
 * bytes). `most` is 64, 128 or 256. */
MEMBUS_INLINE void membus_blocks_tail(char *dst, const char *src, size_t n, unsigned most,
                                      bool strict, struct membus_sink *sink)
{
    const unsigned least = membus_blocks_least(strict);
    const size_t body = (n - least) & ~(size_t)31;
    char *d = dst;
    const char *s = src;

#define BLOCK(i)                                                 \
    if (32 * i + 32 < most) {                                    \
        membus_pick_above(&d, &s, n, 32 * i + 31 + least, sink); \
        membus_block(d + 32 * i, s + 32 * i, strict);            \
    }

    BLOCK(0)
    BLOCK(1)
    BLOCK(2)
    BLOCK(3)
    BLOCK(4)
    BLOCK(5)
    BLOCK(6)
#undef BLOCK
    membus_straight_words(dst + body, src + body, n - body, least, 31 + least, sink);
}

/* The bytes up to a word boundary of dst (strict: 16 bytes), of a range of 16 or more. Returns how
 * many. */
MEMBUS_INLINE size_t membus_blocks_head(char *dst, const char *src, bool strict,
                                        struct membus_sink *sink)
{
    const size_t head = membus_straight_head(dst, src, sink);
    const size_t word = (uintptr_t)(dst + head) & 8;

    if (!strict)
        return head;
    membus_maybe_store(dst + head, src + head, 8, word, 8, sink);
    return head + word;
}

/* 16 to 256 bytes. */
MEMBUS_INLINE void *membus_blocks_256(char *dst, const char *src, size_t n, bool strict)
{
    struct membus_sink memory[MEMBUS_BLOCKS_SINK], *sink = membus_sink_aligned(memory);

    if (__builtin_expect(n == 16, 0) && ((uintptr_t)dst & 15) == 0) {
        membus_block_16(dst, src);
        return dst;
    }

    const size_t head = membus_blocks_head(dst, src, strict, sink);

    membus_blocks_tail(dst + head, src + head, n - head, 256, strict, sink);
    membus_blocks_done(strict);
    return dst;
}

/* Over 256 bytes. The destination is brought to a block's boundary: a line crossed costs a
 * store. */
MEMBUS_INLINE void *membus_blocks_large(char *to, const char *from, size_t n, bool strict)
{
    struct membus_sink memory[MEMBUS_BLOCKS_SINK], *sink = membus_sink_aligned(memory);
    const unsigned turn = strict ? 64 : 128;
    size_t head = membus_blocks_head(to, from, true, sink);
    char *dst = to + head;
    const char *src = from + head;

    if (!strict) {
        const size_t half = (uintptr_t)dst & 16;

        membus_block_16(membus_pick(dst, half, 16, sink), src);
        dst += half;
        src += half;
        head += half;
    }
    n -= head;
    for (; n >= turn + membus_blocks_least(strict); n -= turn, dst += turn, src += turn) {
        membus_lines(dst, src, strict);
        MEMBUS_STRAIGHT_HERE(n);
    }
    membus_blocks_tail(dst, src, n, turn, strict, sink);
    membus_blocks_done(strict);
    return to;
}

#endif
