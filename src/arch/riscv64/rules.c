/* SPDX-License-Identifier: MIT */
#include <membus/arch.h>
#include <membus/mapping.h>

#include <stdatomic.h>

#include "host.h"

#include "cpu.h"

/*
 * "RISC-V": The RISC-V Instruction Set Manual, volume I (unprivileged) and II (privileged).
 * Fast misaligned accesses are one instruction, not one access: only aligned ones are atomic
 * (vol. I, "Memory Model Primitives"). Vector accesses are made element by element in no order
 * (vol. I, "V" extension, "Vector Memory Consistency Model"), so none is allowed.
 */
#define RAM    "RISC-V vol. I, RV32I Load and Store Instructions: misaligned "
#define DEVICE "RISC-V vol. II, Physical Memory Attributes: I/O, misaligned may fault"

#define DEVICES                                                                               \
    [MEMBUS_CACHE_UNKNOWN] =                                                                  \
        {MEMBUS_CACHE_UNKNOWN, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false, DEVICE},            \
    [MEMBUS_CACHE_WRITECOMBINE] = {MEMBUS_CACHE_WRITECOMBINE,                                 \
                                   true,                                                      \
                                   MEMBUS_WAY_SPLIT,                                          \
                                   8,                                                         \
                                   8,                                                         \
                                   0,                                                         \
                                   0,                                                         \
                                   true,                                                      \
                                   "RISC-V vol. II, Svpbmt: NC, idempotent, weakly ordered"}, \
    [MEMBUS_CACHE_DEVICE] =                                                                   \
        {MEMBUS_CACHE_DEVICE, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false, DEVICE},             \
    [MEMBUS_CACHE_NONCACHED] = {                                                              \
        MEMBUS_CACHE_NONCACHED, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false, DEVICE}

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = {
    DEVICES,
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_SPLIT, 8, 8, 0, 0, false,
                             RAM "is slow or emulated, or riscv_hwprobe does not say"},
};

static const struct membus_rule rules_fast[MEMBUS_CACHE_MODES] = {
    DEVICES,
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 0, 0, false,
                             RAM "is fast, says riscv_hwprobe or MEMBUS_MISALIGNED"},
};

const struct membus_host *membus_arch_host(void)
{
    static const struct membus_host slow = {.rules = rules}, fast = {.rules = rules_fast};
    static const struct membus_host *_Atomic host;
    const struct membus_host *found = atomic_load_explicit(&host, memory_order_relaxed);

    if (!found) {
        found = membus_riscv_misaligned_fast() ? &fast : &slow;
        atomic_store_explicit(&host, found, memory_order_relaxed);
    }
    return found;
}
