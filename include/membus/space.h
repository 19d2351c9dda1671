/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_SPACE_H
#define MEMBUS_SPACE_H

/*
 * Address spaces: a region tree as somebody on the bus sees it.
 *
 *   space   what a CPU, a device or a bridge makes its accesses in; it has a root region
 *   view    what the tree below the root comes to: disjoint ranges, sorted; between them is
 *           unassigned memory. Spaces that come to the same root share a view
 *   range   a piece of one region in a view
 *   reader  a thread that makes accesses, while it makes them
 *
 *   V1 disjoint   ranges are sorted and disjoint, within [0, 2^64); neighbours merge when region,
 *                 offset and flags continue
 *   V2 no locks   readers never lock and never wait (RCU); what they see lives until they end
 *   V3 by change  a commit renders only the address ranges that changed
 *   V4 lookup     logarithmic; each thread remembers the range it hit last in a few spaces
 *   V5 listeners  hear what was removed, added, unchanged, then commit
 *   A1 any        any address, any length; 0 is OK and touches nothing; past 2^64 is an error
 *   A2 contract   RAM and device memory are accessed by the rules of membus/copy.h, under the
 *                 mapping's rules and policy; what lies within one range is one copy
 *   A3, A4        callbacks: see membus/region.h
 *   A5 unassigned decode error, reads give the pattern, in one step whatever the length
 *   A6 goes on    errors are collected; see struct membus_outcome
 *   A7, A8, A9    attributes, reentrancy, no global lock: see membus/region.h
 *
 * Threads: accesses may come from any thread. No registration: membus uses liburcu's "bp" flavour,
 * which registers a thread at its first access and forgets it when it ends. (A VMM's threads
 * belong to somebody else; a flavour that corrupts memory when a thread forgot to register
 * itself is no choice for a library. It costs one predicted branch, and a lock and an allocation
 * at a thread's first access.) No signal handlers.
 *
 * Example:
 *
 *     struct membus_attrs attrs = {.requester = 0x0100};
 *     uint32_t v;
 *     struct membus_outcome r = membus_space_load_le32(space, &v, 0x9000000, attrs);
 *     if (r.status != MEMBUS_STATUS_OK)
 *         fprintf(stderr, "%s at %#" PRIx64 "\n", membus_status_name(r.status), r.addr);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <membus/export.h>
#include <membus/region.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of bounce buffers that a new space may have at a time (membus/dma.h). */
#define MEMBUS_BOUNCE_BUDGET (4u << 20)

/* Flags of a range. */
#define MEMBUS_RANGE_MEMORY      1u /* RAM, ROM device or device memory (with an address) */
#define MEMBUS_RANGE_READONLY    2u /* writes are dropped: it, or what it is seen through */
#define MEMBUS_RANGE_NONVOLATILE 4u
#define MEMBUS_RANGE_DIRECT      8u  /* reads are direct: no ROM device out of direct mode */
#define MEMBUS_RANGE_WRITABLE    16u /* writes are direct: no ROM device, not read-only */
#define MEMBUS_RANGE_PLAIN \
    32u /* memory under no rule but the copy's: no policy, no guard, write-back */

/* A piece of one region in a view. */
struct membus_range {
    uint64_t start, last; /* addresses in the space */
    uint64_t offset;      /* of `start` in the region */
    uint64_t extent;      /* where the region would end here if nothing lay over it: a piece of
                             an access to callbacks may reach this far (>= last) */
    struct membus_region *region;
    void *memory;   /* at `start` in this process; NULL without MEMBUS_RANGE_MEMORY */
    uint32_t flags; /* MEMBUS_RANGE_* */
    uint32_t log;   /* bit c: client c logs dirty pages */
};

/*
 * A space with the tree below `root`, or an empty one for NULL. The root is at address 0, also
 * when it has a place in a container. A commit looks at every space: make many in one transaction.
 * Errors: -EINVAL (name too long), -ENOENT, -ENOMEM.
 */
MEMBUS_API int membus_space_new(struct membus_space **space, const char *name,
                                struct membus_region *root);

/* Takes the space back. No access to it may begin any more; those under way end well. Errors:
 * -EBUSY with listeners, DMA mappings or waiters left, -ENOENT when deleted twice. */
MEMBUS_API int membus_space_delete(struct membus_space *space);

/* Another root, or NULL for none. Errors: -ENOENT (the space or the root is deleted), -ENOMEM. */
MEMBUS_API int membus_space_set_root(struct membus_space *space, struct membus_region *root);

