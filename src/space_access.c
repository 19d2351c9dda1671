/* SPDX-License-Identifier: MIT */

/*
 * Accesses. An access is made against one version of the view, from its first byte to its last;
 * it goes from range to range, and collects what failed (A6).
 */

#include "space_internal.h"

#include <errno.h>

#include <membus/copy.h>

_Thread_local struct membus_hit membus_hits[MEMBUS_HITS];

/* Offsets at which 8 bytes may be read (written) without looking at the range again. The last
 * few bytes take the general way. */
static uint64_t room(const struct membus_range *range, bool write)
{
    uint64_t span = range->last - range->start;

    if (!(range->flags & MEMBUS_RANGE_PLAIN) || !membus_range_direct(range, write) ||
        (write && range->log) || span < 7)
        return 0;
    return span - 6;
}

const struct membus_range *membus_space_hit(struct membus_space *space,
                                            const struct membus_version *version, uint64_t addr,
                                            uint64_t *span)
{
    struct membus_hit *hit = membus_hit_of(space);
    const struct membus_range *range;
    uint64_t gap_last;

    if (hit->id != version->id || addr - hit->start > hit->span) {
        range = membus_version_find(version, addr, &gap_last);
        if (!range) {
            *span = gap_last - addr;
            return NULL;
        }
        *hit = (struct membus_hit){.id = version->id,
                                   .start = range->start,
                                   .read_room = room(range, false),
                                   .write_room = room(range, true),
                                   .memory = range->memory,
                                   .span = range->last - range->start,
                                   .range = range};
    }
    *span = hit->span - (addr - hit->start);
    return hit->range;
}

void membus_job_step(struct membus_job *job, enum membus_status status, uint64_t n)
{
    if (status == MEMBUS_STATUS_OK) {
        job->outcome.bytes += n;
    } else if (job->outcome.status == MEMBUS_STATUS_OK) {
        job->outcome.status = status;
        job->outcome.addr = job->at;
    }
    job->at += n;
    if (job->buf)
        job->buf += n;
}

/* The next `n` bytes cannot be had: a read gives `value`. */
static void refuse(struct membus_job *job, enum membus_status status, uint8_t value, uint64_t n)
{
    if (!job->write)
        membus_fill(job->buf, value, (size_t)n);
    membus_job_step(job, status, n);
}

static void refuse_unassigned(struct membus_job *job, const struct membus_space *space, uint64_t n)
{
    refuse(job, MEMBUS_STATUS_DECODE, __atomic_load_n(&space->unassigned, __ATOMIC_RELAXED), n);
}

/* RAM under no rule but the copy's. */
static void access_ram(const struct membus_job *job, uint8_t *memory, size_t n)
{
    if (!job->write)
        membus_move(job->buf, memory, n);
    else if (job->fill)
        membus_fill(memory, job->value, n);
    else
        membus_move(memory, job->buf, n);
}

/* A2: `n` bytes of one range, in one copy. */
static void access_memory(struct membus_job *job, const struct membus_range *range, uint64_t addr,
                          uint64_t n)
{
    const struct membus_mapping *m = &range->region->mapping;
    uint64_t offset = range->offset + (addr - range->start);
    struct membus_result r = {0, 0, (size_t)n};

    if (membus_mapping_is_ram(m) && !range->region->guarded)
        access_ram(job, (uint8_t *)m->addr + offset, (size_t)n);
    else /* device memory can be gone, with decoding off or the device unplugged */
        r = membus_job_guarded(job, m, (size_t)offset, (size_t)n);
    if (r.error && r.error != -EFAULT) {
        refuse(job, MEMBUS_STATUS_DENIED, 0, n);
        return;
    }
    if (job->write && range->log)
        membus_log_written(range->region, offset, r.bytes);
    membus_job_step(job, MEMBUS_STATUS_OK, r.bytes);
    if (r.error) /* after a fault; what was not read is all ones (G3) */
        refuse(job, MEMBUS_STATUS_DEVICE, 0xff, n - r.bytes);
}

