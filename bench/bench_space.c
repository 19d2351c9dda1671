/* SPDX-License-Identifier: MIT */

#include "bench_space.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <membus/access.h>
#include <membus/copy.h>
#include <membus/space.h>

#include "rcu.h"

#define ROUNDS 101u
#define PLACES 4096u /* random addresses, a power of two */

static const size_t counts[] = {10, 1000, 10000, 100000};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static const struct membus_attrs no_attrs;
static char page[SPACE_PAGE] __attribute__((aligned(4096)));
static char big[1 << 20];

static struct {
    size_t count;
    struct membus_region *root, **region;
    struct membus_space *space;
    uint64_t place[PLACES]; /* addresses in all regions */
    const struct space_peer *peer;
    void *other;
} m;

static volatile uint64_t sink;

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint32_t random_32(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static void check(int error)
{
    if (error) {
        fprintf(stderr, "bench_space: %s\n", strerror(-error));
        exit(1);
    }
}

/* Machines. */

static size_t heap_used(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void create(size_t count)
{
    m.count = count;
    m.region = calloc(count, sizeof(struct membus_region *));
    check(membus_region_new_container(&m.root, "root", MEMBUS_SIZE_ALL));
    for (size_t i = 0; i < count; i++)
        check(membus_region_new_ram_pointer(&m.region[i], "ram", page, SPACE_PAGE));
    check(membus_transaction_begin());
    for (size_t i = 0; i < count; i++)
        check(membus_region_add(m.root, i * SPACE_STRIDE, m.region[i], 0));
    check(membus_transaction_commit());
    check(membus_space_new(&m.space, "space", m.root));
    for (size_t i = 0; i < PLACES; i++)
        m.place[i] = random_32() % count * SPACE_STRIDE + random_32() % (SPACE_PAGE / 4) * 4;
}

static void destroy(void)
{
    check(membus_space_delete(m.space));
    check(membus_transaction_begin());
    for (size_t i = 0; i < m.count; i++)
        check(membus_region_delete(m.region[i]));
    check(membus_transaction_commit());
    check(membus_region_delete(m.root));
    check(membus_synchronize());
    free(m.region);
}

/* Batches. */

typedef void batch(size_t n);

static void raw_loads(size_t n)
{
    const char *const volatile where = page;
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        membus_rcu_lock();
        sum += membus_ram_load_32(where + 64);
        membus_rcu_unlock();
    }
    sink = sum;
}

static void hot_loads(size_t n)
{
    uint64_t sum = 0;
    uint32_t v;

    for (size_t i = 0; i < n; i++) {
        membus_space_load_32(m.space, &v, 64, no_attrs);
        sum += v;
    }
    sink = sum;
}

static void cold_loads(size_t n)
{
    uint64_t sum = 0;
    uint32_t v;

    for (size_t i = 0; i < n; i++) {
        membus_space_load_32(m.space, &v, m.place[i % PLACES], no_attrs);
        sum += v;
    }
    sink = sum;
}

static void hot_stores(size_t n)
{
    for (size_t i = 0; i < n; i++)
        membus_space_store_32(m.space, 64, (uint32_t)i, no_attrs);
}

static void page_reads(size_t n)
{
    for (size_t i = 0; i < n; i++)
        membus_space_read(m.space, big, SPACE_PAGE, m.place[i % PLACES] & ~UINT64_C(0xfff),
                          no_attrs);
}

static void other_hot_loads(size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += m.peer->load(m.other, 64);
    sink = sum;
}

static void other_cold_loads(size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += m.peer->load(m.other, m.place[i % PLACES]);
    sink = sum;
}

static void other_hot_stores(size_t n)
{
    for (size_t i = 0; i < n; i++)
        m.peer->store(m.other, 64, (uint32_t)i);
}

static void other_page_reads(size_t n)
{
    for (size_t i = 0; i < n; i++)
        m.peer->read(m.other, big, SPACE_PAGE, m.place[i % PLACES] & ~UINT64_C(0xfff));
}

/* The middle region goes to the hole behind it, and back: one commit each. */
static void moves(size_t n)
{
    uint64_t home = m.count / 2 * SPACE_STRIDE;

    for (size_t i = 0; i < n; i++)
        check(
            membus_region_set_offset(m.region[m.count / 2], home + (i % 2 ? 0 : SPACE_STRIDE / 2)));
}

/* The same far away: to a hole at the other end. */
static void far_moves(size_t n)
{
    uint64_t home = m.count / 2 * SPACE_STRIDE;

    for (size_t i = 0; i < n; i++)
        check(membus_region_set_offset(m.region[m.count / 2],
                                       i % 2 ? home : m.count * SPACE_STRIDE + SPACE_PAGE));
}

/* Taken out and added elsewhere, a commit each: what unmapping and mapping is. */
static void remove_and_add(size_t n)
{
    uint64_t home = m.count / 2 * SPACE_STRIDE;

    for (size_t i = 0; i < n; i++) {
        check(membus_region_remove(m.region[m.count / 2]));
        check(membus_region_add(m.root, home + (i % 2 ? 0 : SPACE_STRIDE / 2),
                                m.region[m.count / 2], 0));
    }
}

static void other_moves(size_t n)
{
    uint64_t home = m.count / 2 * SPACE_STRIDE, half = SPACE_STRIDE / 2;

    for (size_t i = 0; i < n; i++)
        m.peer->move(m.other, home + (i % 2 ? half : 0), home + (i % 2 ? 0 : half));
}

/* The whole view, rendered anew. */
static double render_all_ns(void)
{
    double start;

    check(membus_space_set_root(m.space, NULL));
    start = now_ns();
    check(membus_space_set_root(m.space, m.root));
    return now_ns() - start;
}

static void unassigned_big(size_t n)
{
    for (size_t i = 0; i < n; i++)
        membus_space_read(m.space, big, sizeof(big), UINT64_C(1) << 60, no_attrs);
}

static void unassigned_fill(size_t n)
{
    for (size_t i = 0; i < n; i++)
        membus_fill(big, 0, sizeof(big));
}

static void unassigned_big_writes(size_t n)
{
    for (size_t i = 0; i < n; i++)
        membus_space_write(m.space, UINT64_C(1) << 60, big, sizeof(big), no_attrs);
}

static void unassigned_small_writes(size_t n)
{
    for (size_t i = 0; i < n; i++)
        membus_space_write(m.space, UINT64_C(1) << 60, big, 4, no_attrs);
}

/* Measuring. */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), by_value);
    return values[n / 2];
}

