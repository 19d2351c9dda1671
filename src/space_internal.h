/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_SPACE_INTERNAL_H
#define MEMBUS_SPACE_INTERNAL_H

/*
 * The space layer inside.
 *
 *   chunk    an immutable array of at most MEMBUS_CHUNK_MAX ranges
 *   version  a view at one moment: an array of chunks and of their first addresses. A commit
 *            makes a new version out of the old one's chunks and a few new ones (V3)
 *   view     the versions of one root, one after the other; spaces share it
 *
 * A version and the chunks that its successor did not take over are freed after a grace period.
 * Readers hold nothing; regions in a version outlive it (see region_internal.h).
 */

#include <membus/space.h>

#include "region_internal.h"

#define MEMBUS_CHUNK_MAX 64

/* A growing array of ranges. */
struct membus_ranges {
    struct membus_range *range;
    size_t count, capacity;
};

struct membus_chunk {
    uint32_t count;
    uint64_t owner;               /* id of the version that it was made for */
    struct membus_chunk *garbage; /* links those that go with a version */
    uint64_t start[MEMBUS_CHUNK_MAX]
        __attribute__((aligned(64))); /* of each range, for searching */
    struct membus_range range[];
};

struct membus_version {
    struct membus_deferred deferred;
    uint64_t id; /* never used again, so it names what a thread remembers */
    size_t ranges, chunks;
    struct membus_chunk **chunk;
    struct membus_chunk *garbage; /* chunks to free with it */
    bool last;                    /* of its view: all its chunks go with it */
    uint64_t first[];             /* of each chunk, its first address */
};

struct membus_view {
    struct membus_view *next_view;
    struct membus_region *root;
    unsigned spaces; /* that show it, or will after the commit under way */
    struct membus_version *version;
    struct membus_version *next;       /* made in a commit, not published yet */
    struct membus_window_pair *window; /* what `next` rendered anew: sorted, disjoint */
    size_t windows;
    struct membus_chunk *garbage; /* of the version, that `next` did not take over */
    bool all;                     /* it took over none */
};

/* A doorbell or a coalesced window where a space shows it. */
struct membus_attachment {
    uint64_t addr;
    uint64_t coalesced; /* size of the window; 0: a doorbell */
    struct membus_doorbell doorbell;
};

struct membus_attachments {
    struct membus_attachment *item;
    size_t count;
};

struct membus_listener {
    struct membus_listener *next; /* of lower or equal priority */
    struct membus_space *space;
    int priority;
    const struct membus_listener_ops *ops;
    void *data;
};

/* Waits for budget (membus/dma.h). */
struct membus_waiter {
    struct membus_waiter *next;
    struct membus_waiter *handle; /* what its owner has: a number, no address */
    size_t bytes;
    void (*wake)(void *data);
    void *data;
};

struct membus_space {
    struct membus_version *version; /* RCU; never NULL */
    uint64_t id;                    /* version->id, published after it */
    uint32_t slot;                  /* where threads remember its ranges: offset in membus_hits */
    uint8_t unassigned;             /* atomic */

    pthread_mutex_t bounce_lock; /* of the four below */
    size_t budget, used;
    struct membus_waiter *waiters;
    size_t maps; /* open, direct and bounced; atomic */

    /* For writers, under the lock of transactions. */
    struct membus_space *next;
    struct membus_region *root;
    struct membus_view *view, *next_view;
    bool moved;                        /* the root was set; next_view is to be found */
    struct membus_listener *listeners; /* highest priority first */
    struct membus_attachments attached, next_attached;
    bool attached_changed;
    struct membus_deferred deferred;
    char name[];
};

extern struct membus_space *membus_space_first; /* all, in the order of creation */
extern struct membus_version membus_version_empty;

/* space.c: it was not deleted; under the lock of transactions. */
bool membus_space_exists(const struct membus_space *space);

/* space_render.c: what `root` shows in [first, last], appended to `out` with neighbours merged. 0
 * or -ENOMEM. */
int membus_render(const struct membus_region *root, uint64_t first, uint64_t last,
                  struct membus_ranges *out);
/* Appends one range; merges it with the last if it continues it (V1). */
int membus_ranges_append(struct membus_ranges *out, const struct membus_range *range);
bool membus_ranges_grow(struct membus_ranges *out, size_t more);

/* space_view.c */
/* The range at `addr`, or NULL; then *gap_last is the last address without one. */
const struct membus_range *membus_version_find(const struct membus_version *version, uint64_t addr,
                                               uint64_t *gap_last);
/* Renders all of the view, or the windows of its root's watch, into view->next. 0 or -ENOMEM. */
int membus_view_render_all(struct membus_view *view);
int membus_view_render_windows(struct membus_view *view);
/* Takes back what render made. */
void membus_view_abandon(struct membus_view *view);
/* view->next becomes view->version; returns the old one, to be retired. */
struct membus_version *membus_view_advance(struct membus_view *view);
/* Frees it after a grace period. */
void membus_version_retire(struct membus_version *version);

