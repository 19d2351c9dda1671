/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_WORDS_H
#define MEMBUS_WORDS_H

/*
 * The ordered copy from the accessors alone, element by element: what the kernels use where
 * straight.h is not for the host, and for heads, tails and fills.
 *
 * A range is its *body* and its *last element* (W5). The body is stored as naturally aligned
 * elements in ascending order (W1, W3, W4): at most one each of 1, 2 and 4 bytes up to a word
 * boundary (the head), words, then at most one each of 4, 2 and 1 (the tail). The last element
 * follows behind a publish barrier (W6: the reader that polls it pairs with an acquire or a
 * dependency of its own).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/access.h>

/* The widest element that the host stores in one access, bytes. */
#define MEMBUS_WORD ((unsigned)MEMBUS_ARCH_WORD)

#if MEMBUS_ARCH_WORD == 8
typedef uint64_t membus_word;
#else
typedef uint32_t membus_word;
#endif

#define MEMBUS_WORDS_STRICT true
#define MEMBUS_WORDS_LOOSE  false

MEMBUS_INLINE bool membus_is_element(size_t n)
{
    return n <= MEMBUS_WORD && n != 0 && (n & (n - 1)) == 0;
}

/* Bytes of the last element of [at, at + n): the largest that ends there and lies inside. */
MEMBUS_INLINE unsigned membus_last_element(uintptr_t at, size_t n)
{
    unsigned width = MEMBUS_WORD;

    while (width > n || ((at + n) & (width - 1)))
        width /= 2;
    return width;
}

/* Is the store of an element of n bytes at `at` more than one access? */
MEMBUS_INLINE bool membus_word_splits(uintptr_t at, size_t n)
{
    return !MEMBUS_ARCH_RAM_UNALIGNED && (at & (n - 1)) != 0;
}

/* One element of `width` bytes. The store is one access if dst is aligned or the host takes an
 * unaligned one; the load may be split where it does not. */
MEMBUS_INLINE void membus_word_copy(char *dst, const char *src, unsigned width)
{
    switch (width) {
    case 1:
        membus_ram_store_8(dst, membus_ram_load_8(src));
        break;
    case 2:
        membus_ram_store_16(dst, membus_ram_load_16(src));
        break;
    case 4:
        membus_ram_store_32(dst, membus_ram_load_32(src));
        break;
    default:
        membus_ram_store_64(dst, membus_ram_load_64(src));
    }
}

/* Between two stores of a strict copy: the earlier is visible before the later. */
MEMBUS_INLINE void membus_words_order(bool strict)
{
    if (strict)
        membus_arch_barrier_publish();
}

MEMBUS_INLINE membus_word membus_native_load(const char *p)
{
#if MEMBUS_ARCH_WORD == 8
    return membus_arch_load_64(p);
#else
    return membus_arch_load_32(p);
#endif
}

MEMBUS_INLINE void membus_native_store(char *p, membus_word v)
{
#if MEMBUS_ARCH_WORD == 8
    membus_arch_store_64(p, v);
#else
    membus_arch_store_32(p, v);
#endif
}

/*
 * `words` words to an aligned dst from a src that is not, on a host without unaligned loads: each
 * source word is loaded once, aligned, and two neighbours are shifted together. The parts of
 * words at both ends are loaded in elements, so nothing outside the source is touched (L1).
 */
MEMBUS_INLINE void membus_words_shift(char *dst, const char *src, size_t words, bool strict)
{
    const unsigned lead = MEMBUS_WORD - ((uintptr_t)src & (MEMBUS_WORD - 1)); /* 1 to WORD - 1 */
    const unsigned low = 8 * lead, high = 8 * (MEMBUS_WORD - lead);
    membus_word have = (membus_word)membus_split_load(src, lead); /* lead bytes, native order */

    for (size_t i = 0; i < words; i++) {
        membus_word next = i + 1 < words
                               ? membus_native_load(src + lead)
                               : (membus_word)membus_split_load(src + lead, MEMBUS_WORD - lead)
                                     << (MEMBUS_BIG_ENDIAN ? low : 0);
        membus_word word = MEMBUS_BIG_ENDIAN ? have << high | next >> low : have | next << low;

        membus_words_order(strict);
        membus_native_store(dst, word);
        have = MEMBUS_BIG_ENDIAN ? next & (((membus_word)1 << low) - 1) : next >> high;
        dst += MEMBUS_WORD;
        src += MEMBUS_WORD;
    }
}

