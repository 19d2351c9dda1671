/* SPDX-License-Identifier: MIT */

/*
 * `avx512`: masked 64-byte accesses for what is short or ragged, plain ones for the body.
 *
 * Everything is seen from `dst & ~7`, the aligned word that the destination starts in, with the
 * source shifted alike: so every store, masked or not, is issued from an 8-byte boundary and
 * tears no element (W3); the last word has a store of its own (W5). zmm16 to zmm31 need no
 * vzeroupper.
 */

#include "cpu.h"
#include "kernels.h"
#include "move.h"
#include "strict.h"
#include "vector.h"
#include "words.h"

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

/* One masked load, two masked stores: the body, then the last word. */
MEMBUS_INLINE void masked_two(char *dst, const char *src, __mmask64 all, __mmask64 body,
                              __mmask64 last)
{
    __asm__ volatile("vmovdqu8 %1, %%zmm16%{%2%}%{z%}\n\t"
                     "vmovdqu8 %%zmm16, %0%{%3%}\n\t"
                     "vmovdqu8 %%zmm16, %0%{%4%}"
                     : "+m"(*(struct membus_block64 *)dst)
                     : "m"(*(const struct membus_block64 *)src), "Yk"(all), "Yk"(body), "Yk"(last)
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

/* Four blocks, all loads first. */
MEMBUS_INLINE void blocks(char *dst, const char *src)
{
    __asm__ volatile("vmovdqu64 (%1), %%zmm16\n\t"
                     "vmovdqu64 64(%1), %%zmm17\n\t"
                     "vmovdqu64 128(%1), %%zmm18\n\t"
                     "vmovdqu64 192(%1), %%zmm19\n\t"
                     "vmovdqu64 %%zmm16, (%0)\n\t"
                     "vmovdqu64 %%zmm17, 64(%0)\n\t"
                     "vmovdqu64 %%zmm18, 128(%0)\n\t"
                     "vmovdqu64 %%zmm19, 192(%0)"
                     :
                     : "r"(dst), "r"(src)
                     : "xmm16", "xmm17", "xmm18", "xmm19", "memory");
}

/* The end of a range: n bytes, at most 64, at an aligned word. */
MEMBUS_INLINE void ending(char *dst, const char *src, size_t n)
{
    size_t body = (n - 1) & ~(size_t)7;
    __mmask64 all = low_bits(n), first = low_bits(body);

    if (body)
        masked_two(dst, src, all, first, all ^ first);
    else
        masked(dst, src, all);
}

/* n up to 64 that lie in 64 bytes from dst & ~7; any overlap: there is one load. */
MEMBUS_INLINE void within_block(char *dst, const char *src, size_t n)
{
    size_t lead = (uintptr_t)dst & 7, end = lead + n, body = (end - 1) & ~(size_t)7;
    __mmask64 all = low_bits(n) << lead, first = all & low_bits(body);

    if (body == 0) /* all in one word */
        masked(dst - lead, src - lead, all);
    else
        masked_two(dst - lead, src - lead, all, first, all ^ first);
}

/* 1, 2, 4 and 8 bytes: one load, one store of that width (W2). */
MEMBUS_INLINE void element(char *dst, const char *src, size_t n)
{
    if (n >= 4) {
        if (n == 8)
            membus_ram_store_64(dst, membus_ram_load_64(src));
        else
            membus_ram_store_32(dst, membus_ram_load_32(src));
    } else {
        if (n == 2)
            membus_ram_store_16(dst, membus_ram_load_16(src));
        else
            membus_ram_store_8(dst, membus_ram_load_8(src));
    }
}

/* The sizes that membus_is_element() names, as bits. */
#define ELEMENTS ((UINT64_C(1) << 1) | (UINT64_C(1) << 2) | (UINT64_C(1) << 4) | (UINT64_C(1) << 8))

/* From here a destination aligned to whole lines pays for the alignment. */
#define LARGE 512

static void *copy_large(char *dst, const char *src, size_t n)
{
    char *to = dst;
    size_t lead = (uintptr_t)dst & 7;
    size_t first = 64 - ((uintptr_t)(dst - lead) & 63); /* from dst - lead to the next line */

    if (((uintptr_t)dst & 63) != 0) {
        masked(dst - lead, src - lead, low_bits(first) & ~low_bits(lead));
        dst += first - lead;
        src += first - lead;
        n -= first - lead;
    }
    for (; n > 256; n -= 256) {
        blocks(dst, src);
        dst += 256;
        src += 256;
    }
    for (; n > 64; n -= 64) {
        block(dst, src);
        dst += 64;
        src += 64;
    }
    ending(dst, src, n);
    return to;
}

static void *copy(void *to, const void *from, size_t n)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;
    size_t lead = (uintptr_t)dst & 7;

    if (n + lead <= 64) {
        if (n <= 8 && (ELEMENTS >> n & 1))
            element(dst, src, n);
        else if (n == 16 && ((uintptr_t)dst & 15) == 0)
            __asm__ volatile("vmovdqu64 %1, %%xmm16\n\tvmovdqu64 %%xmm16, %0"
                             : "=m"(*(struct membus_block16 *)dst)
                             : "m"(*(const struct membus_block16 *)src)
                             : "xmm16");
        else if (n)
            within_block(dst, src, n);
        return to;
    }
    if (n >= LARGE)
        return copy_large(dst, src, n);

    if (lead)
        masked(dst - lead, src - lead, ~low_bits(lead));
    else
        block(dst, src);
    dst += 64 - lead;
    src += 64 - lead;
    n -= 64 - lead;
    for (; n > 64; n -= 64) {
        block(dst, src);
        dst += 64;
        src += 64;
    }
    ending(dst, src, n);
    return to;
}

/* Strict order: nothing wider than what the architecture keeps whole, 16 bytes aligned (SDM 9.1.1,
 * AVX enumerated), and stores are seen in program order (SDM 9.2.2). */
static void *copy_strict(void *to, const void *from, size_t n)
{
    return membus_strict_copy(to, from, n);
}

static void *fill(void *to, int value, size_t n)
{
    char *dst = (char *)to;
    const __m512i pattern = _mm512_set1_epi8((char)value);
    size_t lead = (uintptr_t)dst & 7;

    if (n <= 16)
        return membus_words_fill(to, value, n);
    if (lead) {
        size_t head = 8 - lead;

        membus_store_masked(dst - lead, pattern, low_bits(8) & ~low_bits(lead));
        dst += head;
        n -= head;
    }
    for (; n > 64; n -= 64, dst += 64)
        membus_store_64(dst, pattern);

    size_t body = (n - 1) & ~(size_t)7;

    if (body)
        membus_store_masked(dst, pattern, low_bits(body));
    membus_store_masked(dst + body, pattern, low_bits(n - body));
    return to;
}

static void *move(void *to, const void *from, size_t n)
{
    return membus_move_windowed(to, from, n, copy);
}

static bool usable(void)
{
    return membus_cpu_has(MEMBUS_CPU_AVX512);
}

static void load_blocks(void *dst, const void *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        block((char *)dst + 64 * i, (const char *)src + 64 * i);
}

const struct membus_kernel membus_kernel_avx512 = {
    .name = "avx512",
    .usable = usable,
    .copy = copy,
    .copy_strict = copy_strict,
    .fill = fill,
    .move = move,
    .block = 64,
    .load_blocks = load_blocks,
    .store_blocks = load_blocks,
};
