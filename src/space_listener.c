/* SPDX-License-Identifier: MIT */

/* Listeners: telling them how two versions of a view differ (V5). */

#include "space_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct membus_range *a, const struct membus_range *b)
{
    return a->start == b->start && a->last == b->last && a->region == b->region &&
           a->offset == b->offset && a->flags == b->flags;
}

/* One step through two versions: what goes, stays or comes next. */
enum step { STEP_END, STEP_GOES, STEP_COMES, STEP_STAYS };

static enum step step(const struct membus_cursor *old, const struct membus_cursor *now,
                      const struct membus_range **was, const struct membus_range **is)
{
    const struct membus_range *a = membus_cursor_get(old), *b = membus_cursor_get(now);

    *was = a;
    *is = b;
    if (!a && !b)
        return STEP_END;
    if (a && b && same(a, b))
        return STEP_STAYS;
    return a && (!b || a->start <= b->start) ? STEP_GOES : STEP_COMES;
}

static void advance(struct membus_cursor *old, struct membus_cursor *now, enum step step)
{
    if (step != STEP_COMES)
        membus_cursor_next(old);
    if (step != STEP_GOES)
        membus_cursor_next(now);
}

/* Calling. */

static void call_del(struct membus_listener *l, const struct membus_range *range)
{
    if (!l)
        return;
    call_del(l->next, range); /* lowest priority first */
    if (l->ops->del)
        l->ops->del(l->data, range);
}

static void call_add(struct membus_listener *l, const struct membus_range *range)
{
    for (; l; l = l->next) {
        if (l->ops->add)
            l->ops->add(l->data, range);
        if (l->ops->log_start && range->log)
            l->ops->log_start(l->data, range, 0);
    }
}

static void call_keep(struct membus_listener *l, const struct membus_range *range, uint32_t old)
{
    for (; l; l = l->next) {
        if (l->ops->keep)
            l->ops->keep(l->data, range);
        if (l->ops->log_start && (range->log & ~old))
            l->ops->log_start(l->data, range, old);
        if (l->ops->log_stop && (old & ~range->log))
            l->ops->log_stop(l->data, range, old);
    }
}

static void call_begin(struct membus_listener *l)
{
    for (; l; l = l->next) {
        if (l->ops->begin)
            l->ops->begin(l->data);
    }
}

static void call_commit(struct membus_listener *l)
{
    for (; l; l = l->next) {
        if (l->ops->commit)
            l->ops->commit(l->data);
    }
}

static void call_attachment(struct membus_listener *l, const struct membus_attachment *a, bool add)
{
    for (; l; l = l->next) {
        const struct membus_listener_ops *ops = l->ops;

        if (a->coalesced && (add ? ops->coalesce_add : ops->coalesce_del))
            (add ? ops->coalesce_add : ops->coalesce_del)(l->data, a->addr, a->coalesced);
        if (!a->coalesced && (add ? ops->doorbell_add : ops->doorbell_del))
            (add ? ops->doorbell_add : ops->doorbell_del)(l->data, a->addr, &a->doorbell);
    }
}

/* Does anything differ within the window? */
static bool differs(const struct membus_version *old, const struct membus_version *now,
                    const struct membus_window_pair *window)
{
    struct membus_cursor a, b;
    const struct membus_range *was, *is;

    membus_cursor_open(&a, old, window->first, window->last);
    membus_cursor_open(&b, now, window->first, window->last);
    for (;;) {
        enum step s = step(&a, &b, &was, &is);

        if (s != STEP_STAYS)
            return s != STEP_END;
        if (was->log != is->log)
            return true;
        advance(&a, &b, s);
    }
}

static void announce_gone(struct membus_listener *l, const struct membus_version *old,
                          const struct membus_version *now, const struct membus_window_pair *window)
{
    struct membus_cursor a, b;
    const struct membus_range *was, *is;
    enum step s;

    membus_cursor_open(&a, old, window->first, window->last);
    membus_cursor_open(&b, now, window->first, window->last);
    for (; (s = step(&a, &b, &was, &is)) != STEP_END; advance(&a, &b, s)) {
        if (s == STEP_GOES)
            call_del(l, was);
    }
}

static void announce_come(struct membus_listener *l, const struct membus_version *old,
                          const struct membus_version *now, const struct membus_window_pair *window)
{
    struct membus_cursor a, b;
    const struct membus_range *was, *is;
    enum step s;

    membus_cursor_open(&a, old, window->first, window->last);
    membus_cursor_open(&b, now, window->first, window->last);
    for (; (s = step(&a, &b, &was, &is)) != STEP_END; advance(&a, &b, s)) {
        if (s == STEP_COMES)
            call_add(l, is);
        else if (s == STEP_STAYS)
            call_keep(l, is, was->log);
    }
}

/* Attachments. */

