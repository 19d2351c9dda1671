/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ACCESS_H
#define MEMBUS_ACCESS_H

/*
 * Single accesses: one load or one store of 8, 16, 32 or 64 bits.
 *
 * An *access* is the effect of one load or store instruction on memory. A compiler is free to
 * split, merge, repeat or drop what C writes, even through volatile; so on every architecture
 * that membus names an access is inline assembly with plain addressing: no pair, no writeback
 * form, nothing a hypervisor cannot decode. `membus objcheck` checks the object code.
 *
 * Two families:
 *
 *   membus_ram_*   RAM that another CPU or a device may be watching. Any alignment. An aligned
 *                  access is single-copy atomic: nobody sees half of it. Where the host takes no
 *                  unaligned access in one instruction (MEMBUS_ARCH_RAM_UNALIGNED is 0) an
 *                  unaligned one is split into the largest elements that fit, in ascending
 *                  order (rule W2). No ordering beyond that: see the barriers.
 *
 *   membus_mmio_*  Device memory. The ordering is that of Linux's readl() and writel(): a read
 *                  is ordered before all later loads and stores to RAM, a write after all
 *                  earlier ones, and both with one another. The _relaxed forms keep order only
 *                  among accesses to the same device. The address must be aligned to the width
 *                  except on x86; ask membus_mapping_permit() when in doubt. A read may have a
 *                  side effect and happens exactly once. Accessors that the host cannot keep
 *                  to one access that a hypervisor can decode are not declared
 *                  (MEMBUS_ARCH_MMIO_WIDTH): no 64-bit ones on i386 and arm, none on s390x.
 *
 * Byte order: _le and _be name the order of the bytes in memory; no mark means the host's own.
 * (Linux's readl() is membus_mmio_read_le32(): PCI is little-endian.)
 *
 * Barriers are named by what they are for:
 *
 *   1. membus_barrier_publish()       earlier stores are visible to another CPU before later
 *                                     stores. Pairs with membus_barrier_consume().
 *   2. membus_barrier_consume()       later loads see at least what was published before the
 *                                     value that an earlier load returned.
 *   3. membus_barrier_device_write()  earlier stores to RAM are visible to a device before it
 *                                     sees later stores to it: the descriptor, then the doorbell.
 *   4. membus_barrier_device_read()   loads of RAM that a device wrote come after the load that
 *                                     said it is there: the completion's phase bit, then its body.
 *   5. membus_barrier_flush_wc()      earlier stores through write-combining mappings reach the
 *                                     device before later stores do.
 *   6. membus_barrier_full()          every earlier load and store before every later one.
 *
 * Example, a driver that submits a command:
 *
 *     membus_ram_store_le64(&sq[tail].addr, dma);
 *     membus_barrier_device_write();               // the command before the doorbell
 *     membus_mmio_write_le32_relaxed(doorbell, tail);
 *
 * All functions here: any thread, any context (signal handlers too); no errors, no locks.
 */

#include <stdint.h>

#include <membus/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define MEMBUS_BIG_ENDIAN 1
#else
#define MEMBUS_BIG_ENDIAN 0
#endif

/* The value whose bytes in memory are those of `v` in little-endian (big-endian) order. The same
 * conversion serves both directions. */
MEMBUS_INLINE uint16_t membus_le16(uint16_t v)
{
    return MEMBUS_BIG_ENDIAN ? __builtin_bswap16(v) : v;
}

MEMBUS_INLINE uint32_t membus_le32(uint32_t v)
{
    return MEMBUS_BIG_ENDIAN ? __builtin_bswap32(v) : v;
}

MEMBUS_INLINE uint64_t membus_le64(uint64_t v)
{
    return MEMBUS_BIG_ENDIAN ? __builtin_bswap64(v) : v;
}

MEMBUS_INLINE uint16_t membus_be16(uint16_t v)
{
    return MEMBUS_BIG_ENDIAN ? v : __builtin_bswap16(v);
}

MEMBUS_INLINE uint32_t membus_be32(uint32_t v)
{
    return MEMBUS_BIG_ENDIAN ? v : __builtin_bswap32(v);
}

MEMBUS_INLINE uint64_t membus_be64(uint64_t v)
{
    return MEMBUS_BIG_ENDIAN ? v : __builtin_bswap64(v);
}

/* Barriers. */

