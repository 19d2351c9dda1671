/* SPDX-License-Identifier: MIT */

/* Guarded transfers between mappings: as the plain ones, and exact when one side ends. */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>

#include "guard_memory.h"
#include "kernels.h"

static const struct membus_policy policies[] = {
    {0, 0, false, false}, {0, 4, false, false}, {4, 4, true, false},
    {0, 0, false, true},  {0, 1, false, false},
};
#define POLICIES (sizeof(policies) / sizeof(*policies))

static struct membus_mapping random_mapping(void *addr)
{
    static const enum membus_cache_mode modes[] = {MEMBUS_CACHE_NORMAL, MEMBUS_CACHE_WRITECOMBINE,
                                                   MEMBUS_CACHE_DEVICE, MEMBUS_CACHE_UNKNOWN};
    struct membus_mapping m = membus_mapping_device(addr, SIZE, modes[below(4)]);

    m.policy = policies[below(POLICIES)];
    return m;
}

/* A size and offsets that every policy takes, in memory that ends at `end`. */
struct place {
    size_t n, dst, src;
};

static struct place random_place(size_t end)
{
    struct place p = {random_size() & ~(size_t)3, (end - below(PAGE)) & ~(size_t)3,
                      (end - below(PAGE)) & ~(size_t)3};

    if (p.n == 0)
        p.n = 4;
    return p;
}

/* Without a fault: what membus_transfer() gives, in bytes, error and what was delivered. */
static void test_same_as_plain(void **state)
{
    struct memory m = memory_open(), plain = memory_open();

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct membus_mapping dst = random_mapping(m.target);
        struct membus_mapping src = random_mapping(pattern_new);
        const size_t n = below(i & 1 ? 80 : 2000), to = below(200), from = below(200);
        const unsigned flags = below(4) ? 0 : MEMBUS_ORDER_STRICT;

        memcpy(m.witness, pattern_old, 4096);
        memcpy(plain.witness, pattern_old, 4096);

        const struct membus_result got =
            membus_guard_transfer(&dst, to, &src, from, n, flags, NULL);

        dst.addr = plain.target;

        const struct membus_result want = membus_transfer(&dst, to, &src, from, n, NULL, flags);

        assert_int_equal(got.error, want.error);
        assert_int_equal(got.bytes, want.bytes);
        assert_int_equal(got.delivered, want.delivered);
        assert_memory_equal(m.witness, plain.witness, 4096);
    }
    memory_close(&m);
    memory_close(&plain);
}

/* The source ends: a device gives all ones from there, RAM ends the transfer. */
static void test_source_ends(void **state)
{
    struct memory m = memory_open();
    static char to[SIZE];
    const size_t end = 3 * PAGE;
    unsigned ended = 0;

    (void)state;
    guard_on();
    assert_int_equal(ftruncate(m.fd, (off_t)end), 0);
    memcpy(m.witness, pattern_new, end);
    for (unsigned i = 0; i < faults_wanted() / 4; i++) {
        const struct membus_mapping src = random_mapping(m.target), dst = random_mapping(to);
        const struct place p = random_place(end);
        const bool device = src.mode != MEMBUS_CACHE_NORMAL;
        const size_t there = p.n <= 8 && p.src + p.n > end && p.n != 4 ? 0 : end - p.src;
        struct membus_fault fault = {0};

        memcpy(to, pattern_old, sizeof(to));

        const struct membus_result r =
            membus_guard_transfer(&dst, p.dst, &src, p.src, p.n, 0, &fault);

        assert_memory_equal(to, pattern_old, p.dst);
        assert_memory_equal(to + p.dst, pattern_new + p.src, r.bytes);
        if (p.src + p.n <= end) {
            assert_int_equal(r.error, 0);
            assert_int_equal(r.bytes, p.n);
            continue;
        }
        ended++;
        assert_int_equal(r.error, -EFAULT);
        assert_int_equal(fault.signal, SIGBUS);
        assert_false(fault.store);
        assert_true(r.bytes <= end - p.src);
        if (device) { /* element by element, or by vectors that end where the page does */
            if (p.n > 8)
                assert_true(r.bytes == there);
            for (size_t k = r.bytes; k < p.n; k++)
                assert_int_equal(to[p.dst + k], (char)0xff);
        } else {
            assert_memory_equal(to + p.dst + r.bytes, pattern_old + p.dst + r.bytes, p.n - r.bytes);
        }
        assert_memory_equal(to + p.dst + p.n, pattern_old + p.dst + p.n, 64);
    }
    assert_true(ended > 100);
    memory_close(&m);
    guard_off();
}

