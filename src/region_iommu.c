/* SPDX-License-Identifier: MIT */

/* Notifiers of IOMMU regions: an array per region, replaced as a whole. */

#include "region_internal.h"

#include <errno.h>
#include <stdlib.h>

struct membus_iommu_notifier {
    struct membus_deferred deferred;
    struct membus_region *region;
    uint64_t first, last;
    unsigned events;
    void (*notify)(void *data, unsigned event, const struct membus_iommu_entry *entry);
    void *data;
};

struct membus_notifiers {
    struct membus_deferred deferred;
    size_t count;
    struct membus_iommu_notifier *notifier[];
};

#define EVENTS (MEMBUS_IOMMU_EVENT_UNMAP | MEMBUS_IOMMU_EVENT_MAP)

static void free_list(struct membus_deferred *deferred)
{
    free(deferred);
}

static void free_notifier(struct membus_deferred *deferred)
{
    struct membus_iommu_notifier *n = (struct membus_iommu_notifier *)deferred;

    membus_region_unref(n->region);
    free(n);
}

void membus_notifiers_free(struct membus_region *region)
{
    free(region->notifiers); /* empty: every notifier holds a reference */
}

/* The list without `without` and with `with` at its end. */
static int replace(struct membus_region *region, const struct membus_iommu_notifier *without,
                   struct membus_iommu_notifier *with)
{
    struct membus_notifiers *old = region->notifiers, *list;
    size_t count = old ? old->count : 0, n = 0;

    list = malloc(sizeof(*list) + (count + 1) * sizeof(list->notifier[0]));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (old->notifier[i] != without)
            list->notifier[n++] = old->notifier[i];
    }
    if (with)
        list->notifier[n++] = with;
    list->count = n;
    membus_rcu_set(region->notifiers, list);
    if (old)
        membus_rcu_defer(&old->deferred, free_list);
    return 0;
}

int membus_iommu_notifier_new(struct membus_iommu_notifier **notifier, struct membus_region *region,
                              uint64_t first, uint64_t last, unsigned events,
                              void (*notify)(void *data, unsigned event,
                                             const struct membus_iommu_entry *entry),
                              void *data)
{
    struct membus_iommu_notifier *n;
    int error;

    if (region->kind != MEMBUS_REGION_IOMMU || first > last || last > region->last || !events ||
        (events & ~EVENTS))
        return -EINVAL;
    error = membus_change_begin(region);
    if (error)
        return error;
    n = calloc(1, sizeof(*n));
    if (!n)
        return membus_change_end_own(-ENOMEM);
    *n = (struct membus_iommu_notifier){.region = region,
                                        .first = first,
                                        .last = last,
                                        .events = events,
                                        .notify = notify,
                                        .data = data};
    error = replace(region, NULL, n);
    if (error) {
        free(n);
        return membus_change_end_own(error);
    }
    membus_region_ref(region);
    *notifier = n;
    return membus_change_end_own(0);
}

int membus_iommu_notifier_delete(struct membus_iommu_notifier *notifier)
{
    int error = membus_transaction_begin();

    if (error)
        return error;
    error = replace(notifier->region, notifier, NULL);
    if (!error)
        membus_rcu_defer(&notifier->deferred, free_notifier);
    return membus_change_end_own(error);
}

static bool entry_ok(const struct membus_iommu_entry *entry)
{
    return (entry->mask & (entry->mask + 1)) == 0;
}

/* Tells one notifier, if the event touches what it watches. */
static void tell(const struct membus_iommu_notifier *n, unsigned event,
                 const struct membus_iommu_entry *entry)
{
    uint64_t first = entry->addr & ~entry->mask, last = first | entry->mask;

    if ((n->events & event) && first <= n->last && last >= n->first)
        n->notify(n->data, event, entry);
}

int membus_region_iommu_notify(struct membus_region *region, unsigned event,
                               const struct membus_iommu_entry *entry)
{
    const struct membus_notifiers *list;

    if (region->kind != MEMBUS_REGION_IOMMU || !entry_ok(entry) ||
        (event != MEMBUS_IOMMU_EVENT_MAP && event != MEMBUS_IOMMU_EVENT_UNMAP))
        return -EINVAL;
    membus_rcu_lock();
    list = membus_rcu_get(region->notifiers);
    for (size_t i = 0; list && i < list->count; i++)
        tell(list->notifier[i], event, entry);
    membus_rcu_unlock();
    return 0;
}

/* Replays the block that contains `at`, of which *last becomes the last offset. */
static int replay_block(const struct membus_iommu_notifier *n, uint64_t at, uint64_t *last)
{
    const struct membus_iommu_ops *ops = n->region->iommu;
    uint64_t page = ops->page_min ? ops->page_min : 4096;
    struct membus_iommu_entry entry = {.addr = at, .mask = page - 1};
    struct membus_attrs attrs = {0};

    if (!membus_callback_nest(n->region))
        return -EDEADLK;
    membus_callback_lock(n->region);
    ops->translate(n->region->data, &entry, at, MEMBUS_IOMMU_NONE, attrs);
    membus_callback_unlock(n->region);
    membus_callback_leave();
    if (!entry_ok(&entry))
        entry.mask = page - 1;
    if (entry.target && entry.permission)
        tell(n, MEMBUS_IOMMU_EVENT_MAP, &entry);
    *last = at | entry.mask;
    return 0;
}

int membus_iommu_notifier_replay(struct membus_iommu_notifier *notifier)
{
    uint64_t at = notifier->first, last = at;
    int error;

    membus_rcu_lock();
    do {
        error = replay_block(notifier, at, &last);
        at = last + 1;
    } while (!error && last < notifier->last);
    membus_rcu_unlock();
    return error;
}
