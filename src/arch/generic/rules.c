/* SPDX-License-Identifier: MIT */
#include <membus/mapping.h>

#include "kernel.h"

/* Nothing is known of the host, so nothing is assumed that ISO C does not need: aligned accesses
 * up to the width of a register. */
#define WIDTH ((uint8_t)sizeof(uintptr_t))

#define ROW(m) [m] = {m, true, MEMBUS_WAY_SPLIT, WIDTH, WIDTH, 0, 0, true, "no manual: portable C"}

const struct membus_rule membus_arch_rules[MEMBUS_CACHE_MODES] = {
    ROW(MEMBUS_CACHE_UNKNOWN), ROW(MEMBUS_CACHE_NORMAL),    ROW(MEMBUS_CACHE_WRITECOMBINE),
    ROW(MEMBUS_CACHE_DEVICE),  ROW(MEMBUS_CACHE_NONCACHED),
};

const struct membus_kernel *const membus_arch_kernels[] = {&membus_kernel_generic, NULL};
