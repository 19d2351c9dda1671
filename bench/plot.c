/* SPDX-License-Identifier: MIT */

/* Pictures: one gnuplot script each, its data within, on gnuplot's standard input. */

#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define SERIES_MAX 10u
#define POINTS_MAX 512u

/* What the y axis shows. */
enum measure { RATIO, NANOSECONDS, BYTES_PER_NS };

/* Lines over the sizes (or distances) of a group's cases: a line for each routine, or, where
 * `routine` names one, a line for each distance (or size) of the cases. */
struct picture {
    const char *file, *group, *title, *x;
    enum measure measure;
    bool by_distance; /* x is the distance, and the lines are sizes */
    bool log_x, log_y;
    const char *routine;
    const char *routines[SERIES_MAX + 1];
};

static const struct picture pictures[] = {
    {"sizes",
     "sizes",
     "The same size again and again, five alignments",
     "bytes",
     RATIO,
     false,
     false,
     true,
     NULL,
     {"membus", "glibc again", "musl", "dpdk avx512", "dpdk avx2", "vm-memory", "8-byte loop",
      "membus avx2", "membus generic", NULL}},
    {"classes",
     "classes",
     "From 256 bytes to 64 MiB",
     "bytes",
     BYTES_PER_NS,
     false,
     true,
     false,
     NULL,
     {"glibc", "membus", "membus avx2", "musl", "dpdk avx512", "dpdk avx2", "vm-memory",
      "8-byte loop", NULL}},
    {"memory",
     "memory",
     "From and to memory, scattered",
     "bytes",
     RATIO,
     false,
     true,
     false,
     NULL,
     {"membus", "glibc again", "membus avx2", "musl", "dpdk avx512", "dpdk avx2", "vm-memory",
      NULL}},
    {"aliasing",
     "aliasing",
     "membus's time over glibc's, by (dst - src) mod 4096",
     "bytes",
     RATIO,
     false,
     true,
     true,
     "membus",
     {NULL}},
    {"latency",
     "latency",
     "Each copy waits for the one before",
     "bytes",
     NANOSECONDS,
     false,
     true,
     true,
     NULL,
     {"glibc", "membus", "membus avx2", "musl", "dpdk avx512", "dpdk avx2", "vm-memory", NULL}},
    {"parse",
     "parse",
     "A descriptor is copied, and its fields are loaded",
     "bytes",
     NANOSECONDS,
     false,
     false,
     false,
     NULL,
     {"glibc", "membus", "membus avx2", "musl", "dpdk avx512", "dpdk avx2", "vm-memory", NULL}},
    {"constant",
     "constant",
     "Sizes that the compiler knows",
     "bytes",
     NANOSECONDS,
     false,
     false,
     false,
     NULL,
     {"glibc", "membus", "compiler", NULL}},
    {"move",
     "move",
     "Overlapping moves upwards: membus's time over glibc's memmove",
     "distance, bytes",
     RATIO,
     true,
     true,
     true,
     "membus move",
     {NULL}},
    {"mapping",
     "mapping",
     "By the rules of each cache mode, on RAM labelled so",
     "bytes",
     RATIO,
     false,
     true,
     true,
     NULL,
     {"membus", "mapping NORMAL", "mapping WRITECOMBINE", "mapping DEVICE", "mapping NONCACHED",
      NULL}},
    {"order",
     "order",
     "Strict order against the default",
     "bytes",
     RATIO,
     false,
     true,
     true,
     NULL,
     {"membus", "membus strict", "mapping NORMAL", "mapping strict", NULL}},
};

static double value_of(const struct picture *picture, const struct bench_record *record,
                       const struct bench_result *result)
{
    if (picture->measure == RATIO)
        return result->ratio.median;
    if (picture->measure == NANOSECONDS)
        return result->ns.median;
    return record->c.bytes / result->ns.median;
}

static size_t x_of(const struct picture *picture, const struct bench_case *c)
{
    return picture->by_distance ? c->distance : c->n;
}

