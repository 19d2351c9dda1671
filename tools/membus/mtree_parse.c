/* SPDX-License-Identifier: MIT */

/*
 * Reading the text. The grammar is QEMU's printing code, by its effects:
 *
 *   address-space: NAME                (several in a row share what follows)
 *   memory-region: NAME
 *     START-LAST (prio N, KIND): NAME
 *     START-LAST (prio N, KIND): alias NAME @TARGET FIRST-LAST
 *
 * two blanks of indentation for each level; KIND is i/o, ram, rom, romd or ramd, with nv- before
 * it for non-volatile memory; [disabled] and the owner may stand after the name. A disabled region
 * is normally not printed, but what is below it is: then the indentation skips a level.
 */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mtree.h"

struct mtree_chunk {
    struct mtree_chunk *next;
    size_t used, size;
    char bytes[];
};

int mtree_fail(struct mtree *m, int error, size_t line, const char *format, ...)
{
    va_list args;
    int n = 0;

    if (line)
        n = snprintf(m->error, sizeof(m->error), "line %zu: ", line);
    va_start(args, format);
    vsnprintf(m->error + n, sizeof(m->error) - (size_t)n, format, args);
    va_end(args);
    return -error;
}

void *mtree_alloc(struct mtree *m, size_t size)
{
    struct mtree_chunk *c = m->chunks;
    void *p;

    size = (size + 15) & ~(size_t)15;
    if (!c || c->size - c->used < size) {
        size_t room = size > 65536 ? size : 65536;

        c = calloc(1, sizeof(*c) + room);
        if (!c)
            return NULL;
        c->size = room;
        c->next = m->chunks;
        m->chunks = c;
    }
    p = c->bytes + c->used;
    c->used += size;
    return p;
}

int mtree_grow(struct mtree *m, void *array, size_t count, size_t *capacity, size_t size)
{
    void **p = array;
    size_t wanted = *capacity ? *capacity * 2 : 4;
    void *bigger;

    if (count < *capacity)
        return 0;
    bigger = mtree_alloc(m, wanted * size);
    if (!bigger)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    if (count)
        memcpy(bigger, *p, count * size);
    *p = bigger;
    *capacity = wanted;
    return 0;
}

void mtree_free(struct mtree *m)
{
    while (m->chunks) {
        struct mtree_chunk *next = m->chunks->next;

        free(m->chunks);
        m->chunks = next;
    }
    memset(m, 0, sizeof(*m));
}

/* A line, cut from both ends while it is read. */
struct cursor {
    const char *p, *end;
    size_t line;
};

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

static bool take(struct cursor *c, const char *text)
{
    size_t n = strlen(text);

    if (left(c) < n || memcmp(c->p, text, n))
        return false;
    c->p += n;
    return true;
}

static bool take_back(struct cursor *c, const char *text)
{
    size_t n = strlen(text);

    if (left(c) < n || memcmp(c->end - n, text, n))
        return false;
    c->end -= n;
    return true;
}

/* Where `text` stands last, or NULL. */
static const char *find_last(const struct cursor *c, const char *text)
{
    size_t n = strlen(text);

    for (size_t at = left(c) + 1; at-- > n;)
        if (!memcmp(c->p + at - n, text, n))
            return c->p + at - n;
    return NULL;
}

static bool take_hex(struct cursor *c, uint64_t *value)
{
    int digits = 0;

    for (*value = 0; c->p < c->end && digits < 17; c->p++, digits++) {
        char ch = *c->p;
        unsigned digit;

        if (ch >= '0' && ch <= '9')
            digit = (unsigned)(ch - '0');
        else if (ch >= 'a' && ch <= 'f')
            digit = (unsigned)(ch - 'a' + 10);
        else if (ch >= 'A' && ch <= 'F')
            digit = (unsigned)(ch - 'A' + 10);
        else
            break;
        *value = *value << 4 | digit;
    }
    return digits >= 1 && digits <= 16;
}

static bool take_int(struct cursor *c, int *value)
{
    bool negative = take(c, "-");
    int64_t v = 0;
    const char *begin = c->p;

    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9' && v <= INT_MAX; c->p++)
        v = v * 10 + (*c->p - '0');
    if (c->p == begin)
        return false;
    v = negative ? -v : v;
    *value = (int)v;
    return v >= INT_MIN && v <= INT_MAX;
}

