/* SPDX-License-Identifier: MIT */

/* Overlapping moves by the kernel `avx512`, the window in registers as far as it fits. */

#include "avx512.h"
#include "far_avx512.h"
#include "move.h"

#define LINE 64u

/*
 * A ring of LINES registers: d up to 64 * (LINES - 1), or not more than LINES lines at all.
 * See move_avx512_ring.S.
 */
void *membus_avx512_ring_5(void *dst, const void *src, size_t n);
void *membus_avx512_ring_9(void *dst, const void *src, size_t n);
void *membus_avx512_ring_17(void *dst, const void *src, size_t n);
void *membus_avx512_ring_25(void *dst, const void *src, size_t n);

/* One of 31 registers and `count` slots in memory, which has a slot more for itself. The first
 * `direct` lines go past it. */
void *membus_avx512_ring_more(void *dst, const void *src, size_t n, void *slots, size_t count,
                              size_t direct);

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

static __attribute__((noinline)) void *ring_more(void *dst, const void *src, size_t n, size_t lines,
                                                 size_t direct)
{
    char slots[(SLOTS + 1) * LINE] __attribute__((aligned(LINE)));

    return membus_avx512_ring_more(dst, src, n, slots, slots_of(lines), direct);
}

/*
 * The first lines go straight to their place. The others wait in the ring until those are done, if
 * it has room for all of them, `kept`; or it turns, with room for `ring`, which d takes. Whichever
 * has fewer lines go through memory: a slot of a ring that turns is used again each time around.
 */
static void *move_more(void *dst, const void *src, size_t n, size_t ring)
{
    const size_t d = (uintptr_t)dst - (uintptr_t)src, all = n / LINE;
    const size_t direct = d / LINE - 1, kept = all - direct;
    const bool fewer =
        slots_of(kept) == SLOTS_LEAST || (slots_of(kept) + 4) * ring <= slots_of(ring) * all;

    if (kept >= KEPT_LEAST && kept <= RING_MOST && (fewer || ring > RING_MOST))
        return ring_more(dst, src, n, kept, direct);
    if (kept >= KEPT_LEAST && ring <= RING_MOST)
        return ring_more(dst, src, n, ring, direct);
    return membus_move_windowed(
        dst, src, n, n < MEMBUS_AVX512_FAR ? membus_avx512_copy : membus_avx512_copy_far);
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
    return move_more(to, from, n, ring);
}
