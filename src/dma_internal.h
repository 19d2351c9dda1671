/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_DMA_INTERNAL_H
#define MEMBUS_DMA_INTERNAL_H

#include <membus/dma.h>

#include "space_internal.h"

/* dma_waiter.c: takes `bytes` of the space's budget; false if they are not free. */
bool membus_budget_take(struct membus_space *space, size_t bytes);
/* Returns them, and wakes who can go on. Without locks held. */
void membus_budget_return(struct membus_space *space, size_t bytes);

#endif
