/* SPDX-License-Identifier: MIT */

/*
 * What is the same region, and what an alias means.
 *
 * The text prints a region as often as it is reached: below each address space whose root contains
 * it, and again in a listing of its own when an alias shows it. Two trees that are printed the
 * same, at the same place in their container, are taken for one region; but not two that must be
 * different: QEMU prints each address space's root once, and each alias's target once. (The tree
 * of an address space stays, for evidence is about those; a listing of a region goes.)
 *
 * An alias names its target, and names are not unique: where several listings have that name, the
 * one is taken that has something to show in the alias's window, else they are taken in turn.
 * (QEMU prints targets in the order in which its aliases are printed.)
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mtree.h"

/* How many regions that look the same are tried; more are not worth the time. */
#define TRIES 64

struct mtree_node *mtree_node_canonical(struct mtree_node *node)
{
    while (node->same)
        node = node->same;
    return node;
}

static void mix(uint64_t *hash, const void *bytes, size_t n)
{
    for (const unsigned char *p = bytes; n; p++, n--)
        *hash = (*hash ^ *p) * UINT64_C(0x100000001b3); /* FNV-1a */
}

static void mix_number(uint64_t *hash, uint64_t value)
{
    mix(hash, &value, sizeof(value));
}

static void mix_name(uint64_t *hash, const char *name)
{
    mix(hash, name ? name : "", name ? strlen(name) + 1 : 1);
}

/* From the last line to the first: children come before their parents. */
static void hash_all(struct mtree *m)
{
    for (size_t i = m->node_count; i-- > 0;) {
        struct mtree_node *node = m->nodes[i];

        node->hash = UINT64_C(0xcbf29ce484222325);
        node->weight = 1;
        mix_number(&node->hash, node->last - node->start);
        mix_number(&node->hash, (uint64_t)(int64_t)node->priority);
        mix_number(&node->hash, (uint64_t)node->kind << 2 | (uint64_t)node->nonvolatile << 1 |
                                    (uint64_t)node->disabled);
        mix_number(&node->hash, node->window);
        mix_name(&node->hash, node->name);
        mix_name(&node->hash, node->target_name);
        for (struct mtree_node *c = node->child; c; c = c->next) {
            mix_number(&node->hash, c->start - node->start);
            mix_number(&node->hash, c->hash);
            node->weight += c->weight;
        }
    }
}

