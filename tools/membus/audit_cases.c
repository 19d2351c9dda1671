/* SPDX-License-Identifier: MIT */

/*
 * Which calls are recorded. Both sets take every small size at every alignment modulo 16 or a
 * sample of them, and turn the 64-byte line's quarter as they go, so that every place in a line
 * is met. Overlaps that need a window keep it within AUDIT_WINDOW_MAX: what a routine can hold
 * without a buffer of its own. Larger ones are there for the asking, by --case.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "audit_tool.h"

#define LINE      64
#define ALIGNMENT 16
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

int audit_cases_add(struct audit_cases *cases, const struct membus_audit_case *c)
{
    if (cases->count == cases->capacity) {
        size_t capacity = cases->capacity ? 2 * cases->capacity : 1024;
        struct membus_audit_case *more = reallocarray(cases->c, capacity, sizeof(*more));

        if (!more)
            return -ENOMEM;
        cases->c = more;
        cases->capacity = capacity;
    }
    cases->c[cases->count++] = *c;
    return 0;
}

void audit_cases_free(struct audit_cases *cases)
{
    free(cases->c);
    memset(cases, 0, sizeof(*cases));
}

static int add_apart(struct audit_cases *cases, size_t n, unsigned dst, unsigned src)
{
    struct membus_audit_case c = {.n = n, .dst_align = dst % LINE, .src_align = src % LINE};

    return audit_cases_add(cases, &c);
}

static int add_overlap(struct audit_cases *cases, size_t n, unsigned dst, ptrdiff_t distance)
{
    struct membus_audit_case c = {.n = n,
                                  .dst_align = dst % LINE,
                                  .src_align = (unsigned)((ptrdiff_t)dst - distance) % LINE,
                                  .overlapping = true,
                                  .distance = distance};
    size_t d = (size_t)(distance < 0 ? -distance : distance);
    size_t window = d < n - d ? d : n - d;

    if (d > n || (distance > 0 && d < n && window > AUDIT_WINDOW_MAX))
        return 0;
    return audit_cases_add(cases, &c);
}

/* The alignment `a` modulo 16 in one of the four quarters of a line. */
static unsigned in_quarter(size_t a, size_t quarter)
{
    return (unsigned)(a + ALIGNMENT * (quarter % (LINE / ALIGNMENT)));
}

static int add_small(struct audit_cases *cases, size_t n, size_t dst, size_t src)
{
    return add_apart(cases, n, in_quarter(dst, n + dst + src),
                     in_quarter(src, n / 4 + dst + 3 * src));
}

/* Sizes around which copy routines change their method. */
static const size_t larger[] = {
    257,  258,  260,  263,   264,   271,   272,   287,   288,   300,   319,  320,  321,  383,  384,
    385,  447,  448,  449,   511,   512,   513,   575,   576,   639,   640,  641,  767,  768,  769,
    895,  896,  1000, 1023,  1024,  1025,  1279,  1280,  1500,  1535,  1536, 1537, 1791, 1792, 2047,
    2048, 2049, 2112, 2113,  2114,  3000,  3071,  3072,  4000,  4088,  4095, 4096, 4097, 4104, 5000,
    8191, 8192, 8193, 12288, 16383, 16384, 16385, 32768, 65535, 65536, 65537};

/* Alignments of both sides for larger sizes: mutual, off by one, by a half word, across lines. */
static const unsigned char pairs[][2] = {{0, 0},   {1, 1},  {0, 1},   {1, 0},   {8, 0},   {0, 8},
                                         {4, 0},   {3, 7},  {5, 9},   {15, 2},  {16, 48}, {31, 1},
                                         {33, 63}, {63, 0}, {63, 63}, {60, 5},  {40, 17}, {24, 56},
                                         {2, 34},  {7, 15}, {61, 29}, {12, 44}, {50, 3},  {32, 31}};

static int add_larger(struct audit_cases *cases, size_t n, size_t count)
{
    int error = 0;

    for (size_t i = 0; i < count && !error; i++)
        error = add_apart(cases, n, pairs[i][0], pairs[i][1]);
    return error;
}

