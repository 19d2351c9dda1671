/* SPDX-License-Identifier: MIT */

/*
 * What the text does not tell, in the order of what is believed: the evidence of flat views if
 * there are any, then what is known of QEMU's own names, then a rule.
 *
 *   does an i/o region answer, or is it a container?   with subregions: a container; else it does
 *   is an alias read-only?                             no
 *   which of two that overlap with the same priority   the one at the higher address: most
 *   lies above?                                        machines are put together in that order
 *
 * Where two have the same address too nothing needs guessing: QEMU prints the upper one first.
 */

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "mtree.h"

#define CONTAINER -1
#define ANSWERS   1

/* From QEMU 7.2's sources and the maps of all its machines in Debian. */
static const struct {
    const char *name; /* a pattern of fnmatch(3) */
    int empty;        /* without subregions */
    int full;         /* with subregions */
    uint64_t size;    /* only of this size; 0: of any */
} known[] = {
    /* Containers that may be empty: of a bus without devices, or a window that is closed. */
    {"bus master container", CONTAINER, CONTAINER, 0},
    {"e1000e-flash", CONTAINER, 0, 0},
    {"gpex_ioport", CONTAINER, CONTAINER, 0},
    {"gpex_mmio", CONTAINER, CONTAINER, 0},
    {"isa-mem", CONTAINER, CONTAINER, 0},
    {"memhp container", CONTAINER, CONTAINER, 0},
    {"pci bus memory", CONTAINER, CONTAINER, 0},
    {"pci", CONTAINER, CONTAINER, 0},
    {"pci-memory", CONTAINER, CONTAINER, 0},
    {"pci-mmio", CONTAINER, CONTAINER, 0},
    {"pci-testdev-membar", CONTAINER, 0, 0},
    {"pci.mem", CONTAINER, CONTAINER, 0},
    {"pci0-io", CONTAINER, ANSWERS, 0},
    {"pci0-mem", CONTAINER, CONTAINER, 0},
    {"pci1-mem", CONTAINER, CONTAINER, 0},
    {"pci@*.io", CONTAINER, CONTAINER, 0},
    {"pci@*.mmio", CONTAINER, CONTAINER, 0},
    {"pci_bridge_io", CONTAINER, CONTAINER, 0},
    {"pci_bridge_pci", CONTAINER, CONTAINER, 0},
    {"pci_io", CONTAINER, CONTAINER, 0},
    {"pci_mem", CONTAINER, CONTAINER, 0},
    {"platform bus", CONTAINER, CONTAINER, 0},
    {"smram", CONTAINER, CONTAINER, 0},
    {"system", CONTAINER, CONTAINER, 0},
    {"tce-root-*", CONTAINER, CONTAINER, 0},
    {"unin-pci-mmio", CONTAINER, CONTAINER, 0},
    {"xive-vc-end", CONTAINER, CONTAINER, 0},
    {"xive-vc-ipi", CONTAINER, CONTAINER, 0},
    /* Callbacks behind the subregions. */
    {"ahci", 0, ANSWERS, 0},
    {"aspeed.i2c", 0, ANSWERS, 0},
    {"aspeed.sdhci", 0, ANSWERS, 0},
    {"aspeed.smc.flash", 0, ANSWERS, 0},
    {"bochs-display-mmio", 0, ANSWERS, 0},
    {"dino", 0, ANSWERS, 0},
    {"dma", 0, ANSWERS, 0x1000}, /* Zynq's, not the sun4m's */
    {"gpex_ioport_window", 0, ANSWERS, 0},
    {"gpex_mmio_window", 0, ANSWERS, 0},
    {"io", ANSWERS, ANSWERS, 0},
    {"iocsr", ANSWERS, ANSWERS, 0},
    {"isa-io", 0, ANSWERS, 0x800}, /* hppa's, not powernv's */
    {"onenand", 0, ANSWERS, 0},
    {"pci-isa-mmio", 0, ANSWERS, 0},
    {"rtc", 0, ANSWERS, 0},
    {"sabre-config", 0, ANSWERS, 0},
    {"unin-pci-isa-mmio", 0, ANSWERS, 0},
    {"vga.mmio", 0, ANSWERS, 0},
    {"via-pm", 0, ANSWERS, 0},
    {"xtfpga.io", 0, ANSWERS, 0},
    {"????:??:??.? *BAR ?", ANSWERS, ANSWERS, 0}, /* of vfio-pci, with what is mapped inside */
};

/* Of those that overlap with the same priority, what lies above although it begins lower. */
static const char *const above[] = {
    "imx7.gpr",
    "xscom-quad.*",
};

/* How many ranges of one name are looked at. */
#define TRIES 4096

static uint64_t base_of(const struct mtree_range *range)
{
    return range->start - range->offset;
}

/* By name, and where their region begins. */
static int compare_named(const struct mtree_range *range, const char *name, uint64_t base)
{
    int order = strcmp(range->name, name);

    return order ? order : (base_of(range) > base) - (base_of(range) < base);
}

static int by_name_order(const void *a, const void *b)
{
    const struct mtree_range *x = *(struct mtree_range *const *)a;
    const struct mtree_range *y = *(struct mtree_range *const *)b;

    return compare_named(x, y->name, base_of(y));
}

