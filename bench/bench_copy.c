/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "bench_copy.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <membus/copy.h>

#include "targets.h"

#define MIB ((size_t)1024 * 1024)

struct options {
    bool targets;
    bool quick;
    const char *only;
    int cpu;
};

/* "ok" or "OVER" for a row that is held to something. */
static const char *verdict(const struct bench_row *row)
{
    if (row->target->at_most <= 0)
        return "";
    return row->ratio.median <= row->target->at_most ? "ok" : "OVER";
}

static void print_row(const struct bench_row *row)
{
    char at_most[16] = "-";

    if (row->target->at_most > 0)
        snprintf(at_most, sizeof(at_most), "%.2f", row->target->at_most);
    printf("%-32s %8s ", row->target->work, at_most);
    if (row->skipped)
        printf("skipped: %s\n", row->skipped);
    else
        printf("%8.3f %-5s %5.3f-%-6.3f %7.3f  %6.3f  %s\n", row->ratio.median, verdict(row),
               row->ratio.q1, row->ratio.q3, row->noise, row->worst, row->worst_name);
    fflush(stdout);
}

static void run_targets(const struct options *options, struct bench_suite *suite,
                        const struct bench_settings *settings)
{
    printf("time over glibc's, same run, kernel %s, CPU %d: geometric mean of the cases' medians\n",
           membus_kernel_name(), settings->cpu);
    printf("%-32s %8s %8s %-5s %12s %7s  %6s  %s\n", "work", "at most", "ratio", "", "quartiles",
           "noise", "worst", "worst case");
    for (const struct bench_target *t = bench_targets; t->work; t++) {
        struct bench_row row;

        if (options->only && !strstr(t->work, options->only))
            continue;
        bench_target_measure(&row, t, suite, settings);
        print_row(&row);
    }
}

int bench_copy_main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"targets", no_argument, NULL, 't'},
        {"quick", no_argument, NULL, 'q'},
        {"only", required_argument, NULL, 'o'},
        {"cpu", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.cpu = -1};
    struct bench_settings settings = {20, 15, 301, 30, -1};
    struct bench_suite suite = {0};
    int o;

    while ((o = getopt_long(argc, argv, "tqo:c:", longs, NULL)) != -1) {
        switch (o) {
        case 't':
            options.targets = true;
            break;
        case 'q':
            options.quick = true;
            break;
        case 'o':
            options.only = optarg;
            break;
        case 'c':
            options.cpu = atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    settings.cpu = bench_pin(options.cpu);
    if (bench_arena_init(&suite.arena, 128 * MIB))
        return 1;
    bench_routines_init(suite.arena.dst, suite.arena.src, suite.arena.size);
    membus_move_reserve(32 * MIB, 1);
    run_targets(&options, &suite, &settings);
    return 0;
}
