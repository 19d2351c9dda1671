/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <time.h>

const char bench_clock_name[] = "clock_gettime(CLOCK_MONOTONIC_RAW)";

uint64_t bench_ticks(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

double bench_ticks_ns(void)
{
    return 1;
}
