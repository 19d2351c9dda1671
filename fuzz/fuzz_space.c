/* SPDX-License-Identifier: MIT */

/*
 * Fuzz target: the memory core. The input chooses changes of a small region tree and accesses to
 * it; every result, byte, callback and range is compared with the naive model of the tests, a map
 * from each address to its owner.
 */

#include <stdio.h>
#include <stdlib.h>

#include "space_model.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    const char *why = model_run_input(data, n);

    if (why) {
        fprintf(stderr, "fuzz_space: %s\n", why);
        abort();
    }
    return 0;
}
