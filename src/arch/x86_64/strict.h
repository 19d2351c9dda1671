/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_STRICT_H
#define MEMBUS_X86_64_STRICT_H

/*
 * MEMBUS_ORDER_STRICT where AVX is enumerated: 16-byte aligned stores, the widest that the
 * architecture keeps whole (SDM 9.1.1), ascending; x86 stores are seen in program order (SDM
 * 9.2.2). Heads, tails and the last word are elements.
 */

#include "branchless.h"

MEMBUS_INLINE void *membus_strict_copy(void *to, const void *from, size_t n)
{
    char *dst = (char *)to;
    const char *src = (const char *)from;

    struct membus_sink sink;

    if (n < 64) {
        membus_maybe_copy(dst, src, n, 16);
        return to;
    }

    const size_t head = membus_maybe_head(dst, src, n, 0, &sink);

    dst += head;
    src += head;
    n -= head;
    if ((uintptr_t)dst & 8) {
        membus_ram_store_64(dst, membus_ram_load_64(src));
        dst += 8;
        src += 8;
        n -= 8;
    }
    for (; n > 64; n -= 64, dst += 64, src += 64) {
        __m128i a = membus_load_16(src), b = membus_load_16(src + 16);
        __m128i c = membus_load_16(src + 32), d = membus_load_16(src + 48);

        membus_store_16(dst, a);
        membus_store_16(dst + 16, b);
        membus_store_16(dst + 32, c);
        membus_store_16(dst + 48, d);
    }
    membus_maybe_aligned(dst, src, n, 16, &sink);
    return to;
}

#endif
