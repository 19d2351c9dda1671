/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_SIDE_H
#define MEMBUS_SIDE_H

/*
 * One side of a transfer: how its memory may be touched, from its cache mode's rule, its own
 * policy and the kernel in use. Shared by the plain and the guarded transfers.
 */

#include <errno.h>
#include <stddef.h>

#include <membus/access.h>
#include <membus/copy.h>

#include "host.h"
#include "kernel.h"

#define MEMBUS_LINE  64u
#define MEMBUS_STAGE 256u

/* One side of a transfer. */
struct membus_side {
    const struct membus_mapping *mapping;
    const struct membus_rule *rule;
    const struct membus_kernel *kernel;
    bool ram;       /* no rule but the copy's own */
    bool aligned;   /* every access aligned to its width */
    bool strict;    /* MEMBUS_ORDER_STRICT */
    unsigned least; /* narrowest access, bytes */
    unsigned most;  /* widest scalar access, bytes */
    unsigned block; /* bytes of an aligned vector, or 0 */
    const struct membus_host *host;
    bool device; /* accesses to it must be kept in program order */
};

MEMBUS_INLINE bool membus_policy_none(const struct membus_policy *p)
{
    return p->width_min <= 1 && p->width_max == 0 && !p->aligned && !p->no_vector;
}

/* No policy at all: all members zero. */
MEMBUS_INLINE bool membus_policy_zero(const struct membus_policy *p)
{
    _Static_assert(sizeof(*p) == sizeof(membus_u32), "one comparison");
    return *(const membus_u32 *)(const void *)p == 0;
}

/* RAM without a policy, so without any rule but the copy's own: the mode and the policy behind it,
 * in one comparison. */
MEMBUS_INLINE bool membus_mapping_plain(const struct membus_mapping *m)
{
    _Static_assert(offsetof(struct membus_mapping, policy) ==
                       offsetof(struct membus_mapping, mode) + sizeof(membus_u32),
                   "side by side");
    const uint64_t plain = (uint64_t)MEMBUS_CACHE_NORMAL << (MEMBUS_BIG_ENDIAN ? 32 : 0);

    return *(const membus_u64 *)(const void *)&m->mode == plain;
}

MEMBUS_INLINE const struct membus_rule *membus_host_rule(const struct membus_host *host,
                                                         enum membus_cache_mode mode)
{
    return &host->rules[(unsigned)mode < MEMBUS_CACHE_MODES ? mode : MEMBUS_CACHE_UNKNOWN];
}

/* Must accesses be kept in program order? */
MEMBUS_INLINE bool membus_rule_device(const struct membus_rule *rule)
{
    return rule->mode != MEMBUS_CACHE_NORMAL && rule->mode != MEMBUS_CACHE_WRITECOMBINE;
}

/* Are n bytes, 1, 2, 4 or 8, at `at` one access? */
MEMBUS_INLINE bool membus_rule_whole(const struct membus_rule *rule, uintptr_t at, size_t n)
{
    return rule->direct && n <= rule->width_scalar &&
           ((at & (n - 1)) == 0 || rule->unaligned >= MEMBUS_WAY_INSTRUCTION);
}

/* What must come before a store that all others are to be seen before. */
MEMBUS_INLINE void membus_rule_publish(const struct membus_rule *rule)
{
    if (rule->weak)
        membus_barrier_flush_wc();
    else if (membus_rule_device(rule))
        membus_barrier_device_write();
    else
        membus_barrier_publish();
}

/* Member by member: a compiler may set up or assign a struct by calling memset or memcpy, and code
 * that touches a mapping is to hold no such call. */
MEMBUS_INLINE void membus_side_init(struct membus_side *side, const struct membus_mapping *m,
                                    bool strict)
{
    const struct membus_host *host = membus_arch_host();
    const struct membus_rule *rule = membus_host_rule(host, m->mode);
    const struct membus_kernel *kernel = membus_kernel_get();
    const struct membus_policy *policy = &m->policy;

    side->mapping = m;
    side->rule = rule;
    side->kernel = kernel;
    side->host = host;
    side->ram = m->mode == MEMBUS_CACHE_NORMAL && membus_policy_none(policy);
    side->device = membus_rule_device(rule);
    side->aligned = policy->aligned || rule->unaligned <= MEMBUS_WAY_SPLIT;
    side->strict = strict;
    side->least = policy->width_min ? policy->width_min : 1;
    side->most = rule->width_scalar;
    if (!rule->direct)
        side->most = side->host->device_load ? 8 : 0;
    if (policy->width_max && policy->width_max < side->most)
        side->most = policy->width_max;
    side->block = kernel->block;
    if (strict || policy->no_vector || side->block > rule->width_vector ||
        side->block <= rule->width_vector_least ||
        (policy->width_max && side->block > policy->width_max))
        side->block = 0;
}

