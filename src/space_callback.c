/* SPDX-License-Identifier: MIT */

/* Accesses to callbacks: the size of a piece, its check, its calls (A3, A4), and what stands in
 * front of them: the guard against reentrancy (A8), the lock, doorbells, coalesced writes. */

#include "space_internal.h"

#include <membus/access.h>

/* Sizes (A3). */

static unsigned floor_power_of_two(uint64_t n)
{
    return n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
}

static unsigned piece_size(const struct membus_region_ops *ops, uint64_t offset, uint64_t left)
{
    uint64_t size = ops->valid.max ? ops->valid.max : 4;
    uint64_t aligned = offset & -offset;

    if (!ops->impl.unaligned && aligned && aligned < size)
        size = aligned;
    return floor_power_of_two(left < size ? left : size);
}

/* The region's own test is a callback as any other. */
static enum membus_status ask(const struct membus_region *region, uint64_t offset, unsigned size,
                              bool write, struct membus_attrs attrs)
{
    bool accepted;

    if (!membus_callback_enter(region))
        return MEMBUS_STATUS_DENIED;
    membus_callback_lock(region);
    accepted = region->ops->accepts(region->data, offset, size, write, attrs);
    membus_callback_unlock(region);
    membus_callback_leave();
    return accepted ? MEMBUS_STATUS_OK : MEMBUS_STATUS_DECODE;
}

static enum membus_status piece_check(const struct membus_region *region, uint64_t offset,
                                      unsigned size, bool write, struct membus_attrs attrs)
{
    const struct membus_region_ops *ops = region->ops;
    enum membus_status status = MEMBUS_STATUS_OK;

    if (ops->accepts)
        status = ask(region, offset, size, write, attrs);
    if (status != MEMBUS_STATUS_OK)
        return status;
    if (!ops->valid.unaligned && (offset & (size - 1)))
        return MEMBUS_STATUS_DECODE;
    return size >= ops->valid.min && size <= (ops->valid.max ? ops->valid.max : 4)
               ? MEMBUS_STATUS_OK
               : MEMBUS_STATUS_DECODE;
}

static bool is_big(const struct membus_region_ops *ops)
{
    return ops->endian == MEMBUS_ENDIAN_BIG ||
           (ops->endian == MEMBUS_ENDIAN_NATIVE && MEMBUS_BIG_ENDIAN);
}

/* Values in a buffer, in the region's byte order. */

static uint64_t value_get(const uint8_t *buf, unsigned size, bool big)
{
    switch (size) {
    case 1:
        return membus_ram_load_8(buf);
    case 2:
        return big ? membus_ram_load_be16(buf) : membus_ram_load_le16(buf);
    case 4:
        return big ? membus_ram_load_be32(buf) : membus_ram_load_le32(buf);
    default:
        return big ? membus_ram_load_be64(buf) : membus_ram_load_le64(buf);
    }
}

static void value_put(uint8_t *buf, uint64_t value, unsigned size, bool big)
{
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;

    switch (size) {
    case 1:
        membus_ram_store_8(buf, (uint8_t)value);
        break;
    case 2:
        membus_ram_store_16(buf, big ? membus_be16(v16) : membus_le16(v16));
        break;
    case 4:
        membus_ram_store_32(buf, big ? membus_be32(v32) : membus_le32(v32));
        break;
    default:
        membus_ram_store_64(buf, big ? membus_be64(value) : membus_le64(value));
    }
}