/* One size at one distance, both ways. */
static int add_both_ways(struct audit_cases *cases, size_t n, size_t dst, size_t distance)
{
    int error = add_overlap(cases, n, (unsigned)dst, (ptrdiff_t)distance);

    return error ? error : add_overlap(cases, n, (unsigned)dst, -(ptrdiff_t)distance);
}

/* Halves, nearly all, all, and dst == src: distances that follow from the size. */
static int add_relative(struct audit_cases *cases, size_t n, size_t dst)
{
    int error = add_overlap(cases, n, (unsigned)dst, 0);

    if (!error && n > 1)
        error = add_both_ways(cases, n, dst, n / 2);
    if (!error && n > 2)
        error = add_both_ways(cases, n, dst, n - 1);
    return error ? error : add_both_ways(cases, n, dst, n);
}

static const size_t overlap_sizes[] = {
    2,   3,   4,   5,   6,   7,   8,   9,   11,  12,  15,  16,  17,  20,  23,   24,  25,  31,
    32,  33,  40,  47,  48,  49,  63,  64,  65,  66,  72,  80,  95,  96,  97,   100, 112, 127,
    128, 129, 144, 160, 191, 192, 193, 224, 255, 256, 257, 300, 512, 600, 1000, 2113};

static const size_t far_distances[] = {65,   66,   72,   96,   100,  127,  128,  129,  200,
                                       255,  256,  257,  500,  512,  513,  1000, 1024, 1025,
                                       1800, 2047, 2048, 2049, 4000, 4095, 4096, 4097, 8192};

/* Sizes that overlap at `distance`: a window of a few bytes, of half, of the whole distance. */
static int add_far(struct audit_cases *cases, size_t distance, size_t dst)
{
    const size_t sizes[] = {distance + 1,     distance + 7, distance + 64,    distance * 3 / 2,
                            2 * distance - 1, 2 * distance, 2 * distance + 9, 5 * distance + 3,
                            distance + 4096,  65536};
    int error = 0;

    for (size_t i = 0; i < COUNT(sizes) && !error; i++)
        error = add_both_ways(cases, sizes[i], dst, distance);
    return error;
}

static int add_overlaps(struct audit_cases *cases, size_t alignments, size_t size_step,
                        size_t distance_step)
{
    int error = 0;

    for (size_t i = 0; i < COUNT(overlap_sizes) && !error; i += size_step) {
        size_t n = overlap_sizes[i];

        for (size_t a = 0; a < alignments && !error; a++) {
            size_t align = a * ALIGNMENT / alignments;

            error = add_relative(cases, n, in_quarter(align, n + a));
            for (size_t d = 1; d <= 64 && d < n && !error; d += d < 10 ? 1 : distance_step)
                error = add_both_ways(cases, n, in_quarter(align, n + a + d), d);
        }
    }
    for (size_t i = 0; i < COUNT(far_distances) && !error; i += size_step) {
        for (size_t a = 0; a < alignments && !error; a += 2)
            error = add_far(cases, far_distances[i], in_quarter(a * ALIGNMENT / alignments, i + a));
    }
    return error;
}

int audit_cases_quick(struct audit_cases *cases, bool overlap)
{
    int error = 0;

    /* Every size, every alignment of dst, four of src that turn with both. */
    for (size_t n = 0; n <= 96 && !error; n++) {
        for (size_t i = 0; i < 4 * ALIGNMENT && !error; i++)
            error =
                add_small(cases, n, i % ALIGNMENT, (n + 5 * i + 4 * (i / ALIGNMENT)) % ALIGNMENT);
    }
    for (size_t n = 97; n <= 256 && !error; n += 1 + n % 3) {
        for (size_t i = 0; i < 8 && !error; i++)
            error = add_small(cases, n, (3 * i + n) % ALIGNMENT, (5 * i + n / 3) % ALIGNMENT);
    }
    for (size_t i = 0; i < COUNT(larger) && !error; i += larger[i] < 4096 ? 1 : 3)
        error = add_larger(cases, larger[i], larger[i] < 8192 ? 8 : 2);
    if (!error && overlap)
        error = add_overlaps(cases, 4, 2, 11);
    return error;
}

