/* SPDX-License-Identifier: MIT */

/*
 * The preload library against the C library, on a program's own mix:
 *
 *   bench_preload LIBRARY COUNTS
 *
 * COUNTS is what `membus exec --stats=COUNTS -- PROGRAM` wrote. For each function, calls are drawn
 * from the program's size classes (uniformly within a class, at multiples of 8 bytes, as most are
 * in programs), and made through a pointer, as a program's calls of a shared library are. Batches
 * in turns; the median ratio of all rounds and its quartiles. The C library a second time: the
 * noise.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLASSES 22u
#define OPS     8192u
#define ROUNDS  301u
#define AREA    (1u << 20)

enum { MEMCPY, MEMMOVE, MEMSET, FUNCTIONS };

static const char *const names[FUNCTIONS] = {"memcpy", "memmove", "memset"};
static const unsigned column[FUNCTIONS] = {0, 1, 3}; /* in the table of counts */

static uint64_t calls[FUNCTIONS][CLASSES];
static size_t most[CLASSES]; /* largest size of a class */

static char dst[2 * AREA] __attribute__((aligned(64)));
static char src[2 * AREA] __attribute__((aligned(64)));
static struct op {
    uint32_t n, dst, src;
} ops[OPS];

static uint32_t random_32(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* The largest size that a row is for: "5-8", "513-1K", "over 512K". */
static size_t last_size(const char *text)
{
    const char *dash = strchr(text, '-');
    char *end;
    const size_t n = strtoul(strncmp(text, "over ", 5) == 0 ? text + 5
                             : dash                         ? dash + 1
                                                            : text,
                             &end, 10);

    return *end == 'K' ? n * 1024 : n;
}

static unsigned class_of(size_t n)
{
    return n <= 1 ? (unsigned)n : 65u - (unsigned)__builtin_clzll(n - 1);
}

/* Adds up the tables in the file; returns 0 if there is none. */
static int read_counts(FILE *file)
{
    char line[256], name[64];
    unsigned long long v[5];
    int rows = 0;

    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, " %63[0-9K-] %llu %llu %llu %llu %llu", name, &v[0], &v[1], &v[2], &v[3],
                   &v[4]) != 6)
            continue;

        const unsigned c = class_of(last_size(name));

        if (c >= CLASSES)
            continue;
        rows++;
        most[c] = last_size(name);
        for (unsigned f = 0; f < FUNCTIONS; f++)
            calls[f][c] += v[column[f]];
    }
    return rows;
}

static size_t draw_size(unsigned f, uint64_t all)
{
    uint64_t at = ((uint64_t)random_32() << 32 | random_32()) % all;
    unsigned c = 0;

    while (at >= calls[f][c])
        at -= calls[f][c++];
    return c <= 2 ? most[c] : most[c] / 2 + 1 + random_32() % (most[c] / 2);
}

static uint64_t draw(unsigned f)
{
    uint64_t all = 0, bytes = 0;

    for (unsigned c = 0; c < CLASSES; c++)
        all += calls[f][c];
    for (unsigned i = 0; all && i < OPS; i++) {
        ops[i] = (struct op){(uint32_t)draw_size(f, all), random_32() % 65536 & ~7u,
                             random_32() % 65536 & ~7u};
        bytes += ops[i].n;
    }
    return bytes;
}

typedef void *copy_function(void *, const void *, size_t);
typedef void *set_function(void *, int, size_t);

static double run(unsigned f, void *function)
{
    struct timespec begin, end;
    copy_function *volatile copy;
    set_function *volatile set;

    memcpy((void *)&copy, &function, sizeof(function));
    memcpy((void *)&set, &function, sizeof(function));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned i = 0; i < OPS; i++) {
        if (f == MEMSET)
            set(dst + ops[i].dst, 0, ops[i].n);
        else
            copy(dst + ops[i].dst, src + ops[i].src, ops[i].n);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return 1e9 * (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure(unsigned f, void *libc, void *ours)
{
    static double ratio[ROUNDS], noise[ROUNDS], ns[ROUNDS];
    void *const plain = dlsym(libc, names[f]), *const ordered = dlsym(ours, names[f]);
    const uint64_t bytes = draw(f);

    if (bytes == 0)
        return;
    for (unsigned r = 0; r < ROUNDS; r++) {
        const double first = r & 1 ? run(f, ordered) : 0, p = run(f, plain);

        ratio[r] = (r & 1 ? first : run(f, ordered)) / p;
        noise[r] = run(f, plain) / p;
        ns[r] = p / OPS;
    }
    qsort(ratio, ROUNDS, sizeof(*ratio), compare);
    qsort(noise, ROUNDS, sizeof(*noise), compare);
    qsort(ns, ROUNDS, sizeof(*ns), compare);
    printf("%-8s mean %7.0f bytes %9.2f ns   ratio %.3f (%.3f - %.3f)   noise %.3f\n", names[f],
           (double)bytes / OPS, ns[ROUNDS / 2], ratio[ROUNDS / 2], ratio[ROUNDS / 4],
           ratio[3 * ROUNDS / 4], noise[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW), *ours;
    FILE *file;

    if (argc != 3) {
        fprintf(stderr, "usage: bench_preload LIBRARY COUNTS\n");
        return 2;
    }
    ours = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    file = fopen(argv[2], "r");
    if (!libc || !ours || !file || read_counts(file) == 0) {
        fprintf(stderr, "bench_preload: %s\n", !ours ? dlerror() : "no counts there");
        return 2;
    }
    fclose(file);
    memset(src, 1, sizeof(src));
    memset(dst, 1, sizeof(dst));
    for (unsigned f = 0; f < FUNCTIONS; f++)
        measure(f, libc, ours);
    return 0;
}
