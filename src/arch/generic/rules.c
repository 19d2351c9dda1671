/* SPDX-License-Identifier: MIT */
#include <membus/arch.h>
#include <membus/mapping.h>

#include "host.h"

/* Little is known of the host, so little is assumed: accesses up to the width of a register,
 * aligned but where the host is known to take any alignment, and stores that pass each other. */
#define UNALIGNED (MEMBUS_ARCH_RAM_UNALIGNED ? MEMBUS_WAY_INSTRUCTION : MEMBUS_WAY_SPLIT)

#define ROW(m)                                                           \
    [m] = {m, true, UNALIGNED, MEMBUS_ARCH_WORD,       MEMBUS_ARCH_WORD, \
           0, 0,    true,      "no manual: portable C"}

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = {
    ROW(MEMBUS_CACHE_UNKNOWN), ROW(MEMBUS_CACHE_NORMAL),    ROW(MEMBUS_CACHE_WRITECOMBINE),
    ROW(MEMBUS_CACHE_DEVICE),  ROW(MEMBUS_CACHE_NONCACHED),
};

static void device_order(void)
{
    membus_arch_mmio_order();
}

const struct membus_host *membus_arch_host(void)
{
    static const struct membus_host host = {.rules = rules, .device_order = device_order};

    return &host;
}
