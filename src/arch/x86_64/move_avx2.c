/* SPDX-License-Identifier: MIT */

/* Overlapping moves by the kernel `avx2`, the window in registers as far as it fits. */

#include "avx2.h"
#include "move.h"

#define LINE 32u

/*
 * A ring of LINES registers: d up to 32 * (LINES - 1), or not more than LINES lines at all.
 * See move_avx2_ring.S.
 */
void *membus_avx2_ring_4(void *dst, const void *src, size_t n);
void *membus_avx2_ring_8(void *dst, const void *src, size_t n);
void *membus_avx2_ring_15(void *dst, const void *src, size_t n);

/*
 * One of 13 registers and `count` slots in memory, a multiple of 3: d up to
 * 32 * (count + 13 - 3), or not more lines than those beside the first `direct`, which go past it.
 */
void *membus_avx2_ring_more(void *dst, const void *src, size_t n, void *slots, size_t count,
                            size_t direct);

#define REGISTERS 15u
#define BESIDE    13u /* registers beside slots */
#define SLOTS     (MEMBUS_MOVE_EXACT / LINE / 3 * 3)

/* A ring's least: the longest head and tail, 31 and 39 bytes, and a line. */
#define RING_LEAST 71u

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static __attribute__((noinline)) void *ring_more(void *dst, const void *src, size_t n, size_t count,
                                                 size_t direct)
{
    char slots[SLOTS * LINE] __attribute__((aligned(64)));

    return membus_avx2_ring_more(dst, src, n, slots, count, direct);
}

/*
 * The first lines go straight to their place. The others wait in the ring until those are done, if
 * it has room for all of them; or it turns, with room for `ring`, which d takes.
 */
static void *move_more(void *dst, const void *src, size_t n, size_t ring)
{
    const uintptr_t d = (uintptr_t)dst - (uintptr_t)src, end = (uintptr_t)dst + n;
    const uintptr_t first = ((uintptr_t)dst + LINE - 1) & ~(uintptr_t)(LINE - 1);
    const size_t all = (((end & ~(uintptr_t)7) - 8) - first) / LINE;
    const size_t direct = lesser(d / LINE - 1, all - 1), kept = all - direct;
    const size_t held = lesser(ring + 2, kept);
    const size_t count = held > BESIDE ? (held - BESIDE + 2) / 3 * 3 : 0;

    if (count > SLOTS)
        return membus_move_windowed(dst, src, n, membus_avx2_copy);
    return ring_more(dst, src, n, count, direct);
}

/* Less than a ring's least: aside and back. There it lies in its words as the source does, so what
 * is aligned is loaded whole (L3). */
static __attribute__((noinline)) void *move_short(void *dst, const void *src, size_t n)
{
    char aside[8 + RING_LEAST] __attribute__((aligned(64)));
    char *at = aside + ((uintptr_t)src & 7);

    membus_avx2_copy(at, src, n);
    return membus_avx2_copy(dst, at, n);
}

void *membus_avx2_move_overlapping(void *to, const void *from, size_t n)
{
    const size_t d = (uintptr_t)to - (uintptr_t)from, all = n / LINE;
    const size_t ring = d / LINE + (d % LINE != 0) + 1, lines = lesser(ring, all);

    if (d == 0)
        return membus_avx2_copy(to, from, n);
    if (n < RING_LEAST)
        return move_short(to, from, n);
    if (lines <= 4)
        return membus_avx2_ring_4(to, from, n);
    if (lines <= 8)
        return membus_avx2_ring_8(to, from, n);
    if (lines <= REGISTERS)
        return membus_avx2_ring_15(to, from, n);
    return move_more(to, from, n, ring);
}
