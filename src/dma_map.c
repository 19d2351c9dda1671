/* SPDX-License-Identifier: MIT */

/* Mappings of guest memory: direct where the memory allows what is declared (D1), else bounced. */

#include "dma_internal.h"

#include <stdlib.h>

#define OPEN  UINT64_C(0x6d656d6275736d70) /* what `token` holds while the map is open */
#define FLAGS (MEMBUS_MAP_READ | MEMBUS_MAP_WRITE | MEMBUS_MAP_ANY)

/* Where an address is, after all IOMMUs. */
struct place {
    struct membus_region *region; /* NULL: no memory that may be pointed to */
    uint64_t offset, span;        /* span + 1 bytes are there */
};

/* May the host's mapping be accessed as declared? The policy is the device's own. */
static bool mapping_allows(const struct membus_mapping *m, unsigned flags)
{
    const struct membus_rule *rule = membus_mapping_rule(m->mode);
    bool free_width = m->policy.width_min <= 1 && m->policy.width_max == 0;

    if (membus_mapping_is_ram(m))
        return true;
    if (!rule->direct)
        return false;
    if ((flags & MEMBUS_MAP_UNALIGNED) &&
        (rule->unaligned < MEMBUS_WAY_INSTRUCTION || m->policy.aligned || !free_width))
        return false;
    return !(flags & MEMBUS_MAP_VECTOR) || (rule->width_vector && rule->width_vector_least == 0 &&
                                            !m->policy.no_vector && free_width);
}

static bool range_allows(const struct membus_range *range, unsigned flags)
{
    return (!(flags & MEMBUS_MAP_READ) || membus_range_direct(range, false)) &&
           (!(flags & MEMBUS_MAP_WRITE) || membus_range_direct(range, true)) &&
           mapping_allows(&range->region->mapping, flags);
}

static unsigned iommu_access(unsigned flags)
{
    return (flags & MEMBUS_MAP_READ ? MEMBUS_IOMMU_READ : 0) |
           (flags & MEMBUS_MAP_WRITE ? MEMBUS_IOMMU_WRITE : 0);
}

/* Finds the place of `addr`, passing at most MEMBUS_IOMMUS_MAX translations. */
static struct place locate(struct membus_space *space, uint64_t addr, unsigned flags,
                           struct membus_attrs attrs)
{
    struct place place = {.span = UINT64_MAX};

    for (unsigned i = 0; i <= MEMBUS_IOMMUS_MAX; i++) {
        struct membus_iommu_entry entry;
        const struct membus_range *range;
        uint64_t span, inside;

        range = membus_space_hit(space, membus_rcu_get(space->version), addr, &span);
        place.span = span < place.span ? span : place.span;
        if (!range)
            return place;
        place.offset = range->offset + (addr - range->start);
        if (range->region->kind != MEMBUS_REGION_IOMMU) {
            place.region = range_allows(range, flags) ? range->region : NULL;
            return place;
        }
        if (!membus_iommu_translate(range->region, &entry, place.offset, iommu_access(flags),
                                    attrs))
            return place;
        inside = place.offset & entry.mask;
        place.span = entry.mask - inside < place.span ? entry.mask - inside : place.span;
        space = entry.target;
        addr = (entry.translated & ~entry.mask) | inside;
    }
    return place;
}

/* How many of `len` bytes from `place` on are contiguous in its region's memory. */
static uint64_t contiguous(struct membus_map *map, const struct place *place, uint64_t len)
{
    uint64_t n = membus_within(len, place->span);

    while (n < len) {
        struct place more = locate(map->space, map->addr + n, map->flags, map->attrs);

        if (more.region != place->region || more.offset != place->offset + n)
            break;
        n += membus_within(len - n, more.span);
    }
    return n;
}

static struct membus_outcome outcome_of(enum membus_status status, uint64_t addr, uint64_t bytes)
{
    struct membus_outcome outcome = {status, status == MEMBUS_STATUS_OK ? 0 : addr, bytes};

    return outcome;
}