bool membus_iommu_translate(const struct membus_region *region, struct membus_iommu_entry *entry,
                            uint64_t offset, unsigned access, struct membus_attrs attrs)
{
    *entry = (struct membus_iommu_entry){.addr = offset, .mask = UINT64_MAX};
    if (!membus_callback_enter(region))
        return false; /* so is every other offset, until that callback returns */
    entry->mask = 0;
    membus_callback_lock(region);
    region->iommu->translate(region->data, entry, offset, access, attrs);
    membus_callback_unlock(region);
    membus_callback_leave();
    if (entry->mask & (entry->mask + 1))
        entry->mask = 0; /* no power of two: believe it for this byte only */
    return entry->target && (entry->permission & access) == access;
}

static uint64_t access_iommu(struct membus_job *job, const struct membus_range *range,
                             uint64_t addr, uint64_t n)
{
    struct membus_iommu_entry entry;
    uint64_t offset = range->offset + (addr - range->start);
    unsigned access = job->write ? MEMBUS_IOMMU_WRITE : MEMBUS_IOMMU_READ;
    bool permitted = membus_iommu_translate(range->region, &entry, offset, access, job->attrs) &&
                     job->iommus < MEMBUS_IOMMUS_MAX;
    uint64_t inside = offset & entry.mask;

    n = membus_within(n, entry.mask - inside);
    if (!permitted) {
        refuse(job, MEMBUS_STATUS_DENIED, 0, n);
        return n;
    }
    job->iommus++;
    membus_job_run(job, entry.target, (entry.translated & ~entry.mask) | inside, n);
    job->iommus--;
    return n;
}

/* Callbacks, or what has neither callbacks nor memory for this. Returns the bytes done. */
static uint64_t access_other(struct membus_job *job, struct membus_space *space,
                             const struct membus_range *range, uint64_t addr, uint64_t n,
                             uint64_t len)
{
    const struct membus_region *region = range->region;

    if (region->kind == MEMBUS_REGION_IOMMU)
        return access_iommu(job, range, addr, n);
    if (!membus_region_has_callbacks(region) ||
        (job->write && range->flags & MEMBUS_RANGE_READONLY))
        refuse(job, MEMBUS_STATUS_DECODE, 0, n);
    else if (!region->ops)
        refuse_unassigned(job, space, n);
    else if (job->attrs.memory_only)
        membus_job_step(job, MEMBUS_STATUS_DENIED, n); /* A7: the buffer stays as it is */
    else if (job->write ? !region->ops->write : !region->ops->read)
        refuse(job, MEMBUS_STATUS_DECODE, 0, n);
    else
        return membus_callback_piece(job, range, addr, len);
    return n;
}

void membus_job_run(struct membus_job *job, struct membus_space *space, uint64_t addr, uint64_t len)
{
    const struct membus_version *version = membus_rcu_get(space->version);

    while (len) {
        uint64_t span, n;
        const struct membus_range *range = membus_space_hit(space, version, addr, &span);

        n = membus_within(len, span);
        if (!range)
            refuse_unassigned(job, space, n);
        else if (membus_range_direct(range, job->write))
            access_memory(job, range, addr, n);
        else
            n = access_other(job, space, range, addr, n, len);
        addr += n;
        len -= n;
    }
}

static struct membus_outcome run(struct membus_job *job, struct membus_space *space, uint64_t addr,
                                 uint64_t len)
{
    struct membus_outcome nothing = {MEMBUS_STATUS_OK, 0, 0};

    if (len == 0)
        return nothing;
    if (len - 1 > UINT64_MAX - addr) {
        nothing.status = MEMBUS_STATUS_RANGE;
        nothing.addr = addr;
        return nothing;
    }
    job->at = addr;
    membus_rcu_lock();
    membus_job_run(job, space, addr, len);
    membus_rcu_unlock();
    return job->outcome;
}

struct membus_outcome membus_space_read(struct membus_space *space, void *buf, size_t len,
                                        uint64_t addr, struct membus_attrs attrs)
{
    struct membus_job job = {.attrs = attrs, .buf = buf};

    return run(&job, space, addr, len);
}

struct membus_outcome membus_space_write(struct membus_space *space, uint64_t addr, const void *buf,
                                         size_t len, struct membus_attrs attrs)
{
    struct membus_job job = {.attrs = attrs, .write = true, .buf = (uint8_t *)(uintptr_t)buf};

    return run(&job, space, addr, len);
}

struct membus_outcome membus_space_fill(struct membus_space *space, uint64_t addr, uint8_t value,
                                        uint64_t len, struct membus_attrs attrs)
{
    struct membus_job job = {.attrs = attrs, .write = true, .fill = true, .value = value};

    return run(&job, space, addr, len);
}
