/* SPDX-License-Identifier: MIT */

/* Carries out the audit: every routine, every case, judged and counted. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit_tool.h"

#define BAR 24 /* characters */

/* How far the whole audit is. */
struct progress {
    bool shown;
    size_t done, total;
    double started, drawn;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void progress_clear(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
}

static void progress_draw(struct progress *p, const char *name)
{
    double time, left;
    size_t filled;

    if (!p->shown || p->done % 64 != 0)
        return;
    time = now();
    if (time - p->drawn < 0.1)
        return;
    p->drawn = time;
    filled = p->done * BAR / p->total;
    left = (time - p->started) * (double)(p->total - p->done) / (double)(p->done + 1);
    fprintf(stderr, "\r\033[K[%.*s%.*s] %3zu %%  %.0f s left  %s", (int)filled,
            "########################", (int)(BAR - filled), "------------------------",
            p->done * 100 / p->total, left, name);
    fflush(stderr);
}

void audit_routine_name(struct audit_routine *routine)
{
    const struct membus_audit_target *target = &routine->target;
    const char *object = target->object ? target->object : "membus";
    const char *slash = strrchr(object, '/');

    snprintf(routine->name, sizeof(routine->name), "%s:%s%s%s", slash ? slash + 1 : object,
             target->symbol, target->kernel ? " " : "", target->kernel ? target->kernel : "");
}

static void count_verdict(struct audit_routine *routine, const struct membus_audit_case *c,
                          const struct membus_audit_verdict *verdict)
{
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        struct audit_finding *finding = &routine->rule[rule];

        finding->cases += verdict->applies >> rule & 1;
        if (!(verdict->broken >> rule & 1))
            continue;
        if (finding->violations++ > 0)
            continue;
        finding->first = *c;
        snprintf(finding->why, sizeof(finding->why), "%s", verdict->why[rule]);
    }
}

static void count_not_recorded(struct audit_routine *routine, const struct membus_audit_case *c,
                               const char *why)
{
    if (routine->not_recorded++ > 0)
        return;
    snprintf(routine->not_recorded_why, sizeof(routine->not_recorded_why),
             "n=%zu dst+%u src+%u: %s", c->n, c->dst_align, c->src_align, why);
}

static bool not_recorded(const struct membus_audit_trace *trace)
{
    return trace->end == MEMBUS_AUDIT_UNSUPPORTED || trace->end == MEMBUS_AUDIT_INEXACT;
}

/* What the visitor of a sweep works on. */
struct sweep {
    const struct audit *audit;
    struct audit_routine *routine;
    struct progress *progress;
};

static int visit(const struct membus_audit_trace *trace, void *data)
{
    struct sweep *s = data;
    struct membus_audit_verdict verdict;

    if (*s->audit->stop) /* a call that a signal cut short says nothing of the routine */
        return -EINTR;
    s->routine->calls++;
    membus_audit_judge(trace, &s->audit->host.judged, &verdict);
    count_verdict(s->routine, &trace->c, &verdict);
    if (not_recorded(trace))
        count_not_recorded(s->routine, &trace->c, trace->text ? trace->text : "no reason given");
    if (s->audit->trace)
        audit_trace_print(s->audit, s->routine, trace, &verdict, stdout);
    s->progress->done++;
    progress_draw(s->progress, s->routine->name);
    return 0;
}

/* The cases of one routine: those given (overlapping ones for moves alone), or the set. */
static int choose_cases(const struct audit *audit, bool overlap, struct audit_cases *cases)
{
    int error = 0;

    if (audit->given.count == 0)
        return strcmp(audit->set, "quick") == 0 ? audit_cases_quick(cases, overlap)
                                                : audit_cases_full(cases, overlap);
    for (size_t i = 0; i < audit->given.count && !error; i++) {
        if (overlap || !audit->given.c[i].overlapping)
            error = audit_cases_add(cases, &audit->given.c[i]);
    }
    return error;
}

static void draw_case(const struct audit *audit, struct membus_audit_engine *engine,
                      const struct membus_audit_case *c, const char *title, FILE *out)
{
    struct membus_audit_verdict verdict;
    struct membus_audit_trace trace;

    if (*audit->stop || audit->engine->run(engine, c, &trace) != 0)
        return;
    membus_audit_judge(&trace, &audit->host.judged, &verdict);
    audit_draw(out, title, &trace, &verdict);
}

static bool same_case(const struct membus_audit_case *a, const struct membus_audit_case *b)
{
    return a->n == b->n && a->dst_align == b->dst_align && a->src_align == b->src_align &&
           a->overlapping == b->overlapping && a->distance == b->distance;
}

/* Draws the cases that the findings spell out, each once, under the ids that it is the first of. */
static void draw_findings(const struct audit *audit, const struct audit_routine *routine,
                          struct membus_audit_engine *engine, FILE *out)
{
    uint32_t drawn = 0;

    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        const struct audit_finding *f = &routine->rule[rule];
        char title[80] = "first of";

