/* SPDX-License-Identifier: MIT */

/* membus mtree: the command. */

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "mtree.h"

static const char usage[] =
    "usage: membus mtree [--tree] [--json] [--compare FLAT] [FILE]\n"
    "Reads a map as QEMU's `info mtree` prints it (standard input without FILE), builds it of\n"
    "membus regions, and prints what it renders to, as `info mtree -f` does.\n"
    "\n"
    "  -t, --tree          print the regions instead, as `info mtree` does\n"
    "  -j, --json          print JSON\n"
    "  -c, --compare FLAT  print only where it differs from what `info mtree -f` printed, which\n"
    "                      also tells what the map does not; exit status 1 when it does\n"
    "  -h, --help          print this\n";

struct options {
    bool tree, json;
    const char *compare;
    const char *file;
};

/* Returns -1 to go on, else the exit status. */
static int parse_options(struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"tree", no_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},
        {"compare", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "tjc:h", longs, NULL)) != -1) {
        switch (c) {
        case 't':
            o->tree = true;
            break;
        case 'j':
            o->json = true;
            break;
        case 'c':
            o->compare = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            return command_misused(argv[0]);
        }
    }
    if (argc - optind > 1) {
        fprintf(stderr, "membus mtree: unexpected '%s': it reads one file\n", argv[optind + 1]);
        return command_misused(argv[0]);
    }
    if (o->compare && (o->tree || o->json)) {
        fputs("membus mtree: --compare goes with neither --tree nor --json\n", stderr);
        return command_misused(argv[0]);
    }
    o->file = optind < argc ? argv[optind] : "-";
    return -1;
}

static int parse_file(struct mtree *m, const char *path)
{
    char *text;
    size_t n;
    int e = mtree_read_file(m, &text, &n, path);

    if (e) /* it names the file */
        return e;
    e = mtree_parse(m, text, n);
    free(text);
    return e;
}

/* The listings in their order, of what was built. */
static int print_listings(struct mtree *m, bool json)
{
    unsigned flags = MEMBUS_PRINT_DISABLED | (json ? MEMBUS_PRINT_JSON : 0);
    int e = 0;

    for (size_t i = 0; i < m->count && !e; i++) {
        const struct mtree_listing *l = m->listings[i];

        for (size_t k = 0; k < l->count; k++)
            printf("%s: %s\n", l->is_space ? "address-space" : "memory-region", l->names[k]);
        if (l->root)
            e = membus_region_print(mtree_node_canonical(l->root)->region, stdout, l->root->start,
                                    flags);
        putchar('\n');
    }
    return e;
}

static int print(struct mtree *m, const struct options *o)
{
    int e;

    if (!o->tree)
        e = membus_spaces_print(stdout, o->json ? MEMBUS_PRINT_JSON : 0);
    else if (o->json)
        e = membus_spaces_print(stdout,
                                MEMBUS_PRINT_JSON | MEMBUS_PRINT_TREE | MEMBUS_PRINT_DISABLED);
    else
        e = print_listings(m, false);
    if (!e && fflush(stdout))
        e = -errno;
    return e ? mtree_fail(m, -e, 0, "printing: %s", strerror(-e)) : 0;
}

/* Returns the exit status, or -errno. */
static int show(struct mtree *m, const struct options *o)
{
    const char *blamed = o->file;
    int e = parse_file(m, o->file);

    if (!e && o->compare) {
        blamed = o->compare;
        m->view_count = 0;
        e = parse_file(m, o->compare);
        if (!e)
            blamed = o->file;
    }
    e = e ? e : mtree_evidence_index(m);
    e = e ? e : mtree_resolve(m);
    if (!e)
        mtree_evidence_share(m);
    e = e ? e : mtree_build(m);
    if (!e)
        e = o->compare ? mtree_compare(m, stdout) : print(m, o);
    if (e < 0)
        fprintf(stderr, "membus mtree: %s: %s\n", strcmp(blamed, "-") ? blamed : "standard input",
                m->error);
    return e;
}

int command_mtree(int argc, char **argv)
{
    struct options o = {0};
    struct mtree m = {0};
    int status = parse_options(&o, argc, argv);

    if (status >= 0)
        return status;
    status = show(&m, &o);
    mtree_unbuild(&m);
    mtree_free(&m);
    return status < 0 ? 2 : status > 0;
}
