/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <time.h>

/* Turns of the loop: some three microseconds. And of a short one, which now and then has the core
 * to itself even where somebody else is on it most of the time; how often that is tried, at first.
 */
#define TURNS       4096u
#define TURNS_SHORT 256u
#define TRIES       50000u

/* So many times as long as at best, and somebody else is on the core. Alone, the loop takes the
 * same to 3 %; beside another thread 1.15 to 2.3 times as long, changing from one to the next (Zen
 * 3). An interrupt counts as somebody, too. */
#define SHARED 1.08

/* Six additions a turn that do not wait for one another: more than a core can do at once. */
static double turns(unsigned count)
{
    uint64_t a = 0, b = 1, c = 2, d = 3, e = 4, f = 5;
    const uint64_t start = bench_ticks();

    for (unsigned i = 0; i < count; i++) {
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

static double best; /* TURNS */

/* Reading the clock makes a short one longer by some per cent: the first long one that is alone
 * corrects that. */
static double best_at_first(void)
{
    double least = turns(TURNS_SHORT);

    for (unsigned i = 1; i < TRIES; i++) {
        const double now = turns(TURNS_SHORT);

        least = now < least ? now : least;
    }
    return least * (TURNS / TURNS_SHORT);
}

double bench_gauge(void)
{
    const double now = turns(TURNS);

    if (best <= 0)
        best = best_at_first();
    best = now < best ? now : best;
    return now;
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