/* What reads of unassigned memory give: this byte, again and again. It starts as 0. */
MEMBUS_API void membus_space_set_unassigned(struct membus_space *space, uint8_t pattern);

MEMBUS_API const char *membus_space_name(const struct membus_space *space);
MEMBUS_API struct membus_region *membus_space_root(const struct membus_space *space);
/* "ok", "decode error", "device error", ...; never NULL. */
MEMBUS_API const char *membus_status_name(enum membus_status status);

/*
 * Accesses. Who: any thread, also callbacks. No allocation, no lock, no system call (other than a
 * doorbell's or a callback's own).
 *
 * read     `len` bytes at `addr` into `buf`
 * write    `len` bytes of `buf` to `addr`
 * fill     `len` times the byte `value` to `addr`, as a write of them all
 * copy     `len` bytes between spaces (or within one), without a buffer between memory and memory
 *          (D3); otherwise through one of MEMBUS_COPY_CHUNK bytes. Ascending; overlapping ranges
 *          are copied exactly only when both lie within one range of memory each.
 * Order:   W1 to W6 hold within each range of memory, or chunk; from one to the next the stores
 *          ascend, and on a host with weak order another CPU may see the later ones first.
 * Returns: the outcome. bytes counts what arrived; addr is in `space` (copy: in the space
 *          that failed).
 */
#define MEMBUS_COPY_CHUNK 512
MEMBUS_API struct membus_outcome membus_space_read(struct membus_space *space, void *buf,
                                                   size_t len, uint64_t addr,
                                                   struct membus_attrs attrs);
MEMBUS_API struct membus_outcome membus_space_write(struct membus_space *space, uint64_t addr,
                                                    const void *buf, size_t len,
                                                    struct membus_attrs attrs);
MEMBUS_API struct membus_outcome membus_space_fill(struct membus_space *space, uint64_t addr,
                                                   uint8_t value, uint64_t len,
                                                   struct membus_attrs attrs);
MEMBUS_API struct membus_outcome membus_space_copy(struct membus_space *dst, uint64_t dst_addr,
                                                   struct membus_space *src, uint64_t src_addr,
                                                   uint64_t len, struct membus_attrs attrs);

/* Single values. Unmarked: in the host's byte order; _le and _be: that order in the space. A load
 * that fails gives what the bus gives: 0, or the pattern. */
#define MEMBUS_SPACE_ACCESS(width, mark)                                   \
    MEMBUS_API struct membus_outcome membus_space_load_##mark##width(      \
        struct membus_space *space, uint##width##_t *value, uint64_t addr, \
        struct membus_attrs attrs);                                        \
    MEMBUS_API struct membus_outcome membus_space_store_##mark##width(     \
        struct membus_space *space, uint64_t addr, uint##width##_t value,  \
        struct membus_attrs attrs);
MEMBUS_SPACE_ACCESS(8, )
MEMBUS_SPACE_ACCESS(16, )
MEMBUS_SPACE_ACCESS(32, )
MEMBUS_SPACE_ACCESS(64, )
MEMBUS_SPACE_ACCESS(16, le)
MEMBUS_SPACE_ACCESS(32, le)
MEMBUS_SPACE_ACCESS(64, le)
MEMBUS_SPACE_ACCESS(16, be)
MEMBUS_SPACE_ACCESS(32, be)
MEMBUS_SPACE_ACCESS(64, be)
#undef MEMBUS_SPACE_ACCESS

/*
 * A reader's section. Accesses make their own; one around several keeps what they saw alive, and
 * a region pointer found in it valid, until its end. Sections nest.
 */
MEMBUS_API void membus_reader_begin(void);
MEMBUS_API void membus_reader_end(void);

/* Waits until every access and reader's section that is under way now has ended, and what they
 * kept alive is released. -EDEADLK from within one, or a transaction. */
MEMBUS_API int membus_synchronize(void);

/* The range that contains `addr`; -ENOENT if it is unassigned. The region stays valid within
 * the reader's section around the call, or with a reference taken there. */
MEMBUS_API int membus_space_find(struct membus_space *space, struct membus_range *range,
                                 uint64_t addr);

/*
 * Seeing it. `each` is called until it returns non-zero, which is returned; else 0.
 *
 * ranges:     those of the space's view, ascending; in one reader's section: one view, whole
 * view:       equal for spaces that share a view, NULL for one with nothing in it
 * view_root:  what the space's root comes to: roots with nothing but one subregion or alias that
 *             covers all of the target are looked through, so that more spaces share
 * spaces:     all spaces in the order of their creation; holds the lock of transactions
 */
