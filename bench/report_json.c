/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

static const char *const kind_name[BENCH_KINDS] = {"throughput", "latency", "parse", "constant"};

static json_t *quartiles(struct bench_quartiles q)
{
    return json_pack("{s:f, s:f, s:f}", "q1", q.q1, "median", q.median, "q3", q.q3);
}

static json_t *machine(void)
{
    const struct bench_machine *m = bench_machine();

    return json_pack("{s:s, s:s, s:s, s:s, s:[I,I,I]}", "cpu", m->cpu, "system", m->system, "libc",
                     m->libc, "compiler", m->compiler, "cache", (json_int_t)m->cache[1],
                     (json_int_t)m->cache[2], (json_int_t)m->cache[3]);
}

static json_t *settings(const struct bench_report *report)
{
    const struct bench_settings *s = report->settings;

    return json_pack("{s:s, s:s, s:i, s:f, s:i, s:i, s:f, s:i, s:s?}", "kernel", bench_kernel(),
                     "clock", bench_clock_name, "cpu", s->cpu, "batch_us", s->batch_us,
                     "rounds_min", (int)s->rounds_min, "rounds_max", (int)s->rounds_max, "case_ms",
                     s->case_ms, "patience_ms", (int)s->patience_ms, "perf_missing",
                     report->perf ? strerror(-report->perf) : NULL);
}

static json_t *skipped(void)
{
    json_t *list = json_array();

    for (const struct bench_routine *r = bench_routines; r->name; r++) {
        if (r->skipped)
            json_array_append_new(
                list, json_pack("{s:s, s:s}", "routine", r->name, "reason", r->skipped));
    }
    return list;
}

static json_t *result_of(const struct bench_record *record, const struct bench_result *result)
{
    const struct bench_case *c = &record->c;
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:i, s:o, s:o}", "group", c->group,
                          "case", c->name, "row", c->row, "kind", kind_name[c->kind], "routine",
                          result->routine->name, "n", (json_int_t)c->n, "bytes", c->bytes, "rounds",
                          (int)result->rounds, "ratio", quartiles(result->ratio), "ns",
                          quartiles(result->ns));

    if (result->shared > 0) {
        json_object_set_new(j, "shared", json_real(result->shared));
        json_object_set_new(j, "rounds_shared", json_integer(result->rounds_shared));
    }
    if (result->disturbed)
        json_object_set_new(j, "disturbed", json_true());
    if (result->cycles > 0) {
        json_object_set_new(j, "cycles", json_real(result->cycles));
        json_object_set_new(j, "instructions", json_real(result->instructions));
    }
    return j;
}

static json_t *results(const struct bench_records *records)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < records->count; i++) {
        const struct bench_record *record = &records->records[i];

        for (unsigned k = 0; k < record->count; k++)
            json_array_append_new(list, result_of(record, &record->results[k]));
    }
    return list;
}

static json_t *row_of(const struct bench_row *row)
{
    const struct bench_target *t = row->target;
    json_t *j = json_pack("{s:s, s:s}", "work", t->work, "routine", t->routine);

    if (row->at_most > 0)
        json_object_set_new(j, "at_most", json_real(row->at_most));
    if (row->skipped) {
        json_object_set_new(j, "skipped", json_string(row->skipped));
        return j;
    }
    json_object_set_new(j, "ratio", quartiles(row->ratio));
    json_object_set_new(j, "noise", json_real(row->noise));
    if (row->shared > 0)
        json_object_set_new(j, "shared", json_real(row->shared));
    json_object_set_new(j, "rounds", json_integer(row->rounds));
    json_object_set_new(j, "rounds_shared", json_integer(row->rounds_shared));
    json_object_set_new(j, "disturbed", json_boolean(row->disturbed));
    json_object_set_new(j, "worst", json_real(row->worst));
    json_object_set_new(j, "worst_case", json_string(row->worst_name));
    json_object_set_new(j, "cases", json_integer(row->cases));
    return j;
}

int bench_report_json(FILE *out, const struct bench_report *report)
{
    json_t *rows = json_array();

    for (unsigned i = 0; i < report->row_count; i++)
        json_array_append_new(rows, row_of(&report->rows[i]));

    json_t *all =
        json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "format", "membus-bench", "version", 1,
                  "machine", machine(), "settings", settings(report), "skipped", skipped(),
                  "targets", rows, "results", results(&report->records));
    int error =
        all && json_dumpf(all, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0 ? 0 : -EIO;

    if (!error && (fputc('\n', out) == EOF || fflush(out) != 0))
        error = -errno;
    json_decref(all);
    return error;
}
