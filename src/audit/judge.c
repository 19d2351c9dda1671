/* SPDX-License-Identifier: MIT */

/*
 * The judge: one trace against the rules.
 *
 * Two words beside those of membus/audit.h:
 *
 *   maximal element  the 8, 4, 2 or 1 bytes, naturally aligned and inside the range, that lie in no
 *                    larger such element. They partition the range, and whoever keeps each of
 *                    them whole keeps every smaller element whole.
 *   taken            the host makes one access of n bytes at this address
 *
 * On a host whose widest access is less than 8 bytes, a word is what that covers.
 *
 * What needs a note per byte is done in windows of fixed size, so the judge allocates nothing.
 */

#include <stdarg.h>
#include <string.h>

#include "audit/judge.h"

#define WORD       8    /* bytes of the largest element */
#define WINDOW     8192 /* bytes looked at together; a multiple of WORD */
#define WIDE_STORE 32   /* wider stores commit in two halves when not 8-aligned */

const char *membus_audit_rule_id(enum membus_audit_rule rule)
{
    static const char *const ids[MEMBUS_RULES] = {"W1", "W2", "W3", "W4", "W5",     "W6",  "W7",
                                                  "L1", "L2", "L3", "O1", "RESULT", "RUNS"};

    return (unsigned)rule < MEMBUS_RULES ? ids[rule] : "?";
}

const char *membus_audit_rule_title(enum membus_audit_rule rule)
{
    static const char *const titles[MEMBUS_RULES] = {
        "once",    "whole",        "untorn",          "ascending",   "last",
        "visible", "no exotic",    "inside",          "device once", "untorn",
        "exact",   "copied right", "runs and returns"};

    return (unsigned)rule < MEMBUS_RULES ? titles[rule] : "?";
}

struct judging {
    const struct membus_audit_trace *t;
    const struct membus_audit_host *host;
    struct membus_audit_verdict *v;
    ptrdiff_t n;
    unsigned dst, src; /* alignment, modulo 64 */
    size_t element;    /* bytes of the largest that the host has, at most WORD */
    size_t stores;
    size_t last; /* index of the last store, when stores > 0 */
};

static bool is_store(const struct membus_audit_access *a)
{
    return a->kind & MEMBUS_AUDIT_STORE && a->width > 0;
}

static bool is_load(const struct membus_audit_access *a)
{
    return a->kind & MEMBUS_AUDIT_LOAD && a->width > 0;
}

static ptrdiff_t end_of(const struct membus_audit_access *a)
{
    return a->offset + (ptrdiff_t)a->width;
}

static bool contiguous(const struct membus_audit_access *a)
{
    uint64_t all = a->width >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << a->width) - 1;

    return a->mask == 0 || (a->mask & all) == all;
}

static bool covers_byte(const struct membus_audit_access *a, ptrdiff_t at)
{
    if (at < a->offset || at >= end_of(a))
        return false;
    return a->mask == 0 || at - a->offset >= 64 || a->mask >> (at - a->offset) & 1;
}

static bool covers(const struct membus_audit_access *a, ptrdiff_t at, size_t size)
{
    for (ptrdiff_t i = at; i < at + (ptrdiff_t)size; i++) {
        if (!covers_byte(a, i))
            return false;
        if (a->mask == 0)
            return at + (ptrdiff_t)size <= end_of(a);
    }
    return true;
}

size_t membus_audit_element(unsigned align, ptrdiff_t n, ptrdiff_t at, size_t limit,
                            ptrdiff_t *start)
{
    for (size_t size = limit; size > 1; size /= 2) {
        *start = at - ((at + (ptrdiff_t)align) & (ptrdiff_t)(size - 1));
        if (*start >= 0 && *start + (ptrdiff_t)size <= n)
            return size;
    }
    *start = at;
    return 1;
}

/* The end of the window that starts at `from`: at a word's boundary, so no element straddles it. */
static ptrdiff_t window_end(unsigned align, ptrdiff_t n, ptrdiff_t from)
{
    ptrdiff_t end = from + WINDOW - ((from + (ptrdiff_t)align) & (WORD - 1));

    return end < n ? end : n;
}

/* Wording. */

