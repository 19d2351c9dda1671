/* SPDX-License-Identifier: MIT */

/*
 * `avx512`: masked 64-byte accesses for what is short or ragged, plain ones for the body.
 *
 * Everything is seen from `dst & ~7`, the aligned word that the destination starts in, with the
 * source shifted alike: so every store, masked or not, is issued from an 8-byte boundary and
 * tears no element (W3); the last word has a store of its own (W5). zmm16 to zmm31 need no
 * vzeroupper.
 */

#include "avx512.h"
#include "cpu.h"
#include "kernels.h"
#include "strict.h"
#include "words.h"

/*
 * The bytes of `all` within 64 bytes of dst, an aligned word: those below offset `body` first,
 * then the rest, which lies in one word or is a whole element. Either may be empty: a masked
 * store of no bytes stores nothing, and costs less than a branch that is hard to predict. The
 * loads come first, so any overlap is fine.
 */
MEMBUS_INLINE void ragged(char *dst, const char *src, uint64_t all, size_t body)
{
    __asm__ volatile("kmovq %2, %%k1\n\t"
                     "kmovd %3, %%k2\n\t"
                     "vmovdqu8 (%1), %%zmm16%{%%k1%}%{z%}\n\t"
                     "vmovdqu8 (%1,%4), %%xmm17%{%%k2%}%{z%}\n\t"
                     "vmovdqu8 %%zmm16, (%0)%{%%k1%}\n\t"
                     "vmovdqu8 %%xmm17, (%0,%4)%{%%k2%}"
                     :
                     : "r"(dst), "r"(src), "r"(_bzhi_u64(all, (unsigned)body)),
                       "r"((unsigned)(all >> body)), "r"(body)
                     : "xmm16", "xmm17", "k1", "k2", "memory");
}

/* 16 bytes to a 16-byte boundary: one access (SDM 9.1.1). */
MEMBUS_INLINE void element_16(char *dst, const char *src)
{
    __asm__ volatile("vmovdqu64 %1, %%xmm16\n\t"
                     "vmovdqu64 %%xmm16, %0"
                     : "=m"(*(struct membus_block16 *)dst)
                     : "m"(*(const struct membus_block16 *)src)
                     : "xmm16");
}

/* The sizes that membus_is_element() names, as bits. */
#define ELEMENTS UINT64_C(0x116)

