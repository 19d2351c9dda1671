/* SPDX-License-Identifier: MIT */
/* A device's regions: asked for with the argsz negotiation, cut to what can be mapped, mapped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "vfio.h"

#define PCI_CAPS_MAX 48 /* as many as fit in configuration space */

/*
 * Asks for region `index`. A kernel with more to say than fits says how much room it wants; a
 * driver can in theory grow its answer in between, so this is a loop, with an end.
 */
static int read_info(struct membus_vfio *dev, unsigned index, unsigned cap_id,
                     struct membus_vfio_info *info)
{
    uint32_t size = 256;

    for (int i = 0; i < 4; i++) {
        struct vfio_region_info *raw = calloc(1, size);
        int err;

        if (!raw)
            return -ENOMEM;
        raw->argsz = size;
        raw->index = index;
        err = vfio_sys->ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, raw);
        if (err) {
            free(raw);
            return err;
        }
        err = membus_vfio_info_parse(info, raw, size, cap_id);
        size = raw->argsz;
        free(raw);
        if (err != -ENOBUFS)
            return 0; /* malformed ones are info->error */
        if (size > MEMBUS_VFIO_INFO_MAX)
            break;
    }
    info->error = -EBADMSG;
    return 0;
}

/* The MSI-X table's place, from configuration space; size 0 if there is none. */
static void find_msix(struct membus_vfio *dev, unsigned *bar, uint64_t *offset, uint64_t *size)
{
    uint64_t at, id, table, control;

    *size = 0;
    if (membus_vfio_pread(dev, MEMBUS_VFIO_CONFIG, PCI_STATUS, 2, &control) ||
        !(control & PCI_STATUS_CAP_LIST) ||
        membus_vfio_pread(dev, MEMBUS_VFIO_CONFIG, PCI_CAPABILITY_LIST, 1, &at))
        return;
    for (int i = 0; i < PCI_CAPS_MAX && at >= PCI_STD_HEADER_SIZEOF; i++) {
        at &= ~(uint64_t)3;
        if (membus_vfio_pread(dev, MEMBUS_VFIO_CONFIG, at, 2, &id))
            return;
        if ((id & 0xff) == PCI_CAP_ID_MSIX) {
            if (membus_vfio_pread(dev, MEMBUS_VFIO_CONFIG, at + PCI_MSIX_FLAGS, 2, &control) ||
                membus_vfio_pread(dev, MEMBUS_VFIO_CONFIG, at + PCI_MSIX_TABLE, 4, &table))
                return;
            *bar = table & PCI_MSIX_TABLE_BIR;
            *offset = table & PCI_MSIX_TABLE_OFFSET;
            *size = ((control & PCI_MSIX_FLAGS_QSIZE) + 1) * PCI_MSIX_ENTRY_SIZE;
            return;
        }
        at = id >> 8;
    }
}

/* What cannot be mapped now is reached by pread() and pwrite(): not an error. */
static void map_areas(struct membus_vfio *dev, struct membus_vfio_info *info)
{
    int prot = (info->flags & MEMBUS_VFIO_READABLE ? PROT_READ : 0) |
               (info->flags & MEMBUS_VFIO_WRITABLE ? PROT_WRITE : 0);

    for (unsigned i = 0; i < info->area_count; i++) {
        struct membus_vfio_area *area = &info->area[i];

        if (area->size <= SIZE_MAX)
            area->addr =
                vfio_sys->mmap((size_t)area->size, prot, dev->fd, info->offset + area->offset);
    }
}

static int read_infos(struct membus_vfio *dev, unsigned cap_id)
{
    struct vfio_device_info info = {.argsz = sizeof info};
    int err = vfio_sys->ioctl(dev->fd, VFIO_DEVICE_GET_INFO, &info);

    if (err)
        return err;
    if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) || info.num_regions <= MEMBUS_VFIO_CONFIG)
        return -ENODEV;
    dev->region_count =
        info.num_regions < MEMBUS_VFIO_REGIONS_MAX ? info.num_regions : MEMBUS_VFIO_REGIONS_MAX;
    dev->info = calloc(dev->region_count, sizeof *dev->info);
    dev->tree = calloc(dev->region_count, sizeof(struct vfio_tree *));
    if (!dev->info || !dev->tree)
        return -ENOMEM;

    for (unsigned i = 0; i < dev->region_count; i++) {
        err = read_info(dev, i, cap_id, &dev->info[i]);
        /* -EINVAL: there is no such region, as for VGA on what is none. */
        if (err && err != -EINVAL)
            return err;
        if (err || dev->info[i].index != i)
            dev->info[i] = (struct membus_vfio_info){.index = i, .error = err ? 0 : -EBADMSG};
    }
    return 0;
}

int vfio_regions_open(struct membus_vfio *dev, const struct membus_vfio_options *options)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), table = 0, table_size;
    unsigned bar = 0;
    int err = read_infos(dev, options->cap_id ? options->cap_id : MEMBUS_VFIO_CAP_ID);

    if (err)
        return err;
    find_msix(dev, &bar, &table, &table_size);
    for (unsigned i = 0; i < dev->region_count; i++) {
        vfio_areas_trim(&dev->info[i], page, table, i == bar ? table_size : 0);
        if (!options->no_map)
            map_areas(dev, &dev->info[i]);
    }
    return 0;
}

void vfio_regions_close(struct membus_vfio *dev)
{
    for (unsigned i = 0; dev->info && i < dev->region_count; i++)
        for (unsigned j = 0; j < dev->info[i].area_count; j++)
            if (dev->info[i].area[j].addr)
                vfio_sys->munmap(dev->info[i].area[j].addr, (size_t)dev->info[i].area[j].size);
    free(dev->info);
    free(dev->tree);
}

const char *membus_vfio_region_name(unsigned index)
{
    static const char *const fixed[] = {"BAR0", "BAR1", "BAR2",   "BAR3", "BAR4",
                                        "BAR5", "ROM",  "CONFIG", "VGA"};
    static _Thread_local char own[24];

    if (index < sizeof fixed / sizeof *fixed)
        return fixed[index];
    snprintf(own, sizeof own, "REGION%u", index);
    return own;
}
