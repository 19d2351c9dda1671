/* SPDX-License-Identifier: MIT */

/* The result for a person at a terminal: a table, then the first case of each broken rule. */

#include <string.h>

#include "audit_tool.h"

#define LABEL 18 /* columns of the rule's name */
#define GAP   2
#define CELL  48
#define RED   "\033[31m"
#define GREEN "\033[32m"
#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

struct table {
    const struct audit *audit;
    FILE *out;
    bool colour;
};

/* A routine's name on three lines: object, symbol, kernel. */
static void name_part(const struct audit_routine *routine, int line, char *text, size_t size)
{
    if (line == 0) /* "libc" says enough of "libc.so.6" */
        snprintf(text, size, "%.*s", (int)strcspn(routine->name, ".:"), routine->name);
    else if (line == 1)
        snprintf(text, size, "%s", routine->target.symbol);
    else
        snprintf(text, size, "%s", routine->target.kernel ? routine->target.kernel : "");
}

static void cell_text(const struct audit_finding *finding, char *text, size_t size)
{
    if (finding->cases == 0)
        snprintf(text, size, "-");
    else if (finding->violations == 0)
        snprintf(text, size, "ok");
    else
        snprintf(text, size, "%zu/%zu", finding->violations, finding->cases);
}

static size_t column_width(const struct table *t, size_t routine)
{
    const struct audit_routine *r = &t->audit->routine[routine];
    char text[CELL + 80];
    size_t width = 0;

    for (int line = 0; line < 3; line++) {
        name_part(r, line, text, sizeof(text));
        width = strlen(text) > width ? strlen(text) : width;
    }
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        cell_text(&r->rule[rule], text, sizeof(text));
        width = strlen(text) > width ? strlen(text) : width;
    }
    return width + GAP;
}

static void put_colour(const struct table *t, const char *colour)
{
    if (t->colour)
        fputs(colour, t->out);
}

static void put_cell(const struct table *t, const struct audit_finding *finding, size_t width)
{
    char text[CELL];

    cell_text(finding, text, sizeof(text));
    fprintf(t->out, "%*s", (int)(width - strlen(text)), "");
    put_colour(t, finding->violations ? RED : finding->cases ? GREEN : "");
    fputs(text, t->out);
    put_colour(t, finding->cases ? PLAIN : "");
}

static void put_rule(const struct table *t, int rule, size_t from, size_t to)
{
    char label[LABEL + 1];

    snprintf(label, sizeof(label), "%s %s", membus_audit_rule_id((enum membus_audit_rule)rule),
             rule == MEMBUS_RULE_RESULT || rule == MEMBUS_RULE_RUNS
                 ? ""
                 : membus_audit_rule_title((enum membus_audit_rule)rule));
    fprintf(t->out, "%-*s", LABEL, label);
    for (size_t i = from; i < to; i++)
        put_cell(t, &t->audit->routine[i].rule[rule], column_width(t, i));
    fputc('\n', t->out);
}

static void put_heads(const struct table *t, size_t from, size_t to)
{
    char text[CELL + 80];

    for (int line = 0; line < 3; line++) {
        bool any = false;

        for (size_t i = from; i < to; i++) {
            name_part(&t->audit->routine[i], line, text, sizeof(text));
            any = any || *text;
        }
        if (!any)
            continue;
        fprintf(t->out, "%*s", LABEL, "");
        put_colour(t, BOLD);
        for (size_t i = from; i < to; i++) {
            name_part(&t->audit->routine[i], line, text, sizeof(text));
            fprintf(t->out, "%*s", (int)column_width(t, i), text);
        }
        put_colour(t, PLAIN);
        fputc('\n', t->out);
    }
}

static void put_calls(const struct table *t, size_t from, size_t to)
{
    fprintf(t->out, "%-*s", LABEL, "calls recorded");
    for (size_t i = from; i < to; i++) {
        const struct audit_routine *r = &t->audit->routine[i];

        fprintf(t->out, "%*zu", (int)column_width(t, i), r->calls - r->not_recorded);
    }
    fputs("\n\n", t->out);
}

/* As many routines side by side as the terminal takes. */
static void put_block(const struct table *t, size_t from, size_t to)
{
    put_heads(t, from, to);
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        bool any = false;

        for (size_t i = from; i < to; i++)
            any = any || t->audit->routine[i].rule[rule].cases;
        if (any && t->audit->rules >> rule & 1)
            put_rule(t, rule, from, to);
    }
    put_calls(t, from, to);
}

/* A line too long for the terminal goes on below, indented. */
static void put_wrapped(const struct table *t, const char *text, size_t width)
{
    const size_t indent = 8, room = width > indent + 40 ? width - indent : 40;

    while (*text) {
        size_t length = strlen(text);

        if (length > room) {
            for (length = room; length > 0 && text[length] != ' '; length--)
                continue;
            length = length ? length : room;
        }
        fprintf(t->out, "%*s%.*s\n", (int)indent, "", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
}

static void put_examples(const struct table *t, const struct audit_routine *r, size_t width)
{
    int broken = 0, judged = 0;

    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        bool counts = t->audit->rules >> rule & 1;

        broken += counts && r->rule[rule].violations;
        judged += counts && r->rule[rule].cases;
    }
    if (broken) {
        put_colour(t, BOLD);
        fprintf(t->out, "%s", r->name);
        put_colour(t, PLAIN);
        fprintf(t->out, " breaks %d of %d rules; the first case of each:\n", broken, judged);
    }
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        const struct audit_finding *finding = &r->rule[rule];

        if (!(t->audit->rules >> rule & 1) || finding->violations == 0)
            continue;
        put_colour(t, RED);
        fprintf(t->out, "  %s %s", membus_audit_rule_id((enum membus_audit_rule)rule),
                membus_audit_rule_title((enum membus_audit_rule)rule));
        put_colour(t, PLAIN);
        fprintf(t->out, ", in %zu of %zu cases\n", finding->violations, finding->cases);
        put_wrapped(t, finding->why, width);
    }
    if (broken)
        fputc('\n', t->out);
}

static void put_summary(const struct table *t)
{
    const struct audit *audit = t->audit;
    size_t kept = 0, calls = 0;
    double seconds = 0;

    for (size_t i = 0; i < audit->routines; i++) {
        const struct audit_routine *r = &audit->routine[i];
        const bool broken = audit_routine_broken(audit, r);

        kept += !broken && audit_judged(audit, r);
        calls += r->calls;
        seconds += r->seconds;
        if (r->calls > 0 && r->not_recorded == 0 && !broken && !audit_judged(audit, r))
            fprintf(t->out, "%s: no rule that was asked for applies to any of its calls\n",
                    r->name);
        if (r->not_recorded)
            fprintf(t->out, "%s: %zu calls could not be recorded; the first: %s\n", r->name,
                    r->not_recorded, r->not_recorded_why);
    }
    fprintf(t->out,
            "Every rule is kept by %zu of %zu routines. Calls: %zu in %.1f s; engine %s; %s.\n",
            kept, audit->routines, calls, seconds, audit->engine->name, audit->host.cpu);
}

void audit_table(const struct audit *audit, FILE *out, bool colour, size_t width)
{
    struct table t = {audit, out, colour};
    size_t from = 0, to;

    while (from < audit->routines) {
        size_t used = LABEL + column_width(&t, from);

        for (to = from + 1; to < audit->routines; to++) {
            used += column_width(&t, to);
            if (used > width)
                break;
        }
        put_block(&t, from, to);
        from = to;
    }
    for (size_t i = 0; i < audit->routines; i++)
        put_examples(&t, &audit->routine[i], width);
    put_summary(&t);
}
