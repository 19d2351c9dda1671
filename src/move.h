/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_MOVE_H
#define MEMBUS_MOVE_H

/*
 * Moves that overlap with src < dst < src + n, in ascending order of the destination (O1, O2).
 *
 * The bytes that an early store overwrites before their turn are kept in a *window*, a ring: what
 * a store is about to overwrite goes into it just before. The first d bytes come from where they
 * lie, the others out of the ring. Where loads must ascend, all bytes pass through it.
 */

#include <membus/copy.h>

#include "words.h"

typedef void *membus_copy_function(void *dst, const void *src, size_t n);

/* A part of a larger range by a kernel's copy. Kernels store 16 aligned bytes in one access where
 * the host keeps that whole; as the end of a larger range they must not (W5). And a part of one
 * element has no barrier of its own before it (W2): what was stored before must be visible first,
 * for it may be the last (W6). */
MEMBUS_INLINE void membus_copy_part(membus_copy_function *copy, void *dst, const void *src,
                                    size_t n)
{
    if (n == 16 && ((uintptr_t)dst & 15) == 0) {
        membus_arch_barrier_publish();
        copy(dst, src, 8);
        dst = (char *)dst + 8;
        src = (const char *)src + 8;
        n = 8;
    }
    if (membus_is_element(n))
        membus_arch_barrier_publish();
    copy(dst, src, n);
}

/* How a mover reaches memory. `ram` in load and store is the window's side. */
struct membus_mover {
    void (*direct)(const struct membus_mover *mover, void *dst, const void *src, size_t n);
    void (*load)(const struct membus_mover *mover, void *ram, const void *src, size_t n);
    void (*store)(const struct membus_mover *mover, void *dst, const void *ram, size_t n);
    bool load_once; /* the source is a device: every byte loaded once, ascending (L2) */
};

/* Does the pair overlap so that a window is needed? */
MEMBUS_INLINE bool membus_move_needs_window(const void *dst, const void *src, size_t n)
{
    uintptr_t d = (uintptr_t)dst - (uintptr_t)src;

    return d != 0 && d < n;
}

/* Bytes of window that O1 takes for this overlap. */
size_t membus_move_need(const struct membus_mover *mover, uintptr_t d, size_t n);

/* O1: exact, with at least membus_move_need() bytes of window. */
void membus_move_exact(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                       const struct membus_window *window);

/* O2: the last window->size bytes exact (rounded down to a line), the rest in descending blocks. */
void membus_move_tail(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                      const struct membus_window *window);

/* The whole of membus_move() from a kernel's copy: plain, exact in the stack's or a reserved
 * window, or O2. */
void *membus_move_windowed(void *dst, const void *src, size_t n, membus_copy_function *copy);

#endif
