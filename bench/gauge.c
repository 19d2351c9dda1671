/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <time.h>

/* Turns of the loop: some three microseconds. */
#define TURNS 4096u

/* So many times as long as at best, and somebody else is on the core. Alone, the loop takes the
 * same to 3 %; beside another thread 1.15 to 2.3 times as long, changing from one to the next (Zen
 * 3). An interrupt counts as somebody, too. */
#define SHARED 1.08

/* Six additions a turn that do not wait for one another: more than a core can do at once. */
static double turns(void)
{
    uint64_t a = 0, b = 1, c = 2, d = 3, e = 4, f = 5;
    const uint64_t start = bench_ticks();

    for (unsigned i = 0; i < TURNS; i++) {
        a++;
        b++;
        c++;
        d++;
        e++;
        f++;
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
    }
    return (double)(bench_ticks() - start);
}

static double best;

double bench_gauge(void)
{
    const double now = turns();

    best = best <= 0 || now < best ? now : best;
    return now;
}

void bench_gauge_learn(void)
{
    const struct timespec step = {.tv_nsec = 10000000};

    for (unsigned i = 0; i < 100; i++) {
        bench_gauge();
        nanosleep(&step, NULL);
    }
}

bool bench_gauge_shared(double gauge)
{
    return gauge > best * SHARED;
}

bool bench_gauge_wait(unsigned patience_ms)
{
    static unsigned waited_ms; /* at least */
    const struct timespec step = {.tv_nsec = 1000000};

    for (; bench_gauge_shared(bench_gauge()); waited_ms++) {
        if (waited_ms >= patience_ms)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}
