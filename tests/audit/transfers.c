/* SPDX-License-Identifier: MIT */

/* Transfers and guarded moves as routines of memcpy's signature, for the auditor: native in
 * test_transfer_audit.sh, in qemu-user in test_membus_audit_cross.sh. */

#include <membus/copy.h>
#include <membus/guard.h>

#define ROUTINE(name)                                                                        \
    __attribute__((visibility("default"))) void *name(void *dst, const void *src, size_t n); \
    void *name(void *dst, const void *src, size_t n)

/* What is chosen at the first call is chosen before one is recorded. */
static __attribute__((constructor)) void choose(void)
{
    membus_mapping_rule(MEMBUS_CACHE_NORMAL);
    membus_kernel_name();
}

static struct membus_mapping ram(const void *p, size_t n)
{
    return membus_mapping_ram((void *)(uintptr_t)p, n);
}

static struct membus_mapping device(const void *p, size_t n)
{
    return membus_mapping_device((void *)(uintptr_t)p, n, MEMBUS_CACHE_NONCACHED);
}

static void *transfer(struct membus_mapping dst, struct membus_mapping src, unsigned flags)
{
    membus_transfer(&dst, 0, &src, 0, dst.size, NULL, flags);
    return dst.addr;
}

static void *guarded(struct membus_mapping dst, struct membus_mapping src, unsigned flags)
{
    membus_guard_transfer(&dst, 0, &src, 0, dst.size, flags, NULL);
    return dst.addr;
}

ROUTINE(read_device)
{
    return transfer(ram(dst, n), device(src, n), 0);
}

ROUTINE(read_device_strict)
{
    return transfer(ram(dst, n), device(src, n), MEMBUS_ORDER_STRICT);
}

ROUTINE(write_device)
{
    return transfer(device(dst, n), ram(src, n), 0);
}

ROUTINE(between_devices)
{
    return transfer(device(dst, n), device(src, n), 0);
}

ROUTINE(guard_read_device)
{
    return guarded(ram(dst, n), device(src, n), 0);
}

ROUTINE(guard_read_device_strict)
{
    return guarded(ram(dst, n), device(src, n), MEMBUS_ORDER_STRICT);
}

ROUTINE(guard_write_device)
{
    return guarded(device(dst, n), ram(src, n), 0);
}

ROUTINE(copy_strict)
{
    return membus_copy_strict(dst, src, n);
}

ROUTINE(transfer_strict)
{
    return transfer(ram(dst, n), ram(src, n), MEMBUS_ORDER_STRICT);
}

/* These overlap. */

ROUTINE(transfer_move)
{
    return transfer(ram(dst, n), ram(src, n), MEMBUS_OVERLAP_TAIL);
}

ROUTINE(strict_move)
{
    return transfer(ram(dst, n), ram(src, n), MEMBUS_OVERLAP_TAIL | MEMBUS_ORDER_STRICT);
}

ROUTINE(guard_move)
{
    membus_guard_move(dst, src, n, NULL);
    return dst;
}

ROUTINE(guard_transfer_move)
{
    return guarded(ram(dst, n), ram(src, n), 0);
}
