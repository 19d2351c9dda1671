/* SPDX-License-Identifier: MIT */

/*
 * A container's children: a treap ordered by offset, then by order of addition. Each node carries
 * the greatest end in its subtree, so that those which touch a window are found without looking
 * at the others.
 */

#include "region_internal.h"

static uint64_t end_of(const struct membus_region *node)
{
    return node->offset + node->last; /* does not wrap: checked when it was added */
}

static bool before(const struct membus_region *a, const struct membus_region *b)
{
    return a->offset != b->offset ? a->offset < b->offset : a->order < b->order;
}

static void update(struct membus_region *node)
{
    node->max_last = end_of(node);
    if (node->left && node->left->max_last > node->max_last)
        node->max_last = node->left->max_last;
    if (node->right && node->right->max_last > node->max_last)
        node->max_last = node->right->max_last;
}

/* Splits a tree into what is before `key` and what is not. */
static void split(struct membus_region *tree, const struct membus_region *key,
                  struct membus_region **left, struct membus_region **right)
{
    if (!tree) {
        *left = *right = NULL;
    } else if (before(tree, key)) {
        split(tree->right, key, &tree->right, right);
        *left = tree;
        update(tree);
    } else {
        split(tree->left, key, left, &tree->left);
        *right = tree;
        update(tree);
    }
}

static struct membus_region *merge(struct membus_region *left, struct membus_region *right)
{
    if (!left || !right)
        return left ? left : right;
    if (left->heap > right->heap) {
        left->right = merge(left->right, right);
        update(left);
        return left;
    }
    right->left = merge(left, right->left);
    update(right);
    return right;
}

static struct membus_region *insert(struct membus_region *tree, struct membus_region *node)
{
    if (!tree || node->heap > tree->heap) {
        split(tree, node, &node->left, &node->right);
        tree = node;
    } else if (before(node, tree)) {
        tree->left = insert(tree->left, node);
    } else {
        tree->right = insert(tree->right, node);
    }
    update(tree);
    return tree;
}

static struct membus_region *take(struct membus_region *tree, const struct membus_region *node)
{
    if (tree == node)
        return merge(tree->left, tree->right);
    if (before(node, tree))
        tree->left = take(tree->left, node);
    else
        tree->right = take(tree->right, node);
    update(tree);
    return tree;
}

/* A cheap generator is enough: the keys only keep the tree from degenerating. */
static uint32_t next_heap(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

void membus_tree_insert(struct membus_region *container, struct membus_region *sub)
{
    sub->heap = next_heap();
    container->children = insert(container->children, sub);
}

void membus_tree_remove(struct membus_region *container, struct membus_region *sub)
{
    container->children = take(container->children, sub);
    sub->left = sub->right = NULL;
}

static int overlap(struct membus_region *node, uint64_t first, uint64_t last,
                   int (*each)(void *data, struct membus_region *sub), void *data)
{
    int stop;

    if (!node || node->max_last < first)
        return 0;
    stop = overlap(node->left, first, last, each, data);
    if (stop || node->offset > last)
        return stop;
    if (end_of(node) >= first)
        stop = each(data, node);
    return stop ? stop : overlap(node->right, first, last, each, data);
}

int membus_tree_overlap(struct membus_region *container, uint64_t first, uint64_t last,
                        int (*each)(void *data, struct membus_region *sub), void *data)
{
    return overlap(container->children, first, last, each, data);
}
