/* SPDX-License-Identifier: MIT */

/* Spaces: their life, and looking at them. */

#include "space_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct membus_space *membus_space_first;

static unsigned next_slot;

/* All under the lock of transactions. */

static struct membus_space **find_space(const struct membus_space *space)
{
    struct membus_space **link = &membus_space_first;

    while (*link && *link != space)
        link = &(*link)->next;
    return link;
}

bool membus_space_exists(const struct membus_space *space)
{
    return *find_space(space) != NULL;
}

static struct membus_space *allocate(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    struct membus_space *s = calloc(1, sizeof(*s) + length + 1);

    if (!s)
        return NULL;
    if (length)
        memcpy(s->name, name, length);
    pthread_mutex_init(&s->bounce_lock, NULL);
    s->version = &membus_version_empty;
    s->budget = MEMBUS_BOUNCE_BUDGET;
    s->id = s->version->id;
    s->slot = next_slot++ % MEMBUS_HITS * (uint32_t)sizeof(struct membus_hit);
    return s;
}

static void destroy(struct membus_space *space)
{
    pthread_mutex_destroy(&space->bounce_lock);
    free(space);
}

static void free_space(struct membus_deferred *deferred)
{
    destroy((struct membus_space *)((char *)deferred - offsetof(struct membus_space, deferred)));
}

/* Gives the space a root, or none; room for one drop is reserved. */
static int set_root(struct membus_space *space, struct membus_region *root)
{
    struct membus_region *old = space->root;

    if (root && root->deleted)
        return -ENOENT;
    if (root && membus_watch_get(root))
        return -ENOMEM;
    if (root) {
        membus_region_ref(root);
        root->roots++;
    }
    if (old) {
        old->roots--;
        membus_watch_put(old);
        membus_change_drop(old);
    }
    space->root = root;
    space->moved = true;
    membus_change_resolve();
    return 0;
}

static int create(struct membus_space **space, const char *name, struct membus_region *root)
{
    struct membus_space *s;
    int error = membus_change_reserve_drops(1); /* for taking it back, should the commit fail */

    if (error)
        return error;
    s = allocate(name);
    if (!s)
        return -ENOMEM;
    error = set_root(s, root);
    if (error) {
        destroy(s);
        return error;
    }
    *find_space(NULL) = s;
    *space = s;
    return 0;
}

static void take_out(struct membus_space *space)
{
    set_root(space, NULL);
    *find_space(space) = space->next;
    membus_rcu_defer(&space->deferred, free_space);
}

int membus_space_new(struct membus_space **space, const char *name, struct membus_region *root)
{
    struct membus_space *s;
    int error;

    if (name && strlen(name) > MEMBUS_NAME_MAX)
        return -EINVAL;
    error = membus_transaction_begin();
    if (error)
        return error;
    membus_commit_init();
    membus_callback_init();
    error = create(&s, name, root);
    if (error)
        return membus_change_end(error);
    error = membus_transaction_commit();
    if (error) {
        membus_transaction_begin();
        take_out(s);
        membus_transaction_commit();
        return error;
    }
    *space = s;
    return 0;
}

static bool in_use(struct membus_space *space)
{
    bool waiting;

    pthread_mutex_lock(&space->bounce_lock);
    waiting = space->waiters != NULL;
    pthread_mutex_unlock(&space->bounce_lock);
    return waiting || space->listeners || __atomic_load_n(&space->maps, __ATOMIC_ACQUIRE);
}

int membus_space_delete(struct membus_space *space)
{
    int error = membus_transaction_begin();

    if (error)
        return error;
    if (!membus_space_exists(space))
        error = -ENOENT;
    else if (in_use(space))
        error = -EBUSY;
    else
        error = membus_change_reserve_drops(1);
    if (!error)
        take_out(space);
    return membus_change_end(error);
}

