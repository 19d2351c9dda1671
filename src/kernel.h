/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_KERNEL_H
#define MEMBUS_KERNEL_H

/*
 * A kernel: one way to carry out the copies, for one instruction set. All members keep the rules
 * of membus/copy.h; `generic` is the oracle that the others are compared with.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/arch.h>
#include <membus/export.h>

#include "host.h"

struct membus_kernel {
    unsigned char entry; /* first: see MEMBUS_ARCH_ENTRIES; 0: none */
    const char *name;
    bool (*usable)(void);    /* does this CPU and its kernel have the instructions? */
    bool (*is_second)(void); /* where usable: does the next one do better? NULL: no */
    const char *needs;       /* what `usable` asks for, for people */

    /* No overlap, or dst <= src. */
    void *(*copy)(void *dst, const void *src, size_t n);
    /* The same with every store in observed order (MEMBUS_ORDER_STRICT). */
    void *(*copy_strict)(void *dst, const void *src, size_t n);
    void *(*fill)(void *dst, int value, size_t n);
    /* Any overlap; calls membus_move_windowed() for what it does not keep in registers. */
    void *(*move)(void *dst, const void *src, size_t n);

    /*
     * Device memory: `blocks` aligned vectors of `block` bytes, each one load and one store,
     * ascending. NULL and 0 where the host has no vectors for it.
     */
    unsigned block;
    void (*load_blocks)(void *dst, const void *src, size_t blocks);
    void (*store_blocks)(void *dst, const void *src, size_t blocks);
};

/*
 * Where some kernels are likely, the architecture defines membus_copy(), membus_move() and
 * membus_guard_copy() itself. They look at the `entry` of the kernel in use, and go to these where
 * it is 0 or none is chosen yet.
 */
#ifdef MEMBUS_ARCH_X86_64_H
#define MEMBUS_ARCH_ENTRIES
_Static_assert(offsetof(struct membus_kernel, entry) == 0, "the assembly of x86_64 reads it there");
void *membus_copy_chosen(void *dst, const void *src, size_t n);
void *membus_move_chosen(void *dst, const void *src, size_t n);
#endif

/* The kernels of this architecture, best first but for `is_second`, `generic` last, NULL at the
 * end. */
extern const struct membus_kernel *const membus_arch_kernels[];

extern const struct membus_kernel membus_kernel_generic;

/*
 * The kernel in use: one word, and everything follows from what it points to, so no call finds
 * a half of one and a half of another. At first, one whose functions choose.
 */
extern const struct membus_kernel *_Atomic membus_kernel_active;
extern const struct membus_kernel membus_kernel_unchosen;
const struct membus_kernel *membus_kernel_first(void);

MEMBUS_INLINE const struct membus_kernel *membus_kernel_in_use(void)
{
    return atomic_load_explicit(&membus_kernel_active, memory_order_relaxed);
}

/* The kernel in use; the first call chooses. */
MEMBUS_INLINE const struct membus_kernel *membus_kernel_get(void)
{
    const struct membus_kernel *kernel = membus_kernel_in_use();

    return __builtin_expect(kernel != &membus_kernel_unchosen, 1) ? kernel : membus_kernel_first();
}

#endif
