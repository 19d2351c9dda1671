/* SPDX-License-Identifier: MIT */

/*
 * Spaces and regions as text, in the form of QEMU's `info mtree` and `info mtree -f`, or as JSON.
 * All of a print is one state: it holds the lock of transactions.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <membus/space.h>

#define FLAGS_ALL (MEMBUS_PRINT_TREE | MEMBUS_PRINT_DISABLED | MEMBUS_PRINT_JSON)

/* Pointers, in the order in which they were added. */
struct list {
    void **item;
    size_t count, capacity;
};

static int list_add(struct list *list, void *item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        void **bigger = realloc(list->item, capacity * sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        list->item = bigger;
        list->capacity = capacity;
    }
    list->item[list->count++] = item;
    return 0;
}

static int list_add_new(struct list *list, void *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->item[i] == item)
            return 0;
    return list_add(list, item);
}

static int add_space(void *data, struct membus_space *space)
{
    return list_add(data, space);
}

/* A name is what somebody gave: bytes, maybe not even UTF-8. In JSON those above 0x7f that are
 * none become U+FFFD. */
static size_t utf8_length(const unsigned char *p)
{
    size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
        (*p == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static void json_string(FILE *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    fputc('"', out);
    while (*p) {
        size_t n = utf8_length(p);

        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p < 0x20)
            fprintf(out, "\\u%04x", *p);
        else if (n)
            fwrite(p, 1, n, out);
        else
            fputs("\\ufffd", out);
        p += n ? n : 1;
    }
    fputc('"', out);
}

/* QEMU's words; an alias has its target's. */
static const char *kind_name(const struct membus_region *region, bool readonly)
{
    while (membus_region_kind(region) == MEMBUS_REGION_ALIAS)
        region = membus_region_alias(region);
    switch (membus_region_kind(region)) {
    case MEMBUS_REGION_RAM:
        return readonly || membus_region_readonly(region) ? "rom" : "ram";
    case MEMBUS_REGION_DEVICE:
        return readonly ? "rom" : "ramd";
    case MEMBUS_REGION_ROM_DEVICE:
        return readonly ? "rom" : membus_region_direct(region) ? "romd" : "i/o";
    default:
        return readonly ? "rom" : "i/o";
    }
}

/* What QEMU's words do not tell apart. */
static const char *type_name(const struct membus_region *region)
{
    static const char *const names[] = {
        [MEMBUS_REGION_CONTAINER] = "container",
        [MEMBUS_REGION_IO] = "io",
        [MEMBUS_REGION_RAM] = "ram",
        [MEMBUS_REGION_ROM_DEVICE] = "rom-device",
        [MEMBUS_REGION_DEVICE] = "device",
        [MEMBUS_REGION_ALIAS] = "alias",
        [MEMBUS_REGION_IOMMU] = "iommu",
    };

    return names[membus_region_kind(region)];
}

/* Views. */

static int text_range(void *data, const struct membus_range *range)
{
    FILE *out = data;

    fprintf(out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s%s): %s", range->start, range->last,
            membus_region_priority(range->region),
            range->flags & MEMBUS_RANGE_NONVOLATILE ? "nv-" : "",
            kind_name(range->region, range->flags & MEMBUS_RANGE_READONLY),
            membus_region_name(range->region));
    if (range->offset)
        fprintf(out, " @%016" PRIx64, range->offset);
    fputc('\n', out);
    return 0;
}

struct json_ranges {
    FILE *out;
    size_t count;
};

static int json_range(void *data, const struct membus_range *range)
{
    struct json_ranges *j = data;

    fprintf(j->out, "%s\n      {\"start\": \"0x%" PRIx64 "\", \"last\": \"0x%" PRIx64 "\", ",
            j->count++ ? "," : "", range->start, range->last);
    fprintf(
        j->out, "\"priority\": %d, \"kind\": \"%s%s\", \"type\": \"%s\", \"name\": ",
        membus_region_priority(range->region), range->flags & MEMBUS_RANGE_NONVOLATILE ? "nv-" : "",
        kind_name(range->region, range->flags & MEMBUS_RANGE_READONLY), type_name(range->region));
    json_string(j->out, membus_region_name(range->region));
    fprintf(j->out, ", \"offset\": \"0x%" PRIx64 "\"}", range->offset);
    return 0;
}