static int compare(const void *x, const void *y)
{
    const struct membus_attachment *a = x, *b = y;
    const struct membus_doorbell *d = &a->doorbell, *e = &b->doorbell;

    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    if (a->coalesced != b->coalesced)
        return a->coalesced < b->coalesced ? -1 : 1;
    if (d->size != e->size)
        return d->size < e->size ? -1 : 1;
    if (d->match != e->match)
        return d->match ? 1 : -1;
    if (d->value != e->value)
        return d->value < e->value ? -1 : 1;
    return (d->fd > e->fd) - (d->fd < e->fd);
}

static int attach(struct membus_attachments *list, const struct membus_attachment *item)
{
    if ((list->count & (list->count - 1)) == 0) { /* a power of two: full */
        size_t capacity = list->count ? 2 * list->count : 1;
        void *bigger = realloc(list->item, capacity * sizeof(*list->item));

        if (!bigger)
            return -ENOMEM;
        list->item = bigger;
    }
    list->item[list->count++] = *item;
    return 0;
}

static int attach_doorbells(struct membus_attachments *list, const struct membus_range *range)
{
    const struct membus_doorbells *bells = range->region->doorbells;
    uint64_t length = range->last - range->start;
    int error = 0;

    for (size_t i = 0; bells && i < bells->count && !error; i++) {
        const struct membus_doorbell *d = &bells->doorbell[i];
        struct membus_attachment item = {.doorbell = *d};
        uint64_t at = d->offset - range->offset;

        if (d->offset < range->offset || at > length || (d->size && d->size - 1 > length - at))
            continue;
        item.addr = range->start + at;
        error = attach(list, &item);
    }
    return error;
}

static int attach_coalesced(struct membus_attachments *list, const struct membus_range *range)
{
    const struct membus_coalesced_window *w;
    size_t count = membus_coalesced_windows(range->region, &w);
    uint64_t end = range->offset + (range->last - range->start);
    int error = 0;

    for (size_t i = 0; i < count && !error; i++) {
        uint64_t first = w[i].offset, last = w[i].offset + (w[i].size - 1);
        struct membus_attachment item = {.addr = 0};

        if (first > end || last < range->offset)
            continue;
        first = first > range->offset ? first : range->offset;
        last = last < end ? last : end;
        item.addr = range->start + (first - range->offset);
        item.coalesced = last - first + 1;
        error = attach(list, &item);
    }
    return error;
}

static int attach_window(struct membus_attachments *list, const struct membus_version *version,
                         const struct membus_window_pair *window)
{
    struct membus_cursor c;
    const struct membus_range *range;
    int error = 0;

    membus_cursor_open(&c, version, window->first, window->last);
    while (!error && (range = membus_cursor_get(&c))) {
        if (range->region->doorbells)
            error = attach_doorbells(list, range);
        if (!error && range->region->coalesced)
            error = attach_coalesced(list, range);
        membus_cursor_next(&c);
    }
    return error;
}

