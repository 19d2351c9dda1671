/* SPDX-License-Identifier: MIT */

/*
 * Transactions, and what a change means to the regions above: which windows of which roots it
 * touches, and whether it may be made at all (R3, R4).
 *
 * "Above" a region are its container and the aliases that have it as target; what is above
 * those is found by walking on. The graph has no cycles, so every walk ends; its weight is
 * limited, so it ends soon.
 */

#include "region_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct membus_region_hooks membus_region_hooks;

/* References to drop after the next commit and a grace period. */
struct drops {
    struct membus_deferred deferred;
    size_t count, capacity;
    struct membus_region *region[];
};

/* A region whose coalesced writes are to be delivered after the outermost commit. */
struct later {
    struct later *next;
    struct membus_region *region;
};

/* All under the lock. */
static struct {
    pthread_mutex_t lock;
    unsigned depth;
    bool announcing; /* listeners are being called */
    bool pending;    /* the views are behind the tree */
    bool resolve;
    struct drops *drops;
    struct later *later; /* last first */
} state;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local unsigned held;

static void init(void)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&state.lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

bool membus_transaction_held(void)
{
    return held != 0;
}

int membus_transaction_begin(void)
{
    pthread_once(&once, init);
    pthread_mutex_lock(&state.lock);
    if (state.announcing) {
        pthread_mutex_unlock(&state.lock);
        return -EBUSY;
    }
    state.depth++;
    held++;
    return 0;
}

void membus_transaction_announce(bool announcing)
{
    state.announcing = announcing;
}

static void free_drops(struct membus_deferred *deferred)
{
    struct drops *drops = (struct drops *)deferred;

    for (size_t i = 0; i < drops->count; i++)
        membus_region_unref(drops->region[i]);
    free(drops);
}

/* The views no longer show what the drops are for. */
static void hand_over_drops(void)
{
    struct drops *drops = state.drops;

    if (!drops || drops->count == 0)
        return;
    state.drops = NULL;
    membus_rcu_defer(&drops->deferred, free_drops);
}

static int commit_outermost(void)
{
    int error = 0;

    if (state.pending && membus_region_hooks.commit) {
        state.announcing = true;
        error = membus_region_hooks.commit(state.resolve);
        state.announcing = false;
    }
    if (error)
        return error;
    state.pending = state.resolve = false;
    hand_over_drops();
    return 0;
}

int membus_change_flush_later(struct membus_region *region)
{
    struct later *later = malloc(sizeof(*later));

    if (!later)
        return -ENOMEM;
    membus_region_ref(region);
    *later = (struct later){state.later, region};
    state.later = later;
    return 0;
}

/* Without the lock: callbacks are called. */
static void flush_all(struct later *later)
{
    while (later) {
        struct later *next = later->next;

        membus_region_coalesce_flush(later->region);
        membus_region_unref(later->region);
        free(later);
        later = next;
    }
}

int membus_transaction_commit(void)
{
    struct later *later = NULL;
    int error = 0;

    assert(held);
    if (state.depth == 1) {
        error = commit_outermost();
        later = state.later;
        state.later = NULL;
    }
    state.depth--;
    held--;
    pthread_mutex_unlock(&state.lock);
    flush_all(later);
    return error;
}

int membus_change_begin(const struct membus_region *region)
{
    int error = membus_transaction_begin();

    if (!error && region->deleted) {
        membus_transaction_commit();
        error = -ENOENT;
    }
    return error;
}

int membus_change_end(int error)
{
    int committed = membus_transaction_commit();

    return error ? error : committed;
}

int membus_change_end_own(int error)
{
    membus_transaction_commit();
    return error;
}

int membus_change_reserve_drops(size_t n)
{
    struct drops *drops = state.drops;
    size_t capacity = drops ? drops->capacity : 0, count = drops ? drops->count : 0;

    if (n <= capacity - count)
        return 0;
    capacity = 2 * count + n + 4;
    drops = realloc(drops, sizeof(*drops) + capacity * sizeof(drops->region[0]));
    if (!drops)
        return -ENOMEM;
    if (!state.drops)
        drops->count = 0;
    drops->capacity = capacity;
    state.drops = drops;
    return 0;
}

void membus_change_drop(struct membus_region *region)
{
    assert(state.drops && state.drops->count < state.drops->capacity);
    state.drops->region[state.drops->count++] = region;
}

void membus_change_resolve(void)
{
    state.pending = state.resolve = true;
}

/* Watches. */

int membus_watch_get(struct membus_region *region)
{
    if (!region->watch)
        region->watch = calloc(1, sizeof(*region->watch));
    if (!region->watch)
        return -ENOMEM;
    region->watch->users++;
    return 0;
}

void membus_watch_put(struct membus_region *region)
{
    if (--region->watch->users)
        return;
    free(region->watch->window);
    free(region->watch);
    region->watch = NULL;
}

void membus_watch_clear(struct membus_watch *watch)
{
    watch->touched = watch->all = false;
    watch->count = 0;
}

/* Extends the last window if it touches it: changes often come in order. */
static bool extend(struct membus_window_pair *w, uint64_t first, uint64_t last)
{
    if ((last < w->first && w->first - last > 1) || (first > w->last && first - w->last > 1))
        return false;
    w->first = first < w->first ? first : w->first;
    w->last = last > w->last ? last : w->last;
    return true;
}

