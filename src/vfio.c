/* SPDX-License-Identifier: MIT */
/* Containers, devices, single accesses and what goes through configuration space. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <membus/access.h>
#include <membus/guard.h>

#include "vfio.h"

static int open_backend(struct membus_vfio_container *container, unsigned flags)
{
    container->fd = -ENOENT;
    if (flags != MEMBUS_VFIO_IOMMUFD) {
        container->backend = &vfio_backend_group;
        container->fd = vfio_sys->open(container->backend->path, O_RDWR);
    }
    if (flags == MEMBUS_VFIO_IOMMUFD || (!flags && container->fd == -ENOENT)) {
        container->backend = &vfio_backend_iommufd;
        container->fd = vfio_sys->open(container->backend->path, O_RDWR);
    }
    return container->fd < 0 ? container->fd : 0;
}

int membus_vfio_container_new(struct membus_vfio_container **out, unsigned flags)
{
    struct membus_vfio_container *container;
    int err;

    if (flags > MEMBUS_VFIO_IOMMUFD)
        return -EINVAL;
    container = calloc(1, sizeof *container);
    if (!container)
        return -ENOMEM;

    err = open_backend(container, flags);
    if (!err) {
        err = container->backend->setup(container);
        if (err)
            vfio_sys->close(container->fd);
    }
    if (err) {
        free(container);
        return err;
    }
    pthread_mutex_init(&container->lock, NULL);
    *out = container;
    return 0;
}

int membus_vfio_container_delete(struct membus_vfio_container *container)
{
    unsigned users;

    pthread_mutex_lock(&container->lock);
    users = container->users;
    pthread_mutex_unlock(&container->lock);
    if (users)
        return -EBUSY;
    vfio_sys->close(container->fd);
    pthread_mutex_destroy(&container->lock);
    free(container);
    return 0;
}

uint64_t membus_vfio_container_pages(const struct membus_vfio_container *container)
{
    return container->pages;
}

/* Takes "01:00.0" and "0000:01:00.0"; the address becomes part of paths, so nothing else. */
static int parse_address(char *out, const char *address)
{
    unsigned domain = 0, bus, slot, function;
    int used = 0, len;

    if (sscanf(address, "%8x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &used) != 4 ||
        address[used]) {
        domain = 0;
        used = 0;
        if (sscanf(address, "%2x:%2x.%1x%n", &bus, &slot, &function, &used) != 3 || address[used])
            return -EINVAL;
    }
    if (!isxdigit((unsigned char)address[0]) || slot > 31 || function > 7)
        return -EINVAL;
    len = snprintf(out, VFIO_ADDRESS_MAX, "%04x:%02x:%02x.%x", domain, bus & 0xff, slot & 0x1f,
                   function & 7);
    return len < (int)VFIO_ADDRESS_MAX ? 0 : -EINVAL;
}

/* *first: the container had no IOMMU. */
static int attach(struct membus_vfio_container *container, struct membus_vfio *dev, bool *first)
{
    int err;

    pthread_mutex_lock(&container->lock);
    *first = !container->pages;
    err = container->backend->attach(container, dev);
    if (!err)
        container->users++;
    pthread_mutex_unlock(&container->lock);
    return err;
}

static void detach(struct membus_vfio *dev)
{
    struct membus_vfio_container *container = dev->container;

    pthread_mutex_lock(&container->lock);
    container->backend->detach(dev);
    container->users--;
    pthread_mutex_unlock(&container->lock);
}

int membus_vfio_open(struct membus_vfio **out, struct membus_vfio_container *container,
                     const char *address, const struct membus_vfio_options *options)
{
    static const struct membus_vfio_options defaults;
    struct membus_vfio *dev = calloc(1, sizeof *dev);
    bool first = false;
    int err;

    if (!dev)
        return -ENOMEM;
    dev->container = container;
    dev->refs = 1;
    err = parse_address(dev->address, address);
    if (!err)
        err = attach(container, dev, &first);
    if (err) {
        free(dev);
        return err;
    }
    err = vfio_regions_open(dev, options ? options : &defaults);
    if (!err && first)
        err = vfio_dma_map_spaces(container);
    if (err) {
        vfio_device_unref(dev);
        return err;
    }
    *out = dev;
    return 0;
}

void vfio_device_unref(struct membus_vfio *dev)
{
    if (atomic_fetch_sub(&dev->refs, 1) != 1)
        return;
    vfio_regions_close(dev);
    detach(dev);
    free(dev);
}

int membus_vfio_close(struct membus_vfio *dev)
{
    int err = vfio_tree_close(dev);

    if (!err)
        vfio_device_unref(dev);
    return err;
}

const char *membus_vfio_address(const struct membus_vfio *dev)
{
    return dev->address;
}

int membus_vfio_fd(const struct membus_vfio *dev)
{
    return dev->fd;
}

unsigned membus_vfio_region_count(const struct membus_vfio *dev)
{
    return dev->region_count;
}

const struct membus_vfio_info *membus_vfio_region_info(const struct membus_vfio *dev,
                                                       unsigned index)
{
    return index < dev->region_count ? &dev->info[index] : NULL;
}

struct membus_mapping membus_vfio_mapping(const struct membus_vfio *dev, unsigned index,
                                          uint64_t offset, uint64_t n)
{
    const struct membus_vfio_info *info = membus_vfio_region_info(dev, index);

    for (unsigned i = 0; info && i < info->area_count; i++) {
        const struct membus_vfio_area *area = &info->area[i];

        if (area->addr && offset >= area->offset && offset - area->offset <= area->size &&
            n <= area->size - (offset - area->offset))
            return membus_mapping_device((char *)area->addr + (offset - area->offset), n,
                                         info->mode);
    }
    return membus_mapping_device(NULL, 0, MEMBUS_CACHE_UNKNOWN);
}

static int check(const struct membus_vfio *dev, unsigned index, uint64_t offset, unsigned width,
                 unsigned need)
{
    const struct membus_vfio_info *info = membus_vfio_region_info(dev, index);

    if (!info || (width != 1 && width != 2 && width != 4 && width != 8) || offset & (width - 1))
        return -EINVAL;
    if (offset > info->size || width > info->size - offset)
        return -ERANGE;
    return info->flags & need ? 0 : -EACCES;
}

static uint64_t ones(unsigned width)
{
    return UINT64_MAX >> (64 - 8 * width);
}

static int load(const void *p, unsigned width, uint64_t *value)
{
    uint64_t v64;
    uint32_t v32;
    uint16_t v16;
    uint8_t v8;
    int err;

    switch (width) {
    case 1:
        err = membus_guard_read_8(p, &v8, NULL);
        *value = v8;
        return err;
    case 2:
        err = membus_guard_read_16(p, &v16, NULL);
        *value = membus_le16(v16);
        return err;
    case 4:
        err = membus_guard_read_32(p, &v32, NULL);
        *value = membus_le32(v32);
        return err;
    default:
        err = membus_guard_read_64(p, &v64, NULL);
        *value = membus_le64(v64);
        return err;
    }
}

static int store(void *p, unsigned width, uint64_t value)
{
    switch (width) {
    case 1:
        return membus_guard_write_8(p, (uint8_t)value, NULL);
    case 2:
        return membus_guard_write_16(p, membus_le16((uint16_t)value), NULL);
    case 4:
        return membus_guard_write_32(p, membus_le32((uint32_t)value), NULL);
    default:
        return membus_guard_write_64(p, membus_le64(value), NULL);
    }
}

/* Does the host have that access there? s390x has none to PCI memory, for one. */
static bool direct(const struct membus_mapping *m, unsigned width, unsigned access)
{
    return m->addr && membus_mapping_permit(m, 0, width, access).way >= MEMBUS_WAY_INSTRUCTION;
}

static int by_pread(struct membus_vfio *dev, unsigned index, uint64_t offset, unsigned width,
                    uint64_t *value)
{
    union {
        uint64_t v64;
        uint32_t v32;
        uint16_t v16;
        uint8_t v8;
    } u = {0};
    ssize_t n = vfio_sys->pread(dev->fd, &u, width, dev->info[index].offset + offset);

    if (n != (ssize_t)width) {
        *value = ones(width);
        return n < 0 ? (int)n : -EIO;
    }
    *value = width == 1   ? u.v8
             : width == 2 ? membus_le16(u.v16)
             : width == 4 ? membus_le32(u.v32)
                          : membus_le64(u.v64);
    return 0;
}

int membus_vfio_pread(struct membus_vfio *dev, unsigned index, uint64_t offset, unsigned width,
                      uint64_t *value)
{
    int err = check(dev, index, offset, width, MEMBUS_VFIO_READABLE);

    if (err) {
        *value = UINT64_MAX;
        return err;
    }
    return by_pread(dev, index, offset, width, value);
}

int membus_vfio_pwrite(struct membus_vfio *dev, unsigned index, uint64_t offset, unsigned width,
                       uint64_t value)
{
    int err = check(dev, index, offset, width, MEMBUS_VFIO_WRITABLE);
    uint64_t v = membus_le64(value);
    ssize_t n;

    if (err)
        return err;
    n = vfio_sys->pwrite(dev->fd, &v, width, dev->info[index].offset + offset);
    return n == (ssize_t)width ? 0 : n < 0 ? (int)n : -EIO;
}

int membus_vfio_read(struct membus_vfio *dev, unsigned index, uint64_t offset, unsigned width,
                     uint64_t *value)
{
    int err = check(dev, index, offset, width, MEMBUS_VFIO_READABLE);
    struct membus_mapping m;

    if (err) {
        *value = UINT64_MAX;
        return err;
    }
    m = membus_vfio_mapping(dev, index, offset, width);
    if (!direct(&m, width, MEMBUS_ACCESS_LOAD))
        return by_pread(dev, index, offset, width, value);
    return load(m.addr, width, value);
}

int membus_vfio_write(struct membus_vfio *dev, unsigned index, uint64_t offset, unsigned width,
                      uint64_t value)
{
    int err = check(dev, index, offset, width, MEMBUS_VFIO_WRITABLE);
    struct membus_mapping m;

    if (err)
        return err;
    m = membus_vfio_mapping(dev, index, offset, width);
    if (!direct(&m, width, MEMBUS_ACCESS_STORE))
        return membus_vfio_pwrite(dev, index, offset, width, value);
    err = store(m.addr, width, value);
    /* Not to stay behind in a write-combining buffer. */
    if (!err && membus_mapping_rule(m.mode)->weak)
        membus_barrier_flush_wc();
    return err;
}

static int command_bits(struct membus_vfio *dev, unsigned bits, bool on)
{
    uint64_t command;
    int err = membus_vfio_pread(dev, MEMBUS_VFIO_CONFIG, PCI_COMMAND, 2, &command);

    if (err)
        return err;
    command = on ? command | bits : command & ~(uint64_t)bits;
    return membus_vfio_pwrite(dev, MEMBUS_VFIO_CONFIG, PCI_COMMAND, 2, command);
}

int membus_vfio_bus_master(struct membus_vfio *dev, bool on)
{
    return command_bits(dev, PCI_COMMAND_MASTER, on);
}

int membus_vfio_memory(struct membus_vfio *dev, bool on)
{
    return command_bits(dev, PCI_COMMAND_MEMORY, on);
}

int membus_vfio_reset(struct membus_vfio *dev)
{
    return vfio_sys->ioctl(dev->fd, VFIO_DEVICE_RESET, NULL);
}
