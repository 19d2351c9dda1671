/* SPDX-License-Identifier: MIT */
/*
 * Mappings for DMA, and a space's listener that keeps the IOMMU like the space. The listener is
 * called with the lock of transactions held; the lock here is for membus_vfio_dma_stats() and
 * membus_vfio_open() beside it. Order: transactions, this lock, the container's.
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

/*
 * A memory range of the space, and what of it is mapped, as it was mapped: the pages of the IOMMU
 * may be others when it is unmapped. The region is held while it is mapped.
 */
struct piece {
    uint64_t start, last; /* addresses in the space */
    struct membus_region *region;
    uint64_t offset; /* of `start` in it */
    char *memory;    /* at `start` */
    bool writable, device;
    uint64_t iova, size; /* size 0: nothing is mapped */
};

struct membus_vfio_dma {
    struct membus_vfio_dma *next; /* in the container */
    struct membus_vfio_container *container;
    struct membus_listener *listener;
    pthread_mutex_t lock;
    uint64_t iommu;      /* the container's, of which the mappings are */
    struct piece *piece; /* ascending */
    size_t count, room;
    uint64_t others; /* ranges that are no pieces */
    int error;
    uint64_t error_addr;
};

/* Its whole pages, to iova and size: size 0 if there is nothing to map. */
static void whole_pages(struct piece *piece, uint64_t page)
{
    uint64_t iova = (piece->start + page - 1) & -page, end = (piece->last + 1) & -page;
    uint64_t skip = iova - piece->start;

    piece->size = 0;
    /* Both may have wrapped, to 0: nothing is mapped at the end of 2^64. */
    if (iova < piece->start || end <= iova || skip > piece->last - piece->start)
        return;
    if ((uintptr_t)(piece->memory + skip) & (page - 1))
        return;
    piece->iova = iova;
    piece->size = end - iova;
}

