/* SPDX-License-Identifier: MIT */

/*
 * Versions of views: chunks of ranges, found by two binary searches, and how a version is made
 * from the one before by rendering only some windows of it (V3).
 *
 * A window is first widened to whole ranges of the old version, including those that merely touch
 * it. Then no range has to be cut, none outside can merge with one inside, and all that a range
 * says (its extent, too) comes from one rendering: the result is what rendering everything gives.
 */

#include "space_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SMALL 16 /* fewer ranges than this are put together with a neighbour */

struct membus_version membus_version_empty = {.id = 1};

static uint64_t last_id = 1; /* 0 is what a thread remembers at first: nothing */

/* Finding. */

/* Index of the chunk whose addresses include `addr`; 0 if none does. */
static size_t find_chunk(const struct membus_version *version, uint64_t addr)
{
    const uint64_t *first = version->first;
    size_t n = version->chunks;

    while (n > 1) {
        size_t half = n / 2;

        first = first[half] <= addr ? first + half : first;
        n -= half;
    }
    return (size_t)(first - version->first);
}

/*
 * Index of the last range in the chunk that starts at `addr` or before; 0 if none does. A search
 * waits for each of its probes; asked for at once, the cache lines of the starts come together.
 */
static size_t find_in_chunk(const struct membus_chunk *chunk, uint64_t addr)
{
    const uint64_t *start = chunk->start;
    size_t n = chunk->count;

    for (size_t i = 8; i < n; i += 8)
        __builtin_prefetch(&start[i]);
    while (n > 1) {
        size_t half = n / 2;

        start = start[half] <= addr ? start + half : start;
        n -= half;
    }
    return (size_t)(start - chunk->start);
}

const struct membus_range *membus_version_find(const struct membus_version *version, uint64_t addr,
                                               uint64_t *gap_last)
{
    const struct membus_chunk *chunk;
    const struct membus_range *range;
    size_t c, i;

    *gap_last = UINT64_MAX;
    if (version->chunks == 0)
        return NULL;
    c = find_chunk(version, addr);
    chunk = version->chunk[c];
    i = find_in_chunk(chunk, addr);
    range = &chunk->range[i];
    if (addr >= range->start && addr <= range->last)
        return range;
    if (addr < range->start)
        *gap_last = range->start - 1;
    else if (i + 1 < chunk->count)
        *gap_last = range[1].start - 1;
    else if (c + 1 < version->chunks)
        *gap_last = version->first[c + 1] - 1;
    return NULL;
}

/* Going through. */

void membus_cursor_open(struct membus_cursor *cursor, const struct membus_version *version,
                        uint64_t first, uint64_t last)
{
    *cursor = (struct membus_cursor){.version = version, .last = last};
    if (version->chunks == 0)
        return;
    cursor->chunk = find_chunk(version, first);
    cursor->index = find_in_chunk(version->chunk[cursor->chunk], first);
    if (version->chunk[cursor->chunk]->range[cursor->index].last < first)
        membus_cursor_next(cursor);
}

const struct membus_range *membus_cursor_get(const struct membus_cursor *cursor)
{
    const struct membus_range *range;

    if (cursor->chunk >= cursor->version->chunks)
        return NULL;
    range = &cursor->version->chunk[cursor->chunk]->range[cursor->index];
    return range->start <= cursor->last ? range : NULL;
}

void membus_cursor_next(struct membus_cursor *cursor)
{
    if (++cursor->index == cursor->version->chunk[cursor->chunk]->count) {
        cursor->chunk++;
        cursor->index = 0;
    }
}

/* Making. */

/* A version being made: chunks so far, ranges that are in none yet, and how far the old version
 * has been used up. */
struct builder {
    const struct membus_version *old;
    size_t old_chunk, old_index;
    struct membus_ranges pending;
    struct membus_chunk **chunk;
    uint64_t *first;
    size_t chunks, capacity, ranges;
    struct membus_chunk *garbage;
    uint64_t id;
    int error;
};

static void builder_reserve(struct builder *b, size_t more)
{
    size_t capacity = b->chunks + more + b->capacity / 2;
    void *chunk, *first;

    if (b->error || more <= b->capacity - b->chunks)
        return;
    chunk = realloc(b->chunk, capacity * sizeof(*b->chunk));
    if (chunk)
        b->chunk = chunk;
    first = realloc(b->first, capacity * sizeof(*b->first));
    if (first)
        b->first = first;
    if (chunk && first)
        b->capacity = capacity;
    else
        b->error = -ENOMEM;
}

