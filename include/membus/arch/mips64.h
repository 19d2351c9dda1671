/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_MIPS64_H
#define MEMBUS_ARCH_MIPS64_H

/*
 * MIPS64 with the n64 ABI, little- and big-endian. Manual: MIPS Architecture for Programmers,
 * volume II-A, The MIPS64 Instruction Set, MD00087 ("vol. II").
 *
 * A load or store of 2, 4 or 8 bytes must be aligned, else it is an address error exception
 * (vol. II, LD, LW, LH: "Restrictions"), which Linux emulates in several accesses; so an
 * unaligned access is split here. Barrier: SYNC with stype 0 orders everything, uncached accesses
 * included (vol. II, SYNC); lighter kinds are optional and not used.
 */

#define MEMBUS_ARCH_NAME          "mips64"
#define MEMBUS_ARCH_RAM_UNALIGNED 0
#define MEMBUS_ARCH_WORD          8
#define MEMBUS_ARCH_MMIO_WIDTH    8

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(1, "lbu %0, 0(%1)")
                     : "=r"(v)
                     : "r"(p), "m"(*(const membus_u8 *)p));
    return (uint8_t)v;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(2, "lhu %0, 0(%1)")
                     : "=r"(v)
                     : "r"(p), "m"(*(const membus_u16 *)p));
    return (uint16_t)v;
}

MEMBUS_INLINE uint32_t membus_arch_load_32(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(4, "lwu %0, 0(%1)")
                     : "=r"(v)
                     : "r"(p), "m"(*(const membus_u32 *)p));
    return (uint32_t)v;
}

MEMBUS_INLINE uint64_t membus_arch_load_64(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(8, "ld %0, 0(%1)")
                     : "=r"(v)
                     : "r"(p), "m"(*(const membus_u64 *)p));
    return v;
}

MEMBUS_INLINE void membus_arch_store_8(void *p, uint8_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(1, "sb %1, 0(%2)") : "=m"(*(membus_u8 *)p) : "r"(v), "r"(p));
}

MEMBUS_INLINE void membus_arch_store_16(void *p, uint16_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(2, "sh %1, 0(%2)")
                     : "=m"(*(membus_u16 *)p)
                     : "r"(v), "r"(p));
}

MEMBUS_INLINE void membus_arch_store_32(void *p, uint32_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(4, "sw %1, 0(%2)")
                     : "=m"(*(membus_u32 *)p)
                     : "r"(v), "r"(p));
}

MEMBUS_INLINE void membus_arch_store_64(void *p, uint64_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(8, "sd %1, 0(%2)")
                     : "=m"(*(membus_u64 *)p)
                     : "r"(v), "r"(p));
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_full(void)
{
    __asm__ volatile("sync" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_publish(void)
{
    membus_arch_barrier_full();
}

MEMBUS_INLINE void membus_arch_barrier_consume(void)
{
    membus_arch_barrier_full();
}

MEMBUS_INLINE void membus_arch_barrier_device_write(void)
{
    membus_arch_barrier_full();
}

MEMBUS_INLINE void membus_arch_barrier_device_read(void)
{
    membus_arch_barrier_full();
}

MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    membus_arch_barrier_full();
}

/* Whether an uncached load may pass an older uncached store is up to the implementation. */
MEMBUS_INLINE void membus_arch_mmio_order(void)
{
    membus_arch_barrier_full();
}

MEMBUS_INLINE void membus_arch_mmio_read_before(void)
{
    membus_arch_barrier_full();
}

MEMBUS_INLINE void membus_arch_mmio_read_after(void)
{
    membus_arch_barrier_full();
}

MEMBUS_INLINE void membus_arch_mmio_write_before(void)
{
    membus_arch_barrier_full();
}

MEMBUS_INLINE void membus_arch_mmio_write_after(void)
{
    membus_arch_compiler_barrier();
}

#endif