int audit_cases_full(struct audit_cases *cases, bool overlap)
{
    static const size_t largest[] = {131072, 262143, 262144, 524288, 1048575, 1048576};
    int error = 0;

    for (size_t n = 0; n <= 256; n++) {
        for (size_t i = 0; i < ALIGNMENT * ALIGNMENT && !error; i++)
            error = add_small(cases, n, i / ALIGNMENT, i % ALIGNMENT);
    }
    for (size_t i = 0; i < COUNT(larger) && !error; i++)
        error = add_larger(cases, larger[i], larger[i] < 32768 ? COUNT(pairs) : 6);
    for (size_t i = 0; i < COUNT(largest) && !error; i++)
        error = add_larger(cases, largest[i], 4);
    if (!error && overlap)
        error = add_overlaps(cases, ALIGNMENT, 1, 1);
    return error;
}

int audit_cases_drawn(struct audit_cases *cases, bool overlap)
{
    static const size_t sizes[] = {1, 2, 3, 7, 8, 15, 16, 31, 33, 64, 100, 300};
    static const struct {
        size_t n;
        ptrdiff_t distance;
    } overlaps[] = {{8, 3}, {15, 1}, {40, 8}, {100, 16}, {300, 9}, {300, -9}};
    int error = 0;

    for (size_t i = 0; i < COUNT(sizes) && !error; i++)
        error = add_apart(cases, sizes[i], sizes[i] > 8 ? 5 : 0, 3);
    for (size_t i = 0; overlap && i < COUNT(overlaps) && !error; i++)
        error = add_overlap(cases, overlaps[i].n, 5, overlaps[i].distance);
    return error;
}

struct membus_audit_case audit_case_compared(bool overlap)
{
    struct membus_audit_case apart = {.n = 100, .dst_align = 5, .src_align = 3};
    struct membus_audit_case move = {
        .n = 300, .dst_align = 5, .src_align = 60, .overlapping = true, .distance = 9};

    return overlap ? move : apart;
}

/* Reads the number after `key`= at *text, and steps past it and a comma. */
static bool read_number(const char **text, const char *key, long long *value)
{
    size_t length = strlen(key);
    char *end;

    if (strncmp(*text, key, length) != 0 || (*text)[length] != '=')
        return false;
    errno = 0;
    *value = strtoll(*text + length + 1, &end, 0);
    if (errno || end == *text + length + 1 || (*end && *end != ','))
        return false;
    *text = *end ? end + 1 : end;
    return true;
}

int audit_case_parse(struct membus_audit_case *c, const char *text, char *error, size_t size)
{
    long long n = -1, dst = 0, src = LLONG_MAX, distance = 0; /* src: not given */
    const char *rest = text;
    bool overlapping = false;

    while (*rest) {
        if (read_number(&rest, "n", &n) || read_number(&rest, "dst", &dst) ||
            read_number(&rest, "src", &src))
            continue;
        if (!read_number(&rest, "distance", &distance)) {
            snprintf(error, size,
                     "case '%s': not understood from '%s'; write n=15,dst=0,src=3 "
                     "or n=300,dst=5,distance=9",
                     text, rest);
            return -EINVAL;
        }
        overlapping = true;
    }
    if (n < 0 || n > (long long)AUDIT_SIZE_MAX)
        snprintf(error, size, "case '%s': n must be from 0 to %zu", text, AUDIT_SIZE_MAX);
    else if (dst < 0 || dst >= LINE || src < 0 || (src >= LINE && src != LLONG_MAX))
        snprintf(error, size, "case '%s': dst and src are offsets in a line, 0 to 63", text);
    else if (overlapping && (distance > n || distance < -n))
        snprintf(error, size, "case '%s': at this distance nothing overlaps", text);
    else if (overlapping && src != LLONG_MAX && (dst - distance - src) % LINE != 0)
        snprintf(error, size, "case '%s': src follows from dst and distance; leave it out", text);
    else {
        c->n = (size_t)n;
        c->dst_align = (unsigned)dst;
        c->overlapping = overlapping;
        c->distance = (ptrdiff_t)distance;
        c->src_align = overlapping        ? (unsigned)(dst - distance) % LINE
                       : src != LLONG_MAX ? (unsigned)src
                                          : 0;
        return 0;
    }
    return -EINVAL;
}