static void vput(char *text, size_t size, const char *format, va_list args)
{
    size_t used = strlen(text);

    vsnprintf(text + used, size - used, format, args);
}

__attribute__((format(printf, 3, 4))) static void put(char *text, size_t size, const char *format,
                                                      ...)
{
    va_list args;

    va_start(args, format);
    vput(text, size, format, args);
    va_end(args);
}

void membus_audit_case_text(const struct membus_audit_case *c, char *text, size_t size)
{
    if (c->overlapping)
        snprintf(text, size, "n=%zu dst+%u distance%+td", c->n, c->dst_align, c->distance);
    else
        snprintf(text, size, "n=%zu dst+%u src+%u", c->n, c->dst_align, c->src_align);
}

size_t membus_audit_covered(const struct membus_audit_access *a)
{
    uint64_t all = a->width >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << a->width) - 1;

    return a->mask ? (size_t)__builtin_popcountll(a->mask & all) : a->width;
}

/* "store 2 (8 bytes at +7)" */
static const char *name_access(const struct judging *j, size_t index, char *text, size_t size)
{
    const struct membus_audit_access *a = &j->t->access[index];
    uint16_t side = a->kind & (MEMBUS_AUDIT_LOAD | MEMBUS_AUDIT_STORE);
    size_t covered = membus_audit_covered(a), ordinal = 0;

    for (size_t i = 0; i <= index; i++)
        ordinal += (j->t->access[i].kind & side) && j->t->access[i].width > 0;
    *text = '\0';
    put(text, size, "%s %zu (", side & MEMBUS_AUDIT_STORE ? "store" : "load", ordinal);
    if (a->kind & MEMBUS_AUDIT_NONTEMPORAL)
        put(text, size, "non-temporal ");
    if (a->kind & MEMBUS_AUDIT_STRING)
        put(text, size, "string ");
    if (a->kind & MEMBUS_AUDIT_ZEROING)
        put(text, size, "zeroing ");
    if (a->kind & MEMBUS_AUDIT_MASKED)
        put(text, size, "masked ");
    if (covered != a->width)
        put(text, size, "%zu of ", covered);
    put(text, size, "%zu byte%s at %+td)", a->width, a->width == 1 ? "" : "s", a->offset);
    return text;
}

#define NAME            80
#define NAMED(j, index) name_access(j, index, (char[NAME]){0}, NAME)

__attribute__((format(printf, 3, 4))) static void
note_broken(struct judging *j, enum membus_audit_rule rule, const char *format, ...)
{
    char *why = j->v->why[rule];
    va_list args;

    j->v->broken |= 1u << rule;
    membus_audit_case_text(&j->t->c, why, sizeof(j->v->why[rule]));
    put(why, sizeof(j->v->why[rule]), ": ");
    va_start(args, format);
    vput(why, sizeof(j->v->why[rule]), format, args);
    va_end(args);
}

/* Marks `rule` broken; the first finding stays, and only the first is worded. */
#define broke(j, rule, ...)                    \
    do {                                       \
        if (!((j)->v->broken & 1u << (rule)))  \
            note_broken(j, rule, __VA_ARGS__); \
    } while (0)

static void applies(struct judging *j, enum membus_audit_rule rule)
{
    j->v->applies |= 1u << rule;
}

/* W1 once and W3 untorn. */

struct stored {
    ptrdiff_t from, to;
    uint32_t first[WINDOW]; /* index + 1 of the first store of each byte; 0 = none */
};

static void mark_store(struct judging *j, struct stored *w, size_t index)
{
    const struct membus_audit_access *a = &j->t->access[index];
    ptrdiff_t from = a->offset > w->from ? a->offset : w->from;
    ptrdiff_t to = end_of(a) < w->to ? end_of(a) : w->to;

    for (ptrdiff_t at = from; at < to; at++) {
        uint32_t *first = &w->first[at - w->from];

        if (!covers_byte(a, at))
            continue;
        if (*first == 0)
            *first = (uint32_t)index + 1;
        else
            broke(j, MEMBUS_RULE_W1, "%s stores byte %+td again, first stored by %s",
                  NAMED(j, index), at, NAMED(j, *first - 1));
    }
}

