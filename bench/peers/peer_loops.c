/* SPDX-License-Identifier: MIT */
#include "peers.h"

#include <membus/arch.h>

/* What Linux's generic memcpy_toio() does (lib/iomem_copy.c): every byte once, ascending, but 2
 * and 4 bytes are split. */
void *peer_toio(void *dst, const void *src, size_t n)
{
    volatile unsigned char *d = (volatile unsigned char *)dst;
    const unsigned char *s = (const unsigned char *)src;

    for (; n && ((uintptr_t)d & 7); n--)
        *d++ = *s++;
    for (; n >= 8; n -= 8, d += 8, s += 8)
        *(volatile uint64_t *)d = *(const membus_u64 *)s;
    for (; n; n--)
        *d++ = *s++;
    return dst;
}

void *peer_bytes(void *dst, const void *src, size_t n)
{
    volatile unsigned char *d = (volatile unsigned char *)dst;
    const unsigned char *s = (const unsigned char *)src;

    for (; n; n--)
        *d++ = *s++;
    return dst;
}
