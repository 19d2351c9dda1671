/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_DMA_H
#define MEMBUS_DMA_H

/*
 * DMA: what device models do with a guest's memory beyond single accesses.
 *
 *   map      a pointer to guest memory, and what may be done through it
 *   bounce   a buffer in its place where there is no memory to point to: callbacks, device memory
 *            whose mapping does not allow what the caller declares
 *   budget   bytes of bounce buffers that a space may have at a time
 *   sglist   a list of pieces of guest memory, accessed as one
 *   ring     a piece of guest memory that is accessed again and again: a cached translation
 *
 *   D1 map        RAM, and device memory whose mapping allows the declared use, is pointed to
 *                 directly, across contiguous ranges, and pinned
 *   D2 bounce     everything else goes through a buffer, paid from the budget; waiters are told
 *                 when budget returns; errors of filling and writing back are reported
 *   D3 direct     device to device goes by membus_space_copy(): between two mappings
 *   D4 lists      sglists; rings notice when the view changed
 *   D5 log        what was written through a direct pointer is logged as dirty on unmap
 *
 * Example, a disk that writes a sector:
 *
 *     struct membus_map map;
 *     struct membus_outcome r = membus_map_open(&map, space, addr, 512, MEMBUS_MAP_WRITE, attrs);
 *     if (r.status == MEMBUS_STATUS_BUDGET)
 *         return try_again_later();                             // membus_waiter_new()
 *     if (r.status != MEMBUS_STATUS_OK)
 *         return fail(r);
 *     membus_mapping_write(&map.mapping, 0, sector, r.bytes);   // r.bytes may be less than 512
 *     r = membus_map_close(&map, r.bytes);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <membus/export.h>
#include <membus/mapping.h>
#include <membus/region.h>
#include <membus/space.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the caller will do with the pointer. READ: read guest memory; WRITE: write it; one or both.
 * Unless told more, only membus copies (membus_transfer() and its relatives on `map.mapping`)
 * and naturally aligned accessors of membus/access.h at widths that the policy allows.
 */
#define MEMBUS_MAP_READ      1u
#define MEMBUS_MAP_WRITE     2u
#define MEMBUS_MAP_UNALIGNED 4u  /* scalar accesses of 1, 2, 4, 8 bytes at any alignment */
#define MEMBUS_MAP_VECTOR    8u  /* vector accesses */
#define MEMBUS_MAP_ANY       12u /* whatever code the compiler or libc has for it */

/* A mapping of guest memory. The first members are for reading, the rest is membus's own. */
struct membus_map {
    struct membus_mapping mapping; /* addr, size, and how it may be accessed */
    struct membus_space *space;
    uint64_t addr;
    bool bounced; /* `mapping` is a buffer: what is stored arrives when it is closed */

    struct membus_region *region;
    uint64_t offset;
    uint64_t token;
    unsigned flags;
    struct membus_attrs attrs;
};

/*
 * Maps at most `len` bytes at `addr`: as much as is contiguous, and at least one byte.
 *
 * Returns: the outcome; OK: *map is open, and bytes says how many it has. Else *map is not open:
 *          DECODE, DEVICE, DENIED  filling a bounce buffer failed at `addr`
 *          RANGE                   past 2^64
 *          BUDGET                  the budget is taken: wait for it. (A request over the whole
 *                                  budget gets a part of it.)
 *          MEMORY                  no memory for a bounce buffer
 *          INVALID                 neither READ nor WRITE, unknown flags, len 0
 * Who:     any thread. Bouncing allocates.
 */
MEMBUS_API struct membus_outcome membus_map_open(struct membus_map *map, struct membus_space *space,
                                                 uint64_t addr, uint64_t len, unsigned flags,
                                                 struct membus_attrs attrs);

/*
 * Closes it: the first `written` bytes were written (0 for reading). They are logged as dirty, or
 * written back from a bounce buffer.
 *
 * Returns: the outcome of writing back; OK for a direct one. INVALID: not open (never opened, or
 *          closed already), or `written` over its size or without MEMBUS_MAP_WRITE: nothing is
 *          done.
 * Who:     any thread.
 */
MEMBUS_API struct membus_outcome membus_map_close(struct membus_map *map, uint64_t written);

/* The budget: MEMBUS_BOUNCE_BUDGET at first. Lowering it below what is in use only makes new
 * requests wait. */
MEMBUS_API void membus_space_set_budget(struct membus_space *space, size_t bytes);
MEMBUS_API size_t membus_space_budget_used(struct membus_space *space);

