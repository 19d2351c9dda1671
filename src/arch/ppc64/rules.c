/* SPDX-License-Identifier: MIT */
#include <membus/arch.h>
#include <membus/mapping.h>

#include "host.h"

/* "Power": Power ISA 2.07B. Book II, "Single-Copy Atomicity" and "Storage Access Ordering"; Book
 * III-S, "Alignment Interrupt". What is not cacheable takes neither an unaligned access nor a
 * vector on POWER8 (POWER8 Processor User's Manual, "Alignment Interrupt"), and a write-combining
 * mapping (caching inhibited, not guarded) is no exception. */
#define INHIBITED "Power Book III-S, Alignment Interrupt: caching inhibited"

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = {
    [MEMBUS_CACHE_UNKNOWN] = {MEMBUS_CACHE_UNKNOWN, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                              INHIBITED " and guarded"},
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 16, 0, false,
                             "Power Book II, Single-Copy Atomicity: aligned, up to a doubleword"},
    [MEMBUS_CACHE_WRITECOMBINE] = {MEMBUS_CACHE_WRITECOMBINE, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0,
                                   true, INHIBITED ", not guarded: stores may be combined"},
    [MEMBUS_CACHE_DEVICE] = {MEMBUS_CACHE_DEVICE, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                             INHIBITED " and guarded"},
    [MEMBUS_CACHE_NONCACHED] = {MEMBUS_CACHE_NONCACHED, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                                INHIBITED " and guarded"},
};

/* A load may pass an older store to the same device: eieio between (Book II, "eieio"). */
static void device_order(void)
{
    membus_arch_mmio_order();
}

const struct membus_host *membus_arch_host(void)
{
    static const struct membus_host host = {.rules = rules, .device_order = device_order};

    return &host;
}