static size_t series_of(const struct picture *picture, const struct bench_case *c)
{
    return picture->by_distance ? c->n : c->distance;
}

/* The points of one line: geometric means over the cases at the same x. `series` picks cases;
 * SIZE_MAX takes all. How many points. */
static unsigned points(FILE *out, const struct picture *picture,
                       const struct bench_records *records, const char *routine, size_t series)
{
    double sum = 0;
    unsigned cases = 0, count = 0;
    size_t x = 0;

    for (unsigned i = 0; i <= records->count; i++) {
        const struct bench_record *r = i < records->count ? &records->records[i] : NULL;
        const struct bench_result *result = r ? bench_record_result(r, routine) : NULL;
        bool mine = result && strcmp(r->c.group, picture->group) == 0 && r->c.n &&
                    (series == SIZE_MAX || series_of(picture, &r->c) == series);

        if (cases && (!r || (mine && x_of(picture, &r->c) != x))) {
            fprintf(out, "%zu %.6g\n", x, exp(sum / cases));
            sum = 0;
            cases = 0;
            count++;
        }
        if (!mine)
            continue;
        x = x_of(picture, &r->c);
        sum += log(value_of(picture, r, result));
        cases++;
    }
    return count;
}

/* The different series of a group, in order. */
static unsigned all_series(size_t *series, const struct picture *picture,
                           const struct bench_records *records)
{
    unsigned count = 0;

    for (unsigned i = 0; i < records->count && count < SERIES_MAX; i++) {
        const struct bench_case *c = &records->records[i].c;
        unsigned k = 0;

        while (k < count && series[k] != series_of(picture, c))
            k++;
        if (k == count && c->n && strcmp(c->group, picture->group) == 0)
            series[count++] = series_of(picture, c);
    }
    return count;
}

/* DPDK's is drawn as this CPU would run it. */
static bool drawn(const char *routine)
{
    return strcmp(routine, "dpdk avx2") != 0 || bench_routine("dpdk avx512")->skipped;
}

/* A routine has one colour in all pictures. */
static const struct {
    const char *routine, *colour;
} colours[] = {
    {"membus", "#c0392b"},         {"membus move", "#c0392b"},
    {"glibc", "#555555"},          {"glibc again", "#aaaaaa"},
    {"membus strict", "#7d1f16"},  {"membus avx2", "#e67e22"},
    {"membus generic", "#f1c40f"}, {"musl", "#2471a3"},
    {"dpdk avx512", "#1e8449"},    {"dpdk avx2", "#1e8449"},
    {"vm-memory", "#8e44ad"},      {"compiler", "#2471a3"},
    {"8-byte loop", "#16a085"},    {"byte loop", "#7fb3d5"},
    {"mapping NORMAL", "#e67e22"}, {"mapping WRITECOMBINE", "#2471a3"},
    {"mapping DEVICE", "#1e8449"}, {"mapping NONCACHED", "#8e44ad"},
    {"mapping strict", "#f1c40f"},
};

/* And lines of one routine run through the rainbow. */
static const char *const rainbow[SERIES_MAX] = {"#440154", "#472d7b", "#3b528b", "#2c728e",
                                                "#21918c", "#28ae80", "#5ec962", "#addc30",
                                                "#d8c219", "#e67e22"};

static const char *colour_of(const char *routine)
{
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
        if (strcmp(colours[i].routine, routine) == 0)
            return colours[i].colour;
    }
    return "#000000";
}

static FILE *begin(const char *directory, const char *file, const char *title, unsigned height)
{
    FILE *out = popen("gnuplot", "w");

    if (!out)
        return NULL;
    fprintf(out, "set terminal svg size 860,%u font 'sans-serif,13' background '#ffffff'\n",
            height);
    fprintf(out, "set output '%s/%s.svg'\n", directory, file);
    fprintf(out, "set title \"%s\"\nset grid lc '#dddddd' lw 0.7\nset border lc '#666666'\n",
            title);
    return out;
}

static int end(FILE *out)
{
    return pclose(out) == 0 ? 1 : -EIO;
}

