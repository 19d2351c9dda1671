/* SPDX-License-Identifier: MIT */

/*
 * What a guard costs where no fault happens (G5): guarded forms over the plain ones, batches in
 * turns, the median ratio of all rounds and its quartiles. A plain form measured a second time
 * shows the noise.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <membus/guard.h>

#define ROUNDS 201u
#define OPS    65536u /* many, or the branch predictor learns them */

static char dst[1 << 17] __attribute__((aligned(4096)));
static char src[1 << 17] __attribute__((aligned(4096)));
static uint32_t sizes[OPS], to[OPS], from[OPS];

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t random_32(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

typedef void batch(unsigned ops);

static void plain_copy(unsigned ops)
{
    for (unsigned i = 0; i < ops; i++)
        (membus_copy)(dst + to[i], src + from[i], sizes[i]);
}

static void guard_copy(unsigned ops)
{
    struct membus_fault fault;

    for (unsigned i = 0; i < ops; i++) {
        if (membus_guard_copy(dst + to[i], src + from[i], sizes[i], &fault) != sizes[i])
            abort();
    }
}

#if MEMBUS_ARCH_MMIO_WIDTH >= 4
static volatile uint32_t sink;

static void plain_read(unsigned ops)
{
    for (unsigned i = 0; i < ops; i++)
        sink = membus_mmio_read_32(src + (from[i] & ~3u));
}

static void guard_read(unsigned ops)
{
    for (unsigned i = 0; i < ops; i++) {
        uint32_t value;

        if (membus_guard_read_32(src + (from[i] & ~3u), &value, NULL) != 0)
            abort();
        sink = value;
    }
}

#endif

static void set_fixed(uint32_t n)
{
    for (unsigned i = 0; i < OPS; i++)
        sizes[i] = n;
}

static void set_between(uint32_t least, uint32_t most)
{
    for (unsigned i = 0; i < OPS; i++)
        sizes[i] = least + random_32() % (most - least + 1);
}

/* What device models copy: 60 % up to 16 bytes, 25 % packets, 15 % pages. */
static void set_dma(void)
{
    for (unsigned i = 0; i < OPS; i++) {
        const uint32_t kind = random_32() % 100;

        sizes[i] = kind < 60 ? 1 + random_32() % 16 : kind < 85 ? 64 + random_32() % 1437 : 4096;
    }
}

static void set_places(void)
{
    for (unsigned i = 0; i < OPS; i++) {
        to[i] = random_32() % 16384;
        from[i] = random_32() % 16384;
    }
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double time_batch(batch *run, unsigned ops, unsigned repeat)
{
    const uint64_t begin = now_ns();

    for (unsigned i = 0; i < repeat; i++)
        run(ops);
    return (double)(now_ns() - begin);
}

static void measure(const char *what, batch *plain, batch *guard, unsigned ops)
{
    static double ratio[ROUNDS], noise[ROUNDS], ns[ROUNDS];
    unsigned repeat = 1;

    while (time_batch(plain, ops, repeat) < 20000 && repeat < 1000)
        repeat *= 2;
    for (unsigned r = 0; r < ROUNDS; r++) {
        const double g0 = r & 1 ? time_batch(guard, ops, repeat) : 0;
        const double p = time_batch(plain, ops, repeat);
        const double g = r & 1 ? g0 : time_batch(guard, ops, repeat);

        ratio[r] = g / p;
        noise[r] = time_batch(plain, ops, repeat) / p;
        ns[r] = p / ops / repeat;
    }
    qsort(ratio, ROUNDS, sizeof(*ratio), compare);
    qsort(noise, ROUNDS, sizeof(*noise), compare);
    qsort(ns, ROUNDS, sizeof(*ns), compare);
    printf("%-22s %9.2f %8.3f  (%.3f - %.3f) %8.3f\n", what, ns[ROUNDS / 2], ratio[ROUNDS / 2],
           ratio[ROUNDS / 4], ratio[3 * ROUNDS / 4], noise[ROUNDS / 2]);
}

static void measure_copies(void)
{
    static const uint32_t fixed[] = {4, 8, 16, 64, 128, 300, 1500, 4096, 65536};

    for (unsigned i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
        char what[32];

        set_fixed(fixed[i]);
        snprintf(what, sizeof(what), "copy %u", fixed[i]);
        measure(what, plain_copy, guard_copy, fixed[i] > 4096 ? 16 : OPS);
    }
    set_between(1, 16);
    measure("copy 1-16", plain_copy, guard_copy, OPS);
    set_between(1, 64);
    measure("copy 1-64", plain_copy, guard_copy, OPS);
    set_between(1, 256);
    measure("copy 1-256", plain_copy, guard_copy, OPS);
    set_dma();
    measure("copy, DMA mix", plain_copy, guard_copy, OPS);
}

int main(void)
{
    memset(src, 1, sizeof(src));
    memset(dst, 2, sizeof(dst));
    set_places();
    if (membus_guard_install() != 0)
        return 1;
    printf("kernel %s\n%-22s %9s %8s  %-15s %8s\n", membus_kernel_name(), "", "plain ns", "ratio",
           "(quartiles)", "noise");
#if MEMBUS_ARCH_MMIO_WIDTH >= 4
    measure("read 4 bytes", plain_read, guard_read, OPS);
#endif
    measure_copies();
    return 0;
}
