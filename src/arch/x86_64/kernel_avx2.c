/* SPDX-License-Identifier: MIT */

/*
 * `avx2`: 32-byte accesses for the body, elements for heads and tails. Every vector store is
 * issued from an 8-byte boundary (vector.h) and the last word has a store of its own (W5). The
 * copy itself is copy_avx2.S.
 */

#include "avx2.h"
#include "cpu.h"
#include "entries.h"
#include "kernels.h"
#include "vector.h"

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
    .entry = ENTRY_AVX2,
    .copy = membus_avx2_copy,
    .copy_strict = membus_strict_copy,
    .fill = membus_avx2_fill,
    .move = membus_avx2_move,
    .block = 32,
    .load_blocks = blocks,
    .store_blocks = blocks,
};