static void find_missing(struct judging *j, const struct stored *w)
{
    ptrdiff_t at, end;

    for (at = w->from; at < w->to && w->first[at - w->from]; at++)
        continue;
    if (at == w->to)
        return;
    for (end = at; end + 1 < w->to && !w->first[end + 1 - w->from]; end++)
        continue;
    if (end == at)
        broke(j, MEMBUS_RULE_W1, "byte %+td is never stored", at);
    else
        broke(j, MEMBUS_RULE_W1, "bytes %+td to %+td are never stored", at, end);
}

/*
 * An element is whole when the first store that touches it covers all of it: what a later store
 * writes again is W1's to tell, but a reader of the element never sees a mixture.
 */
static void find_torn(struct judging *j, const struct stored *w)
{
    ptrdiff_t start;
    size_t size;

    for (ptrdiff_t at = w->from; at < w->to; at = start + (ptrdiff_t)size) {
        const uint32_t *first;
        uint32_t least = 0;
        bool same = true;

        size = membus_audit_element(j->dst, j->n, at, j->element, &start);
        if (size == 1)
            continue;
        applies(j, MEMBUS_RULE_W3);
        first = &w->first[start - w->from];
        for (size_t i = 0; i < size; i++) {
            same = same && first[i] == first[0];
            if (first[i] && (!least || first[i] < least))
                least = first[i];
        }
        if (!same)
            broke(j, MEMBUS_RULE_W3, "%s writes only part of the aligned %zu bytes at %+td",
                  NAMED(j, least - 1), size, start);
    }
}

static void judge_bytes(struct judging *j)
{
    struct stored w;
    size_t done = 0; /* accesses before this one end before the window */

    for (w.from = 0; w.from < j->n; w.from = w.to) {
        w.to = window_end(j->dst, j->n, w.from);
        memset(w.first, 0, (size_t)(w.to - w.from) * sizeof(w.first[0]));
        while (done < j->t->count &&
               (!is_store(&j->t->access[done]) || end_of(&j->t->access[done]) <= w.from))
            done++;
        for (size_t i = done; i < j->t->count; i++) {
            if (is_store(&j->t->access[i]))
                mark_store(j, &w, i);
        }
        find_missing(j, &w);
        find_torn(j, &w);
    }
}

static void judge_outside(struct judging *j)
{
    for (size_t i = 0; i < j->t->count; i++) {
        const struct membus_audit_access *a = &j->t->access[i];

        if (!is_store(a) || (a->offset >= 0 && end_of(a) <= j->n))
            continue;
        broke(j, MEMBUS_RULE_W1, "%s stores byte %+td, outside the range", NAMED(j, i),
              a->offset < 0 ? a->offset : end_of(a) - 1);
    }
}

/*
 * A store wider than 32 bytes whose operand is not 8-aligned commits in two halves: it tears the
 * element at the operand's middle, if it writes both sides of it.
 */
static void judge_wide(struct judging *j, size_t index)
{
    const struct membus_audit_access *a = &j->t->access[index];
    ptrdiff_t operand = a->operand_width ? a->operand_offset : a->offset;
    size_t width = a->operand_width ? a->operand_width : a->width;
    ptrdiff_t middle = operand + (ptrdiff_t)(width / 2), start;
    size_t size;

    if (width <= WIDE_STORE || ((operand + (ptrdiff_t)j->dst) & (WORD - 1)) == 0 ||
        a->kind & MEMBUS_AUDIT_STRING)
        return;
    if (middle <= 0 || middle >= j->n || !covers(a, middle - 1, 2))
        return;
    size = membus_audit_element(j->dst, j->n, middle, j->element, &start);
    if (start < middle)
        broke(
            j, MEMBUS_RULE_W3,
            "%s, operand at %+td not 8-aligned, tears the aligned %zu bytes at %+td in its middle",
            NAMED(j, index), operand, size, start);
}

/* W2 whole. */

static bool power_to_8(ptrdiff_t n)
{
    return n == 1 || n == 2 || n == 4 || n == 8;
}

static bool taken(const struct judging *j, unsigned align)
{
    return power_to_8(j->n) && (size_t)j->n <= j->element &&
           (j->host->unaligned || (align & (unsigned)(j->n - 1)) == 0);
}