static bool take_range(struct cursor *c, uint64_t *start, uint64_t *last)
{
    return take_hex(c, start) && take(c, "-") && take_hex(c, last);
}

/* What is left, as a string. */
static int take_name(struct mtree *m, struct cursor *c, const char **name)
{
    size_t n = left(c);
    char *copy;

    if (n > MEMBUS_NAME_MAX)
        return mtree_fail(m, EINVAL, c->line, "a name of %zu bytes; up to %d are taken", n,
                          MEMBUS_NAME_MAX);
    copy = mtree_alloc(m, n + 1);
    if (!copy)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    memcpy(copy, c->p, n);
    *name = copy;
    return 0;
}

static bool take_kind(struct cursor *c, struct mtree_node *node)
{
    static const struct {
        const char *text;
        enum mtree_kind kind;
    } kinds[] = {
        {"i/o)", MTREE_IO},    {"ram)", MTREE_RAM},   {"rom)", MTREE_ROM},
        {"romd)", MTREE_ROMD}, {"ramd)", MTREE_RAMD},
    };

    node->nonvolatile = take(c, "nv-");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (take(c, kinds[i].text)) {
            node->kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

/* QEMU's -o: " owner:{...}", " parent:{...}" or " orphan" at the end. */
static void drop_owner(struct cursor *c)
{
    const char *p;

    while (left(c) && c->end[-1] == '}') {
        const char *owner = find_last(c, " owner:{"), *parent = find_last(c, " parent:{");

        p = parent && (!owner || parent > owner) ? parent : owner;
        if (!p)
            return;
        c->end = p;
    }
    take_back(c, " orphan");
}

/* "alias NAME @TARGET FIRST-LAST", from its end. */
static int take_alias(struct mtree *m, struct cursor *c, struct mtree_node *node)
{
    const char *blank = find_last(c, " "), *at;
    struct cursor window = {blank ? blank + 1 : c->end, c->end, c->line};
    struct cursor target;
    uint64_t last;
    int r;

    if (!take_range(&window, &node->window, &last) || left(&window))
        return mtree_fail(m, EINVAL, c->line, "an alias without its window FIRST-LAST");
    if (last - node->window != node->last - node->start)
        return mtree_fail(m, EINVAL, c->line, "an alias whose window has another size");
    c->end = blank;
    at = find_last(c, " @");
    if (!at)
        return mtree_fail(m, EINVAL, c->line, "an alias without its @target");
    target = (struct cursor){at + 2, c->end, c->line};
    c->end = at;
    r = take_name(m, &target, &node->target_name);
    return r ? r : take_name(m, c, &node->name);
}

/* A line of a tree after its indentation. */
static int take_node(struct mtree *m, struct cursor *c, struct mtree_node *node, bool overflow)
{
    if (!take_range(c, &node->start, &node->last))
        return mtree_fail(m, EINVAL, c->line, "a region begins with START-LAST, in hexadecimal");
    if (node->last < node->start && !overflow)
        return mtree_fail(m, EINVAL, c->line, "a region that ends before it begins");
    if (!take(c, " (prio ") || !take_int(c, &node->priority))
        return mtree_fail(m, EINVAL, c->line, "after the addresses comes (prio NUMBER, KIND)");
    if (!take(c, ", ") || !take_kind(c, node) || !take(c, ": "))
        return mtree_fail(m, EINVAL, c->line,
                          "a kind that is none of i/o, ram, rom, romd, ramd and nv- with these");
    drop_owner(c);
    node->disabled = take_back(c, " [disabled]");
    node->line = c->line;
    if (take(c, "alias "))
        return take_alias(m, c, node);
    return take_name(m, c, &node->name);
}

/* The reader's state between lines. */
struct reader {
    struct mtree_listing *listing; /* being read */
    bool in_header;                /* its address-space lines */
    struct mtree_node *path[MTREE_DEPTH_MAX + 1];
    size_t depth;      /* nodes in path, from 1 */
    bool flat;         /* in a FlatView */
    size_t flat_first; /* its first space in m->views */
    size_t flat_capacity;
};

static int new_listing(struct mtree *m, struct reader *r, bool is_space, size_t line)
{
    int e = mtree_grow(m, &m->listings, m->count, &m->capacity, sizeof(*m->listings));

    if (e)
        return e;
    r->listing = mtree_alloc(m, sizeof(*r->listing));
    if (!r->listing)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    r->listing->is_space = is_space;
    r->listing->line = line;
    m->listings[m->count++] = r->listing;
    r->depth = 0;
    r->flat = false;
    return 0;
}

static int read_header(struct mtree *m, struct reader *r, struct cursor *c, bool is_space)
{
    struct mtree_listing *l;
    int e = 0;

    if (!is_space || !r->listing || !r->in_header)
        e = new_listing(m, r, is_space, c->line);
    l = r->listing;
    e = e ? e : mtree_grow(m, &l->names, l->count, &l->capacity, sizeof(*l->names));
    e = e ? e : take_name(m, c, &l->names[l->count]);
    if (e)
        return e;
    l->count++;
    r->in_header = is_space;
    return 0;
}

static void append(struct mtree_node *parent, struct mtree_node *node)
{
    node->parent = parent;
    if (parent->child_last)
        parent->child_last->next = node;
    else
        parent->child = node;
    parent->child_last = node;
}

/* Puts a node where its indentation says. Below a region that is not printed, because it is
 * disabled, nothing is there either: such nodes are left out. */
static int place(struct mtree *m, struct reader *r, struct mtree_node *node, size_t level)
{
    struct mtree_node *parent = level > 1 && level <= r->depth + 1 ? r->path[level - 1] : NULL;
    int e;

    if (level > r->depth + 1)
        return 0;
    r->depth = level - 1;
    if (level == 1 && r->listing->root)
        return mtree_fail(m, EINVAL, node->line, "a second region at the root of a listing");
    if (parent && parent->target_name)
        return 0;
    e = mtree_grow(m, &m->nodes, m->node_count, &m->node_capacity, sizeof(*m->nodes));
    if (e)
        return e;
    m->nodes[m->node_count++] = node;
    node->listing = r->listing;
    if (parent)
        append(parent, node);
    else
        r->listing->root = node;
    r->path[level] = node;
    r->depth = level;
    return 0;
}

static int read_node(struct mtree *m, struct reader *r, struct cursor *c, bool overflow)
{
    const char *begin = c->p;
    struct mtree_node *node;
    size_t blanks;
    int e;

    while (take(c, " "))
        ;
    blanks = (size_t)(c->p - begin);
    if (!r->listing)
        return mtree_fail(m, EINVAL, c->line, "a region before any address-space: line");
    if (blanks % 2 || blanks / 2 > MTREE_DEPTH_MAX)
        return mtree_fail(m, EINVAL, c->line,
                          "%zu blanks of indentation: two for each of up to "
                          "%d levels are taken",
                          blanks, MTREE_DEPTH_MAX);
    node = mtree_alloc(m, sizeof(*node));
    if (!node)
        return mtree_fail(m, ENOMEM, 0, "out of memory");
    e = take_node(m, c, node, overflow);
    r->in_header = false;
    return e ? e : place(m, r, node, blanks / 2);
}

/* ` AS "NAME", root: ...` */
static int read_flat_space(struct mtree *m, struct cursor *c)
{
    const char *end = find_last(c, "\", root: ");
    struct mtree_view *view;
    int e = mtree_grow(m, &m->views, m->view_count, &m->view_capacity, sizeof(*m->views));

    if (e)
        return e;
    if (!end)
        return mtree_fail(m, EINVAL, c->line, "AS \"NAME\" is followed by , root:");
    view = &m->views[m->view_count];
    memset(view, 0, sizeof(*view));
    c->end = end;
    e = take_name(m, c, &view->space);
    m->view_count += !e;
    return e;
}

static int read_flat_range(struct mtree *m, struct reader *r, struct cursor *c)
{
    static const char *const kinds[2][5] = {{"i/o", "ram", "rom", "romd", "ramd"},
                                            {"nv-i/o", "nv-ram", "nv-rom", "nv-romd", "nv-ramd"}};
    struct mtree_view *first;
    struct mtree_node node = {0};
    struct mtree_range *range;
    const char *at;
    int e;

    if (r->flat_first == m->view_count)
        return mtree_fail(m, EINVAL, c->line, "a range of a flat view without address spaces");
    first = &m->views[r->flat_first];
    drop_owner(c);
    take_back(c, " KVM"); /* the accelerator that has it mapped */
    e = mtree_grow(m, &first->ranges, first->count, &r->flat_capacity, sizeof(*first->ranges));
    if (e)
        return e;
    range = &first->ranges[first->count];
    memset(range, 0, sizeof(*range));
    at = find_last(c, " @");
    if (at && c->end - at == 18) {
        struct cursor offset = {at + 2, c->end, c->line};

        if (take_hex(&offset, &range->offset) && !left(&offset))
            c->end = at;
    }
    e = take_node(m, c, &node, false);
    if (e)
        return e;
    range->start = node.start;
    range->last = node.last;
    range->priority = node.priority;
    range->kind = kinds[node.nonvolatile][node.kind];
    range->name = node.name;
    first->count++;
    return 0;
}

/* A view's address spaces share its ranges. */
static void end_flat(struct mtree *m, struct reader *r)
{
    for (size_t i = r->flat_first + 1; r->flat && i < m->view_count; i++) {
        m->views[i].ranges = m->views[r->flat_first].ranges;
        m->views[i].count = m->views[r->flat_first].count;
    }
    r->flat = false;
}

/* The lines of a FlatView, which ends at an empty line. What `info mtree -f -d` prints of the
 * dispatch tree is of no use here. */
static int read_flat_line(struct mtree *m, struct reader *r, struct cursor *c)
{
    if (take(c, " AS \""))
        return read_flat_space(m, c);
    if (take(c, " Root memory region: ") || take(c, "  No rendered FlatView"))
        return 0;
    if (take(c, "  Dispatch") || take(c, "    ") || take(c, "\t")) {
        c->p = c->end;
        return 0;
    }
    if (take(c, "  "))
        return read_flat_range(m, r, c);
    return mtree_fail(m, EINVAL, c->line, "not a line of a flat view");
}

static int read_line(struct mtree *m, struct reader *r, struct cursor *c)
{
    bool overflow = take(c, "[DETECTED OVERFLOW!] ");

    if (!left(c)) {
        end_flat(m, r);
        r->listing = NULL;
        return 0;
    }
    if (take(c, "(qemu)") || take(c, "QEMU ")) /* the monitor's prompt, and its greeting */
        return 0;
    if (take(c, "FlatView #")) {
        end_flat(m, r);
        r->flat = true;
        r->flat_first = m->view_count;
        r->flat_capacity = 0;
        return 0;
    }
    if (r->flat)
        return read_flat_line(m, r, c);
    if (take(c, "address-space: "))
        return read_header(m, r, c, true);
    if (take(c, "memory-region: "))
        return read_header(m, r, c, false);
    if (*c->p == ' ')
        return read_node(m, r, c, overflow);
    return mtree_fail(m, EINVAL, c->line, "not a line that info mtree prints");
}

int mtree_parse(struct mtree *m, const char *text, size_t n)
{
    const char *end = text + n;
    struct reader r = {0};
    size_t line = 0;
    int e = 0;

    while (text < end && !e) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        struct cursor c = {text, nl ? nl : end, ++line};

        text = nl ? nl + 1 : end;
        if (memchr(c.p, 0, left(&c)))
            return mtree_fail(m, EINVAL, line, "a NUL byte: this is no text");
        take_back(&c, "\r");
        e = read_line(m, &r, &c);
    }
    end_flat(m, &r);
    return e;
}

int mtree_read_file(struct mtree *m, char **text, size_t *n, const char *path)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
    size_t capacity = 1 << 16;
    int e = 0;

    if (!f)
        return mtree_fail(m, errno, 0, "%s", strerror(errno));
    *n = 0;
    *text = malloc(capacity);
    while (*text && !feof(f) && !ferror(f) && *n < MTREE_BYTES_MAX) {
        *n += fread(*text + *n, 1, capacity - *n, f);
        if (*n == capacity) {
            char *bigger = realloc(*text, capacity *= 2);

            if (!bigger)
                free(*text);
            *text = bigger;
        }
    }
    if (!*text)
        e = mtree_fail(m, ENOMEM, 0, "out of memory");
    else if (ferror(f))
        e = mtree_fail(m, EIO, 0, "cannot be read");
    else if (*n >= MTREE_BYTES_MAX)
        e = mtree_fail(m, EFBIG, 0, "over %zu bytes", MTREE_BYTES_MAX);
    if (e) {
        free(*text);
        *text = NULL;
    }
    if (f != stdin)
        fclose(f);
    return e;
}
