/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define ROWS_MAX 256u
#define COLUMNS  7u /* of a table that fits a terminal */

void bench_report_head(FILE *out, const struct bench_report *report)
{
    const struct bench_machine *m = bench_machine();

    fprintf(out, "# %s, L1 %ld KiB, L2 %ld KiB, L3 %ld KiB\n", m->cpu, m->cache[1] >> 10,
            m->cache[2] >> 10, m->cache[3] >> 10);
    fprintf(out, "# %s, %s, %s; membus kernel %s\n", m->system, m->libc, m->compiler,
            bench_kernel());
    fprintf(out, "# clock: %s", bench_clock_name);
    if (report->settings->cpu >= 0)
        fprintf(out, "; pinned to CPU %d", report->settings->cpu);
    else
        fprintf(out, "; not pinned");
    if (report->perf)
        fprintf(out, "; no cycles and instructions here (perf_event_open: %s)\n",
                strerror(-report->perf));
    else
        fprintf(out, "; cycles and instructions by perf_event_open\n");
    for (const struct bench_routine *r = bench_routines; r->name; r++) {
        if (r->skipped)
            fprintf(out, "# skipped: %s: %s\n", r->name, r->skipped);
    }
}

/* "ok" or "OVER" for a row that is held to something. */
static const char *verdict(const struct bench_row *row)
{
    if (row->at_most <= 0)
        return "";
    return row->ratio.median <= row->at_most ? "ok" : "OVER";
}

void bench_report_row_head(FILE *out)
{
    fprintf(out, "\nTime over glibc's (or the peer's named) in the same run: geometric means of "
                 "the cases' medians.\n\n");
    fprintf(out, "%-32s %8s %8s  %-5s %12s %7s %7s %6s  %s\n", "work", "at most", "ratio", "",
            "quartiles", "noise", "shared", "worst", "worst case");
}

void bench_report_row(FILE *out, const struct bench_row *row)
{
    char at_most[16] = "-", shared[16] = "-";

    if (row->at_most > 0)
        snprintf(at_most, sizeof(at_most), "%.2f", row->at_most);
    if (row->shared > 0)
        snprintf(shared, sizeof(shared), "%.3f", row->shared);
    fprintf(out, "%-32s %8s ", row->target->work, at_most);
    if (row->skipped)
        fprintf(out, "skipped: %s\n", row->skipped);
    else
        fprintf(out, "%8.3f%c %-5s %5.3f-%-6.3f %5.1f %% %7s %6.3f  %s\n", row->ratio.median,
                row->disturbed ? '*' : ' ', verdict(row), row->ratio.q1, row->ratio.q3,
                (row->noise - 1) * 100, shared, row->worst, row->worst_name);
    fflush(out);
}

void bench_report_row_foot(FILE *out, const struct bench_row *rows, unsigned count)
{
    unsigned long rounds = 0, shared = 0;
    bool disturbed = false;

    for (unsigned i = 0; i < count; i++) {
        rounds += rows[i].rounds;
        shared += rows[i].rounds_shared;
        disturbed |= rows[i].disturbed;
    }
    if (shared)
        fprintf(out,
                "\nSomebody else was on the core in %.0f %% of the rounds. Those are left out, "
                "and give the column \"shared\".\n",
                100.0 * (double)shared / (double)rounds);
    if (disturbed)
        fprintf(out, "*: too seldom alone on the core; all rounds.\n");
}

double bench_report_mean(const struct bench_records *records, const char *group, const char *row,
                         const char *routine, double *spread)
{
    double sum = 0, wide = 0;
    unsigned count = 0;

    for (unsigned i = 0; i < records->count; i++) {
        const struct bench_record *record = &records->records[i];
        const struct bench_result *result = bench_record_result(record, routine);

        if (!result || strcmp(record->c.group, group) != 0 ||
            (row && strcmp(record->c.row, row) != 0))
            continue;
        sum += log(result->ratio.median);
        wide += (result->ratio.q3 - result->ratio.q1) / 2 / result->ratio.median;
        count++;
    }
    if (spread)
        *spread = count ? wide / count : 0;
    return count ? exp(sum / count) : 0;
}

unsigned bench_report_rows(const struct bench_records *records, const char *group,
                           const char **rows, unsigned most)
{
    unsigned count = 0;

    for (unsigned i = 0; i < records->count && count < most; i++) {
        const struct bench_case *c = &records->records[i].c;
        unsigned k = 0;

        while (k < count && strcmp(rows[k], c->row) != 0)
            k++;
        if (strcmp(c->group, group) == 0 && k == count)
            rows[count++] = c->row;
    }
    return count;
}

static void block(FILE *out, const struct bench_records *records, const struct bench_group *group,
                  const char *const *rows, unsigned count)
{
    fprintf(out, "\n%-20s", "");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, " %*s", count > 5 ? 11 : 19, rows[i]);
    fprintf(out, "\n");
    for (const struct bench_routine *r = bench_routines; r->name; r++) {
        if (bench_report_mean(records, group->name, NULL, r->name, NULL) <= 0)
            continue;
        fprintf(out, "%-20s", r->name);
        for (unsigned i = 0; i < count; i++) {
            double spread,
                mean = bench_report_mean(records, group->name, rows[i], r->name, &spread);

            fprintf(out, " %*s", count > 5 ? 0 : 8, "");
            if (mean > 0)
                fprintf(out, "%6.3f +-%2.0f", mean, fmin(spread * 100, 99));
            else
                fprintf(out, "%11s", "-");
        }
        fprintf(out, "\n");
    }
}

void bench_report_group(FILE *out, const struct bench_records *records,
                        const struct bench_group *group)
{
    const char *rows[ROWS_MAX];
    unsigned count = bench_report_rows(records, group->name, rows, ROWS_MAX);

    fprintf(out, "\n%s: %s\n", group->name, group->what);
    fprintf(out, "time over %s, +- half the distance of the quartiles in %%\n", group->baseline);
    for (unsigned i = 0; i < count; i += COLUMNS)
        block(out, records, group, rows + i, count - i < COLUMNS ? count - i : COLUMNS);
    fflush(out);
}
