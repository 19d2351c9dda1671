/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_COPY_H
#define MEMBUS_COPY_H

/*
 * Ordered copies: memcpy and memmove for memory that someone else is watching.
 *
 * memcpy may store a byte twice, store it before its predecessors, tear a word, or use an
 * instruction that faults on the mapping. None of that matters to a thread alone with its
 * memory; all of it matters to a guest driver that polls the last word of a completion, and to a
 * device that acts on each store. PCI Express (Base Specification, 2.4.3) has the updates of one
 * write observed in increasing address order; these functions give that.
 *
 * An *element* is a naturally aligned block of 1, 2, 4 or 8 bytes; d = dst - src.
 *
 *   W1 once       every byte of [dst, dst+n) is stored exactly once; no other byte is stored
 *   W2 whole      n of 1, 2, 4, 8 is one load and one store (where the mapping takes it)
 *   W3 untorn     every element of 2, 4, 8 bytes inside the range is written by one access
 *   W4 ascending  store addresses ascend in program order
 *   W5 last       the last element is stored last, by an access that covers nothing before the
 *                 aligned 8-byte word it is in
 *   W6 visible    another CPU observes W5; with MEMBUS_ORDER_STRICT the order of all of it
 *   W7 no exotic  no non-temporal, string or cache-zeroing store unless a mapping asks for it
 *   L1 inside     no byte outside [src, src+n) is loaded
 *   L2 once       from a device every byte is loaded exactly once, ascending
 *   L3 untorn     src and dst mutually aligned: an element is loaded whole too
 *   O1 exact      overlapping moves keep W1-W6; src < dst < src + n needs a window of
 *                 min(d, n - d) bytes, the least any method can do
 *   O2 tail last  with a smaller window only its size at the end keeps them: the rest goes in
 *                 descending blocks, each ascending, before the tail
 *   O3 refuse     or an error, and nothing written
 *
 * `membus audit` records the accesses these functions really make and judges them by these ids.
 *
 * Example, a device model that completes a command (the driver polls the phase bit, last):
 *
 *     membus_copy(guest_cqe, &cqe, 16);
 */

#include <stddef.h>
#include <stdint.h>

#include <membus/access.h>
#include <membus/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The very first call in a process chooses the kernel: it looks at the environment and, on riscv64
 * and s390x, asks the system. It may be made in any context, too, takes no lock and allocates
 * nothing. Moves that overlap, and transfers, take up to 9 KiB of stack (an alternate signal stack
 * of MINSIGSTKSZ is too small for them); all else takes less than 1 KiB.
 */

/*
 * Copies `n` bytes of RAM from `src` to `dst`, which must not overlap unless dst <= src.
 *
 * Keeps:   W1-W7, L1, L3.
 * Returns: dst.
 * Align:   any. A destination aligned to 8 bytes or more is fastest.
 * Who:     any thread, any context. No allocation, no lock, no system call.
 */
MEMBUS_API void *membus_copy(void *dst, const void *src, size_t n);

/*
 * membus_copy() in strict order: W6 for every access, not only the last. Who watches sees the bytes
 * change in increasing address order, as far apart as the architecture itself guarantees: 16 bytes
 * to a 16-byte boundary where it vouches for those (x86-64 with AVX: SDM 9.1.1), else a word. It
 * is a narrower copy on x86-64, and one with a barrier before each store elsewhere.
 *
 * Keeps:   W1-W7, L1, L3. For what is not RAM, or overlaps otherwise: membus_transfer() with
 *          MEMBUS_ORDER_STRICT.
 * Returns: dst.
 * Align:   any. A destination aligned to 16 bytes or more is fastest.
 * Who:     any thread, any context. No allocation, no lock, no system call.
 */
MEMBUS_API void *membus_copy_strict(void *dst, const void *src, size_t n);

/*
 * membus_copy() for any overlap.
 *
 * Keeps:   W1-W7, L1, L3 and O1 while min(d, n - d) is at most MEMBUS_MOVE_EXACT bytes, or what
 *          membus_move_reserve() set aside; above, O2. membus_transfer() tells which it was.
 * Returns: dst.
 */
MEMBUS_API void *membus_move(void *dst, const void *src, size_t n);

/* Windows up to this size, in bytes, are on the stack: membus_move() is exact without a buffer. */
#define MEMBUS_MOVE_EXACT 4096

/*
 * Sets aside buffers so that membus_move() is exact for windows up to `bytes`, in up to `movers`
 * threads at a time (a mover that finds none free falls back to O2). Call before the moves
 * start, from one thread; calling again replaces the buffers, and 0 bytes frees them.
 *
 * Returns: 0, -ENOMEM, -EINVAL (movers 0 or over 64), -EBUSY (a move is using them now). After an
 *          error the buffers are those of before.
 */
MEMBUS_API int membus_move_reserve(size_t bytes, unsigned movers);

/*
 * Stores the byte `value` (converted to unsigned char) into `n` bytes of RAM at `dst`.
 *
 * Keeps:   W1-W7.
 * Returns: dst.
 */
