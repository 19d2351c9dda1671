/* SPDX-License-Identifier: MIT */

/* Looking at regions. */

#include "region_internal.h"

#include <errno.h>
#include <stdlib.h>

enum membus_region_kind membus_region_kind(const struct membus_region *region)
{
    return (enum membus_region_kind)region->kind;
}

const char *membus_region_name(const struct membus_region *region)
{
    return region->name;
}

uint64_t membus_region_last(const struct membus_region *region)
{
    return region->last;
}

uint64_t membus_region_offset(const struct membus_region *region)
{
    return region->offset;
}

int membus_region_priority(const struct membus_region *region)
{
    return region->priority;
}

bool membus_region_enabled(const struct membus_region *region)
{
    return region->enabled;
}

bool membus_region_readonly(const struct membus_region *region)
{
    return region->readonly;
}

bool membus_region_nonvolatile(const struct membus_region *region)
{
    return region->nonvolatile;
}

bool membus_region_direct(const struct membus_region *region)
{
    return region->direct;
}

struct membus_region *membus_region_container(const struct membus_region *region)
{
    return region->container;
}

struct membus_region *membus_region_alias(const struct membus_region *region)
{
    return region->target;
}

uint64_t membus_region_alias_offset(const struct membus_region *region)
{
    return region->target_offset;
}

void *membus_region_data(const struct membus_region *region)
{
    return region->data;
}

const void *membus_region_device(const struct membus_region *region)
{
    return region->device;
}

struct membus_mapping membus_region_mapping(const struct membus_region *region)
{
    struct membus_mapping mapping = region->mapping;

    if (region->resizable)
        mapping.size = (size_t)region->last + 1;
    return mapping;
}

int membus_region_fd(const struct membus_region *region, uint64_t *fd_offset)
{
    if (region->fd < 0)
        return -ENOENT;
    *fd_offset = region->fd_offset;
    return region->fd;
}

/* The children, collected and sorted: highest first. */
struct list {
    struct membus_region **sub;
    size_t count;
};

static int count_one(void *data, struct membus_region *sub)
{
    (void)sub;
    ((struct list *)data)->count++;
    return 0;
}

static int collect_one(void *data, struct membus_region *sub)
{
    struct list *list = data;

    list->sub[list->count++] = sub;
    return 0;
}

static int highest_first(const void *a, const void *b)
{
    const struct membus_region *x = *(struct membus_region *const *)a;
    const struct membus_region *y = *(struct membus_region *const *)b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? 1 : -1;
    return (x->order < y->order) - (x->order > y->order);
}

static int collect(struct list *list, struct membus_region *region)
{
    membus_tree_overlap(region, 0, UINT64_MAX, count_one, list);
    list->sub = malloc((list->count + 1) * sizeof(struct membus_region *));
    if (!list->sub)
        return -ENOMEM;
    list->count = 0;
    membus_tree_overlap(region, 0, UINT64_MAX, collect_one, list);
    qsort(list->sub, list->count, sizeof(struct membus_region *), highest_first);
    return 0;
}

int membus_region_children(struct membus_region *region,
                           int (*each)(void *data, struct membus_region *sub), void *data)
{
    struct list list = {NULL, 0};
    int result = membus_transaction_begin();

    if (result)
        return result;
    result = collect(&list, region);
    for (size_t i = 0; i < list.count && !result; i++)
        result = each(data, list.sub[i]);
    free(list.sub);
    membus_transaction_commit();
    return result;
}
