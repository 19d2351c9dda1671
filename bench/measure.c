/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <membus/copy.h>

#define ROUNDS_LIMIT   4096u
#define ROUTINES_LIMIT 32u

/* Ops in a batch. */
#define BATCH_LIMIT ((size_t)1 << 24)

/* Longer batches than this are timed by the thread's CPU clock. */
#define LONG_NS 300000

/* Bytes at the end of a copy that are looked at. */
#define CHECKED 256u

int bench_pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0)
        cpu = sched_getcpu();
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0 ? cpu : -1;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct bench_quartiles bench_quartiles_of(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare);
    return (struct bench_quartiles){values[count / 4], values[count / 2], values[count * 3 / 4]};
}

static bench_loop *loop_of(const struct bench_routine *routine, const struct bench_case *c)
{
    if (c->kind == BENCH_CONSTANT && routine->constant && c->n <= BENCH_CONSTANT_MAX)
        return routine->constant[c->n];
    return routine->loop[c->kind];
}

/* A run of a case: where in its ops it is. */
struct run {
    const struct bench_case *c;
    struct bench_batch batch;
    size_t warm;    /* ops before each batch, not timed */
    bool preempted; /* batches so long that the scheduler will interrupt them: count CPU time */
};

static void prepare(struct run *run, const struct bench_routine *routine)
{
    size_t first = run->batch.first, count = run->batch.count;

    if (routine->kernel)
        membus_kernel_select(routine->kernel);
    if (run->warm) { /* the ops before: the same ones would teach the branch predictor */
        run->batch.first = first - run->warm;
        run->batch.count = run->warm;
        loop_of(routine, run->c)(&run->batch);
        run->batch.first = first;
        run->batch.count = count;
    }
}

/*
 * Does the routine copy at all? A figure for one that refuses, or stops early, would be a fine
 * one: the end of the first op is looked at.
 */
static void check(const struct run *run, const struct bench_routine *routine)
{
    const struct bench_op *op = &run->c->ops[0];
    size_t n = op->n, some = n < CHECKED ? n : CHECKED;
    char *to = run->c->dst + op->dst + n - some, *from = run->c->src + op->src + n - some;
    char expected[CHECKED];
    struct run one = *run;

    memset(to, 0, some);
    for (size_t i = 0; i < some; i++)
        from[i] = expected[i] = (char)(i * 7 + n + 1);
    one.batch.first = 0;
    one.batch.count = 1;
    one.warm = 0;
    prepare(&one, routine);
    loop_of(routine, run->c)(&one.batch);
    if (memcmp(to, expected, some) != 0) {
        fprintf(stderr, "bench: %s did not copy: %s, %s\n", routine->name, run->c->group,
                run->c->name);
        abort();
    }
}

/* CPU time of this thread in ticks: without what others ran in between. */
static double cpu_ticks(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return ((double)t.tv_sec * 1e9 + (double)t.tv_nsec) / bench_ticks_ns();
}

/* One batch, in ticks. */
static double timed(struct run *run, const struct bench_routine *routine)
{
    bench_loop *loop = loop_of(routine, run->c);
    double ticks;

    prepare(run, routine);
    if (run->preempted) {
        double start = cpu_ticks();

        loop(&run->batch);
        ticks = cpu_ticks() - start;
    } else {
        uint64_t start = bench_ticks();

        loop(&run->batch);
        ticks = (double)(bench_ticks() - start);
    }
    if (run->c->fresh)
        run->batch.first += run->batch.count + run->warm;
    return ticks > 0 ? ticks : 1;
}

/* Ops in a batch, so that the baseline takes about batch_us. */
static void calibrate(struct run *run, const struct bench_settings *settings,
                      const struct bench_routine *baseline)
{
    const double batches = run->c->batches ? run->c->batches : 1;
    const double target = settings->batch_us * 1000 * batches / bench_ticks_ns();
    double ticks = 0;

    for (run->batch.count = 1; run->batch.count < BATCH_LIMIT; run->batch.count *= 2) {
        double first = timed(run, baseline), second = timed(run, baseline);

        ticks = first < second ? first : second;
        if (ticks * 2 >= target)
            break;
    }
    if (ticks < target)
        run->batch.count = (size_t)((double)run->batch.count * target / ticks) + 1;
    run->preempted = ticks * bench_ticks_ns() > LONG_NS;
    run->warm = run->batch.count >= 8 ? run->batch.count / 8 : 0;
    run->batch.first += run->warm;
}

static void count_events(struct run *run, const struct bench_routine *routine,
                         struct bench_result *result)
{
    uint64_t cycles, instructions;

