/* SPDX-License-Identifier: MIT */

/* The command: what to measure, and where the results go. */

#define _GNU_SOURCE
#include "bench_copy.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <membus/copy.h>

#include "count.h"
#include "report.h"

#define MIB ((size_t)1024 * 1024)

#define TARGETS_MAX 64u

struct options {
    bool targets, list, quick, count;
    const char *only, *routines, *json, *plot;
    int cpu;
};

static void usage(const char *name)
{
    printf("usage: %s [--targets | --only GROUP,...] [--routines NAME,...] [--quick]\n"
           "       %*s [--json FILE] [--plot DIRECTORY] [--cpu N] [--list]\n"
           "Copies, measured against glibc's in the same run. Without --targets: all groups.\n"
           "  -t, --targets         the rows that membus's copies are held to\n"
           "  -o, --only WHAT       these groups only; with --targets, rows that contain WHAT\n"
           "  -r, --routines NAMES  these routines only, beside the baseline\n"
           "  -q, --quick           few cases, few rounds: to see that it runs, not to compare\n"
           "  -j, --json FILE       all results as JSON; - is stdout, and no table then\n"
           "  -p, --plot DIRECTORY  pictures (SVG, needs gnuplot)\n"
           "  -c, --cpu N           pin to this CPU; else to the one it starts on\n"
           "  -n, --count           instructions, under callgrind (see scripts/callgrind.sh)\n"
           "  -l, --list            the groups and routines, and what is skipped\n",
           name, (int)strlen(name), "");
}