static double time_batch(batch *run, size_t n)
{
    double start = now_ns();

    run(n);
    return (now_ns() - start) / (double)n;
}

struct result {
    double ours, theirs; /* ns for one operation */
    double ratio;        /* median of ours over theirs */
};

/* Batches of two in turns; which goes first changes each round. */
static struct result compare(batch *ours, batch *theirs, size_t n, size_t n_theirs)
{
    double a[ROUNDS], b[ROUNDS], ratio[ROUNDS];
    struct result r;

    ours(n);
    theirs(n_theirs);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 2)
            b[i] = time_batch(theirs, n_theirs);
        a[i] = time_batch(ours, n);
        if (i % 2 == 0)
            b[i] = time_batch(theirs, n_theirs);
        ratio[i] = a[i] / b[i];
    }
    r.ratio = median(ratio, ROUNDS);
    r.ours = median(a, ROUNDS);
    r.theirs = median(b, ROUNDS);
    return r;
}

static double alone(batch *run, size_t n)
{
    double a[ROUNDS];

    run(n);
    for (unsigned i = 0; i < ROUNDS; i++)
        a[i] = time_batch(run, n);
    return median(a, ROUNDS);
}

/* Reports. */

static void report_lookup(void)
{
    double first = 0;

    printf("\nLookup and a 4-byte load from RAM\n");
    printf("%9s %12s %12s %8s %12s %12s\n", "regions", "raw+RCU ns", "hit ns", "ratio", "cold ns",
           "over 10");
    for (size_t i = 0; i < COUNTS; i++) {
        struct result r;
        double cold;

        create(counts[i]);
        r = compare(hot_loads, raw_loads, 4000, 4000);
        cold = alone(cold_loads, 4096);
        first = first > 0 ? first : cold;
        printf("%9zu %12.2f %12.2f %8.2f %12.2f %12.2f\n", counts[i], r.theirs, r.ours, r.ratio,
               cold, cold / first);
        destroy();
    }
}

