/* SPDX-License-Identifier: MIT */
#include <membus/arch.h>
#include <membus/mapping.h>

#include <stdatomic.h>

#include "host.h"

#include "cpu.h"

/*
 * "PoP": z/Architecture Principles of Operation, SA22-7832, chapter 5. LPQ and STPQ make 16
 * aligned bytes block-concurrent, but vector loads and stores only 8, so 8 is what is vouched for.
 */
#define PCI "PoP: PCI memory is reached by PCI instructions only; s390_pci_mmio_read(2) makes them"

#define NONE(m) [m] = {m, false, MEMBUS_WAY_REFUSED, 0, 0, 0, 0, false, PCI}

static const struct membus_rule rules[MEMBUS_CACHE_MODES] = {
    NONE(MEMBUS_CACHE_UNKNOWN),
    [MEMBUS_CACHE_NORMAL] = {MEMBUS_CACHE_NORMAL, true, MEMBUS_WAY_INSTRUCTION, 8, 8, 16, 0, false,
                             "PoP, Block-Concurrent References; Sequence of Storage References"},
    NONE(MEMBUS_CACHE_WRITECOMBINE),
    NONE(MEMBUS_CACHE_DEVICE),
    NONE(MEMBUS_CACHE_NONCACHED),
};

const struct membus_host *membus_arch_host(void)
{
    static const struct membus_host ram = {.rules = rules};
    static const struct membus_host pci = {
        .rules = rules,
        .device_load = membus_s390_pci_load,
        .device_store = membus_s390_pci_store,
    };
    static const struct membus_host *_Atomic host;
    const struct membus_host *found = atomic_load_explicit(&host, memory_order_relaxed);

    if (!found) {
        found = membus_s390_pci_usable() ? &pci : &ram;
        atomic_store_explicit(&host, found, memory_order_relaxed);
    }
    return found;
}
