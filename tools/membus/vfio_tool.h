/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TOOL_VFIO_H
#define MEMBUS_TOOL_VFIO_H

/* The parts of membus vfio. */

#include <stdbool.h>
#include <stdint.h>

#include <membus/vfio.h>

struct vfio_tool {
    bool json, quiet;
    struct membus_vfio_options options;
};

struct vfio_access {
    bool write;
    unsigned index, width;
    uint64_t offset, value;
};

/* vfio_print.c */
void vfio_print_table(const struct membus_vfio *dev);
void vfio_print_json(const struct membus_vfio *dev);
void vfio_print_access_json(const struct membus_vfio *dev, const struct vfio_access *access,
                            int err);

/* vfio_list.c: the devices that have a VFIO driver; non-zero when they cannot be told. */
int vfio_list(bool json);

#endif
