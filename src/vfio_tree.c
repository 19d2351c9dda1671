/* SPDX-License-Identifier: MIT */
/*
 * A device's regions in the memory core: an I/O region of the whole size, whose callbacks are
 * pread() and pwrite(), and over it device memory for each area that is mapped. Each of them holds
 * the device open until the core is done with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <membus/region.h>

#include "region_internal.h"
#include "vfio.h"

#define TREE_REGIONS_MAX (1 + MEMBUS_VFIO_AREAS_MAX)

struct vfio_tree {
    atomic_uint refs; /* the device's, until it is closed, and the base's */
    struct membus_vfio *dev;
    unsigned index;
    struct membus_region *base;
    struct membus_region *area[MEMBUS_VFIO_AREAS_MAX];
};

static enum membus_status tree_read(void *data, uint64_t *value, uint64_t offset, unsigned size,
                                    struct membus_attrs attrs)
{
    const struct vfio_tree *tree = data;

    (void)attrs;
    return membus_vfio_pread(tree->dev, tree->index, offset, size, value) ? MEMBUS_STATUS_DEVICE
                                                                          : MEMBUS_STATUS_OK;
}

static enum membus_status tree_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                     struct membus_attrs attrs)
{
    const struct vfio_tree *tree = data;

    (void)attrs;
    return membus_vfio_pwrite(tree->dev, tree->index, offset, size, value) ? MEMBUS_STATUS_DEVICE
                                                                           : MEMBUS_STATUS_OK;
}

static const struct membus_region_ops tree_ops = {
    .read = tree_read,
    .write = tree_write,
    .valid = {.min = 1, .max = 8},
    .impl = {.min = 1, .max = 8},
    .endian = MEMBUS_ENDIAN_LITTLE,
};

static void release_area(void *data)
{
    vfio_device_unref(data);
}

static void tree_unref(struct vfio_tree *tree)
{
    if (atomic_fetch_sub(&tree->refs, 1) == 1)
        free(tree);
}

static void release_base(void *data)
{
    struct vfio_tree *tree = data;
    struct membus_vfio *dev = tree->dev;

    tree_unref(tree);
    vfio_device_unref(dev);
}

static int add_area(struct vfio_tree *tree, unsigned i, const struct membus_policy *policy)
{
    const struct membus_vfio_info *info = &tree->dev->info[tree->index];
    const struct membus_vfio_area *area = &info->area[i];
    struct membus_mapping m = membus_mapping_device(area->addr, (size_t)area->size, info->mode);
    char name[64];
    int err;

    if (policy)
        m.policy = *policy;
    snprintf(name, sizeof name, "%s %s mmap", tree->dev->address,
             membus_vfio_region_name(tree->index));
    err = membus_region_new_device(&tree->area[i], name, &m);
    if (err)
        return err;
    atomic_fetch_add(&tree->dev->refs, 1);
    membus_region_set_release(tree->area[i], release_area, tree->dev);
    return membus_region_add(tree->base, area->offset, tree->area[i], 0);
}

static int add_areas(struct vfio_tree *tree, const struct membus_policy *policy)
{
    const struct membus_vfio_info *info = &tree->dev->info[tree->index];
    int err = 0;

    for (unsigned i = 0; i < info->area_count && !err; i++)
        if (info->area[i].addr)
            err = add_area(tree, i, policy);
    return err;
}

static size_t regions_of(const struct vfio_tree *tree, struct membus_region **region)
{
    size_t n = 0;

    region[n++] = tree->base;
    for (unsigned i = 0; i < MEMBUS_VFIO_AREAS_MAX; i++)
        if (tree->area[i])
            region[n++] = tree->area[i];
    return n;
}

static int take_back(struct vfio_tree *tree)
{
    struct membus_region *region[TREE_REGIONS_MAX];
    size_t n = regions_of(tree, region);
    int err = membus_transaction_begin();

    if (err)
        return err;
    err = membus_regions_strike(region, n);
    if (!err)
        tree_unref(tree);
    return membus_change_end(err);
}

/* Also when the commit fails they are deleted: then there is nothing more to do next time. */
static int take_all_back(struct membus_vfio *dev, struct membus_region **region)
{
    size_t n = 0;
    int err = membus_transaction_begin();

    if (err)
        return err;
    for (unsigned i = 0; i < dev->region_count; i++)
        if (dev->tree[i])
            n += regions_of(dev->tree[i], region + n);
    err = membus_regions_strike(region, n);
    for (unsigned i = 0; i < dev->region_count && !err; i++) {
        if (dev->tree[i])
            tree_unref(dev->tree[i]);
        dev->tree[i] = NULL;
    }
    return membus_change_end(err);
}

int vfio_tree_close(struct membus_vfio *dev)
{
    struct membus_region **region = calloc(dev->region_count, TREE_REGIONS_MAX * sizeof *region);
    int err;

    if (!region)
        return -ENOMEM;
    err = take_all_back(dev, region);
    free(region);
    return err;
}

static int make_tree(struct membus_vfio *dev, unsigned index, const struct membus_policy *policy)
{
    struct vfio_tree *tree = calloc(1, sizeof *tree);
    char name[64];
    int err;

    if (!tree)
        return -ENOMEM;
    tree->refs = 2;
    tree->dev = dev;
    tree->index = index;
    snprintf(name, sizeof name, "%s %s", dev->address, membus_vfio_region_name(index));
    err = membus_region_new_io(&tree->base, name, dev->info[index].size, &tree_ops, tree);
    if (err) {
        free(tree);
        return err;
    }
    atomic_fetch_add(&dev->refs, 1);
    membus_region_set_release(tree->base, release_base, tree);
    err = add_areas(tree, policy);
    if (err) {
        take_back(tree);
        return err;
    }
    dev->tree[index] = tree;
    return 0;
}

int membus_vfio_region(struct membus_vfio *dev, struct membus_region **region, unsigned index,
                       const struct membus_policy *policy)
{
    int err = 0;

    if (index >= dev->region_count || dev->info[index].size == 0)
        return -EINVAL;
    if (!dev->tree[index])
        err = make_tree(dev, index, policy);
    if (!err)
        *region = dev->tree[index]->base;
    return err;
}
