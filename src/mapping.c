/* SPDX-License-Identifier: MIT */
#include <membus/mapping.h>

#include <errno.h>
#include <strings.h>

#include "host.h"

static const char *const mode_names[MEMBUS_CACHE_MODES] = {
    [MEMBUS_CACHE_UNKNOWN] = "UNKNOWN",           [MEMBUS_CACHE_NORMAL] = "NORMAL",
    [MEMBUS_CACHE_WRITECOMBINE] = "WRITECOMBINE", [MEMBUS_CACHE_DEVICE] = "DEVICE",
    [MEMBUS_CACHE_NONCACHED] = "NONCACHED",
};

const char *membus_cache_mode_name(enum membus_cache_mode mode)
{
    return (unsigned)mode < MEMBUS_CACHE_MODES ? mode_names[mode]
                                               : mode_names[MEMBUS_CACHE_UNKNOWN];
}

int membus_cache_mode_parse(enum membus_cache_mode *mode, const char *name)
{
    for (unsigned i = 0; i < MEMBUS_CACHE_MODES; i++) {
        if (strcasecmp(name, mode_names[i]) == 0) {
            *mode = (enum membus_cache_mode)i;
            return 0;
        }
    }
    return -EINVAL;
}

const struct membus_rule *membus_mapping_rule(enum membus_cache_mode mode)
{
    const struct membus_rule *rules = membus_arch_host()->rules;

    return &rules[(unsigned)mode < MEMBUS_CACHE_MODES ? mode : MEMBUS_CACHE_UNKNOWN];
}

int membus_mapping_check(const struct membus_mapping *m, size_t offset, size_t n)
{
    return offset <= m->size && n <= m->size - offset ? 0 : -ERANGE;
}

static unsigned lesser(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The largest power of two that divides `at`, at most `most`. */
static unsigned alignment(uintptr_t at, unsigned most)
{
    return at & (most - 1) ? (unsigned)(at & -at) : most;
}

static struct membus_permit refused(const struct membus_rule *rule, int error)
{
    return (struct membus_permit){MEMBUS_WAY_REFUSED, 0, error, rule};
}

/* A vector access is made whole or not at all: its elements are the copy's business. */
static struct membus_permit permit_vector(const struct membus_mapping *m,
                                          const struct membus_rule *rule, uintptr_t at,
                                          unsigned width)
{
    const struct membus_policy *policy = &m->policy;
    bool aligned = (at & (width - 1)) == 0;

    if (policy->no_vector || width > rule->width_vector || width <= rule->width_vector_least ||
        (policy->width_max && width > policy->width_max) || (policy->aligned && !aligned) ||
        (rule->unaligned == MEMBUS_WAY_SPLIT && !aligned))
        return refused(rule, -EOPNOTSUPP);
    return (struct membus_permit){aligned && width <= rule->width_atomic ? MEMBUS_WAY_WHOLE
                                                                         : MEMBUS_WAY_INSTRUCTION,
                                  width, 0, rule};
}

static struct membus_permit permit_scalar(const struct membus_mapping *m,
                                          const struct membus_rule *rule, uintptr_t at,
                                          unsigned width)
{
    const struct membus_policy *policy = &m->policy;
    unsigned most =
        policy->width_max ? lesser(policy->width_max, rule->width_scalar) : rule->width_scalar;
    unsigned least = policy->width_min ? policy->width_min : 1;
    unsigned align = alignment(at, width);
    enum membus_way unaligned = policy->aligned ? MEMBUS_WAY_SPLIT : rule->unaligned;

    if (width <= most && width >= least && align == width)
        return (struct membus_permit){width <= rule->width_atomic ? MEMBUS_WAY_WHOLE
                                                                  : MEMBUS_WAY_INSTRUCTION,
                                      width, 0, rule};
    if (width <= most && width >= least && unaligned != MEMBUS_WAY_SPLIT)
        return (struct membus_permit){unaligned, width, 0, rule};

    /* In pieces, the narrowest of which is the alignment of the address where that counts. */
    unsigned piece = lesser(width, most);
    unsigned narrowest = unaligned == MEMBUS_WAY_SPLIT ? lesser(piece, align) : piece;

    if (narrowest < least || piece < least)
        return refused(rule, -EOPNOTSUPP);
    return (struct membus_permit){
        MEMBUS_WAY_SPLIT,
        unaligned == MEMBUS_WAY_SPLIT && align < piece ? lesser(piece, width / 2) : piece, 0, rule};
}

struct membus_permit membus_mapping_permit(const struct membus_mapping *m, size_t offset,
                                           unsigned width, unsigned access)
{
    const struct membus_rule *rule = membus_mapping_rule(m->mode);
    unsigned most = access & MEMBUS_ACCESS_VECTOR ? 64 : 8;

    if (width == 0 || width > most || (width & (width - 1)) ||
        access > (MEMBUS_ACCESS_STORE | MEMBUS_ACCESS_VECTOR))
        return refused(rule, -EINVAL);
    if (membus_mapping_check(m, offset, width) != 0)
        return refused(rule, -ERANGE);
    if (!rule->direct)
        return refused(rule, -EOPNOTSUPP);
    if (access & MEMBUS_ACCESS_VECTOR)
        return permit_vector(m, rule, (uintptr_t)m->addr + offset, width);
    return permit_scalar(m, rule, (uintptr_t)m->addr + offset, width);
}