static const struct option longs[] = {
    {"targets", no_argument, NULL, 't'},
    {"only", required_argument, NULL, 'o'},
    {"routines", required_argument, NULL, 'r'},
    {"quick", no_argument, NULL, 'q'},
    {"json", required_argument, NULL, 'j'},
    {"plot", required_argument, NULL, 'p'},
    {"cpu", required_argument, NULL, 'c'},
    {"list", no_argument, NULL, 'l'},
    {"count", no_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int misused(const char *name)
{
    fprintf(stderr, "'%s --help' lists the options\n", name);
    return 2;
}

/* A CPU's number, or -1. */
static int parse_cpu(const char *text)
{
    char *end;
    long cpu = strtol(text, &end, 10);

    return *text && !*end && cpu >= 0 && cpu < 65536 ? (int)cpu : -1;
}

/* 0; 2 for a wrong command line; -1 after --help. */
static int parse(struct options *options, int argc, char **argv)
{
    int o;

    optind = 1;
    while ((o = getopt_long(argc, argv, "to:r:qj:p:c:nlh", longs, NULL)) != -1) {
        if (o == 't')
            options->targets = true;
        else if (o == 'o')
            options->only = optarg;
        else if (o == 'r')
            options->routines = optarg;
        else if (o == 'q')
            options->quick = true;
        else if (o == 'j')
            options->json = optarg;
        else if (o == 'p')
            options->plot = optarg;
        else if (o == 'n')
            options->count = true;
        else if (o == 'l')
            options->list = true;
        else if (o == 'c' && (options->cpu = parse_cpu(optarg)) >= 0)
            continue;
        else if (o == 'h') {
            usage(argv[0]);
            return -1;
        } else {
            if (o == 'c')
                fprintf(stderr, "%s: --cpu %s: no CPU's number\n", argv[0], optarg);
            return misused(argv[0]);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected '%s'\n", argv[0], argv[optind]);
        return misused(argv[0]);
    }
    return 0;
}

/* Names in --only and --routines that do not exist are errors, not empty results. */
static bool names_known(const struct options *options, const char *name)
{
    const struct bench_target *t = bench_targets;
    const char *lists[] = {options->targets ? NULL : options->only, options->routines};

    while (options->targets && options->only && t->work && !strstr(t->work, options->only))
        t++;
    if (!t->work) {
        fprintf(stderr, "%s: no row contains '%s'\n", name, options->only);
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        char *copy = lists[i] ? strdup(lists[i]) : NULL, *save = NULL;

        for (char *p = copy ? strtok_r(copy, ",", &save) : NULL; p;
             p = strtok_r(NULL, ",", &save)) {
            const struct bench_group *group = bench_groups;

            while (i == 0 && group->name && strcmp(group->name, p) != 0)
                group++;
            if (i == 0 ? group->name != NULL : bench_routine(p) != NULL)
                continue;
            fprintf(stderr, "%s: no %s '%s' (see --list)\n", name, i ? "routine" : "group", p);
            free(copy);
            return false;
        }
        free(copy);
    }
    return true;
}

static void list(void)
{
    printf("groups:\n");
    for (const struct bench_group *group = bench_groups; group->name; group++)
        printf("  %-20s %s\n", group->name, group->what);
    printf("routines:\n");
    for (const struct bench_routine *r = bench_routines; r->name; r++)
        printf("  %-20s %s%s%s\n", r->name, r->what, r->skipped ? "; skipped: " : "",
               r->skipped ? r->skipped : "");
}

static void run_targets(struct bench_report *report, const struct options *options,
                        struct bench_suite *suite, FILE *out)
{
    static struct bench_row rows[TARGETS_MAX];

    report->rows = rows;
    if (out)
        bench_report_row_head(out);
    for (const struct bench_target *t = bench_targets; t->work; t++) {
        struct bench_row *row = &rows[report->row_count];

        if (bench_target_repeats(t) || (options->only && !strstr(t->work, options->only)))
            continue;
        bench_target_measure(row, t, suite, report->settings);
        report->row_count++;
        if (out)
            bench_report_row(out, row);
    }
    if (out)
        bench_report_row_foot(out, rows, report->row_count);
}

static void run_groups(struct bench_report *report, const struct options *options,
                       struct bench_suite *suite, FILE *out)
{
    for (const struct bench_group *group = bench_groups; group->name; group++) {
        if (!bench_listed(options->only, group->name))
            continue;
        bench_group_measure(&report->records, group, suite, report->settings, options->routines,
                            options->quick);
        if (out)
            bench_report_group(out, &report->records, group);
    }
}

/* Before minutes of work: can the file be written? */
static bool can_write(const char *path, const char *name)
{
    FILE *f = !path || strcmp(path, "-") == 0 ? stdout : fopen(path, "ae");

    if (!f)
        fprintf(stderr, "%s: %s: %s\n", name, path, strerror(errno));
    else if (f != stdout)
        fclose(f);
    return f;
}

/* 0 or the exit status, after saying why. */
static int deliver(const struct bench_report *report, const struct options *options,
                   const char *name)
{
    bool to_stdout = options->json && strcmp(options->json, "-") == 0;

    if (options->json) {
        FILE *f = to_stdout ? stdout : fopen(options->json, "w");
        int error = f ? bench_report_json(f, report) : -errno;

        if (f && !to_stdout && fclose(f) != 0 && !error)
            error = -errno;
        if (error) {
            fprintf(stderr, "%s: %s: %s\n", name, options->json, strerror(-error));
            return 2;
        }
    }
    if (options->plot) {
        int made = bench_report_plot(report, options->plot);

        if (made < 0) {
            fprintf(stderr, "%s: %s: %s\n", name, options->plot,
                    made == -EIO ? "gnuplot failed, or is not installed" : strerror(-made));
            return 2;
        }
        fprintf(to_stdout ? stderr : stdout, "%d pictures in %s\n", made, options->plot);
    }
    return 0;
}

int bench_copy_main(int argc, char **argv)
{
    struct options options = {.cpu = -1};
    struct bench_settings settings = {20, 15, 301, 30, -1, 120000};
    struct bench_suite suite = {.count = 0};
    struct bench_report report = {.settings = &settings};
    int error = parse(&options, argc, argv);

    if (error)
        return error < 0 ? 0 : error;
    if (options.quick)
        settings = (struct bench_settings){2, 3, 3, 0, -1, 0};
    if (!names_known(&options, argv[0]) || !can_write(options.json, argv[0]))
        return 2;

    size_t size = (options.quick || options.count ? 1 : 128) * MIB;

    if (!options.targets)
        settings.case_ms /= 3; /* there are many cases */
    settings.cpu = bench_pin(options.cpu);
    if (settings.cpu < 0 && options.cpu >= 0) {
        fprintf(stderr, "%s: --cpu %d: this thread cannot run there: %s\n", argv[0], options.cpu,
                strerror(errno));
        return 2;
    }
    if ((error = bench_arena_init(&suite.arena, size)) ||
        (error = membus_move_reserve(size / 4, 1))) {
        fprintf(stderr, "%s: memory to copy: %s\n", argv[0], strerror(-error));
        return 2;
    }
    bench_routines_init(suite.arena.dst, suite.arena.src, suite.arena.mapped);
    report.perf = bench_perf_open();
    if (options.list) {
        list();
        return 0;
    }
    if (options.count) {
        if (bench_count(&suite) == 0)
            return 0;
        fprintf(stderr, "%s: --count runs under valgrind --tool=callgrind\n", argv[0]);
        return 2;
    }

    if (settings.patience_ms)
        bench_gauge_learn();

    FILE *out = options.json && strcmp(options.json, "-") == 0 ? NULL : stdout;

    if (out)
        bench_report_head(out, &report);
    if (options.targets)
        run_targets(&report, &options, &suite, out);
    else
        run_groups(&report, &options, &suite, out);
    error = deliver(&report, &options, argv[0]);
    free(report.records.records);
    return error;
}