/*
 * Are the accesses of one side [from, n) split ascending into the maximal elements of a range of
 * `size` bytes at `from`? Advances *index past them.
 */
static bool split_right(const struct judging *j, uint16_t side, unsigned align, ptrdiff_t from,
                        size_t size, size_t *index)
{
    ptrdiff_t at = 0, start;

    while (at < (ptrdiff_t)size) {
        size_t element =
            membus_audit_element(align + (unsigned)from, (ptrdiff_t)size, at, j->element, &start);
        const struct membus_audit_access *a;

        while (*index < j->t->count &&
               (!(j->t->access[*index].kind & side) || j->t->access[*index].width == 0))
            ++*index;
        if (*index == j->t->count)
            return false;
        a = &j->t->access[(*index)++];
        if (a->offset != from + at || a->width != element || !contiguous(a))
            return false;
        at += (ptrdiff_t)element;
    }
    return true;
}

/* The index of the first access of `side` at or after `from`, or the count. */
static size_t next_of(const struct judging *j, uint16_t side, size_t from)
{
    while (from < j->t->count && (!(j->t->access[from].kind & side) || !j->t->access[from].width))
        from++;
    return from;
}

/* Split element by element of the destination, each loaded in the largest pieces that fit. */
static bool split_as_stored(const struct judging *j)
{
    size_t index = 0, size;
    ptrdiff_t start;

    for (ptrdiff_t at = 0; at < j->n; at = start + (ptrdiff_t)size) {
        size = membus_audit_element(j->dst, j->n, at, j->element, &start);
        if (!split_right(j, MEMBUS_AUDIT_LOAD, j->src, start, size, &index))
            return false;
    }
    return next_of(j, MEMBUS_AUDIT_LOAD, index) == j->t->count;
}

static void judge_whole_side(struct judging *j, uint16_t side)
{
    unsigned align = side == MEMBUS_AUDIT_STORE ? j->dst : j->src;
    const char *word = side == MEMBUS_AUDIT_STORE ? "store" : "load";
    size_t one = next_of(j, side, 0), index = 0, count = 0;
    const struct membus_audit_access *a = &j->t->access[one];

    for (size_t i = one; i < j->t->count; i = next_of(j, side, i + 1))
        count++;
    if (count == 1 && taken(j, align) && a->offset == 0 && a->width == (size_t)j->n &&
        contiguous(a))
        return;
    if (!taken(j, align) && split_right(j, side, align, 0, (size_t)j->n, &index) &&
        next_of(j, side, index) == j->t->count)
        return;
    if (side == MEMBUS_AUDIT_LOAD && (!taken(j, j->src) || !taken(j, j->dst)) && split_as_stored(j))
        return;
    if (count == 0)
        broke(j, MEMBUS_RULE_W2, "no %s at all", word);
    else if (!taken(j, align))
        broke(j, MEMBUS_RULE_W2, "unaligned, and not split into its largest elements: %s",
              NAMED(j, one));
    else if (count > 1)
        broke(j, MEMBUS_RULE_W2, "%zu %ss instead of one, first %s", count, word, NAMED(j, one));
    else
        broke(j, MEMBUS_RULE_W2, "the one %s is not of %td bytes at +0: %s", word, j->n,
              NAMED(j, one));
}

static void judge_whole(struct judging *j)
{
    if (!power_to_8(j->n))
        return;
    applies(j, MEMBUS_RULE_W2);
    judge_whole_side(j, MEMBUS_AUDIT_STORE);
    judge_whole_side(j, MEMBUS_AUDIT_LOAD);
}

/* W4 ascending. */
static void judge_ascending(struct judging *j)
{
    size_t before = next_of(j, MEMBUS_AUDIT_STORE, 0), i;

    for (; before < j->t->count; before = i) {
        i = next_of(j, MEMBUS_AUDIT_STORE, before + 1);
        if (i == j->t->count)
            return;
        if (j->t->access[i].offset <= j->t->access[before].offset) {
            broke(j, MEMBUS_RULE_W4, "%s follows %s", NAMED(j, i), NAMED(j, before));
            return;
        }
    }
}

/* W5 last. */

