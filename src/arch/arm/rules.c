/* SPDX-License-Identifier: MIT */
#include <membus/arch.h>
#include <membus/mapping.h>

#include "host.h"

#include "cpu.h"

/*
 * "ARM ARM": ARM Architecture Reference Manual, ARMv7-A and ARMv7-R edition, DDI 0406C. LDRD and
 * STRD need word alignment whatever the mode (A3.2.1), so nothing unaligned is promised. To a
 * device 4 bytes at most: a hypervisor gets no decoded LDRD (HSR.ISV is 0, B3.13.6).
 */
#define DEVICE "ARM ARM A3.2.1, unaligned to Device is unpredictable; B3.13.6, no LDRD"

#define DEVICES                                                                         \
    [MEMBUS_CACHE_UNKNOWN] =                                                            \
        {MEMBUS_CACHE_UNKNOWN, true, MEMBUS_WAY_SPLIT, 4, 4, 0, 0, false, DEVICE},      \
    [MEMBUS_CACHE_WRITECOMBINE] = {MEMBUS_CACHE_WRITECOMBINE,                           \
                                   true,                                                \
                                   MEMBUS_WAY_SPLIT,                                    \
                                   4,                                                   \
                                   4,                                                   \
                                   0,                                                   \
                                   0,                                                   \
                                   true,                                                \
                                   "ARM ARM A3.5.5, Normal non-cacheable: may gather"}, \
    [MEMBUS_CACHE_DEVICE] =                                                             \
        {MEMBUS_CACHE_DEVICE, true, MEMBUS_WAY_SPLIT, 4, 4, 0, 0, false, DEVICE},       \
    [MEMBUS_CACHE_NONCACHED] = {                                                        \
        MEMBUS_CACHE_NONCACHED, true, MEMBUS_WAY_SPLIT, 4, 4, 0, 0, false, DEVICE}

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = {
    DEVICES,
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_SPLIT, 4, 4, 0, 0, false,
                             "ARM ARM A3.5.3, without LPAE: aligned, up to a word"},
};

static const struct membus_rule rules_lpae[MEMBUS_CACHE_MODES] = {
    DEVICES,
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                             "ARM ARM A3.5.3, with LPAE: aligned, up to a doubleword"},
};

const struct membus_host *membus_arch_host(void)
{
    static const struct membus_host words = {.rules = rules}, doublewords = {.rules = rules_lpae};

    return membus_arm_has_lpae() ? &doublewords : &words;
}