    prepare(run, routine);
    bench_perf_start();
    loop_of(routine, run->c)(&run->batch);
    bench_perf_stop(&cycles, &instructions);
    result->cycles = (double)cycles / (double)run->batch.count;
    result->instructions = (double)instructions / (double)run->batch.count;
}

/* What the rounds of a case took: those in which the core was ours first, [0, alone), then those in
 * which it was shared, up to `rounds`. */
static double ticks[ROUTINES_LIMIT][ROUNDS_LIMIT];

static void swap(double *a, double *b)
{
    const double t = *a;

    *a = *b;
    *b = t;
}

/* Brings the rounds that were ours to the front: how many. `gauge` goes with them. */
static unsigned part(double *gauge, unsigned rounds, unsigned count)
{
    unsigned alone = 0;

    for (unsigned r = 0; r < rounds; r++) {
        if (bench_gauge_shared(gauge[r]))
            continue;
        swap(&gauge[alone], &gauge[r]);
        for (unsigned k = 0; k < count; k++)
            swap(&ticks[k][alone], &ticks[k][r]);
        alone++;
    }
    return alone;
}

/* Over the rounds [from, to). */
static struct bench_quartiles ratio_of(unsigned routine, unsigned from, unsigned to)
{
    static double ratio[ROUNDS_LIMIT];

    for (unsigned r = from; r < to; r++)
        ratio[r - from] = ticks[routine][r] / ticks[0][r];
    return bench_quartiles_of(ratio, to - from);
}

/* A round: one batch of every routine, and the gauge's worst. Returns its ticks. */
static double measure_round(struct run *run, const struct bench_routine *const *routines,
                            unsigned count, unsigned round, double *gauge)
{
    double sum = 0;

    *gauge = bench_gauge();
    for (unsigned i = 0; i < count; i++) {
        const unsigned k = round & 1 ? count - 1 - i : i;

        ticks[k][round] = timed(run, routines[k]);
        sum += ticks[k][round];

        const double after = bench_gauge();

        *gauge = after > *gauge ? after : *gauge;
    }
    if (!run->c->fresh)
        run->batch.first += run->batch.count;
    return sum;
}

/* Rounds that had the core to themselves, as far as one knows now. */
static unsigned alone_of(const double *gauge, unsigned rounds)
{
    unsigned alone = 0;

    for (unsigned r = 0; r < rounds; r++)
        alone += !bench_gauge_shared(gauge[r]);
    return alone;
}

void bench_measure(const struct bench_case *c, const struct bench_settings *settings,
                   const struct bench_routine *const *routines, unsigned count,
                   struct bench_result *results)
{
    static double gauge[ROUNDS_LIMIT];
    static volatile size_t zero;
    struct run run = {c, {c->dst, c->src, c->ops, c->mask, 0, 1, zero}, 0, false};
    const double limit = settings->case_ms * 1e6 / bench_ticks_ns();
    double spent = 0;
    unsigned rounds = 0;

    for (unsigned k = 0; k < count; k++)
        check(&run, routines[k]);
    calibrate(&run, settings, routines[0]);
    do
        spent += measure_round(&run, routines, count, rounds, &gauge[rounds]);
    while (++rounds < settings->rounds_min || (spent < limit && rounds < settings->rounds_max));
    /* Too few of them alone, or a quarter of the time: more of those. */
    while (rounds < ROUNDS_LIMIT) {
        const unsigned alone = alone_of(gauge, rounds);

        if (alone >= settings->rounds_min && spent * alone >= limit / 4 * rounds)
            break;
        if (bench_gauge_shared(gauge[rounds - 1])) {
            if (!bench_gauge_wait(settings->patience_ms))
                break;
            measure_round(&run, routines, count, rounds, &gauge[rounds]); /* warms up */
        }
        spent += measure_round(&run, routines, count, rounds, &gauge[rounds]);
        rounds++;
    }

    const unsigned alone = part(gauge, rounds, count);
    const bool disturbed = alone < settings->rounds_min;
    const unsigned used = disturbed ? rounds : alone;
    const double scale = bench_ticks_ns() / (double)run.batch.count;

    for (unsigned k = 0; k < count; k++) {
        results[k] = (struct bench_result){
            .routine = routines[k],
            .ratio = ratio_of(k, 0, used),
            .rounds = used,
            .shared = alone < rounds ? ratio_of(k, alone, rounds).median : 0,
            .rounds_shared = rounds - alone,
            .disturbed = disturbed,
        };
        if (bench_perf_on())
            count_events(&run, routines[k], &results[k]);
    }
    for (unsigned k = 0; k < count; k++) { /* sorts the ticks: after the ratios */
        struct bench_quartiles t = bench_quartiles_of(ticks[k], used);

        results[k].ns = (struct bench_quartiles){t.q1 * scale, t.median * scale, t.q3 * scale};
    }
}
