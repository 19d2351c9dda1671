/* SPDX-License-Identifier: MIT */
/* Interrupts through eventfds (VFIO_DEVICE_SET_IRQS). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include "vfio.h"

int membus_vfio_irq_count(struct membus_vfio *dev, enum membus_vfio_irq irq)
{
    struct vfio_irq_info info = {.argsz = sizeof info, .index = irq};
    int err = vfio_sys->ioctl(dev->fd, VFIO_DEVICE_GET_IRQ_INFO, &info);

    if (err)
        return err;
    return info.count < MEMBUS_VFIO_VECTORS_MAX ? (int)info.count : MEMBUS_VFIO_VECTORS_MAX;
}

int membus_vfio_irq_set(struct membus_vfio *dev, enum membus_vfio_irq irq, unsigned first,
                        unsigned count, const int *eventfds)
{
    struct vfio_irq_set *set;
    size_t size = sizeof *set + count * sizeof(int32_t);
    int err;

    if (count == 0 || count > MEMBUS_VFIO_VECTORS_MAX || first >= MEMBUS_VFIO_VECTORS_MAX)
        return -EINVAL;
    set = calloc(1, size);
    if (!set)
        return -ENOMEM;
    set->argsz = (uint32_t)size;
    set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    set->index = irq;
    set->start = first;
    set->count = count;
    memcpy(set->data, eventfds, count * sizeof(int32_t));
    err = vfio_sys->ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, set);
    free(set);
    return err;
}

/* `count` 0 with the action TRIGGER disables the whole index. */
static int set_none(struct membus_vfio *dev, enum membus_vfio_irq irq, unsigned count,
                    unsigned action)
{
    struct vfio_irq_set set = {
        .argsz = sizeof set,
        .flags = VFIO_IRQ_SET_DATA_NONE | action,
        .index = irq,
        .count = count,
    };

    return vfio_sys->ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &set);
}

int membus_vfio_irq_unmask(struct membus_vfio *dev)
{
    return set_none(dev, MEMBUS_VFIO_INTX, 1, VFIO_IRQ_SET_ACTION_UNMASK);
}

int membus_vfio_irq_disable(struct membus_vfio *dev, enum membus_vfio_irq irq)
{
    return set_none(dev, irq, 0, VFIO_IRQ_SET_ACTION_TRIGGER);
}
