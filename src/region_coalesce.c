/* SPDX-License-Identifier: MIT */

/*
 * Coalesced writes. A region that ever had a window keeps a queue with a lock of its own; the lock
 * is held while writes are delivered, so that they stay in order. It is recursive: a callback
 * that comes back finds its write taken out of the queue already. A callback may also change
 * regions, so whoever holds the lock of transactions must not want this one: the windows are an
 * array replaced as a whole.
 */

#include "region_internal.h"

#include <errno.h>
#include <stdlib.h>

struct held {
    uint64_t offset, value;
    unsigned size;
    struct membus_attrs attrs;
};

struct windows {
    struct membus_deferred deferred;
    size_t count;
    struct membus_coalesced_window window[];
};

struct membus_coalesced {
    struct windows *windows; /* RCU; NULL for none */
    pthread_mutex_t lock;    /* of what follows */
    size_t head, count;      /* of the queue: a ring */
    struct held held[MEMBUS_COALESCED_MAX];
};

membus_coalesced_deliver *membus_coalesced_deliver_hook;

static struct membus_coalesced *get_or_create(struct membus_region *region)
{
    struct membus_coalesced *c = region->coalesced;
    pthread_mutexattr_t attr;

    if (c)
        return c;
    c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&c->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    membus_rcu_set(region->coalesced, c);
    return c;
}

void membus_coalesced_free(struct membus_region *region)
{
    if (!region->coalesced)
        return;
    pthread_mutex_destroy(&region->coalesced->lock);
    free(region->coalesced->windows);
    free(region->coalesced);
}

static void flush_locked(struct membus_region *region, struct membus_coalesced *c)
{
    while (c->count) {
        struct held h = c->held[c->head];

        c->head = (c->head + 1) % MEMBUS_COALESCED_MAX;
        c->count--;
        membus_coalesced_deliver_hook(region, h.offset, h.value, h.size, h.attrs);
    }
}

void membus_coalesced_flush(struct membus_region *region)
{
    struct membus_coalesced *c = membus_rcu_get(region->coalesced);

    pthread_mutex_lock(&c->lock);
    flush_locked(region, c);
    pthread_mutex_unlock(&c->lock);
}

static bool in_window(const struct membus_coalesced *c, uint64_t offset, unsigned size)
{
    const struct windows *windows = membus_rcu_get(c->windows);

    for (size_t i = 0; windows && i < windows->count; i++) {
        const struct membus_coalesced_window *w = &windows->window[i];

        if (offset >= w->offset && offset - w->offset < w->size &&
            size <= w->size - (offset - w->offset))
            return true;
    }
    return false;
}

bool membus_coalesced_write(struct membus_region *region, uint64_t offset, uint64_t value,
                            unsigned size, struct membus_attrs attrs)
{
    struct membus_coalesced *c = membus_rcu_get(region->coalesced);
    bool hold;

    pthread_mutex_lock(&c->lock);
    hold = in_window(c, offset, size);
    if (!hold || c->count == MEMBUS_COALESCED_MAX)
        flush_locked(region, c);
    if (hold) {
        size_t at = (c->head + c->count++) % MEMBUS_COALESCED_MAX;

        c->held[at] = (struct held){offset, value, size, attrs};
    }
    pthread_mutex_unlock(&c->lock);
    return hold;
}

size_t membus_coalesced_windows(const struct membus_region *region,
                                const struct membus_coalesced_window **windows)
{
    const struct windows *w = region->coalesced ? region->coalesced->windows : NULL;

    *windows = w ? w->window : NULL;
    return w ? w->count : 0;
}

static void free_windows(struct membus_deferred *deferred)
{
    free(deferred);
}

static int check(const struct membus_region *region, uint64_t offset, uint64_t size)
{
    if (!membus_region_has_callbacks(region) || size == 0)
        return -EINVAL;
    return offset > region->last || size - 1 > region->last - offset ? -ERANGE : 0;
}

static bool overlaps_any(const struct windows *windows, uint64_t offset, uint64_t size)
{
    for (size_t i = 0; windows && i < windows->count; i++) {
        const struct membus_coalesced_window *w = &windows->window[i];

        if (offset <= w->offset + (w->size - 1) && w->offset <= offset + (size - 1))
            return true;
    }
    return false;
}

/* The windows without number `without` (if there is such) and with `with` (or NULL) at the end. */
static int replace(struct membus_region *region, size_t without,
                   const struct membus_coalesced_window *with)
{
    struct membus_coalesced *c = region->coalesced;
    struct windows *old = c->windows, *list;
    size_t count = old ? old->count : 0, n = 0;

    list = malloc(sizeof(*list) + (count + 1) * sizeof(list->window[0]));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (i != without)
            list->window[n++] = old->window[i];
    }
    if (with)
        list->window[n++] = *with;
    list->count = n;
    membus_rcu_set(c->windows, list);
    if (old)
        membus_rcu_defer(&old->deferred, free_windows);
    membus_change_mark_all(region);
    return 0;
}

static int add(struct membus_region *region, uint64_t offset, uint64_t size)
{
    struct membus_coalesced_window window = {offset, size};
    const struct membus_coalesced *c;
    int error = check(region, offset, size);

    if (error)
        return error;
    c = get_or_create(region);
    if (!c)
        return -ENOMEM;
    if (overlaps_any(c->windows, offset, size))
        return -EEXIST;
    if (c->windows && c->windows->count == MEMBUS_COALESCED_MAX)
        return -ENOSPC;
    return replace(region, SIZE_MAX, &window);
}

static int take(struct membus_region *region, uint64_t offset, uint64_t size)
{
    const struct membus_coalesced_window *window;
    size_t count = membus_coalesced_windows(region, &window);

    for (size_t i = 0; i < count; i++) {
        if (window[i].offset == offset && window[i].size == size)
            return replace(region, i, NULL);
    }
    return -ENOENT;
}

int membus_region_coalesce_add(struct membus_region *region, uint64_t offset, uint64_t size)
{
    int error = membus_change_begin(region);

    return error ? error : membus_change_end(add(region, offset, size));
}

int membus_region_coalesce_remove(struct membus_region *region, uint64_t offset, uint64_t size)
{
    int error = membus_change_begin(region);

    if (error)
        return error;
    error = membus_change_end(take(region, offset, size));
    return error ? error : membus_region_coalesce_flush(region);
}

int membus_region_coalesce_flush(struct membus_region *region)
{
    membus_rcu_lock();
    if (membus_rcu_get(region->coalesced))
        membus_coalesced_flush(region);
    membus_rcu_unlock();
    return 0;
}
