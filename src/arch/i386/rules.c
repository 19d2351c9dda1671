/* SPDX-License-Identifier: MIT */
#include <membus/arch.h>
#include <membus/mapping.h>

#include "host.h"

/* "SDM": Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A. As x86-64, but 8
 * bytes go through the x87 unit, which no hypervisor decodes, so a device gets 4 at most; and
 * vectors are an option (SSE2) that no kernel here uses. */
#define UNCACHED "SDM 12.3.1 and 9.1.1: strong order, no merging, any width"

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = {
    [MEMBUS_CACHE_UNKNOWN] = {MEMBUS_CACHE_UNKNOWN, true, MEMBUS_WAY_INSTRUCTION, 4, 4, 0, 0, false,
                              UNCACHED},
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 0, 0, false,
                             "SDM 9.1.1, 9.2.2, 12.3.1 (WB)"},
    [MEMBUS_CACHE_WRITECOMBINE] = {MEMBUS_CACHE_WRITECOMBINE, true, MEMBUS_WAY_INSTRUCTION, 4, 4, 0,
                                   0, true,
                                   "SDM 12.3.1 (WC): buffers merge and empty in any order"},
    [MEMBUS_CACHE_DEVICE] = {MEMBUS_CACHE_DEVICE, true, MEMBUS_WAY_INSTRUCTION, 4, 4, 0, 0, false,
                             UNCACHED},
    [MEMBUS_CACHE_NONCACHED] = {MEMBUS_CACHE_NONCACHED, true, MEMBUS_WAY_INSTRUCTION, 4, 4, 0, 0,
                                false, UNCACHED},
};

const struct membus_host *membus_arch_host(void)
{
    static const struct membus_host host = {.rules = rules};

    return &host;
}
