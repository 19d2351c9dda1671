/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_REGION_INTERNAL_H
#define MEMBUS_REGION_INTERNAL_H

/*
 * The region layer inside. It knows no spaces: a region that is the root of one carries a
 * *watch*, in which changes below it leave the windows of addresses that they touched; at the
 * outermost commit the layer above renders those windows again (membus_region_hooks).
 *
 * References: the creator, a container, an alias on its target, a space on its root, a DMA
 * mapping. Those that make a region visible to readers (all but the first and the last) are
 * dropped only after the commit that hides it and a grace period: so nothing in a view needs to
 * be counted.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/region.h>

#include "rcu.h"

#define MEMBUS_WINDOWS_MAX 65536 /* windows of one commit; beyond, all is rendered */

struct membus_window_pair {
    uint64_t first, last;
};

/* The windows of addresses that changed since the last commit, unsorted. */
struct membus_watch {
    unsigned users; /* spaces and views */
    bool touched;   /* something changed, maybe outside all windows */
    bool all;       /* everything changed: windows are not kept */
    struct membus_window_pair *window;
    size_t count, capacity;
};

/* Doorbells of a region, sorted by offset; immutable once published. */
struct membus_doorbells {
    struct membus_deferred deferred;
    size_t count;
    struct membus_doorbell doorbell[];
};

struct membus_coalesced; /* region_coalesce.c */

/* The dirty logs of a region; the struct is immutable once published, the bitmaps are not. */
struct membus_log {
    struct membus_deferred deferred;
    uint32_t clients; /* bit c: bitmap c is there */
    uint64_t pages;
    unsigned starts[MEMBUS_LOG_CLIENTS];
    uint64_t *bitmap[MEMBUS_LOG_CLIENTS];
    uint64_t *garbage; /* a bitmap to free together with this */
};

struct membus_notifiers; /* region_iommu.c */

struct membus_region {
    /* For readers: constant, or atomic, while the region is in a view. */
    uint8_t kind;
    bool reentrant;
    bool guarded;       /* its memory may vanish */
    const void *device; /* key of the guard: what was set, or the region itself */
    const struct membus_region_ops *ops;
    const struct membus_iommu_ops *iommu;
    void *data;
    void (*lock)(void *data);
    void (*unlock)(void *data);
    void *lock_data;
    struct membus_mapping mapping;
    struct membus_doorbells *doorbells; /* RCU */
    struct membus_coalesced *coalesced; /* RCU; stays once there */
    struct membus_log *log;             /* RCU */
    struct membus_notifiers *notifiers; /* RCU */
    unsigned refs;                      /* atomic */

    /* For writers, under the lock of transactions. */
    bool enabled, readonly, nonvolatile, direct, deleted;
    uint8_t height; /* at least the containers and aliases below it */
    int priority;
    uint32_t heap; /* the treap's random key */
    uint64_t last;
    uint64_t offset;
    uint64_t order; /* counts additions: the later is higher (R1) */
    uint64_t weight;
    uint64_t gain; /* weight that the change being checked would add; 0 otherwise */
    struct membus_region *container;
    struct membus_region *left, *right; /* among its siblings */
    uint64_t max_last;                  /* greatest end below this node of the siblings' tree */
    struct membus_region *children;     /* root of their tree */
    size_t enabled_children;
    struct membus_region *target; /* of an alias */
    uint64_t target_offset;
    struct membus_region *aliases;                  /* first alias of this region */
    struct membus_region *next_alias, **alias_link; /* among the aliases of the target */
    struct membus_watch *watch;
    unsigned roots; /* spaces that have it as root */

    void (*release)(void *data);
    void *release_data;
    size_t mapped; /* bytes to unmap; 0 = not ours */
    int fd;        /* -1 = none */
    uint64_t fd_offset;
    uint64_t last_max; /* of resizable RAM; else the size cannot change */
    bool resizable;
    char name[];
};

MEMBUS_INLINE bool membus_region_has_callbacks(const struct membus_region *region)
{
    return region->kind == MEMBUS_REGION_IO || region->kind == MEMBUS_REGION_ROM_DEVICE;
}

MEMBUS_INLINE bool membus_region_has_memory(const struct membus_region *region)
{
    return region->kind == MEMBUS_REGION_RAM || region->kind == MEMBUS_REGION_ROM_DEVICE ||
           region->kind == MEMBUS_REGION_DEVICE;
}

/* Does it answer by itself, between its subregions? */
MEMBUS_INLINE bool membus_region_answers(const struct membus_region *region)
{
    return region->kind != MEMBUS_REGION_CONTAINER && region->kind != MEMBUS_REGION_ALIAS;
}

/* region.c */
int membus_region_create(struct membus_region **region, const char *name,
                         enum membus_region_kind kind, uint64_t size);
/* Gives up a region that nobody has seen. */
void membus_region_discard(struct membus_region *region);
/* Within a transaction: what membus_region_delete() does, to all of them or, on error, to none. */
int membus_regions_strike(struct membus_region *const *region, size_t n);

