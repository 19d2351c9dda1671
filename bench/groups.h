/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_GROUPS_H
#define MEMBUS_BENCH_GROUPS_H

/* What there is to measure, by kind of question; every group with the routines it compares. */

#include "cases.h"

#define BENCH_ROUTINES_MAX 24

struct bench_group {
    const char *name;
    const char *what;
    void (*cases)(struct bench_suite *suite, bool quick);
    unsigned flags;       /* the routines: all with one of these flags */
    const char *baseline; /* the routine that comes first */
    const char *also[5];  /* routines without the flags */
};

extern const struct bench_group bench_groups[]; /* ends with a NULL name */

/* A case and what came out. */
struct bench_record {
    struct bench_case c; /* without its ops */
    unsigned count;
    struct bench_result results[BENCH_ROUTINES_MAX];
};

struct bench_records {
    struct bench_record *records;
    unsigned count;
};

/* Measures a group and appends; `only` names routines, comma-separated, or is NULL for all. */
void bench_group_measure(struct bench_records *records, const struct bench_group *group,
                         struct bench_suite *suite, const struct bench_settings *settings,
                         const char *only, bool quick);

/* The routine's result in a record, or NULL. */
const struct bench_result *bench_record_result(const struct bench_record *record,
                                               const char *routine);

/* Is `name` one of the comma-separated names in `list`? Everything is in a NULL list. */
bool bench_listed(const char *list, const char *name);

#endif