/* The index of the first piece that does not begin below `start`. */
static size_t position(const struct membus_vfio_dma *dma, uint64_t start)
{
    size_t low = 0, high = dma->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (dma->piece[middle].start < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct piece *find(const struct membus_vfio_dma *dma, const struct membus_range *range)
{
    size_t at = position(dma, range->start);

    return at < dma->count && dma->piece[at].start == range->start ? &dma->piece[at] : NULL;
}

static int make_room(struct membus_vfio_dma *dma)
{
    size_t room = dma->room ? 2 * dma->room : 16;
    struct piece *grown;

    if (dma->count < dma->room)
        return 0;
    grown = realloc(dma->piece, room * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    dma->piece = grown;
    dma->room = room;
    return 0;
}

/* The devices' writes are not seen, so all they could have written counts as written. */
static void mark_written(const struct piece *piece)
{
    if (piece->size && piece->writable)
        membus_region_log_mark(piece->region, piece->offset + (piece->iova - piece->start),
                               piece->size);
}

/* Only now may the memory go, and is the last write made: a device could reach it until here. */
static void is_unmapped(struct piece *piece)
{
    mark_written(piece);
    piece->size = 0;
    membus_region_unref(piece->region);
}

static uint64_t iommu_of(struct membus_vfio_container *container)
{
    uint64_t iommu;

    pthread_mutex_lock(&container->lock);
    iommu = container->iommu;
    pthread_mutex_unlock(&container->lock);
    return iommu;
}

/* When the last device was closed the mappings went with the IOMMU. (No region goes with them: the
 * space still shows it.) */
static void forget_lost(struct membus_vfio_dma *dma)
{
    uint64_t iommu = iommu_of(dma->container);

    for (size_t i = 0; i < dma->count && iommu != dma->iommu; i++)
        if (dma->piece[i].size)
            is_unmapped(&dma->piece[i]);
    dma->iommu = iommu;
}

/* Under the container's lock the IOMMU stays what it is. Without one nothing is to be mapped. */
static int map_pages(const struct membus_vfio_dma *dma, struct piece *piece)
{
    struct membus_vfio_container *container = dma->container;
    unsigned access = MEMBUS_VFIO_DMA_READ | (piece->writable ? MEMBUS_VFIO_DMA_WRITE : 0);
    int err = 0;

    pthread_mutex_lock(&container->lock);
    if (container->pages && container->iommu == dma->iommu) {
        whole_pages(piece, container->pages & -container->pages);
        if (piece->size)
            err = membus_vfio_dma_map(container, piece->iova,
                                      piece->memory + (piece->iova - piece->start), piece->size,
                                      access);
    }
    pthread_mutex_unlock(&container->lock);
    if (err)
        piece->size = 0;
    return err;
}

static int note_error(struct membus_vfio_dma *dma, int err, uint64_t addr)
{
    dma->error = err;
    dma->error_addr = addr;
    return err;
}

/* The error of RAM; device memory is skipped. */
static int map_piece(struct membus_vfio_dma *dma, struct piece *piece)
{
    int err = map_pages(dma, piece);

    if (piece->size)
        membus_region_ref(piece->region);
    return err && !piece->device ? note_error(dma, err, piece->iova) : 0;
}

/* As it was mapped. What cannot be unmapped is never released: a device can still reach it. */
static void unmap_piece(struct membus_vfio_dma *dma, struct piece *piece)
{
    struct membus_vfio_container *container = dma->container;
    int err = 0;

    if (!piece->size)
        return;
    pthread_mutex_lock(&container->lock);
    if (container->iommu == dma->iommu)
        err = container->backend->unmap(container, piece->iova, piece->size);
    pthread_mutex_unlock(&container->lock);
    if (err) {
        note_error(dma, err, piece->iova);
        membus_region_ref(piece->region);
    }
    is_unmapped(piece);
}

static struct piece piece_of(const struct membus_range *range)
{
    enum membus_region_kind kind = membus_region_kind(range->region);

    return (struct piece){
        .start = range->start,
        .last = range->last,
        .region = range->region,
        .offset = range->offset,
        .memory = range->memory,
        .device = kind == MEMBUS_REGION_DEVICE,
        /* A ROM device's writes are for its callbacks. */
        .writable = !(range->flags & MEMBUS_RANGE_READONLY) && kind != MEMBUS_REGION_ROM_DEVICE,
    };
}

static void add_piece(struct membus_vfio_dma *dma, const struct membus_range *range)
{
    size_t at = position(dma, range->start);

    memmove(dma->piece + at + 1, dma->piece + at, (dma->count - at) * sizeof *dma->piece);
    dma->piece[at] = piece_of(range);
    dma->count++;
    map_piece(dma, &dma->piece[at]);
}

static void on_add(void *data, const struct membus_range *range)
{
    struct membus_vfio_dma *dma = data;
    bool memory = range->flags & MEMBUS_RANGE_MEMORY && range->flags & MEMBUS_RANGE_DIRECT;

    pthread_mutex_lock(&dma->lock);
    forget_lost(dma);
    if (!memory || !range->memory) {
        dma->others++;
    } else if (make_room(dma)) {
        dma->others++;
        note_error(dma, -ENOMEM, range->start);
    } else {
        add_piece(dma, range);
    }
    pthread_mutex_unlock(&dma->lock);
}

static void on_del(void *data, const struct membus_range *range)
{
    struct membus_vfio_dma *dma = data;
    struct piece *piece;

    pthread_mutex_lock(&dma->lock);
    forget_lost(dma);
    piece = find(dma, range);
    if (piece) {
        unmap_piece(dma, piece);
        dma->count--;
        memmove(piece, piece + 1, (size_t)(dma->piece + dma->count - piece) * sizeof *piece);
    } else {
        dma->others--;
    }
    pthread_mutex_unlock(&dma->lock);
}

static void on_log_sync(void *data, const struct membus_range *range)
{
    struct membus_vfio_dma *dma = data;
    struct piece *piece;

    pthread_mutex_lock(&dma->lock);
    forget_lost(dma);
    piece = find(dma, range);
    if (piece)
        mark_written(piece);
    pthread_mutex_unlock(&dma->lock);
}

static const struct membus_listener_ops dma_ops = {
    .add = on_add,
    .del = on_del,
    .log_sync = on_log_sync,
};

static int map_again(struct membus_vfio_dma *dma)
{
    int err = 0;

    pthread_mutex_lock(&dma->lock);
    forget_lost(dma);
    for (size_t i = 0; i < dma->count && !err; i++)
        if (!dma->piece[i].size)
            err = map_piece(dma, &dma->piece[i]);
    pthread_mutex_unlock(&dma->lock);
    return err;
}

int vfio_dma_map_spaces(struct membus_vfio_container *container)
{
    int err = 0;

    for (struct membus_vfio_dma *dma = container->spaces; dma && !err; dma = dma->next)
        err = map_again(dma);
    return err;
}

static void join(struct membus_vfio_dma *dma)
{
    struct membus_vfio_container *container = dma->container;

    pthread_mutex_lock(&container->lock);
    container->users++;
    dma->next = container->spaces;
    container->spaces = dma;
    dma->iommu = container->iommu;
    pthread_mutex_unlock(&container->lock);
}

static void leave(struct membus_vfio_dma *dma)
{
    struct membus_vfio_container *container = dma->container;
    struct membus_vfio_dma **link = &container->spaces;

    pthread_mutex_lock(&container->lock);
    container->users--;
    while (*link != dma)
        link = &(*link)->next;
    *link = dma->next;
    pthread_mutex_unlock(&container->lock);
    pthread_mutex_destroy(&dma->lock);
    free(dma->piece);
    free(dma);
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
    join(dma);
    err = membus_listener_new(&dma->listener, space, 0, &dma_ops, dma);
    if (!err && dma->error) {
        err = dma->error;
        membus_listener_delete(dma->listener);
    }
    if (err) {
        leave(dma);
        return err;
    }
    *out = dma;
    return 0;
}

int membus_vfio_space_detach(struct membus_vfio_dma *dma)
{
    int err = membus_listener_delete(dma->listener);

    if (!err)
        leave(dma);
    return err;
}

void membus_vfio_dma_stats(struct membus_vfio_dma *dma, struct membus_vfio_dma_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    pthread_mutex_lock(&dma->lock);
    forget_lost(dma);
    for (size_t i = 0; i < dma->count; i++) {
        const struct piece *piece = &dma->piece[i];

        stats->ranges += piece->size != 0;
        stats->bytes += piece->size;
        stats->device_bytes += piece->device ? piece->size : 0;
    }
    stats->skipped = dma->others + dma->count - stats->ranges;
    stats->error = dma->error;
    stats->error_addr = dma->error_addr;
    pthread_mutex_unlock(&dma->lock);
}
