/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_VECTOR_H
#define MEMBUS_X86_64_VECTOR_H

/*
 * Vector loads and stores, each exactly one instruction. What is stored at an address aligned to
 * 8 bytes tears no element, whatever halves the processor commits it in: a 64-byte store that
 * was not, was seen to tear the element at its middle. So every store here asks for that.
 */

#include <immintrin.h>

#include <membus/arch.h>

struct membus_block16 {
    char byte[16];
} __attribute__((may_alias));
struct membus_block32 {
    char byte[32];
} __attribute__((may_alias));
struct membus_block64 {
    char byte[64];
} __attribute__((may_alias));

#ifdef __AVX__
MEMBUS_INLINE __m128i membus_load_16(const void *p)
{
    __m128i v;

    __asm__ volatile("vmovdqu %1, %0" : "=x"(v) : "m"(*(const struct membus_block16 *)p));
    return v;
}

MEMBUS_INLINE void membus_store_16(void *p, __m128i v)
{
    __asm__ volatile("vmovdqu %1, %0" : "=m"(*(struct membus_block16 *)p) : "x"(v));
}
#endif

#ifdef __AVX2__
MEMBUS_INLINE __m256i membus_load_32(const void *p)
{
    __m256i v;

    __asm__ volatile("vmovdqu %1, %0" : "=x"(v) : "m"(*(const struct membus_block32 *)p));
    return v;
}

MEMBUS_INLINE void membus_store_32(void *p, __m256i v)
{
    __asm__ volatile("vmovdqu %1, %0" : "=m"(*(struct membus_block32 *)p) : "x"(v));
}
#endif

#ifdef __AVX512F__
MEMBUS_INLINE __m512i membus_load_64(const void *p)
{
    __m512i v;

    __asm__ volatile("vmovdqu64 %1, %0" : "=v"(v) : "m"(*(const struct membus_block64 *)p));
    return v;
}

MEMBUS_INLINE void membus_store_64(void *p, __m512i v)
{
    __asm__ volatile("vmovdqu64 %1, %0" : "=m"(*(struct membus_block64 *)p) : "v"(v));
}

/* Only the bytes of `k` are loaded (the others read as zero) or stored. */
MEMBUS_INLINE __m512i membus_load_masked(const void *p, __mmask64 k)
{
    __m512i v;

    __asm__ volatile("vmovdqu8 %1, %0%{%2%}%{z%}"
                     : "=v"(v)
                     : "m"(*(const struct membus_block64 *)p), "Yk"(k));
    return v;
}

MEMBUS_INLINE void membus_store_masked(void *p, __m512i v, __mmask64 k)
{
    __asm__ volatile("vmovdqu8 %1, %0%{%2%}" : "+m"(*(struct membus_block64 *)p) : "v"(v), "Yk"(k));
}
#endif

#endif
