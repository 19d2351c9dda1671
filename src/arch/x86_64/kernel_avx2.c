/* SPDX-License-Identifier: MIT */

/*
 * `avx2`: 32-byte accesses for the body, elements for heads and tails. Every vector store is
 * issued from an 8-byte boundary (vector.h) and the last word has a store of its own (W5). The
 * copy itself is copy_avx2.S.
 */

#include "cpu.h"
#include "kernels.h"
#include "move_avx2.h"
#include "vector.h"
#include "words.h"

void *membus_avx2_copy(void *dst, const void *src, size_t n);

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
    if ((uintptr_t)to - (uintptr_t)from >= n)
        return membus_avx2_copy(to, from, n);
    return membus_avx2_move_overlapping(to, from, n, membus_avx2_copy);
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
    .copy = membus_avx2_copy,
    .copy_strict = membus_strict_copy,
    .fill = fill,
    .move = move,
    .block = 32,
    .load_blocks = blocks,
    .store_blocks = blocks,
};