/* ` AS "memory", root: system` */
static void print_space_of_view(struct membus_space *space, FILE *out, bool json, bool first)
{
    struct membus_region *root = membus_space_root(space);
    struct membus_region *alias = root ? membus_region_alias(root) : NULL;
    const char *name = root ? membus_region_name(root) : "(none)";

    if (json) {
        fputs(first ? "\n      {\"name\": " : ",\n      {\"name\": ", out);
        json_string(out, membus_space_name(space));
        fputs(", \"root\": ", out);
        json_string(out, name);
        fputc('}', out);
        return;
    }
    fprintf(out, " AS \"%s\", root: %s", membus_space_name(space), name);
    if (alias)
        fprintf(out, ", alias %s", membus_region_name(alias));
    fputc('\n', out);
}

static int print_ranges(struct membus_space *space, FILE *out, bool json)
{
    struct membus_region *root = membus_space_view(space) ? membus_space_view_root(space) : NULL;
    struct json_ranges j = {out, 0};
    int e;

    if (json) {
        fputs("],\n     \"root\": ", out);
        if (root)
            json_string(out, membus_region_name(root));
        else
            fputs("null", out);
        fputs(", \"ranges\": [", out);
        e = membus_space_ranges(space, json_range, &j);
        fputs("]}", out);
        return e;
    }
    fprintf(out, " Root memory region: %s\n", root ? membus_region_name(root) : "(none)");
    if (!membus_space_view(space)) {
        fputs("  No rendered FlatView\n\n", out);
        return 0;
    }
    e = membus_space_ranges(space, text_range, out);
    fputc('\n', out);
    return e;
}

/* What the spaces show, or their roots: looked up once, for comparing all with all. */
static int list_each(struct list *list, const struct list *spaces, bool roots)
{
    int e = 0;

    for (size_t i = 0; i < spaces->count && !e; i++)
        e = list_add(list, roots ? (void *)membus_space_root(spaces->item[i])
                                 : (void *)(uintptr_t)membus_space_view(spaces->item[i]));
    return e;
}

static bool is_first(const struct list *list, size_t i)
{
    size_t k = 0;

    while (list->item[k] != list->item[i])
        k++;
    return k == i;
}

/* The view of space `i`, below the spaces that share it. */
static int print_view(const struct list *spaces, const struct list *views, size_t i, FILE *out,
                      bool json)
{
    for (size_t k = i; k < spaces->count; k++)
        if (views->item[k] == views->item[i])
            print_space_of_view(spaces->item[k], out, json, k == i);
    return print_ranges(spaces->item[i], out, json);
}

/* Each view once. */
static int print_views(const struct list *spaces, FILE *out, bool json)
{
    struct list views = {0};
    size_t printed = 0;
    int e = list_each(&views, spaces, false);

    if (json)
        fputs("{\"views\": [", out);
    for (size_t i = 0; i < spaces->count && !e; i++) {
        if (!is_first(&views, i))
            continue;
        if (json)
            fprintf(out, "%s\n    {\"spaces\": [", printed ? "," : "");
        else
            fprintf(out, "FlatView #%zu\n", printed);
        printed++;
        e = print_view(spaces, &views, i, out, json);
    }
    if (json)
        fputs("]}\n", out);
    free(views.item);
    return e;
}

/* Trees. */

struct tree {
    FILE *out;
    bool disabled; /* print them */
    bool json;
    struct list *targets; /* of the aliases that were met, or NULL */
};

