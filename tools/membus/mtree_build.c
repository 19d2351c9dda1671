/* SPDX-License-Identifier: MIT */

/* Regions and spaces from listings: through membus's public functions only. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mtree.h"

/* Regions that are there once more because of aliases inside their own target. */
#define CLONES_MAX 100000

static int refused(struct mtree *m, const struct mtree_node *node, const char *what, int e)
{
    const char *why = strerror(-e);

    if (e == -ELOOP)
        why = "it would be inside itself";
    else if (e == -E2BIG)
        why = "nested too deep, or too much of it";
    else if (e == -EOVERFLOW)
        why = "it ends past 2^64";
    return mtree_fail(m, -e, node->line, "%s '%s': %s", what, node->name, why);
}

/* Its size as membus takes it. What would lie past 2^64 can be seen by nobody. */
static int size_of(struct mtree *m, const struct mtree_node *node, uint64_t *size)
{
    uint64_t last = node->last - node->start;
    uint64_t offset = node->parent ? node->start - node->parent->start : 0;
    uint64_t most = UINT64_MAX - (offset > node->window ? offset : node->window);

    *size = 0;
    if (last > most)
        last = most;
    if (last == UINT64_MAX - 1)
        return mtree_fail(m, EINVAL, node->line,
                          "'%s' has 2^64 - 1 bytes, a size that cannot be made", node->name);
    *size = last == UINT64_MAX ? MEMBUS_SIZE_ALL : last + 1;
    return 0;
}

/* A ROM device in a map that is only to be looked at: nobody reads it. */
static const struct membus_region_ops no_ops;

static int create_plain(struct mtree *m, struct mtree_node *node, uint64_t size)
{
    struct membus_mapping bar = {.size = (size_t)size};

    switch (node->kind) {
    case MTREE_IO:
        if (mtree_guess_answers(m, node))
            return membus_region_new_io(&node->region, node->name, size, NULL, NULL);
        return membus_region_new_container(&node->region, node->name, size);
    case MTREE_ROMD:
        return membus_region_new_rom_device(&node->region, node->name, size, &no_ops, NULL);
    case MTREE_RAMD:
        return membus_region_new_device(&node->region, node->name, &bar);
    case MTREE_RAM:
    case MTREE_ROM:
        break;
    }
    return membus_region_new_ram_pointer(&node->region, node->name, NULL, size);
}

static int set_flags(const struct mtree_node *node)
{
    int e = 0;

    if (mtree_guess_readonly(node))
        e = membus_region_set_readonly(node->region, true);
    if (!e && node->nonvolatile)
        e = membus_region_set_nonvolatile(node->region, true);
    if (!e && node->disabled)
        e = membus_region_set_enabled(node->region, false);
    return e;
}

static int built(struct mtree *m, struct membus_region *region)
{
    int e = mtree_grow(m, &m->built, m->built_count, &m->built_capacity, sizeof(*m->built));

    if (e) {
        membus_region_delete(region);
        return e;
    }
    m->built[m->built_count++] = region;
    return 0;
}

/* An alias's target must be there before it; `depth` aliases wait for this one. */
static int create(struct mtree *m, struct mtree_node *node, int depth)
{
    uint64_t size;
    int e = size_of(m, node, &size);

    if (node->region || e)
        return e;
    if (node->target) {
        struct mtree_node *target = node->target;

        if (depth == MEMBUS_DEPTH_MAX)
            return refused(m, node, "alias", node->building ? -ELOOP : -E2BIG);
        node->building = true;
        e = create(m, target, depth + 1);
        if (e)
            return e;
        e = membus_region_new_alias(&node->region, node->name, target->region, node->window, size);
    } else {
        e = create_plain(m, node, size);
    }
    if (e)
        return refused(m, node, "region", e);
    e = built(m, node->region);
    if (e) {
        node->region = NULL;
        return e;
    }
    e = set_flags(node);
    return e ? refused(m, node, "region", e) : 0;
}

/* How many siblings before it a region is compared with. */
#define SIBLINGS 256

