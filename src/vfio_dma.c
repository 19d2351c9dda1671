/* SPDX-License-Identifier: MIT */
/*
 * Mappings for DMA, and a space's listener that keeps the IOMMU like the space. The listener is
 * called with the lock of transactions held, so its list has one writer at a time; the lock here is
 * for membus_vfio_dma_stats() beside it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <membus/region.h>
#include <membus/space.h>

#include "vfio.h"

static int check_range(const struct membus_vfio_container *container, uint64_t iova, uint64_t size)
{
    uint64_t page;

    if (!container->pages)
        return -ENXIO;
    page = container->pages & -container->pages;
    if (size == 0 || (iova | size) & (page - 1) || size - 1 > UINT64_MAX - iova)
        return -EINVAL;
    return 0;
}

int membus_vfio_dma_map(struct membus_vfio_container *container, uint64_t iova, void *addr,
                        uint64_t size, unsigned access)
{
    int err = check_range(container, iova, size);

    if (err)
        return err;
    if (!access || access & ~(MEMBUS_VFIO_DMA_READ | MEMBUS_VFIO_DMA_WRITE) ||
        (uintptr_t)addr & ((container->pages & -container->pages) - 1))
        return -EINVAL;
    return container->backend->map(container, iova, addr, size, access);
}

int membus_vfio_dma_unmap(struct membus_vfio_container *container, uint64_t iova, uint64_t size)
{
    int err = check_range(container, iova, size);

    return err ? err : container->backend->unmap(container, iova, size);
}

/* A range of the space that is mapped; the region is held until it is unmapped. */
struct mapped {
    uint64_t iova, size;
    struct membus_region *region;
    uint64_t offset; /* in it */
    bool writable, device;
};

struct membus_vfio_dma {
    struct membus_vfio_container *container;
    struct membus_listener *listener;
    pthread_mutex_t lock;
    struct mapped *mapped; /* ascending */
    size_t count, room;
    uint64_t skipped;
    int error;
    uint64_t error_addr;
};

/* What of `range` can be mapped: size 0 if nothing. */
static struct mapped whole_pages(const struct membus_vfio_dma *dma,
                                 const struct membus_range *range, char **addr)
{
    uint64_t page = dma->container->pages & -dma->container->pages;
    struct membus_mapping m = membus_region_mapping(range->region);
    struct mapped part = {.region = range->region, .iova = (range->start + page - 1) & -page};
    uint64_t end = (range->last + 1) & -page, skip = part.iova - range->start;

    *addr = NULL;
    if (!(range->flags & MEMBUS_RANGE_MEMORY) || !(range->flags & MEMBUS_RANGE_DIRECT) || !m.addr)
        return part;
    /* Both may have wrapped, to 0: nothing is mapped at the end of 2^64. */
    if (part.iova < range->start || end <= part.iova || skip > range->last - range->start)
        return part;
    *addr = (char *)m.addr + range->offset + skip;
    if ((uintptr_t)*addr & (page - 1))
        return part;
    part.size = end - part.iova;
    part.offset = range->offset + skip;
    part.device = membus_region_kind(range->region) == MEMBUS_REGION_DEVICE;
    /* A ROM device's writes are for its callbacks. */
    part.writable = !(range->flags & MEMBUS_RANGE_READONLY) &&
                    membus_region_kind(range->region) != MEMBUS_REGION_ROM_DEVICE;
    return part;
}