static bool same_name(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool equal(const struct mtree_node *a, const struct mtree_node *b)
{
    if (a->hash != b->hash || a->last - a->start != b->last - b->start ||
        a->priority != b->priority || a->kind != b->kind || a->nonvolatile != b->nonvolatile ||
        a->disabled != b->disabled || a->window != b->window || !same_name(a->name, b->name) ||
        !same_name(a->target_name, b->target_name))
        return false;
    const struct mtree_node *ac = a->child, *bc = b->child;

    for (; ac && bc; ac = ac->next, bc = bc->next)
        if (ac->start - a->start != bc->start - b->start || !equal(ac, bc))
            return false;
    return !ac && !bc;
}

static uint64_t offset_of(const struct mtree_node *node)
{
    return node->start - (node->parent ? node->parent->start : 0);
}

static bool may_be_same(const struct mtree_node *root, const struct mtree_node *other)
{
    bool is_space = root->listing->is_space;

    if (other->listing == root->listing || other->listing->root->same)
        return false;
    if (!other->parent && (is_space || !other->listing->is_space))
        return false;
    return !other->claimed[is_space] && offset_of(root) == offset_of(other) && equal(root, other);
}

static int by_hash(const void *a, const void *b)
{
    const struct mtree_node *x = *(struct mtree_node *const *)a;
    const struct mtree_node *y = *(struct mtree_node *const *)b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static int by_weight(const void *a, const void *b)
{
    const struct mtree_node *x = *(struct mtree_node *const *)a;
    const struct mtree_node *y = *(struct mtree_node *const *)b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* The first of `sorted` with this hash or a greater one. */
static size_t first_with(struct mtree_node **sorted, size_t n, uint64_t hash)
{
    size_t low = 0;

    while (low < n) {
        size_t middle = low + (n - low) / 2;

        if (sorted[middle]->hash < hash)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

static void unite(struct mtree_node *root, struct mtree_node **sorted, size_t n)
{
    size_t first = first_with(sorted, n, root->hash);

    for (size_t i = first; i < n && i < first + TRIES && sorted[i]->hash == root->hash; i++) {
        if (may_be_same(root, sorted[i])) {
            sorted[i]->claimed[root->listing->is_space] = true;
            root->same = sorted[i];
            return;
        }
    }
}

/* The largest trees first: what is in one that turned out to be part of another is gone by then. */
static int unite_all(struct mtree *m)
{
    struct mtree_node **sorted = mtree_alloc(m, m->node_count * sizeof(*sorted) + 1);
    struct mtree_node **roots = mtree_alloc(m, m->count * sizeof(*roots) + 1);
    size_t n = 0;

    if (!sorted || !roots)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < m->node_count; i++)
        sorted[i] = m->nodes[i];
    for (size_t i = 0; i < m->count; i++)
        if (m->listings[i]->root)
            roots[n++] = m->listings[i]->root;
    qsort(sorted, m->node_count, sizeof(*sorted), by_hash);
    qsort(roots, n, sizeof(*roots), by_weight);
    for (size_t i = 0; i < n; i++)
        unite(roots[i], sorted, m->node_count);
    return 0;
}

/* Listings of regions and nodes, by name: where aliases find their targets. */

struct target {
    const char *name;
    struct mtree_node *node; /* NULL: a listing whose root is not printed */
    size_t line;
    bool taken; /* by an alias of the name at hand */
};

struct targets {
    struct target *t;
    size_t n;
};

/* Those of one name, and from which on they are not all taken. */
struct group {
    struct target *t;
    size_t n, from;
};

static int by_target(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int index_targets(struct mtree *m, struct targets *listed, struct targets *all)
{
    listed->t = mtree_alloc(m, m->count * sizeof(*listed->t) + 1);
    all->t = mtree_alloc(m, m->node_count * sizeof(*all->t) + 1);
    if (!listed->t || !all->t)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < m->count; i++) {
        struct mtree_listing *l = m->listings[i];

        if (!l->is_space)
            listed->t[listed->n++] = (struct target){l->names[0], l->root, l->line, false};
    }
    for (size_t i = 0; i < m->node_count; i++) {
        struct mtree_node *node = m->nodes[i];

        if (!node->target_name && !node->listing->root->same)
            all->t[all->n++] = (struct target){node->name, node, node->line, false};
    }
    qsort(listed->t, listed->n, sizeof(*listed->t), by_target);
    qsort(all->t, all->n, sizeof(*all->t), by_target);
    return 0;
}

static struct group find_group(const struct targets *targets, const char *name)
{
    size_t low = 0, high = targets->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(targets->t[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (high = low; high < targets->n && !strcmp(targets->t[high].name, name); high++)
        ;
    return (struct group){targets->t + low, high - low, 0};
}

static void release(struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        g->t[i].taken = false;
    g->from = 0;
}

/* How many subregions of `target` the alias shows. */
static size_t shown(const struct mtree_node *alias, const struct mtree_node *target)
{
    uint64_t last = alias->window + (alias->last - alias->start);
    size_t n = 0;

    if (!target)
        return 0;
    for (const struct mtree_node *c = target->child; c; c = c->next)
        n += c->start - target->start <= last && c->last - target->start >= alias->window;
    return n;
}

static struct target *choose(const struct mtree_node *alias, struct group *g)
{
    struct target *best = NULL;
    size_t most = 0;

    while (g->from < g->n && g->t[g->from].taken)
        g->from++;
    if (g->from == g->n) /* once around: all may be taken again */
        release(g);
    for (size_t i = g->from; i < g->n && i < g->from + TRIES; i++) {
        size_t shows = g->t[i].taken || g->n == 1 ? 0 : shown(alias, g->t[i].node);

        if (!g->t[i].taken && (!best || shows > most)) {
            best = &g->t[i];
            most = shows;
        }
    }
    best->taken = true;
    return best;
}

/* An alias of something that is disabled, and so not printed: of an empty region instead. */
static struct mtree_node *hidden_target(struct mtree *m, const struct mtree_node *alias)
{
    struct mtree_node *node = mtree_alloc(m, sizeof(*node));

    if (!node)
        return NULL;
    node->name = alias->target_name;
    node->last = alias->window + (alias->last - alias->start);
    if (node->last < alias->window)
        node->last = UINT64_MAX;
    node->disabled = true;
    node->line = alias->line;
    node->listing = alias->listing;
    return node;
}

static int resolve_alias(struct mtree *m, struct mtree_node *alias, struct group *g)
{
    struct target *t;

    if (!g->n)
        return mtree_fail(m, EINVAL, alias->line, "an alias of '%s', which is nowhere in the text",
                          alias->target_name);
    t = choose(alias, g);
    alias->target = t->node ? mtree_node_canonical(t->node) : hidden_target(m, alias);
    return alias->target ? 0 : mtree_fail(m, ENOMEM, 0, "out of memory");
}

/* By target, then by their own name: the aliases of one name, as those of a row of bridges,
 * belong to different targets. */
static int by_alias(const void *a, const void *b)
{
    const struct mtree_node *x = *(struct mtree_node *const *)a;
    const struct mtree_node *y = *(struct mtree_node *const *)b;
    int order = strcmp(x->target_name, y->target_name);

    order = order ? order : strcmp(x->name, y->name);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int resolve_aliases(struct mtree *m)
{
    struct mtree_node **aliases = mtree_alloc(m, m->node_count * sizeof(*aliases) + 1);
    struct targets listed = {0}, all = {0};
    struct group group = {0};
    size_t n = 0;
    int e = index_targets(m, &listed, &all);

    if (!aliases)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < m->node_count; i++)
        if (m->nodes[i]->target_name && !m->nodes[i]->listing->root->same)
            aliases[n++] = m->nodes[i];
    qsort(aliases, n, sizeof(*aliases), by_alias);
    for (size_t i = 0; i < n && !e; i++) {
        struct mtree_node *alias = aliases[i], *before = i ? aliases[i - 1] : NULL;

        if (!before || strcmp(alias->target_name, before->target_name)) {
            group = find_group(&listed, alias->target_name);
            if (!group.n)
                group = find_group(&all, alias->target_name);
        } else if (strcmp(alias->name, before->name)) {
            release(&group);
        }
        e = resolve_alias(m, alias, &group);
    }
    return e;
}

int mtree_resolve(struct mtree *m)
{
    int e;

    hash_all(m);
    e = unite_all(m);
    return e ? e : resolve_aliases(m);
}