static bool one_atomic_16(const struct judging *j, const struct membus_audit_access *a)
{
    return j->n == 16 && j->dst % 16 == 0 && j->host->atomic_width >= 16 && j->stores == 1 &&
           a->offset == 0 && a->width == 16 && contiguous(a);
}

static void judge_last(struct judging *j)
{
    const struct membus_audit_access *a = &j->t->access[j->last];
    ptrdiff_t at, word;
    size_t size;

    if (taken(j, j->dst)) /* W2 wins */
        return;
    applies(j, MEMBUS_RULE_W5);
    size = membus_audit_element(j->dst, j->n, j->n - 1, j->element, &at);
    word = at - ((at + (ptrdiff_t)j->dst) & ((ptrdiff_t)j->element - 1));
    if (j->stores == 0) {
        broke(j, MEMBUS_RULE_W5, "nothing is stored");
        return;
    }
    if (one_atomic_16(j, a))
        return;
    if (!covers(a, at, size))
        broke(j, MEMBUS_RULE_W5, "%s comes last, and does not write the last element (%zu at %+td)",
              NAMED(j, j->last), size, at);
    else if (a->offset < word)
        broke(j, MEMBUS_RULE_W5, "%s comes last, and covers more than the last word (at %+td)",
              NAMED(j, j->last), word);
    for (size_t i = 0; i < j->last; i++) {
        const struct membus_audit_access *early = &j->t->access[i];

        for (ptrdiff_t b = at; is_store(early) && b < j->n; b++) {
            if (covers_byte(early, b))
                broke(j, MEMBUS_RULE_W5,
                      "%s writes the last element (%zu at %+td) early, before %s", NAMED(j, i),
                      size, at, NAMED(j, j->last));
        }
    }
}

/* W6 visible. */

static bool weakly_ordered(const struct membus_audit_access *a)
{
    return a->kind & (MEMBUS_AUDIT_NONTEMPORAL | MEMBUS_AUDIT_STRING);
}

/*
 * Every earlier store since the last fence must be ordered before the last store. With total
 * store order a pair is, unless one of the two is non-temporal or a string store (SDM 9.2.2,
 * APM 7.4.2); elsewhere none is.
 */
static void judge_visible(struct judging *j)
{
    const struct membus_audit_access *last = &j->t->access[j->last];

    if (j->stores < 2 || last->kind & MEMBUS_AUDIT_RELEASE)
        return;
    for (size_t i = j->last; i-- > 0;) {
        const struct membus_audit_access *a = &j->t->access[i];

        if (a->kind & MEMBUS_AUDIT_FENCE)
            return;
        if (!is_store(a))
            continue;
        if (!j->host->total_store_order)
            broke(j, MEMBUS_RULE_W6, "%s, the last, is no release and follows no fence after %s",
                  NAMED(j, j->last), NAMED(j, i));
        else if (weakly_ordered(a) || weakly_ordered(last))
            broke(j, MEMBUS_RULE_W6, "no fence orders %s before the last, %s", NAMED(j, i),
                  NAMED(j, j->last));
    }
}

/* W7 no exotic stores. */
static void judge_exotic(struct judging *j)
{
    for (size_t i = 0; i < j->t->count; i++) {
        const struct membus_audit_access *a = &j->t->access[i];

        if (!is_store(a))
            continue;
        if (a->kind & MEMBUS_AUDIT_NONTEMPORAL)
            broke(j, MEMBUS_RULE_W7, "%s is non-temporal", NAMED(j, i));
        if (a->kind & MEMBUS_AUDIT_STRING)
            broke(j, MEMBUS_RULE_W7, "%s is a string instruction, its order unspecified",
                  NAMED(j, i));
        if (a->kind & MEMBUS_AUDIT_ZEROING)
            broke(j, MEMBUS_RULE_W7, "%s zeroes a cache line", NAMED(j, i));
    }
}

/* L1 inside. */
static void judge_inside(struct judging *j)
{
    for (size_t i = 0; i < j->t->count; i++) {
        const struct membus_audit_access *a = &j->t->access[i];

        if (!is_load(a) || (a->offset >= 0 && end_of(a) <= j->n))
            continue;
        broke(j, MEMBUS_RULE_L1, "%s loads byte %+td, outside the source", NAMED(j, i),
              a->offset < 0 ? a->offset : end_of(a) - 1);
        return;
    }
}