/* Where the address counts for the least width: what divides both it and a line. */
MEMBUS_INLINE bool membus_side_aligned(const struct membus_side *side, uintptr_t at)
{
    return at % side->least == 0;
}

/* Can this side take [at, at + n) at all? */
MEMBUS_INLINE bool membus_side_takes(const struct membus_side *side, uintptr_t at, size_t n)
{
    if (side->least > side->most)
        return false;
    return n % side->least == 0 && (!side->aligned || membus_side_aligned(side, at));
}

/* Width of the next access at `at` with `n` bytes left: the largest element that fits. */
MEMBUS_INLINE unsigned membus_side_width(const struct membus_side *side, uintptr_t at, size_t n)
{
    const uintptr_t limit = at | side->most;
    uintptr_t width = limit & -limit;

    while (width > n)
        width /= 2;
    return (unsigned)width < side->least ? side->least : (unsigned)width;
}

/* Vectors that may be accessed at `at` with `n` bytes left, the last element not among them. */
MEMBUS_INLINE size_t membus_side_blocks(const struct membus_side *side, uintptr_t at, size_t n)
{
    if (side->block == 0 || (at & (side->block - 1)) || n <= side->block)
        return 0;
    return (n - 1) / side->block;
}

/* What must come before an access to a device, where it may be seen out of order. */
MEMBUS_INLINE void membus_side_order(const struct membus_side *side)
{
    if (side->device && side->host->device_order)
        side->host->device_order();
}

MEMBUS_INLINE void membus_side_publish(const struct membus_side *side)
{
    membus_rule_publish(side->rule);
}

/* Bytes that p + n lies past a line, if lines and the side's least width go together; else 0, and
 * chunks are counted from the start. */
MEMBUS_INLINE size_t membus_side_past_line(const struct membus_side *side, const char *p, size_t n)
{
    return membus_side_aligned(side, (uintptr_t)p) ? ((uintptr_t)p + n) & (MEMBUS_LINE - 1) : 0;
}

/* Is there an aligned element in [at, at + n) that is wider than any access, or in two of them?
 * Accesses of the least width that are not aligned to it meet within elements. */
MEMBUS_INLINE bool membus_side_tears(const struct membus_side *side, uintptr_t at, size_t n)
{
    if (n > side->least && (at & (side->least - 1)))
        return true;
    for (unsigned width = 8; width > side->most; width /= 2) {
        size_t lead = -at & (width - 1);

        if (n >= width && lead <= n - width)
            return true;
    }
    return false;
}

MEMBUS_INLINE bool membus_side_whole(const struct membus_side *side, size_t offset, size_t n,
                                     unsigned access)
{
    if (!side->rule->direct)
        return (((uintptr_t)side->mapping->addr + offset) & (n - 1)) == 0 && n >= side->least &&
               n <= side->most;
    return membus_mapping_permit(side->mapping, offset, (unsigned)n, access).way >=
           MEMBUS_WAY_INSTRUCTION;
}

/* One access on each side (W2). */
MEMBUS_INLINE bool membus_sides_whole(const struct membus_side *dst, size_t dst_offset,
                                      const struct membus_side *src, size_t src_offset, size_t n)
{
    return membus_side_whole(dst, dst_offset, n, MEMBUS_ACCESS_STORE) &&
           membus_side_whole(src, src_offset, n, MEMBUS_ACCESS_LOAD);
}

/* Is W2 the rule for n bytes, whether the host can keep it or not? */
MEMBUS_INLINE bool membus_is_power(size_t n)
{
    return n != 0 && n <= 8 && (n & (n - 1)) == 0;
}

/* The same as 1 or 0, without a branch. */
MEMBUS_INLINE unsigned membus_power_bit(size_t n)
{
    return (0x116u >> (n & 15)) & (n < 16);
}

/* Does [offset, offset + n) lie within the mapping? */
MEMBUS_INLINE bool membus_mapping_holds(const struct membus_mapping *m, size_t offset, size_t n)
{
    return offset <= m->size && n <= m->size - offset;
}

/* The same, and n not 0? */
MEMBUS_INLINE bool membus_mapping_holds_some(const struct membus_mapping *m, size_t offset,
                                             size_t n)
{
    return offset <= m->size && n - 1 < m->size - offset;
}

MEMBUS_INLINE int membus_transfer_check(const struct membus_mapping *dst, size_t dst_offset,
                                        const struct membus_mapping *src, size_t src_offset,
                                        size_t n, unsigned flags)
{
    const unsigned overlap = MEMBUS_OVERLAP_TAIL | MEMBUS_OVERLAP_REFUSE;

    if ((flags & ~(MEMBUS_ORDER_STRICT | overlap)) || (flags & overlap) == overlap)
        return -EINVAL;
    if (!membus_mapping_holds(dst, dst_offset, n) || !membus_mapping_holds(src, src_offset, n))
        return -ERANGE;
    return 0;
}

#endif
