/* SPDX-License-Identifier: MIT */
#include <membus/mapping.h>

#include <stdatomic.h>

#include "cpu.h"
#include "host.h"

/*
 * "SDM": Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A. "APM": AMD64
 * Architecture Programmer's Manual, volume 2. Every alignment is one instruction (no alignment
 * check in user space unless a program sets AC); it is one access when it does not cross a cache
 * line on a processor that says so, which is why no unaligned access is vouched for as whole.
 *
 * 16 bytes, aligned and cacheable, are one access where AVX is enumerated: SDM 9.1.1, and AMD
 * says the same of its processors (APM 7.3.2).
 */
#define CACHED   "SDM 9.1.1, 9.2.2, 12.3.1 (WB); APM 7.1.1, 7.3.2"
#define COMBINED "SDM 12.3.1 (WC): buffers merge and empty in any order; APM 7.4.1"
#define UNCACHED "SDM 12.3.1 and 9.1.1; APM 7.4.1: strong order, no merging, any width"

#define DEVICE(m) [m] = {m, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 64, 16, false, UNCACHED}

#define TABLE(atomic)                                                                              \
    {                                                                                              \
        DEVICE(MEMBUS_CACHE_UNKNOWN), [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL,                \
                                                               true,                               \
                                                               MEMBUS_WAY_INSTRUCTION,             \
                                                               8,                                  \
                                                               atomic,                             \
                                                               64,                                 \
                                                               0,                                  \
                                                               false,                              \
                                                               CACHED},                            \
                                      [MEMBUS_CACHE_WRITECOMBINE] = {MEMBUS_CACHE_WRITECOMBINE,    \
                                                                     true,                         \
                                                                     MEMBUS_WAY_INSTRUCTION,       \
                                                                     8,                            \
                                                                     8,                            \
                                                                     64,                           \
                                                                     0,                            \
                                                                     true,                         \
                                                                     COMBINED},                    \
                                      DEVICE(MEMBUS_CACHE_DEVICE), DEVICE(MEMBUS_CACHE_NONCACHED), \
    }

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = TABLE(8);
static const struct membus_rule rules_avx[MEMBUS_CACHE_MODES] = TABLE(16);

const struct membus_host *membus_arch_host(void)
{
    static const struct membus_host plain = {.rules = rules}, avx = {.rules = rules_avx};
    static const struct membus_host *_Atomic host;
    const struct membus_host *found = atomic_load_explicit(&host, memory_order_relaxed);

    if (!found) { /* CPUID traps in a virtual machine: ask once */
        found = membus_cpu_has(MEMBUS_CPU_AVX) ? &avx : &plain;
        atomic_store_explicit(&host, found, memory_order_relaxed);
    }
    return found;
}