static void builder_chunk(struct builder *b, const struct membus_range *range, size_t count)
{
    struct membus_chunk *chunk;

    builder_reserve(b, 1);
    if (b->error)
        return;
    chunk = aligned_alloc(64, (sizeof(*chunk) + count * sizeof(*range) + 63) & ~(size_t)63);
    if (!chunk) {
        b->error = -ENOMEM;
        return;
    }
    chunk->count = (uint32_t)count;
    chunk->owner = b->id;
    chunk->garbage = NULL;
    for (size_t i = 0; i < count; i++) {
        chunk->start[i] = range[i].start;
        chunk->range[i] = range[i];
    }
    b->first[b->chunks] = range[0].start;
    b->chunk[b->chunks++] = chunk;
    b->ranges += count;
}

/* Makes chunks of what is pending, all about the same size. */
static void builder_flush(struct builder *b)
{
    size_t count = b->pending.count, done = 0;
    size_t chunks = (count + MEMBUS_CHUNK_MAX - 1) / MEMBUS_CHUNK_MAX;

    for (size_t i = 0; i < chunks && !b->error; i++) {
        size_t end = count * (i + 1) / chunks;

        builder_chunk(b, b->pending.range + done, end - done);
        done = end;
    }
    b->pending.count = 0;
}

static void builder_append(struct builder *b, const struct membus_range *range)
{
    if (!b->error)
        b->error = membus_ranges_append(&b->pending, range);
}

/* Done with the old chunk at hand, which is not taken over. */
static void builder_leave_chunk(struct builder *b)
{
    struct membus_chunk *chunk = b->old->chunk[b->old_chunk++];

    b->old_index = 0;
    b->ranges -= chunk->count;
    chunk->garbage = b->garbage;
    b->garbage = chunk;
}

/* Copies ranges of the old chunk at hand, up to number `end`. */
static void builder_copy(struct builder *b, size_t end)
{
    const struct membus_chunk *chunk = b->old->chunk[b->old_chunk];

    for (; b->old_index < end; b->old_index++)
        builder_append(b, &chunk->range[b->old_index]);
    if (end == chunk->count)
        builder_leave_chunk(b);
}

/* Takes over old chunks, up to number `end`; a few of them may be put into `pending` first. */
static void builder_share(struct builder *b, size_t end)
{
    size_t n;

    while (b->old_chunk < end && b->pending.count && b->pending.count < CHUNK_SMALL)
        builder_copy(b, b->old->chunk[b->old_chunk]->count);
    if (b->old_chunk >= end)
        return;
    builder_flush(b);
    n = end - b->old_chunk;
    builder_reserve(b, n);
    if (b->error)
        return;
    memcpy(b->chunk + b->chunks, b->old->chunk + b->old_chunk, n * sizeof(*b->chunk));
    memcpy(b->first + b->chunks, b->old->first + b->old_chunk, n * sizeof(*b->first));
    b->chunks += n;
    b->old_chunk = end;
}

/* Keeps all old ranges before number `index` of chunk `chunk`. */
static void builder_keep(struct builder *b, size_t chunk, size_t index)
{
    if (b->old_chunk < chunk && b->old_index)
        builder_copy(b, b->old->chunk[b->old_chunk]->count);
    if (index == 0 && chunk > b->old_chunk) {
        /* What comes next joins the chunk before, or many small chunks would pile up. */
        chunk--;
        index = b->old->chunk[chunk]->count;
    }
    builder_share(b, chunk);
    if (chunk == b->old_chunk && index)
        builder_copy(b, index);
}

/* Keeps what is before the window, and skips what is in it. */
static void builder_open_window(struct builder *b, const struct membus_window_pair *window)
{
    struct membus_cursor cursor;

    membus_cursor_open(&cursor, b->old, window->first, window->last);
    if (cursor.version->chunks)
        builder_keep(b, cursor.chunk, cursor.index);
    while (!b->error && b->old_chunk < b->old->chunks) {
        const struct membus_chunk *chunk = b->old->chunk[b->old_chunk];

        if (chunk->range[b->old_index].start > window->last)
            break;
        if (++b->old_index == chunk->count)
            builder_leave_chunk(b);
    }
}

static void builder_rest(struct builder *b)
{
    if (b->old_index)
        builder_copy(b, b->old->chunk[b->old_chunk]->count);
    builder_share(b, b->old->chunks);
    builder_flush(b);
}

/* The version, or NULL with error set. Frees all else. */
static struct membus_version *builder_finish(struct builder *b)
{
    size_t chunks = b->chunks;
    struct membus_version *v = NULL;

    if (!b->error)
        v = malloc(sizeof(*v) + chunks * (sizeof(v->first[0]) + sizeof(v->chunk[0])));
    if (v) {
        *v = (struct membus_version){.id = b->id, .ranges = b->ranges, .chunks = chunks};
        v->chunk = (struct membus_chunk **)(v->first + chunks);
        if (chunks) {
            memcpy(v->first, b->first, chunks * sizeof(v->first[0]));
            memcpy(v->chunk, b->chunk, chunks * sizeof(v->chunk[0]));
        }
    } else {
        b->error = -ENOMEM;
        for (size_t i = 0; i < chunks; i++) {
            if (b->chunk[i]->owner == b->id)
                free(b->chunk[i]);
        }
    }
    free(b->pending.range);
    free(b->chunk);
    free(b->first);
    return v;
}

