/* SPDX-License-Identifier: MIT */
/*
 * Container and group. The container gets its IOMMU when the first group is in it, and a group's
 * file can be opened once only, so the container keeps them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include "vfio.h"

static int group_setup(struct membus_vfio_container *container)
{
    if (vfio_sys->ioctl(container->fd, VFIO_GET_API_VERSION, NULL) != VFIO_API_VERSION)
        return -EPROTO;
    /* The number of the extension is the argument itself. */
    if (vfio_sys->ioctl(container->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU) != 1)
        return -EPROTO;
    return 0;
}

/* The number of the IOMMU group that the device is in. */
static int group_number(const char *address)
{
    char path[64], link[256], *end;
    const char *name;
    ssize_t len;
    long number;

    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group", address);
    len = vfio_sys->readlink(path, link, sizeof link);
    if (len < 0)
        return len == -ENOENT ? -ENODEV : (int)len;
    name = strrchr(link, '/');
    if (!name)
        return -ENODEV;
    number = strtol(name + 1, &end, 10);
    return end == name + 1 || *end || number < 0 || number > INT32_MAX ? -ENODEV : (int)number;
}

static int set_iommu(struct membus_vfio_container *container)
{
    struct vfio_iommu_type1_info info = {.argsz = sizeof info};
    int err;

    if (container->pages)
        return 0;
    err = vfio_sys->ioctl(container->fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
    if (err)
        return err;
    err = vfio_sys->ioctl(container->fd, VFIO_IOMMU_GET_INFO, &info);
    if (err)
        return err;
    container->pages = info.flags & VFIO_IOMMU_INFO_PGSIZES ? info.iova_pgsizes : 4096;
    return container->pages ? 0 : -EPROTO;
}

static void group_close(struct membus_vfio_container *container, struct vfio_group *group)
{
    vfio_sys->ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
    vfio_sys->close(group->fd);
    free(group);
    /* The kernel takes the IOMMU, with all its mappings, away with the last group. */
    if (!container->groups) {
        container->pages = 0;
        container->iommu++;
    }
}

static int group_join(struct membus_vfio_container *container, struct vfio_group *group)
{
    struct vfio_group_status status = {.argsz = sizeof status};
    int err = vfio_sys->ioctl(group->fd, VFIO_GROUP_GET_STATUS, &status);

    if (err)
        return err;
    if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
        return -EBUSY;
    return vfio_sys->ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &container->fd);
}

static int group_open(struct membus_vfio_container *container, struct vfio_group **out, int number)
{
    struct vfio_group *group = calloc(1, sizeof *group);
    char path[32];
    int err;

    if (!group)
        return -ENOMEM;
    snprintf(path, sizeof path, "/dev/vfio/%d", number);
    group->number = number;
    group->fd = vfio_sys->open(path, O_RDWR);
    if (group->fd < 0) {
        err = group->fd == -ENOENT ? -ENODEV : group->fd;
        free(group);
        return err;
    }
    err = group_join(container, group);
    if (err) {
        vfio_sys->close(group->fd);
        free(group);
        return err;
    }
    err = set_iommu(container);
    if (err) {
        group_close(container, group);
        return err;
    }
    group->next = container->groups;
    container->groups = group;
    *out = group;
    return 0;
}

static void group_put(struct membus_vfio_container *container, struct vfio_group *group)
{
    struct vfio_group **link = &container->groups;

    if (--group->users)
        return;
    while (*link != group)
        link = &(*link)->next;
    *link = group->next;
    group_close(container, group);
}

static int group_attach(struct membus_vfio_container *container, struct membus_vfio *dev)
{
    int number = group_number(dev->address), err;
    struct vfio_group *group;

    if (number < 0)
        return number;
    for (group = container->groups; group && group->number != number; group = group->next)
        ;
    if (!group) {
        err = group_open(container, &group, number);
        if (err)
            return err;
    }
    group->users++;
    dev->fd = vfio_sys->ioctl(group->fd, VFIO_GROUP_GET_DEVICE_FD, dev->address);
    if (dev->fd < 0) {
        group_put(container, group);
        return dev->fd;
    }
    dev->group = group;
    return 0;
}

static void group_detach(struct membus_vfio *dev)
{
    vfio_sys->close(dev->fd);
    group_put(dev->container, dev->group);
}

static int group_map(struct membus_vfio_container *container, uint64_t iova, void *addr,
                     uint64_t size, unsigned access)
{
    struct vfio_iommu_type1_dma_map map = {
        .argsz = sizeof map,
        .flags = (access & MEMBUS_VFIO_DMA_READ ? VFIO_DMA_MAP_FLAG_READ : 0) |
                 (access & MEMBUS_VFIO_DMA_WRITE ? VFIO_DMA_MAP_FLAG_WRITE : 0),
        .vaddr = (uintptr_t)addr,
        .iova = iova,
        .size = size,
    };

    return vfio_sys->ioctl(container->fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int group_unmap(struct membus_vfio_container *container, uint64_t iova, uint64_t size)
{
    struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof unmap, .iova = iova, .size = size};
    int err = vfio_sys->ioctl(container->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);

    return err ? err : unmap.size == size ? 0 : -ENOENT;
}

const struct vfio_backend vfio_backend_group = {
    .path = "/dev/vfio/vfio",
    .setup = group_setup,
    .attach = group_attach,
    .detach = group_detach,
    .map = group_map,
    .unmap = group_unmap,
};
