/* SPDX-License-Identifier: MIT */

/* membus objcheck: its options, and its text and JSON. */

#include "objcheck.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#define FOUND  1
#define FAILED 2

/* What came of all files. */
struct outcome {
    const struct objcheck_options *options;
    json_t *json; /* array of objects, or NULL for text */
    bool verbose;
    unsigned objects, accessors, sites, functions, routines;
    size_t findings;
    bool trouble;
};

static const char *direction(const struct objcheck_access *a)
{
    return a->load && a->store ? "both" : a->store ? "store" : a->load ? "load" : "call";
}

static void print_listed(const struct objcheck_listed *l, const char **last)
{
    if (!*last || strcmp(*last, l->function) != 0)
        printf("%s\n", l->function);
    *last = l->function;
    if (!l->access.load && !l->access.store) {
        printf("  %6" PRIx64 "  call                           %s\n", l->address, l->text);
        return;
    }
    printf("  %6" PRIx64 "  %-5s %3u  %-11s %-7s  %s\n", l->address, direction(&l->access),
           l->access.width, objcheck_form_name(l->access.form), l->access.own ? "own" : "",
           l->text);
}

static void print_report(const struct objcheck_report *r, bool verbose)
{
    const char *last = NULL;

    for (size_t i = 0; i < r->findings; i++) {
        const struct objcheck_finding *f = &r->finding[i];

        printf("%s: %s+%#" PRIx64 ": %s: %s\n", r->object, f->function[0] ? f->function : "?",
               f->address, objcheck_fault_name(f->fault), f->why);
    }
    if (r->routines)
        printf("%s: %s\n", r->object, r->machine);
    for (size_t i = 0; i < r->listeds; i++)
        print_listed(&r->listed[i], &last);
    if (r->error[0])
        fprintf(stderr, "membus objcheck: %s: %s\n", r->object, r->error);
    else if (verbose)
        printf("%s: %s: %u accessors, %u sites in %u functions: %zu findings\n", r->object,
               r->machine, r->accessors, r->sites, r->functions, r->findings);
}

static json_t *listed_to_json(const struct objcheck_listed *l)
{
    if (!l->access.load && !l->access.store)
        return json_pack("{s:s, s:I, s:s, s:s}", "function", l->function, "address",
                         (json_int_t)l->address, "kind", "call", "text", l->text);
    return json_pack("{s:s, s:I, s:s, s:i, s:s, s:b, s:s}", "function", l->function, "address",
                     (json_int_t)l->address, "kind", direction(&l->access), "width",
                     (int)l->access.width, "form", objcheck_form_name(l->access.form), "own",
                     (int)l->access.own, "text", l->text);
}

