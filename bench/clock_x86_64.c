/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <time.h>
#include <x86intrin.h>

const char bench_clock_name[] = "rdtsc between lfences";

/* LFENCE waits for all earlier instructions to complete, and later ones wait for it (SDM volume
 * 2, RDTSC). Stores may still be in the store buffer: the same for everyone. */
uint64_t bench_ticks(void)
{
    _mm_lfence();

    uint64_t t = __rdtsc();

    _mm_lfence();
    return t;
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The counter is constant (CPUID 80000007h) but its rate is not told everywhere: compare it with
 * the system's clock for a hundredth of a second. */
double bench_ticks_ns(void)
{
    static double length;

    if (length > 0)
        return length;

    double start = now_ns(), end;
    uint64_t from = bench_ticks(), to;

    do {
        end = now_ns();
        to = bench_ticks();
    } while (end - start < 1e7);
    length = (end - start) / (double)(to - from);
    return length;
}
