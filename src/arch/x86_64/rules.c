/* SPDX-License-Identifier: MIT */
#include <membus/mapping.h>

#include "rules.h"

/*
 * "SDM": Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A. "APM": AMD64
 * Architecture Programmer's Manual, volume 2. Every alignment is one instruction (no alignment
 * check in user space unless a program sets AC); it is one access when it does not cross a cache
 * line on a processor that says so, which is why no unaligned access is vouched for as whole.
 *
 * 16 bytes, aligned, are one access where AVX is enumerated: SDM 9.1.1, and AMD says the same of
 * its processors (APM 7.3.2). The table gives the architecture's floor, 8; the kernels and
 * membus_host_atomic_width() know the processor.
 */
#define UNCACHED "SDM 12.3.1 and 9.1.1; APM 7.4.1: strong order, no merging, any width"

const struct membus_rule membus_arch_rules[MEMBUS_CACHE_MODES] = {
    [MEMBUS_CACHE_UNKNOWN] = {MEMBUS_CACHE_UNKNOWN, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 64, 16,
                              false, UNCACHED},
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 64, 0, false,
                             "SDM 9.1.1, 9.2.2, 12.3.1 (WB); APM 7.1.1, 7.3.2"},
    [MEMBUS_CACHE_WRITECOMBINE] = {MEMBUS_CACHE_WRITECOMBINE, true, MEMBUS_WAY_INSTRUCTION, 8, 8,
                                   64, 0, true,
                                   "SDM 12.3.1 (WC): buffers merge and empty in any order; APM "
                                   "7.4.1"},
    [MEMBUS_CACHE_DEVICE] = {MEMBUS_CACHE_DEVICE, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 64, 16, false,
                             UNCACHED},
    [MEMBUS_CACHE_NONCACHED] = {MEMBUS_CACHE_NONCACHED, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 64, 16,
                                false, UNCACHED},
};
