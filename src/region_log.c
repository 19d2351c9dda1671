/* SPDX-License-Identifier: MIT */

/*
 * Dirty logs. A write sets its bits after its bytes are visible; a snapshot clears the bits
 * before its taker reads the bytes. So a write that the taker did not see left a bit for the next
 * snapshot:
 *
 *     writer: store bytes; full barrier; if the bit is clear, set it
 *     taker:  exchange bits with 0 (a full barrier); read bytes
 *
 * The barrier is what makes it safe to skip setting a bit that is set: without it the bit could
 * be read before the bytes leave the store buffer, and cleared in between.
 */

#include "region_internal.h"

#include <errno.h>
#include <stdlib.h>

#include <membus/access.h>

#define WORD_BITS 64u

struct membus_log_snapshot {
    uint64_t first; /* page */
    uint64_t pages;
    uint64_t bits[];
};

static uint64_t words_of(uint64_t pages)
{
    return pages / WORD_BITS + (pages % WORD_BITS != 0);
}

/* The bits of word `word` that belong to pages [first, last]. */
static uint64_t mask_of(uint64_t word, uint64_t first, uint64_t last)
{
    uint64_t mask = UINT64_MAX;

    if (word == first / WORD_BITS)
        mask &= UINT64_MAX << (first % WORD_BITS);
    if (word == last / WORD_BITS)
        mask &= UINT64_MAX >> (WORD_BITS - 1 - last % WORD_BITS);
    return mask;
}

static void set_pages(uint64_t *bitmap, uint64_t first, uint64_t last)
{
    for (uint64_t word = first / WORD_BITS; word <= last / WORD_BITS; word++) {
        uint64_t mask = mask_of(word, first, last);

        if (~__atomic_load_n(&bitmap[word], __ATOMIC_RELAXED) & mask)
            __atomic_fetch_or(&bitmap[word], mask, __ATOMIC_SEQ_CST);
    }
}

/* Clips [offset, offset + n) to the region's pages; false if nothing is left. */
static bool clip(const struct membus_log *log, uint64_t offset, uint64_t n, uint64_t *first,
                 uint64_t *last)
{
    if (n == 0 || offset / MEMBUS_LOG_PAGE >= log->pages)
        return false;
    if (n - 1 > UINT64_MAX - offset)
        n = UINT64_MAX - offset + 1;
    *first = offset / MEMBUS_LOG_PAGE;
    *last = (offset + (n - 1)) / MEMBUS_LOG_PAGE;
    if (*last >= log->pages)
        *last = log->pages - 1;
    return true;
}

void membus_log_written(struct membus_region *region, uint64_t offset, uint64_t n)
{
    const struct membus_log *log = membus_rcu_get(region->log);
    uint64_t first, last;

    if (!log || !clip(log, offset, n, &first, &last))
        return;
    membus_barrier_full(); /* the bytes before the bits: see above */
    for (unsigned c = 0; c < MEMBUS_LOG_CLIENTS; c++) {
        if (log->clients & (1u << c))
            set_pages(log->bitmap[c], first, last);
    }
}

void membus_region_log_mark(struct membus_region *region, uint64_t offset, uint64_t n)
{
    membus_rcu_lock();
    membus_log_written(region, offset, n);
    membus_rcu_unlock();
}

static void free_log(struct membus_deferred *deferred)
{
    struct membus_log *log = (struct membus_log *)deferred;

    free(log->garbage);
    free(log);
}

void membus_log_free(struct membus_region *region)
{
    struct membus_log *log = region->log;

    if (!log)
        return;
    for (unsigned c = 0; c < MEMBUS_LOG_CLIENTS; c++)
        free(log->bitmap[c]);
    free(log);
}

/* Puts `log` in place of the old one, which goes after a grace period. */
static void publish(struct membus_region *region, struct membus_log *log)
{
    struct membus_log *old = region->log;
    bool shown = (old ? old->clients : 0) != log->clients;

    membus_rcu_set(region->log, log);
    if (old)
        membus_rcu_defer(&old->deferred, free_log);
    if (shown)
        membus_change_mark_all(region);
}

static int add_client(struct membus_region *region, unsigned client)
{
    struct membus_log *log = calloc(1, sizeof(*log));

    if (!log)
        return -ENOMEM;
    if (region->log)
        *log = *region->log;
    log->garbage = NULL;
    log->pages = region->last_max / MEMBUS_LOG_PAGE + 1;
    if (!log->bitmap[client])
        log->bitmap[client] = calloc(words_of(log->pages), sizeof(uint64_t));
    if (!log->bitmap[client]) {
        free(log);
        return -ENOMEM;
    }
    log->starts[client]++;
    log->clients |= 1u << client;
    publish(region, log);
    return 0;
}