/* Puts one more at the end of what is to be added, or before what must lie above it. */
static void insert(struct mtree_node **order, size_t n, struct mtree_node *node)
{
    size_t at = n;

    for (size_t i = n; i-- > 0 && n - i <= SIBLINGS;)
        if (mtree_guess_above(order[i], node))
            at = i;
    memmove(order + at + 1, order + at, (n - at) * sizeof(*order));
    order[at] = node;
}

/*
 * Subregions in the order in which they must be added, for the last one added lies above: by
 * ascending address, but those of one address against the order in which they are printed.
 * Fills `order`; returns how many.
 */
static size_t adding_order(const struct mtree_node *parent, struct mtree_node **order)
{
    size_t n = 0;

    for (struct mtree_node *c = parent->child, *end; c; c = end) {
        size_t first = n;

        for (end = c; end && end->start == c->start; end = end->next)
            insert(order, n++, end);
        for (size_t a = first, b = n; a + 1 < b; a++) {
            struct mtree_node *other = order[--b];

            order[b] = order[a];
            order[a] = other;
        }
    }
    return n;
}

/*
 * Clones. An alias inside its own target, which membus refuses, shows a clone of what is in its
 * window instead. QEMU takes such maps (Arm's SSE subsystems have a container that shows one part
 * of itself as another), and comes to an end when no such alias is in the window.
 */

/* The part of a node's parent or target that is to be seen. */
struct window {
    uint64_t first, last;
};

static int clone(struct mtree *m, struct membus_region **region, struct mtree_node *node,
                 struct window seen, int depth);

/* Makes `alias` show a clone, of which `seen` is seen through the alias. */
static int show_clone(struct mtree *m, struct membus_region *alias, struct mtree_node *node,
                      struct window seen, int depth)
{
    struct membus_region *target;
    uint64_t size = node->last - node->start;
    int e;

    if (depth == MEMBUS_DEPTH_MAX)
        return refused(m, node, "alias", -ELOOP);
    seen.last = node->window + (seen.last < size ? seen.last : size);
    seen.first += node->window;
    e = clone(m, &target, node->target, seen, depth + 1);
    if (e)
        return e;
    e = membus_region_set_alias(alias, target, node->window);
    return e ? refused(m, node, "alias", e) : 0;
}

static int clone_child(struct mtree *m, struct membus_region *container, struct mtree_node *c,
                       struct window seen, int depth)
{
    uint64_t offset = c->start - c->parent->start;
    struct membus_region *region;
    int e;

    if (offset > seen.last || (offset < seen.first && c->last - c->start < seen.first - offset))
        return 0;
    seen.first = seen.first > offset ? seen.first - offset : 0;
    seen.last -= offset;
    e = clone(m, &region, c, seen, depth);
    if (!e && c->target)
        e = show_clone(m, region, c, seen, depth);
    if (e)
        return e;
    e = membus_region_add(container, offset, region, c->priority);
    return e ? refused(m, c, "region", e) : 0;
}

/* Another region like the node's, with what is seen of it and below it. */
static int clone(struct mtree *m, struct membus_region **region, struct mtree_node *node,
                 struct window seen, int depth)
{
    struct mtree_node **order, copy = *node;
    size_t n = 0;
    int e = 0;

    if (++m->clones > CLONES_MAX)
        return mtree_fail(m, E2BIG, node->line, "too many aliases of what they are in");
    for (struct mtree_node *c = node->child; c; c = c->next)
        n++;
    order = mtree_alloc(m, n * sizeof(*order) + 1);
    if (!order)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    copy.region = NULL;
    e = create(m, &copy, 0);
    if (e)
        return e;
    *region = copy.region;
    n = adding_order(node, order);
    for (size_t i = 0; i < n && !e; i++)
        e = clone_child(m, *region, order[i], seen, depth);
    return e;
}

static int add_alias(struct mtree *m, struct mtree_node *parent, struct mtree_node *node)
{
    uint64_t offset = node->start - parent->start;
    int e = membus_region_add(parent->region, offset, node->region, node->priority);

    if (e == -ELOOP) {
        e = show_clone(m, node->region, node, (struct window){0, UINT64_MAX}, 0);
        if (e)
            return e;
        e = membus_region_add(parent->region, offset, node->region, node->priority);
    }
    return e ? refused(m, node, "alias", e) : 0;
}

