/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_X86_64_H
#define MEMBUS_ARCH_X86_64_H

/*
 * x86-64. Manuals: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A
 * ("SDM"), and AMD64 Architecture Programmer's Manual, volume 2 ("APM").
 *
 * Any alignment is one instruction on every memory type. Aligned accesses up to 8 bytes are
 * single-copy atomic (SDM 9.1.1, APM 7.3.2). Ordinary stores are seen in program order by every
 * other CPU (total store order: SDM 9.2.2, APM 7.1.1), so most barriers only stop the compiler.
 */

#define MEMBUS_ARCH_NAME          "x86_64"
#define MEMBUS_ARCH_RAM_UNALIGNED 1
#define MEMBUS_ARCH_WORD          8
#define MEMBUS_ARCH_MMIO_WIDTH    8

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    uint32_t v; /* the whole register: movb would wait for its old upper part */

    __asm__ volatile(MEMBUS_SITE_LOAD(1, "movzbl %1, %0") : "=r"(v) : "m"(*(const membus_u8 *)p));
    return (uint8_t)v;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    uint32_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(2, "movzwl %1, %0") : "=r"(v) : "m"(*(const membus_u16 *)p));
    return (uint16_t)v;
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

    __asm__ volatile(MEMBUS_SITE_LOAD(8, "movq %1, %0") : "=r"(v) : "m"(*(const membus_u64 *)p));
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
    __asm__ volatile(MEMBUS_SITE_STORE(8, "movq %1, %0") : "=m"(*(membus_u64 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

/* Stores to write-back and uncacheable memory stay in program order: SDM 9.2.2, table in APM 7.4.2.
 */
MEMBUS_INLINE void membus_arch_barrier_device_write(void)
{
    membus_arch_compiler_barrier();
}

/* Loads stay in program order: SDM 9.2.2. */
MEMBUS_INLINE void membus_arch_barrier_device_read(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_barrier_publish(void)
{
    membus_arch_compiler_barrier();
}

MEMBUS_INLINE void membus_arch_barrier_consume(void)
{
    membus_arch_compiler_barrier();
}

/* A store may pass a later load; MFENCE (SDM 9.2.5) or a locked operation stops it. */
MEMBUS_INLINE void membus_arch_barrier_full(void)
{
    __asm__ volatile("lock orl $0, -4(%%rsp)" ::: "memory", "cc");
}

/* SFENCE empties the write-combining buffers: SDM 12.3.1, APM 7.4.1. */
MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    __asm__ volatile("sfence" ::: "memory");
}

/* Uncacheable accesses are strongly ordered among themselves and with write-back stores
 * (SDM 12.3, table 12-2), so Linux's readl and writel are a mov and a compiler barrier here. */
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