static void report_commit(void)
{
    printf("\nOne commit that moves a 4 KiB region\n");
    printf("%9s %12s %12s %14s %14s %8s\n", "regions", "near us", "far us", "render all us",
           "all/near", "all/far");
    for (size_t i = 0; i < COUNTS; i++) {
        size_t rounds = counts[i] > 10000 ? 11 : ROUNDS;
        double all[ROUNDS], ratio[ROUNDS], far_ratio[ROUNDS], near[ROUNDS], far[ROUNDS];

        create(counts[i]);
        for (size_t k = 0; k < rounds; k++) {
            near[k] = time_batch(moves, 20);
            far[k] = time_batch(far_moves, 20);
            all[k] = render_all_ns();
            ratio[k] = all[k] / near[k];
            far_ratio[k] = all[k] / far[k];
        }
        printf("%9zu %12.2f %12.2f %14.2f %14.0f %8.0f\n", counts[i], median(near, rounds) / 1e3,
               median(far, rounds) / 1e3, median(all, rounds) / 1e3, median(ratio, rounds),
               median(far_ratio, rounds));
        destroy();
    }
}

static void report_against(const struct space_peer *peer, size_t count)
{
    static const struct {
        const char *what;
        batch *ours, *theirs;
        size_t n, n_theirs;
    } rows[] = {
        {"4-byte load, same place", hot_loads, other_hot_loads, 2000, 2000},
        {"4-byte load, random", cold_loads, other_cold_loads, 4096, 4096},
        {"4-byte store, same place", hot_stores, other_hot_stores, 2000, 2000},
        {"4 KiB read, random", page_reads, other_page_reads, 500, 500},
        {"move: one commit", moves, other_moves, 20, 2},
        {"move: remove, add", remove_and_add, other_moves, 20, 2},
    };

    if (!peer->create) {
        printf("\nAgainst %s: not built in\n", peer->name);
        return;
    }
    if (count > peer->regions_max)
        return;
    create(count);
    m.peer = peer;
    m.other = peer->create(page, count);
    printf("\nAgainst %s, %zu regions\n%-26s %12s %12s %10s\n", peer->name, count, "", "membus ns",
           "other ns", "ratio");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct result r = compare(rows[i].ours, rows[i].theirs, rows[i].n, rows[i].n_theirs);

        printf("%-26s %12.1f %12.1f %10.4f\n", rows[i].what, r.ours, r.theirs, r.ratio);
    }
    peer->destroy(m.other);
    destroy();
}

static void report_unassigned(void)
{
    struct result read, write;

    create(1000);
    read = compare(unassigned_big, unassigned_fill, 5, 5);
    write = compare(unassigned_big_writes, unassigned_small_writes, 1000, 1000);
    printf("\nUnassigned memory, 1 MiB\n");
    printf("read: %.0f ns, filling the buffer alone: %.0f ns, ratio %.2f\n", read.ours, read.theirs,
           read.ratio);
    printf("write: %.1f ns, 4 bytes: %.1f ns, ratio %.2f\n", write.ours, write.theirs, write.ratio);
    destroy();
}

static void report_memory(void)
{
    struct membus_view_stats stats;
    size_t before, regions, all;

    printf("\nMemory, bytes of heap\n");
    printf("%9s %14s %16s %14s\n", "regions", "a region", "a range of view", "the view");
    for (size_t i = 0; i < COUNTS; i++) {
        before = heap_used();
        create(counts[i]);
        all = heap_used();
        membus_space_stats(m.space, &stats);
        regions = all - before - stats.bytes;
        printf("%9zu %14.0f %16.1f %14zu\n", counts[i], (double)regions / (double)counts[i],
               (double)stats.bytes / (double)stats.ranges, stats.bytes);
        destroy();
    }
}

int main(void)
{
    printf("bench_space: medians of %u rounds, in turns, one process\n", ROUNDS);
    report_lookup();
    report_commit();
    report_against(&space_unicorn, 10);
    report_against(&space_unicorn, 1000);
    report_against(&space_vm_memory, 10);
    report_against(&space_vm_memory, 1000);
    report_against(&space_vm_memory, 100000);
    report_unassigned();
    report_memory();
    return 0;
}
