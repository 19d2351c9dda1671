/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_GUARD_IMPL_H
#define MEMBUS_GUARD_IMPL_H

/*
 * What an architecture provides for membus/guard.h: guarded forms of the copies, and the half of
 * the signal handler that knows its registers. src/arch/generic/guard.c serves every architecture
 * without a guard.c of its own.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/guard.h>

#include "words.h"

/* What the handler leaves for the access that faulted. */
struct membus_guard_trap {
    struct membus_fault fault;
    size_t stored; /* bytes that the faulting step had stored before */
};

/* Copies n bytes ascending, no overlap or dst <= src; returns the bytes stored. `strict`: no
 * access wider than a word (MEMBUS_ORDER_STRICT). */
size_t membus_arch_guard_copy(void *dst, const void *src, size_t n, bool strict,
                              struct membus_guard_trap *trap);

/* The same between RAM and RAM, where loads may run ahead of the stores that a fault prevents. */
MEMBUS_INLINE size_t membus_guard_ram(void *dst, const void *src, size_t n, bool strict,
                                      struct membus_guard_trap *trap)
{
    return strict ? membus_arch_guard_copy(dst, src, n, true, trap)
                  : membus_guard_copy(dst, src, n, &trap->fault);
}

/* The same of a part of a larger range, `before` bytes of which are stored: see
 * membus_copy_part(). */
MEMBUS_INLINE size_t membus_guard_part(void *dst, const void *src, size_t n, size_t before,
                                       bool strict, struct membus_guard_trap *trap)
{
    size_t done = 0;

    if (before && n == 16 && ((uintptr_t)dst & 15) == 0) {
        membus_arch_barrier_publish();
        done = membus_guard_ram(dst, src, 8, strict, trap);
        if (done < 8)
            return done;
    }
    if (before && membus_is_element(n - done))
        membus_arch_barrier_publish();
    return done +
           membus_guard_ram((char *)dst + done, (const char *)src + done, n - done, strict, trap);
}

/* The same of device memory: n bytes are whole vectors of `block` bytes, which are aligned in the
 * destination. Each is stored before the next is loaded, so that the count after a load's fault
 * is also what the device gave, and nothing is loaded in vain (L2). */
size_t membus_arch_guard_blocks(void *dst, const void *src, size_t n, unsigned block,
                                struct membus_guard_trap *trap);

size_t membus_arch_guard_fill(void *dst, int value, size_t n, struct membus_guard_trap *trap);

/* One access of 1, 2, 4 or 8 bytes by one instruction; false after a fault. */
bool membus_arch_guard_load(const void *p, unsigned width, uint64_t *value,
                            struct membus_guard_trap *trap);
bool membus_arch_guard_store(void *p, unsigned width, uint64_t value,
                             struct membus_guard_trap *trap);

/* If `context` stopped at a guarded access: fills in its trap, makes it resume behind (or jumps
 * there), and returns true. The signal is known to come from an instruction's fault. */
bool membus_arch_guard_resume(int signal, const siginfo_t *info, void *context);

#endif