static int remove_client(struct membus_region *region, unsigned client)
{
    struct membus_log *old = region->log, *log;

    if (!old || !(old->clients & (1u << client)))
        return -EINVAL;
    log = malloc(sizeof(*log));
    if (!log)
        return -ENOMEM;
    *log = *old;
    if (--log->starts[client] == 0) {
        old->garbage = log->bitmap[client];
        log->bitmap[client] = NULL;
        log->clients &= ~(1u << client);
    }
    publish(region, log);
    return 0;
}

static bool can_log(const struct membus_region *region, unsigned client)
{
    return client < MEMBUS_LOG_CLIENTS && region->mapping.addr &&
           region->kind != MEMBUS_REGION_DEVICE && membus_region_has_memory(region);
}

int membus_region_log_start(struct membus_region *region, unsigned client)
{
    int error;

    if (!can_log(region, client))
        return -EINVAL;
    if (membus_rcu_reading() || membus_transaction_held())
        return -EDEADLK;
    error = membus_change_begin(region);
    if (error)
        return error;
    error = membus_change_end(add_client(region, client));
    if (!error)
        membus_rcu_wait(); /* those that did not see the log have stored their bytes */
    return error;
}

int membus_region_log_stop(struct membus_region *region, unsigned client)
{
    int error;

    if (!can_log(region, client))
        return -EINVAL;
    error = membus_change_begin(region);
    return error ? error : membus_change_end(remove_client(region, client));
}

/* Moves the bits of pages [first, last] from the bitmap to the snapshot. */
static void take(struct membus_log_snapshot *snapshot, uint64_t *bitmap, uint64_t first,
                 uint64_t last)
{
    uint64_t base = first / WORD_BITS;

    for (uint64_t word = base; word <= last / WORD_BITS; word++) {
        uint64_t mask = mask_of(word, first, last);
        uint64_t old = __atomic_fetch_and(&bitmap[word], ~mask, __ATOMIC_SEQ_CST);

        snapshot->bits[word - base] = old & mask;
    }
}

int membus_region_log_snapshot(struct membus_region *region, struct membus_log_snapshot **snapshot,
                               unsigned client, uint64_t offset, uint64_t n)
{
    struct membus_log_snapshot *s;
    uint64_t first = 0, last = 0;
    int error = membus_change_begin(region);

    if (error)
        return error;
    if (!can_log(region, client) || !region->log || !(region->log->clients & (1u << client)))
        return membus_change_end_own(-EINVAL);
    if (!clip(region->log, offset, n, &first, &last))
        return membus_change_end_own(-ERANGE);
    s = calloc(1, sizeof(*s) + (words_of(last - first + 1) + 1) * sizeof(uint64_t));
    if (!s)
        return membus_change_end_own(-ENOMEM);
    if (membus_region_hooks.log_sync)
        membus_region_hooks.log_sync(region);
    s->first = first;
    s->pages = last - first + 1;
    take(s, region->log->bitmap[client], first, last);
    *snapshot = s;
    return membus_change_end_own(0);
}

bool membus_log_snapshot_dirty(const struct membus_log_snapshot *snapshot, uint64_t offset,
                               uint64_t n)
{
    uint64_t base = snapshot->first / WORD_BITS;
    uint64_t first = offset / MEMBUS_LOG_PAGE;
    uint64_t end = snapshot->first + snapshot->pages - 1;
    uint64_t last;

    if (n == 0)
        return false;
    last = (n - 1 > UINT64_MAX - offset ? UINT64_MAX : offset + (n - 1)) / MEMBUS_LOG_PAGE;
    first = first > snapshot->first ? first : snapshot->first;
    last = last < end ? last : end;
    for (uint64_t page = first; page <= last; page++) {
        if (snapshot->bits[page / WORD_BITS - base] >> (page % WORD_BITS) & 1)
            return true;
    }
    return false;
}

uint64_t membus_log_snapshot_count(const struct membus_log_snapshot *snapshot)
{
    uint64_t base = snapshot->first / WORD_BITS;
    uint64_t words = (snapshot->first + snapshot->pages - 1) / WORD_BITS - base + 1, count = 0;

    for (uint64_t i = 0; i < words; i++)
        count += (uint64_t)__builtin_popcountll(snapshot->bits[i]);
    return count;
}

void membus_log_snapshot_free(struct membus_log_snapshot *snapshot)
{
    free(snapshot);
}
