/* SPDX-License-Identifier: MIT */

/*
 * Rendering: what a tree of regions comes to in one window of addresses.
 *
 * Regions are painted from the highest down, each into what is still free; so a hole falls
 * through by itself (R2). What is painted is kept in a *gap buffer*, a sorted array with a gap at
 * the place of the last change: siblings are painted in ascending order wherever their priorities
 * allow, so the gap sweeps over the array about once for each container and priority.
 *
 * Offsets, not addresses, are clipped on the way down: an address is `base + offset` modulo 2^64,
 * where `base` may well be "negative" below an alias.
 */

#include "space_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What was painted: [0, low) before the gap, `high` ranges at the end after it. */
struct canvas {
    struct membus_range *range;
    size_t low, high, capacity;
};

struct renderer {
    struct canvas canvas;
    const struct membus_region **sibling; /* a stack of those being painted */
    size_t siblings, capacity;
    int error;
};

/* How a region is seen. Offsets count in the region. */
struct sight {
    uint64_t base;                  /* address of its offset 0 */
    uint64_t clip_first, clip_last; /* what those above let through */
    uint64_t first, last;           /* of that, what is in the window */
    uint32_t flags;                 /* inherited */
};

static bool canvas_grow(struct canvas *c)
{
    size_t capacity = c->capacity ? 2 * c->capacity : 32;
    struct membus_range *range = realloc(c->range, capacity * sizeof(*range));

    if (!range)
        return false;
    if (c->high)
        memmove(range + capacity - c->high, range + c->capacity - c->high,
                c->high * sizeof(*range));
    c->range = range;
    c->capacity = capacity;
    return true;
}

/* Moves the gap: before it, all ranges end before `addr`; after it, none does. */
static void canvas_seek(struct canvas *c, uint64_t addr)
{
    while (c->low && c->range[c->low - 1].last >= addr) {
        c->low--;
        c->high++;
        c->range[c->capacity - c->high] = c->range[c->low];
    }
    while (c->high && c->range[c->capacity - c->high].last < addr) {
        c->range[c->low] = c->range[c->capacity - c->high];
        c->low++;
        c->high--;
    }
}

static void canvas_put(struct renderer *r, struct membus_range paint, uint64_t first, uint64_t last)
{
    struct canvas *c = &r->canvas;

    if (c->low + c->high == c->capacity && !canvas_grow(c)) {
        r->error = -ENOMEM;
        return;
    }
    paint.offset += first - paint.start;
    if (paint.memory)
        paint.memory = (char *)paint.memory + (first - paint.start);
    paint.start = first;
    paint.last = last;
    c->range[c->low++] = paint;
}