/* `words` words to an aligned dst. */
MEMBUS_INLINE void membus_words_body(char *dst, const char *src, size_t words, bool strict)
{
    if (words && !MEMBUS_ARCH_RAM_UNALIGNED && ((uintptr_t)src & (MEMBUS_WORD - 1))) {
        membus_words_shift(dst, src, words, strict);
        return;
    }
    for (; words >= 4; words -= 4) {
        membus_word a = membus_native_load(src);
        membus_word b = membus_native_load(src + MEMBUS_WORD);
        membus_word c = membus_native_load(src + 2 * MEMBUS_WORD);
        membus_word d = membus_native_load(src + 3 * MEMBUS_WORD);

        membus_words_order(strict);
        membus_native_store(dst, a);
        membus_words_order(strict);
        membus_native_store(dst + MEMBUS_WORD, b);
        membus_words_order(strict);
        membus_native_store(dst + 2 * MEMBUS_WORD, c);
        membus_words_order(strict);
        membus_native_store(dst + 3 * MEMBUS_WORD, d);
        dst += 4 * MEMBUS_WORD;
        src += 4 * MEMBUS_WORD;
    }
    for (; words; words--) {
        membus_word a = membus_native_load(src);

        membus_words_order(strict);
        membus_native_store(dst, a);
        dst += MEMBUS_WORD;
        src += MEMBUS_WORD;
    }
}

/* The head: elements up to a word boundary of dst, or to the end. Returns the bytes done. */
MEMBUS_INLINE size_t membus_words_head(char *dst, const char *src, size_t n, bool strict)
{
    size_t done = 0;

    for (unsigned width = 1; width < MEMBUS_WORD; width *= 2) {
        if (((uintptr_t)(dst + done) & width) && n - done >= width) {
            membus_words_order(strict);
            membus_word_copy(dst + done, src + done, width);
            done += width;
        }
    }
    return done;
}

/* The tail: fewer bytes than a word, after a head. */
MEMBUS_INLINE void membus_words_tail(char *dst, const char *src, size_t n, bool strict)
{
    for (unsigned width = MEMBUS_WORD / 2; width; width /= 2) {
        if (n & width) {
            membus_words_order(strict);
            membus_word_copy(dst, src, width);
            dst += width;
            src += width;
        }
    }
}

/* Any n: W1-W7. dst and src overlap only with dst <= src. */
MEMBUS_INLINE void *membus_words_copy(void *to, const void *from, size_t n, bool strict)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;

    if (n == 0)
        return to;
    /* W2; but each piece of a store that the host splits has its own place in the order. */
    if (membus_is_element(n) && !(strict && membus_word_splits((uintptr_t)dst, n))) {
        membus_word_copy(dst, src, (unsigned)n);
        return to;
    }

    unsigned last = membus_last_element((uintptr_t)dst, n);
    size_t body = n - last;
    size_t done = membus_words_head(dst, src, body, strict);
    size_t words = (body - done) / MEMBUS_WORD;

    membus_words_body(dst + done, src + done, words, strict);
    done += words * MEMBUS_WORD;
    membus_words_tail(dst + done, src + done, body - done, strict);
    membus_arch_barrier_publish();
    membus_word_copy(dst + body, src + body, last);
    return to;
}

/* One element of a fill; `pattern` is the byte in every byte. */
MEMBUS_INLINE void membus_word_fill(char *dst, uint64_t pattern, unsigned width)
{
    switch (width) {
    case 1:
        membus_ram_store_8(dst, (uint8_t)pattern);
        break;
    case 2:
        membus_ram_store_16(dst, (uint16_t)pattern);
        break;
    case 4:
        membus_ram_store_32(dst, (uint32_t)pattern);
        break;
    default:
        membus_ram_store_64(dst, pattern);
    }
}

MEMBUS_INLINE void *membus_words_fill(void *to, int value, size_t n)
{
    const uint64_t pattern = (unsigned char)value * UINT64_C(0x0101010101010101);
    char *dst = (char *)to;

    if (n == 0)
        return to;
    if (membus_is_element(n)) {
        membus_word_fill(dst, pattern, (unsigned)n);
        return to;
    }

    char *last = dst + n - membus_last_element((uintptr_t)dst, n);

    while (dst < last) {
        unsigned width = MEMBUS_WORD;

        while (((uintptr_t)dst & (width - 1)) || width > (size_t)(last - dst))
            width /= 2;
        membus_word_fill(dst, pattern, width);
        dst += width;
    }
    membus_arch_barrier_publish();
    membus_word_fill(dst, pattern, membus_last_element((uintptr_t)to, n));
    return to;
}

#endif
