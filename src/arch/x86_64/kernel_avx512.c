/* SPDX-License-Identifier: MIT */

/*
 * `avx512`: masked 64-byte accesses for what is short or ragged, plain ones for the body.
 *
 * Everything is seen from the aligned word or line that the destination starts in, with the source
 * shifted alike: so every store, masked or not, is issued from an 8-byte boundary and tears no
 * element (W3); the last word has a store of its own (W5). zmm16 to zmm31 need no vzeroupper.
 * The copy itself is copy_avx512.S.
 */

#include <stddef.h>

#include "avx512.h"
#include "masks_avx512.h"
#include "cpu.h"
#include "entries.h"
#include "kernels.h"
#include "words.h"

/* What copy_avx512.S leaves to C. */
void *membus_avx512_descriptor(char *dst, const char *src, size_t n);
void *membus_avx512_copy_at_page(char *to, const char *from, size_t n);
void *membus_halves_copy_at_page(char *to, const char *from, size_t n);

/* 16 bytes to a 16-byte boundary: one access (SDM 9.1.1). */
MEMBUS_INLINE void element_16(char *dst, const char *src)
{
    __asm__ volatile("vmovdqu64 %1, %%xmm16\n\t"
                     "vmovdqu64 %%xmm16, %0"
                     : "=m"(*(struct membus_block16 *)dst)
                     : "m"(*(const struct membus_block16 *)src)
                     : "xmm16");
}

/*
 * Descriptors: a multiple of 4 bytes, up to 64, at a word boundary. Plain stores, because what was
 * stored masked is not forwarded to the load that parses it a moment later; the size is known to
 * each line, the last word is on its own. All loads first, for overlaps.
 */
MEMBUS_INLINE void descriptor_line(char *dst, const char *src, const unsigned n)
{
    const unsigned body = (n - 1) & ~7u, at16 = body & 32, at8 = body & 48;
    __m128i a, b, c;
    uint64_t word = 0, last;

    if (body & 32) {
        a = membus_load_16(src);
        b = membus_load_16(src + 16);
    }
    if (body & 16)
        c = membus_load_16(src + at16);
    if (body & 8)
        word = membus_ram_load_64(src + at8);
    last = n - body == 8 ? membus_ram_load_64(src + body) : membus_ram_load_32(src + body);

    if (body & 32) {
        membus_store_16(dst, a);
        membus_store_16(dst + 16, b);
    }
    if (body & 16)
        membus_store_16(dst + at16, c);
    if (body & 8)
        membus_ram_store_64(dst + at8, word);
    if (n - body == 8)
        membus_ram_store_64(dst + body, last);
    else
        membus_ram_store_32(dst + body, (uint32_t)last);
}

void *membus_avx512_descriptor(char *dst, const char *src, size_t n)
{
#define DESCRIPTOR(n)                 \
    case n:                           \
        descriptor_line(dst, src, n); \
        break;

    switch (n) {
        DESCRIPTOR(4)
        DESCRIPTOR(8)
        DESCRIPTOR(12)
    case 16:
        if (((uintptr_t)dst & 15) == 0)
            element_16(dst, src);
        else
            descriptor_line(dst, src, 16);
        break;
        DESCRIPTOR(20)
        DESCRIPTOR(24)
        DESCRIPTOR(28)
        DESCRIPTOR(32)
        DESCRIPTOR(36)
        DESCRIPTOR(40)
        DESCRIPTOR(44)
        DESCRIPTOR(48)
        DESCRIPTOR(52)
        DESCRIPTOR(56)
        DESCRIPTOR(60)
        DESCRIPTOR(64)
    }
#undef DESCRIPTOR
    return dst;
}

/* Masks that are loaded: to move one from a general register takes twice as long on Zen 4. */
#define ALL_8  255, 255, 255, 255, 255, 255, 255, 255
#define NONE_8 0, 0, 0, 0, 0, 0, 0, 0

extern const struct masks {
    uint64_t from[8];        /* the bytes of a block from 0 to 7 on */
    unsigned char words[42]; /* the first -16 to 24 words of a block, and one more to be read */
    uint16_t last[9];        /* the first 0 to 8 bytes of the second word */
} membus_avx512_masks;

const struct masks membus_avx512_masks __attribute__((aligned(64))) = {
    {UINT64_MAX, UINT64_MAX << 1, UINT64_MAX << 2, UINT64_MAX << 3, UINT64_MAX << 4,
     UINT64_MAX << 5, UINT64_MAX << 6, UINT64_MAX << 7},
    {NONE_8, NONE_8, 0, 1, 3, 7, 15, 31, 63, 127, ALL_8, ALL_8, 255, 255},
    {0, 0x100, 0x300, 0x700, 0xf00, 0x1f00, 0x3f00, 0x7f00, 0xff00},
};

_Static_assert(offsetof(struct masks, words) + 16 == MASKS_WORDS, "sizes_avx512.inc");
_Static_assert(offsetof(struct masks, last) == MASKS_LAST, "sizes_avx512.inc");

