/* SPDX-License-Identifier: MIT */

/*
 * `neon` and `lse2`: bodies by pairs of 16-byte vectors, elements for heads and tails.
 *
 * W3: a 16-byte vector access is two accesses of 8 bytes, each single-copy atomic if aligned (Arm
 *     ARM B2.2.1), so vectors are stored at multiples of 8 only; bodies at multiples of 16, where
 *     no store crosses a line.
 * W4: the two halves, and the two registers of a pair, are stored in no architected order; the
 *     instructions ascend. With MEMBUS_ORDER_STRICT there are no vectors.
 * W5, W6: the last element is a store-release of its own: every store before it is visible first.
 *
 * `lse2` differs in 16 bytes to an aligned address: one STP, single-copy atomic with FEAT_LSE2.
 * All of this is for RAM; devices get the accessors and, where they take vectors at all
 * (write-combining mappings), single 16-byte vectors, neither pair nor writeback.
 */

#include <arm_neon.h>

#include "cpu.h"
#include "kernels.h"
#include "move.h"
#include "words.h"

struct block {
    char byte[64];
} __attribute__((may_alias));

MEMBUS_INLINE void vector_copy(char *dst, const char *src)
{
    uint8x16_t v;

    __asm__ volatile("ldr %q0, [%1]" : "=w"(v) : "r"(src), "m"(*(const struct block *)src));
    __asm__ volatile("str %q1, [%2]" : "=m"(*(struct block *)dst) : "w"(v), "r"(dst));
}

/* 64 bytes: all loads before all stores, so it serves dst <= src too. */
MEMBUS_INLINE void block_copy(char *dst, const char *src)
{
    uint8x16_t a, b, c, d;

    __asm__ volatile("ldp %q0, %q1, [%4]\n\tldp %q2, %q3, [%4, #32]"
                     : "=&w"(a), "=&w"(b), "=&w"(c), "=&w"(d)
                     : "r"(src), "m"(*(const struct block *)src));
    __asm__ volatile("stp %q1, %q2, [%5]\n\tstp %q3, %q4, [%5, #32]"
                     : "=m"(*(struct block *)dst)
                     : "w"(a), "w"(b), "w"(c), "w"(d), "r"(dst));
}

/* The last element, aligned: a store-release (Arm ARM B2.3, "Load-Acquire, Store-Release"). */
MEMBUS_INLINE void release_copy(char *dst, const char *src, unsigned width)
{
    if (width == 8)
        __asm__ volatile("stlr %x0, [%1]" : : "r"(membus_arch_load_64(src)), "r"(dst) : "memory");
    else if (width == 4)
        __asm__ volatile("stlr %w0, [%1]" : : "r"(membus_arch_load_32(src)), "r"(dst) : "memory");
    else if (width == 2)
        __asm__ volatile("stlrh %w0, [%1]" : : "r"(membus_arch_load_16(src)), "r"(dst) : "memory");
    else
        __asm__ volatile("stlrb %w0, [%1]" : : "r"(membus_arch_load_8(src)), "r"(dst) : "memory");
}

/* 16 bytes to a 16-aligned address in one access, with FEAT_LSE2. */
MEMBUS_INLINE void pair_copy(char *dst, const char *src)
{
    uint64_t a, b;

    __asm__ volatile("ldp %0, %1, [%2]"
                     : "=&r"(a), "=&r"(b)
                     : "r"(src), "m"(*(const struct block *)src));
    __asm__ volatile("stp %1, %2, [%3]" : "=m"(*(struct block *)dst) : "r"(a), "r"(b), "r"(dst));
}

/* n bytes from a word boundary of dst, none of them the last element. */
MEMBUS_INLINE void body_copy(char *dst, const char *src, size_t n)
{
    if (n >= 8 && ((uintptr_t)dst & 8)) {
        membus_word_copy(dst, src, 8);
        dst += 8;
        src += 8;
        n -= 8;
    }
    for (; n >= 64; n -= 64, dst += 64, src += 64)
        block_copy(dst, src);
    for (; n >= 16; n -= 16, dst += 16, src += 16)
        vector_copy(dst, src);
    if (n & 8) {
        membus_word_copy(dst, src, 8);
        dst += 8;
        src += 8;
    }
    membus_words_tail(dst, src, n & 7, MEMBUS_WORDS_LOOSE);
}

MEMBUS_INLINE void *neon_copy(void *to, const void *from, size_t n, bool lse2)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;

    if (n == 0)
        return to;
    if (membus_is_element(n)) { /* W2 */
        membus_word_copy(dst, src, (unsigned)n);
        return to;
    }
    if (lse2 && n == 16 && ((uintptr_t)dst & 15) == 0) {
        pair_copy(dst, src);
        return to;
    }

    unsigned last = membus_last_element((uintptr_t)dst, n);
    size_t body = n - last;
    size_t head = membus_words_head(dst, src, body, MEMBUS_WORDS_LOOSE);

    body_copy(dst + head, src + head, body - head);
    release_copy(dst + body, src + body, last);
    return to;
}

static void *copy(void *dst, const void *src, size_t n)
{
    return neon_copy(dst, src, n, false);
}

static void *copy_lse2(void *dst, const void *src, size_t n)
{
    return neon_copy(dst, src, n, true);
}

/* Each element a store-release: visible in order, 8 bytes at a time. */
static void *copy_strict(void *to, const void *from, size_t n)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;

    if (membus_is_element(n)) {
        membus_arch_barrier_publish();
        membus_word_copy(dst, src, (unsigned)n);
        return to;
    }
    while (n) {
        unsigned width = 8;

        while (width > n || ((uintptr_t)dst & (width - 1)))
            width /= 2;
        release_copy(dst, src, width);
        dst += width;
        src += width;
        n -= width;
    }
    return to;
}

static void *fill(void *dst, int value, size_t n)
{
    return membus_words_fill(dst, value, n);
}

static void *move(void *dst, const void *src, size_t n)
{
    return membus_move_windowed(dst, src, n, copy);
}

static void *move_lse2(void *dst, const void *src, size_t n)
{
    return membus_move_windowed(dst, src, n, copy_lse2);
}

static void blocks(void *dst, const void *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        vector_copy((char *)dst + 16 * i, (const char *)src + 16 * i);
}

/* Advanced SIMD is part of the architecture that Linux asks for (HWCAP_ASIMD). */
static bool usable(void)
{
    return true;
}

#define KERNEL(kernel_name, is_usable, kernel_needs, copy_function, move_function)           \
    {                                                                                        \
        .name = (kernel_name), .usable = (is_usable), .needs = (kernel_needs),               \
        .copy = (copy_function), .copy_strict = copy_strict, .fill = fill,                   \
        .move = (move_function), .block = 16, .load_blocks = blocks, .store_blocks = blocks, \
    }

const struct membus_kernel membus_kernel_neon =
    KERNEL("neon", usable, "nothing: Advanced SIMD", copy, move);
const struct membus_kernel membus_kernel_lse2 =
    KERNEL("lse2", membus_arm64_has_lse2, "FEAT_LSE2 (hwcap uscat)", copy_lse2, move_lse2);
