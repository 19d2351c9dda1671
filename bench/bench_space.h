/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_SPACE_H
#define MEMBUS_BENCH_SPACE_H

/*
 * The memory core measured, alone and against others in the same run.
 *
 *   machine   `count` regions of SPACE_PAGE bytes at multiples of SPACE_STRIDE, all showing the
 * same page of memory: so what differs with their number is the lookup, not the data batch     a
 * function that does `n` operations rounds    batches of all contenders in turns; what is reported
 * is the median time of each, and the median of the ratios of a round
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPACE_PAGE   4096u
#define SPACE_STRIDE UINT64_C(0x2000)

/* Another memory core. NULL `create`: not built in. */
struct space_peer {
    const char *name;
    size_t regions_max; /* more take too long to set up */
    void *(*create)(void *page, size_t count);
    void (*destroy)(void *peer);
    uint32_t (*load)(void *peer, uint64_t addr);
    void (*store)(void *peer, uint64_t addr, uint32_t value);
    void (*read)(void *peer, void *buf, size_t n, uint64_t addr);
    void (*move)(void *peer, uint64_t from, uint64_t to);
};

extern const struct space_peer space_unicorn, space_vm_memory;

#endif