MEMBUS_API int membus_space_ranges(struct membus_space *space,
                                   int (*each)(void *data, const struct membus_range *range),
                                   void *data);
MEMBUS_API const void *membus_space_view(struct membus_space *space);
MEMBUS_API struct membus_region *membus_space_view_root(struct membus_space *space);
MEMBUS_API int membus_spaces(int (*each)(void *data, struct membus_space *space), void *data);

/* What a view costs. */
struct membus_view_stats {
    size_t ranges;
    size_t chunks; /* pieces of the array of ranges; a commit replaces only those that change */
    size_t bytes;  /* of heap memory */
};
MEMBUS_API void membus_space_stats(struct membus_space *space, struct membus_view_stats *stats);

/*
 * Printing, in the form of QEMU's monitor: views as `info mtree -f` prints them, each once below
 * the spaces that share it; with MEMBUS_PRINT_TREE the regions as `info mtree` does, each root
 * below its spaces, and then the targets of aliases. `membus mtree` reads that form.
 *
 * QEMU's words for a region are i/o, ram, rom, romd (ROM device in direct mode) and ramd (device
 * memory), with nv- before it for what is non-volatile. A container is i/o too: JSON tells kinds
 * apart, as "type"; addresses are strings there, "0x...", for they need 64 bits. Regions that are
 * not enabled are left out, with all below them, unless MEMBUS_PRINT_DISABLED is given.
 *
 * region_print: one region and what is below it, its first byte shown at `start`; with
 *   MEMBUS_PRINT_JSON one object, without a line's end.
 * Errors: -EINVAL (unknown flags), -EIO (writing failed), -ENOMEM. Not from a listener's callback:
 * -EBUSY. The lock of transactions is held meanwhile.
 */
#define MEMBUS_PRINT_TREE     1u
#define MEMBUS_PRINT_DISABLED 2u
#define MEMBUS_PRINT_JSON     4u
MEMBUS_API int membus_spaces_print(FILE *out, unsigned flags);
MEMBUS_API int membus_space_print(struct membus_space *space, FILE *out, unsigned flags);
MEMBUS_API int membus_region_print(struct membus_region *region, FILE *out, uint64_t start,
                                   unsigned flags);

/*
 * Listeners (V5). Any member may be NULL. They are called at the outermost commit, with the lock
 * of transactions held, before readers see the new view, for each space and in this order:
 *
 *   begin; del for ranges that go, listeners of lowest priority first; then, highest priority
 *   first, in ascending addresses, add for ranges that come and keep for those that stay;
 *   log_start and log_stop for those that stay but whose `log` changed; the doorbells and
 *   windows that go and come; commit.
 *
 * Where nothing changed nothing is called, not even begin. `keep` is called for all unchanged
 * ranges of the view, and so makes a commit cost what exists: leave it NULL unless needed.
 * A listener must not change regions or spaces: -EBUSY.
 */
struct membus_listener_ops {
    void (*begin)(void *data);
    void (*commit)(void *data);
    void (*add)(void *data, const struct membus_range *range);
    void (*del)(void *data, const struct membus_range *range);
    void (*keep)(void *data, const struct membus_range *range);
    /* The clients of `range->log` changed from `old`: more log now, or fewer. */
    void (*log_start)(void *data, const struct membus_range *range, uint32_t old);
    void (*log_stop)(void *data, const struct membus_range *range, uint32_t old);
    /* Somebody takes a snapshot of this range: bring in what you know with
     * membus_region_log_mark(). */
    void (*log_sync)(void *data, const struct membus_range *range);
    void (*doorbell_add)(void *data, uint64_t addr, const struct membus_doorbell *doorbell);
    void (*doorbell_del)(void *data, uint64_t addr, const struct membus_doorbell *doorbell);
    void (*coalesce_add)(void *data, uint64_t addr, uint64_t size);
    void (*coalesce_del)(void *data, uint64_t addr, uint64_t size);
};
struct membus_listener;

/* Registers, and replays the current state: begin, add, log_start, doorbells, windows, commit.
 * Those of higher `priority` hear first of what comes, and last of what goes. On an error (-ENOMEM,
 * -ENOENT, -EBUSY) nothing was called, and nothing is registered. */
MEMBUS_API int membus_listener_new(struct membus_listener **listener, struct membus_space *space,
                                   int priority, const struct membus_listener_ops *ops, void *data);
/* Replays everything as removed, and deregisters: 0. -EBUSY, from within a listener's callback:
 * nothing is done. */
MEMBUS_API int membus_listener_delete(struct membus_listener *listener);

#ifdef __cplusplus
}
#endif

#endif
