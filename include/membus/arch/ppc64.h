/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_PPC64_H
#define MEMBUS_ARCH_PPC64_H

/*
 * 64-bit Power, little- and big-endian. Manual: Power ISA, version 2.07B and later, Book II
 * ("Book II") and Book III.
 *
 * Aligned accesses up to 8 bytes are single-copy atomic (Book II, "Single-Copy Atomicity").
 * Unaligned ones to cacheable memory are one instruction; to caching inhibited memory they take
 * an alignment interrupt on some processors (Book III, "Alignment Interrupt"), POWER8 among
 * them, and so do vectors. Every access is D or DS form, displacement 0: neither update nor
 * indexed. The address operand is "b", since r0 as a base reads as zero.
 *
 * Barriers (Book II, "Storage Access Ordering" and "Memory Barrier Instructions"): lwsync orders
 * cacheable accesses among themselves but a store before a load; eieio orders accesses to memory
 * that is both caching inhibited and guarded; only sync orders the one kind with the other.
 */

#define MEMBUS_ARCH_NAME          "ppc64"
#define MEMBUS_ARCH_RAM_UNALIGNED 1
#define MEMBUS_ARCH_WORD          8
#define MEMBUS_ARCH_MMIO_WIDTH    8

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(1, "lbz %0, 0(%1)")
                     : "=r"(v)
                     : "b"(p), "m"(*(const membus_u8 *)p));
    return (uint8_t)v;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(2, "lhz %0, 0(%1)")
                     : "=r"(v)
                     : "b"(p), "m"(*(const membus_u16 *)p));
    return (uint16_t)v;
}

MEMBUS_INLINE uint32_t membus_arch_load_32(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(4, "lwz %0, 0(%1)")
                     : "=r"(v)
                     : "b"(p), "m"(*(const membus_u32 *)p));
    return (uint32_t)v;
}

MEMBUS_INLINE uint64_t membus_arch_load_64(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(8, "ld %0, 0(%1)")
                     : "=r"(v)
                     : "b"(p), "m"(*(const membus_u64 *)p));
    return v;
}

MEMBUS_INLINE void membus_arch_store_8(void *p, uint8_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(1, "stb %1, 0(%2)")
                     : "=m"(*(membus_u8 *)p)
                     : "r"(v), "b"(p));
}

MEMBUS_INLINE void membus_arch_store_16(void *p, uint16_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(2, "sth %1, 0(%2)")
                     : "=m"(*(membus_u16 *)p)
                     : "r"(v), "b"(p));
}

MEMBUS_INLINE void membus_arch_store_32(void *p, uint32_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(4, "stw %1, 0(%2)")
                     : "=m"(*(membus_u32 *)p)
                     : "r"(v), "b"(p));
}

MEMBUS_INLINE void membus_arch_store_64(void *p, uint64_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(8, "std %1, 0(%2)")
                     : "=m"(*(membus_u64 *)p)
                     : "r"(v), "b"(p));
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_publish(void)
{
    __asm__ volatile("lwsync" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_consume(void)
{
    __asm__ volatile("lwsync" ::: "memory");
}

/* A store to RAM before a store to a device: only sync orders cacheable with inhibited. */
MEMBUS_INLINE void membus_arch_barrier_device_write(void)
{
    __asm__ volatile("sync" ::: "memory");
}

/* The load that told may have been of a device register: sync again. */
MEMBUS_INLINE void membus_arch_barrier_device_read(void)
{
    __asm__ volatile("sync" ::: "memory");
}

/* Inhibited but not guarded stores may be combined; sync waits for them. */
MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    __asm__ volatile("sync" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_full(void)
{
    __asm__ volatile("sync" ::: "memory");
}

/* A load may pass an older store to the same device, even guarded: eieio. */
MEMBUS_INLINE void membus_arch_mmio_order(void)
{
    __asm__ volatile("eieio" ::: "memory");
}

MEMBUS_INLINE void membus_arch_mmio_read_before(void)
{
    __asm__ volatile("sync" ::: "memory");
}

MEMBUS_INLINE void membus_arch_mmio_read_after(void)
{
    __asm__ volatile("sync" ::: "memory");
}

MEMBUS_INLINE void membus_arch_mmio_write_before(void)
{
    __asm__ volatile("sync" ::: "memory");
}

MEMBUS_INLINE void membus_arch_mmio_write_after(void)
{
    membus_arch_compiler_barrier();
}

#endif