/* A subregion, and how many siblings lie above it. */
struct child {
    struct membus_region *region;
    uint64_t offset;
    size_t rank;
};

struct children {
    struct child *child;
    size_t count, capacity;
};

static int add_child(void *data, struct membus_region *region)
{
    struct children *c = data;

    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? c->capacity * 2 : 16;
        struct child *bigger = realloc(c->child, capacity * sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        c->child = bigger;
        c->capacity = capacity;
    }
    c->child[c->count] = (struct child){region, membus_region_offset(region), c->count};
    c->count++;
    return 0;
}

/* By address; those of one address as they lie above each other. */
static int by_address(const void *a, const void *b)
{
    const struct child *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static void text_region(const struct tree *tree, const struct membus_region *region, int level,
                        uint64_t start)
{
    struct membus_region *target = membus_region_alias(region);
    uint64_t last = membus_region_last(region);

    fprintf(tree->out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s%s): ", level * 2, "", start,
            start + last, membus_region_priority(region),
            membus_region_nonvolatile(region) ? "nv-" : "", kind_name(region, false));
    if (target)
        fprintf(tree->out, "alias %s @%s %016" PRIx64 "-%016" PRIx64, membus_region_name(region),
                membus_region_name(target), membus_region_alias_offset(region),
                membus_region_alias_offset(region) + last);
    else
        fputs(membus_region_name(region), tree->out);
    fputs(membus_region_enabled(region) ? "\n" : " [disabled]\n", tree->out);
}

static void json_region(const struct tree *tree, const struct membus_region *region, int level,
                        uint64_t start)
{
    struct membus_region *target = membus_region_alias(region);

    fprintf(tree->out, "\n%*s{\"start\": \"0x%" PRIx64 "\", \"last\": \"0x%" PRIx64 "\", ",
            level * 2, "", start, start + membus_region_last(region));
    fprintf(tree->out, "\"priority\": %d, \"kind\": \"%s%s\", \"type\": \"%s\", \"name\": ",
            membus_region_priority(region), membus_region_nonvolatile(region) ? "nv-" : "",
            kind_name(region, false), type_name(region));
    json_string(tree->out, membus_region_name(region));
    if (target) {
        fputs(", \"target\": ", tree->out);
        json_string(tree->out, membus_region_name(target));
        fprintf(tree->out, ", \"window\": \"0x%" PRIx64 "\"", membus_region_alias_offset(region));
    }
    fprintf(tree->out, ", \"readonly\": %s, \"enabled\": %s, \"subregions\": [",
            membus_region_readonly(region) ? "true" : "false",
            membus_region_enabled(region) ? "true" : "false");
}

static int print_region(const struct tree *tree, struct membus_region *region, int level,
                        uint64_t start, bool first);

static int print_children(const struct tree *tree, struct membus_region *region, int level,
                          uint64_t start)
{
    struct children c = {0};
    int e = membus_region_children(region, add_child, &c);
    bool first = true;

    if (c.count)
        qsort(c.child, c.count, sizeof(*c.child), by_address);
    for (size_t i = 0; i < c.count && !e; i++) {
        e = print_region(tree, c.child[i].region, level, start + c.child[i].offset, first);
        first = first && !tree->disabled && !membus_region_enabled(c.child[i].region);
    }
    free(c.child);
    return e;
}

/* A region that is not enabled is left out with all below it, unless they are asked for. */
static int print_region(const struct tree *tree, struct membus_region *region, int level,
                        uint64_t start, bool first)
{
    struct membus_region *target = membus_region_alias(region);
    int e = 0;

    if (!membus_region_enabled(region) && !tree->disabled)
        return 0;
    if (target && tree->targets)
        e = list_add_new(tree->targets, target);
    if (e)
        return e;
    if (!tree->json) {
        text_region(tree, region, level, start);
        return print_children(tree, region, level + 1, start);
    }
    if (!first)
        fputc(',', tree->out);
    json_region(tree, region, level, start);
    e = print_children(tree, region, level + 1, start);
    fputs("]}", tree->out);
    return e;
}

