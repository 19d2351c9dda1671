/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_HOST_H
#define MEMBUS_HOST_H

#include <membus/mapping.h>

/*
 * What this host does beside the instructions of membus/arch.h: constant once probed. Each
 * architecture's rules.c has it.
 *
 * Most reach a device by load and store, in program order, and leave the functions NULL.
 */
struct membus_host {
    /* The table of membus/mapping.h: one row per cache mode, indexed by the mode. */
    const struct membus_rule *rules;

    /* Before each access to device memory: what keeps them in program order. */
    void (*device_order)(void);

    /*
     * Where loads and stores do not reach devices (the rule's `direct` is false): one access of
     * 1, 2, 4 or 8 bytes, aligned, by other means. A load that fails reads all ones and a store
     * that fails is dropped, as on the bus.
     */
    void (*device_load)(void *ram, const void *device, unsigned width);
    void (*device_store)(void *device, const void *ram, unsigned width);
};

/* This host, probed at the first call. Any thread, any context. */
const struct membus_host *membus_arch_host(void);

#endif