/* Of two blocks the last `bytes`, a multiple of 8: a bit a word. */
MEMBUS_INLINE __mmask16 last_words(size_t bytes)
{
    return (__mmask16)(0xffffu << (16 - bytes / 8));
}

/* The bytes up to a word boundary of dst, which is not at one, from a range of over 8. */
MEMBUS_INLINE void first_word(char *dst, const char *src)
{
    const unsigned lead = (uintptr_t)dst & 7;

    __asm__ volatile("vmovq %2, %%xmm16\n\t"
                     "vmovdqu8 %%xmm16, %0%{%1%}"
                     : "+m"(*(struct membus_block16 *)(dst - lead))
                     : "Yk"((__mmask16)(0xffu << lead & 0xff)),
                       "r"(membus_ram_load_64(src) << 8 * lead)
                     : "xmm16");
}

static void copy_lines(char *dst, const char *src, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        block(dst + i, src + i);
}

/*
 * A masked access whose idle lanes lie in a page that is not there, or was never touched, takes
 * some 400 ns: the processor finds out in microcode that nothing is wrong. Large copies whose
 * source begins or ends with a page come here: no idle lane is beyond what is copied. The kernel's
 * `copy` has what is in the middle, from and to a line of dst, where it has no idle lanes.
 */
MEMBUS_INLINE void *copy_at_page(char *to, const char *from, size_t n,
                                 void *(*copy)(void *dst, const void *src, size_t n))
{
    const size_t lead = (uintptr_t)to & 7, place = (uintptr_t)to & 63;
    char *const last = (char *)(((uintptr_t)to + n - 1) & ~(uintptr_t)7); /* the word it is in */
    const size_t in_last = (size_t)(to + n - last);
    const uint64_t last_word = membus_ram_load_64(from + n - 8) >> 8 * (8 - in_last);
    char *dst = to;
    const char *src = from;
    size_t body, to_word = 0;

    if (place && (((uintptr_t)from & 4095) < place || n < 512)) {
        if (lead) {
            first_word(to, from);
            to_word = 8 - lead;
        }
        masked(to + to_word, from + to_word, low_bits(64 - place - to_word));
        dst += 64 - place;
        src += 64 - place;
    }
    body = (size_t)(last - dst);
    if (body > 128) { /* 72 to 128 are left */
        const size_t middle = (((uintptr_t)last - 65) & ~(uintptr_t)63) - (uintptr_t)dst;

        if (middle > 256)
            copy(dst, src, middle);
        else
            copy_lines(dst, src, middle);
        src += middle;
        body -= middle;
    }
    src += body;
    __asm__ volatile("vmovdqu64 -128(%1), %%zmm16%{%2%}%{z%}\n\t"
                     "vmovdqu64 -64(%1), %%zmm17%{%3%}%{z%}\n\t"
                     "vpbroadcastq %5, %%xmm18\n\t"
                     "vmovdqu64 %%zmm16, -128(%0)%{%2%}\n\t"
                     "vmovdqu64 %%zmm17, -64(%0)%{%3%}\n\t"
                     "vmovdqu8 %%xmm18, -8(%0)%{%4%}"
                     :
                     : "r"(last), "r"(src), "Yk"(last_words(body)),
                       "Yk"((__mmask16)(last_words(body) >> 8)),
                       "Yk"((__mmask16)membus_avx512_masks.last[in_last]), "r"(last_word)
                     : "xmm16", "xmm17", "xmm18", "memory");
    return to;
}

void *membus_avx512_copy_at_page(char *to, const char *from, size_t n)
{
    return copy_at_page(to, from, n, membus_avx512_copy);
}

void *membus_halves_copy_at_page(char *to, const char *from, size_t n)
{
    return copy_at_page(to, from, n, membus_halves_copy);
}

static bool usable(void)
{
    return membus_cpu_has(MEMBUS_CPU_AVX512);
}

static void load_blocks(void *dst, const void *src, size_t n)
{
    copy_lines(dst, src, 64 * n);
}

const struct membus_kernel membus_kernel_avx512 = {
    .name = "avx512",
    .usable = usable,
    .is_second = membus_cpu_is_zen4,
    .needs = "AVX-512 F, BW and VL, and an operating system that saves their registers",
    .entry = ENTRY_AVX512,
    .copy = membus_avx512_copy,
    .copy_strict = membus_strict_copy,
    .fill = membus_avx512_fill,
    .move = membus_avx512_move,
    .block = 64,
    .load_blocks = load_blocks,
    .store_blocks = load_blocks,
};

const struct membus_kernel membus_kernel_avx512_halves = {
    .name = "avx512-halves",
    .usable = usable,
    .needs = "AVX-512 as above; for CPUs that carry 64 bytes in two halves (Zen 4)",
    .entry = ENTRY_AVX512_HALVES,
    .copy = membus_halves_copy,
    .copy_strict = membus_strict_copy,
    .fill = membus_avx512_fill,
    .move = membus_halves_move,
    .block = 64,
    .load_blocks = load_blocks,
    .store_blocks = load_blocks,
};
