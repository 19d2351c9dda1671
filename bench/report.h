/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_REPORT_H
#define MEMBUS_BENCH_REPORT_H

/* What was measured, for people, for programs and as pictures. */

#include <stdio.h>

#include "groups.h"
#include "targets.h"

struct bench_report {
    const struct bench_settings *settings;
    int perf; /* what bench_perf_open() returned */
    struct bench_records records;
    struct bench_row *rows; /* the targets measured */
    unsigned row_count;
};

/* The machine and the way of measuring: a few lines. */
void bench_report_head(FILE *out, const struct bench_report *report);

void bench_report_row_head(FILE *out);
void bench_report_row(FILE *out, const struct bench_row *row);
void bench_report_row_foot(FILE *out, const struct bench_row *rows, unsigned count);

/* The table of one group: routines against rows of cases. */
void bench_report_group(FILE *out, const struct bench_records *records,
                        const struct bench_group *group);

/* All of it. Returns 0 or -errno. */
int bench_report_json(FILE *out, const struct bench_report *report);

/* Geometric mean of the routine's median ratios over a group's cases on that row (NULL: all), or
 * 0 when there are none; *spread (or NULL) gets half the quartiles' distance over the median. */
double bench_report_mean(const struct bench_records *records, const char *group, const char *row,
                         const char *routine, double *spread);

/* Rows of a group's table, in order: fills `rows`, at most `most`; how many. */
unsigned bench_report_rows(const struct bench_records *records, const char *group,
                           const char **rows, unsigned most);

/* Writes the pictures that the records allow, SVG through gnuplot, into the directory; returns
 * how many, or -errno. */
int bench_report_plot(const struct bench_report *report, const char *directory);

/* The machine. Strings live as long as the program. */
struct bench_machine {
    const char *cpu;
    const char *system;
    const char *libc;
    const char *compiler;
    long cache[4]; /* bytes; [1] to [3], 0 where unknown */
};

const struct bench_machine *bench_machine(void);

#endif
