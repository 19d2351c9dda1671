/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_TARGETS_H
#define MEMBUS_BENCH_TARGETS_H

/* The rows that membus's copies are held to: what they cost over the baseline, at most. */

#include "cases.h"

/* What a kernel is held to, a ratio; 0, and any other kernel: shown, not held to anything. */
struct bench_limits {
    double avx512, avx2, generic;
};

struct bench_target {
    const char *work;
    const char *routine;
    const char *baseline; /* NULL: glibc's memcpy, or memmove where the case overlaps */
    struct bench_limits limits;
    void (*cases)(struct bench_suite *suite); /* adds the row's cases */
};

extern const struct bench_target bench_targets[]; /* ends with a NULL work */

/* Both after bench_routines_init(). The limit of the kernel that the row's routine runs, or 0. */
double bench_target_at_most(const struct bench_target *target);

/* Is it the row of "membus" once more, since "membus" is that kernel? */
bool bench_target_repeats(const struct bench_target *target);

/* A row measured: geometric means over its cases, and its worst case. */
struct bench_row {
    const struct bench_target *target;
    double at_most; /* 0: not held to anything */
    struct bench_quartiles ratio;
    double noise;  /* how far the baseline is from itself, either way: 1 or more */
    double shared; /* the ratio while the core was shared; 0: some case never saw it so */
    unsigned rounds_shared, rounds; /* those in which it was, of all its cases' rounds */
    bool disturbed; /* some case saw the core too seldom alone: its ratio is of all rounds */
    double worst;
    char worst_name[48];
    unsigned cases;
    const char *skipped;
};

/* Measures one row; keeps nothing in the suite. */
void bench_target_measure(struct bench_row *row, const struct bench_target *target,
                          struct bench_suite *suite, const struct bench_settings *settings);

#endif