static struct membus_outcome open_direct(struct membus_map *map, const struct place *place,
                                         uint64_t len)
{
    const struct membus_mapping *m = &place->region->mapping;
    uint64_t n = contiguous(map, place, len);

    membus_region_ref(place->region);
    map->region = place->region;
    map->offset = place->offset;
    map->mapping = *m;
    map->mapping.addr = (uint8_t *)m->addr + place->offset;
    map->mapping.size = (size_t)n;
    return outcome_of(MEMBUS_STATUS_OK, 0, n);
}

static struct membus_outcome open_bounce(struct membus_map *map, uint64_t len)
{
    size_t n = membus_budget_take(map->space, len);
    struct membus_outcome outcome = {MEMBUS_STATUS_OK, 0, n};
    void *buf;

    if (n == 0) {
        map->mapping.size = len < SIZE_MAX ? (size_t)len : SIZE_MAX; /* for lists */
        return outcome_of(MEMBUS_STATUS_BUDGET, map->addr, 0);
    }
    buf = calloc(1, n);
    if (!buf)
        outcome = outcome_of(MEMBUS_STATUS_MEMORY, map->addr, 0);
    else if (map->flags & MEMBUS_MAP_READ)
        outcome = membus_space_read(map->space, buf, n, map->addr, map->attrs);
    if (outcome.status != MEMBUS_STATUS_OK) {
        free(buf);
        membus_budget_return(map->space, n);
        return outcome;
    }
    map->bounced = true;
    map->mapping = membus_mapping_ram(buf, n);
    return outcome;
}

struct membus_outcome membus_map_open(struct membus_map *map, struct membus_space *space,
                                      uint64_t addr, uint64_t len, unsigned flags,
                                      struct membus_attrs attrs)
{
    struct membus_outcome outcome;
    struct place place;

    *map = (struct membus_map){.space = space, .addr = addr, .flags = flags, .attrs = attrs};
    if (len == 0 || (flags & ~FLAGS) || !(flags & (MEMBUS_MAP_READ | MEMBUS_MAP_WRITE)))
        return outcome_of(MEMBUS_STATUS_INVALID, addr, 0);
    if (len - 1 > UINT64_MAX - addr)
        return outcome_of(MEMBUS_STATUS_RANGE, addr, 0);
    __atomic_fetch_add(&space->maps, 1, __ATOMIC_RELAXED);
    membus_rcu_lock();
    place = locate(space, addr, flags, attrs);
    outcome = outcome_of(MEMBUS_STATUS_OK, 0, 0);
    if (place.region)
        outcome = open_direct(map, &place, len);
    membus_rcu_unlock();
    if (!place.region) /* waiters are woken outside the section */
        outcome = open_bounce(map, membus_within(len, place.span));
    if (outcome.status == MEMBUS_STATUS_OK)
        map->token = OPEN;
    else
        __atomic_fetch_sub(&space->maps, 1, __ATOMIC_RELEASE);
    return outcome;
}

static struct membus_outcome close_direct(struct membus_map *map, uint64_t written)
{
    if (written)
        membus_region_log_mark(map->region, map->offset, written);
    membus_region_unref(map->region);
    return outcome_of(MEMBUS_STATUS_OK, 0, written);
}

static struct membus_outcome close_bounce(struct membus_map *map, uint64_t written)
{
    struct membus_outcome outcome =
        membus_space_write(map->space, map->addr, map->mapping.addr, (size_t)written, map->attrs);

    free(map->mapping.addr);
    membus_budget_return(map->space, map->mapping.size);
    return outcome;
}

struct membus_outcome membus_map_close(struct membus_map *map, uint64_t written)
{
    struct membus_outcome outcome;

    if (map->token != OPEN || written > map->mapping.size ||
        (written && !(map->flags & MEMBUS_MAP_WRITE)))
        return outcome_of(MEMBUS_STATUS_INVALID, map->addr, 0);
    map->token = 0;
    outcome = map->bounced ? close_bounce(map, written) : close_direct(map, written);
    __atomic_fetch_sub(&map->space->maps, 1, __ATOMIC_RELEASE);
    return outcome;
}
