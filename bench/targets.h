/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_TARGETS_H
#define MEMBUS_BENCH_TARGETS_H

/* The rows that membus's copies are held to: what they cost over the baseline, at most. */

#include "cases.h"

struct bench_target {
    const char *work;
    const char *routine;
    const char *baseline; /* NULL: glibc's memcpy, or memmove where the case overlaps */
    double at_most;       /* ratio; 0: shown, not held to anything */
    void (*cases)(struct bench_suite *suite); /* adds the row's cases */
};

extern const struct bench_target bench_targets[]; /* ends with a NULL work */

/* A row measured: geometric means over its cases, and its worst case. */
struct bench_row {
    const struct bench_target *target;
    struct bench_quartiles ratio;
    double noise; /* how far the baseline is from itself, either way: 1 or more */
    double worst;
    char worst_name[48];
    unsigned cases;
    const char *skipped;
};

/* Measures one row; keeps nothing in the suite. */
void bench_target_measure(struct bench_row *row, const struct bench_target *target,
                          struct bench_suite *suite, const struct bench_settings *settings);

#endif
