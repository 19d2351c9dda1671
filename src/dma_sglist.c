/* SPDX-License-Identifier: MIT */

/* Scatter-gather lists (D4). */

#include "dma_internal.h"

#include <errno.h>
#include <stdlib.h>

struct piece {
    uint64_t addr, len;
};

struct membus_sglist {
    struct membus_space *space;
    struct membus_attrs attrs;
    uint64_t size;
    size_t count, capacity;
    struct piece *piece;
};

int membus_sglist_new(struct membus_sglist **list, struct membus_space *space,
                      struct membus_attrs attrs)
{
    struct membus_sglist *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->space = space;
    l->attrs = attrs;
    *list = l;
    return 0;
}

void membus_sglist_delete(struct membus_sglist *list)
{
    if (!list)
        return;
    free(list->piece);
    free(list);
}

static int grow(struct membus_sglist *list)
{
    size_t capacity = list->capacity ? 2 * list->capacity : 8;
    void *bigger;

    if (list->count == MEMBUS_SGLIST_MAX)
        return -E2BIG;
    bigger = realloc(list->piece, capacity * sizeof(*list->piece));
    if (!bigger)
        return -ENOMEM;
    list->piece = bigger;
    list->capacity = capacity;
    return 0;
}

int membus_sglist_add(struct membus_sglist *list, uint64_t addr, uint64_t len)
{
    struct piece *last = list->count ? &list->piece[list->count - 1] : NULL;
    int error;

    if (len == 0)
        return 0;
    if (len - 1 > UINT64_MAX - addr || len > UINT64_MAX - list->size)
        return -EOVERFLOW;
    if (last && last->addr + last->len == addr && addr) {
        last->len += len;
        list->size += len;
        return 0;
    }
    error = list->count == list->capacity || list->count == MEMBUS_SGLIST_MAX ? grow(list) : 0;
    if (error)
        return error;
    list->piece[list->count++] = (struct piece){addr, len};
    list->size += len;
    return 0;
}

uint64_t membus_sglist_size(const struct membus_sglist *list)
{
    return list->size;
}

size_t membus_sglist_count(const struct membus_sglist *list)
{
    return list->count;
}

static void collect(struct membus_outcome *all, const struct membus_outcome *one)
{
    if (all->status == MEMBUS_STATUS_OK && one->status != MEMBUS_STATUS_OK) {
        all->status = one->status;
        all->addr = one->addr;
    }
    all->bytes += one->bytes;
}

/* Reads or writes [offset, offset + len) of the list. */
static struct membus_outcome access_list(struct membus_sglist *list, bool write, uint8_t *buf,
                                         size_t len, uint64_t offset)
{
    struct membus_outcome all = {MEMBUS_STATUS_OK, 0, 0};

    if (offset > list->size || len > list->size - offset) {
        all.status = MEMBUS_STATUS_RANGE;
        return all;
    }
    for (size_t i = 0; len; i++) {
        const struct piece *p = &list->piece[i];
        struct membus_outcome one;
        size_t n;

        if (offset >= p->len) {
            offset -= p->len;
            continue;
        }
        n = len < p->len - offset ? len : (size_t)(p->len - offset);
        one = write ? membus_space_write(list->space, p->addr + offset, buf, n, list->attrs)
                    : membus_space_read(list->space, buf, n, p->addr + offset, list->attrs);
        collect(&all, &one);
        buf += n;
        len -= n;
        offset = 0;
    }
    return all;
}

struct membus_outcome membus_sglist_read(struct membus_sglist *list, void *buf, size_t len,
                                         uint64_t offset)
{
    return access_list(list, false, buf, len, offset);
}

struct membus_outcome membus_sglist_write(struct membus_sglist *list, uint64_t offset,
                                          const void *buf, size_t len)
{
    return access_list(list, true, (uint8_t *)(uintptr_t)buf, len, offset);
}

/* The next map of a list whose maps hold *held bytes of the budget. One that can never be had
 * together with them is not worth waiting for. */
static struct membus_outcome open_next(struct membus_sglist *list, struct membus_map *map,
                                       uint64_t addr, uint64_t len, unsigned flags, size_t *held)
{
    struct membus_outcome outcome =
        membus_map_open(map, list->space, addr, len, flags, list->attrs);

    if (outcome.status == MEMBUS_STATUS_OK && map->bounced)
        *held += map->mapping.size;
    if (outcome.status == MEMBUS_STATUS_BUDGET &&
        !membus_budget_fits(list->space, *held, map->mapping.size))
        outcome.status = MEMBUS_STATUS_INVALID;
    return outcome;
}

struct membus_outcome membus_sglist_map(struct membus_sglist *list, struct membus_map *maps,
                                        size_t max, size_t *count, unsigned flags)
{
    struct membus_outcome outcome = {MEMBUS_STATUS_OK, 0, 0};
    uint64_t total = 0;
    size_t n = 0, held = 0;

    for (size_t i = 0; i < list->count && outcome.status == MEMBUS_STATUS_OK; i++) {
        uint64_t addr = list->piece[i].addr, left = list->piece[i].len;

        while (left && outcome.status == MEMBUS_STATUS_OK) {
            if (n == max) {
                outcome = (struct membus_outcome){MEMBUS_STATUS_RANGE, addr, 0};
                break;
            }
            outcome = open_next(list, &maps[n], addr, left, flags, &held);
            if (outcome.status != MEMBUS_STATUS_OK)
                break;
            n++;
            addr += outcome.bytes;
            left -= outcome.bytes;
            total += outcome.bytes;
        }
    }
    *count = n;
    if (outcome.status == MEMBUS_STATUS_OK) {
        outcome.bytes = total;
        return outcome;
    }
    while (n)
        membus_map_close(&maps[--n], 0);
    *count = 0;
    outcome.bytes = 0;
    return outcome;
}

struct membus_outcome membus_sglist_unmap(struct membus_sglist *list, struct membus_map *maps,
                                          size_t count, uint64_t written)
{
    struct membus_outcome all = {MEMBUS_STATUS_OK, 0, 0};

    (void)list;
    for (size_t i = 0; i < count; i++) {
        size_t size = maps[i].mapping.size;
        uint64_t n = written < size ? written : size;
        struct membus_outcome one = membus_map_close(&maps[i], n);

        collect(&all, &one);
        written -= n;
    }
    return all;
}