static bool in_windows(uint64_t addr, const struct membus_window_pair *window, size_t windows)
{
    size_t low = 0, high = windows;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (window[middle].last < addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low < windows && window[low].first <= addr;
}

/* Is what `list` has (sorted) what is attached in the windows now? */
static bool same_in_windows(const struct membus_attachments *list,
                            const struct membus_attachments *now,
                            const struct membus_window_pair *window, size_t windows)
{
    size_t k = 0;

    for (size_t i = 0; i < now->count; i++) {
        if (!in_windows(now->item[i].addr, window, windows))
            continue;
        if (k == list->count || compare(&list->item[k++], &now->item[i]) != 0)
            return false;
    }
    return k == list->count;
}

static void sort(struct membus_attachments *list)
{
    if (list->count)
        qsort(list->item, list->count, sizeof(*list->item), compare);
}

int membus_listeners_prepare(struct membus_space *space, const struct membus_version *now,
                             const struct membus_window_pair *window, size_t windows)
{
    struct membus_attachments *old = &space->attached, *next = &space->next_attached;
    int error = 0;

    for (size_t i = 0; i < windows && !error; i++)
        error = attach_window(next, now, &window[i]);
    sort(next);
    space->attached_changed = !error && !same_in_windows(next, old, window, windows);
    for (size_t i = 0; i < old->count && space->attached_changed && !error; i++) {
        if (!in_windows(old->item[i].addr, window, windows))
            error = attach(next, &old->item[i]);
    }
    if (space->attached_changed)
        sort(next);
    if (error || !space->attached_changed)
        membus_listeners_abandon(space);
    return error;
}

void membus_listeners_abandon(struct membus_space *space)
{
    free(space->next_attached.item);
    space->next_attached = (struct membus_attachments){NULL, 0};
    space->attached_changed = false;
}

/* Calls for the items of `list` that `other` lacks. */
static void announce_missing(struct membus_listener *l, const struct membus_attachments *list,
                             const struct membus_attachments *other, bool add)
{
    size_t k = 0;

    for (size_t i = 0; i < list->count; i++) {
        while (k < other->count && compare(&other->item[k], &list->item[i]) < 0)
            k++;
        if (k == other->count || compare(&other->item[k], &list->item[i]) != 0)
            call_attachment(l, &list->item[i], add);
    }
}

static void announce_attachments(struct membus_space *space)
{
    if (!space->attached_changed)
        return;
    announce_missing(space->listeners, &space->attached, &space->next_attached, false);
    announce_missing(space->listeners, &space->next_attached, &space->attached, true);
}

static void adopt_attachments(struct membus_space *space)
{
    if (!space->attached_changed)
        return;
    free(space->attached.item);
    space->attached = space->next_attached;
    space->next_attached = (struct membus_attachments){NULL, 0};
    space->attached_changed = false;
}

static bool anyone_keeps(const struct membus_listener *l)
{
    while (l && !l->ops->keep)
        l = l->next;
    return l != NULL;
}

void membus_listeners_announce(struct membus_space *space, const struct membus_version *old,
                               const struct membus_version *now,
                               const struct membus_window_pair *window, size_t windows)
{
    static const struct membus_window_pair everywhere = {0, UINT64_MAX};
    struct membus_listener *l = space->listeners;
    bool different = space->attached_changed;

    for (size_t i = 0; i < windows && !different; i++)
        different = differs(old, now, &window[i]);
    if (different) {
        call_begin(l);
        for (size_t i = 0; i < windows; i++)
            announce_gone(l, old, now, &window[i]);
        if (anyone_keeps(l)) {
            window = &everywhere;
            windows = 1;
        }
        for (size_t i = 0; i < windows; i++)
            announce_come(l, old, now, &window[i]);
        announce_attachments(space);
        call_commit(l);
    }
    adopt_attachments(space);
}

/* Registration. */

/* Replays the state to one listener: all of it comes, or goes. */
static void replay(struct membus_listener *l, bool add)
{
    static const struct membus_window_pair everywhere = {0, UINT64_MAX};
    struct membus_space *space = l->space;
    struct membus_listener *rest = l->next;

    l->next = NULL; /* only this one */
    call_begin(l);
    for (size_t i = 0; !add && i < space->attached.count; i++)
        call_attachment(l, &space->attached.item[i], false);
    if (add)
        announce_come(l, &membus_version_empty, space->version, &everywhere);
    else
        announce_gone(l, space->version, &membus_version_empty, &everywhere);
    for (size_t i = 0; add && i < space->attached.count; i++)
        call_attachment(l, &space->attached.item[i], true);
    call_commit(l);
    l->next = rest;
}

static int first_listener(struct membus_space *space)
{
    static const struct membus_window_pair everywhere = {0, UINT64_MAX};
    int error = membus_listeners_prepare(space, space->version, &everywhere, 1);

    if (!error)
        adopt_attachments(space);
    return error;
}

static struct membus_listener **find_link(struct membus_space *space, int priority)
{
    struct membus_listener **link = &space->listeners;

    while (*link && (*link)->priority >= priority)
        link = &(*link)->next;
    return link;
}

static int create(struct membus_listener **listener, struct membus_space *space, int priority,
                  const struct membus_listener_ops *ops, void *data)
{
    struct membus_listener *l, **link;

    if (!membus_space_exists(space))
        return -ENOENT;
    l = calloc(1, sizeof(*l));
    if (!l || (!space->listeners && first_listener(space))) {
        free(l);
        return -ENOMEM;
    }
    *l = (struct membus_listener){.space = space, .priority = priority, .ops = ops, .data = data};
    link = find_link(space, priority);
    l->next = *link;
    *link = l;
    *listener = l;
    membus_transaction_announce(true);
    replay(l, true);
    membus_transaction_announce(false);
    return 0;
}

int membus_listener_new(struct membus_listener **listener, struct membus_space *space, int priority,
                        const struct membus_listener_ops *ops, void *data)
{
    int error = membus_transaction_begin();

    if (error)
        return error;
    return membus_change_end_own(create(listener, space, priority, ops, data));
}

int membus_listener_delete(struct membus_listener *listener)
{
    struct membus_listener **link;
    int error = membus_transaction_begin();

    if (error)
        return error;
    membus_transaction_announce(true);
    replay(listener, false);
    membus_transaction_announce(false);
    link = &listener->space->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    if (!listener->space->listeners) {
        free(listener->space->attached.item);
        listener->space->attached = (struct membus_attachments){NULL, 0};
    }
    free(listener);
    return membus_change_end_own(0);
}

static void sync_space(const struct membus_space *space, const struct membus_region *region)
{
    struct membus_cursor c;
    const struct membus_range *range;

    membus_cursor_open(&c, space->version, 0, UINT64_MAX);
    while ((range = membus_cursor_get(&c))) {
        for (struct membus_listener *l = space->listeners; l; l = l->next) {
            if (range->region == region && l->ops->log_sync)
                l->ops->log_sync(l->data, range);
        }
        membus_cursor_next(&c);
    }
}

void membus_listeners_log_sync(struct membus_region *region)
{
    for (struct membus_space *s = membus_space_first; s; s = s->next) {
        const struct membus_listener *l = s->listeners;

        while (l && !l->ops->log_sync)
            l = l->next;
        if (l)
            sync_space(s, region);
    }
}