/* n that lies in 64 bytes from dst & ~7. */
MEMBUS_INLINE void small(char *dst, const char *src, size_t n)
{
    size_t lead = (uintptr_t)dst & 7;
    size_t body = (lead + n - 1) & ~(size_t)7 & ((ELEMENTS >> (n & 63) & 1) - 1);

    ragged(dst - lead, src - lead, low_bits(n) << lead, body);
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

static __attribute__((noinline)) void *descriptor(char *dst, const char *src, size_t n)
{
#define DESCRIPTOR(n)                 \
    case n:                           \
        descriptor_line(dst, src, n); \
        break;

    switch (n) {
        DESCRIPTOR(4)
        DESCRIPTOR(8)
        DESCRIPTOR(12)
        DESCRIPTOR(16)
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

/* The first of two blocks as far as the mask `head` goes; then 1 to 64 bytes, the last word last.
 */
MEMBUS_INLINE void two_blocks(char *dst, const char *src, uint64_t head, size_t n)
{
    const size_t body = (n - 1) & ~(size_t)7;

    __asm__ volatile("kmovq %2, %%k1\n\t"
                     "kmovq %3, %%k2\n\t"
                     "kmovd %4, %%k3\n\t"
                     "vmovdqu8 (%1), %%zmm16%{%%k1%}%{z%}\n\t"
                     "vmovdqu8 64(%1), %%zmm17%{%%k2%}%{z%}\n\t"
                     "vmovdqu8 64(%1,%5), %%xmm18%{%%k3%}%{z%}\n\t"
                     "vmovdqu8 %%zmm16, (%0)%{%%k1%}\n\t"
                     "vmovdqu8 %%zmm17, 64(%0)%{%%k2%}\n\t"
                     "vmovdqu8 %%xmm18, 64(%0,%5)%{%%k3%}"
                     :
                     : "r"(dst), "r"(src), "r"(head), "r"(low_bits(body)),
                       "r"((unsigned)low_bits(n - body)), "r"(body)
                     : "xmm16", "xmm17", "xmm18", "k1", "k2", "k3", "memory");
}

/* low_bits() of a difference that may be negative. */
MEMBUS_INLINE uint64_t low_bits_of(ptrdiff_t n)
{
    return low_bits((size_t)(n > 0 ? n : 0));
}

/*
 * Up to 256 bytes from an aligned word, less those that `head` leaves out of the first 64, the
 * last word last; n counts from dst. Blocks beyond the body have empty masks.
 */
MEMBUS_INLINE void four_blocks(char *dst, const char *src, uint64_t head, size_t n)
{
    const size_t body = (n - 1) & ~(size_t)7;

    __asm__ volatile(
        "kmovq %2, %%k1\n\t"
        "kmovq %3, %%k2\n\t"
        "kmovq %4, %%k3\n\t"
        "kmovq %5, %%k4\n\t"
        "kmovd %6, %%k5\n\t"
        "vmovdqu8 (%1), %%zmm16%{%%k1%}%{z%}\n\t"
        "vmovdqu8 64(%1), %%zmm17%{%%k2%}%{z%}\n\t"
        "vmovdqu8 128(%1), %%zmm18%{%%k3%}%{z%}\n\t"
        "vmovdqu8 192(%1), %%zmm19%{%%k4%}%{z%}\n\t"
        "vmovdqu8 (%1,%7), %%xmm20%{%%k5%}%{z%}\n\t"
        "vmovdqu8 %%zmm16, (%0)%{%%k1%}\n\t"
        "vmovdqu8 %%zmm17, 64(%0)%{%%k2%}\n\t"
        "vmovdqu8 %%zmm18, 128(%0)%{%%k3%}\n\t"
        "vmovdqu8 %%zmm19, 192(%0)%{%%k4%}\n\t"
        "vmovdqu8 %%xmm20, (%0,%7)%{%%k5%}"
        :
        : "r"(dst), "r"(src), "r"(_bzhi_u64(head, (unsigned)body)),
          "r"(low_bits_of((ptrdiff_t)body - 64)), "r"(low_bits_of((ptrdiff_t)body - 128)),
          "r"(low_bits_of((ptrdiff_t)body - 192)), "r"((unsigned)low_bits(n - body)), "r"(body)
        : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "k1", "k2", "k3", "k4", "k5", "memory");
}

/*
 * Do `window` bytes from here stay within a page on both sides? A masked access whose idle lanes
 * lie in a page that is not there, or was never touched, takes some 400 ns: the processor finds
 * out in microcode that nothing is wrong. A page that is copied whole always ends there, so large
 * copies look; for short ones, looking costs more on the whole than it saves.
 */
MEMBUS_INLINE bool within_pages(const char *dst, const char *src, size_t window)
{
    return ((uintptr_t)dst & 4095) <= 4096 - window && ((uintptr_t)src & 4095) <= 4096 - window;
}

/* The bytes up to a line of dst, from a range of over 256. Returns how many. */
MEMBUS_INLINE size_t large_head(char *dst, const char *src)
{
    const size_t lead = (uintptr_t)dst & 7;
    const size_t first = 64 - ((uintptr_t)(dst - lead) & 63); /* from dst - lead to the line */

    if (((uintptr_t)src & 4095) >= lead)
        masked(dst - lead, src - lead, low_bits(first) & ~low_bits(lead));
    else /* src - lead lies in the page before */
        membus_words_copy(dst, src, first - lead, MEMBUS_WORDS_LOOSE);
    return first - lead;
}

/* Over 256 bytes. The destination is brought to a line first: a line crossed costs a store. */
static void *large(char *to, const char *from, size_t n)
{
    const size_t head = large_head(to, from);
    char *dst = to + head;
    const char *src = from + head;

    n -= head;
    for (; n > 256; n -= 256) {
        blocks(dst, src);
        dst += 256;
        src += 256;
    }
    if (within_pages(dst, src, 256)) {
        four_blocks(dst, src, UINT64_MAX, n);
        return to;
    }
    for (; n > 64; n -= 64) {
        block(dst, src);
        dst += 64;
        src += 64;
    }
    membus_words_copy(dst, src, n, MEMBUS_WORDS_LOOSE);
    return to;
}

/* Over 64 bytes from the word that dst starts in. */
static __attribute__((noinline)) void *longer(char *dst, const char *src, size_t n)
{
    const size_t lead = (uintptr_t)dst & 7, end = lead + n;

    if (end <= 128)
        two_blocks(dst - lead, src - lead, ~low_bits(lead), end - 64);
    else if (end <= 256)
        four_blocks(dst - lead, src - lead, ~low_bits(lead), end);
    else
        large(dst, src, n);
    return dst;
}

void *membus_avx512_copy(void *to, const void *from, size_t n)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;
    const size_t lead = (uintptr_t)dst & 7;

    if (lead + n > 64)
        return longer(dst, src, n);
    if (n == 16 && ((uintptr_t)dst & 15) == 0)
        element_16(dst, src);
    else if (lead == 0 && n % 4 == 0)
        return descriptor(dst, src, n);
    else
        small(dst, src, n);
    return to;
}

/* Strict order: nothing wider than what the architecture keeps whole, 16 bytes aligned (SDM 9.1.1,
 * AVX enumerated), and stores are seen in program order (SDM 9.2.2). */
static void *copy_strict(void *to, const void *from, size_t n)
{
    return membus_strict_copy(to, from, n);
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
    .needs = "AVX-512 F, BW and VL, and an operating system that saves their registers",
    .copy = membus_avx512_copy,
    .copy_strict = copy_strict,
    .fill = membus_avx512_fill,
    .move = membus_avx512_move,
    .block = 64,
    .load_blocks = load_blocks,
    .store_blocks = load_blocks,
};