/* The first range of that name whose region begins at `base` or later. */
static size_t first_named(const struct mtree *m, const char *name, uint64_t base)
{
    size_t low = 0, high = m->by_name_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_named(m->by_name[middle], name, base) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Could the range be a piece of the region, were it in the right place? */
static bool fits(const struct mtree_range *range, const struct mtree_node *node)
{
    return range->priority == node->priority && range->offset <= node->last - node->start;
}

/* Does the flat view of its address space name it in its place? Says so in the ranges. */
static bool named_in_place(const struct mtree *m, const struct mtree_node *node)
{
    const struct mtree_view *view = node->listing->view;
    bool found = false;

    if (!view)
        return false;

    for (size_t i = first_named(m, node->name, node->start);
         i < m->by_name_count && !compare_named(m->by_name[i], node->name, node->start); i++) {
        if (m->by_name[i] >= view->ranges && m->by_name[i] < view->ranges + view->count &&
            fits(m->by_name[i], node)) {
            m->by_name[i]->explained = true;
            found = true;
        }
    }
    return found;
}

static void find_view(struct mtree *m, struct mtree_listing *listing)
{
    size_t n = 0;

    for (size_t i = 0; listing->is_space && i < m->view_count; i++) {
        if (!strcmp(m->views[i].space, listing->names[0])) {
            listing->view = &m->views[i];
            n++;
        }
    }
    if (n > 1) /* which of them is not told */
        listing->view = NULL;
}

int mtree_evidence_index(struct mtree *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->view_count; i++)
        n += m->views[i].count;
    m->by_name = mtree_alloc(m, n * sizeof(struct mtree_range *) + 1);
    if (!m->by_name)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    m->by_name_count = 0;
    for (size_t i = 0; i < m->view_count; i++) {
        const struct mtree_view *view = &m->views[i];

        /* Address spaces that share a view share the array. */
        for (size_t k = 0; k < view->count && (!i || view->ranges != view[-1].ranges); k++)
            m->by_name[m->by_name_count++] = &view->ranges[k];
    }
    qsort(m->by_name, m->by_name_count, sizeof(struct mtree_range *), by_name_order);
    for (size_t i = 0; i < m->count; i++)
        find_view(m, m->listings[i]);
    for (size_t i = 0; i < m->node_count; i++)
        if (!m->nodes[i]->target_name)
            m->nodes[i]->named = named_in_place(m, m->nodes[i]);
    return 0;
}

/* What is known of a node holds for the node that is the same region. */
static void share(const struct mtree_node *node, struct mtree_node *same)
{
    struct mtree_node *s = same->child;

    same->named = same->named || node->named;
    for (const struct mtree_node *c = node->child; c && s; c = c->next, s = s->next)
        share(c, s);
}

void mtree_evidence_share(struct mtree *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->listings[i]->root && m->listings[i]->root->same)
            share(m->listings[i]->root, mtree_node_canonical(m->listings[i]->root));
}

/* A container is often named as the region with the callbacks in it. */
static bool named_as_relative(const struct mtree_node *node)
{
    for (const struct mtree_node *c = node->child; c; c = c->next)
        if (!strcmp(c->name, node->name))
            return true;
    return node->parent && !strcmp(node->parent->name, node->name);
}

/* Is there a range that could be a piece of it, where only an alias shows it, and that is of
 * nothing else? */
static bool named_elsewhere(const struct mtree *m, const struct mtree_node *node)
{
    size_t first = first_named(m, node->name, 0);

    for (size_t i = first; i < m->by_name_count && i < first + TRIES; i++) {
        if (strcmp(m->by_name[i]->name, node->name))
            return false;
        if (fits(m->by_name[i], node) && !m->by_name[i]->explained)
            return true;
    }
    return false;
}

static bool rule(const struct mtree_node *node)
{
    uint64_t size = node->last - node->start + 1;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        int what = node->child ? known[i].full : known[i].empty;

        if (what && (!known[i].size || known[i].size == size) &&
            !fnmatch(known[i].name, node->name, 0))
            return what == ANSWERS;
    }
    return !node->child;
}

bool mtree_guess_answers(const struct mtree *m, const struct mtree_node *node)
{
    if (!m->view_count)
        return rule(node);
    if (node->named)
        return true;
    if ((!node->parent && node->listing->view) || !named_elsewhere(m, node))
        return false;
    return named_as_relative(node) ? rule(node) : true;
}

/* QEMU prints the kind of an alias's target, and not that an alias makes it read-only. The
 * shadow RAM of PC chipsets does that, by its name. */
bool mtree_guess_readonly(const struct mtree_node *node)
{
    if (!node->target_name)
        return node->kind == MTREE_ROM;
    return !strcmp(node->name, "pam-rom") ||
           (node->kind == MTREE_ROM && node->target->kind != MTREE_ROM);
}

/* What the flat view of the listing's address space has there. */
static const struct mtree_range *evidence_at(const struct mtree_view *view, uint64_t addr)
{
    size_t low = 0, high = view ? view->count : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (view->ranges[middle].last < addr)
            low = middle + 1;
        else
            high = middle;
    }
    if (!view || low == view->count || view->ranges[low].start > addr)
        return NULL;
    return &view->ranges[low];
}

static bool is_of(const struct mtree_range *range, const struct mtree_node *node)
{
    return range && !strcmp(range->name, node->name) && base_of(range) == node->start;
}

bool mtree_guess_above(const struct mtree_node *node, const struct mtree_node *later)
{
    const struct mtree_range *seen;

    if (node->priority != later->priority || node->start == later->start ||
        later->start > node->last)
        return false;
    seen = evidence_at(node->listing->view, later->start);
    if (is_of(seen, node))
        return true;
    if (is_of(seen, later))
        return false;
    for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++)
        if (!fnmatch(above[i], node->name, 0))
            return true;
    return false;
}
