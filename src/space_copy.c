/* SPDX-License-Identifier: MIT */

/* Copies between spaces: from mapping to mapping where both sides are memory (D3). */

#include "space_internal.h"

#include <errno.h>

#include <membus/guard.h>

struct side {
    struct membus_space *space;
    const struct membus_version *version;
    uint64_t addr;
};

struct copy {
    struct side dst, src;
    struct membus_attrs attrs;
    struct membus_outcome outcome;
};

static void copy_step(struct copy *c, enum membus_status status, uint64_t addr, uint64_t arrived,
                      uint64_t n)
{
    if (status != MEMBUS_STATUS_OK && c->outcome.status == MEMBUS_STATUS_OK) {
        c->outcome.status = status;
        c->outcome.addr = addr;
    }
    c->outcome.bytes += arrived;
    c->dst.addr += n;
    c->src.addr += n;
}

/* May its memory be gone when it is touched? Device memory always: decoding off, or unplugged. */
static bool vanishes(const struct membus_region *region)
{
    return region->guarded || !membus_mapping_is_ram(&region->mapping);
}

static struct membus_result copy_memory(const struct membus_range *d, uint64_t to,
                                        const struct membus_range *s, uint64_t from, size_t n)
{
    const struct membus_mapping *dm = &d->region->mapping, *sm = &s->region->mapping;
    struct membus_result r = {0, 0, n};

    if (!vanishes(d->region) && !vanishes(s->region)) {
        membus_move((uint8_t *)dm->addr + to, (const uint8_t *)sm->addr + from, n);
        return r;
    }
    r = membus_guard_transfer(dm, (size_t)to, sm, (size_t)from, n, 0, NULL);
    if (r.error == -ENOBUFS) /* an overlap that needs more than a guard has */
        r = membus_transfer(dm, (size_t)to, sm, (size_t)from, n, NULL, MEMBUS_OVERLAP_TAIL);
    return r;
}

/* One copy between two ranges of memory; returns its length, 0 if it is not one. */
static uint64_t copy_direct(struct copy *c, uint64_t len)
{
    uint64_t span, n, to, from;
    struct membus_result r;
    const struct membus_range *s =
        membus_space_hit(c->src.space, c->src.version, c->src.addr, &span);
    const struct membus_range *d;

    if (!s || !membus_range_direct(s, false))
        return 0;
    n = membus_within(len, span);
    d = membus_space_hit(c->dst.space, c->dst.version, c->dst.addr, &span);
    if (!d || !membus_range_direct(d, true))
        return 0;
    n = membus_within(n, span);
    to = d->offset + (c->dst.addr - d->start);
    from = s->offset + (c->src.addr - s->start);
    r = copy_memory(d, to, s, from, (size_t)n);
    if (r.error && r.error != -EFAULT) {
        copy_step(c, MEMBUS_STATUS_DENIED, c->dst.addr, 0, n);
        return n;
    }
    if (d->log) /* all ones may follow what arrived */
        membus_log_written(d->region, to, n);
    copy_step(c, MEMBUS_STATUS_OK, 0, r.bytes, r.bytes);
    if (r.error)
        copy_step(c, MEMBUS_STATUS_DEVICE, c->dst.addr, 0, n - r.bytes);
    return n;
}

/* Through a buffer, which ends where the source is at a multiple of its size: so pieces of aligned
 * callbacks stay whole. */
static uint64_t copy_chunk(struct copy *c, uint64_t len)
{
    uint8_t buf[MEMBUS_COPY_CHUNK] = {0};
    uint64_t n = membus_within(len, MEMBUS_COPY_CHUNK - 1 - c->src.addr % MEMBUS_COPY_CHUNK);
    struct membus_job in = {.attrs = c->attrs, .buf = buf, .at = c->src.addr};
    struct membus_job out = {.attrs = c->attrs, .write = true, .buf = buf, .at = c->dst.addr};
    const struct membus_outcome *first;

    membus_job_run(&in, c->src.space, c->src.addr, n);
    membus_job_run(&out, c->dst.space, c->dst.addr, n);
    first = in.outcome.status != MEMBUS_STATUS_OK ? &in.outcome : &out.outcome;
    copy_step(c, first->status, first->addr,
              in.outcome.bytes < out.outcome.bytes ? in.outcome.bytes : out.outcome.bytes, n);
    return n;
}

struct membus_outcome membus_space_copy(struct membus_space *dst, uint64_t dst_addr,
                                        struct membus_space *src, uint64_t src_addr, uint64_t len,
                                        struct membus_attrs attrs)
{
    struct copy c = {
        .dst = {.space = dst, .addr = dst_addr},
        .src = {.space = src, .addr = src_addr},
        .attrs = attrs,
    };

    if (len == 0)
        return c.outcome;
    if (len - 1 > UINT64_MAX - dst_addr || len - 1 > UINT64_MAX - src_addr) {
        c.outcome.status = MEMBUS_STATUS_RANGE;
        c.outcome.addr = len - 1 > UINT64_MAX - src_addr ? src_addr : dst_addr;
        return c.outcome;
    }
    membus_rcu_lock();
    c.dst.version = membus_rcu_get(dst->version);
    c.src.version = membus_rcu_get(src->version);
    while (len) {
        uint64_t n = copy_direct(&c, len);

        len -= n ? n : copy_chunk(&c, len);
    }
    membus_rcu_unlock();
    return c.outcome;
}
