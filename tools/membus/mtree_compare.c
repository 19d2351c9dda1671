/* SPDX-License-Identifier: MIT */

/* What was rendered, against flat views that were given: each address space's list of ranges, by
 * content. In which order views are printed, and which share one, is not compared. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mtree.h"

struct rendered {
    struct mtree *m;
    struct mtree_range *ranges;
    size_t count, capacity;
};

static const char *kind_of(const struct membus_range *range)
{
    static const char *const words[2][5] = {{"i/o", "ram", "rom", "romd", "ramd"},
                                            {"nv-i/o", "nv-ram", "nv-rom", "nv-romd", "nv-ramd"}};
    bool nv = range->flags & MEMBUS_RANGE_NONVOLATILE;
    enum membus_region_kind kind = membus_region_kind(range->region);
    enum mtree_kind word = MTREE_IO;

    if (range->flags & MEMBUS_RANGE_READONLY)
        word = MTREE_ROM;
    else if (kind == MEMBUS_REGION_RAM)
        word = MTREE_RAM;
    else if (kind == MEMBUS_REGION_DEVICE)
        word = MTREE_RAMD;
    else if (kind == MEMBUS_REGION_ROM_DEVICE && membus_region_direct(range->region))
        word = MTREE_ROMD;
    return words[nv][word];
}

static int add_range(void *data, const struct membus_range *range)
{
    struct rendered *r = data;
    int e = mtree_grow(r->m, &r->ranges, r->count, &r->capacity, sizeof(*r->ranges));

    if (e)
        return e;
    r->ranges[r->count++] = (struct mtree_range){
        .start = range->start,
        .last = range->last,
        .offset = range->offset,
        .priority = membus_region_priority(range->region),
        .kind = kind_of(range),
        .name = membus_region_name(range->region),
    };
    return 0;
}

static int order(const struct mtree_range *a, const struct mtree_range *b)
{
    int names = strcmp(a->name, b->name);

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->last != b->last)
        return a->last < b->last ? -1 : 1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return names ? names : strcmp(a->kind, b->kind);
}

static void print_difference(FILE *out, char mark, const struct mtree_range *r)
{
    fprintf(out, "%c %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", mark, r->start, r->last,
            r->priority, r->kind, r->name);
    if (r->offset)
        fprintf(out, " @%016" PRIx64, r->offset);
    fputc('\n', out);
}

/* Both ascend. Returns how many ranges are in one of them only; says which unless `out` is NULL. */
static size_t differences(const struct rendered *r, const struct mtree_view *view, FILE *out)
{
    size_t i = 0, k = 0, n = 0;

    while (i < r->count || k < view->count) {
        int o = i == r->count ? 1 : k == view->count ? -1 : order(&r->ranges[i], &view->ranges[k]);

        n += o != 0;
        if (out && o)
            print_difference(out, o < 0 ? '+' : '-', o < 0 ? &r->ranges[i] : &view->ranges[k]);
        i += o <= 0;
        k += o >= 0;
    }
    return n;
}

/* Names of address spaces are not unique: any one will do, but each only once. */
static struct mtree_view *counterpart(struct mtree *m, const char *name, const struct rendered *r)
{
    struct mtree_view *found = NULL;

    for (size_t i = 0; i < m->view_count; i++) {
        struct mtree_view *view = &m->views[i];

        if (view->matched || strcmp(view->space, name))
            continue;
        if (!differences(r, view, NULL))
            return view;
        found = found ? found : view;
    }
    return found;
}

static int compare_space(struct mtree *m, struct membus_space *space, FILE *out)
{
    struct rendered r = {.m = m};
    const char *name = membus_space_name(space);
    struct mtree_view *view;
    int e = membus_space_ranges(space, add_range, &r);

    if (e)
        return mtree_fail(m, -e, 0, "address space '%s': %s", name, strerror(-e));
    view = counterpart(m, name, &r);
    if (!view) {
        fprintf(out, "address space \"%s\": has no flat view to compare with\n", name);
        return 1;
    }
    view->matched = true;
    if (!differences(&r, view, NULL))
        return 0;
    fprintf(out, "address space \"%s\": + rendered, - given\n", name);
    differences(&r, view, out);
    return 1;
}

int mtree_compare(struct mtree *m, FILE *out)
{
    int n = 0;

    for (size_t i = 0; i < m->count; i++) {
        for (size_t k = 0; m->listings[i]->spaces && k < m->listings[i]->count; k++) {
            int e = compare_space(m, m->listings[i]->spaces[k], out);

            if (e < 0)
                return e;
            n += e;
        }
    }
    for (size_t i = 0; i < m->view_count; i++) {
        if (!m->views[i].matched) {
            fprintf(out, "address space \"%s\": has a flat view, but is not in the tree\n",
                    m->views[i].space);
            n++;
        }
    }
    return n;
}
