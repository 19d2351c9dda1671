/* SPDX-License-Identifier: MIT */
#include "bench_copy.h"

int main(int argc, char **argv)
{
    return bench_copy_main(argc, argv);
}
