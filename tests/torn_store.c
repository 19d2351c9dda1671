/* SPDX-License-Identifier: MIT */
#include "torn_store.h"

#if MEMBUS_TESTS_X86_64
bool torn_store_usable(void)
{
    return __builtin_cpu_supports("avx512f");
}

void *torn_store_copy(void *dst, const void *src, size_t n)
{
    (void)n;
    __asm__ volatile("vmovdqu64 (%1), %%zmm16\n\t"
                     "vmovdqu64 %%zmm16, (%0)"
                     :
                     : "r"(dst), "r"(src)
                     : "memory");
    return dst;
}
#else
bool torn_store_usable(void)
{
    return false;
}

void *torn_store_copy(void *dst, const void *src, size_t n)
{
    (void)src;
    (void)n;
    return dst;
}
#endif
