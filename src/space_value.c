/* SPDX-License-Identifier: MIT */

/*
 * Single values. The way that counts is short: the thread remembers the range, it is RAM without
 * rules of its own, and the value lies inside. All else takes the general way.
 */

#include "space_internal.h"

#include <membus/access.h>

#define SLOW __attribute__((noinline))

/* What the thread remembers of the space now, or NULL. */
MEMBUS_INLINE const struct membus_hit *remembered(const struct membus_space *space)
{
    const struct membus_hit *hit = membus_hit_of(space);

    return __builtin_expect(hit->id == membus_rcu_get(space->id), 1) ? hit : NULL;
}

MEMBUS_INLINE struct membus_outcome arrived(unsigned size)
{
    struct membus_outcome outcome = {MEMBUS_STATUS_OK, 0, size};

    return outcome;
}

/* The range is looked up, and remembered; NULL if a value at `addr` may not go directly. Within a
 * reader's section. */
static const struct membus_hit *find_room(struct membus_space *space, uint64_t addr, bool write)
{
    const struct membus_hit *hit = membus_hit_of(space);
    uint64_t span;

    if (!membus_space_hit(space, membus_rcu_get(space->version), addr, &span))
        return NULL;
    return addr - hit->start < (write ? hit->write_room : hit->read_room) ? hit : NULL;
}

/* In the host's byte order. The slow ways are functions of their own, so that the short one saves
 * no registers for them. */
#define VALUE_ACCESS(width)                                                                        \
    SLOW static void slow_load_##width(struct membus_outcome *outcome, struct membus_space *space, \
                                       uint##width##_t *value, uint64_t addr,                      \
                                       struct membus_attrs attrs)                                  \
    {                                                                                              \
        const struct membus_hit *hit;                                                              \
                                                                                                   \
        membus_rcu_lock();                                                                         \
        hit = find_room(space, addr, false);                                                       \
        if (hit)                                                                                   \
            *value = membus_ram_load_##width(hit->memory + (addr - hit->start));                   \
        membus_rcu_unlock();                                                                       \
        *outcome = arrived(width / 8);                                                             \
        if (hit)                                                                                   \
            return;                                                                                \
        *value = 0;                                                                                \
        *outcome = membus_space_read(space, value, width / 8, addr, attrs);                        \
    }                                                                                              \
                                                                                                   \
    SLOW static void slow_store_##width(struct membus_outcome *outcome,                            \
                                        struct membus_space *space, uint64_t addr,                 \
                                        uint##width##_t value, struct membus_attrs attrs)          \
    {                                                                                              \
        const struct membus_hit *hit;                                                              \
                                                                                                   \
        membus_rcu_lock();                                                                         \
        hit = find_room(space, addr, true);                                                        \
        if (hit)                                                                                   \
            membus_ram_store_##width(hit->memory + (addr - hit->start), value);                    \
        membus_rcu_unlock();                                                                       \
        *outcome = arrived(width / 8);                                                             \
        if (!hit)                                                                                  \
            *outcome = membus_space_write(space, addr, &value, width / 8, attrs);                  \
    }                                                                                              \
                                                                                                   \
    MEMBUS_INLINE bool fast_load_##width(const struct membus_space *space, uint##width##_t *value, \
                                         uint64_t addr)                                            \
    {                                                                                              \
        const struct membus_hit *hit;                                                              \
                                                                                                   \
        if (!membus_rcu_lock_known())                                                              \
            return false;                                                                          \
        hit = remembered(space);                                                                   \
        if (hit && addr - hit->start < hit->read_room) {                                           \
            *value = membus_ram_load_##width(hit->memory + (addr - hit->start));                   \
            membus_rcu_unlock();                                                                   \
            return true;                                                                           \
        }                                                                                          \
        membus_rcu_unlock();                                                                       \
        return false;                                                                              \
    }                                                                                              \
                                                                                                   \
    MEMBUS_INLINE bool fast_store_##width(const struct membus_space *space, uint64_t addr,         \
                                          uint##width##_t value)                                   \
    {                                                                                              \
        const struct membus_hit *hit;                                                              \
                                                                                                   \
        if (!membus_rcu_lock_known())                                                              \
            return false;                                                                          \
        hit = remembered(space);                                                                   \
        if (hit && addr - hit->start < hit->write_room) {                                          \
            membus_ram_store_##width(hit->memory + (addr - hit->start), value);                    \
            membus_rcu_unlock();                                                                   \
            return true;                                                                           \
        }                                                                                          \
        membus_rcu_unlock();                                                                       \
        return false;                                                                              \
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
        struct membus_outcome outcome;                                                           \
                                                                                                 \
        if (__builtin_expect(fast_load_##width(space, value, addr), 1)) {                        \
            *value = swap(*value);                                                               \
            return arrived(width / 8);                                                           \
        }                                                                                        \
        slow_load_##width(&outcome, space, value, addr, attrs);                                  \
        *value = swap(*value);                                                                   \
        return outcome;                                                                          \
    }                                                                                            \
                                                                                                 \
    struct membus_outcome membus_space_store_##mark##width(struct membus_space *space,           \
                                                           uint64_t addr, uint##width##_t value, \
                                                           struct membus_attrs attrs)            \
    {                                                                                            \
        struct membus_outcome outcome;                                                           \
                                                                                                 \
        if (__builtin_expect(fast_store_##width(space, addr, swap(value)), 1))                   \
            return arrived(width / 8);                                                           \
        slow_store_##width(&outcome, space, addr, swap(value), attrs);                           \
        return outcome;                                                                          \
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
