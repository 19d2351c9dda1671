/* SPDX-License-Identifier: MIT */

/* The budget of bounce buffers, and those who wait for it (D2). */

#include "dma_internal.h"

#include <errno.h>
#include <stdlib.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Under the lock. */
static bool is_free(const struct membus_space *space, size_t bytes)
{
    return space->used <= space->budget &&
           least(bytes, space->budget) <= space->budget - space->used && space->budget;
}

size_t membus_budget_take(struct membus_space *space, uint64_t bytes)
{
    size_t taken;

    pthread_mutex_lock(&space->bounce_lock);
    taken = bytes < space->budget ? (size_t)bytes : space->budget;
    if (!is_free(space, taken))
        taken = 0;
    space->used += taken;
    pthread_mutex_unlock(&space->bounce_lock);
    return taken;
}

bool membus_budget_fits(struct membus_space *space, size_t held, size_t more)
{
    bool fits;

    pthread_mutex_lock(&space->bounce_lock);
    fits = space->budget == 0 || (held <= space->budget && more <= space->budget - held);
    pthread_mutex_unlock(&space->bounce_lock);
    return fits;
}

/* The first waiter, if it can go on, taken off the list; under the lock. */
static struct membus_waiter *next_waiter(struct membus_space *space)
{
    struct membus_waiter *w = space->waiters;

    if (!w || !is_free(space, w->bytes))
        return NULL;
    space->waiters = w->next;
    return w;
}

static void wake_waiters(struct membus_space *space)
{
    struct membus_waiter *w;

    pthread_mutex_lock(&space->bounce_lock);
    while ((w = next_waiter(space))) {
        pthread_mutex_unlock(&space->bounce_lock);
        w->wake(w->data);
        free(w);
        pthread_mutex_lock(&space->bounce_lock);
    }
    pthread_mutex_unlock(&space->bounce_lock);
}

void membus_budget_return(struct membus_space *space, size_t bytes)
{
    pthread_mutex_lock(&space->bounce_lock);
    space->used -= bytes;
    pthread_mutex_unlock(&space->bounce_lock);
    wake_waiters(space);
}

void membus_space_set_budget(struct membus_space *space, size_t bytes)
{
    pthread_mutex_lock(&space->bounce_lock);
    space->budget = bytes;
    pthread_mutex_unlock(&space->bounce_lock);
    wake_waiters(space);
}

size_t membus_space_budget_used(struct membus_space *space)
{
    size_t used;

    pthread_mutex_lock(&space->bounce_lock);
    used = space->used;
    pthread_mutex_unlock(&space->bounce_lock);
    return used;
}

/* A number that no other waiter had: a handle outlives its waiter, whose memory may be another's
 * by then. */
static struct membus_waiter *new_handle(void)
{
    static uintptr_t last;
    uintptr_t handle = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);

    while (handle == 0) /* NULL is none: it wrapped, which takes 32 bits some time */
        handle = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
    return (struct membus_waiter *)handle;
}

int membus_waiter_new(struct membus_waiter **waiter, struct membus_space *space, size_t bytes,
                      void (*wake)(void *data), void *data)
{
    struct membus_waiter *w = malloc(sizeof(*w)), **link;
    bool at_once;

    if (!w)
        return -ENOMEM;
    *w = (struct membus_waiter){.handle = new_handle(), .bytes = bytes, .wake = wake, .data = data};
    pthread_mutex_lock(&space->bounce_lock);
    at_once = !space->waiters && is_free(space, bytes);
    for (link = &space->waiters; *link && !at_once;)
        link = &(*link)->next;
    if (!at_once)
        *link = w;
    *waiter = at_once ? NULL : w->handle; /* before anyone can wake it */
    pthread_mutex_unlock(&space->bounce_lock);
    if (at_once) {
        free(w);
        wake(data);
    }
    return 0;
}

int membus_waiter_delete(struct membus_waiter *waiter, struct membus_space *space)
{
    struct membus_waiter **link, *found;

    pthread_mutex_lock(&space->bounce_lock);
    for (link = &space->waiters; *link && (*link)->handle != waiter;)
        link = &(*link)->next;
    found = *link;
    if (found)
        *link = found->next;
    pthread_mutex_unlock(&space->bounce_lock);
    if (!found)
        return -ENOENT;
    free(found);
    wake_waiters(space); /* who waited behind it may be the first now */
    return 0;
}