int membus_space_set_root(struct membus_space *space, struct membus_region *root)
{
    int error = membus_transaction_begin();

    if (error)
        return error;
    error = membus_space_exists(space) ? membus_change_reserve_drops(1) : -ENOENT;
    if (!error && space->root != root)
        error = set_root(space, root);
    return membus_change_end(error);
}

void membus_space_set_unassigned(struct membus_space *space, uint8_t pattern)
{
    __atomic_store_n(&space->unassigned, pattern, __ATOMIC_RELAXED);
}

/* Looking. */

const char *membus_space_name(const struct membus_space *space)
{
    return space->name;
}

struct membus_region *membus_space_root(const struct membus_space *space)
{
    return space->root;
}

const char *membus_status_name(enum membus_status status)
{
    static const char *const names[] = {
        [MEMBUS_STATUS_OK] = "ok",
        [MEMBUS_STATUS_DECODE] = "decode error",
        [MEMBUS_STATUS_DEVICE] = "device error",
        [MEMBUS_STATUS_DENIED] = "access denied",
        [MEMBUS_STATUS_RANGE] = "past the end",
        [MEMBUS_STATUS_BUDGET] = "bounce budget exhausted",
        [MEMBUS_STATUS_MEMORY] = "out of memory",
        [MEMBUS_STATUS_INVALID] = "invalid arguments",
    };

    return (size_t)status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown status";
}

void membus_reader_begin(void)
{
    membus_rcu_lock();
}

void membus_reader_end(void)
{
    membus_rcu_unlock();
}

int membus_synchronize(void)
{
    if (membus_rcu_reading() || membus_transaction_held())
        return -EDEADLK;
    membus_rcu_wait();
    return 0;
}

int membus_space_find(struct membus_space *space, struct membus_range *range, uint64_t addr)
{
    const struct membus_range *found;
    uint64_t span;
    int error = -ENOENT;

    membus_rcu_lock();
    found = membus_space_hit(space, membus_rcu_get(space->version), addr, &span);
    if (found) {
        *range = *found;
        error = 0;
    }
    membus_rcu_unlock();
    return error;
}

int membus_space_ranges(struct membus_space *space,
                        int (*each)(void *data, const struct membus_range *range), void *data)
{
    struct membus_cursor cursor;
    const struct membus_range *range;
    int result = 0;

    membus_rcu_lock();
    membus_cursor_open(&cursor, membus_rcu_get(space->version), 0, UINT64_MAX);
    while (!result && (range = membus_cursor_get(&cursor))) {
        result = each(data, range);
        membus_cursor_next(&cursor);
    }
    membus_rcu_unlock();
    return result;
}

const void *membus_space_view(struct membus_space *space)
{
    const void *view = NULL;

    if (membus_transaction_begin() == 0) {
        view = space->view;
        membus_transaction_commit();
    }
    return view;
}

struct membus_region *membus_space_view_root(struct membus_space *space)
{
    struct membus_region *root = NULL;

    if (membus_transaction_begin() == 0) {
        root = space->view ? space->view->root : NULL;
        membus_transaction_commit();
    }
    return root;
}

int membus_spaces(int (*each)(void *data, struct membus_space *space), void *data)
{
    int result = membus_transaction_begin();

    if (result)
        return result;
    for (struct membus_space *s = membus_space_first; s && !result; s = s->next)
        result = each(data, s);
    membus_transaction_commit();
    return result;
}

void membus_space_stats(struct membus_space *space, struct membus_view_stats *stats)
{
    const struct membus_version *v;

    membus_rcu_lock();
    v = membus_rcu_get(space->version);
    *stats = (struct membus_view_stats){.ranges = v->ranges, .chunks = v->chunks};
    if (v != &membus_version_empty)
        stats->bytes =
            sizeof(*v) +
            v->chunks * (sizeof(v->first[0]) + sizeof(v->chunk[0]) + sizeof(struct membus_chunk)) +
            v->ranges * sizeof(struct membus_range);
    membus_rcu_unlock();
}
