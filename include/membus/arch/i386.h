/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_I386_H
#define MEMBUS_ARCH_I386_H

/*
 * 32-bit x86, i686 and later. Manual: Intel 64 and IA-32 Architectures Software Developer's
 * Manual, volume 3A ("SDM"). As x86-64 but for 8 bytes.
 *
 * 8 bytes are one access through the x87 unit, FILD and FISTP, exact for every value, and
 * single-copy atomic when aligned, since the Pentium (SDM 9.1.1). MOVQ would need SSE2, which
 * i686 does not promise. Hypervisors decode neither, so to a device 8 bytes are not one access,
 * and there is no MMIO accessor for them (MEMBUS_ARCH_MMIO_WIDTH is 4). The value passes over the
 * thread's own stack on its way between the integer registers and the x87 unit.
 */

#define MEMBUS_ARCH_NAME          "i386"
#define MEMBUS_ARCH_RAM_UNALIGNED 1
#define MEMBUS_ARCH_WORD          8
#define MEMBUS_ARCH_MMIO_WIDTH    4

#define MEMBUS_I386_X87_CLOBBERS "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    uint8_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(1, "movb %1, %0") : "=q"(v) : "m"(*(const membus_u8 *)p));
    return v;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    uint16_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(2, "movw %1, %0") : "=r"(v) : "m"(*(const membus_u16 *)p));
    return v;
}

MEMBUS_INLINE uint32_t membus_arch_load_32(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(4, "movl %1, %0") : "=r"(v) : "m"(*(const membus_u32 *)p));
    return v;
}

MEMBUS_INLINE uint64_t membus_arch_load_64(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(8, "fildll %1\n\tfistpll %0")
                     : "=m"(v)
                     : "m"(*(const membus_u64 *)p)
                     : MEMBUS_I386_X87_CLOBBERS);
    return v;
}

MEMBUS_INLINE void membus_arch_store_8(void *p, uint8_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(1, "movb %1, %0") : "=m"(*(membus_u8 *)p) : "q"(v));
}

MEMBUS_INLINE void membus_arch_store_16(void *p, uint16_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(2, "movw %1, %0") : "=m"(*(membus_u16 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_32(void *p, uint32_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(4, "movl %1, %0") : "=m"(*(membus_u32 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_64(void *p, uint64_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(8, "fildll %1\n\tfistpll %0")
                     : "=m"(*(membus_u64 *)p)
                     : "m"(v)
                     : MEMBUS_I386_X87_CLOBBERS);
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

/* Total store order, as on x86-64: SDM 9.2.2. */
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

/* A store may pass a later load; a locked operation stops it (SDM 9.2.5), with or without SSE2. */
MEMBUS_INLINE void membus_arch_barrier_full(void)
{
    __asm__ volatile("lock orl $0, -4(%%esp)" ::: "memory", "cc");
}

/* A locked operation empties the write-combining buffers too: SDM 12.3.1. */
MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    membus_arch_barrier_full();
}

/* Uncacheable accesses are strongly ordered among themselves (SDM 12.3, table 12-2). */
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
