/* SPDX-License-Identifier: MIT */

/*
 * A trace's stores as a drawing: address to the right, time downwards, one row a store.
 *
 * An SVG element that uses the classes and patterns which audit_html.c defines: s a store, v
 * vector, w down (descending), x twice, o outside, t torn, m missing, and so on.
 */

#include <stdlib.h>
#include <string.h>

#include "audit_tool.h"
#include "audit/judge.h"

#define PLOT_WIDTH  228.0
#define ROWS_HEIGHT 230.0
#define ROW_MAX     13.0
#define BYTE_MAX    14.0
#define MARGIN      26.0 /* left and right: room for what is stored outside */
#define TOP         16.0
#define BOTTOM      18.0
#define WORD        8

struct drawing {
    FILE *out;
    const struct membus_audit_trace *t;
    ptrdiff_t n;
    unsigned align;
    size_t stores;
    double scale, row; /* pixels a byte and a store */
    unsigned *first;   /* per byte: number of the first store, from 1; 0 never stored */
};

static double x_of(const struct drawing *d, ptrdiff_t at)
{
    double x = MARGIN + (double)at * d->scale, most = 2 * MARGIN + (double)d->n * d->scale;

    return x < 0 ? 0 : x > most ? most : x;
}

static double y_of(const struct drawing *d, size_t number)
{
    return TOP + (double)(number - 1) * d->row;
}

static bool is_store(const struct membus_audit_access *a)
{
    return a->kind & MEMBUS_AUDIT_STORE && a->width > 0;
}

static bool covers(const struct membus_audit_access *a, ptrdiff_t at)
{
    ptrdiff_t i = at - a->offset;

    return i >= 0 && i < (ptrdiff_t)a->width && (a->mask == 0 || i >= 64 || a->mask >> i & 1);
}

static void note_first(struct drawing *d)
{
    size_t number = 0;

    for (size_t i = 0; i < d->t->count; i++) {
        const struct membus_audit_access *a = &d->t->access[i];

        if (!is_store(a))
            continue;
        number++;
        for (ptrdiff_t at = 0; at < d->n; at++) {
            if (d->first[at] == 0 && covers(a, at))
                d->first[at] = (unsigned)number;
        }
    }
    d->stores = number;
}

static void put_ground(const struct drawing *d, double height)
{
    fprintf(d->out, "<rect class=\"g\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
            x_of(d, 0), TOP - 3, (double)d->n * d->scale, height + 6);
    for (ptrdiff_t at = -WORD; at <= d->n; at++) {
        unsigned address = (unsigned)(at + (ptrdiff_t)d->align);

        if (address % WORD != 0 || at < 0 || (address % 64 != 0 && d->scale < 0.5))
            continue;
        fprintf(d->out, "<path class=\"%s\" d=\"M%.1f %.1fv%.1f\"/>\n",
                address % 64 == 0 ? "l" : "w8", x_of(d, at), TOP - 3, height + 6);
    }
    fprintf(d->out, "<text x=\"%.1f\" y=\"10\" class=\"r\">+0</text>", x_of(d, 0) + 4);
    fprintf(d->out, "<text x=\"%.1f\" y=\"10\">+%td</text>\n", x_of(d, d->n) - 8, d->n);
}

/*
 * Bytes [from, to) of one row, as an overlay of class `class`: in full, or its lower half, where
 * the store below has a mark of its own to show.
 */
static void put_span(const struct drawing *d, const char *class, ptrdiff_t from, ptrdiff_t to,
                     size_t number, bool half)
{
    double height = d->row * 0.8;

    fprintf(d->out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
            class, x_of(d, from), y_of(d, number) + (half ? height / 2 : 0),
            x_of(d, to) - x_of(d, from), half ? height / 2 : height);
}

static bool is_double(const struct drawing *d, const struct membus_audit_access *a, size_t number,
                      ptrdiff_t at)
{
    return at >= 0 && at < d->n && covers(a, at) && d->first[at] < number;
}

static bool is_outside(const struct drawing *d, const struct membus_audit_access *a, ptrdiff_t at)
{
    return (at < 0 || at >= d->n) && covers(a, at);
}

static bool is_idle(const struct membus_audit_access *a, ptrdiff_t at)
{
    return at >= a->offset && at < a->offset + (ptrdiff_t)a->width && !covers(a, at);
}

