/* SPDX-License-Identifier: MIT */

/* The result as JSON. The schema is described in membus-audit(1); `schema` counts its versions. */

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "audit_tool.h"

#define SCHEMA 1

static json_t *json_case(const struct membus_audit_case *c)
{
    json_t *o = json_pack("{s:I, s:i, s:i}", "n", (json_int_t)c->n, "dst", (int)c->dst_align, "src",
                          (int)c->src_align);

    if (o && c->overlapping)
        json_object_set_new(o, "distance", json_integer(c->distance));
    return o;
}

static json_t *json_finding(int rule, const struct audit_finding *finding)
{
    json_t *o = json_pack(
        "{s:s, s:I, s:I}", "title", membus_audit_rule_title((enum membus_audit_rule)rule), "cases",
        (json_int_t)finding->cases, "violations", (json_int_t)finding->violations);

    if (o && finding->violations)
        json_object_set_new(
            o, "first",
            json_pack("{s:o, s:s}", "case", json_case(&finding->first), "why", finding->why));
    return o;
}

/* JSON is UTF-8; a file's name need not be. */
static json_t *json_name(const char *name)
{
    json_t *json = name ? json_string(name) : json_null();
    char *plain;

    if (json || !(plain = strdup(name)))
        return json;
    for (char *c = plain; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    json = json_string(plain);
    free(plain);
    return json;
}

static json_t *json_routine(const struct audit *audit, const struct audit_routine *r)
{
    json_t *rules = json_object();
    json_t *o;

    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        if (audit->rules >> rule & 1 && r->rule[rule].cases)
            json_object_set_new(rules, membus_audit_rule_id((enum membus_audit_rule)rule),
                                json_finding(rule, &r->rule[rule]));
    }
    o = json_pack("{s:o, s:o, s:s, s:s?, s:b, s:I, s:I, s:f, s:o}", "name", json_name(r->name),
                  "object", json_name(r->target.object), "symbol", r->target.symbol, "kernel",
                  r->target.kernel, "overlap", r->overlap, "calls", (json_int_t)r->calls,
                  "not_recorded", (json_int_t)r->not_recorded, "seconds", r->seconds, "rules",
                  rules);
    if (o && r->not_recorded)
        json_object_set_new(o, "not_recorded_why", json_string(r->not_recorded_why));
    return o;
}

static json_t *json_host(const struct audit *audit)
{
    const struct membus_audit_host *host = &audit->host.judged;

    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:i, s:b}", "arch", audit->engine->arch, "cpu",
                     audit->host.cpu, "kernel", audit->host.kernel, "total_store_order",
                     host->total_store_order, "unaligned", host->unaligned, "atomic_width",
                     (int)host->atomic_width, "device_source", host->device_source);
}

int audit_json(const struct audit *audit, FILE *out)
{
    json_t *routines = json_array();
    json_t *root;
    int error = 0;

    for (size_t i = 0; i < audit->routines; i++)
        json_array_append_new(routines, json_routine(audit, &audit->routine[i]));
    root = json_pack("{s:s, s:i, s:o, s:s, s:s, s:b, s:b, s:o}", "membus", MEMBUS_VERSION, "schema",
                     SCHEMA, "host", json_host(audit), "engine", audit->engine->name, "cases",
                     audit->set, "interrupted", *audit->stop != 0, "kept",
                     !audit_broken(audit) && !audit_incomplete(audit), "routines", routines);
    if (!root)
        return -ENOMEM;
    if (json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(4)) != 0 ||
        fputc('\n', out) == EOF || fflush(out) != 0)
        error = -EIO;
    json_decref(root);
    return error;
}