/*
 * Waiters, first come, first served: `wake` is called once, without a lock held, when `bytes` (or
 * all of the budget, if that is less) are free and nobody waits before it: in the thread that
 * closes a bounced map, raises the budget or deletes the waiter before it, or within
 * membus_waiter_new(). The waiter is gone then (*waiter is NULL if that is so at the return); what
 * *waiter had stays the name of this one, and may still be handed to membus_waiter_delete().
 */
struct membus_waiter;
MEMBUS_API int membus_waiter_new(struct membus_waiter **waiter, struct membus_space *space,
                                 size_t bytes, void (*wake)(void *data), void *data);
/* Stops waiting; -ENOENT: it was woken already, or is being woken now. */
MEMBUS_API int membus_waiter_delete(struct membus_waiter *waiter, struct membus_space *space);

/*
 * Scatter-gather lists. Not for two threads at a time.
 */
#define MEMBUS_SGLIST_MAX 65536 /* pieces */
struct membus_sglist;
MEMBUS_API int membus_sglist_new(struct membus_sglist **list, struct membus_space *space,
                                 struct membus_attrs attrs);
MEMBUS_API void membus_sglist_delete(struct membus_sglist *list);
/* Adds a piece; one that continues the last one becomes part of it. Errors: -EOVERFLOW (past
 * 2^64, or 2^64 bytes in all), -E2BIG (MEMBUS_SGLIST_MAX), -ENOMEM. */
MEMBUS_API int membus_sglist_add(struct membus_sglist *list, uint64_t addr, uint64_t len);
MEMBUS_API uint64_t membus_sglist_size(const struct membus_sglist *list);
MEMBUS_API size_t membus_sglist_count(const struct membus_sglist *list);
/* Accesses `len` bytes from byte `offset` of the list on. RANGE, nothing done: past its end. */
MEMBUS_API struct membus_outcome membus_sglist_read(struct membus_sglist *list, void *buf,
                                                    size_t len, uint64_t offset);
MEMBUS_API struct membus_outcome membus_sglist_write(struct membus_sglist *list, uint64_t offset,
                                                     const void *buf, size_t len);
/*
 * Maps the whole list: `maps` gets up to `max` maps, *count how many. All or nothing: when one
 * fails, those before are closed again, and the outcome is that one's. RANGE: `max` are too few.
 * BUDGET: wait for as many bytes as the list has. INVALID: what has to be bounced is more than the
 * whole budget, so waiting is in vain; map it by parts, use membus_sglist_read() and _write(), or
 * raise the budget.
 */
MEMBUS_API struct membus_outcome membus_sglist_map(struct membus_sglist *list,
                                                   struct membus_map *maps, size_t max,
                                                   size_t *count, unsigned flags);
/* Closes them, the first `written` bytes of all having been written. The outcome of the first that
 * failed. */
MEMBUS_API struct membus_outcome membus_sglist_unmap(struct membus_sglist *list,
                                                     struct membus_map *maps, size_t count,
                                                     uint64_t written);

/*
 * Rings: [addr, addr + size) of a space, looked up once and pinned. Accesses check that the view
 * is still the one it was looked up in, and else look again; so they always go where the
 * space's own would. One thread at a time per ring.
 */
struct membus_ring;
MEMBUS_API int membus_ring_new(struct membus_ring **ring, struct membus_space *space, uint64_t addr,
                               uint64_t size, struct membus_attrs attrs);
MEMBUS_API void membus_ring_delete(struct membus_ring *ring);
/* Has the view changed since the last access (or creation)? */
MEMBUS_API bool membus_ring_changed(const struct membus_ring *ring);
/* As membus_space_read() and so on, `offset` bytes into the ring. RANGE: outside. */
MEMBUS_API struct membus_outcome membus_ring_read(struct membus_ring *ring, void *buf, size_t len,
                                                  uint64_t offset);
MEMBUS_API struct membus_outcome membus_ring_write(struct membus_ring *ring, uint64_t offset,
                                                   const void *buf, size_t len);
#define MEMBUS_RING_ACCESS(width)                                           \
    MEMBUS_API struct membus_outcome membus_ring_load_le##width(            \
        struct membus_ring *ring, uint##width##_t *value, uint64_t offset); \
    MEMBUS_API struct membus_outcome membus_ring_store_le##width(           \
        struct membus_ring *ring, uint64_t offset, uint##width##_t value);
MEMBUS_RING_ACCESS(16)
MEMBUS_RING_ACCESS(32)
MEMBUS_RING_ACCESS(64)
#undef MEMBUS_RING_ACCESS

#ifdef __cplusplus
}
#endif

#endif