MEMBUS_API void *membus_fill(void *dst, int value, size_t n);

/*
 * The kernel that carries out the copies: "generic", "scalar", "avx2", "avx512-halves", "avx512".
 * It is chosen at the first copy, the best for the CPU, or the one that the environment variable
 * MEMBUS_KERNEL names (a name this CPU cannot run is reported on stderr once, and the best is
 * taken). Other architectures have "word", and aarch64 "neon" and "lse2"; `membus probe` tells what
 * each needs.
 *
 * On aarch64, MEMBUS_ERRATA=olympus puts a barrier before each access of a transfer to a device
 * (NVIDIA Olympus, erratum 1027), "none" does not; else the CPU's identity decides. On riscv64,
 * MEMBUS_MISALIGNED=fast or slow says what misaligned accesses are, else riscv_hwprobe(2) does.
 */
MEMBUS_API const char *membus_kernel_name(void);

/* Name of the kernel number `i`, best first, that this CPU can run; NULL after the last. */
MEMBUS_API const char *membus_kernel_usable(unsigned i);

/*
 * Selects the kernel of that name from now on. For tests and comparison: copies under way finish
 * with the old one. Any thread.
 *
 * Returns: 0, -ENOENT (no such kernel), -EOPNOTSUPP (this CPU cannot run it).
 */
MEMBUS_API int membus_kernel_select(const char *name);

/* Flags of membus_transfer(): the order, and one choice for overlaps that need a window. */
#define MEMBUS_ORDER_STRICT  1u /* W6 for every access, not only the last */
#define MEMBUS_OVERLAP_EXACT 0u /* O1; where the window is too small, an error */
#define MEMBUS_OVERLAP_TAIL  2u /* O1; where the window is too small, O2 */
#define MEMBUS_OVERLAP_REFUSE                                                      \
    4u /* O3: an error for every overlap that needs a window: src < dst < src + n, \
          but for what is one access */

/* What was delivered: bits of membus_result.delivered. */
#define MEMBUS_DELIVERED_WHOLE  1u  /* one access on each side */
#define MEMBUS_DELIVERED_SPLIT  2u  /* n of 1, 2, 4, 8 took several accesses (W2 not possible) */
#define MEMBUS_DELIVERED_TORN   4u  /* the mapping or policy has no access for some element (W3) */
#define MEMBUS_DELIVERED_EXACT  8u  /* an overlap that needed a window: O1 */
#define MEMBUS_DELIVERED_TAIL   16u /* O2: only the tail is in order */
#define MEMBUS_DELIVERED_STRICT 32u /* strict order */

/* The result of a transfer. */
struct membus_result {
    int error;          /* 0, or -errno and nothing was stored */
    unsigned delivered; /* MEMBUS_DELIVERED_* */
    size_t bytes;       /* bytes stored: n, or 0 on error */
};

/* A buffer of the caller's for overlapping transfers; `size` bytes, any alignment. */
struct membus_window {
    void *addr;
    size_t size;
};

/*
 * Copies `n` bytes between two mappings, either of which may be RAM or a device, at widths that
 * both take, and that overlap in any way.
 *
 * Args:    dst, dst_offset  where to
 *          src, src_offset  where from
 *          n                bytes; 0 touches nothing
 *          window           buffer for O1 or O2, or NULL: MEMBUS_MOVE_EXACT bytes of stack
 *          flags            MEMBUS_ORDER_STRICT, or-ed with one of MEMBUS_OVERLAP_*
 * Keeps:   the store rules for dst, the load rules for src. Stores through a write-combining
 *          mapping are flushed before the return, so what is published after comes after.
 * Returns: what was delivered. Errors, with nothing stored and nothing loaded:
 *          -ERANGE      outside a mapping
 *          -EINVAL      unknown or contradicting flags
 *          -EOPNOTSUPP  the host or a policy has no way to access this range (a policy with a
 *                       least width takes overlaps only at multiples of it)
 *          -ENOBUFS     the overlap needs a window larger than there is, or was to be refused
 * Who:     any thread.
 */
MEMBUS_API struct membus_result membus_transfer(const struct membus_mapping *dst, size_t dst_offset,
                                                const struct membus_mapping *src, size_t src_offset,
                                                size_t n, const struct membus_window *window,
                                                unsigned flags);

/* Copies `n` bytes of RAM at `src` into `dst` at `dst_offset`: membus_transfer() from RAM. */
MEMBUS_API struct membus_result membus_mapping_write(const struct membus_mapping *dst,
                                                     size_t dst_offset, const void *src, size_t n);

/* Copies `n` bytes of `src` at `src_offset` into RAM at `dst`: membus_transfer() to RAM. */
MEMBUS_API struct membus_result membus_mapping_read(const struct membus_mapping *src,
                                                    size_t src_offset, void *dst, size_t n);

/* Stores the byte `value` into `n` bytes of `dst` at `dst_offset`, at widths that it takes; 1, 2, 4
 * and 8 bytes as membus_mapping_write() stores them (W2). */
