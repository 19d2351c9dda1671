/* SPDX-License-Identifier: MIT */
#include "targets.h"

#include <math.h>
#include <string.h>

#define KIB 1024u
#define MIB (1024u * KIB)

static void constants(struct bench_suite *suite)
{
    for (size_t n = 1; n <= 32; n++)
        bench_add_fixed(suite, "constant", n, 64, 64)->kind = BENCH_CONSTANT;
}

static void mix_1_16(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_1_16, 1);
}

static void mix_1_16_words(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_1_16, 8);
}

static void mix_1_64(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_1_64, 1);
}

static void mix_1_64_words(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_1_64, 8);
}

static void mix_1_256(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_1_256, 1);
}

static void mix_1_256_words(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_1_256, 8);
}

static void mix_64_1500(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_64_1500, 1);
}

static void mix_64_1500_words(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_64_1500, 8);
}

static void mix_dma(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_DMA, 1);
}

static void mix_dma_words(struct bench_suite *suite)
{
    bench_add_mix(suite, MIX_DMA, 8);
}

static void parse(struct bench_suite *suite)
{
    static const uint8_t sizes[] = {12, 16, 20, 24, 32, 40, 48, 64};

    for (size_t i = 0; i < sizeof(sizes); i++)
        bench_add_parse(suite, sizes[i]);
}

static void move_small(struct bench_suite *suite)
{
    static const uint16_t distances[] = {1, 8, 17, 64, 100, 256, 512, 1000, 1500, 2048};

    for (size_t n = 4 * KIB; n <= 16 * KIB; n *= 2) {
        for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++)
            bench_add_move(suite, n, distances[i]);
    }
}

static void move_half(struct bench_suite *suite)
{
    for (size_t n = 64 * KIB; n <= 16 * MIB && n + n / 2 <= suite->arena.size; n *= 4)
        bench_add_move(suite, n, n / 2);
}

static void fixed_65_128(struct bench_suite *suite)
{
    for (size_t n = 65; n <= 128; n += 7)
        bench_add_offsets(suite, "fixed", n);
}

static void fixed_129_1024(struct bench_suite *suite)
{
    for (size_t n = 129; n <= 1024; n = n * 5 / 4)
        bench_add_offsets(suite, "fixed", n);
    bench_add_offsets(suite, "fixed", 1024);
}

static void level_1(struct bench_suite *suite)
{
    static const uint16_t sizes[] = {1024, 1500, 2048, 3000, 4096};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        bench_add_offsets(suite, "L1", sizes[i]);
}

static void level_2(struct bench_suite *suite)
{
    for (size_t n = 32 * KIB; n <= 256 * KIB; n *= 2)
        bench_add_offsets(suite, "L2", n);
}

static void level_3(struct bench_suite *suite)
{
    for (size_t n = 1 * MIB; n <= 4 * MIB && n < suite->arena.size; n *= 2)
        bench_add_offsets(suite, "L3", n);
}

static void memory(struct bench_suite *suite)
{
    for (size_t n = 4 * KIB; n <= 256 * KIB; n *= 8)
        bench_add_scattered(suite, n);
    if (32 * MIB < suite->arena.size)
        bench_add_offsets(suite, "memory", 32 * MIB);
}

static void aliasing(struct bench_suite *suite)
{
    static const uint8_t deltas[] = {1, 4, 8, 15};

    for (size_t n = 2560; n <= 20 * KIB; n *= 2) {
        for (size_t i = 0; i < sizeof(deltas); i++)
            bench_add_aliasing(suite, n, deltas[i]);
    }
}

static void huge(struct bench_suite *suite)
{
    for (size_t n = 64 * MIB; n <= 128 * MIB && n <= suite->arena.size; n *= 2)
        bench_add_fixed(suite, "memory", n, 0, 0);
}