MEMBUS_INLINE void membus_barrier_compiler(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_barrier_publish(void)
{
    membus_arch_barrier_publish();
}

MEMBUS_INLINE void membus_barrier_consume(void)
{
    membus_arch_barrier_consume();
}

MEMBUS_INLINE void membus_barrier_device_write(void)
{
    membus_arch_barrier_device_write();
}

MEMBUS_INLINE void membus_barrier_device_read(void)
{
    membus_arch_barrier_device_read();
}

MEMBUS_INLINE void membus_barrier_flush_wc(void)
{
    membus_arch_barrier_flush_wc();
}

MEMBUS_INLINE void membus_barrier_full(void)
{
    membus_arch_barrier_full();
}

/*
 * An unaligned access where the host has none: elements in ascending address order, each the
 * largest power of two that is aligned and fits (W2), the last store behind a publish barrier
 * (W6). Values travel in native byte order.
 */
MEMBUS_INLINE uint64_t membus_split_load(const void *p, unsigned n)
{
    const char *b = (const char *)p;
    uint64_t v = 0;
    unsigned done = 0;

    while (done < n) {
        uintptr_t at = (uintptr_t)(b + done);
        unsigned w = (at & 1) || n - done < 2 ? 1 : (at & 2) || n - done < 4 ? 2 : 4;
        uint64_t part = w == 1   ? membus_arch_load_8(b + done)
                        : w == 2 ? membus_arch_load_16(b + done)
                                 : membus_arch_load_32(b + done);
        v |= part << (8 * (MEMBUS_BIG_ENDIAN ? n - done - w : done));
        done += w;
    }
    return v;
}

MEMBUS_INLINE void membus_split_store(void *p, uint64_t v, unsigned n)
{
    char *b = (char *)p;
    unsigned done = 0;

    while (done < n) {
        uintptr_t at = (uintptr_t)(b + done);
        unsigned w = (at & 1) || n - done < 2 ? 1 : (at & 2) || n - done < 4 ? 2 : 4;
        uint64_t part = v >> (8 * (MEMBUS_BIG_ENDIAN ? n - done - w : done));

        if (done + w == n)
            membus_arch_barrier_publish();
        if (w == 1)
            membus_arch_store_8(b + done, (uint8_t)part);
        else if (w == 2)
            membus_arch_store_16(b + done, (uint16_t)part);
        else
            membus_arch_store_32(b + done, (uint32_t)part);
        done += w;
    }
}

/* RAM, native byte order. */

MEMBUS_INLINE uint8_t membus_ram_load_8(const void *p)
{
    return membus_arch_load_8(p);
}

MEMBUS_INLINE void membus_ram_store_8(void *p, uint8_t v)
{
    membus_arch_store_8(p, v);
}

MEMBUS_INLINE uint16_t membus_ram_load_16(const void *p)
{
    if (MEMBUS_ARCH_RAM_UNALIGNED || ((uintptr_t)p & 1) == 0)
        return membus_arch_load_16(p);
    return (uint16_t)membus_split_load(p, 2);
}

MEMBUS_INLINE void membus_ram_store_16(void *p, uint16_t v)
{
    if (MEMBUS_ARCH_RAM_UNALIGNED || ((uintptr_t)p & 1) == 0)
        membus_arch_store_16(p, v);
    else
        membus_split_store(p, v, 2);
}

MEMBUS_INLINE uint32_t membus_ram_load_32(const void *p)
{
    if (MEMBUS_ARCH_RAM_UNALIGNED || ((uintptr_t)p & 3) == 0)
        return membus_arch_load_32(p);
    return (uint32_t)membus_split_load(p, 4);
}

MEMBUS_INLINE void membus_ram_store_32(void *p, uint32_t v)
{
    if (MEMBUS_ARCH_RAM_UNALIGNED || ((uintptr_t)p & 3) == 0)
        membus_arch_store_32(p, v);
    else
        membus_split_store(p, v, 4);
}

MEMBUS_INLINE uint64_t membus_ram_load_64(const void *p)
{
    if (MEMBUS_ARCH_RAM_UNALIGNED || ((uintptr_t)p & 7) == 0)
        return membus_arch_load_64(p);
    return (uint64_t)membus_split_load(p, 8);
}

MEMBUS_INLINE void membus_ram_store_64(void *p, uint64_t v)
{
    if (MEMBUS_ARCH_RAM_UNALIGNED || ((uintptr_t)p & 7) == 0)
        membus_arch_store_64(p, v);
    else
        membus_split_store(p, v, 8);
}

/* RAM, little-endian and big-endian in memory. */

MEMBUS_INLINE uint16_t membus_ram_load_le16(const void *p)
{
    return membus_le16(membus_ram_load_16(p));
}

MEMBUS_INLINE void membus_ram_store_le16(void *p, uint16_t v)
{
    membus_ram_store_16(p, membus_le16(v));
}

MEMBUS_INLINE uint32_t membus_ram_load_le32(const void *p)
{
    return membus_le32(membus_ram_load_32(p));
}

MEMBUS_INLINE void membus_ram_store_le32(void *p, uint32_t v)
{
    membus_ram_store_32(p, membus_le32(v));
}

MEMBUS_INLINE uint64_t membus_ram_load_le64(const void *p)
{
    return membus_le64(membus_ram_load_64(p));
}

MEMBUS_INLINE void membus_ram_store_le64(void *p, uint64_t v)
{
    membus_ram_store_64(p, membus_le64(v));
}

MEMBUS_INLINE uint16_t membus_ram_load_be16(const void *p)
{
    return membus_be16(membus_ram_load_16(p));
}

MEMBUS_INLINE void membus_ram_store_be16(void *p, uint16_t v)
{
    membus_ram_store_16(p, membus_be16(v));
}

MEMBUS_INLINE uint32_t membus_ram_load_be32(const void *p)
{
    return membus_be32(membus_ram_load_32(p));
}

MEMBUS_INLINE void membus_ram_store_be32(void *p, uint32_t v)
{
    membus_ram_store_32(p, membus_be32(v));
}

MEMBUS_INLINE uint64_t membus_ram_load_be64(const void *p)
{
    return membus_be64(membus_ram_load_64(p));
}

MEMBUS_INLINE void membus_ram_store_be64(void *p, uint64_t v)
{
    membus_ram_store_64(p, membus_be64(v));
}

#if MEMBUS_ARCH_MMIO_WIDTH > 0

/* MMIO, relaxed: ordered only against other accesses to the same device. */

MEMBUS_INLINE uint8_t membus_mmio_read_8_relaxed(const void *p)
{
    membus_arch_mmio_order();
    return membus_arch_load_8(p);
}

MEMBUS_INLINE void membus_mmio_write_8_relaxed(void *p, uint8_t v)
{
    membus_arch_mmio_order();
    membus_arch_store_8(p, v);
}

MEMBUS_INLINE uint16_t membus_mmio_read_16_relaxed(const void *p)
{
    membus_arch_mmio_order();
    return membus_arch_load_16(p);
}

MEMBUS_INLINE void membus_mmio_write_16_relaxed(void *p, uint16_t v)
{
    membus_arch_mmio_order();
    membus_arch_store_16(p, v);
}

MEMBUS_INLINE uint32_t membus_mmio_read_32_relaxed(const void *p)
{
    membus_arch_mmio_order();
    return membus_arch_load_32(p);
}

MEMBUS_INLINE void membus_mmio_write_32_relaxed(void *p, uint32_t v)
{
    membus_arch_mmio_order();
    membus_arch_store_32(p, v);
}

/* MMIO, with the ordering of readl() and writel(). */

MEMBUS_INLINE uint8_t membus_mmio_read_8(const void *p)
{
    membus_arch_mmio_read_before();
    uint8_t v = membus_arch_load_8(p);
    membus_arch_mmio_read_after();
    return v;
}

MEMBUS_INLINE void membus_mmio_write_8(void *p, uint8_t v)
{
    membus_arch_mmio_write_before();
    membus_arch_store_8(p, v);
    membus_arch_mmio_write_after();
}

MEMBUS_INLINE uint16_t membus_mmio_read_16(const void *p)
{
    membus_arch_mmio_read_before();
    uint16_t v = membus_arch_load_16(p);
    membus_arch_mmio_read_after();
    return v;
}

MEMBUS_INLINE void membus_mmio_write_16(void *p, uint16_t v)
{
    membus_arch_mmio_write_before();
    membus_arch_store_16(p, v);
    membus_arch_mmio_write_after();
}

MEMBUS_INLINE uint32_t membus_mmio_read_32(const void *p)
{
    membus_arch_mmio_read_before();
    uint32_t v = membus_arch_load_32(p);
    membus_arch_mmio_read_after();
    return v;
}

MEMBUS_INLINE void membus_mmio_write_32(void *p, uint32_t v)
{
    membus_arch_mmio_write_before();
    membus_arch_store_32(p, v);
    membus_arch_mmio_write_after();
}

/* MMIO, little-endian and big-endian in memory. */

MEMBUS_INLINE uint16_t membus_mmio_read_le16(const void *p)
{
    return membus_le16(membus_mmio_read_16(p));
}

MEMBUS_INLINE void membus_mmio_write_le16(void *p, uint16_t v)
{
    membus_mmio_write_16(p, membus_le16(v));
}

MEMBUS_INLINE uint16_t membus_mmio_read_le16_relaxed(const void *p)
{
    return membus_le16(membus_mmio_read_16_relaxed(p));
}

MEMBUS_INLINE void membus_mmio_write_le16_relaxed(void *p, uint16_t v)
{
    membus_mmio_write_16_relaxed(p, membus_le16(v));
}

MEMBUS_INLINE uint32_t membus_mmio_read_le32(const void *p)
{
    return membus_le32(membus_mmio_read_32(p));
}

MEMBUS_INLINE void membus_mmio_write_le32(void *p, uint32_t v)
{
    membus_mmio_write_32(p, membus_le32(v));
}

MEMBUS_INLINE uint32_t membus_mmio_read_le32_relaxed(const void *p)
{
    return membus_le32(membus_mmio_read_32_relaxed(p));
}

MEMBUS_INLINE void membus_mmio_write_le32_relaxed(void *p, uint32_t v)
{
    membus_mmio_write_32_relaxed(p, membus_le32(v));
}

MEMBUS_INLINE uint16_t membus_mmio_read_be16(const void *p)
{
    return membus_be16(membus_mmio_read_16(p));
}

MEMBUS_INLINE void membus_mmio_write_be16(void *p, uint16_t v)
{
    membus_mmio_write_16(p, membus_be16(v));
}

MEMBUS_INLINE uint16_t membus_mmio_read_be16_relaxed(const void *p)
{
    return membus_be16(membus_mmio_read_16_relaxed(p));
}

MEMBUS_INLINE void membus_mmio_write_be16_relaxed(void *p, uint16_t v)
{
    membus_mmio_write_16_relaxed(p, membus_be16(v));
}

MEMBUS_INLINE uint32_t membus_mmio_read_be32(const void *p)
{
    return membus_be32(membus_mmio_read_32(p));
}

MEMBUS_INLINE void membus_mmio_write_be32(void *p, uint32_t v)
{
    membus_mmio_write_32(p, membus_be32(v));
}

MEMBUS_INLINE uint32_t membus_mmio_read_be32_relaxed(const void *p)
{
    return membus_be32(membus_mmio_read_32_relaxed(p));
}

MEMBUS_INLINE void membus_mmio_write_be32_relaxed(void *p, uint32_t v)
{
    membus_mmio_write_32_relaxed(p, membus_be32(v));
}

#endif /* MEMBUS_ARCH_MMIO_WIDTH > 0 */

#if MEMBUS_ARCH_MMIO_WIDTH >= 8

/* MMIO, 64 bits: relaxed, ordered, little-endian, big-endian. */

MEMBUS_INLINE uint64_t membus_mmio_read_64_relaxed(const void *p)
{
    membus_arch_mmio_order();
    return membus_arch_load_64(p);
}

MEMBUS_INLINE void membus_mmio_write_64_relaxed(void *p, uint64_t v)
{
    membus_arch_mmio_order();
    membus_arch_store_64(p, v);
}

MEMBUS_INLINE uint64_t membus_mmio_read_64(const void *p)
{
    membus_arch_mmio_read_before();
    uint64_t v = membus_arch_load_64(p);
    membus_arch_mmio_read_after();
    return v;
}

MEMBUS_INLINE void membus_mmio_write_64(void *p, uint64_t v)
{
    membus_arch_mmio_write_before();
    membus_arch_store_64(p, v);
    membus_arch_mmio_write_after();
}

MEMBUS_INLINE uint64_t membus_mmio_read_le64(const void *p)
{
    return membus_le64(membus_mmio_read_64(p));
}

MEMBUS_INLINE void membus_mmio_write_le64(void *p, uint64_t v)
{
    membus_mmio_write_64(p, membus_le64(v));
}

MEMBUS_INLINE uint64_t membus_mmio_read_le64_relaxed(const void *p)
{
    return membus_le64(membus_mmio_read_64_relaxed(p));
}

MEMBUS_INLINE void membus_mmio_write_le64_relaxed(void *p, uint64_t v)
{
    membus_mmio_write_64_relaxed(p, membus_le64(v));
}

MEMBUS_INLINE uint64_t membus_mmio_read_be64(const void *p)
{
    return membus_be64(membus_mmio_read_64(p));
}

MEMBUS_INLINE void membus_mmio_write_be64(void *p, uint64_t v)
{
    membus_mmio_write_64(p, membus_be64(v));
}

MEMBUS_INLINE uint64_t membus_mmio_read_be64_relaxed(const void *p)
{
    return membus_be64(membus_mmio_read_64_relaxed(p));
}

MEMBUS_INLINE void membus_mmio_write_be64_relaxed(void *p, uint64_t v)
{
    membus_mmio_write_64_relaxed(p, membus_be64(v));
}

#endif /* MEMBUS_ARCH_MMIO_WIDTH >= 8 */

#ifdef __cplusplus
}
#endif

#endif
