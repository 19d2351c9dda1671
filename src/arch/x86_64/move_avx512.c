/* SPDX-License-Identifier: MIT */

/* Overlapping moves by the kernels `avx512` and `avx512-halves`, the window in registers as far as
 * it fits. */

#include "avx512.h"
#include "entries.h"
#include "far_avx512.h"
#include "kernel.h"
#include "move.h"

#define LINE 64u

/* What a kernel's moves are made of, in move_avx512_ring.S. */
struct moves {
    /* A ring of so many registers: d up to 64 * (N - 1), or not more than N lines at all. */
    void *(*ring_5)(void *dst, const void *src, size_t n);
    void *(*ring_9)(void *dst, const void *src, size_t n);
    void *(*ring_17)(void *dst, const void *src, size_t n);
    void *(*ring_25)(void *dst, const void *src, size_t n);
    /* One of 31 registers and `count` slots in memory, which has a slot more for itself. The first
     * `direct` lines go past it. */
    void *(*ring_more)(void *dst, const void *src, size_t n, void *slots, size_t count,
                       size_t direct);
    void *(*copy)(void *dst, const void *src, size_t n);
};

#define REGISTERS 31u
#define SLOTS     (MEMBUS_MOVE_EXACT / LINE - 1)
#define RING_MOST (REGISTERS + SLOTS)

/* What the ring takes at least: the first store overwrites up to two lines, and there may be two
 * fewer than n / 64 between the ragged ends. */
#define SLOTS_LEAST 2u
#define KEPT_LEAST  6u

/* Lines of so many that go through memory. */
static size_t slots_of(size_t lines)
{
    return lines > REGISTERS + SLOTS_LEAST ? lines - REGISTERS : SLOTS_LEAST;
}

static __attribute__((noinline)) void *ring_more(const struct moves *by, void *dst, const void *src,
                                                 size_t n, size_t lines, size_t direct)
{
    char slots[(SLOTS + 1) * LINE] __attribute__((aligned(LINE)));

    return by->ring_more(dst, src, n, slots, slots_of(lines), direct);
}

/*
 * The first lines go straight to their place. The others wait in the ring until those are done, if
 * it has room for all of them, `kept`; or it turns, with room for `ring`, which d takes. Whichever
 * has fewer lines go through memory: a slot of a ring that turns is used again each time around.
 */
static void *move_more(const struct moves *by, void *dst, const void *src, size_t n, size_t ring)
{
    const size_t d = (uintptr_t)dst - (uintptr_t)src, all = n / LINE;
    const size_t direct = d / LINE - 1, kept = all - direct;
    const bool fewer =
        slots_of(kept) == SLOTS_LEAST || (slots_of(kept) + 4) * ring <= slots_of(ring) * all;

    if (kept >= KEPT_LEAST && kept <= RING_MOST && (fewer || ring > RING_MOST))
        return ring_more(by, dst, src, n, kept, direct);
    if (kept >= KEPT_LEAST && ring <= RING_MOST)
        return ring_more(by, dst, src, n, ring, direct);
    return membus_move_windowed(dst, src, n,
                                n < MEMBUS_AVX512_FAR ? by->copy : membus_avx512_copy_far);
}

MEMBUS_INLINE void *move_overlapping(const struct moves *by, void *to, const void *from, size_t n)
{
    const size_t d = (uintptr_t)to - (uintptr_t)from, all = n / LINE;
    const size_t ring = d / LINE + (d % LINE != 0) + 1, lines = ring < all ? ring : all;

    /* Up to 256 bytes a copy loads everything before it stores anything. */
    if (((uintptr_t)to & 7) + n <= 256 || !membus_move_needs_window(to, from, n))
        return by->copy(to, from, n);
    if (lines <= 5)
        return by->ring_5(to, from, n);
    if (lines <= 9)
        return by->ring_9(to, from, n);
    if (lines <= 17)
        return by->ring_17(to, from, n);
    if (lines <= 25)
        return by->ring_25(to, from, n);
    return move_more(by, to, from, n, ring);
}

#define MOVES(kernel)                                                                           \
    void *membus_##kernel##_ring_5(void *dst, const void *src, size_t n);                       \
    void *membus_##kernel##_ring_9(void *dst, const void *src, size_t n);                       \
    void *membus_##kernel##_ring_17(void *dst, const void *src, size_t n);                      \
    void *membus_##kernel##_ring_25(void *dst, const void *src, size_t n);                      \
    void *membus_##kernel##_ring_more(void *dst, const void *src, size_t n, void *slots,        \
                                      size_t count, size_t direct);                             \
    void *membus_##kernel##_move_overlapping(void *dst, const void *src, size_t n);             \
                                                                                                \
    void *membus_##kernel##_move_overlapping(void *dst, const void *src, size_t n)              \
    {                                                                                           \
        static const struct moves by = {membus_##kernel##_ring_5,    membus_##kernel##_ring_9,  \
                                        membus_##kernel##_ring_17,   membus_##kernel##_ring_25, \
                                        membus_##kernel##_ring_more, membus_##kernel##_copy};   \
                                                                                                \
        return move_overlapping(&by, dst, src, n);                                              \
    }

MOVES(avx512)
MOVES(halves)

/* Of membus_move(). */
void *membus_avx512_move_in_use(void *dst, const void *src, size_t n);

void *membus_avx512_move_in_use(void *dst, const void *src, size_t n)
{
    return (membus_kernel_in_use()->entry == ENTRY_AVX512_HALVES
                ? membus_halves_move_overlapping
                : membus_avx512_move_overlapping)(dst, src, n);
}
