/* SPDX-License-Identifier: MIT */

/* Overlapping moves by the kernel `avx512`, the window in registers as far as it fits. */

#include "avx512.h"
#include "move.h"

#define LINE 64u

/*
 * A ring of LINES registers: d up to 64 * (LINES - 1), or not more than LINES lines at all; and
 * one of 31 registers and `count` slots in memory, which has a slot more for itself. See
 * move_avx512_ring.S.
 */
void *membus_avx512_ring_5(void *dst, const void *src, size_t n);
void *membus_avx512_ring_9(void *dst, const void *src, size_t n);
void *membus_avx512_ring_17(void *dst, const void *src, size_t n);
void *membus_avx512_ring_25(void *dst, const void *src, size_t n);
void *membus_avx512_ring_more(void *dst, const void *src, size_t n, void *slots, size_t count);

#define RING_MORE 31u

/* Slots on the stack: with the registers, a window of 2 KiB. */
#define SLOTS 2u

static __attribute__((noinline)) void *ring_with_slots(void *dst, const void *src, size_t n,
                                                       size_t lines)
{
    char slots[(SLOTS + 1) * LINE] __attribute__((aligned(LINE)));

    return membus_avx512_ring_more(dst, src, n, slots, lines - RING_MORE);
}

void *membus_avx512_move_overlapping(void *to, const void *from, size_t n)
{
    const size_t d = (uintptr_t)to - (uintptr_t)from, all = n / LINE;
    const size_t ring = d / LINE + (d % LINE != 0) + 1, lines = ring < all ? ring : all;

    /* Up to 256 bytes a copy loads everything before it stores anything. */
    if (((uintptr_t)to & 7) + n <= 256 || !membus_move_needs_window(to, from, n))
        return membus_avx512_copy(to, from, n);
    if (lines <= 5)
        return membus_avx512_ring_5(to, from, n);
    if (lines <= 9)
        return membus_avx512_ring_9(to, from, n);
    if (lines <= 17)
        return membus_avx512_ring_17(to, from, n);
    if (lines <= 25)
        return membus_avx512_ring_25(to, from, n);
    if (lines <= RING_MORE + SLOTS)
        return ring_with_slots(to, from, n, lines <= RING_MORE ? RING_MORE + 1 : lines);
    return membus_move_windowed(to, from, n, membus_avx512_copy);
}
