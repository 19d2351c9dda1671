/* SPDX-License-Identifier: MIT */

/*
 * The preload library against the C library, on a program's own calls:
 *
 *   bench_preload LIBRARY TRACE [ROUNDS]
 *
 * TRACE is what preload_trace.c recorded. The calls are made again in their order, each function's
 * alone (moves of something onto itself for themselves) and then all, through a pointer, as a
 * program's calls of a shared library are. Sizes are the recorded ones, addresses too but for their
 * upper bits: pages, lines and overlaps stay as they were. Batches in turns; the median ratio of
 * all rounds and its quartiles. The C library a second time: the noise.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "preload_trace.h"

#define LARGEST    (1u << 20)      /* larger calls are left out */
#define PLACES     (1u << 16)      /* of an address, what is below this is kept */
#define MOST       101u            /* rounds */
#define IN_PLACE   TRACE_FUNCTIONS /* rows beside the functions: memmove(p, p, n), of which a C */
#define EVERYTHING (TRACE_FUNCTIONS + 1) /* library may store nothing; and all calls */

static const char *const names[] = {"memcpy", "memmove", "memset", "in place", "all"};

typedef void *copy_function(void *, const void *, size_t);
typedef void *set_function(void *, int, size_t);

/* One library's functions; read anew for each call, as from a program's table of them. */
struct functions {
    copy_function *volatile copy[2]; /* memcpy, memmove */
    set_function *volatile set;
};

static char memory[4 * (LARGEST + PLACES)] __attribute__((aligned(4096)));
static struct op {
    uint32_t n, function, dst, src; /* places in `memory` */
} * ops;
static size_t count;

static struct op op_of(const struct trace_call *call)
{
    const uint32_t dst = LARGEST + (uint32_t)call->dst % PLACES;
    const int64_t apart = (int64_t)(call->src - call->dst);
    const bool overlap = call->function != TRACE_MEMSET && llabs(apart) < (int64_t)call->n;
    const uint32_t src =
        overlap ? (uint32_t)(dst + apart) : 2 * LARGEST + 2 * PLACES + (uint32_t)call->src % PLACES;

    return (struct op){call->n, call->function, dst, src};
}

static bool belongs(const struct trace_call *call, unsigned row)
{
    const bool in_place = call->function == TRACE_MEMMOVE && call->dst == call->src;

    return call->n <= LARGEST &&
           (row == EVERYTHING || row == (in_place ? IN_PLACE : call->function));
}

/* The calls of one row. */
static int read_trace(FILE *file, unsigned row)
{
    struct trace_call call;

    rewind(file);
    count = 0;
    while (fread(&call, sizeof(call), 1, file) == 1 && (call.dst || call.n)) {
        if (call.function >= TRACE_FUNCTIONS)
            return -1;
        if (belongs(&call, row) && count < TRACE_CALLS)
            ops[count++] = op_of(&call);
    }
    return ferror(file) ? -1 : 0;
}

static double run(unsigned row, const struct functions *f)
{
    const unsigned function = row == IN_PLACE ? TRACE_MEMMOVE : row;
    struct timespec begin, end;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (function == TRACE_MEMSET) {
        for (size_t i = 0; i < count; i++)
            f->set(memory + ops[i].dst, 0, ops[i].n);
    } else if (row != EVERYTHING) {
        for (size_t i = 0; i < count; i++)
            f->copy[function](memory + ops[i].dst, memory + ops[i].src, ops[i].n);
    } else {
        for (size_t i = 0; i < count; i++) {
            if (ops[i].function == TRACE_MEMSET)
                f->set(memory + ops[i].dst, 0, ops[i].n);
            else
                f->copy[ops[i].function](memory + ops[i].dst, memory + ops[i].src, ops[i].n);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return 1e9 * (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure(unsigned row, const struct functions *libc, const struct functions *ours,
                    unsigned rounds)
{
    static double ratio[MOST], noise[MOST], ns[MOST];
    double bytes = 0;

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        bytes += ops[i].n;
    for (unsigned r = 0; r < rounds; r++) {
        const double first = r & 1 ? run(row, ours) : 0, plain = run(row, libc);

        ratio[r] = (r & 1 ? first : run(row, ours)) / plain;
        noise[r] = run(row, libc) / plain;
        ns[r] = plain / (double)count;
    }
    qsort(ratio, rounds, sizeof(*ratio), compare);
    qsort(noise, rounds, sizeof(*noise), compare);
    qsort(ns, rounds, sizeof(*ns), compare);
    printf("%-9s%8zu calls, mean %6.0f bytes %8.2f ns   ratio %.3f (%.3f - %.3f)   noise %.3f\n",
           names[row], count, bytes / (double)count, ns[rounds / 2], ratio[rounds / 2],
           ratio[rounds / 4], ratio[3 * rounds / 4], noise[rounds / 2]);
}

static bool find(struct functions *f, void *library)
{
    for (unsigned i = 0; library && i < TRACE_FUNCTIONS; i++) {
        void *const function = dlsym(library, names[i]);

        if (!function)
            return false;
        if (i == TRACE_MEMSET)
            memcpy((void *)&f->set, &function, sizeof(function));
        else
            memcpy((void *)&f->copy[i], &function, sizeof(function));
    }
    return library != NULL;
}

int main(int argc, char **argv)
{
    struct functions libc, ours;
    unsigned rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : MOST;
    FILE *file;

    if (argc < 3 || rounds == 0 || rounds > MOST) {
        fprintf(stderr, "usage: bench_preload LIBRARY TRACE [ROUNDS, up to %u]\n", MOST);
        return 2;
    }
    if (!find(&libc, dlopen("libc.so.6", RTLD_NOW)) ||
        !find(&ours, dlopen(argv[1], RTLD_NOW | RTLD_LOCAL))) {
        fprintf(stderr, "bench_preload: %s\n", dlerror());
        return 2;
    }
    file = fopen(argv[2], "rb");
    ops = malloc(TRACE_CALLS * sizeof(*ops));
    memset(memory, 1, sizeof(memory));
    for (unsigned row = 0; file && ops && row <= EVERYTHING; row++) {
        if (read_trace(file, row) != 0) {
            fprintf(stderr, "bench_preload: %s is no trace\n", argv[2]);
            return 2;
        }
        measure(row, &libc, &ours, rounds);
    }
    if (!file || !ops || count == 0) {
        fprintf(stderr, "bench_preload: no calls in %s\n", argv[2]);
        return 2;
    }
    return 0;
}