/* Names come from the file checked: what is no UTF-8 is shown as '?'. */
static json_t *text_to_json(const char *text)
{
    char clean[512];
    size_t n = strlen(text) < sizeof(clean) - 1 ? strlen(text) : sizeof(clean) - 1;
    json_t *plain = json_string(text);

    if (plain)
        return plain;
    for (size_t i = 0; i < n; i++)
        clean[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    clean[n] = '\0';
    return json_string(clean);
}

static json_t *finding_to_json(const struct objcheck_finding *f)
{
    return json_pack("{s:o, s:I, s:s, s:o}", "function", text_to_json(f->function), "address",
                     (json_int_t)f->address, "fault", objcheck_fault_name(f->fault), "why",
                     text_to_json(f->why));
}

static json_t *report_to_json(const struct objcheck_report *r)
{
    json_t *findings = json_array(), *listed = json_array();
    json_t *object =
        json_pack("{s:o, s:s, s:i, s:i, s:i, s:o, s:o}", "object", text_to_json(r->object),
                  "machine", r->machine, "accessors", (int)r->accessors, "sites", (int)r->sites,
                  "functions", (int)r->functions, "findings", findings, "accesses", listed);

    for (size_t i = 0; i < r->findings; i++)
        json_array_append_new(findings, finding_to_json(&r->finding[i]));
    for (size_t i = 0; i < r->listeds; i++)
        json_array_append_new(listed, listed_to_json(&r->listed[i]));
    if (r->error[0])
        json_object_set_new(object, "error", text_to_json(r->error));
    return object;
}

static void take_report(void *data, const struct objcheck_report *r)
{
    struct outcome *o = (struct outcome *)data;

    o->objects++;
    o->accessors += r->accessors;
    o->sites += r->sites;
    o->functions += r->functions;
    o->routines += r->routines;
    o->findings += r->findings;
    o->trouble |= r->error[0] != '\0';
    if (o->json)
        json_array_append_new(o->json, report_to_json(r));
    else
        print_report(r, o->verbose);
}

static void help(FILE *out)
{
    fputs("usage: membus objcheck [--verbose] [--json] FILE...\n"
          "       membus objcheck --routine NAME [--json] FILE...\n\n"
          "Checks object files, archives, libraries and programs of any of membus's\n"
          "architectures: is each accessor, and each place where one was inlined (compile with\n"
          "-DMEMBUS_RECORD_ACCESSES), one load or store of its width that a hypervisor can\n"
          "decode, and does the code around call no memcpy, memmove or memset?\n\n"
          "  -r, --routine NAME  list the accesses and calls of that function instead\n"
          "  -v, --verbose       a line for every object, not only for findings\n"
          "  -j, --json          the result as JSON\n"
          "  -h, --help          this text\n\n"
          "Exit status: 0 all well, 1 findings, 2 a file could not be checked, or held nothing\n"
          "to check.\n",
          out);
}

static void complain(struct outcome *o, const char *message)
{
    fprintf(stderr, "membus objcheck: %s\n", message);
    o->trouble = true;
}

static void check_file(struct outcome *o, const char *path)
{
    unsigned before = o->accessors + o->sites + o->routines;
    char error[256] = "", text[400];
    bool trouble = o->trouble;
    int err = objcheck_file(path, o->options, take_report, o, error, sizeof(error));

    if (err != 0) {
        complain(o, error[0] ? error : strerror(-err));
    } else if (before == o->accessors + o->sites + o->routines && trouble == o->trouble) {
        if (o->options->routine)
            snprintf(text, sizeof(text), "%s: no function '%s'", path, o->options->routine);
        else
            snprintf(text, sizeof(text),
                     "%s: no accessors and no recorded accesses: compile with "
                     "-DMEMBUS_RECORD_ACCESSES, or name a function with --routine",
                     path);
        complain(o, text);
    }
}

static int finish(struct outcome *o)
{
    if (o->json) {
        json_t *all = json_pack("{s:o, s:b}", "objects", o->json, "ok",
                                (int)(o->findings == 0 && !o->trouble));

        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(all);
    } else if (!o->options->routine && o->accessors + o->sites) {
        printf("%u objects, %u accessors, %u sites in %u functions: %zu findings\n", o->objects,
               o->accessors, o->sites, o->functions, o->findings);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("membus objcheck: stdout");
        return FAILED;
    }
    return o->trouble ? FAILED : o->findings ? FOUND : 0;
}

int command_objcheck(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"routine", required_argument, NULL, 'r'},
        {"verbose", no_argument, NULL, 'v'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct objcheck_options options = {NULL};
    struct outcome o = {.options = &options};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "r:vjh", long_options, NULL)) != -1) {
        switch (c) {
        case 'r':
            options.routine = optarg;
            break;
        case 'v':
            o.verbose = true;
            break;
        case 'j':
            if (!o.json)
                o.json = json_array();
            break;
        case 'h':
            help(stdout);
            return 0;
        default:
            return command_misused(argv[0]);
        }
    }
    if (optind == argc) {
        fputs("membus objcheck: no file named\n", stderr);
        return command_misused(argv[0]);
    }
    for (int i = optind; i < argc; i++)
        check_file(&o, argv[i]);
    return finish(&o);
}