        if (!f->violations || drawn >> rule & 1 || !(audit->rules >> rule & 1) ||
            f->first.n > AUDIT_DRAWN_MAX)
            continue;
        for (int other = rule; other < MEMBUS_RULES; other++) {
            const struct audit_finding *g = &routine->rule[other];
            size_t used = strlen(title);

            if (!g->violations || !same_case(&f->first, &g->first))
                continue;
            drawn |= 1u << other;
            if (audit->rules >> other & 1)
                snprintf(title + used, sizeof(title) - used, " %s",
                         membus_audit_rule_id((enum membus_audit_rule)other));
        }
        draw_case(audit, engine, &f->first, title, out);
    }
    if (drawn)
        fputs("</div>\n<div class=\"draw\">\n", out);
}

/* The findings, then the cases given, or those that every report shows. */
static void draw_routine(const struct audit *audit, struct audit_routine *routine,
                         struct membus_audit_engine *engine)
{
    struct membus_audit_case compared = audit_case_compared(routine->overlap);
    const struct membus_audit_target *target = &routine->target;
    struct audit_cases cases = {0};
    char title[128];
    size_t size = 0;
    FILE *out = open_memstream(&routine->drawings, &size);
    int error = audit->given.count ? choose_cases(audit, routine->overlap, &cases)
                                   : audit_cases_drawn(&cases, routine->overlap);

    if (out && !error) {
        draw_findings(audit, routine, engine, out);
        for (size_t i = 0; i < cases.count; i++) {
            if (cases.c[i].n <= AUDIT_DRAWN_MAX)
                draw_case(audit, engine, &cases.c[i], NULL, out);
        }
    }
    audit_cases_free(&cases);
    if (out)
        fclose(out);
    out = open_memstream(&routine->glance, &size);
    if (!out)
        return;
    snprintf(title, sizeof(title), "%.80s %.30s", target->symbol,
             target->kernel ? target->kernel : "");
    draw_case(audit, engine, &compared, title, out);
    fclose(out);
}

static int run_routine(const struct audit *audit, struct audit_routine *routine,
                       const struct audit_cases *cases, struct progress *p, char *error,
                       size_t size)
{
    struct sweep sweep = {audit, routine, p};
    struct membus_audit_engine *engine = NULL;
    char why[512] = "";
    double started = now();
    int result = audit->engine->open(&engine, &routine->target, why, sizeof(why));

    if (result) {
        snprintf(error, size, "%s: %s", routine->name, *why ? why : strerror(-result));
        return result;
    }
    result = audit->engine->sweep(engine, cases->c, cases->count, visit, &sweep);
    if (*audit->stop)
        result = -EINTR;
    else if (result)
        snprintf(error, size, "%s: after %zu calls: %s", routine->name, routine->calls,
                 strerror(-result));
    if (audit->draw && !result)
        draw_routine(audit, routine, engine);
    audit->engine->close(engine);
    routine->seconds = now() - started;
    return result;
}

int audit_run(struct audit *audit, char *error, size_t size)
{
    struct progress p = {.shown = audit->progress, .started = now()};
    struct audit_cases cases[2] = {{0}, {0}}; /* without and with overlaps */
    int result = choose_cases(audit, false, &cases[0]);

    if (!result)
        result = choose_cases(audit, true, &cases[1]);
    if (result)
        snprintf(error, size, "%s", strerror(-result));
    for (size_t i = 0; i < audit->routines; i++)
        p.total += cases[audit->routine[i].overlap].count;
    if (!result && p.total == 0) {
        snprintf(error, size, "no routine is judged with overlaps: say --overlap yes");
        result = -EINVAL;
    }
    for (size_t i = 0; i < audit->routines && !result; i++) {
        struct audit_routine *routine = &audit->routine[i];

        if (cases[routine->overlap].count == 0)
            continue;
        result = run_routine(audit, routine, &cases[routine->overlap], &p, error, size);
    }
    progress_clear(&p);
    audit_cases_free(&cases[0]);
    audit_cases_free(&cases[1]);
    return result;
}

bool audit_routine_broken(const struct audit *audit, const struct audit_routine *routine)
{
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        if (audit->rules >> rule & 1 && routine->rule[rule].violations)
            return true;
    }
    return false;
}

bool audit_broken(const struct audit *audit)
{
    for (size_t i = 0; i < audit->routines; i++) {
        if (audit_routine_broken(audit, &audit->routine[i]))
            return true;
    }
    return false;
}

bool audit_judged(const struct audit *audit, const struct audit_routine *routine)
{
    size_t cases = 0;

    for (int rule = 0; rule < MEMBUS_RULES; rule++)
        cases += audit->asked >> rule & 1 ? routine->rule[rule].cases : 0;
    return cases > 0 && routine->not_recorded == 0;
}

bool audit_incomplete(const struct audit *audit)
{
    for (size_t i = 0; i < audit->routines; i++) {
        if (audit->routine[i].calls > 0 && !audit_judged(audit, &audit->routine[i]))
            return true;
    }
    return false;
}
