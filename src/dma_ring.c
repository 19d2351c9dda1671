/* SPDX-License-Identifier: MIT */

/*
 * Rings (D4): a cached translation. It holds for one version of the view, by its id; in a
 * reader's section whose space still shows that version, the cached pointers are what a lookup
 * would give. Translations of an IOMMU change without the view, so behind one nothing is cached.
 */

#include "dma_internal.h"

#include <errno.h>
#include <stdlib.h>

#include <membus/access.h>
#include <membus/copy.h>

struct membus_ring {
    struct membus_space *space;
    struct membus_attrs attrs;
    uint64_t addr, size;
    uint64_t id;                  /* of the version it was looked up in */
    struct membus_region *region; /* pinned; NULL: nothing is cached */
    uint8_t *read, *write;        /* NULL: by the space's own way */
};

/* Within a reader's section. */
static void look_up(struct membus_ring *ring, const struct membus_version *version)
{
    const struct membus_range *range;
    struct membus_region *old = ring->region;
    uint64_t span;

    ring->id = version->id;
    ring->region = NULL;
    ring->read = ring->write = NULL;
    range = membus_space_hit(ring->space, version, ring->addr, &span);
    if (range && ring->size - 1 <= span && membus_mapping_is_ram(&range->region->mapping) &&
        !range->region->guarded) {
        uint8_t *memory =
            (uint8_t *)range->region->mapping.addr + range->offset + (ring->addr - range->start);

        ring->read = membus_range_direct(range, false) ? memory : NULL;
        ring->write = membus_range_direct(range, true) && !range->log ? memory : NULL;
    }
    if (ring->read || ring->write) {
        ring->region = range->region;
        membus_region_ref(ring->region);
    }
    if (old)
        membus_region_unref(old);
}

MEMBUS_INLINE void refresh(struct membus_ring *ring)
{
    const struct membus_version *version = membus_rcu_get(ring->space->version);

    if (__builtin_expect(version->id != ring->id, 0))
        look_up(ring, version);
}

int membus_ring_new(struct membus_ring **ring, struct membus_space *space, uint64_t addr,
                    uint64_t size, struct membus_attrs attrs)
{
    struct membus_ring *r;

    if (size == 0)
        return -EINVAL;
    if (size - 1 > UINT64_MAX - addr)
        return -EOVERFLOW;
    r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    *r = (struct membus_ring){.space = space, .attrs = attrs, .addr = addr, .size = size};
    membus_rcu_lock();
    refresh(r);
    membus_rcu_unlock();
    *ring = r;
    return 0;
}

void membus_ring_delete(struct membus_ring *ring)
{
    if (!ring)
        return;
    if (ring->region)
        membus_region_unref(ring->region);
    free(ring);
}

bool membus_ring_changed(const struct membus_ring *ring)
{
    bool changed;

    membus_rcu_lock();
    changed = membus_rcu_get(ring->space->version)->id != ring->id;
    membus_rcu_unlock();
    return changed;
}

MEMBUS_INLINE bool inside(const struct membus_ring *ring, uint64_t offset, uint64_t len)
{
    return offset <= ring->size && len <= ring->size - offset;
}

static struct membus_outcome outside(const struct membus_ring *ring)
{
    struct membus_outcome outcome = {MEMBUS_STATUS_RANGE, ring->addr, 0};

    return outcome;
}

struct membus_outcome membus_ring_read(struct membus_ring *ring, void *buf, size_t len,
                                       uint64_t offset)
{
    struct membus_outcome outcome = {MEMBUS_STATUS_OK, 0, len};

    if (!inside(ring, offset, len))
        return outside(ring);
    membus_rcu_lock();
    refresh(ring);
    if (ring->read)
        membus_move(buf, ring->read + offset, len);
    else
        outcome = membus_space_read(ring->space, buf, len, ring->addr + offset, ring->attrs);
    membus_rcu_unlock();
    return outcome;
}

struct membus_outcome membus_ring_write(struct membus_ring *ring, uint64_t offset, const void *buf,
                                        size_t len)
{
    struct membus_outcome outcome = {MEMBUS_STATUS_OK, 0, len};

    if (!inside(ring, offset, len))
        return outside(ring);
    membus_rcu_lock();
    refresh(ring);
    if (ring->write)
        membus_move(ring->write + offset, buf, len);
    else
        outcome = membus_space_write(ring->space, ring->addr + offset, buf, len, ring->attrs);
    membus_rcu_unlock();
    return outcome;
}

#define RING_FUNCTIONS(width)                                                                      \
    struct membus_outcome membus_ring_load_le##width(struct membus_ring *ring,                     \
                                                     uint##width##_t *value, uint64_t offset)      \
    {                                                                                              \
        struct membus_outcome outcome = {MEMBUS_STATUS_OK, 0, width / 8};                          \
                                                                                                   \
        *value = 0;                                                                                \
        if (!inside(ring, offset, width / 8))                                                      \
            return outside(ring);                                                                  \
        membus_rcu_lock();                                                                         \
        refresh(ring);                                                                             \
        if (ring->read)                                                                            \
            *value = membus_ram_load_le##width(ring->read + offset);                               \
        else                                                                                       \
            outcome =                                                                              \
                membus_space_load_le##width(ring->space, value, ring->addr + offset, ring->attrs); \
        membus_rcu_unlock();                                                                       \
        return outcome;                                                                            \
    }                                                                                              \
                                                                                                   \
    struct membus_outcome membus_ring_store_le##width(struct membus_ring *ring, uint64_t offset,   \
                                                      uint##width##_t value)                       \
    {                                                                                              \
        struct membus_outcome outcome = {MEMBUS_STATUS_OK, 0, width / 8};                          \
                                                                                                   \
        if (!inside(ring, offset, width / 8))                                                      \
            return outside(ring);                                                                  \
        membus_rcu_lock();                                                                         \
        refresh(ring);                                                                             \
        if (ring->write)                                                                           \
            membus_ram_store_le##width(ring->write + offset, value);                               \
        else                                                                                       \
            outcome = membus_space_store_le##width(ring->space, ring->addr + offset, value,        \
                                                   ring->attrs);                                   \
        membus_rcu_unlock();                                                                       \
        return outcome;                                                                            \
    }

RING_FUNCTIONS(16)
RING_FUNCTIONS(32)
RING_FUNCTIONS(64)
