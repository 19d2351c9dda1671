/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TOOL_MTREE_H
#define MEMBUS_TOOL_MTREE_H

/*
 * membus mtree: what QEMU's `info mtree` prints, read back, built of membus's regions, and
 * rendered.
 *
 *   listing   what stands below one or more `address-space:` lines, or one `memory-region:` line:
 *             a tree of nodes
 *   node      a line of a tree: a region
 *   evidence  flat views, as `info mtree -f` prints them, that tell what the trees do not
 *
 *   mtree_parse    text -> listings and evidence
 *   mtree_resolve  the same region in two listings is one; the targets of aliases
 *   mtree_guess    what the text does not tell
 *   mtree_build    listings -> regions and spaces
 *   mtree_compare  spaces against evidence
 *   mtree          the command
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <membus/region.h>
#include <membus/space.h>

/* Limits of what is read. */
#define MTREE_BYTES_MAX ((size_t)64 << 20)
#define MTREE_DEPTH_MAX 64 /* levels of indentation; what membus takes, it says itself */

enum mtree_kind { MTREE_IO, MTREE_RAM, MTREE_ROM, MTREE_ROMD, MTREE_RAMD };

struct mtree_node {
    const char *name;
    const char *target_name; /* of an alias, else NULL */
    uint64_t start, last;    /* as printed: addresses in the listing */
    uint64_t window;         /* where the alias's window begins in its target */
    int priority;
    enum mtree_kind kind;
    bool nonvolatile;
    bool disabled;
    size_t line;

    struct mtree_node *parent, *child, *child_last, *next;
    struct mtree_listing *listing;
    bool named; /* evidence: a flat view names it in its place */

    /* mtree_resolve */
    uint64_t hash;             /* of all that is printed of it and below, places apart */
    size_t weight;             /* nodes in it */
    struct mtree_node *same;   /* the node that is this very region, when it is not this one */
    bool claimed[2];           /* another listing is this node: [a space's, a region's] */
    struct mtree_node *target; /* of an alias */

    /* mtree_build */
    struct membus_region *region;
    struct membus_region *at_offset; /* a root that is not at address 0, in one that is */
    bool building;
};

struct mtree_listing {
    bool is_space;
    const char **names; /* of the address spaces, or of the region */
    size_t count, capacity;
    struct mtree_node *root; /* NULL: disabled, and so not printed */
    size_t line;
    struct membus_space **spaces; /* one for each name */
    struct mtree_view *view;      /* evidence: of the first of its address spaces, or NULL */
};

struct mtree_range {
    uint64_t start, last, offset;
    int priority;
    const char *kind; /* "ram", "nv-ram", ... */
    const char *name;
    bool explained; /* there is a node that it is a piece of */
};

/* The flat view of one address space. */
struct mtree_view {
    const char *space;
    struct mtree_range *ranges;
    size_t count;
    bool matched; /* mtree_compare: has found its counterpart */
};

struct mtree {
    struct mtree_listing **listings;
    size_t count, capacity;
    struct mtree_node **nodes; /* all, in the order of their lines */
    size_t node_count, node_capacity;
    struct mtree_view *views; /* evidence */
    size_t view_count, view_capacity;
    struct mtree_range **by_name; /* all ranges of the evidence, sorted */
    size_t by_name_count;
    struct membus_region **built; /* in the order of their creation */
    size_t built_count, built_capacity;
    size_t clones;
    struct mtree_chunk *chunks;
    char error[320];
};

/* What is wrong, with the line where one is to blame (0: none). Returns -error. */
int mtree_fail(struct mtree *m, int error, size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Zeroed memory that lives as long as `m`; NULL when there is none. */
void *mtree_alloc(struct mtree *m, size_t size);
/* Makes room for one more element in an array. Returns 0 or -ENOMEM. */
int mtree_grow(struct mtree *m, void *array, size_t count, size_t *capacity, size_t size);
void mtree_free(struct mtree *m);

/* All return 0 or -errno, with m->error said. */
int mtree_read_file(struct mtree *m, char **text, size_t *n, const char *path);
int mtree_parse(struct mtree *m, const char *text, size_t n);
int mtree_resolve(struct mtree *m);
int mtree_build(struct mtree *m);
/* Before and after mtree_resolve(). */
int mtree_evidence_index(struct mtree *m);
void mtree_evidence_share(struct mtree *m);

/* The node that stands for the region of this one. */
struct mtree_node *mtree_node_canonical(struct mtree_node *node);

/* Guesses. */
bool mtree_guess_answers(const struct mtree *m, const struct mtree_node *node);
bool mtree_guess_readonly(const struct mtree_node *node);
/* Does it lie above `later`, a sibling at a higher address? */
bool mtree_guess_above(const struct mtree_node *node, const struct mtree_node *later);

/* Says on `out` where rendered and given views differ. Returns how many address spaces do, or
 * -errno. */
int mtree_compare(struct mtree *m, FILE *out);

/* Deletes all spaces and regions that were built. */
void mtree_unbuild(struct mtree *m);

#endif
