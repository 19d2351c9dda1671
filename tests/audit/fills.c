/* SPDX-License-Identifier: MIT */

/* Fills with memcpy's signature, for the recording engines: the value is whatever src ends in. */

#include <string.h>

#include <membus/copy.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void *fill(void *dst, const void *src, size_t n);
EXPORT void *fill_later(void *dst, const void *src, size_t n);
EXPORT void *fill_twice(void *dst, const void *src, size_t n);

EXPORT void *fill(void *dst, const void *src, size_t n)
{
    return (membus_fill)(dst, (int)(uintptr_t)src, n);
}

/*
 * At dst + 960: an engine's destinations lie at 3072 of a page, so these in the page's last line.
 * What ends at a line lies there anyway, before a page that cannot be accessed.
 */
EXPORT void *fill_later(void *dst, const void *src, size_t n)
{
    const size_t later = ((uintptr_t)dst + n) % 64 ? 960 : 0;

    return (membus_fill)((char *)dst + later, (int)(uintptr_t)src, n);
}

/* As C libraries do: both ends, which may overlap. */
EXPORT void *fill_twice(void *dst, const void *src, size_t n)
{
    const size_t half = n - n / 4;

    (membus_fill)(dst, (int)(uintptr_t)src, half);
    (membus_fill)((char *)dst + n - half, (int)(uintptr_t)src, half);
    return dst;
}