/* Windows. */

static int by_first(const void *a, const void *b)
{
    const struct membus_window_pair *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/* Merges sorted windows that overlap or touch; returns how many are left. */
static size_t merge_windows(struct membus_window_pair *w, size_t count)
{
    size_t n = 0;

    for (size_t i = 1; i < count; i++) {
        if (w[n].last == UINT64_MAX || w[i].first <= w[n].last + 1)
            w[n].last = w[i].last > w[n].last ? w[i].last : w[n].last;
        else
            w[++n] = w[i];
    }
    return count ? n + 1 : 0;
}

/* To whole ranges of the old version, with those that touch it. */
static void widen(struct membus_window_pair *w, const struct membus_version *old)
{
    const struct membus_range *range;
    uint64_t gap;

    range = membus_version_find(old, w->first ? w->first - 1 : 0, &gap);
    if (range && range->start < w->first)
        w->first = range->start;
    range = membus_version_find(old, w->last != UINT64_MAX ? w->last + 1 : w->last, &gap);
    if (range && range->last > w->last)
        w->last = range->last;
}

static int find_windows(struct membus_view *view)
{
    const struct membus_watch *watch = view->root->watch;
    struct membus_window_pair *w = malloc(watch->count * sizeof(*w));

    if (!w)
        return -ENOMEM;
    memcpy(w, watch->window, watch->count * sizeof(*w));
    for (size_t i = 0; i < watch->count; i++)
        widen(&w[i], view->version);
    qsort(w, watch->count, sizeof(*w), by_first);
    view->windows = merge_windows(w, watch->count);
    view->window = w;
    return 0;
}

static int whole_window(struct membus_view *view)
{
    view->window = malloc(sizeof(*view->window));
    if (!view->window)
        return -ENOMEM;
    *view->window = (struct membus_window_pair){0, UINT64_MAX};
    view->windows = 1;
    return 0;
}

/* Rendering a view. */

int membus_view_render_all(struct membus_view *view)
{
    struct builder b = {.old = &membus_version_empty, .id = ++last_id};

    b.error = whole_window(view);
    if (!b.error)
        b.error = membus_render(view->root, 0, UINT64_MAX, &b.pending);
    if (!b.error)
        builder_flush(&b);
    view->next = builder_finish(&b);
    view->all = true;
    if (!view->next)
        membus_view_abandon(view);
    return b.error;
}

int membus_view_render_windows(struct membus_view *view)
{
    struct builder b = {.old = view->version, .ranges = view->version->ranges, .id = ++last_id};

    b.error = find_windows(view);
    if (!b.error)
        builder_reserve(&b, view->version->chunks + 4);
    for (size_t i = 0; i < view->windows && !b.error; i++) {
        builder_open_window(&b, &view->window[i]);
        if (!b.error)
            b.error =
                membus_render(view->root, view->window[i].first, view->window[i].last, &b.pending);
    }
    if (!b.error)
        builder_rest(&b);
    view->next = builder_finish(&b);
    view->garbage = b.garbage;
    view->all = false;
    if (!view->next)
        membus_view_abandon(view);
    return b.error;
}

static void free_own_chunks(struct membus_version *version)
{
    for (size_t i = 0; i < version->chunks; i++) {
        if (version->chunk[i]->owner == version->id)
            free(version->chunk[i]);
    }
}

void membus_view_abandon(struct membus_view *view)
{
    if (view->next) {
        free_own_chunks(view->next);
        free(view->next);
    }
    free(view->window);
    view->next = NULL;
    view->window = NULL;
    view->windows = 0;
    view->garbage = NULL;
}

struct membus_version *membus_view_advance(struct membus_view *view)
{
    struct membus_version *old = view->version;

    if (old) {
        old->garbage = view->garbage;
        old->last = view->all;
    }
    view->version = view->next;
    view->next = NULL;
    free(view->window);
    view->window = NULL;
    view->windows = 0;
    view->garbage = NULL;
    return old;
}

static void free_version(struct membus_deferred *deferred)
{
    struct membus_version *version = (struct membus_version *)deferred;
    struct membus_chunk *chunk, *next;

    for (size_t i = 0; version->last && i < version->chunks; i++)
        free(version->chunk[i]);
    for (chunk = version->garbage; chunk; chunk = next) {
        next = chunk->garbage;
        free(chunk);
    }
    free(version);
}

void membus_version_retire(struct membus_version *version)
{
    membus_rcu_defer(&version->deferred, free_version);
}
