/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_AARCH64_H
#define MEMBUS_ARCH_AARCH64_H

/*
 * AArch64. Manual: Arm Architecture Reference Manual for A-profile, DDI 0487 ("Arm ARM").
 *
 * Aligned accesses up to 8 bytes are single-copy atomic (Arm ARM B2.2.1). To Normal memory any
 * alignment is one instruction, since Linux clears SCTLR_EL1.A; to Device memory an unaligned
 * access is an alignment fault (B2.5.2). Every access here is one register and [base]: the forms
 * for which ESR_ELx.ISV is 1 and a hypervisor gets the access decoded (ESR_EL2, "ISS encoding
 * for an exception from a Data Abort"); pairs, writeback and vectors are not among them.
 *
 * Barriers (B2.3, "Memory barriers"): CPUs share the inner shareable domain, devices are reached
 * through the outer one, as in Linux.
 *
 * MEMBUS_ERRATA_OLYMPUS: compile with this defined for NVIDIA Olympus, erratum 1027: a Device
 * load may be observed by a peripheral before an older store to other bytes of it. A DMB that
 * orders loads, between the two, prevents it. An inline accessor cannot ask the CPU what it is,
 * so this is a choice of the build; the copies of the library choose at run time (MEMBUS_ERRATA
 * in membus/copy.h).
 */

#define MEMBUS_ARCH_NAME          "aarch64"
#define MEMBUS_ARCH_RAM_UNALIGNED 1
#define MEMBUS_ARCH_WORD          8
#define MEMBUS_ARCH_MMIO_WIDTH    8

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(1, "ldrb %w0, %1") : "=r"(v) : "Q"(*(const membus_u8 *)p));
    return (uint8_t)v;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(2, "ldrh %w0, %1") : "=r"(v) : "Q"(*(const membus_u16 *)p));
    return (uint16_t)v;
}

MEMBUS_INLINE uint32_t membus_arch_load_32(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(4, "ldr %w0, %1") : "=r"(v) : "Q"(*(const membus_u32 *)p));
    return v;
}

MEMBUS_INLINE uint64_t membus_arch_load_64(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(8, "ldr %x0, %1") : "=r"(v) : "Q"(*(const membus_u64 *)p));
    return v;
}

MEMBUS_INLINE void membus_arch_store_8(void *p, uint8_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(1, "strb %w1, %0") : "=Q"(*(membus_u8 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_16(void *p, uint16_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(2, "strh %w1, %0") : "=Q"(*(membus_u16 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_32(void *p, uint32_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(4, "str %w1, %0") : "=Q"(*(membus_u32 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_64(void *p, uint64_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(8, "str %x1, %0") : "=Q"(*(membus_u64 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_publish(void)
{
    __asm__ volatile("dmb ishst" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_consume(void)
{
    __asm__ volatile("dmb ishld" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_device_write(void)
{
    __asm__ volatile("dmb oshst" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_device_read(void)
{
    __asm__ volatile("dmb oshld" ::: "memory");
}

/* Normal non-cacheable stores may gather until they complete: a DSB waits for that (B2.3). */
MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    __asm__ volatile("dsb st" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_full(void)
{
    __asm__ volatile("dmb sy" ::: "memory");
}

/* Device-nGnR accesses to one peripheral arrive in program order (B2.7.2), but for the erratum. */
MEMBUS_INLINE void membus_arch_mmio_order(void)
{
#ifdef MEMBUS_ERRATA_OLYMPUS
    __asm__ volatile("dmb oshld" ::: "memory");
#else
    membus_arch_compiler_barrier();
#endif
}

MEMBUS_INLINE void membus_arch_mmio_read_before(void)
{
    membus_arch_mmio_order();
}

MEMBUS_INLINE void membus_arch_mmio_read_after(void)
{
    __asm__ volatile("dmb oshld" ::: "memory");
}

/* Loads too: the device may overwrite what was read once it sees the store. */
MEMBUS_INLINE void membus_arch_mmio_write_before(void)
{
    __asm__ volatile("dmb osh" ::: "memory");
}

MEMBUS_INLINE void membus_arch_mmio_write_after(void)
{
    membus_arch_compiler_barrier();
}

#endif