/* region_tree.c: the siblings' tree, ordered by offset; a node knows the greatest end below it. */
void membus_tree_insert(struct membus_region *container, struct membus_region *sub);
void membus_tree_remove(struct membus_region *container, struct membus_region *sub);
/* Calls `each` for the children that touch [first, last], ascending, until it returns non-zero. */
int membus_tree_overlap(struct membus_region *container, uint64_t first, uint64_t last,
                        int (*each)(void *data, struct membus_region *sub), void *data);

/* region_change.c: within a transaction. */

/* Begins, and checks that the region is not deleted; on error nothing is to be ended. */
int membus_change_begin(const struct membus_region *region);
/* Ends it; `error` wins over the commit's own. */
int membus_change_end(int error);
/* The same for what changes no view by itself, such as making a listener: the result is `error`
 * alone. That a commit of earlier changes fails was told to those who made them; told here it would
 * say that what was made is not there. */
int membus_change_end_own(int error);
/* What the region shows in [first, last] changes: call it before and after. */
void membus_change_mark(struct membus_region *region, uint64_t first, uint64_t last);
/* The same for all of it. */
void membus_change_mark_all(struct membus_region *region);
/* The sizes changed: what spaces' roots come to must be found again. */
void membus_change_resolve(void);
/* Makes room for `n` calls of membus_change_drop(). */
int membus_change_reserve_drops(size_t n);
/* Drops a reference that made the region visible, after the commit. */
void membus_change_drop(struct membus_region *region);
/* Delivers the region's coalesced writes after the outermost commit. 0 or -ENOMEM. */
int membus_change_flush_later(struct membus_region *region);
/* May `parent` (a container, an alias) get `sub` below it? 0, -ELOOP, -E2BIG. */
int membus_change_check(struct membus_region *parent, struct membus_region *sub);
/* It did; it no longer has it. */
void membus_change_linked(struct membus_region *parent, struct membus_region *sub);
void membus_change_unlinked(struct membus_region *parent, struct membus_region *sub);
/* Begins and ends watching a root. */
int membus_watch_get(struct membus_region *region);
void membus_watch_put(struct membus_region *region);
void membus_watch_clear(struct membus_watch *watch);
/* From now on, changes are refused: listeners are being called. */
void membus_transaction_announce(bool announcing);
/* True in the thread that holds the lock of transactions. */
bool membus_transaction_held(void);

/* What the space layer does at the outermost commit. */
struct membus_region_hooks {
    int (*commit)(bool resolve); /* 0 or -ENOMEM with nothing changed */
    void (*log_sync)(struct membus_region *region);
};
extern struct membus_region_hooks membus_region_hooks;

/* region_log.c: bytes were written; on the access path. */
void membus_log_written(struct membus_region *region, uint64_t offset, uint64_t n);
void membus_log_free(struct membus_region *region);

/* region_doorbell.c: rings the doorbell that matches; true if there is one. */
bool membus_doorbell_ring(const struct membus_doorbells *doorbells, uint64_t offset, uint64_t value,
                          unsigned size);

/* region_callback.c: around each call of a callback, by the thread that makes it. */

/* For an access: false where the guard denies it (A8), or the callbacks nest too deep. */
bool membus_callback_enter(const struct membus_region *region);
/* For what is no access, and so passes the guard: false only where they nest too deep. */
bool membus_callback_nest(const struct membus_region *region);
/* Ends what enter or nest began. */
void membus_callback_leave(void);
/* How many have been begun and not ended by this thread. */
unsigned membus_callback_depth(void);
/* The region's own lock, if it names one. */
void membus_callback_lock(const struct membus_region *region);
void membus_callback_unlock(const struct membus_region *region);

/* region_coalesce.c */
struct membus_coalesced_window {
    uint64_t offset, size;
};
/* A callback's write that is held back. The region's lock is held. */
typedef void membus_coalesced_deliver(struct membus_region *region, uint64_t offset, uint64_t value,
                                      unsigned size, struct membus_attrs attrs);
/* How held writes reach the callbacks; set by the space layer. */
extern membus_coalesced_deliver *membus_coalesced_deliver_hook;
/* Holds the write back if it is in a window; else delivers what is held, and returns false. By an
 * access that has entered the region. */
bool membus_coalesced_write(struct membus_region *region, uint64_t offset, uint64_t value,
                            unsigned size, struct membus_attrs attrs);
/* Delivers what is held. `callbacks`: how many this thread has entered itself for that. */
void membus_coalesced_flush(struct membus_region *region, unsigned callbacks);
void membus_coalesced_free(struct membus_region *region);
/* The windows, under the lock of transactions; *windows is NULL for none. */
size_t membus_coalesced_windows(const struct membus_region *region,
                                const struct membus_coalesced_window **windows);

/* region_iommu.c */
void membus_notifiers_free(struct membus_region *region);

#endif