/* Runs of bytes that were stored before, that lie outside, or that the mask leaves out. */
static void put_overlays(const struct drawing *d, const struct membus_audit_access *a,
                         size_t number, bool down)
{
    ptrdiff_t end = a->offset + (ptrdiff_t)a->width, to;

    for (ptrdiff_t at = a->offset; at < end; at = to) {
        bool twice = is_double(d, a, number, at), outside = is_outside(d, a, at);
        bool idle = is_idle(a, at);

        for (to = at + 1; to < end; to++) {
            if (is_double(d, a, number, to) != twice || is_outside(d, a, to) != outside ||
                is_idle(a, to) != idle)
                break;
        }
        if (twice || outside || idle)
            put_span(d, twice ? "x" : outside ? "o" : "i", at, to, number, twice && down);
    }
}

/* Is the element at the border `at` torn, by a first store that starts or ends there? */
static bool torn_at(const struct drawing *d, ptrdiff_t at, size_t number)
{
    ptrdiff_t start;
    size_t size;
    bool first = false;

    if (at <= 0 || at >= d->n)
        return false;
    size = membus_audit_element(d->align, d->n, at, WORD, &start);
    for (ptrdiff_t b = start; b < start + (ptrdiff_t)size; b++)
        first = first || d->first[b] == number;
    return start < at && first && d->first[at - 1] != d->first[at];
}

static bool torn_middle(const struct drawing *d, const struct membus_audit_access *a)
{
    ptrdiff_t middle = a->operand_offset + a->operand_width / 2, start;

    if (a->operand_width <= 32 || a->kind & MEMBUS_AUDIT_STRING ||
        ((a->operand_offset + (ptrdiff_t)d->align) & (WORD - 1)) == 0 || middle <= 0 ||
        middle >= d->n || !covers(a, middle - 1) || !covers(a, middle))
        return false;
    membus_audit_element(d->align, d->n, middle, WORD, &start);
    return start < middle;
}

static void put_tear(const struct drawing *d, ptrdiff_t at, size_t number)
{
    fprintf(d->out, "<path class=\"t\" d=\"M%.1f %.1fv%.1f\"/>", x_of(d, at),
            y_of(d, number) - d->row * 0.15, d->row * 1.1);
}

static void put_tooltip(const struct drawing *d, const struct membus_audit_access *a, size_t number,
                        bool down)
{
    static const struct {
        uint16_t bit;
        const char *word;
    } words[] = {{MEMBUS_AUDIT_VECTOR, "vector"},
                 {MEMBUS_AUDIT_MASKED, "masked"},
                 {MEMBUS_AUDIT_STRING, "string instruction"},
                 {MEMBUS_AUDIT_NONTEMPORAL, "non-temporal"},
                 {MEMBUS_AUDIT_ZEROING, "zeroing"},
                 {MEMBUS_AUDIT_RELEASE, "release"}};

    fprintf(d->out, "<title>store %zu of %zu: %zu byte%s at dst%+td", number, d->stores,
            membus_audit_covered(a), membus_audit_covered(a) == 1 ? "" : "s", a->offset);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (a->kind & words[i].bit)
            fprintf(d->out, ", %s", words[i].word);
    }
    if (a->operand_width && a->operand_width != a->width)
        fprintf(d->out, " (operand: %u bytes at dst%+td)", a->operand_width, a->operand_offset);
    fprintf(d->out, "; instruction at %s0x%llx%s</title>",
            a->ip & MEMBUS_AUDIT_IP_OTHER ? "another module's " : "",
            (unsigned long long)(a->ip & ~MEMBUS_AUDIT_IP_OTHER), down ? "; does not ascend" : "");
}

static void put_body(const struct drawing *d, const struct membus_audit_access *a, size_t number,
                     bool down)
{
    double y = y_of(d, number), height = d->row * 0.8;
    double x = x_of(d, a->offset), width = x_of(d, a->offset + (ptrdiff_t)a->width) - x;
    double round = a->kind & MEMBUS_AUDIT_VECTOR ? height / 2 : 0;

    if (round > width / 2)
        round = width / 2;
    if (a->kind & MEMBUS_AUDIT_MASKED && a->operand_width)
        fprintf(d->out, "<path class=\"k\" d=\"M%.1f %.1fH%.1f\"/>", x_of(d, a->operand_offset),
                y + height / 2, x_of(d, a->operand_offset + (ptrdiff_t)a->operand_width));
    fprintf(d->out,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\"/>",
            down ? "s d" : "s", x, y, width < 1.2 ? 1.2 : width, height, round);
    if (a->kind & (MEMBUS_AUDIT_STRING | MEMBUS_AUDIT_NONTEMPORAL | MEMBUS_AUDIT_ZEROING))
        fprintf(d->out,
                "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                "rx=\"%.1f\"/>",
                a->kind & MEMBUS_AUDIT_STRING        ? "hs"
                : a->kind & MEMBUS_AUDIT_NONTEMPORAL ? "hn"
                                                     : "hz",
                x, y, width, height, round);
}