static void watch_add(struct membus_watch *watch, uint64_t first, uint64_t last)
{
    watch->touched = true;
    if (watch->all || (watch->count && extend(&watch->window[watch->count - 1], first, last)))
        return;
    if (watch->count == watch->capacity) {
        size_t capacity = watch->capacity ? 2 * watch->capacity : 4;
        void *bigger = capacity > MEMBUS_WINDOWS_MAX
                           ? NULL
                           : realloc(watch->window, capacity * sizeof(*watch->window));

        if (!bigger) {
            watch->all = true;
            return;
        }
        watch->window = bigger;
        watch->capacity = capacity;
    }
    watch->window[watch->count++] = (struct membus_window_pair){first, last};
}

/* [first, last] of a target as an alias of it shows it; false if it does not. */
static bool through_alias(const struct membus_region *alias, uint64_t *first, uint64_t *last)
{
    uint64_t start = alias->target_offset, end = alias->target_offset + alias->last;

    if (*last < start || *first > end)
        return false;
    *first = (*first > start ? *first : start) - start;
    *last = (*last < end ? *last : end) - start;
    return true;
}

/* [first, last] of a region as its container shows it; false if it is clipped away. */
static bool through_container(const struct membus_region *region, uint64_t *first, uint64_t *last)
{
    uint64_t limit = region->container->last;

    *first += region->offset;
    *last += region->offset;
    if (*first > limit)
        return false;
    *last = *last < limit ? *last : limit;
    return true;
}

void membus_change_mark(struct membus_region *region, uint64_t first, uint64_t last)
{
    state.pending = true;
    if (region->watch)
        watch_add(region->watch, first, last);
    if (!region->enabled)
        return; /* not seen from above */
    for (struct membus_region *alias = region->aliases; alias; alias = alias->next_alias) {
        uint64_t f = first, l = last;

        if (through_alias(alias, &f, &l))
            membus_change_mark(alias, f, l);
    }
    if (region->container && through_container(region, &first, &last))
        membus_change_mark(region->container, first, last);
}

void membus_change_mark_all(struct membus_region *region)
{
    membus_change_mark(region, 0, region->last);
}

/* Limits. */

/* The true height, where the upper bound that add and set_alias keep is too high. */
static int measure_one(void *data, struct membus_region *sub);

static unsigned measure(struct membus_region *region)
{
    unsigned below = 0;

    if (region->target)
        below = 1 + measure(region->target);
    membus_tree_overlap(region, 0, UINT64_MAX, measure_one, &below);
    region->height = (uint8_t)below;
    return below;
}

static int measure_one(void *data, struct membus_region *sub)
{
    unsigned *below = data;
    unsigned height = 1 + measure(sub);

    *below = height > *below ? height : *below;
    return 0;
}

/* A walk over all that is above a region. */
struct walk {
    const struct membus_region *sub; /* meeting it is a cycle */
    uint64_t weight;                 /* that would be added */
    uint64_t steps;
};

/* One path up; a region that is met on several gains as often. */
static int check_above(struct walk *walk, struct membus_region *region, unsigned depth)
{
    int error = 0;

    if (region == walk->sub)
        return -ELOOP;
    region->gain += walk->weight;
    if (depth > MEMBUS_DEPTH_MAX || region->weight + region->gain > MEMBUS_WEIGHT_MAX ||
        ++walk->steps > MEMBUS_WEIGHT_MAX)
        return -E2BIG;
    if (region->container)
        error = check_above(walk, region->container, depth + 1);
    for (struct membus_region *a = region->aliases; a && !error; a = a->next_alias)
        error = check_above(walk, a, depth + 1);
    return error;
}

/* What a walk left behind: those it met lie above one another, so what has none ends the search. */
static void forget_gain(struct membus_region *region)
{
    if (region->gain == 0)
        return;
    region->gain = 0;
    if (region->container)
        forget_gain(region->container);
    for (struct membus_region *a = region->aliases; a; a = a->next_alias)
        forget_gain(a);
}

static int check_with(struct membus_region *parent, struct membus_region *sub, unsigned height)
{
    uint64_t before = parent->target ? parent->target->weight : 0; /* an alias's, which goes */
    struct walk walk = {.sub = sub, .weight = sub->weight > before ? sub->weight - before : 0};
    int error = check_above(&walk, parent, height + 1);

    forget_gain(parent);
    return error;
}

int membus_change_check(struct membus_region *parent, struct membus_region *sub)
{
    int error = check_with(parent, sub, sub->height);

    return error == -E2BIG ? check_with(parent, sub, measure(sub)) : error;
}

static void add_weight(struct membus_region *region, uint64_t weight)
{
    region->weight += weight;
    if (region->container)
        add_weight(region->container, weight);
    for (struct membus_region *a = region->aliases; a; a = a->next_alias)
        add_weight(a, weight);
}

static void raise_height(struct membus_region *region, unsigned height)
{
    if (height <= region->height)
        return;
    region->height = (uint8_t)height;
    if (region->container)
        raise_height(region->container, height + 1);
    for (struct membus_region *a = region->aliases; a; a = a->next_alias)
        raise_height(a, height + 1);
}

void membus_change_linked(struct membus_region *parent, struct membus_region *sub)
{
    add_weight(parent, sub->weight);
    raise_height(parent, sub->height + 1u);
}

void membus_change_unlinked(struct membus_region *parent, struct membus_region *sub)
{
    add_weight(parent, -sub->weight);
}
