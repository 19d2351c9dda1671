/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_DMA_INTERNAL_H
#define MEMBUS_DMA_INTERNAL_H

#include <membus/dma.h>

#include "space_internal.h"

/* dma_waiter.c: takes `bytes`, or all of the space's budget if that is less; returns how many, 0 if
 * they are not free. */
size_t membus_budget_take(struct membus_space *space, uint64_t bytes);
/* Could who holds `held` bytes have `more` besides, if nobody else held any? A budget of 0 has room
 * for nobody, and so for all: it is to be raised. */
bool membus_budget_fits(struct membus_space *space, size_t held, size_t more);
/* Returns them, and wakes who can go on. Without locks held. */
void membus_budget_return(struct membus_space *space, size_t bytes);

#endif
