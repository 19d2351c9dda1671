/* SPDX-License-Identifier: MIT */

/* What stands around every call of a callback of a region: the guard against reentrancy (A8), the
 * limit on how deep they nest, and the region's lock (A9). */

#include "region_internal.h"

/* The devices whose callbacks run in this thread, outermost first; NULL: one without a guard. */
static _Thread_local struct {
    const void *device[MEMBUS_CALLBACKS_MAX];
    unsigned depth;
} guard;

bool membus_callback_nest(const struct membus_region *region)
{
    if (guard.depth == MEMBUS_CALLBACKS_MAX)
        return false;
    guard.device[guard.depth++] = region->reentrant ? NULL : region->device;
    return true;
}

bool membus_callback_enter(const struct membus_region *region)
{
    for (unsigned i = 0; i < guard.depth && !region->reentrant; i++) {
        if (guard.device[i] == region->device)
            return false;
    }
    return membus_callback_nest(region);
}

void membus_callback_leave(void)
{
    guard.depth--;
}

unsigned membus_callback_depth(void)
{
    return guard.depth;
}

void membus_callback_lock(const struct membus_region *region)
{
    if (region->lock)
        region->lock(region->lock_data);
}

void membus_callback_unlock(const struct membus_region *region)
{
    if (region->lock)
        region->unlock(region->lock_data);
}
