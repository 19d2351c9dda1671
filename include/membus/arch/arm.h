/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_ARM_H
#define MEMBUS_ARCH_ARM_H

/*
 * 32-bit Arm, ARMv7-A and later. Manual: ARM Architecture Reference Manual, ARMv7-A and ARMv7-R
 * edition, DDI 0406C ("ARM ARM").
 *
 * Aligned accesses up to 4 bytes are single-copy atomic. 8 bytes are LDRD and STRD, which are so
 * only where the Large Physical Address Extension is (ARM ARM A3.5.3; HWCAP_LPAE says), else two
 * words; and which need word alignment at least (A3.2.1), so an unaligned access is split here.
 * A hypervisor gets no decoded LDRD or STRD (HSR.ISV is 0: B3.13.6), so to a device 8 bytes are
 * not one access, and there is no MMIO accessor for them (MEMBUS_ARCH_MMIO_WIDTH is 4).
 *
 * Barriers: A3.8.3, "Memory barriers".
 */

#ifdef __ARMEB__
#error "membus: LDRD and STRD are used for little-endian Arm only"
#endif

#define MEMBUS_ARCH_NAME          "arm"
#define MEMBUS_ARCH_RAM_UNALIGNED 0
#define MEMBUS_ARCH_WORD          8
#define MEMBUS_ARCH_MMIO_WIDTH    4

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(1, "ldrb %0, %1") : "=r"(v) : "Q"(*(const membus_u8 *)p));
    return (uint8_t)v;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(2, "ldrh %0, %1") : "=r"(v) : "Q"(*(const membus_u16 *)p));
    return (uint16_t)v;
}

MEMBUS_INLINE uint32_t membus_arch_load_32(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(4, "ldr %0, %1") : "=r"(v) : "Q"(*(const membus_u32 *)p));
    return v;
}

MEMBUS_INLINE uint64_t membus_arch_load_64(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(8, "ldrd %Q0, %R0, %1")
                     : "=r"(v)
                     : "Q"(*(const membus_u64 *)p));
    return v;
}

MEMBUS_INLINE void membus_arch_store_8(void *p, uint8_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(1, "strb %1, %0") : "=Q"(*(membus_u8 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_16(void *p, uint16_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(2, "strh %1, %0") : "=Q"(*(membus_u16 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_32(void *p, uint32_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(4, "str %1, %0") : "=Q"(*(membus_u32 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_64(void *p, uint64_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(8, "strd %Q1, %R1, %0") : "=Q"(*(membus_u64 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_publish(void)
{
    __asm__ volatile("dmb ishst" ::: "memory");
}

/* ARMv7 has no barrier for loads alone. */
MEMBUS_INLINE void membus_arch_barrier_consume(void)
{
    __asm__ volatile("dmb ish" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_device_write(void)
{
    __asm__ volatile("dmb oshst" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_device_read(void)
{
    __asm__ volatile("dmb osh" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    __asm__ volatile("dsb st" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_full(void)
{
    __asm__ volatile("dmb sy" ::: "memory");
}

/* Device accesses to one peripheral arrive in program order (A3.8.2). */
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
    __asm__ volatile("dsb" ::: "memory");
}

MEMBUS_INLINE void membus_arch_mmio_write_before(void)
{
    __asm__ volatile("dsb" ::: "memory");
}

MEMBUS_INLINE void membus_arch_mmio_write_after(void)
{
    membus_arch_compiler_barrier();
}

#endif
