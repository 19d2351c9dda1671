/* SPDX-License-Identifier: MIT */
/*
 * iommufd and the device's own character device, from Linux 6.6 (CONFIG_IOMMUFD,
 * CONFIG_VFIO_DEVICE_CDEV). The structures are those of linux/iommufd.h and linux/vfio.h there,
 * repeated because the headers of 6.1 have not got them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <linux/vfio.h>

#include "vfio.h"

#define IOMMUFD_TYPE        ';'
#define IOMMUFD_IOAS_ALLOC  _IO(IOMMUFD_TYPE, 0x81)
#define IOMMUFD_IOAS_RANGES _IO(IOMMUFD_TYPE, 0x84)
#define IOMMUFD_IOAS_MAP    _IO(IOMMUFD_TYPE, 0x85)
#define IOMMUFD_IOAS_UNMAP  _IO(IOMMUFD_TYPE, 0x86)
#define CDEV_BIND_IOMMUFD   _IO(VFIO_TYPE, VFIO_BASE + 18)
#define CDEV_ATTACH_PT      _IO(VFIO_TYPE, VFIO_BASE + 19)

struct ioas_alloc {
    uint32_t size;
    uint32_t flags;
    uint32_t out_ioas_id;
};

struct ioas_ranges {
    uint32_t size;
    uint32_t ioas_id;
    uint32_t num_iovas;
    uint32_t reserved;
    uint64_t allowed_iovas;
    uint64_t out_iova_alignment;
};

#define IOAS_MAP_FIXED_IOVA 1u
#define IOAS_MAP_WRITEABLE  2u
#define IOAS_MAP_READABLE   4u

struct ioas_map {
    uint32_t size;
    uint32_t flags;
    uint32_t ioas_id;
    uint32_t reserved;
    uint64_t user_va;
    uint64_t length;
    uint64_t iova;
};

struct ioas_unmap {
    uint32_t size;
    uint32_t ioas_id;
    uint64_t iova;
    uint64_t length;
};

struct cdev_bind {
    uint32_t argsz;
    uint32_t flags;
    int32_t iommufd;
    uint32_t out_devid;
};

struct cdev_attach {
    uint32_t argsz;
    uint32_t flags;
    uint32_t pt_id;
};

static int iommufd_setup(struct membus_vfio_container *container)
{
    struct ioas_alloc alloc = {.size = sizeof alloc};
    int err = vfio_sys->ioctl(container->fd, IOMMUFD_IOAS_ALLOC, &alloc);

    container->ioas = alloc.out_ioas_id;
    return err;
}

/* The least page is what the attached devices' IOMMUs agree on. */
static int read_granule(struct membus_vfio_container *container)
{
    struct ioas_ranges ranges = {.size = sizeof ranges, .ioas_id = container->ioas};
    int err = vfio_sys->ioctl(container->fd, IOMMUFD_IOAS_RANGES, &ranges);

    /* Without room for the ranges it says -EMSGSIZE, and the alignment all the same. */
    if (err && err != -EMSGSIZE)
        return err;
    if (!ranges.out_iova_alignment || (ranges.out_iova_alignment & (ranges.out_iova_alignment - 1)))
        return -EPROTO;
    container->pages = ranges.out_iova_alignment < 4096 ? 4096 : ranges.out_iova_alignment;
    return 0;
}

static int cdev_open(const char *address)
{
    char folder[64], name[32], path[64];
    int err;

    snprintf(folder, sizeof folder, "/sys/bus/pci/devices/%s/vfio-dev", address);
    err = vfio_sys->first_entry(folder, name, sizeof name);
    if (err)
        return err == -ENOENT ? -ENODEV : err;
    snprintf(path, sizeof path, "/dev/vfio/devices/%s", name);
    err = vfio_sys->open(path, O_RDWR);
    return err == -ENOENT ? -ENODEV : err;
}

static int iommufd_attach(struct membus_vfio_container *container, struct membus_vfio *dev)
{
    struct cdev_bind bind = {.argsz = sizeof bind, .iommufd = container->fd};
    struct cdev_attach attach = {.argsz = sizeof attach, .pt_id = container->ioas};
    int err;

    dev->fd = cdev_open(dev->address);
    if (dev->fd < 0)
        return dev->fd;
    err = vfio_sys->ioctl(dev->fd, CDEV_BIND_IOMMUFD, &bind);
    if (!err)
        err = vfio_sys->ioctl(dev->fd, CDEV_ATTACH_PT, &attach);
    if (!err)
        err = read_granule(container);
    if (err)
        vfio_sys->close(dev->fd); /* unbinds and detaches it */
    return err;
}

static void iommufd_detach(struct membus_vfio *dev)
{
    vfio_sys->close(dev->fd);
}

static int iommufd_map(struct membus_vfio_container *container, uint64_t iova, void *addr,
                       uint64_t size, unsigned access)
{
    struct ioas_map map = {
        .size = sizeof map,
        .flags = IOAS_MAP_FIXED_IOVA | (access & MEMBUS_VFIO_DMA_READ ? IOAS_MAP_READABLE : 0) |
                 (access & MEMBUS_VFIO_DMA_WRITE ? IOAS_MAP_WRITEABLE : 0),
        .ioas_id = container->ioas,
        .user_va = (uintptr_t)addr,
        .length = size,
        .iova = iova,
    };

    return vfio_sys->ioctl(container->fd, IOMMUFD_IOAS_MAP, &map);
}

static int iommufd_unmap(struct membus_vfio_container *container, uint64_t iova, uint64_t size)
{
    struct ioas_unmap unmap = {
        .size = sizeof unmap, .ioas_id = container->ioas, .iova = iova, .length = size};

    return vfio_sys->ioctl(container->fd, IOMMUFD_IOAS_UNMAP, &unmap);
}

const struct vfio_backend vfio_backend_iommufd = {
    .path = "/dev/iommu",
    .setup = iommufd_setup,
    .attach = iommufd_attach,
    .detach = iommufd_detach,
    .map = iommufd_map,
    .unmap = iommufd_unmap,
};