static void put_store(const struct drawing *d, const struct membus_audit_access *a, size_t number,
                      bool down)
{
    ptrdiff_t end = a->offset + (ptrdiff_t)a->width;

    fputs("<g>", d->out);
    put_tooltip(d, a, number, down);
    put_body(d, a, number, down);
    put_overlays(d, a, number, down);
    if (torn_at(d, a->offset, number))
        put_tear(d, a->offset, number);
    if (torn_at(d, end, number))
        put_tear(d, end, number);
    if (torn_middle(d, a))
        put_tear(d, a->operand_offset + a->operand_width / 2, number);
    if (number == d->stores)
        fprintf(d->out, "<text class=\"last\" x=\"%.1f\" y=\"%.1f\">&#9664;</text>",
                x_of(d, end) + 2, y_of(d, number) + d->row * 0.4 + 3);
    fputs("</g>\n", d->out);
}

static void put_stores(const struct drawing *d)
{
    const struct membus_audit_access *before = NULL;
    size_t number = 0;

    for (size_t i = 0; i < d->t->count; i++) {
        const struct membus_audit_access *a = &d->t->access[i];

        if (!is_store(a))
            continue;
        put_store(d, a, ++number, before && a->offset <= before->offset);
        before = a;
    }
}

static void put_missing(const struct drawing *d, double height)
{
    ptrdiff_t to;

    for (ptrdiff_t at = 0; at < d->n; at = to) {
        for (to = at + 1; to < d->n && (d->first[to] == 0) == (d->first[at] == 0); to++)
            continue;
        if (d->first[at])
            continue;
        fprintf(d->out,
                "<rect class=\"m\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                "<title>bytes %+td to %+td are never stored</title></rect>\n",
                x_of(d, at), TOP - 2, (double)(to - at) * d->scale, height + 4, at, to - 1);
    }
}

static void put_caption(FILE *out, const char *title, const struct membus_audit_trace *t,
                        const struct membus_audit_verdict *v)
{
    bool any = false;

    fputs("<figcaption>", out);
    if (title) {
        fputs("<b class=\"who\">", out);
        audit_escape(out, title);
        fputs("</b>", out);
    }
    if (t->c.overlapping)
        fprintf(out, "<b>n = %zu</b> dst+%u, overlap %s%td<br/>", t->c.n, t->c.dst_align,
                t->c.distance < 0 ? "&#8722;" : "+",
                t->c.distance < 0 ? -t->c.distance : t->c.distance);
    else
        fprintf(out, "<b>n = %zu</b> dst+%u src+%u<br/>", t->c.n, t->c.dst_align, t->c.src_align);
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        const char *why = strstr(v->why[rule], ": ");

        if (!(v->broken >> rule & 1))
            continue;
        fprintf(out, "<span class=\"bad\" title=\"%s: ",
                membus_audit_rule_title((enum membus_audit_rule)rule));
        audit_escape(out, why ? why + 2 : v->why[rule]);
        fprintf(out, "\">%s</span> ", membus_audit_rule_id((enum membus_audit_rule)rule));
        any = true;
    }
    if (!any)
        fputs(v->applies ? "<span class=\"good\">all rules kept</span>"
                         : "<span class=\"none\">not recorded</span>",
              out);
    fputs("</figcaption>\n", out);
}

void audit_draw(FILE *out, const char *title, const struct membus_audit_trace *trace,
                const struct membus_audit_verdict *verdict)
{
    struct drawing d = {
        .out = out, .t = trace, .n = (ptrdiff_t)trace->c.n, .align = trace->c.dst_align};
    double height;

    d.first = calloc(trace->c.n + 1, sizeof(*d.first));
    if (!d.first)
        return;
    note_first(&d);
    d.scale = PLOT_WIDTH / (double)(d.n ? d.n : 1);
    d.scale = d.scale > BYTE_MAX ? BYTE_MAX : d.scale;
    d.row = ROWS_HEIGHT / (double)(d.stores ? d.stores : 1);
    d.row = d.row > ROW_MAX ? ROW_MAX : d.row;
    height = d.row * (double)(d.stores ? d.stores : 1);
    fprintf(out,
            "<figure>\n<svg width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
            "aria-label=\"%zu stores of a copy of %zu bytes\">\n",
            2 * MARGIN + (double)d.n * d.scale, TOP + height + BOTTOM - 12,
            2 * MARGIN + (double)d.n * d.scale, TOP + height + BOTTOM - 12, d.stores, trace->c.n);
    put_ground(&d, height);
    put_stores(&d);
    if (trace->end == MEMBUS_AUDIT_RETURNED)
        put_missing(&d, height);
    fputs("</svg>\n", out);
    put_caption(out, title, trace, verdict);
    fputs("</figure>\n", out);
    free(d.first);
}
