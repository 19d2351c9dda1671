/* SPDX-License-Identifier: MIT */

/* Doorbells: a sorted array per region, replaced as a whole. */

#include "region_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare(const struct membus_doorbell *a, const struct membus_doorbell *b)
{
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    if (a->match != b->match)
        return a->match ? 1 : -1;
    if (a->match && a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return 0;
}

static int check(const struct membus_region *region, const struct membus_doorbell *d)
{
    bool size_ok = d->size == 0 || d->size == 1 || d->size == 2 || d->size == 4 || d->size == 8;

    if (!membus_region_has_callbacks(region) || !region->ops || !size_ok ||
        (d->match && d->size == 0))
        return -EINVAL;
    if (d->offset > region->last || (d->size && d->size - 1 > region->last - d->offset))
        return -ERANGE;
    return 0;
}

static void free_doorbells(struct membus_deferred *deferred)
{
    free(deferred);
}

static void publish(struct membus_region *region, struct membus_doorbells *doorbells)
{
    struct membus_doorbells *old = region->doorbells;

    membus_rcu_set(region->doorbells, doorbells);
    if (old)
        membus_rcu_defer(&old->deferred, free_doorbells);
    membus_change_mark_all(region);
}

/* Index of the first that is not before `d`. */
static size_t position(const struct membus_doorbells *list, const struct membus_doorbell *d)
{
    size_t i = 0;

    while (list && i < list->count && compare(&list->doorbell[i], d) < 0)
        i++;
    return i;
}

static bool is_at(const struct membus_doorbells *list, size_t at, const struct membus_doorbell *d)
{
    return list && at < list->count && compare(&list->doorbell[at], d) == 0;
}

static struct membus_doorbells *allocate(size_t count)
{
    struct membus_doorbells *list = malloc(sizeof(*list) + count * sizeof(list->doorbell[0]));

    if (list)
        list->count = count;
    return list;
}

static int add(struct membus_region *region, const struct membus_doorbell *d)
{
    const struct membus_doorbells *old = region->doorbells;
    struct membus_doorbells *list;
    size_t count = old ? old->count : 0, at = position(old, d);
    int error = check(region, d);

    if (error)
        return error;
    if (is_at(old, at, d))
        return -EEXIST;
    if (count == MEMBUS_DOORBELLS_MAX)
        return -ENOSPC;
    list = allocate(count + 1);
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        list->doorbell[i + (i >= at)] = old->doorbell[i];
    list->doorbell[at] = *d;
    publish(region, list);
    return 0;
}

static int take(struct membus_region *region, const struct membus_doorbell *d)
{
    const struct membus_doorbells *old = region->doorbells;
    struct membus_doorbells *list = NULL;
    size_t at = position(old, d);

    if (!is_at(old, at, d))
        return -ENOENT;
    if (old->count > 1) {
        list = allocate(old->count - 1);
        if (!list)
            return -ENOMEM;
        for (size_t i = 0; i < list->count; i++)
            list->doorbell[i] = old->doorbell[i + (i >= at)];
    }
    publish(region, list);
    return 0;
}

int membus_region_doorbell_add(struct membus_region *region, const struct membus_doorbell *doorbell)
{
    int error = membus_change_begin(region);

    return error ? error : membus_change_end(add(region, doorbell));
}

int membus_region_doorbell_remove(struct membus_region *region,
                                  const struct membus_doorbell *doorbell)
{
    int error = membus_change_begin(region);

    return error ? error : membus_change_end(take(region, doorbell));
}

/* The first doorbell at `offset` or after. */
static size_t first_at(const struct membus_doorbells *list, uint64_t offset)
{
    size_t low = 0, high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (list->doorbell[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void signal_eventfd(int fd)
{
    const uint64_t one = 1;
    ssize_t n;

    /* A full counter (EAGAIN) is a doorbell that nobody answered yet: it is rung all the same. */
    do
        n = write(fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
}

bool membus_doorbell_ring(const struct membus_doorbells *doorbells, uint64_t offset, uint64_t value,
                          unsigned size)
{
    for (size_t i = first_at(doorbells, offset); i < doorbells->count; i++) {
        const struct membus_doorbell *d = &doorbells->doorbell[i];

        if (d->offset != offset)
            return false;
        if ((d->size == 0 || d->size == size) && (!d->match || d->value == value)) {
            signal_eventfd(d->fd);
            return true;
        }
    }
    return false;
}