static int add_children(struct mtree *m, struct mtree_node *parent, struct mtree_node **order)
{
    size_t n = adding_order(parent, order);
    int e = 0;

    for (size_t i = 0; i < n && !e; i++) {
        struct mtree_node *c = order[i];

        if (c->target) {
            e = add_alias(m, parent, c);
        } else {
            e = membus_region_add(parent->region, c->start - parent->start, c->region, c->priority);
            e = e ? refused(m, c, "region", e) : 0;
        }
    }
    return e;
}

/* QEMU shows a root at the place that it has in its container; membus shows it at 0. */
static int create_at_offset(struct mtree *m, struct mtree_node *root)
{
    struct membus_region *window;
    uint64_t size;
    int e = size_of(m, root, &size);

    if (e)
        return e;
    e = membus_region_new_container(&root->at_offset, root->name, MEMBUS_SIZE_ALL);
    if (e)
        return refused(m, root, "region", e);
    e = built(m, root->at_offset);
    if (e)
        return e;
    e = membus_region_new_alias(&window, root->name, root->region, 0, size);
    if (e)
        return refused(m, root, "region", e);
    e = built(m, window);
    if (e)
        return e;
    e = membus_region_add(root->at_offset, root->start, window, 0);
    return e ? refused(m, root, "region", e) : 0;
}

static int create_spaces(struct mtree *m, struct mtree_listing *l)
{
    struct mtree_node *printed = l->root, *root = printed ? mtree_node_canonical(printed) : NULL;
    struct membus_region *region = root ? root->region : NULL;
    int e = 0;

    if (root && printed->start) {
        if (!printed->at_offset) {
            printed->region = root->region;
            e = create_at_offset(m, printed);
        }
        region = printed->at_offset;
    }
    l->spaces = mtree_alloc(m, l->count * sizeof(struct membus_space *));
    if (!e && !l->spaces)
        e = mtree_fail(m, ENOMEM, 0, "out of memory");
    for (size_t i = 0; !e && i < l->count; i++) {
        e = membus_space_new(&l->spaces[i], l->names[i], region);
        if (e)
            mtree_fail(m, -e, l->line, "address space '%s': %s", l->names[i], strerror(-e));
    }
    return e;
}

static int create_regions(struct mtree *m)
{
    struct mtree_node **order = calloc(m->node_count + 1, sizeof(struct mtree_node *));
    int e = order ? 0 : mtree_fail(m, ENOMEM, 0, "out of memory");

    for (size_t i = 0; !e && i < m->node_count; i++)
        if (!m->nodes[i]->listing->root->same)
            e = create(m, m->nodes[i], 0);
    for (size_t i = 0; !e && i < m->node_count; i++)
        if (!m->nodes[i]->listing->root->same)
            e = add_children(m, m->nodes[i], order);
    free(order);
    return e;
}

static int create_all(struct mtree *m)
{
    int e = create_regions(m);

    for (size_t i = 0; !e && i < m->count; i++)
        if (m->listings[i]->is_space)
            e = create_spaces(m, m->listings[i]);
    return e;
}

/* One transaction: a commit for each space would look at all spaces each time. */
int mtree_build(struct mtree *m)
{
    int e = membus_transaction_begin(), commit;

    if (e)
        return mtree_fail(m, -e, 0, "transaction: %s", strerror(-e));
    e = create_all(m);
    commit = membus_transaction_commit();
    if (!e && commit)
        e = mtree_fail(m, -commit, 0, "commit: %s", strerror(-commit));
    return e;
}

void mtree_unbuild(struct mtree *m)
{
    membus_transaction_begin();
    for (size_t i = 0; i < m->count; i++)
        for (size_t k = 0; m->listings[i]->spaces && k < m->listings[i]->count; k++)
            if (m->listings[i]->spaces[k])
                membus_space_delete(m->listings[i]->spaces[k]);
    while (m->built_count > 0) /* aliases before their targets */
        membus_region_delete(m->built[--m->built_count]);
    membus_transaction_commit();
}