static void axes(FILE *out, const struct picture *picture)
{
    static const char *const y[] = {"time over glibc's", "ns a copy", "bytes a ns"};

    fprintf(out,
            "set xlabel '%s'\nset ylabel \"%s\"\nset key outside right top\n"
            "set autoscale xfix\n",
            picture->x, y[picture->measure]);
    if (picture->log_x)
        fprintf(out, "set logscale x 2\nset xtics font ',10'\nset format x '%%.0b%%B'\n");
    if (picture->log_y)
        fprintf(out, "set logscale y 2\n"); /* by 10, half of a picture may be empty */
    if (picture->measure == RATIO)
        fprintf(out, "set arrow from graph 0, first 1 to graph 1, first 1 nohead lc '#000000'\n");
    if (!picture->log_y)
        fprintf(out, "set yrange [0:*]\n");
}

/* A data block for every line that has points, and the plot command; how many lines. */
static unsigned lines(FILE *out, const struct picture *picture, const struct bench_records *records)
{
    size_t series[SERIES_MAX];
    unsigned count = picture->routine ? all_series(series, picture, records) : SERIES_MAX;
    char plot[2048] = "plot ", name[64];
    unsigned made = 0;

    for (unsigned i = 0; i < count && (picture->routine || picture->routines[i]); i++) {
        const char *routine = picture->routine ? picture->routine : picture->routines[i];

        if (!drawn(routine))
            continue;
        if (picture->routine)
            bench_size_name(name, sizeof(name), series[i]);
        else
            snprintf(name, sizeof(name), "%s", routine);
        fprintf(out, "$d%u << EOD\n", i);
        bool any = points(out, picture, records, routine, picture->routine ? series[i] : SIZE_MAX);
        fprintf(out, "EOD\n");
        if (!any)
            continue;
        made++;
        snprintf(plot + strlen(plot), sizeof(plot) - strlen(plot),
                 "$d%u using 1:2 with lines lc '%s' lw %s title '%s', ", i,
                 picture->routine ? rainbow[i] : colour_of(routine),
                 strcmp(name, "membus") == 0 ? "2.4" : "1.4", name);
    }
    if (made)
        fprintf(out, "%s\n", plot);
    return made;
}

static bool has_group(const struct bench_records *records, const char *group)
{
    for (unsigned i = 0; i < records->count; i++) {
        if (strcmp(records->records[i].c.group, group) == 0)
            return true;
    }
    return false;
}

/* 1 picture, 0 where its group was not measured, or -errno. */
static int plot_lines(const struct picture *picture, const struct bench_records *records,
                      const char *directory)
{
    if (!has_group(records, picture->group))
        return 0;

    FILE *out = begin(directory, picture->file, picture->title, 420);

    if (!out)
        return -errno;
    axes(out, picture);
    lines(out, picture, records);
    return end(out);
}

/* What the bars of the mixes show, where it was measured. */
static const char *const mix_routines[] = {
    "membus",    "glibc again", "membus strict", "membus avx2", "membus generic", "dpdk avx512",
    "dpdk avx2", "musl",        "vm-memory",     "8-byte loop", "byte loop"};

#define MIX_ROUTINES (sizeof(mix_routines) / sizeof(mix_routines[0]))

/* A line for each mix: its name, then every routine's ratio ("?" where there is none). */
static void mix_data(FILE *out, const struct bench_records *records)
{
    const char *rows[16];
    unsigned count = bench_report_rows(records, "mix", rows, 16);

    fprintf(out, "$d << EOD\n");
    for (unsigned i = 0; i < count; i++) {
        if (strchr(rows[i], ',')) /* the aligned ones: in the table */
            continue;
        fprintf(out, "\"%s\"", rows[i]);
        for (size_t k = 0; k < MIX_ROUTINES; k++) {
            double mean = bench_report_mean(records, "mix", rows[i], mix_routines[k], NULL);

            if (mean > 0)
                fprintf(out, "\t%.5g", mean);
            else
                fprintf(out, "\t?");
        }
        fprintf(out, "\n");
    }
    fprintf(out, "EOD\n");
}