static void test_destination_ends(void **state)
{
    struct memory m = memory_open();
    const size_t end = 3 * PAGE;
    unsigned ended = 0;

    (void)state;
    guard_on();
    assert_int_equal(ftruncate(m.fd, (off_t)end), 0);
    for (unsigned i = 0; i < faults_wanted() / 4; i++) {
        const struct membus_mapping dst = random_mapping(m.target),
                                    src = random_mapping(pattern_new);
        const struct place p = random_place(end);
        struct membus_fault fault = {0};

        memcpy(m.witness, pattern_old, end);

        const struct membus_result r =
            membus_guard_transfer(&dst, p.dst, &src, p.src, p.n, 0, &fault);
        const size_t kept = p.n < end - p.dst ? p.n : end - p.dst;

        check_exact(m.witness + p.dst, pattern_new + p.src, kept, r.bytes, m.witness, end, "ends");
        if (p.dst + p.n <= end) {
            assert_int_equal(r.error, 0);
            continue;
        }
        ended++;
        assert_int_equal(r.error, -EFAULT);
        assert_int_equal(fault.signal, SIGBUS);
        assert_true(fault.store);
        if (p.n > 8)
            assert_int_equal(r.bytes, kept);
    }
    assert_true(ended > 100);
    memory_close(&m);
    guard_off();
}

static void test_refused(void **state)
{
    struct memory m = memory_open();
    struct membus_mapping device = membus_mapping_device(m.target, SIZE, MEMBUS_CACHE_DEVICE);
    struct membus_mapping ram = membus_mapping_ram(m.target, SIZE);
    struct membus_result r;

    (void)state;
    memcpy(m.witness, pattern_new, SIZE);
    r = membus_guard_transfer(&device, SIZE - 3, &ram, 0, 4, 0, NULL);
    assert_int_equal(r.error, -ERANGE);
    r = membus_guard_transfer(&device, 0, &ram, 0, 4, 64, NULL);
    assert_int_equal(r.error, -EINVAL);
    r = membus_guard_transfer(&device, 8, &device, 0, 5000, 0, NULL);
    assert_int_equal(r.error, -ENOBUFS);
    r = membus_guard_transfer(&ram, 4097, &ram, 0, 9000, 0, NULL);
    assert_int_equal(r.error, -ENOBUFS);
    r = membus_guard_transfer(&ram, 1, &ram, 0, 300, MEMBUS_OVERLAP_REFUSE, NULL);
    assert_int_equal(r.error, -ENOBUFS);
    device.policy = (struct membus_policy){4, 4, true, false};
    r = membus_guard_transfer(&device, 2, &ram, 0, 4, 0, NULL);
    assert_int_equal(r.error, -EOPNOTSUPP);
    assert_memory_equal(m.witness, pattern_new, SIZE);
    memory_close(&m);
}

static void test_overlapping(void **state)
{
    struct memory m = memory_open();
    static char expected[SIZE];

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        struct membus_mapping dst = random_mapping(m.target), src = random_mapping(m.target);
        const size_t n = 4 * (1 + below(900)), from = 4 * below(300), to = from + 4 * below(800);

        memcpy(m.witness, pattern_new, SIZE);
        memcpy(expected, pattern_new, SIZE);
        memmove(expected + to, expected + from, n);

        const struct membus_result r = membus_guard_transfer(&dst, to, &src, from, n, 0, NULL);

        assert_int_equal(r.error, 0);
        assert_int_equal(r.bytes, n);
        assert_memory_equal(m.witness, expected, SIZE);
    }
    memory_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_plain),    cmocka_unit_test(test_source_ends),
        cmocka_unit_test(test_destination_ends), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_overlapping),
    };

    if (other_kernel())
        SKIP_ALL(OTHER_KERNEL);
    if (!membus_mapping_rule(MEMBUS_CACHE_DEVICE)->direct)
        SKIP_ALL("device memory is not reached by loads and stores here");
    if (!sigbus_tells_page())
        SKIP_ALL(WRONG_ADDRESS);
    patterns_make();
    return RUN_TESTS(tests);
}
