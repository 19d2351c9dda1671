/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_S390X_H
#define MEMBUS_ARCH_S390X_H

/*
 * s390x. Manual: z/Architecture Principles of Operation, SA22-7832, chapter 5 ("PoP").
 *
 * Any alignment is one instruction; aligned accesses up to 8 bytes are block-concurrent, that is
 * nobody sees half of one (PoP, "Block-Concurrent References"). Stores and loads are seen in
 * program order, but that a store may be seen after a later load (PoP, "Sequence of Storage
 * References"); only a serialization stops that: BCR 15,0, or BCR 14,0 where the
 * fast-BCR-serialization facility is (z196 and later), which on older machines does nothing.
 *
 * PCI memory is not reached by loads and stores: a touch of such a mapping is an addressing
 * exception. So there are no MMIO accessors here (MEMBUS_ARCH_MMIO_WIDTH is 0); membus_transfer()
 * goes through the system calls that the kernel has for it.
 */

#define MEMBUS_ARCH_NAME          "s390x"
#define MEMBUS_ARCH_RAM_UNALIGNED 1
#define MEMBUS_ARCH_WORD          8
#define MEMBUS_ARCH_MMIO_WIDTH    0

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(1, "llgc %0, %1") : "=d"(v) : "Q"(*(const membus_u8 *)p));
    return (uint8_t)v;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(2, "llgh %0, %1") : "=d"(v) : "Q"(*(const membus_u16 *)p));
    return (uint16_t)v;
}

MEMBUS_INLINE uint32_t membus_arch_load_32(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(4, "l %0, %1") : "=d"(v) : "Q"(*(const membus_u32 *)p));
    return v;
}

MEMBUS_INLINE uint64_t membus_arch_load_64(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(8, "lg %0, %1") : "=d"(v) : "Q"(*(const membus_u64 *)p));
    return v;
}

MEMBUS_INLINE void membus_arch_store_8(void *p, uint8_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(1, "stc %1, %0") : "=Q"(*(membus_u8 *)p) : "d"(v));
}

MEMBUS_INLINE void membus_arch_store_16(void *p, uint16_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(2, "sth %1, %0") : "=Q"(*(membus_u16 *)p) : "d"(v));
}

MEMBUS_INLINE void membus_arch_store_32(void *p, uint32_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(4, "st %1, %0") : "=Q"(*(membus_u32 *)p) : "d"(v));
}

MEMBUS_INLINE void membus_arch_store_64(void *p, uint64_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(8, "stg %1, %0") : "=Q"(*(membus_u64 *)p) : "d"(v));
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_publish(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_barrier_consume(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_barrier_device_write(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_barrier_device_read(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_barrier_full(void)
{
#if defined(__ARCH__) && __ARCH__ >= 9
    __asm__ volatile("bcr 14, 0" ::: "memory");
#else
    __asm__ volatile("bcr 15, 0" ::: "memory");
#endif
}

MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    membus_arch_barrier_full();
}

/* What a guarded access to a device that is not reached is wrapped in: it faults, and says so. */
MEMBUS_INLINE void membus_arch_mmio_order(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_mmio_read_before(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_mmio_read_after(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_mmio_write_before(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_mmio_write_after(void)
{
    membus_arch_compiler_barrier();
}

#endif
