/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_AVX512_H
#define MEMBUS_X86_64_AVX512_H

/*
 * What the files of the kernels `avx512` and `avx512-halves` share. zmm16 to zmm31 need no
 * vzeroupper.
 */

#include "vector.h"

void *membus_avx512_copy(void *dst, const void *src, size_t n);
void *membus_avx512_move(void *dst, const void *src, size_t n);
void *membus_halves_copy(void *dst, const void *src, size_t n);
void *membus_halves_move(void *dst, const void *src, size_t n);
void *membus_avx512_fill(void *dst, int value, size_t n);

/* Bits [0, n) for n up to 64. */
MEMBUS_INLINE __mmask64 low_bits(uint64_t n)
{
    return _bzhi_u64(UINT64_MAX, (unsigned)n);
}

/* One masked load, one masked store. */
MEMBUS_INLINE void masked(char *dst, const char *src, __mmask64 k)
{
    __asm__ volatile("vmovdqu8 %1, %%zmm16%{%2%}%{z%}\n\t"
                     "vmovdqu8 %%zmm16, %0%{%2%}"
                     : "+m"(*(struct membus_block64 *)dst)
                     : "m"(*(const struct membus_block64 *)src), "Yk"(k)
                     : "xmm16");
}

MEMBUS_INLINE void block(char *dst, const char *src)
{
    __asm__ volatile("vmovdqu64 %1, %%zmm16\n\t"
                     "vmovdqu64 %%zmm16, %0"
                     : "=m"(*(struct membus_block64 *)dst)
                     : "m"(*(const struct membus_block64 *)src)
                     : "xmm16");
}

#endif
