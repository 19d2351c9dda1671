/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_GENERIC_H
#define MEMBUS_ARCH_GENERIC_H

/*
 * Any architecture, in portable C: volatile accesses of naturally aligned objects, which the
 * compilers membus supports turn into one instruction each, and ISO C fences. A compiler may in
 * principle do otherwise; `membus objcheck` looks. Where the host takes any alignment, objects
 * without alignment are accessed alike; elsewhere nothing unaligned is one access.
 */

#define MEMBUS_ARCH_NAME          "generic"
#define MEMBUS_ARCH_RAM_UNALIGNED MEMBUS_HOST_UNALIGNED
#define MEMBUS_ARCH_WORD          (__SIZEOF_POINTER__ >= 8 ? 8 : 4)
#define MEMBUS_ARCH_MMIO_WIDTH    (__SIZEOF_POINTER__ >= 8 ? 8 : 4)

#if MEMBUS_HOST_UNALIGNED
typedef membus_u16 membus_generic_u16;
typedef membus_u32 membus_generic_u32;
typedef membus_u64 membus_generic_u64;
#else
typedef uint16_t __attribute__((may_alias)) membus_generic_u16;
typedef uint32_t __attribute__((may_alias)) membus_generic_u32;
typedef uint64_t __attribute__((may_alias)) membus_generic_u64;
#endif

MEMBUS_INLINE uint8_t membus_arch_load_8(const void *p)
{
    return *(const volatile membus_u8 *)p;
}

MEMBUS_INLINE uint16_t membus_arch_load_16(const void *p)
{
    return *(const volatile membus_generic_u16 *)p;
}

MEMBUS_INLINE uint32_t membus_arch_load_32(const void *p)
{
    return *(const volatile membus_generic_u32 *)p;
}

MEMBUS_INLINE uint64_t membus_arch_load_64(const void *p)
{
    return *(const volatile membus_generic_u64 *)p;
}

MEMBUS_INLINE void membus_arch_store_8(void *p, uint8_t v)
{
    *(volatile membus_u8 *)p = v;
}

MEMBUS_INLINE void membus_arch_store_16(void *p, uint16_t v)
{
    *(volatile membus_generic_u16 *)p = v;
}

MEMBUS_INLINE void membus_arch_store_32(void *p, uint32_t v)
{
    *(volatile membus_generic_u32 *)p = v;
}

MEMBUS_INLINE void membus_arch_store_64(void *p, uint64_t v)
{
    *(volatile membus_generic_u64 *)p = v;
}

MEMBUS_INLINE void membus_arch_compiler_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

MEMBUS_INLINE void membus_arch_barrier_device_write(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MEMBUS_INLINE void membus_arch_barrier_device_read(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MEMBUS_INLINE void membus_arch_barrier_publish(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

MEMBUS_INLINE void membus_arch_barrier_consume(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

MEMBUS_INLINE void membus_arch_barrier_full(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MEMBUS_INLINE void membus_arch_barrier_flush_wc(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MEMBUS_INLINE void membus_arch_mmio_order(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MEMBUS_INLINE void membus_arch_mmio_read_before(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MEMBUS_INLINE void membus_arch_mmio_read_after(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MEMBUS_INLINE void membus_arch_mmio_write_before(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MEMBUS_INLINE void membus_arch_mmio_write_after(void)
{
    membus_arch_compiler_barrier();
}

#endif
