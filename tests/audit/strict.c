/* SPDX-License-Identifier: MIT */

/* What test_audit_strict.c records: a copy and a transfer in strict order as routines of memcpy's
 * signature, and a copy that is none. */

#include <membus/copy.h>

__attribute__((visibility("default"))) void *strict_copy(void *dst, const void *src, size_t n);
__attribute__((visibility("default"))) void *strict_transfer(void *dst, const void *src, size_t n);
__attribute__((visibility("default"))) void *loose_copy(void *dst, const void *src, size_t n);

void *strict_copy(void *dst, const void *src, size_t n)
{
    return membus_copy_strict(dst, src, n);
}

void *strict_transfer(void *dst, const void *src, size_t n)
{
    const struct membus_mapping to = membus_mapping_ram(dst, n);
    const struct membus_mapping from = membus_mapping_ram((void *)(uintptr_t)src, n);

    membus_transfer(&to, 0, &from, 0, n, NULL, MEMBUS_ORDER_STRICT);
    return dst;
}

void *loose_copy(void *dst, const void *src, size_t n)
{
    return membus_copy(dst, src, n);
}
