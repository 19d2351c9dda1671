/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TOOL_AUDIT_TOOL_H
#define MEMBUS_TOOL_AUDIT_TOOL_H

/*
 * membus audit: which routines, in which cases, and what was found.
 *
 *   audit_cases_*   build the case sets
 *   audit_run       carries them out and fills each routine's tally
 *   audit_table, audit_json, audit_html, audit_trace   tell the result
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <membus/audit.h>

/* Limits. */
#define AUDIT_SIZE_MAX     ((size_t)1 << 20) /* bytes of one case */
#define AUDIT_ROUTINES_MAX 64
#define AUDIT_DRAWN_MAX    4096 /* bytes of a case that is drawn */
#define AUDIT_WINDOW_MAX   4096 /* bytes that a move must keep to be exact, in the case sets */

/* Case sets. */

struct audit_cases {
    struct membus_audit_case *c;
    size_t count, capacity;
};

/* Adds one case; returns 0 or -ENOMEM. */
int audit_cases_add(struct audit_cases *cases, const struct membus_audit_case *c);
/* Seconds for all of this machine's routines, or the full sweep. Returns 0 or -ENOMEM. */
int audit_cases_quick(struct audit_cases *cases, bool overlap);
int audit_cases_full(struct audit_cases *cases, bool overlap);
/* The few that the report draws; and the one by which it compares all routines. */
int audit_cases_drawn(struct audit_cases *cases, bool overlap);
struct membus_audit_case audit_case_compared(bool overlap);
/* Reads "n=15,dst=0,src=3" or "n=300,dst=5,distance=9". Returns 0, or -EINVAL with `error` said. */
int audit_case_parse(struct membus_audit_case *c, const char *text, char *error, size_t size);
void audit_cases_free(struct audit_cases *cases);

/* What was found of one routine. */

struct audit_finding {
    size_t cases, violations;
    struct membus_audit_case first; /* the first case that broke the rule */
    char why[160];
};

struct audit_routine {
    struct membus_audit_target target;
    char name[128]; /* "libc.so.6:memcpy", "libmembus.so.0:membus_copy avx2" */
    bool overlap;   /* judged with overlapping source and destination */
    struct audit_finding rule[MEMBUS_RULES];
    size_t calls;
    size_t not_recorded;        /* cases the engine could not record exactly */
    char not_recorded_why[200]; /* the first of them */
    double seconds;
    char *drawings; /* HTML, or NULL */
    char *glance;   /* the drawing of the case that all routines are compared by, or NULL */
};

struct audit_host_facts {
    struct membus_audit_host judged;
    char cpu[96];
    char kernel[80];
};

struct audit {
    const struct membus_audit_engine_ops *engine;
    struct audit_host_facts host;
    struct audit_routine routine[AUDIT_ROUTINES_MAX];
    size_t routines;
    const char *set;          /* "quick", "full", "given" */
    struct audit_cases given; /* --case */
    uint32_t rules;           /* the rules that count, a bit each */
    uint32_t asked;           /* those that --rule names, or all */
    bool progress, draw, trace;
    volatile const int *stop; /* set by a signal */
};

/* Object's last part, the symbol, and the kernel: fills routine->name. */
void audit_routine_name(struct audit_routine *routine);

/* CPU model, system, and what the host guarantees, for an engine's architecture. */
void audit_host_find(struct audit_host_facts *host, const char *arch);

/*
 * What --arch audits when no --symbol is given: calls `add` for the C library's copies and for
 * membus in each kernel that the architecture has (`generic` where there is no other, or with
 * `generic`). Returns 0, what `add` returned, or -errno with `error` said.
 */
typedef int audit_cross_add(void *data, const char *object, const char *symbol, const char *kernel);
int audit_cross_routines(const char *arch, const char *library, bool generic, audit_cross_add *add,
                         void *data, char *error, size_t size);

/* Finds libmembus.so beside this program or where it is installed; `path` is what dlopen takes. */
void audit_find_library(char *path, size_t size);

/*
 * Carries out the audit of every routine.
 *
 * Returns: 0, or -errno when a routine could not be audited at all, with `error` said.
 */
int audit_run(struct audit *audit, char *error, size_t size);

/* Does the routine break a rule that counts? */
bool audit_routine_broken(const struct audit *audit, const struct audit_routine *routine);
/* Does any? */
bool audit_broken(const struct audit *audit);
/* Was every case of the routine recorded, and did a rule that was asked for apply to one? */
bool audit_judged(const struct audit *audit, const struct audit_routine *routine);
/* Is there a routine of which that is not so? */
bool audit_incomplete(const struct audit *audit);

/* Reports. `width` is the terminal's. */
void audit_table(const struct audit *audit, FILE *out, bool colour, size_t width);
void audit_trace_print(const struct audit *audit, const struct audit_routine *routine,
                       const struct membus_audit_trace *trace,
                       const struct membus_audit_verdict *verdict, FILE *out);
/* Return 0, or -errno of the write. */
int audit_json(const struct audit *audit, FILE *out);
int audit_html(const struct audit *audit, FILE *out);
/* One drawing of a trace, as a figure; `title` stands above its caption, or is NULL. */
void audit_draw(FILE *out, const char *title, const struct membus_audit_trace *trace,
                const struct membus_audit_verdict *verdict);
/* Writes text for HTML. */
void audit_escape(FILE *out, const char *text);

#endif