/* The spaces with this root, and its tree. */
static int print_root(const struct tree *tree, const struct list *spaces, const struct list *roots,
                      size_t i)
{
    struct membus_region *root = roots->item[i];
    int e = 0;

    if (tree->json)
        fprintf(tree->out, "%s\n  {\"spaces\": [", i ? "," : "");
    for (size_t k = i; k < spaces->count; k++) {
        const char *name = membus_space_name(spaces->item[k]);

        if (roots->item[k] != root)
            continue;
        if (!tree->json) {
            fprintf(tree->out, "address-space: %s\n", name);
            continue;
        }
        if (k > i)
            fputs(", ", tree->out);
        json_string(tree->out, name);
    }
    if (tree->json)
        fputs("], \"tree\": [", tree->out);
    if (root)
        e = print_region(tree, root, 1, 0, true);
    fputs(tree->json ? "]}" : "\n", tree->out);
    return e;
}

static int print_trees(const struct list *spaces, struct tree *tree)
{
    struct list targets = {0}, roots = {0};
    int e = list_each(&roots, spaces, true);

    tree->targets = &targets;
    if (tree->json)
        fputs("{\"trees\": [", tree->out);
    for (size_t i = 0; i < spaces->count && !e; i++)
        if (is_first(&roots, i))
            e = print_root(tree, spaces, &roots, i);
    if (tree->json)
        fputs("],\n  \"targets\": [", tree->out);
    for (size_t i = 0; i < targets.count && !e; i++) { /* it grows while they are printed */
        struct membus_region *target = targets.item[i];

        if (!tree->json)
            fprintf(tree->out, "memory-region: %s\n", membus_region_name(target));
        e = print_region(tree, target, 1, 0, !i);
        if (!tree->json)
            fputc('\n', tree->out);
    }
    if (tree->json)
        fputs("]}\n", tree->out);
    free(targets.item);
    free(roots.item);
    return e;
}

/* What was written, or -EIO. */
static int finish(FILE *out, int e)
{
    int commit = membus_transaction_commit();

    if (!e && (ferror(out) || fflush(out)))
        e = -EIO;
    return e ? e : commit;
}

static int print_spaces(const struct list *spaces, FILE *out, unsigned flags)
{
    struct tree tree = {
        .out = out,
        .disabled = flags & MEMBUS_PRINT_DISABLED,
        .json = flags & MEMBUS_PRINT_JSON,
    };

    return flags & MEMBUS_PRINT_TREE ? print_trees(spaces, &tree)
                                     : print_views(spaces, out, tree.json);
}

int membus_spaces_print(FILE *out, unsigned flags)
{
    struct list spaces = {0};
    int e;

    if (flags & ~FLAGS_ALL)
        return -EINVAL;
    e = membus_transaction_begin();
    if (e)
        return e;
    e = membus_spaces(add_space, &spaces);
    e = e ? e : print_spaces(&spaces, out, flags);
    free(spaces.item);
    return finish(out, e);
}

int membus_space_print(struct membus_space *space, FILE *out, unsigned flags)
{
    void *item[] = {space};
    struct list spaces = {item, 1, 1};
    int e;

    if (flags & ~FLAGS_ALL)
        return -EINVAL;
    e = membus_transaction_begin();
    if (e)
        return e;
    return finish(out, print_spaces(&spaces, out, flags));
}

int membus_region_print(struct membus_region *region, FILE *out, uint64_t start, unsigned flags)
{
    struct tree tree = {
        .out = out,
        .disabled = flags & MEMBUS_PRINT_DISABLED,
        .json = flags & MEMBUS_PRINT_JSON,
    };
    int e;

    if (flags & ~FLAGS_ALL)
        return -EINVAL;
    e = membus_transaction_begin();
    if (e)
        return e;
    return finish(out, print_region(&tree, region, 1, start, true));
}
