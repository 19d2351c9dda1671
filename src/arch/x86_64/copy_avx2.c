/* SPDX-License-Identifier: MIT */

/*
 * `avx2`: 32-byte accesses for the body, elements for heads and tails. Every vector store is
 * issued from an 8-byte boundary (vector.h) and the last word has a store of its own (W5).
 */

#include "cpu.h"
#include "kernels.h"
#include "move.h"
#include "strict.h"
#include "vector.h"
#include "words.h"

/* 1 to 32 bytes at a word boundary of dst, the last word on its own. */
MEMBUS_INLINE void ending(char *dst, const char *src, size_t n)
{
    size_t body = (n - 1) & ~(size_t)7;

    if (body & 16) {
        membus_store_16(dst, membus_load_16(src));
        dst += 16;
        src += 16;
    }
    if (body & 8) {
        membus_ram_store_64(dst, membus_ram_load_64(src));
        dst += 8;
        src += 8;
    }
    n -= body;
    if (n == 8)
        membus_ram_store_64(dst, membus_ram_load_64(src));
    else
        membus_words_tail(dst, src, n, MEMBUS_WORDS_LOOSE);
}

static void *copy(void *to, const void *from, size_t n)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;

    if (n <= 8) {
        if (n)
            membus_words_copy(to, from, n, MEMBUS_WORDS_LOOSE);
        return to;
    }
    if (n == 16 && ((uintptr_t)dst & 15) == 0) {
        membus_store_16(dst, membus_load_16(src));
        return to;
    }

    size_t head = membus_words_head(dst, src, n, MEMBUS_WORDS_LOOSE);

    dst += head;
    src += head;
    n -= head;
    if (n > 256 && ((uintptr_t)dst & 31)) { /* to a 32-byte boundary: three words at most */
        for (; (uintptr_t)dst & 31; n -= 8, dst += 8, src += 8)
            membus_ram_store_64(dst, membus_ram_load_64(src));
    }
    for (; n > 128; n -= 128, dst += 128, src += 128) {
        __m256i a = membus_load_32(src), b = membus_load_32(src + 32);
        __m256i c = membus_load_32(src + 64), d = membus_load_32(src + 96);

        membus_store_32(dst, a);
        membus_store_32(dst + 32, b);
        membus_store_32(dst + 64, c);
        membus_store_32(dst + 96, d);
    }
    for (; n > 32; n -= 32, dst += 32, src += 32)
        membus_store_32(dst, membus_load_32(src));
    if (n)
        ending(dst, src, n);
    return to;
}

static void *copy_strict(void *to, const void *from, size_t n)
{
    return membus_strict_copy(to, from, n);
}

static void *fill(void *to, int value, size_t n)
{
    char *dst = (char *)to;
    const __m256i pattern = _mm256_set1_epi8((char)value);
    size_t head = -(uintptr_t)dst & 7;

    if (n <= 64)
        return membus_words_fill(to, value, n);
    for (unsigned width = 1; width < 8; width *= 2) {
        if ((uintptr_t)dst & width) {
            membus_word_fill(dst, (unsigned char)value * UINT64_C(0x0101010101010101), width);
            dst += width;
        }
    }
    n -= head;
    for (; n > 32; n -= 32, dst += 32)
        membus_store_32(dst, pattern);
    membus_words_fill(dst, value, n);
    return to;
}

static void *move(void *to, const void *from, size_t n)
{
    return membus_move_windowed(to, from, n, copy);
}

static bool usable(void)
{
    return membus_cpu_has(MEMBUS_CPU_AVX2);
}

static void blocks(void *dst, const void *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        membus_store_32((char *)dst + 32 * i, membus_load_32((const char *)src + 32 * i));
}

const struct membus_kernel membus_kernel_avx2 = {
    .name = "avx2",
    .usable = usable,
    .copy = copy,
    .copy_strict = copy_strict,
    .fill = fill,
    .move = move,
    .block = 32,
    .load_blocks = blocks,
    .store_blocks = blocks,
};
