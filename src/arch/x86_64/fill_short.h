/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_FILL_SHORT_H
#define MEMBUS_X86_64_FILL_SHORT_H

/*
 * Short fills of the kernel `avx512`, inline: for the kernel, and for the preload library, whose
 * memset() saves the jump to it. Everything beyond x86-64's baseline is in the assembly, so that
 * a file built for any x86-64 may have it behind a test of what the CPU can.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/export.h>

/* Where the compiler has no use for these registers, it does not know them. */
#ifdef __AVX512F__
#define MEMBUS_FILL_CLOBBERS "cc", "memory", "xmm16", "k1", "k2"
#else
#define MEMBUS_FILL_CLOBBERS "cc", "memory"
#endif

/* The sizes of one element, as bits: one store at any alignment (W2). */
#define MEMBUS_FILL_ELEMENTS UINT64_C(0x116)

/* Short is what lies in 64 bytes from the aligned word that it starts in: less than this. */
#define MEMBUS_FILL_SHORT_END 65u

/*
 * Is it short (or shorter, with a smaller end: 0 for never), and not in the last line of a page?
 * Masked stores reach over 64 bytes, and are slow where their idle lanes lie in a page that was
 * never touched.
 */
MEMBUS_INLINE bool membus_fill_is_short(const char *dst, size_t n, size_t end)
{
    const uintptr_t last_line = 4096 - 64;

    if (((uintptr_t)dst & 7) + n >= end)
        return false;
    return ((uintptr_t)dst & last_line) != last_line;
}

/*
 * The body, then the last word by itself (W5); what is one element is all in the second store (W2).
 * Either may be empty: a masked store of no bytes costs less than a branch that is hard to predict.
 * zmm16 needs no vzeroupper.
 */
MEMBUS_INLINE void membus_fill_short(char *dst, int value, size_t n)
{
    static const uint64_t ones = UINT64_MAX;
    const size_t lead = (uintptr_t)dst & 7;
    size_t last = (lead + n - 1) & ~(size_t)7;
    uint64_t first, all;

    __asm__ volatile("bt %[n], %[several]\n\t"
                     "sbb %[first], %[first]\n\t"
                     "and %[first], %[last]\n\t" /* 0 for one element */
                     "vpbroadcastb %[value], %%zmm16\n\t"
                     "bzhi %[n], %[ones], %[all]\n\t"
                     "shlx %[lead], %[all], %[all]\n\t"
                     "bzhi %[last], %[all], %[first]\n\t"
                     "shrx %[last], %[all], %[all]\n\t"
                     "kmovq %[first], %%k1\n\t"
                     "kmovd %k[all], %%k2\n\t"
                     "vmovdqu8 %%zmm16, (%[word])%{%%k1%}\n\t"
                     "vmovdqu8 %%xmm16, (%[word],%[last])%{%%k2%}"
                     : [first] "=&r"(first), [all] "=&r"(all), [last] "+&r"(last)
                     : [word] "r"(dst - lead), [value] "r"(value), [n] "r"(n), [lead] "r"(lead),
                       [ones] "m"(ones), [several] "r"(~MEMBUS_FILL_ELEMENTS)
                     : MEMBUS_FILL_CLOBBERS);
}

#endif