/* A cursor over a version's ranges that touch a window, for going through two in step. */
struct membus_cursor {
    const struct membus_version *version;
    size_t chunk, index;
    uint64_t last; /* stop at ranges that start after it */
};
void membus_cursor_open(struct membus_cursor *cursor, const struct membus_version *version,
                        uint64_t first, uint64_t last);
/* NULL at the end. */
const struct membus_range *membus_cursor_get(const struct membus_cursor *cursor);
void membus_cursor_next(struct membus_cursor *cursor);

/* space_commit.c */
/* What the root comes to, or NULL for nothing. */
struct membus_region *membus_space_resolve(struct membus_region *root);
void membus_commit_init(void);

/* space_listener.c: the steps of a commit for one space. */
/* Finds the attachments that the space will have. 0 or -ENOMEM. */
int membus_listeners_prepare(struct membus_space *space, const struct membus_version *now,
                             const struct membus_window_pair *window, size_t windows);
void membus_listeners_abandon(struct membus_space *space);
void membus_listeners_announce(struct membus_space *space, const struct membus_version *old,
                               const struct membus_version *now,
                               const struct membus_window_pair *window, size_t windows);
void membus_listeners_log_sync(struct membus_region *region);

/* space_access.c: within a reader's section. */

/*
 * What a thread remembers of a space: the range it hit last, for one version of the view. While a
 * reader's section sees the space's id to be that version's, the range lives: whoever publishes
 * another version publishes its id before the old one is given up.
 */
struct membus_hit {
    uint64_t id; /* of the version; 0: nothing */
    uint64_t start;
    uint64_t read_room, write_room; /* offsets at which any value fits, if it may go directly to */
    uint8_t *memory;                /* at `start`: under no rule but the copy's, not logged */
    uint64_t span;                  /* last - start */
    const struct membus_range *range;
} __attribute__((aligned(64)));
#define MEMBUS_HITS 4 /* a power of two */
extern _Thread_local struct membus_hit membus_hits[MEMBUS_HITS]
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

MEMBUS_INLINE struct membus_hit *membus_hit_of(const struct membus_space *space)
{
    return (struct membus_hit *)((char *)membus_hits + space->slot);
}

/* The range at `addr`, or NULL; *span = how far from `addr` on it, or what is unassigned, goes,
 * minus 1. */
const struct membus_range *membus_space_hit(struct membus_space *space,
                                            const struct membus_version *version, uint64_t addr,
                                            uint64_t *span);

/* An access under way. */
struct membus_job {
    struct membus_attrs attrs;
    bool write;
    bool fill; /* write `value` again and again instead of what is at `buf` */
    uint8_t value;
    unsigned iommus; /* passed */
    uint8_t *buf;    /* of what is next */
    uint64_t at;     /* address of what is next, in the space first asked */
    struct membus_outcome outcome;
};

/* Makes the access to [addr, addr + len), which does not wrap; len > 0. */
void membus_job_run(struct membus_job *job, struct membus_space *space, uint64_t addr,
                    uint64_t len);
/* The next `n` bytes have this status. */
void membus_job_step(struct membus_job *job, enum membus_status status, uint64_t n);

/* Translates for `access`; false if it is denied. entry->mask is valid in any case. */
bool membus_iommu_translate(const struct membus_region *region, struct membus_iommu_entry *entry,
                            uint64_t offset, unsigned access, struct membus_attrs attrs);

/* space_callback.c: one piece at `addr` of a range with callbacks, of at most `len` bytes.
 * Returns its size. */
uint64_t membus_callback_piece(struct membus_job *job, const struct membus_range *range,
                               uint64_t addr, uint64_t len);
void membus_callback_init(void);

/* At most n bytes, of which at most span + 1 in one go. */
MEMBUS_INLINE uint64_t membus_within(uint64_t n, uint64_t span)
{
    return n - 1 <= span ? n : span + 1;
}

/* May memory be read (written) directly in this range? */
MEMBUS_INLINE bool membus_range_direct(const struct membus_range *range, bool write)
{
    uint32_t need = MEMBUS_RANGE_MEMORY | (write ? MEMBUS_RANGE_WRITABLE : MEMBUS_RANGE_DIRECT);

    return (range->flags & need) == need;
}

/* Memory without rules of its own: the copy's alone hold. */
/* The job's next n bytes to or from guarded memory; moves nothing on in the job. */
struct membus_result membus_job_guarded(const struct membus_job *job,
                                        const struct membus_mapping *m, size_t offset, size_t n);

MEMBUS_INLINE bool membus_mapping_is_ram(const struct membus_mapping *m)
{
    return m->mode == MEMBUS_CACHE_NORMAL && m->policy.width_min <= 1 && m->policy.width_max == 0 &&
           !m->policy.aligned && !m->policy.no_vector;
}

#endif
