/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_RISCV64_H
#define MEMBUS_ARCH_RISCV64_H

/*
 * RISC-V, 64 bits. Manuals: The RISC-V Instruction Set Manual, volume I, Unprivileged
 * Architecture ("vol. I"), and volume II, Privileged Architecture ("vol. II").
 *
 * Naturally aligned accesses are atomic (vol. I, "RVWMO Memory Consistency Model", "Memory Model
 * Primitives"). A misaligned one may be slow, split byte by byte, or trap to an emulation (vol.
 * I, RV32I "Load and Store Instructions"), and is not attempted unless the compiler is told that
 * it is fast (__riscv_misaligned_fast). I/O regions may refuse it (vol. II, "Physical Memory
 * Attributes"). Barriers: vol. I, RV32I "Memory Ordering Instructions": FENCE tells memory (r, w)
 * from device input and output (i, o).
 */

#define MEMBUS_ARCH_NAME "riscv64"
#ifdef __riscv_misaligned_fast
#define MEMBUS_ARCH_RAM_UNALIGNED 1
#else
#define MEMBUS_ARCH_RAM_UNALIGNED 0
#endif
#define MEMBUS_ARCH_WORD       8
#define MEMBUS_ARCH_MMIO_WIDTH 8

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(1, "lbu %0, %1") : "=r"(v) : "A"(*(const membus_u8 *)p));
    return (uint8_t)v;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(2, "lhu %0, %1") : "=r"(v) : "A"(*(const membus_u16 *)p));
    return (uint16_t)v;
}

MEMBUS_INLINE uint32_t membus_arch_load_32(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(4, "lwu %0, %1") : "=r"(v) : "A"(*(const membus_u32 *)p));
    return (uint32_t)v;
}

MEMBUS_INLINE uint64_t membus_arch_load_64(const void *p)
{
    uint64_t v;

    __asm__ volatile(MEMBUS_SITE_LOAD(8, "ld %0, %1") : "=r"(v) : "A"(*(const membus_u64 *)p));
    return v;
}

MEMBUS_INLINE void membus_arch_store_8(void *p, uint8_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(1, "sb %1, %0") : "=A"(*(membus_u8 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_16(void *p, uint16_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(2, "sh %1, %0") : "=A"(*(membus_u16 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_32(void *p, uint32_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(4, "sw %1, %0") : "=A"(*(membus_u32 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_store_64(void *p, uint64_t v)
{
    __asm__ volatile(MEMBUS_SITE_STORE(8, "sd %1, %0") : "=A"(*(membus_u64 *)p) : "r"(v));
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_publish(void)
{
    __asm__ volatile("fence w, w" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_consume(void)
{
    __asm__ volatile("fence r, r" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_device_write(void)
{
    __asm__ volatile("fence ow, ow" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_device_read(void)
{
    __asm__ volatile("fence ir, ir" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    __asm__ volatile("fence ow, ow" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_full(void)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

/* Accesses to one I/O channel are strongly ordered (vol. II, "Memory-Ordering PMAs"). */
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
    __asm__ volatile("fence i, irw" ::: "memory");
}

/* Loads too: the device may overwrite what was read once it sees the store. */
MEMBUS_INLINE void membus_arch_mmio_write_before(void)
{
    __asm__ volatile("fence rw, o" ::: "memory");
}

MEMBUS_INLINE void membus_arch_mmio_write_after(void)
{
    membus_arch_compiler_barrier();
}

#endif
