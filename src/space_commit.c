/* SPDX-License-Identifier: MIT */

/*
 * The outermost commit. First all that can fail, with nothing changed: which view each space will
 * have, the new versions, what listeners will be told of doorbells. Then all that cannot:
 * listeners, publication, retirement.
 */

#include "space_internal.h"

#include <errno.h>
#include <stdlib.h>

static struct membus_view *views;

/* What a root comes to. */

static bool plain(const struct membus_region *region)
{
    return !region->readonly && !region->nonvolatile;
}

static int first_enabled(void *data, struct membus_region *sub)
{
    if (!sub->enabled)
        return 0;
    *(struct membus_region **)data = sub;
    return 1;
}

/* The only thing that is seen through `region`, if all of it is; else NULL. */
static struct membus_region *seen_through(struct membus_region *region)
{
    struct membus_region *only = NULL;

    if (!plain(region))
        return NULL;
    if (region->target)
        return region->target_offset == 0 && region->target->last <= region->last ? region->target
                                                                                  : NULL;
    if (membus_region_answers(region) || region->enabled_children != 1)
        return NULL;
    membus_tree_overlap(region, 0, UINT64_MAX, first_enabled, &only);
    return only->offset == 0 && only->last <= region->last ? only : NULL;
}

static bool shows_nothing(const struct membus_region *region)
{
    return !region->enabled ||
           (region->kind == MEMBUS_REGION_CONTAINER && region->enabled_children == 0);
}

struct membus_region *membus_space_resolve(struct membus_region *root)
{
    while (root) {
        struct membus_region *next;

        if (shows_nothing(root))
            return NULL;
        next = seen_through(root);
        if (!next)
            return root;
        root = next;
    }
    return NULL;
}

/* Views. */

static struct membus_view *find_view(const struct membus_region *root)
{
    struct membus_view *view = views;

    while (view && view->root != root)
        view = view->next_view;
    return view;
}

static int get_view(struct membus_view **out, struct membus_region *root)
{
    struct membus_view *view = find_view(root);

    if (!view) {
        view = calloc(1, sizeof(*view));
        if (!view || membus_watch_get(root)) {
            free(view);
            return -ENOMEM;
        }
        view->root = root;
        view->next_view = views;
        views = view;
    }
    *out = view;
    return 0;
}

/* Frees the views that no space shows. */
static void sweep_views(void)
{
    struct membus_view **link = &views;

    while (*link) {
        struct membus_view *view = *link;

        if (view->spaces) {
            link = &view->next_view;
            continue;
        }
        *link = view->next_view;
        if (view->version) {
            view->version->last = true;
            membus_version_retire(view->version);
        }
        membus_watch_put(view->root);
        free(view);
    }
}

/* Planning. */

static int plan_space(struct membus_space *space, bool resolve)
{
    struct membus_region *root = space->view ? space->view->root : NULL;

    if (space->moved || resolve || (space->root && space->root->watch->touched))
        root = membus_space_resolve(space->root);
    if (!root)
        space->next_view = NULL;
    else if (space->view && space->view->root == root)
        space->next_view = space->view;
    else
        return get_view(&space->next_view, root);
    return 0;
}

static void count_spaces(bool next)
{
    for (struct membus_view *view = views; view; view = view->next_view)
        view->spaces = 0;
    for (struct membus_space *space = membus_space_first; space; space = space->next) {
        struct membus_view *view = next ? space->next_view : space->view;

        if (view)
            view->spaces++;
    }
}

static int render_view(struct membus_view *view)
{
    const struct membus_watch *watch = view->root->watch;

    if (!view->spaces)
        return 0;
    if (!view->version || watch->all || watch->count > view->version->ranges / 4 + 16)
        return !view->version || watch->touched ? membus_view_render_all(view) : 0;
    return watch->count ? membus_view_render_windows(view) : 0;
}

/* What the space will show, and where that may differ from now. */
static const struct membus_version *next_version(const struct membus_space *space)
{
    const struct membus_view *view = space->next_view;

    if (!view)
        return &membus_version_empty;
    return view->next ? view->next : view->version;
}

static const struct membus_window_pair everywhere = {0, UINT64_MAX};

static const struct membus_window_pair *next_windows(const struct membus_space *space,
                                                     size_t *count)
{
    const struct membus_view *view = space->next_view;

    if (view && view == space->view && view->next) {
        *count = view->windows;
        return view->window;
    }
    *count = 1;
    return &everywhere;
}

static int prepare(void)
{
    int error = 0;

    for (struct membus_view *view = views; view && !error; view = view->next_view)
        error = render_view(view);
    for (struct membus_space *s = membus_space_first; s && !error; s = s->next) {
        size_t count;
        const struct membus_window_pair *window = next_windows(s, &count);

        if (s->listeners && next_version(s) != s->version)
            error = membus_listeners_prepare(s, next_version(s), window, count);
    }
    return error;
}

static void abandon(void)
{
    for (struct membus_space *s = membus_space_first; s; s = s->next) {
        membus_listeners_abandon(s);
        s->next_view = s->view;
    }
    for (struct membus_view *view = views; view; view = view->next_view)
        membus_view_abandon(view);
    count_spaces(false);
    sweep_views();
}

/* Carrying out. */

static void switch_space(struct membus_space *space)
{
    const struct membus_version *now = next_version(space);

    if (now != space->version) {
        size_t count;
        const struct membus_window_pair *window = next_windows(space, &count);

        if (space->listeners)
            membus_listeners_announce(space, space->version, now, window, count);
        membus_rcu_set(space->version, (struct membus_version *)now);
        membus_rcu_set(space->id, now->id);
    }
    space->moved = false;
}

static void clear_watches(void)
{
    for (struct membus_space *s = membus_space_first; s; s = s->next) {
        if (s->root)
            membus_watch_clear(s->root->watch);
    }
    for (struct membus_view *view = views; view; view = view->next_view)
        membus_watch_clear(view->root->watch);
}

static void carry_out(void)
{
    for (struct membus_space *s = membus_space_first; s; s = s->next)
        switch_space(s);
    for (struct membus_space *s = membus_space_first; s; s = s->next)
        s->view = s->next_view;
    for (struct membus_view *view = views; view; view = view->next_view) {
        struct membus_version *old = view->next ? membus_view_advance(view) : NULL;

        if (old)
            membus_version_retire(old);
    }
    sweep_views();
    clear_watches();
}

static int commit(bool resolve)
{
    int error = 0;

    for (struct membus_space *s = membus_space_first; s && !error; s = s->next)
        error = plan_space(s, resolve);
    if (!error) {
        count_spaces(true);
        error = prepare();
    }
    if (error)
        abandon();
    else
        carry_out();
    return error;
}

void membus_commit_init(void)
{
    membus_region_hooks.commit = commit;
    membus_region_hooks.log_sync = membus_listeners_log_sync;
}
