/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_KERNELS_H
#define MEMBUS_TESTS_KERNELS_H

/* For tests of every kernel that this CPU can run: the others are skips. */

#include "harness.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <membus/copy.h>

/* Counts the kernels of this architecture that the CPU cannot run as skipped. Afterwards the best
 * one is in use. */
static inline void skip_kernels(void)
{
    static const char *const demanding[] = {"avx512", "avx512-halves", "avx2",
                                            "lse2",   "misaligned",    "word"};

    for (size_t i = 0; i < sizeof(demanding) / sizeof(*demanding); i++) {
        if (membus_kernel_select(demanding[i]) == -EOPNOTSUPP)
            SKIP_PART("kernel ", demanding[i], "this CPU cannot run it");
    }
    (void)membus_kernel_select(membus_kernel_usable(0));
}

/* Is the kernel in use not the one that MEMBUS_KERNEL names? Then the same was tested before. */
static inline bool other_kernel(void)
{
    const char *name = getenv("MEMBUS_KERNEL");

    return name && *name && strcmp(name, membus_kernel_name()) != 0;
}

#define OTHER_KERNEL "this CPU cannot run the kernel that MEMBUS_KERNEL names"

#endif