/* Paints [paint.start, paint.last] where it is free. */
static void canvas_fill(struct renderer *r, const struct membus_range *paint)
{
    struct canvas *c = &r->canvas;
    uint64_t at = paint->start;

    canvas_seek(c, at);
    while (!r->error) {
        const struct membus_range *next = c->high ? &c->range[c->capacity - c->high] : NULL;
        uint64_t taken;

        if (!next || next->start > paint->last) {
            canvas_put(r, *paint, at, paint->last);
            return;
        }
        taken = next->last;
        if (next->start > at)
            canvas_put(r, *paint, at, next->start - 1);
        if (taken >= paint->last)
            return;
        at = taken + 1;
        canvas_seek(c, at);
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t greatest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint32_t inherited(const struct membus_region *region)
{
    return (region->readonly ? MEMBUS_RANGE_READONLY : 0) |
           (region->nonvolatile ? MEMBUS_RANGE_NONVOLATILE : 0);
}

static uint32_t own_flags(const struct membus_region *region, uint32_t from_above)
{
    bool readonly = from_above & MEMBUS_RANGE_READONLY;

    if (!membus_region_has_memory(region))
        return 0;
    return (region->direct ? MEMBUS_RANGE_DIRECT : 0) |
           (region->mapping.addr ? MEMBUS_RANGE_MEMORY : 0) |
           (region->kind != MEMBUS_REGION_ROM_DEVICE && !readonly ? MEMBUS_RANGE_WRITABLE : 0) |
           (membus_mapping_is_ram(&region->mapping) && !region->guarded ? MEMBUS_RANGE_PLAIN : 0);
}

static void *memory_at(const struct membus_region *region, uint64_t offset)
{
    if (!membus_region_has_memory(region) || !region->mapping.addr)
        return NULL;
    return (char *)region->mapping.addr + offset;
}

static void paint_self(struct renderer *r, const struct membus_region *region,
                       const struct sight *sight)
{
    struct membus_range paint = {
        .start = sight->base + sight->first,
        .last = sight->base + sight->last,
        .offset = sight->first,
        .extent = sight->base + sight->clip_last,
        .region = (struct membus_region *)region,
        .memory = memory_at(region, sight->first),
        .flags = sight->flags | own_flags(region, sight->flags),
        .log = region->log ? region->log->clients : 0,
    };

    canvas_fill(r, &paint);
}

static void paint(struct renderer *r, const struct membus_region *region, struct sight sight);

static void paint_child(struct renderer *r, const struct membus_region *child,
                        const struct sight *above)
{
    uint64_t start = child->offset, end = child->offset + child->last;
    struct sight sight = {
        .base = above->base + start,
        .clip_first = greatest(above->clip_first, start) - start,
        .clip_last = least(above->clip_last, end) - start,
        .first = greatest(above->first, start) - start,
        .last = least(above->last, end) - start,
        .flags = above->flags,
    };

    paint(r, child, sight);
}

static void paint_target(struct renderer *r, const struct membus_region *alias,
                         const struct sight *above)
{
    const struct membus_region *target = alias->target;
    uint64_t shift = alias->target_offset;
    struct sight sight = {
        .base = above->base - shift,
        .clip_first = above->clip_first + shift,
        .clip_last = least(above->clip_last + shift, target->last),
        .first = above->first + shift,
        .last = least(above->last + shift, target->last),
        .flags = above->flags,
    };

    if (sight.first <= target->last)
        paint(r, target, sight);
}

static int collect(void *data, struct membus_region *sub)
{
    struct renderer *r = data;

    if (!sub->enabled)
        return 0;
    if (r->siblings == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 32;
        void *bigger = realloc(r->sibling, capacity * sizeof(*r->sibling));

        if (!bigger)
            return r->error = -ENOMEM;
        r->sibling = bigger;
        r->capacity = capacity;
    }
    r->sibling[r->siblings++] = sub;
    return 0;
}

static int by_priority(const void *a, const void *b)
{
    const struct membus_region *x = *(const struct membus_region *const *)a;
    const struct membus_region *y = *(const struct membus_region *const *)b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? 1 : -1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return 0;
}

static int by_order(const void *a, const void *b)
{
    const struct membus_region *x = *(const struct membus_region *const *)a;
    const struct membus_region *y = *(const struct membus_region *const *)b;

    return (x->order < y->order) - (x->order > y->order);
}

/* Sorts by priority; they come sorted by offset, and mostly have one priority. */
static void sort_siblings(const struct membus_region **sibling, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (sibling[i]->priority > sibling[i - 1]->priority) {
            qsort(sibling, count, sizeof(*sibling), by_priority);
            return;
        }
    }
}

/* How many of equal priority, from the first on, hang together by overlapping. */
static size_t cluster(const struct membus_region *const *sibling, size_t count)
{
    uint64_t end = sibling[0]->offset + sibling[0]->last;
    size_t n = 1;

    while (n < count && sibling[n]->priority == sibling[0]->priority && sibling[n]->offset <= end) {
        end = greatest(end, sibling[n]->offset + sibling[n]->last);
        n++;
    }
    return n;
}

/* Highest priority first; of equal priority, ascending, and where they overlap the latest first. */
static void paint_children(struct renderer *r, const struct membus_region *region,
                           const struct sight *sight)
{
    size_t begin = r->siblings, end;

    membus_tree_overlap((struct membus_region *)region, sight->first, sight->last, collect, r);
    end = r->siblings;
    if (end > begin)
        sort_siblings(r->sibling + begin, end - begin);
    for (size_t i = begin; i < end && !r->error;) {
        size_t n = cluster(r->sibling + i, end - i);

        if (n > 1)
            qsort(r->sibling + i, n, sizeof(*r->sibling), by_order);
        for (; n && !r->error; n--, i++)
            paint_child(r, r->sibling[i], sight);
    }
    r->siblings = begin;
}

static void paint(struct renderer *r, const struct membus_region *region, struct sight sight)
{
    if (!region->enabled || r->error)
        return;
    sight.flags |= inherited(region);
    if (region->target) {
        paint_target(r, region, &sight);
        return;
    }
    if (region->children)
        paint_children(r, region, &sight);
    if (membus_region_answers(region))
        paint_self(r, region, &sight);
}

bool membus_ranges_grow(struct membus_ranges *out, size_t more)
{
    size_t capacity = out->capacity ? out->capacity : 64;
    void *bigger;

    if (more <= out->capacity - out->count)
        return true;
    while (capacity - out->count < more)
        capacity *= 2;
    bigger = realloc(out->range, capacity * sizeof(*out->range));
    if (!bigger)
        return false;
    out->range = bigger;
    out->capacity = capacity;
    return true;
}

static bool continues(const struct membus_range *a, const struct membus_range *b)
{
    return a->last + 1 == b->start && a->region == b->region && a->flags == b->flags &&
           a->log == b->log && a->offset + (b->start - a->start) == b->offset;
}

int membus_ranges_append(struct membus_ranges *out, const struct membus_range *range)
{
    struct membus_range *last = out->count ? &out->range[out->count - 1] : NULL;

    if (last && continues(last, range)) {
        last->last = range->last;
        last->extent = range->extent;
        return 0;
    }
    if (!membus_ranges_grow(out, 1))
        return -ENOMEM;
    out->range[out->count++] = *range;
    return 0;
}

static int append_all(const struct canvas *c, struct membus_ranges *out)
{
    int error = 0;

    for (size_t i = 0; i < c->low && !error; i++)
        error = membus_ranges_append(out, &c->range[i]);
    for (size_t i = c->capacity - c->high; i < c->capacity && !error; i++)
        error = membus_ranges_append(out, &c->range[i]);
    return error;
}

int membus_render(const struct membus_region *root, uint64_t first, uint64_t last,
                  struct membus_ranges *out)
{
    struct renderer r = {.error = 0};
    struct sight sight = {.clip_last = root->last, .first = first, .last = least(last, root->last)};

    if (first <= root->last)
        paint(&r, root, sight);
    if (!r.error)
        r.error = append_all(&r.canvas, out);
    free(r.canvas.range);
    free(r.sibling);
    return r.error;
}
