/* SPDX-License-Identifier: MIT */
#include "count.h"

#include <errno.h>

#ifdef BENCH_HAVE_CALLGRIND
#include <stdio.h>

#include <valgrind/callgrind.h>

#include <membus/copy.h>

#define OPS 4096u

static void count_one(const struct bench_case *c, const struct bench_routine *r)
{
    static volatile size_t zero;
    const struct bench_batch batch = {c->dst, c->src, c->ops, c->mask, 0, OPS, zero};
    char trigger[128];

    if (r->kernel)
        membus_kernel_select(r->kernel);
    snprintf(trigger, sizeof(trigger), "%s|%s|%u", r->name, c->row, OPS);
    r->loop[BENCH_THROUGHPUT](&batch); /* what the dynamic linker does at a first call */
    CALLGRIND_ZERO_STATS;
    r->loop[BENCH_THROUGHPUT](&batch);
    CALLGRIND_DUMP_STATS_AT(trigger);
}

int bench_count(struct bench_suite *suite)
{
    static const uint16_t sizes[] = {8, 16, 64, 100, 256, 1500, 4096};

    if (!RUNNING_ON_VALGRIND)
        return -ENOTSUP;
    for (unsigned mix = 0; mix < MIX_PARSE; mix++)
        bench_add_mix(suite, (enum bench_mix)mix, 1);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        bench_add_fixed(suite, "sizes", sizes[i], 0, 0);
    for (unsigned i = 0; i < suite->count; i++) {
        for (const struct bench_routine *r = bench_routines; r->name; r++) {
            if (!r->skipped && (r->flags & BENCH_COPIES) && !(r->flags & BENCH_SELF) &&
                r->loop[BENCH_THROUGHPUT] && !bench_routine_repeats(r))
                count_one(&suite->cases[i], r);
        }
    }
    bench_suite_free(suite);
    return 0;
}
#else
int bench_count(struct bench_suite *suite)
{
    (void)suite;
    return -ENOTSUP;
}
#endif
