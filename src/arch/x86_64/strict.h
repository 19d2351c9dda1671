/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_STRICT_H
#define MEMBUS_X86_64_STRICT_H

/*
 * MEMBUS_ORDER_STRICT where AVX is enumerated: 16-byte aligned stores, the widest that the
 * architecture keeps whole (SDM 9.1.1), ascending; x86 stores are seen in program order (SDM
 * 9.2.2). Heads, tails and the last word are elements.
 */

#include "vector.h"
#include "words.h"

MEMBUS_INLINE void *membus_strict_copy(void *to, const void *from, size_t n)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;

    if (n <= 32)
        return membus_words_copy(to, from, n, MEMBUS_WORDS_STRICT);

    size_t done = membus_words_head(dst, src, n, MEMBUS_WORDS_STRICT);

    if ((uintptr_t)(dst + done) & 8) {
        membus_ram_store_64(dst + done, membus_ram_load_64(src + done));
        done += 8;
    }
    for (; n - done > 64; done += 64) {
        __m128i a = membus_load_16(src + done), b = membus_load_16(src + done + 16);
        __m128i c = membus_load_16(src + done + 32), d = membus_load_16(src + done + 48);

        membus_store_16(dst + done, a);
        membus_store_16(dst + done + 16, b);
        membus_store_16(dst + done + 32, c);
        membus_store_16(dst + done + 48, d);
    }
    for (; n - done > 16; done += 16)
        membus_store_16(dst + done, membus_load_16(src + done));
    membus_words_copy(dst + done, src + done, n - done, MEMBUS_WORDS_STRICT);
    return to;
}

#endif
