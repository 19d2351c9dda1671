/* SPDX-License-Identifier: MIT */
#include <membus/arch.h>
#include <membus/mapping.h>

#include "host.h"

/* "MIPS": MIPS Architecture for Programmers, volume II-A (MD00087), and volume III, The MIPS64
 * Privileged Resource Architecture (MD00091). Vectors (MSA) are an option no kernel here uses. */
#define ALIGNED  "MIPS vol. II-A, LD and SD, \"Restrictions\": an address error unless aligned"
#define UNCACHED "MIPS vol. III, \"Cacheability and Coherency Attributes\": uncached"

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = {
    [MEMBUS_CACHE_UNKNOWN] = {MEMBUS_CACHE_UNKNOWN, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                              UNCACHED "; " ALIGNED},
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                             ALIGNED},
    [MEMBUS_CACHE_WRITECOMBINE] = {MEMBUS_CACHE_WRITECOMBINE, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0,
                                   true, UNCACHED " accelerated: gathers; " ALIGNED},
    [MEMBUS_CACHE_DEVICE] = {MEMBUS_CACHE_DEVICE, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                             UNCACHED "; " ALIGNED},
    [MEMBUS_CACHE_NONCACHED] = {MEMBUS_CACHE_NONCACHED, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                                UNCACHED "; " ALIGNED},
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
