/* SPDX-License-Identifier: MIT */

/*
 * Single values. The way that counts is short: the thread remembers the range, it is RAM without
 * rules of its own, and the value lies inside. All else takes the general way.
 */

#include "space_internal.h"

#include <membus/access.h>

MEMBUS_INLINE const struct membus_hit *remembered(struct membus_space *space, uint64_t addr,
                                                  unsigned size)
{
    const struct membus_version *version = membus_rcu_get(space->version);
    const struct membus_hit *hit = &membus_hits[space->slot];
    uint64_t at = addr - hit->start;

    if (__builtin_expect(hit->id == version->id && at <= hit->span && size - 1 <= hit->span - at,
                         1))
        return hit;
    return NULL;
}

MEMBUS_INLINE struct membus_outcome arrived(unsigned size)
{
    struct membus_outcome outcome = {MEMBUS_STATUS_OK, 0, size};

    return outcome;
}

/* In the host's byte order. */
#define VALUE_ACCESS(width)                                                                      \
    MEMBUS_INLINE struct membus_outcome load_##width(struct membus_space *space,                 \
                                                     uint##width##_t *value, uint64_t addr,      \
                                                     struct membus_attrs attrs)                  \
    {                                                                                            \
        const struct membus_hit *hit;                                                            \
                                                                                                 \
        membus_rcu_lock();                                                                       \
        hit = remembered(space, addr, width / 8);                                                \
        if (hit && hit->read) {                                                                  \
            *value = membus_ram_load_##width(hit->read + (addr - hit->start));                   \
            membus_rcu_unlock();                                                                 \
            return arrived(width / 8);                                                           \
        }                                                                                        \
        membus_rcu_unlock();                                                                     \
        *value = 0;                                                                              \
        return membus_space_read(space, value, width / 8, addr, attrs);                          \
    }                                                                                            \
                                                                                                 \
    MEMBUS_INLINE struct membus_outcome store_##width(struct membus_space *space, uint64_t addr, \
                                                      uint##width##_t value,                     \
                                                      struct membus_attrs attrs)                 \
    {                                                                                            \
        const struct membus_hit *hit;                                                            \
                                                                                                 \
        membus_rcu_lock();                                                                       \
        hit = remembered(space, addr, width / 8);                                                \
        if (hit && hit->write) {                                                                 \
            membus_ram_store_##width(hit->write + (addr - hit->start), value);                   \
            membus_rcu_unlock();                                                                 \
            return arrived(width / 8);                                                           \
        }                                                                                        \
        membus_rcu_unlock();                                                                     \
        return membus_space_write(space, addr, &value, width / 8, attrs);                        \
    }

VALUE_ACCESS(8)
VALUE_ACCESS(16)
VALUE_ACCESS(32)
VALUE_ACCESS(64)

#define AS_IS(v) (v)

/* The public functions; `swap` converts between the host's byte order and the mark's. */
#define VALUE_FUNCTIONS(width, mark, swap)                                                       \
    struct membus_outcome membus_space_load_##mark##width(struct membus_space *space,            \
                                                          uint##width##_t *value, uint64_t addr, \
                                                          struct membus_attrs attrs)             \
    {                                                                                            \
        struct membus_outcome outcome = load_##width(space, value, addr, attrs);                 \
                                                                                                 \
        *value = swap(*value);                                                                   \
        return outcome;                                                                          \
    }                                                                                            \
                                                                                                 \
    struct membus_outcome membus_space_store_##mark##width(struct membus_space *space,           \
                                                           uint64_t addr, uint##width##_t value, \
                                                           struct membus_attrs attrs)            \
    {                                                                                            \
        return store_##width(space, addr, swap(value), attrs);                                   \
    }

VALUE_FUNCTIONS(8, , AS_IS)
VALUE_FUNCTIONS(16, , AS_IS)
VALUE_FUNCTIONS(32, , AS_IS)
VALUE_FUNCTIONS(64, , AS_IS)
VALUE_FUNCTIONS(16, le, membus_le16)
VALUE_FUNCTIONS(32, le, membus_le32)
VALUE_FUNCTIONS(64, le, membus_le64)
VALUE_FUNCTIONS(16, be, membus_be16)
VALUE_FUNCTIONS(32, be, membus_be32)
VALUE_FUNCTIONS(64, be, membus_be64)