/* The index of the first mapping that does not begin below `iova`. */
static size_t position(const struct membus_vfio_dma *dma, uint64_t iova)
{
    size_t low = 0, high = dma->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (dma->mapped[middle].iova < iova)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int make_room(struct membus_vfio_dma *dma)
{
    size_t room = dma->room ? 2 * dma->room : 16;
    struct mapped *grown;

    if (dma->count < dma->room)
        return 0;
    grown = realloc(dma->mapped, room * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    dma->mapped = grown;
    dma->room = room;
    return 0;
}

static int map_part(struct membus_vfio_dma *dma, const struct mapped *part, char *addr)
{
    unsigned access = MEMBUS_VFIO_DMA_READ | (part->writable ? MEMBUS_VFIO_DMA_WRITE : 0);
    int err = make_room(dma);
    size_t at;

    if (!err)
        err = membus_vfio_dma_map(dma->container, part->iova, addr, part->size, access);
    if (err)
        return err;
    membus_region_ref(part->region);
    at = position(dma, part->iova);
    memmove(dma->mapped + at + 1, dma->mapped + at, (dma->count - at) * sizeof *dma->mapped);
    dma->mapped[at] = *part;
    dma->count++;
    return 0;
}

static void on_add(void *data, const struct membus_range *range)
{
    struct membus_vfio_dma *dma = data;
    char *addr;
    struct mapped part = whole_pages(dma, range, &addr);
    int err = 0;

    pthread_mutex_lock(&dma->lock);
    if (part.size)
        err = map_part(dma, &part, addr);
    if (!part.size || err)
        dma->skipped++;
    if (err && !part.device) {
        dma->error = err;
        dma->error_addr = part.iova;
    }
    pthread_mutex_unlock(&dma->lock);
}

/* The devices' writes are not seen, so all they could have written counts as written. */
static void mark_written(const struct mapped *part)
{
    if (part->writable)
        membus_region_log_mark(part->region, part->offset, part->size);
}

static void on_del(void *data, const struct membus_range *range)
{
    struct membus_vfio_dma *dma = data;
    char *addr;
    struct mapped part = whole_pages(dma, range, &addr);
    size_t at;

    pthread_mutex_lock(&dma->lock);
    at = position(dma, part.iova);
    if (!part.size || at == dma->count || dma->mapped[at].iova != part.iova) {
        dma->skipped--;
    } else if (membus_vfio_dma_unmap(dma->container, part.iova, part.size) == 0) {
        /* Only now may the memory go, and is the last write made: a device could reach it until
         * here. A later log_sync will not find it. */
        mark_written(&dma->mapped[at]);
        membus_region_unref(dma->mapped[at].region);
        dma->count--;
        memmove(dma->mapped + at, dma->mapped + at + 1, (dma->count - at) * sizeof *dma->mapped);
    }
    pthread_mutex_unlock(&dma->lock);
}

static void on_log_sync(void *data, const struct membus_range *range)
{
    struct membus_vfio_dma *dma = data;
    char *addr;
    struct mapped part = whole_pages(dma, range, &addr);

    if (part.size)
        mark_written(&part);
}

static const struct membus_listener_ops dma_ops = {
    .add = on_add,
    .del = on_del,
    .log_sync = on_log_sync,
};

static void count_user(struct membus_vfio_container *container, int change)
{
    pthread_mutex_lock(&container->lock);
    container->users += (unsigned)change;
    pthread_mutex_unlock(&container->lock);
}

int membus_vfio_space_attach(struct membus_vfio_dma **out, struct membus_vfio_container *container,
                             struct membus_space *space)
{
    struct membus_vfio_dma *dma;
    int err;

    if (!container->pages)
        return -ENXIO;
    dma = calloc(1, sizeof *dma);
    if (!dma)
        return -ENOMEM;
    dma->container = container;
    pthread_mutex_init(&dma->lock, NULL);
    count_user(container, 1);
    err = membus_listener_new(&dma->listener, space, 0, &dma_ops, dma);
    if (!err && dma->error) {
        err = dma->error;
        membus_listener_delete(dma->listener);
    }
    if (err) {
        count_user(container, -1);
        pthread_mutex_destroy(&dma->lock);
        free(dma->mapped);
        free(dma);
        return err;
    }
    *out = dma;
    return 0;
}

int membus_vfio_space_detach(struct membus_vfio_dma *dma)
{
    int err = membus_listener_delete(dma->listener);

    if (err)
        return err;
    count_user(dma->container, -1);
    pthread_mutex_destroy(&dma->lock);
    free(dma->mapped);
    free(dma);
    return 0;
}

void membus_vfio_dma_stats(struct membus_vfio_dma *dma, struct membus_vfio_dma_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    pthread_mutex_lock(&dma->lock);
    for (size_t i = 0; i < dma->count; i++) {
        stats->bytes += dma->mapped[i].size;
        stats->device_bytes += dma->mapped[i].device ? dma->mapped[i].size : 0;
    }
    stats->ranges = dma->count;
    stats->skipped = dma->skipped;
    stats->error = dma->error;
    stats->error_addr = dma->error_addr;
    pthread_mutex_unlock(&dma->lock);
}