const struct bench_target bench_targets[] = {
    /* The limits: avx512, avx2, generic. */
    {"constant sizes 1-32, inlined", "membus", NULL, {0.25, 0, 0}, constants},
    {"random 1-16", "membus", NULL, {0.65, 1.30, 0}, mix_1_16},
    {"random 1-64", "membus", NULL, {0.50, 1.30, 2.00}, mix_1_64},
    {"random 1-256", "membus", NULL, {0.95, 1.30, 0}, mix_1_256},
    {"random 64-1500", "membus", NULL, {0.95, 1.30, 2.00}, mix_64_1500},
    {"DMA mix", "membus", NULL, {0.75, 1.30, 2.00}, mix_dma},
    {"parse after copy, 12-64 bytes", "membus", NULL, {1.00, 0, 0}, parse},
    {"move, d <= 2 KiB, n >= 4 KiB", "membus move", NULL, {1.00, 0, 0}, move_small},
    {"fixed 65-128", "membus", NULL, {1.05, 0, 0}, fixed_65_128},
    {"fixed 129-1024", "membus", NULL, {0.95, 0, 0}, fixed_129_1024},
    {"L1, 1-4 KiB", "membus", NULL, {0.80, 0, 0}, level_1},
    {"L2", "membus", NULL, {1.00, 0, 0}, level_2},
    {"L3", "membus", NULL, {1.00, 0, 0}, level_3},
    {"memory", "membus", NULL, {1.00, 0, 0}, memory},
    {"aliasing offsets, >= 2 KiB", "membus", NULL, {0.05, 0, 0}, aliasing},
    {"64 MiB and more", "membus", NULL, {0.75, 0, 0}, huge},
    {"move, d = n/2, n >= 64 KiB", "membus move", NULL, {1.40, 0, 0}, move_half},
    {"random 1-16, 8-aligned", "membus", NULL, {0, 0, 0}, mix_1_16_words},
    {"random 1-64, 8-aligned", "membus", NULL, {0, 0, 0}, mix_1_64_words},
    {"random 1-256, 8-aligned", "membus", NULL, {0, 0, 0}, mix_1_256_words},
    {"random 64-1500, 8-aligned", "membus", NULL, {0, 0, 0}, mix_64_1500_words},
    {"DMA mix, 8-aligned", "membus", NULL, {0, 0, 0}, mix_dma_words},
    /* The peers that promise something. */
    {"DMA mix, over the 8-byte loop", "membus", "8-byte loop", {0.50, 0.50, 0}, mix_dma},
    {"DMA mix, over the byte loop", "membus", "byte loop", {0.50, 0.50, 0}, mix_dma},
    {"DMA mix, over vm-memory", "membus", "vm-memory", {0.50, 0.50, 0}, mix_dma},
    {"strict order, DMA mix", "membus strict", NULL, {1.10, 1.10, 0}, mix_dma},
    {"avx2, random 1-16", "membus avx2", NULL, {.avx2 = 1.30}, mix_1_16},
    {"avx2, random 1-64", "membus avx2", NULL, {.avx2 = 1.30}, mix_1_64},
    {"avx2, random 1-256", "membus avx2", NULL, {.avx2 = 1.30}, mix_1_256},
    {"avx2, random 64-1500", "membus avx2", NULL, {.avx2 = 1.30}, mix_64_1500},
    {"avx2, DMA mix", "membus avx2", NULL, {.avx2 = 1.30}, mix_dma},
    {"generic, random 1-64", "membus generic", NULL, {.generic = 2.00}, mix_1_64},
    {"generic, random 64-1500", "membus generic", NULL, {.generic = 2.00}, mix_64_1500},
    {"generic, DMA mix", "membus generic", NULL, {.generic = 2.00}, mix_dma},
    {NULL, NULL, NULL, {0, 0, 0}, NULL},
};

double bench_target_at_most(const struct bench_target *target)
{
    const char *kernel = bench_routine(target->routine)->kernel;

    if (strcmp(kernel, "avx512") == 0 || strcmp(kernel, "avx512-halves") == 0)
        return target->limits.avx512;
    if (strcmp(kernel, "avx2") == 0)
        return target->limits.avx2;
    return strcmp(kernel, "generic") == 0 ? target->limits.generic : 0;
}

bool bench_target_repeats(const struct bench_target *target)
{
    return bench_routine_repeats(bench_routine(target->routine));
}

/* Adds one case's ratios, as logarithms, to the row. */
static void row_add(struct bench_row *row, const struct bench_case *c,
                    const struct bench_result *result, double noise)
{
    row->ratio.q1 += log(result->ratio.q1);
    row->ratio.median += log(result->ratio.median);
    row->ratio.q3 += log(result->ratio.q3);
    row->noise += fabs(log(noise));
    row->shared += log(result->shared); /* -inf: this case was always alone */
    row->rounds_shared += result->rounds_shared;
    row->rounds += result->disturbed ? result->rounds : result->rounds + result->rounds_shared;
    row->disturbed |= result->disturbed;
    if (result->ratio.median > row->worst) {
        row->worst = result->ratio.median;
        strcpy(row->worst_name, c->name);
    }
    row->cases++;
}

void bench_target_measure(struct bench_row *row, const struct bench_target *target,
                          struct bench_suite *suite, const struct bench_settings *settings)
{
    const struct bench_routine *routine = bench_routine(target->routine);
    const struct bench_routine *peer = target->baseline ? bench_routine(target->baseline) : NULL;

    *row = (struct bench_row){.target = target, .at_most = bench_target_at_most(target)};
    row->skipped = peer && peer->skipped ? peer->skipped : routine->skipped;
    if (row->skipped)
        return;
    target->cases(suite);
    if (!suite->count) {
        row->skipped = "needs more memory than --quick takes";
        return;
    }
    for (unsigned i = 0; i < suite->count; i++) {
        const struct bench_case *c = &suite->cases[i];
        const struct bench_routine *three[] = {
            peer ? peer : bench_routine(c->overlaps ? "glibc memmove" : "glibc"),
            peer ? peer : bench_routine(c->overlaps ? "glibc memmove again" : "glibc again"),
            routine};
        struct bench_result results[3];

        bench_measure(c, settings, three, 3, results);
        row_add(row, c, &results[2], results[1].ratio.median);
    }
    bench_suite_free(suite);
    row->noise = exp(row->noise / row->cases);
    row->shared = exp(row->shared / row->cases);
    row->ratio.q1 = exp(row->ratio.q1 / row->cases);
    row->ratio.median = exp(row->ratio.median / row->cases);
    row->ratio.q3 = exp(row->ratio.q3 / row->cases);
}
