/* SPDX-License-Identifier: MIT */
#include "copy_checker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE  4096u
#define ROOM  (128u * PAGE)
#define SLACK 80u

/* Memory between two pages that fault. */
struct room {
    unsigned char *map;
    unsigned char *at;
};

struct copy_checker {
    struct room dst, src;
    unsigned char *expected;
    size_t thin; /* 1, or how many cases become one */
    char why[200];
};

static const size_t large[] = {257,  300,  383,  384,   385,   448,   511,   512,  513,  575,
                               576,  577,  640,  700,   767,   768,   1000,  1023, 1024, 1025,
                               1500, 2047, 2048, 2113,  4000,  4095,  4096,  4097, 4160, 5000,
                               8192, 8193, 9000, 16384, 20000, 65536, 100000};

static const size_t distances[] = {
    1,    2,    3,    4,    5,    7,    8,    9,    12,   15,   16,   17,   24,   31,   32,   33,
    48,   56,   63,   64,   65,   96,   100,  127,  128,  129,  191,  192,  200,  255,  256,  257,
    320,  383,  384,  448,  511,  512,  513,  600,  767,  768,  1000, 1023, 1024, 1025, 1791, 1792,
    1800, 2048, 3000, 4032, 4095, 4096, 4097, 4544, 4545, 4577, 5000, 8192, 30000};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct room room_new(void)
{
    struct room room;

    room.map = mmap(NULL, ROOM + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(room.map != MAP_FAILED);
    room.at = room.map + PAGE;
    assert(mprotect(room.at, ROOM, PROT_READ | PROT_WRITE) == 0);
    return room;
}

bool copy_checker_thin(void)
{
    const char *quick = getenv("MEMBUS_TESTS_QUICK");

    return quick && *quick;
}

struct copy_checker *copy_checker_new(void)
{
    struct copy_checker *checker = calloc(1, sizeof(*checker));

    assert(checker);
    checker->dst = room_new();
    checker->src = room_new();
    checker->expected = malloc(ROOM);
    assert(checker->expected);
    checker->thin = copy_checker_thin() ? 7 : 1; /* shares no factor with the alignments */
    for (size_t i = 0; i < ROOM; i++)
        checker->src.at[i] = (unsigned char)(i * 7 + (i >> 8) * 13 + 1);
    return checker;
}

void copy_checker_free(struct copy_checker *checker)
{
    munmap(checker->dst.map, ROOM + 2 * PAGE);
    munmap(checker->src.map, ROOM + 2 * PAGE);
    free(checker->expected);
    free(checker);
}

/* memcmp, but telling where. */
static bool same(const unsigned char *a, const unsigned char *b, size_t n, size_t *where)
{
    if (memcmp(a, b, n) == 0)
        return true;
    for (*where = 0; a[*where] == b[*where];)
        ++*where;
    return false;
}

/* One copy between the rooms; `dst` and `src` are offsets. */
static bool check_one(struct copy_checker *c, copy_routine *routine, size_t dst, size_t src,
                      size_t n)
{
    size_t low = dst > SLACK ? dst - SLACK : 0;
    size_t high = dst + n + SLACK < ROOM ? dst + n + SLACK : ROOM;
    size_t where;

    memset(c->dst.at + low, 0xee, high - low);
    memset(c->expected + low, 0xee, high - low);
    memcpy(c->expected + dst, c->src.at + src, n);

    void *returned = routine(c->dst.at + dst, c->src.at + src, n);

    if (returned != c->dst.at + dst) {
        snprintf(c->why, sizeof(c->why), "n=%zu: returned %p, not dst %p", n, returned,
                 (void *)(c->dst.at + dst));
        return false;
    }
    if (same(c->dst.at + low, c->expected + low, high - low, &where))
        return true;
    snprintf(c->why, sizeof(c->why), "n=%zu dst+%zu src+%zu: byte %zd is %02x, not %02x", n,
             dst % 64, src % 64, (ptrdiff_t)(low + where) - (ptrdiff_t)dst, c->dst.at[low + where],
             c->expected[low + where]);
    return false;
}

/* The same with one range or both at the start or the very end of their pages, beyond which there
 * is nothing, and the other anywhere in a line. */
static bool check_edges(struct copy_checker *c, copy_routine *routine, size_t n)
{
    const size_t end = ROOM - n;

    if (!check_one(c, routine, 0, 0, n) || !check_one(c, routine, end, end, n) ||
        !check_one(c, routine, 0, end, n) || !check_one(c, routine, end, 0, n))
        return false;
    for (size_t at = PAGE; at < PAGE + 64; at += c->thin) {
        if (!check_one(c, routine, at, 0, n) || !check_one(c, routine, at, end, n) ||
            !check_one(c, routine, 0, at, n) || !check_one(c, routine, end, at, n))
            return false;
    }
    return true;
}

const char *copy_checker_copies(struct copy_checker *c, copy_routine *routine)
{
    for (size_t n = 0; n <= 320; n += n < 72 ? 1 : c->thin) {
        if (!check_edges(c, routine, n))
            return c->why;
        for (size_t dst = 0; dst < 64; dst += c->thin * (n < 80 ? 1 : 3)) {
            for (size_t src = 0; src < 16; src += c->thin * (1 + n / 80)) {
                if (!check_one(c, routine, PAGE + dst, PAGE + src, n))
                    return c->why;
            }
        }
    }
    for (size_t i = 0; i < COUNT(large); i += c->thin) {
        if (!check_edges(c, routine, large[i]))
            return c->why;
        for (size_t dst = 0; dst < 64; dst += c->thin * (1 + dst % 5)) {
            if (!check_one(c, routine, PAGE + dst, PAGE + 11 * dst % 64, large[i]))
                return c->why;
        }
    }
    return NULL;
}

/* One move within a room, from the offset `src` by `distance` up or down. */
static bool check_move_at(struct copy_checker *c, copy_routine *routine, size_t src, size_t n,
                          ptrdiff_t distance)
{
    size_t dst = (size_t)((ptrdiff_t)src + distance);
    size_t from = src < dst ? src : dst, to = (src > dst ? src : dst) + n;
    size_t low = from > SLACK ? from - SLACK : 0;
    size_t high = to + SLACK < ROOM ? to + SLACK : ROOM;
    size_t where;

    for (size_t i = low; i < high; i++)
        c->dst.at[i] = (unsigned char)(i * 11 + (i >> 8) * 17 + 3);
    memcpy(c->expected + low, c->dst.at + low, high - low);
    memmove(c->expected + dst, c->expected + src, n);

    void *returned = routine(c->dst.at + dst, c->dst.at + src, n);

    if (returned == c->dst.at + dst && same(c->dst.at + low, c->expected + low, high - low, &where))
        return true;
    if (returned != c->dst.at + dst)
        snprintf(c->why, sizeof(c->why), "move n=%zu by %td: returned not dst", n, distance);
    else
        snprintf(c->why, sizeof(c->why), "move n=%zu by %td, dst+%zu: byte %zd is %02x, not %02x",
                 n, distance, dst % 64, (ptrdiff_t)(low + where) - (ptrdiff_t)dst,
                 c->dst.at[low + where], c->expected[low + where]);
    return false;
}

/* In the middle of the room. */
static bool check_move(struct copy_checker *c, copy_routine *routine, size_t align, size_t n,
                       ptrdiff_t distance)
{
    size_t src = (size_t)((ptrdiff_t)(16 * PAGE + align) - (distance < 0 ? distance : 0));

    return check_move_at(c, routine, src, n, distance);
}

static bool check_distance(struct copy_checker *c, copy_routine *routine, size_t n, size_t step)
{
    for (size_t i = 0; i<COUNT(distances); i += c->thin> 1 ? 3 : 1) {
        ptrdiff_t distance = (ptrdiff_t)distances[i];

        for (size_t align = 0; align < 64 && distances[i] <= n + 64; align += c->thin * step) {
            if (!check_move(c, routine, align, n, distance) ||
                !check_move(c, routine, align, n, -distance))
                return false;
        }
    }
    return true;
}

/*
 * Upwards by about `lines` lines of 64 bytes, and half a line more, the range at the start of the
 * room, at its end and in between: a window of lines has its last one somewhere else for each size.
 */
static bool check_window(struct copy_checker *c, copy_routine *routine, size_t lines)
{
    const ptrdiff_t line = 64 * (ptrdiff_t)lines;
    const ptrdiff_t near[] = {line - 1, line, line + 1, line + 32, line + 36};

    for (size_t n = 65; n < 5000 + (size_t)line; n += c->thin * (n < 700 ? 9 : 67)) {
        for (size_t i = 0; i < COUNT(near); i++) {
            if (near[i] <= 0 || (size_t)near[i] >= n)
                continue;
            if (!check_move_at(c, routine, n % 8, n, near[i]) ||
                !check_move_at(c, routine, ROOM - n - (size_t)near[i], n, near[i]) ||
                !check_move(c, routine, n / 5 % 64, n, near[i]))
                return false;
        }
    }
    return true;
}

const char *copy_checker_moves(struct copy_checker *c, copy_routine *routine)
{
    const char *wrong = copy_checker_copies(c, routine);

    if (wrong)
        return wrong;
    for (size_t lines = 0; lines < 110; lines += c->thin * (lines < 40 ? 1 : 6)) {
        if (!check_window(c, routine, lines))
            return c->why;
    }
    for (size_t n = 0; n <= 200; n += n < 24 ? 1 : c->thin) {
        if (!check_distance(c, routine, n, 5) || !check_move(c, routine, n % 64, n, 0))
            return c->why;
    }
    for (size_t i = 0; i < COUNT(large); i += c->thin) {
        if (!check_distance(c, routine, large[i], 13))
            return c->why;
        if (!check_move(c, routine, i % 64, large[i], (ptrdiff_t)large[i] / 2) ||
            !check_move(c, routine, i % 64, large[i], (ptrdiff_t)large[i] - 1))
            return c->why;
    }
    return NULL;
}
