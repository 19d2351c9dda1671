/* SPDX-License-Identifier: MIT */

/* Regions: their life, their place in the tree, their properties. */

#include "region_internal.h"

#include <assert.h>
#include <errno.h>

#include <membus/guard.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* All regions that were created and not deleted, so that a second delete is an error. Under the
 * lock of transactions, as is the count of additions. */
static void *alive;
static uint64_t additions;

static int by_address(const void *a, const void *b)
{
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int enroll(struct membus_region *region)
{
    int error = membus_transaction_begin();

    if (error)
        return error;
    return membus_change_end_own(tsearch(region, &alive, by_address) ? 0 : -ENOMEM);
}

int membus_region_create(struct membus_region **region, const char *name,
                         enum membus_region_kind kind, uint64_t size)
{
    size_t length = name ? strlen(name) : 0;
    struct membus_region *r;
    int error;

    if (size == 0 || length > MEMBUS_NAME_MAX)
        return -EINVAL;
    r = calloc(1, sizeof(*r) + length + 1);
    if (!r)
        return -ENOMEM;
    if (length)
        memcpy(r->name, name, length);
    r->kind = (uint8_t)kind;
    r->last = size == MEMBUS_SIZE_ALL ? UINT64_MAX : size - 1;
    r->last_max = r->last;
    r->refs = 1;
    r->enabled = r->direct = true;
    r->device = r;
    r->weight = 1;
    r->fd = -1;
    error = enroll(r);
    if (error) {
        free(r);
        return error;
    }
    *region = r;
    return 0;
}

static void strike_off(struct membus_region *region)
{
    tdelete(region, &alive, by_address);
}

void membus_region_discard(struct membus_region *region)
{
    membus_transaction_begin();
    strike_off(region);
    membus_transaction_commit();
    membus_region_unref(region);
}

static void destroy(struct membus_region *region)
{
    if (region->release)
        region->release(region->release_data);
    membus_log_free(region);
    membus_coalesced_free(region);
    membus_notifiers_free(region);
    free(region->doorbells);
    if (region->mapped)
        munmap(region->mapping.addr, region->mapped);
    if (region->fd >= 0)
        close(region->fd);
    free(region);
}

void membus_region_ref(struct membus_region *region)
{
    __atomic_fetch_add(&region->refs, 1, __ATOMIC_RELAXED);
}

void membus_region_unref(struct membus_region *region)
{
    if (__atomic_fetch_sub(&region->refs, 1, __ATOMIC_ACQ_REL) == 1)
        destroy(region);
}

/* Creation of kinds without memory. */

int membus_region_new_container(struct membus_region **region, const char *name, uint64_t size)
{
    return membus_region_create(region, name, MEMBUS_REGION_CONTAINER, size);
}

static bool size_ok(unsigned size)
{
    return size == 0 || size == 1 || size == 2 || size == 4 || size == 8;
}

static bool sizes_ok(const struct membus_region_sizes *sizes)
{
    unsigned min = sizes->min ? sizes->min : 1, max = sizes->max ? sizes->max : 4;

    return size_ok(sizes->min) && size_ok(sizes->max) && min <= max;
}

static bool ops_ok(const struct membus_region_ops *ops)
{
    return !ops || (sizes_ok(&ops->valid) && sizes_ok(&ops->impl) &&
                    (unsigned)ops->endian <= MEMBUS_ENDIAN_NATIVE);
}

int membus_region_new_io(struct membus_region **region, const char *name, uint64_t size,
                         const struct membus_region_ops *ops, void *data)
{
    int error = ops_ok(ops) ? membus_region_create(region, name, MEMBUS_REGION_IO, size) : -EINVAL;

    if (error)
        return error;
    (*region)->ops = ops;
    (*region)->data = data;
    return 0;
}

int membus_region_new_iommu(struct membus_region **region, const char *name, uint64_t size,
                            const struct membus_iommu_ops *ops, void *data)
{
    int error;

    if (!ops || !ops->translate || (ops->page_min & (ops->page_min - 1)))
        return -EINVAL;
    error = membus_region_create(region, name, MEMBUS_REGION_IOMMU, size);
    if (error)
        return error;
    (*region)->iommu = ops;
    (*region)->data = data;
    return 0;
}

/* Aliases. */

static void link_alias(struct membus_region *alias, struct membus_region *target, uint64_t offset)
{
    alias->target = target;
    alias->target_offset = offset;
    alias->next_alias = target->aliases;
    alias->alias_link = &target->aliases;
    if (target->aliases)
        target->aliases->alias_link = &alias->next_alias;
    target->aliases = alias;
    membus_region_ref(target);
    membus_change_linked(alias, target);
}

/* The reference to the target is dropped later: room for it was reserved. */
static void unlink_alias(struct membus_region *alias)
{
    struct membus_region *target = alias->target;

    membus_change_unlinked(alias, target);
    *alias->alias_link = alias->next_alias;
    if (alias->next_alias)
        alias->next_alias->alias_link = alias->alias_link;
    alias->target = NULL;
    membus_change_drop(target);
}

static int point_alias(struct membus_region *alias, struct membus_region *target, uint64_t offset)
{
    int error = target->deleted ? -ENOENT : offset > UINT64_MAX - alias->last ? -EOVERFLOW : 0;

    if (!error && alias->target != target)
        error = membus_change_check(alias, target);
    if (!error && alias->target)
        error = membus_change_reserve_drops(1);
    if (error)
        return error;
    if (alias->target) {
        membus_change_mark_all(alias);
        unlink_alias(alias);
    }
    link_alias(alias, target, offset);
    membus_change_mark_all(alias);
    return 0;
}

int membus_region_new_alias(struct membus_region **region, const char *name,
                            struct membus_region *target, uint64_t offset, uint64_t size)
{
    struct membus_region *alias;
    int error = membus_transaction_begin();

    if (error)
        return error;
    error = membus_region_create(&alias, name, MEMBUS_REGION_ALIAS, size);
    if (!error) {
        error = point_alias(alias, target, offset);
        if (error)
            membus_region_discard(alias);
    }
    if (!error)
        *region = alias;
    return membus_change_end_own(error);
}

int membus_region_set_alias(struct membus_region *alias, struct membus_region *target,
                            uint64_t offset)
{
    int error = membus_change_begin(alias);

    if (error)
        return error;
    error = alias->kind != MEMBUS_REGION_ALIAS ? -EINVAL : point_alias(alias, target, offset);
    return membus_change_end(error);
}

/* The tree. */

static void place(struct membus_region *container, struct membus_region *sub)
{
    sub->container = container;
    membus_tree_insert(container, sub);
    container->enabled_children += sub->enabled;
}

static void displace(struct membus_region *sub)
{
    membus_tree_remove(sub->container, sub);
    sub->container->enabled_children -= sub->enabled;
}

static int add(struct membus_region *container, uint64_t offset, struct membus_region *sub,
               int priority)
{
    int error = 0;

    if (sub->deleted)
        error = -ENOENT;
    else if (sub->container)
        error = -EEXIST;
    else if (container->kind == MEMBUS_REGION_ALIAS)
        error = -EINVAL;
    else if (offset > UINT64_MAX - sub->last)
        error = -EOVERFLOW;
    else
        error = membus_change_check(container, sub);
    if (error)
        return error;
    sub->offset = offset;
    sub->priority = priority;
    sub->order = ++additions;
    membus_region_ref(sub);
    place(container, sub);
    membus_change_linked(container, sub);
    membus_change_mark_all(sub);
    return 0;
}

int membus_region_add(struct membus_region *container, uint64_t offset, struct membus_region *sub,
                      int priority)
{
    int error = membus_change_begin(container);

    return error ? error : membus_change_end(add(container, offset, sub, priority));
}

static int take_out(struct membus_region *sub)
{
    int error = sub->container ? membus_change_reserve_drops(1) : -EINVAL;

    if (error)
        return error;
    membus_change_mark_all(sub);
    membus_change_unlinked(sub->container, sub);
    displace(sub);
    sub->container = NULL;
    membus_change_drop(sub);
    return 0;
}

int membus_region_remove(struct membus_region *sub)
{
    int error = membus_change_begin(sub);

    return error ? error : membus_change_end(take_out(sub));
}

/* Properties that change what is seen: mark, change, mark. */

static int move(struct membus_region *region, uint64_t offset)
{
    struct membus_region *container = region->container;

    if (offset > UINT64_MAX - region->last)
        return -EOVERFLOW;
    if (!container) {
        region->offset = offset;
        return 0;
    }
    membus_change_mark_all(region);
    membus_tree_remove(container, region);
    region->offset = offset;
    membus_tree_insert(container, region);
    membus_change_mark_all(region);
    return 0;
}

int membus_region_set_offset(struct membus_region *region, uint64_t offset)
{
    int error = membus_change_begin(region);

    if (!error && region->offset != offset)
        error = membus_change_end(move(region, offset));
    else if (!error)
        error = membus_change_end(0);
    return error;
}

int membus_region_set_priority(struct membus_region *region, int priority)
{
    int error = membus_change_begin(region);

    if (error)
        return error;
    if (region->container && region->priority != priority) {
        membus_tree_remove(region->container, region);
        region->order = ++additions;
        membus_tree_insert(region->container, region);
        membus_change_mark_all(region);
    }
    region->priority = priority;
    return membus_change_end(0);
}

static int check_size(const struct membus_region *region, uint64_t size, uint64_t last)
{
    if (size == 0)
        return -EINVAL;
    if (membus_region_has_memory(region) && !region->resizable)
        return -EOPNOTSUPP;
    if (region->resizable && last > region->last_max)
        return -ERANGE;
    if (region->container && last > UINT64_MAX - region->offset)
        return -EOVERFLOW;
    if (region->target && last > UINT64_MAX - region->target_offset)
        return -EOVERFLOW;
    return 0;
}

static void resize(struct membus_region *region, uint64_t last)
{
    struct membus_region *container = region->container;

    membus_change_mark_all(region);
    if (container)
        membus_tree_remove(container, region);
    region->last = last;
    if (container)
        membus_tree_insert(container, region);
    membus_change_mark_all(region);
    membus_change_resolve();
}

int membus_region_set_size(struct membus_region *region, uint64_t size)
{
    uint64_t last = size == MEMBUS_SIZE_ALL ? UINT64_MAX : size - 1;
    int error = membus_change_begin(region);

    if (error)
        return error;
    error = check_size(region, size, last);
    if (!error && region->last != last)
        resize(region, last);
    return membus_change_end(error);
}

int membus_region_set_enabled(struct membus_region *region, bool enabled)
{
    int error = membus_change_begin(region);

    if (error)
        return error;
    if (region->enabled != enabled) {
        region->enabled = true; /* marks must reach those above */
        membus_change_mark_all(region);
        region->enabled = enabled;
        if (region->container)
            region->container->enabled_children += enabled ? 1 : (size_t)-1;
    }
    return membus_change_end(0);
}

static int set_flag(struct membus_region *region, bool *flag, bool value)
{
    int error = membus_change_begin(region);

    if (error)
        return error;
    if (*flag != value) {
        *flag = value;
        membus_change_mark_all(region);
    }
    return membus_change_end(0);
}

int membus_region_set_readonly(struct membus_region *region, bool readonly)
{
    return set_flag(region, &region->readonly, readonly);
}

int membus_region_set_nonvolatile(struct membus_region *region, bool nonvolatile)
{
    return set_flag(region, &region->nonvolatile, nonvolatile);
}

int membus_region_set_direct(struct membus_region *region, bool direct)
{
    if (region->kind != MEMBUS_REGION_ROM_DEVICE)
        return -EINVAL;
    return set_flag(region, &region->direct, direct);
}

int membus_region_set_release(struct membus_region *region, void (*release)(void *data), void *data)
{
    region->release = release;
    region->release_data = data;
    return 0;
}

int membus_region_set_lock(struct membus_region *region, void (*lock)(void *data),
                           void (*unlock)(void *data), void *data)
{
    if (!lock != !unlock)
        return -EINVAL;
    region->lock_data = data;
    region->unlock = unlock;
    region->lock = lock;
    return 0;
}

int membus_region_set_device(struct membus_region *region, const void *device)
{
    region->device = device ? device : region;
    return 0;
}

int membus_region_set_reentrant(struct membus_region *region, bool reentrant)
{
    region->reentrant = reentrant;
    return 0;
}

int membus_region_set_guarded(struct membus_region *region, bool guarded)
{
    int error = 0;

    if (!region->mapping.addr)
        return -EINVAL;
    if (guarded)
        error = membus_guard_install();
    if (error == 0)
        region->guarded = guarded;
    return error;
}

/* Deletion. */

static int count_one(void *data, struct membus_region *sub)
{
    (void)sub;
    ++*(size_t *)data;
    return 0;
}

static int stop_at_first(void *data, struct membus_region *sub)
{
    *(struct membus_region **)data = sub;
    return 1;
}

/* All its links; room for the drops was reserved, so none of these fails. */
static void unlink_all(struct membus_region *region)
{
    struct membus_region *sub;
    int error = 0;

    if (region->container)
        error = take_out(region);
    while (!error && membus_tree_overlap(region, 0, UINT64_MAX, stop_at_first, &sub))
        error = take_out(sub);
    assert(!error);
    if (region->target)
        unlink_alias(region);
}

/* May all of them go? Makes room for their drops. */
static int check_strike(struct membus_region *const *region, size_t n)
{
    size_t drops = 0;

    for (size_t i = 0; i < n; i++) {
        if (!tfind(region[i], &alive, by_address))
            return -ENOENT;
        if (region[i]->roots || region[i]->aliases)
            return -EBUSY;
        drops += 3; /* of the container, the target, the creator */
        membus_tree_overlap(region[i], 0, UINT64_MAX, count_one, &drops);
    }
    return membus_change_reserve_drops(drops);
}

int membus_regions_strike(struct membus_region *const *region, size_t n)
{
    int error = check_strike(region, n);

    for (size_t i = 0; i < n && !error; i++) {
        unlink_all(region[i]);
        region[i]->deleted = true;
        strike_off(region[i]);
        membus_change_drop(region[i]);
    }
    return error;
}

int membus_region_delete(struct membus_region *region)
{
    int error = membus_transaction_begin();

    return error ? error : membus_change_end(membus_regions_strike(&region, 1));
}
