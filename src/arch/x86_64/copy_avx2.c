/* SPDX-License-Identifier: MIT */

/*
 * `avx2`: 32-byte accesses for the body, elements for heads and tails. Every vector store is
 * issued from an 8-byte boundary (vector.h) and the last word has a store of its own (W5).
 */

#include "branchless.h"
#include "cpu.h"
#include "kernels.h"
#include "move.h"
#include "strict.h"
#include "vector.h"
#include "words.h"

static void *copy_long(char *to, const char *from, size_t n)
{
    struct membus_sink sink;
    const size_t head = membus_maybe_head(to, from, n, 0, &sink);
    char *dst = to + head;
    const char *src = from + head;

    n -= head;
    if (n > 256) { /* to a 32-byte boundary: a line crossed costs a store */
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
    if (n > 64) {
        __m256i a = membus_load_32(src), b = membus_load_32(src + 32);

        membus_store_32(dst, a);
        membus_store_32(dst + 32, b);
        n -= 64, dst += 64, src += 64;
    }
    membus_maybe_aligned(dst, src, n, 32, &sink);
    return to;
}

static void *copy(void *to, const void *from, size_t n)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;

    if (n >= 64)
        return copy_long(dst, src, n);
    if (n == 16 && ((uintptr_t)dst & 15) == 0) /* one access: SDM 9.1.1 */
        membus_store_16(dst, membus_load_16(src));
    else
        membus_maybe_copy(dst, src, n, 32);
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
    .needs = "AVX2 and BMI2, and an operating system that saves their registers",
    .copy = copy,
    .copy_strict = copy_strict,
    .fill = fill,
    .move = move,
    .block = 32,
    .load_blocks = blocks,
    .store_blocks = blocks,
};
