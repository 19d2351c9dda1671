/* SPDX-License-Identifier: MIT */

/* Fills by the kernel `avx512`. */

#include "avx512.h"
#include "words.h"

/* Fills: the byte is spread anew for each, in a register that needs no vzeroupper. */
MEMBUS_INLINE void fill_masked(char *dst, int value, __mmask64 k)
{
    __asm__ volatile("vpbroadcastb %1, %%zmm16\n\t"
                     "vmovdqu8 %%zmm16, %0%{%2%}"
                     : "+m"(*(struct membus_block64 *)dst)
                     : "r"(value), "Yk"(k)
                     : "xmm16");
}

MEMBUS_INLINE void fill_masked_two(char *dst, int value, __mmask64 body, __mmask64 last)
{
    __asm__ volatile("vpbroadcastb %1, %%zmm16\n\t"
                     "vmovdqu8 %%zmm16, %0%{%2%}\n\t"
                     "vmovdqu8 %%zmm16, %0%{%3%}"
                     : "+m"(*(struct membus_block64 *)dst)
                     : "r"(value), "Yk"(body), "Yk"(last)
                     : "xmm16");
}

MEMBUS_INLINE void fill_block(char *dst, int value)
{
    __asm__ volatile("vpbroadcastb %1, %%zmm16\n\t"
                     "vmovdqu64 %%zmm16, %0"
                     : "=m"(*(struct membus_block64 *)dst)
                     : "r"(value)
                     : "xmm16");
}

MEMBUS_INLINE void fill_blocks(char *dst, int value)
{
    __asm__ volatile("vpbroadcastb %1, %%zmm16\n\t"
                     "vmovdqu64 %%zmm16, (%0)\n\t"
                     "vmovdqu64 %%zmm16, 64(%0)\n\t"
                     "vmovdqu64 %%zmm16, 128(%0)\n\t"
                     "vmovdqu64 %%zmm16, 192(%0)"
                     :
                     : "r"(dst), "r"(value)
                     : "xmm16", "memory");
}

/* n up to 64 that lie in 64 bytes from dst & ~7: the body, then the last word. */
MEMBUS_INLINE void fill_within_block(char *dst, int value, size_t n)
{
    size_t lead = (uintptr_t)dst & 7, body = (lead + n - 1) & ~(size_t)7;
    __mmask64 all = low_bits(n) << lead, first = all & low_bits(body);

    if (body == 0)
        fill_masked(dst - lead, value, all);
    else
        fill_masked_two(dst - lead, value, first, all ^ first);
}

/* From here a destination aligned to whole lines pays. */
#define FILL_LARGE 512

void *membus_avx512_fill(void *to, int value, size_t n)
{
    char *dst = (char *)to;
    size_t lead = (uintptr_t)dst & 7;

    if (n <= 8 && (n == 0 || membus_is_element(n)))
        return membus_words_fill(to, value, n);
    if (n + lead <= 64) {
        fill_within_block(dst, value, n);
        return to;
    }
    if (n >= FILL_LARGE)
        lead = (uintptr_t)dst & 63;
    if (lead) {
        const size_t word = lead & ~(size_t)7;

        fill_masked(dst - (lead - word), value, low_bits(64 - word) & ~low_bits(lead - word));
        dst += 64 - lead;
        n -= 64 - lead;
    }
    for (; n > 256; n -= 256, dst += 256)
        fill_blocks(dst, value);
    for (; n > 64; n -= 64, dst += 64)
        fill_block(dst, value);
    fill_within_block(dst, value, n);
    return to;
}
