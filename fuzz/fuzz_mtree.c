/* SPDX-License-Identifier: MIT */

/*
 * Fuzz target: the text that membus mtree reads. Whatever the input, it ends with a message or with
 * regions and spaces; those are printed in every form, and the flat views, printed and read back,
 * must compare as equal to the spaces that they are of.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tools/membus/mtree.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Names that read as something else when they are printed: an offset, a mark, an owner. */
static bool ambiguous(const unsigned char *data, size_t n)
{
    static const char *const words[] = {" @", " KVM", " orphan", "}", "]", "\"", "\r"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (memmem(data, n, words[i], strlen(words[i])))
            return true;
    return false;
}

static void fail(const struct mtree *m, const char *what)
{
    fprintf(stderr, "fuzz_mtree: %s: %s\n", what, m->error);
    abort();
}

static char *printed(unsigned flags, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);

    if (!out || membus_spaces_print(out, flags))
        abort();
    fclose(out);
    return text;
}

static void read_back(struct mtree *m)
{
    FILE *null = fopen("/dev/null", "w");
    size_t n;
    char *text = printed(0, &n);

    if (!null)
        abort();
    m->view_count = 0;
    if (mtree_parse(m, text, n))
        fail(m, "its own flat views are not read");
    if (mtree_compare(m, null))
        fail(m, "its own flat views are not equal");
    free(text);
    fclose(null);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    static unsigned runs;
    struct mtree m = {0};
    int e = mtree_parse(&m, (const char *)data, n);

    e = e ? e : mtree_evidence_index(&m);
    e = e ? e : mtree_resolve(&m);
    if (!e)
        mtree_evidence_share(&m);
    e = e ? e : mtree_build(&m);
    if (e && !m.error[0])
        fail(&m, "an error without a message");
    if (!e) {
        size_t size;

        free(printed(MEMBUS_PRINT_TREE | MEMBUS_PRINT_DISABLED, &size));
        free(printed(MEMBUS_PRINT_TREE | MEMBUS_PRINT_JSON, &size));
        free(printed(MEMBUS_PRINT_JSON, &size));
        if (!ambiguous(data, n))
            read_back(&m);
    }
    mtree_unbuild(&m);
    mtree_free(&m);
    if (++runs % 64 == 0)
        membus_synchronize(); /* what was deleted does not pile up */
    return 0;
}
