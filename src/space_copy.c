/* SPDX-License-Identifier: MIT */

/* Copies between spaces: from mapping to mapping where both sides are memory (D3). */

#include "space_internal.h"

#include <errno.h>
#include <stdatomic.h>

#include <membus/guard.h>

#define LINE 64u

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

/* A copy between two mappings. */
struct pair {
    const struct membus_mapping *dst, *src;
    size_t to, from;
};

/* What became of one. */
struct arrival {
    int error;
    size_t bytes;  /* that arrived, in all */
    size_t failed; /* offset of the first that did not */
};

static void arrive(struct arrival *all, size_t at, struct membus_result r)
{
    if (r.error && (!all->error || at + r.bytes < all->failed)) {
        all->error = r.error;
        all->failed = at + r.bytes;
    }
    all->bytes += r.bytes;
}

static struct membus_result guarded(const struct pair *p, size_t at, size_t n)
{
    return membus_guard_transfer(p->dst, p->to + at, p->src, p->from + at, n, 0, NULL);
}

/* Stores what the window got of the tail: all of it, the ones of a device that is gone too, or of
 * RAM the words that were there. */
static struct membus_result store_tail(const struct pair *p, size_t tail, size_t n,
                                       const struct membus_mapping *window,
                                       const struct membus_result *got)
{
    const bool ends = got->error && p->src->mode == MEMBUS_CACHE_NORMAL;
    struct membus_result r = membus_guard_transfer(p->dst, p->to + tail, window, 0,
                                                   ends ? got->bytes & ~(size_t)7 : n, 0, NULL);

    if (got->error && !r.error)
        r.error = got->error;
    r.bytes = r.bytes < got->bytes ? r.bytes : got->bytes;
    return r;
}

/*
 * O2 for an overlap that needs more window than a guard has: the tail waits in a window while the
 * rest goes in pieces, the highest first, which so overwrite nothing that is still to be loaded. A
 * fault ends its piece alone: the pieces below it arrive.
 */
static struct arrival move_guarded(const struct pair *p, size_t n)
{
    char memory[MEMBUS_MOVE_EXACT + LINE] __attribute__((aligned(LINE)));
    const uintptr_t dst = (uintptr_t)p->dst->addr + p->to, src = (uintptr_t)p->src->addr + p->from;
    const size_t d = dst - src, edge = n - MEMBUS_MOVE_EXACT;
    const size_t block = d > MEMBUS_MOVE_EXACT ? d & ~(size_t)(LINE - 1) : MEMBUS_MOVE_EXACT;
    const size_t tail = edge + (-(dst + edge) & (LINE - 1)); /* pieces tear no element */
    const struct membus_mapping window =
        membus_mapping_ram(memory + ((src + tail) & (LINE - 1)), n - tail);
    const struct membus_result got =
        membus_guard_transfer(&window, 0, p->src, p->from + tail, n - tail, 0, NULL);
    struct arrival all = {0, 0, 0};

    if (got.error && got.error != -EFAULT) {
        arrive(&all, 0, got);
        return all;
    }
    for (size_t end = tail, start; end; end = start) {
        start = end > block ? end - block : 0;
        arrive(&all, start, guarded(p, start, end - start));
    }
    atomic_thread_fence(memory_order_release); /* before the tail; pairs as W6 does */
    arrive(&all, tail, store_tail(p, tail, n - tail, &window, &got));
    return all;
}

static struct arrival copy_memory(const struct membus_range *d, uint64_t to,
                                  const struct membus_range *s, uint64_t from, size_t n)
{
    const struct pair p = {&d->region->mapping, &s->region->mapping, (size_t)to, (size_t)from};
    struct arrival all = {0, 0, 0};
    struct membus_result r = {0, 0, n};

    if (vanishes(d->region) || vanishes(s->region))
        r = guarded(&p, 0, n);
    else
        membus_move((uint8_t *)p.dst->addr + to, (const uint8_t *)p.src->addr + from, n);
    if (r.error == -ENOBUFS)
        return move_guarded(&p, n);
    arrive(&all, 0, r);
    return all;
}

/* One copy between two ranges of memory; returns its length, 0 if it is not one. */
static uint64_t copy_direct(struct copy *c, uint64_t len)
{
    uint64_t span, n, to, from;
    struct arrival r;
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
    copy_step(c, r.error ? MEMBUS_STATUS_DEVICE : MEMBUS_STATUS_OK, c->dst.addr + r.failed, r.bytes,
              n);
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