/* The mixes: bars, one cluster a mix. */
static int plot_mixes(const struct bench_records *records, const char *directory)
{
    if (!has_group(records, "mix"))
        return 0;

    FILE *out = begin(directory, "mix", "Sizes at random", 460);

    if (!out)
        return -errno;
    mix_data(out, records);
    fprintf(out, "set style data histogram\nset style histogram clustered gap 1\n"
                 "set style fill solid 0.9 noborder\nset logscale y 2\nset yrange [0.2:32]\n"
                 "set ylabel \"time over glibc's\"\nset key outside right top\nset xtics nomirror\n"
                 "set arrow from graph 0, first 1 to graph 1, first 1 nohead lc '#000000' front\n"
                 "set datafile separator tab\nset datafile missing '?'\nplot ");
    for (unsigned k = 0; k < MIX_ROUTINES; k++) {
        if (drawn(mix_routines[k]) &&
            bench_report_mean(records, "mix", NULL, mix_routines[k], NULL) > 0)
            fprintf(out, "$d using %u:xtic(1) lc '%s' title '%s', ", k + 2,
                    colour_of(mix_routines[k]), mix_routines[k]);
    }
    fprintf(out, "\n");
    return end(out);
}

/* The targets: a bar from 1 to what was measured, a mark at what it is held to. */
static int plot_targets(const struct bench_report *report, const char *directory)
{
    unsigned shown = 0;

    for (unsigned i = 0; i < report->row_count; i++)
        shown += !report->rows[i].skipped && report->rows[i].at_most > 0;
    if (!shown)
        return 0;

    FILE *out = begin(directory, "targets", "membus's time over glibc's, and what it is held to",
                      100 + 22 * shown);

    if (!out)
        return -errno;
    fprintf(out, "$d << EOD\n");
    for (unsigned i = 0, y = 0; i < report->row_count; i++) {
        const struct bench_row *row = &report->rows[i];

        if (!row->skipped && row->at_most > 0)
            fprintf(out, "\"%s\"\t%d\t%.5g\t%.5g\t%.5g\t%.5g\n", row->target->work, -(int)y++,
                    row->ratio.median, row->at_most, row->ratio.q1, row->ratio.q3);
    }
    fprintf(out,
            "EOD\nset datafile separator tab\nset logscale x 2\nset xrange [0.03:8]\n"
            "set yrange [%d.5:0.7]\nset key outside bottom center horizontal\n"
            "set xtics (0.03125, 0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8)\n"
            "set style fill solid 0.8 noborder\n"
            "set arrow from 1, graph 0 to 1, graph 1 nohead lc '#000000'\n"
            "plot $d using (1):2:(1):3:($2-0.32):($2+0.32):ytic(1) with boxxyerror lc '#2471a3' "
            "title 'measured', $d using 5:2:($6-$5):(0) with vectors nohead lw 2 lc '#000000' "
            "title 'quartiles', $d using 4:2 with points pt 2 ps 0.9 lw 2 lc '#c0392b' "
            "title 'at most'\n",
            -(int)shown);
    return end(out);
}

/* How many pictures, or -errno. */
static int plot_all(const struct bench_report *report, const char *directory)
{
    int made, all = 0;

    for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
        made = plot_lines(&pictures[i], &report->records, directory);
        if (made < 0)
            return made;
        all += made;
    }
    made = plot_mixes(&report->records, directory);
    if (made < 0)
        return made;
    all += made;
    made = plot_targets(report, directory);
    return made < 0 ? made : all + made;
}

int bench_report_plot(const struct bench_report *report, const char *directory)
{
    if (strchr(directory, '\'')) /* it goes between quotes */
        return -EINVAL;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return -errno;

    /* A gnuplot that is not there, or gives up, shows in its exit status. */
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    int all = plot_all(report, directory);

    signal(SIGPIPE, before);
    return all;
}
