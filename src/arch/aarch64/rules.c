/* SPDX-License-Identifier: MIT */
#include <membus/mapping.h>

#include <stdatomic.h>

#include "cpu.h"
#include "host.h"

/*
 * "Arm ARM": Arm Architecture Reference Manual for A-profile, DDI 0487. An unaligned access to
 * Normal memory is one instruction, but only the bytes within an aligned 16, and with LSE2, are
 * one access, so none is vouched for as whole. WRITECOMBINE is Normal non-cacheable.
 */
#define CACHED   "Arm ARM B2.2.1, B2.5.2, B2.7.1 (Normal)"
#define COMBINED "Arm ARM B2.7.1 (Normal non-cacheable): may gather and reorder"
#define DEVICE   "Arm ARM B2.5.2, B2.7.2 (Device): unaligned is an alignment fault"
#define DECODED  "; ESR_EL2.ISV: no pair, writeback or vector is decoded"

#define STRICT(m) [m] = {m, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false, DEVICE DECODED}

#define TABLE(atomic, cached)                                                                      \
    {                                                                                              \
        STRICT(MEMBUS_CACHE_UNKNOWN), [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL,                \
                                                               true,                               \
                                                               MEMBUS_WAY_INSTRUCTION,             \
                                                               8,                                  \
                                                               atomic,                             \
                                                               16,                                 \
                                                               0,                                  \
                                                               false,                              \
                                                               cached},                            \
                                      [MEMBUS_CACHE_WRITECOMBINE] = {MEMBUS_CACHE_WRITECOMBINE,    \
                                                                     true,                         \
                                                                     MEMBUS_WAY_INSTRUCTION,       \
                                                                     8,                            \
                                                                     8,                            \
                                                                     16,                           \
                                                                     0,                            \
                                                                     true,                         \
                                                                     COMBINED},                    \
                                      STRICT(MEMBUS_CACHE_DEVICE), STRICT(MEMBUS_CACHE_NONCACHED), \
    }

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = TABLE(8, CACHED);
static const struct membus_rule rules_lse2[MEMBUS_CACHE_MODES] =
    TABLE(16, CACHED "; FEAT_LSE2: 16 aligned bytes");

/* A DMB that orders loads, between the store and the load, is what the erratum asks for. */
static void order_for_olympus(void)
{
    __asm__ volatile("dmb oshld" ::: "memory");
}

static const struct membus_host hosts[2][2] = {
    {{.rules = rules}, {.rules = rules_lse2}},
    {{.rules = rules, .device_order = order_for_olympus},
     {.rules = rules_lse2, .device_order = order_for_olympus}},
};

const struct membus_host *membus_arch_host(void)
{
    static const struct membus_host *_Atomic host;
    const struct membus_host *found = atomic_load_explicit(&host, memory_order_relaxed);

    if (!found) {
        found = &hosts[membus_arm64_is_olympus()][membus_arm64_has_lse2()];
        atomic_store_explicit(&host, found, memory_order_relaxed);
    }
    return found;
}