/* L2 device once: the loads, clipped to the source (L1 tells the rest), follow on each other. */
static void judge_device(struct judging *j)
{
    ptrdiff_t next = 0;

    if (!j->host->device_source || j->n == 0)
        return;
    applies(j, MEMBUS_RULE_L2);
    for (size_t i = 0; i < j->t->count; i++) {
        const struct membus_audit_access *a = &j->t->access[i];
        ptrdiff_t from = a->offset > 0 ? a->offset : 0;
        ptrdiff_t to = end_of(a) < j->n ? end_of(a) : j->n;

        if (!is_load(a) || from >= to)
            continue;
        if (a->kind & MEMBUS_AUDIT_STRING)
            broke(j, MEMBUS_RULE_L2, "%s is a string instruction, its order unspecified",
                  NAMED(j, i));
        else if (from < next)
            broke(j, MEMBUS_RULE_L2, "%s loads byte %+td again", NAMED(j, i), from);
        else if (from > next || !contiguous(a))
            broke(j, MEMBUS_RULE_L2, "%s loads past bytes not loaded yet (next is %+td)",
                  NAMED(j, i), next);
        next = to > next ? to : next;
    }
    if (next < j->n)
        broke(j, MEMBUS_RULE_L2, "byte %+td is never loaded", next);
}

/* L3 untorn. */

/* Notes the maximal elements of [from, to) that load `a` covers; of at most `limit` bytes. */
static void mark_load(const struct judging *j, const struct membus_audit_access *a, size_t limit,
                      ptrdiff_t from, ptrdiff_t to, bool *whole)
{
    ptrdiff_t at = a->offset > from ? a->offset : from, start;
    size_t size;

    for (; at < to && at < end_of(a); at = start + (ptrdiff_t)size) {
        size = membus_audit_element(j->src, j->n, at, limit, &start);
        if (covers(a, start, size))
            whole[start - from] = true;
    }
}

static void judge_load_window(struct judging *j, size_t limit, ptrdiff_t from, ptrdiff_t to)
{
    bool whole[WINDOW];
    ptrdiff_t start;
    size_t size;

    memset(whole, 0, (size_t)(to - from));
    for (size_t i = 0; i < j->t->count; i++) {
        if (is_load(&j->t->access[i]))
            mark_load(j, &j->t->access[i], limit, from, to, whole);
    }
    for (ptrdiff_t at = from; at < to; at = start + (ptrdiff_t)size) {
        size = membus_audit_element(j->src, j->n, at, limit, &start);
        if (size == 1)
            continue;
        applies(j, MEMBUS_RULE_L3);
        if (!whole[start - from])
            broke(j, MEMBUS_RULE_L3, "no one load covers the aligned %zu bytes at %+td", size,
                  start);
    }
}

static void judge_loads(struct judging *j)
{
    size_t mutual = j->element; /* the largest element to which src and dst are mutually aligned */
    ptrdiff_t to;

    while (mutual > 1 && ((j->dst - j->src) & (unsigned)(mutual - 1)) != 0)
        mutual /= 2;
    if (mutual == 1)
        return;
    for (ptrdiff_t from = 0; from < j->n; from = to) {
        to = window_end(j->src, j->n, from);
        judge_load_window(j, mutual, from, to);
    }
}

/* O1 exact: an overlap that needs a window keeps W1-W6, and its result. */
static void judge_overlap(struct judging *j)
{
    const struct membus_audit_case *c = &j->t->c;
    char list[64] = "";
    ptrdiff_t window;

    if (!c->overlapping || c->distance <= 0 || c->distance >= j->n)
        return;
    applies(j, MEMBUS_RULE_O1);
    for (int rule = MEMBUS_RULE_W1; rule < MEMBUS_RULES; rule++) {
        if ((rule <= MEMBUS_RULE_W6 || rule == MEMBUS_RULE_RESULT) && j->v->broken & 1u << rule)
            put(list, sizeof(list), "%s%s", *list ? ", " : "",
                membus_audit_rule_id((enum membus_audit_rule)rule));
    }
    if (!*list)
        return;
    window = c->distance < j->n - c->distance ? c->distance : j->n - c->distance;
    broke(j, MEMBUS_RULE_O1, "an overlap that a window of %td byte%s keeps exact breaks %s", window,
          window == 1 ? "" : "s", list);
}