MEMBUS_API struct membus_result membus_mapping_fill(const struct membus_mapping *dst,
                                                    size_t dst_offset, int value, size_t n);

/* Implementation of the inlined constant sizes; not for callers. */

#define MEMBUS_CONSTANT_MAX 64

/*
 * Aligned so that the words, then 4, 2 and 1 bytes, are exactly the elements of the destination
 * in ascending order: W1, W3, W4, W5. All loads come first, so it serves overlaps too.
 */
MEMBUS_INLINE int membus_constant_fits(const void *dst, const void *src, size_t n)
{
    uintptr_t mask = n >= 8 ? 7 : n >= 4 ? 3 : n >= 2 ? 1 : 0;
    uintptr_t at = (uintptr_t)dst | (MEMBUS_ARCH_RAM_UNALIGNED ? 0 : (uintptr_t)src);

    if (n >= 8 && MEMBUS_ARCH_WORD < 8)
        return 0;
    if (MEMBUS_ARCH_RAM_UNALIGNED && (n & (n - 1)) == 0 && n <= 8)
        return 1;
    return (at & mask) == 0;
}

/* W6: between the other stores and the last. */
MEMBUS_INLINE void membus_constant_last(int last)
{
    if (last)
        membus_arch_barrier_publish();
}

MEMBUS_INLINE void membus_constant_copy(void *dst, const void *src, size_t n)
{
    const char *s = (const char *)src, *st = s + (n & ~(size_t)7);
    char *d = (char *)dst, *dt = d + (n & ~(size_t)7);
    uint64_t a = 0, b = 0, c = 0, e = 0, f = 0, g = 0, h = 0, i = 0;
    uint32_t w = 0;
    uint16_t x = 0;
    uint8_t y = 0;

    if (n >= 8)
        a = membus_ram_load_64(s);
    if (n >= 16)
        b = membus_ram_load_64(s + 8);
    if (n >= 24)
        c = membus_ram_load_64(s + 16);
    if (n >= 32)
        e = membus_ram_load_64(s + 24);
    if (n >= 40)
        f = membus_ram_load_64(s + 32);
    if (n >= 48)
        g = membus_ram_load_64(s + 40);
    if (n >= 56)
        h = membus_ram_load_64(s + 48);
    if (n >= 64)
        i = membus_ram_load_64(s + 56);
    if (n & 4)
        w = membus_ram_load_32(st);
    if (n & 2)
        x = membus_ram_load_16(st + (n & 4));
    if (n & 1)
        y = membus_ram_load_8(st + (n & 6));

    if (n >= 8)
        membus_ram_store_64(d, a);
    membus_constant_last(n == 16);
    if (n >= 16)
        membus_ram_store_64(d + 8, b);
    membus_constant_last(n == 24);
    if (n >= 24)
        membus_ram_store_64(d + 16, c);
    membus_constant_last(n == 32);
    if (n >= 32)
        membus_ram_store_64(d + 24, e);
    membus_constant_last(n == 40);
    if (n >= 40)
        membus_ram_store_64(d + 32, f);
    membus_constant_last(n == 48);
    if (n >= 48)
        membus_ram_store_64(d + 40, g);
    membus_constant_last(n == 56);
    if (n >= 56)
        membus_ram_store_64(d + 48, h);
    membus_constant_last(n == 64);
    if (n >= 64)
        membus_ram_store_64(d + 56, i);
    membus_constant_last(n > 4 && (n & 7) == 4);
    if (n & 4)
        membus_ram_store_32(dt, w);
    membus_constant_last(n > 2 && (n & 3) == 2);
    if (n & 2)
        membus_ram_store_16(dt + (n & 4), x);
    membus_constant_last(n > 1 && (n & 1));
    if (n & 1)
        membus_ram_store_8(dt + (n & 6), y);
}

MEMBUS_INLINE void *membus_copy_inline(void *dst, const void *src, size_t n)
{
    if (!__builtin_constant_p(n) || n > MEMBUS_CONSTANT_MAX || n == 0 ||
        !membus_constant_fits(dst, src, n))
        return membus_copy(dst, src, n);
    membus_constant_copy(dst, src, n);
    return dst;
}

MEMBUS_INLINE void *membus_move_inline(void *dst, const void *src, size_t n)
{
    if (!__builtin_constant_p(n) || n > MEMBUS_CONSTANT_MAX || n == 0 ||
        !membus_constant_fits(dst, src, n))
        return membus_move(dst, src, n);
    membus_constant_copy(dst, src, n);
    return dst;
}

/* As ISO C allows for its own functions (7.1.4): (membus_copy)(d, s, n) and &membus_copy are the
 * function, and each argument is evaluated once. */
#define membus_copy(dst, src, n) membus_copy_inline(dst, src, n)
#define membus_move(dst, src, n) membus_move_inline(dst, src, n)

#ifdef __cplusplus
}
#endif

#endif
