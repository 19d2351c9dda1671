/* SPDX-License-Identifier: MIT */

/*
 * Guarded moves with src < dst < src + n, ascending (O1). Everything that is loaded is loaded
 * before the store that would overwrite it, so a fault of the source leaves the destination
 * exact up to the last chunk stored, and one of the destination up to the faulting store.
 */

#include "guard.h"
#include "guard_move.h"

#define WINDOW MEMBUS_MOVE_EXACT

size_t membus_guard_move_need(const void *dst, const void *src, size_t n)
{
    const uintptr_t d = (uintptr_t)dst - (uintptr_t)src;

    if (d == 0 || d >= n)
        return 0;
    return d < n - d ? d : n - d;
}

/*
 * What is kept lies as its source does relative to words, so that what is mutually aligned is
 * loaded whole (L3).
 */
static char *place_in(char *words, const char *src)
{
    return words + ((uintptr_t)src & 7);
}

/* All of it through the window. */
static size_t move_small(char *dst, const char *src, size_t n, bool strict,
                         struct membus_guard_trap *trap)
{
    char words[WINDOW + 8] __attribute__((aligned(8)));
    char *const window = place_in(words, src);

    if (membus_guard_ram(window, src, n, strict, trap) < n)
        return 0;
    return membus_guard_ram(dst, window, n, strict, trap);
}

/*
 * d > WINDOW: the last n - d source bytes are kept, the rest does not overlap. The cut is at a
 * word of the destination, up to 7 bytes early, so that it tears no element (W3).
 */
static size_t move_split(char *dst, const char *src, size_t n, bool strict,
                         struct membus_guard_trap *trap)
{
    char words[WINDOW + 16] __attribute__((aligned(8)));
    const size_t d = (size_t)(dst - src), cut = d - ((uintptr_t)(dst + d) & 7);
    char *const window = place_in(words, src + cut);

    if (membus_guard_ram(window, src + cut, n - cut, strict, trap) < n - cut)
        return 0;

    const size_t done = membus_guard_ram(dst, src, cut, strict, trap);

    if (done < cut)
        return done;
    return done + membus_guard_part(dst + cut, window, n - cut, done, strict, trap);
}

/*
 * d <= WINDOW: a ring holds what lies between the next store and d bytes behind the last byte of
 * it. A byte's place in the ring is its destination address modulo the ring's size, so stores are
 * cut only where the ring ends, at a word of the destination.
 */
static size_t move_ring(char *dst, const char *src, size_t n, bool strict,
                        struct membus_guard_trap *trap)
{
    char ring[2 * WINDOW] __attribute__((aligned(8)));
    const size_t d = (size_t)(dst - src);
    size_t loaded = 0, stored = 0;

    while (stored < n) {
        const size_t room = WINDOW - ((uintptr_t)(dst + stored) & (WINDOW - 1));
        const size_t chunk = room < n - stored ? room : n - stored;
        const size_t ahead = d < n - stored - chunk ? d : n - stored - chunk;

        while (loaded < stored + chunk + ahead) {
            const size_t at = (uintptr_t)(dst + loaded) & (sizeof(ring) - 1);
            const size_t want = stored + chunk + ahead - loaded;
            const size_t part = want < sizeof(ring) - at ? want : sizeof(ring) - at;

            if (membus_guard_ram(ring + at, src + loaded, part, strict, trap) < part)
                return stored;
            loaded += part;
        }

        const size_t at = (uintptr_t)(dst + stored) & (sizeof(ring) - 1);
        const size_t done = membus_guard_part(dst + stored, ring + at, chunk, stored, strict, trap);

        stored += done;
        if (done < chunk)
            return stored;
    }
    return stored;
}

size_t membus_guard_move_ram(void *dst, const void *src, size_t n, bool strict,
                             struct membus_guard_trap *trap)
{
    if (membus_guard_move_need(dst, src, n) == 0)
        return membus_guard_ram(dst, src, n, strict, trap);
    if (n <= WINDOW)
        return move_small(dst, src, n, strict, trap);
    if ((uintptr_t)dst - (uintptr_t)src <= WINDOW)
        return move_ring(dst, src, n, strict, trap);
    return move_split(dst, src, n, strict, trap);
}

size_t membus_guard_move(void *dst, const void *src, size_t n, struct membus_fault *fault)
{
    struct membus_guard_trap trap = {0};
    size_t done = 0;

    if (membus_guard_move_need(dst, src, n) <= WINDOW)
        done = membus_guard_move_ram(dst, src, n, false, &trap);
    if (done < n && fault)
        *fault = trap.fault;
    return done;
}
