/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_DMA_INTERNAL_H
#define MEMBUS_DMA_INTERNAL_H

#include <membus/dma.h>

#include "space_internal.h"

/* dma_waiter.c: takes `bytes`, or all of the space's budget if that is less; returns how many, 0 if
 * they are not free. */
size_t membus_budget_take(struct membus_space *space, uint64_t bytes);
/* Returns them, and wakes who can go on. Without locks held. */
void membus_budget_return(struct membus_space *space, size_t bytes);

#endif
