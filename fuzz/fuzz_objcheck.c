/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: `membus objcheck` on a file that is anything. scripts/fuzz.sh builds and runs
 * it, from small objects of each architecture.
 */
#include <stdlib.h>
#include <string.h>

#include "objcheck.h"

static void take(void *data, const struct objcheck_report *report)
{
    (void)data;
    if (report->findings > OBJCHECK_FINDINGS_MAX || report->listeds > OBJCHECK_FINDINGS_MAX)
        abort();
    for (size_t i = 0; i < report->findings; i++) {
        if (!memchr(report->finding[i].why, 0, sizeof(report->finding[i].why)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct objcheck_options check = {NULL}, list = {"f"};
    char error[200] = "";
    char *contents = (char *)malloc(n ? n : 1);

    if (!contents)
        abort();
    memcpy(contents, data, n);
    objcheck_contents(contents, n, "fuzz", n & 1 ? &list : &check, take, NULL, error,
                      sizeof(error));
    free(contents);
    return 0;
}