/* RESULT and RUNS. */

static void judge_end(struct judging *j)
{
    const struct membus_audit_trace *t = j->t;
    const char *text = t->text ? t->text : "";

    if (t->end == MEMBUS_AUDIT_UNSUPPORTED || t->end == MEMBUS_AUDIT_INEXACT)
        return;
    applies(j, MEMBUS_RULE_RUNS);
    if (t->end == MEMBUS_AUDIT_CRASHED)
        broke(j, MEMBUS_RULE_RUNS, "crashed: signal %d (%s) at %s0x%llx, address 0x%llx", t->signal,
              strsignal(t->signal),
              t->fault_ip & MEMBUS_AUDIT_IP_OTHER ? "another module's +" : "+",
              (unsigned long long)(t->fault_ip & ~MEMBUS_AUDIT_IP_OTHER),
              (unsigned long long)t->fault_addr);
    else if (t->end == MEMBUS_AUDIT_ENDLESS)
        broke(j, MEMBUS_RULE_RUNS, "still running after %llu instructions",
              (unsigned long long)t->instructions);
    else if (t->end == MEMBUS_AUDIT_SYSCALL)
        broke(j, MEMBUS_RULE_RUNS, "made a system call%s%s", *text ? ": " : "", text);
}

static void judge_result(struct judging *j)
{
    applies(j, MEMBUS_RULE_RESULT);
    if (!j->t->result_ok)
        broke(j, MEMBUS_RULE_RESULT, "memory afterwards is not what the copy should leave");
    if (!j->t->return_ok)
        broke(j, MEMBUS_RULE_RESULT, "the return value is not dst");
}

/* A move onto itself may store nothing: every byte is where it belongs, and a store could only take
 * back what another has written meanwhile. */
static bool needs_nothing(const struct judging *j)
{
    return j->t->c.overlapping && j->t->c.distance == 0 && j->stores == 0;
}

static void judge_stores(struct judging *j)
{
    applies(j, MEMBUS_RULE_W1);
    applies(j, MEMBUS_RULE_W7);
    if (needs_nothing(j))
        return;
    judge_outside(j);
    judge_bytes(j);
    for (size_t i = 0; i < j->t->count; i++) {
        if (is_store(&j->t->access[i]))
            judge_wide(j, i);
    }
    judge_exotic(j);
    if (j->n == 0)
        return;
    applies(j, MEMBUS_RULE_W4);
    applies(j, MEMBUS_RULE_W6);
    judge_whole(j);
    judge_ascending(j);
    judge_last(j);
    judge_visible(j);
}

void membus_audit_judge(const struct membus_audit_trace *trace,
                        const struct membus_audit_host *host, struct membus_audit_verdict *verdict)
{
    struct judging j = {.t = trace,
                        .host = host,
                        .v = verdict,
                        .n = (ptrdiff_t)trace->c.n,
                        .dst = trace->c.dst_align % 64,
                        .src = trace->c.src_align % 64,
                        .element = host->element ? host->element : WORD};

    verdict->applies = 0;
    verdict->broken = 0;
    for (int rule = 0; rule < MEMBUS_RULES; rule++)
        verdict->why[rule][0] = '\0';
    if (trace->c.overlapping)
        j.src = (unsigned)((ptrdiff_t)j.dst - trace->c.distance) % 64;
    for (size_t i = 0; i < trace->count; i++) {
        if (!is_store(&trace->access[i]))
            continue;
        j.stores++;
        j.last = i;
    }
    judge_end(&j);
    if (trace->end != MEMBUS_AUDIT_RETURNED)
        return;
    judge_result(&j);
    judge_stores(&j);
    applies(&j, MEMBUS_RULE_L1);
    judge_inside(&j);
    judge_device(&j);
    if (!needs_nothing(&j))
        judge_loads(&j);
    judge_overlap(&j);
}