static uint64_t value_mask(unsigned size)
{
    return size == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

/* The calls that one piece takes. */
struct calls {
    unsigned width; /* of each */
    int step;       /* bits that the value shifts from one to the next: by byte order */
    int shift;      /* of the first; negative: the call is wider than the piece, big-endian */
};

static struct calls calls_of(const struct membus_region_ops *ops, unsigned size)
{
    unsigned min = ops->impl.min ? ops->impl.min : 1, max = ops->impl.max ? ops->impl.max : 4;
    unsigned width = size < max ? size : max;
    struct calls c = {.width = width > min ? width : min};

    c.step = 8 * (int)c.width;
    if (is_big(ops)) {
        c.shift = 8 * ((int)size - (int)c.width);
        c.step = -c.step;
    }
    return c;
}

static enum membus_status worse(enum membus_status first, enum membus_status status)
{
    if (first != MEMBUS_STATUS_OK || status == MEMBUS_STATUS_OK)
        return first;
    return status == MEMBUS_STATUS_DECODE || status == MEMBUS_STATUS_DENIED ? status
                                                                            : MEMBUS_STATUS_DEVICE;
}

static enum membus_status write_locked(const struct membus_region *region, uint64_t offset,
                                       uint64_t value, unsigned size, struct membus_attrs attrs)
{
    struct calls c = calls_of(region->ops, size);
    enum membus_status status = MEMBUS_STATUS_OK;

    for (unsigned i = 0; i < size; i += c.width, c.shift += c.step) {
        uint64_t part = c.shift >= 0 ? value >> c.shift : value << -c.shift;

        status = worse(status, region->ops->write(region->data, offset + i,
                                                  part & value_mask(c.width), c.width, attrs));
    }
    return status;
}

static enum membus_status call_write(const struct membus_region *region, uint64_t offset,
                                     uint64_t value, unsigned size, struct membus_attrs attrs)
{
    enum membus_status status;

    membus_callback_lock(region);
    status = write_locked(region, offset, value, size, attrs);
    membus_callback_unlock(region);
    return status;
}

static enum membus_status call_read(const struct membus_region *region, uint64_t *value,
                                    uint64_t offset, unsigned size, struct membus_attrs attrs)
{
    struct calls c = calls_of(region->ops, size);
    enum membus_status status = MEMBUS_STATUS_OK;

    *value = 0;
    membus_callback_lock(region);
    for (unsigned i = 0; i < size; i += c.width, c.shift += c.step) {
        uint64_t part = 0;

        status = worse(status, region->ops->read(region->data, &part, offset + i, c.width, attrs));
        part &= value_mask(c.width);
        *value |= c.shift >= 0 ? part << c.shift : part >> -c.shift;
    }
    membus_callback_unlock(region);
    return status;
}

/* A write that was held back: it passed the guard when it came, and may find its device entered
 * by the access that makes the queue move. The region's lock is held. */
static void deliver(struct membus_region *region, uint64_t offset, uint64_t value, unsigned size,
                    struct membus_attrs attrs)
{
    bool nested = membus_callback_nest(region);

    write_locked(region, offset, value, size, attrs);
    if (nested)
        membus_callback_leave();
}

void membus_callback_init(void)
{
    if (!membus_coalesced_deliver_hook) /* once: readers read it without a lock */
        membus_coalesced_deliver_hook = deliver;
}

static enum membus_status piece_write(const struct membus_job *job, struct membus_region *region,
                                      uint64_t offset, unsigned size)
{
    const struct membus_doorbells *bells = membus_rcu_get(region->doorbells);
    uint64_t value = job->fill ? job->value * UINT64_C(0x0101010101010101) & value_mask(size)
                               : value_get(job->buf, size, is_big(region->ops));

    if (bells && membus_doorbell_ring(bells, offset, value, size))
        return MEMBUS_STATUS_OK;
    if (membus_rcu_get(region->coalesced) &&
        membus_coalesced_write(region, offset, value, size, job->attrs))
        return MEMBUS_STATUS_OK;
    return call_write(region, offset, value, size, job->attrs);
}

static enum membus_status piece_read(const struct membus_job *job, struct membus_region *region,
                                     uint64_t offset, unsigned size)
{
    enum membus_status status;
    uint64_t value;

    if (membus_rcu_get(region->coalesced))
        membus_coalesced_flush(region, 1);
    status = call_read(region, &value, offset, size, job->attrs);
    value_put(job->buf, value, size, is_big(region->ops));
    return status;
}

uint64_t membus_callback_piece(struct membus_job *job, const struct membus_range *range,
                               uint64_t addr, uint64_t len)
{
    struct membus_region *region = range->region;
    uint64_t offset = range->offset + (addr - range->start);
    unsigned size = piece_size(region->ops, offset, membus_within(len, range->extent - addr));
    enum membus_status status = piece_check(region, offset, size, job->write, job->attrs);
    bool called = status == MEMBUS_STATUS_OK && membus_callback_enter(region);

    if (called) {
        status = job->write ? piece_write(job, region, offset, size)
                            : piece_read(job, region, offset, size);
        membus_callback_leave();
    } else {
        status = status == MEMBUS_STATUS_OK ? MEMBUS_STATUS_DENIED : status;
        if (!job->write)
            value_put(job->buf, 0, size, false);
    }
    membus_job_step(job, status, size);
    return size;
}
