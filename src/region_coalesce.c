/* SPDX-License-Identifier: MIT */

/*
 * Coalesced writes. A region that ever had a window keeps a queue. The mutex of the queue is a
 * leaf: it is never held while a callback runs or another lock is taken, for a callback may take
 * any lock and whoever holds that lock may write into the window.
 *
 * What keeps writes in order is that each is taken out of the queue by whoever calls the callback
 * with it, and that the next is not called before that has returned:
 *
 *   with a lock    the region's own: it is taken first, then the write is taken out. Whoever waits
 *                  waits for that lock, as each access to the callbacks does
 *   without        `running`: a flush waits for the write that another thread is delivering. In a
 *                  callback or a transaction it does not, since what this thread holds may be what
 *                  that delivery waits for: it delivers what is queued, beside that one write
 *
 * Within a transaction, a flush is put off until its outermost commit has let go of the lock.
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
    pthread_cond_t returned; /* a callback did */
    uint64_t put, taken;     /* writes so far; those between are queued, in a ring */
    unsigned running;        /* taken, and the callback has not returned */
    struct held held[MEMBUS_COALESCED_MAX];
};

membus_coalesced_deliver *membus_coalesced_deliver_hook;

static struct membus_coalesced *get_or_create(struct membus_region *region)
{
    struct membus_coalesced *c = region->coalesced;

    if (c)
        return c;
    c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->returned, NULL);
    membus_rcu_set(region->coalesced, c);
    return c;
}

void membus_coalesced_free(struct membus_region *region)
{
    if (!region->coalesced)
        return;
    pthread_cond_destroy(&region->coalesced->returned);
    pthread_mutex_destroy(&region->coalesced->lock);
    free(region->coalesced->windows);
    free(region->coalesced);
}

/* Delivers the first write of the queue. The mutex is held, but not meanwhile. */
static void deliver_first(struct membus_region *region, struct membus_coalesced *c)
{
    struct held h = c->held[c->taken++ % MEMBUS_COALESCED_MAX];

    c->running++;
    pthread_mutex_unlock(&c->lock);
    membus_coalesced_deliver_hook(region, h.offset, h.value, h.size, h.attrs);
    pthread_mutex_lock(&c->lock);
    c->running--;
    pthread_cond_broadcast(&c->returned);
}

/* For a region with a lock: what was taken out by others has been delivered once we have it. */
static void flush_under_lock(struct membus_region *region, struct membus_coalesced *c,
                             uint64_t until)
{
    bool more;

    do {
        membus_callback_lock(region);
        pthread_mutex_lock(&c->lock);
        if (c->taken < until)
            deliver_first(region, c);
        more = c->taken < until;
        pthread_mutex_unlock(&c->lock);
        membus_callback_unlock(region);
    } while (more);
}

/* For a region without one; the mutex is held. */
static void flush_by_turns(struct membus_region *region, struct membus_coalesced *c, uint64_t until,
                           bool may_wait)
{
    while (c->taken < until || (c->running && may_wait)) {
        if (c->running && may_wait)
            pthread_cond_wait(&c->returned, &c->lock);
        else
            deliver_first(region, c);
    }
}

void membus_coalesced_flush(struct membus_region *region, unsigned callbacks)
{
    struct membus_coalesced *c = membus_rcu_get(region->coalesced);
    bool may_wait = membus_callback_depth() == callbacks && !membus_transaction_held();
    uint64_t until;
    bool any;

    pthread_mutex_lock(&c->lock);
    until = c->put; /* what others put there meanwhile is theirs to wait for */
    any = c->taken < until || (c->running && may_wait);
    if (!region->lock)
        flush_by_turns(region, c, until, may_wait);
    pthread_mutex_unlock(&c->lock);
    if (region->lock && any)
        flush_under_lock(region, c, until);
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

/* Queues the write if it is in a window and there is room; *inside = it is in one. */
static bool hold(struct membus_coalesced *c, const struct held *h, bool *inside)
{
    bool held;

    pthread_mutex_lock(&c->lock);
    *inside = in_window(c, h->offset, h->size);
    held = *inside && c->put - c->taken < MEMBUS_COALESCED_MAX;
    if (held)
        c->held[c->put++ % MEMBUS_COALESCED_MAX] = *h;
    pthread_mutex_unlock(&c->lock);
    return held;
}

bool membus_coalesced_write(struct membus_region *region, uint64_t offset, uint64_t value,
                            unsigned size, struct membus_attrs attrs)
{
    struct membus_coalesced *c = membus_rcu_get(region->coalesced);
    const struct held h = {offset, value, size, attrs};
    bool inside = true;

    while (inside) {
        if (hold(c, &h, &inside))
            return true;
        membus_coalesced_flush(region, 1);
    }
    return false;
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
    if (!membus_region_has_callbacks(region) || !region->ops || size == 0)
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
        int error;

        if (window[i].offset != offset || window[i].size != size)
            continue;
        error = membus_change_flush_later(region);
        return error ? error : replace(region, i, NULL);
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

    return error ? error : membus_change_end(take(region, offset, size));
}

int membus_region_coalesce_flush(struct membus_region *region)
{
    if (membus_transaction_held()) {
        int error = membus_change_begin(region);

        return error ? error : membus_change_end(membus_change_flush_later(region));
    }
    membus_rcu_lock();
    if (membus_rcu_get(region->coalesced))
        membus_coalesced_flush(region, 0);
    membus_rcu_unlock();
    return 0;
}
