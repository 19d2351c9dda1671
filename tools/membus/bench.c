/* SPDX-License-Identifier: MIT */

/* membus bench: the benchmark is in bench/. */

#include <bench_copy.h>

#include "command.h"

int command_bench(int argc, char **argv)
{
    return bench_copy_main(argc, argv);
}
