/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <membus/copy.h>

#define SIZE 65536u

static unsigned char *a, *b, *expected;

static void fill_pattern(void)
{
    for (size_t i = 0; i < SIZE; i++) {
        a[i] = (unsigned char)(i * 7 + (i >> 8) * 31 + 1);
        b[i] = 0xee;
    }
}

static int setup(void **state)
{
    (void)state;
    if (posix_memalign((void **)&a, 4096, SIZE) || posix_memalign((void **)&b, 4096, SIZE))
        return -1;
    expected = malloc(SIZE);
    fill_pattern();
    return expected ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(a);
    free(b);
    free(expected);
    return 0;
}

static struct membus_mapping mapping(void *addr, enum membus_cache_mode mode,
                                     struct membus_policy policy)
{
    struct membus_mapping m = membus_mapping_device(addr, SIZE, mode);

    m.policy = policy;
    return m;
}

static const struct membus_policy any = {0, 0, false, false};

/* RAM that is called a device here: the bytes are checked, the accesses are the auditor's. */
static const enum membus_cache_mode modes[] = {MEMBUS_CACHE_UNKNOWN, MEMBUS_CACHE_NORMAL,
                                               MEMBUS_CACHE_WRITECOMBINE, MEMBUS_CACHE_DEVICE,
                                               MEMBUS_CACHE_NONCACHED};

/* Do loads and stores reach such a mapping? If not (s390x), RAM cannot stand in for it. */
static bool reached(enum membus_cache_mode mode)
{
    return membus_mapping_rule(mode)->direct;
}

/* The widest access the host has for it. */
static unsigned widest(enum membus_cache_mode mode)
{
    return membus_mapping_rule(mode)->width_scalar;
}

/* Is there an element wider than `most` in [at, at + n)? Byte by byte. */
static bool has_wider(uintptr_t at, size_t n, unsigned most)
{
    for (uintptr_t p = at; p < at + n; p++) {
        for (unsigned width = 2 * most; width <= 8; width *= 2) {
            if (p % width == 0 && width <= at + n - p)
                return true;
        }
    }
    return false;
}

/* TORN, where the host has no access as wide as some element in [p, p + n). */
static unsigned torn(const unsigned char *p, size_t n, enum membus_cache_mode mode)
{
    return has_wider((uintptr_t)p, n, widest(mode)) ? MEMBUS_DELIVERED_TORN : 0;
}

static void check_pair(enum membus_cache_mode to_mode, enum membus_cache_mode from_mode,
                       unsigned flags)
{
    const struct membus_mapping to = mapping(b, to_mode, any), from = mapping(a, from_mode, any);

    for (size_t n = 0; n < 700; n += 1 + n / 40) {
        for (size_t align = 0; align < 64; align += 1 + align % 7) {
            const size_t at = 128 + align, of = 192 + (align * 5) % 64;

            memset(b, 0xee, 1200);
            struct membus_result r = membus_transfer(&to, at, &from, of, n, NULL, flags);

            assert_int_equal(r.error, 0);
            assert_int_equal(r.bytes, n);
            assert_memory_equal(b + at, a + of, n);
            assert_int_equal(b[at - 1], 0xee);
            assert_int_equal(b[at + n], 0xee);
        }
    }
}

static void test_every_pair_of_modes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            if (!reached(modes[i]) || !reached(modes[k]))
                continue;
            check_pair(modes[i], modes[k], 0);
            check_pair(modes[i], modes[k], MEMBUS_ORDER_STRICT);
        }
    }
}

static void test_policies(void **state)
{
    const unsigned host = widest(MEMBUS_CACHE_DEVICE);

    (void)state;
    for (unsigned least = 1; least <= host; least *= 2) {
        for (unsigned most = least; most <= host; most *= 2) {
            const struct membus_policy narrow = {(uint8_t)least, (uint8_t)most, true, true};
            const struct membus_mapping to = mapping(b, MEMBUS_CACHE_DEVICE, narrow);
            const struct membus_mapping from = mapping(a, MEMBUS_CACHE_DEVICE, narrow);

            for (size_t n = least; n < 600; n += least) {
                memset(b, 0xee, 1200);
                struct membus_result r =
                    membus_transfer(&to, 64 + least, &from, 8 * least, n, NULL, 0);

                assert_int_equal(r.error, 0);
                assert_memory_equal(b + 64 + least, a + 8 * least, n);
                assert_int_equal(b[64 + least + n], 0xee);
                assert_int_equal(!!(r.delivered & MEMBUS_DELIVERED_TORN),
                                 has_wider((uintptr_t)(b + 64 + least), n, most));
            }
        }
    }
}

static void assert_refused(struct membus_result r, int error)
{
    assert_int_equal(r.error, error);
    assert_int_equal(r.bytes, 0);
    for (size_t i = 0; i < 4096; i++)
        assert_int_equal(b[i], 0xee);
}

static void test_refusals_change_nothing(void **state)
{
    const struct membus_policy words = {4, 4, true, true}, impossible = {8, 4, false, false};
    const struct membus_mapping reg = mapping(b, MEMBUS_CACHE_NONCACHED, words);
    const struct membus_mapping never = mapping(b, MEMBUS_CACHE_NONCACHED, impossible);
    const struct membus_mapping from = membus_mapping_ram(a, SIZE);
    const struct membus_mapping to = membus_mapping_ram(b, SIZE);

    (void)state;
    memset(b, 0xee, SIZE);
    assert_refused(membus_transfer(&reg, 2, &from, 0, 4, NULL, 0), -EOPNOTSUPP);
    assert_refused(membus_transfer(&reg, 4, &from, 0, 6, NULL, 0), -EOPNOTSUPP);
    assert_refused(membus_transfer(&never, 0, &from, 0, 8, NULL, 0), -EOPNOTSUPP);
    assert_refused(membus_transfer(&to, SIZE - 3, &from, 0, 4, NULL, 0), -ERANGE);
    assert_refused(membus_transfer(&to, 0, &from, SIZE + 1, 0, NULL, 0), -ERANGE);
    assert_refused(membus_transfer(&to, SIZE_MAX, &from, 0, 2, NULL, 0), -ERANGE);
    assert_refused(membus_transfer(&to, 0, &from, 0, 4, NULL, 64), -EINVAL);
    assert_refused(
        membus_transfer(&to, 0, &from, 0, 4, NULL, MEMBUS_OVERLAP_TAIL | MEMBUS_OVERLAP_REFUSE),
        -EINVAL);
    assert_refused(membus_mapping_fill(&reg, 0, 1, 3), -EOPNOTSUPP);
    assert_refused(membus_mapping_fill(&to, 1, 1, SIZE), -ERANGE);
}

/* Where neither loads and stores nor anything else reaches a device, nothing is done. */
static void test_unreached_is_refused(void **state)
{
    (void)state;
    fill_pattern();
    for (size_t k = 0; k < 5; k++) {
        const struct membus_mapping device = mapping(b, modes[k], any);

        if (reached(modes[k]))
            continue;
        assert_refused(membus_mapping_write(&device, 64, a, 8), -EOPNOTSUPP);
        assert_refused(membus_mapping_read(&device, 64, a, 8), -EOPNOTSUPP);
        assert_refused(membus_mapping_fill(&device, 0, 0, 64), -EOPNOTSUPP);
        assert_int_equal(membus_mapping_permit(&device, 0, 4, MEMBUS_ACCESS_LOAD).way,
                         MEMBUS_WAY_REFUSED);
    }
}

static void test_elements_are_whole(void **state)
{
    const struct membus_mapping to = membus_mapping_device(b, SIZE, MEMBUS_CACHE_NONCACHED);
    const struct membus_policy bytes = {1, 1, false, true};
    const struct membus_mapping narrow = mapping(b, MEMBUS_CACHE_NONCACHED, bytes);

    (void)state;
    for (size_t n = 1; n <= 8 && reached(MEMBUS_CACHE_NONCACHED); n *= 2) {
        struct membus_result r = membus_mapping_write(&to, 64, a, n);

        assert_int_equal(r.delivered, n <= widest(MEMBUS_CACHE_NONCACHED)
                                          ? MEMBUS_DELIVERED_WHOLE
                                          : MEMBUS_DELIVERED_SPLIT | MEMBUS_DELIVERED_TORN);
        r = membus_mapping_write(&narrow, 64, a, n);
        assert_int_equal(r.delivered, n == 1 ? MEMBUS_DELIVERED_WHOLE
                                             : MEMBUS_DELIVERED_SPLIT | MEMBUS_DELIVERED_TORN);
    }
}

/* Accesses of a least width that begin between its multiples: they meet within elements. */
static void test_least_width_tears(void **state)
{
    const struct membus_policy words = {4, 4, false, true};
    const struct membus_mapping to = mapping(b, MEMBUS_CACHE_NORMAL, words);

    (void)state;
    assert_int_equal(membus_mapping_write(&to, 64, a, 12).delivered, MEMBUS_DELIVERED_TORN);
    for (size_t at = 65; at < 68; at++) {
        struct membus_result r = membus_mapping_write(&to, at, a, 12);

        assert_true(r.error || (r.delivered & MEMBUS_DELIVERED_TORN));
        r = membus_mapping_fill(&to, at, 1, 12);
        assert_true(r.error || (r.delivered & MEMBUS_DELIVERED_TORN));
    }
}

/* A fill of an element is a write of it (W2), and says as much. */
static void test_fill_of_elements(void **state)
{
    (void)state;
    for (size_t k = 0; k < 5; k++) {
        const struct membus_mapping m = mapping(b, modes[k], any);

        for (size_t n = 1; reached(modes[k]) && n <= 8; n *= 2) {
            for (size_t at = 64; at < 72; at++) {
                const struct membus_result w = membus_mapping_write(&m, at, a, n);
                const struct membus_result f = membus_mapping_fill(&m, at, 7, n);

                assert_int_equal(f.error, w.error);
                assert_int_equal(f.delivered, w.delivered);
                assert_int_equal(f.bytes, w.bytes);
            }
        }
    }
}

/* One overlapping move within mapping `m`, up by d. */
static struct membus_result move_up(const struct membus_mapping *m, size_t at, size_t d, size_t n,
                                    const struct membus_window *window, unsigned flags)
{
    fill_pattern();
    memcpy(expected, a, SIZE);
    memmove(expected + at + d, expected + at, n);
    return membus_transfer(m, at + d, m, at, n, window, flags);
}

static void test_overlaps(void **state)
{
    static unsigned char room[9000];
    static const size_t ds[] = {1, 3, 8, 63, 64, 65, 500, 511, 513, 1000, 4096, 5001, 8191};

    (void)state;
    for (size_t k = 0; k < 5; k++) {
        const struct membus_mapping m = mapping(a, modes[k], any);

        for (size_t i = 0; reached(modes[k]) && i < sizeof(ds) / sizeof(ds[0]); i++) {
            for (size_t n = ds[i] + 1; n < 20000; n = n * 3 / 2 + 7) {
                const bool once = modes[k] != MEMBUS_CACHE_NORMAL;
                const size_t need = once || ds[i] < n - ds[i] ? ds[i] : n - ds[i];
                const struct membus_window window = {room + 1, need}; /* just enough */
                struct membus_result r = move_up(&m, 133, ds[i], n, &window, 0);

                assert_int_equal(r.error, 0);
                if (n > 8)
                    assert_int_equal(r.delivered,
                                     MEMBUS_DELIVERED_EXACT | torn(a + 133 + ds[i], n, modes[k]));
                assert_memory_equal(a, expected, SIZE);
            }
        }
    }
}

static void test_window_too_small(void **state)
{
    static unsigned char room[6000];
    const struct membus_mapping m = membus_mapping_ram(a, SIZE);
    const struct membus_window window = {room, sizeof(room)};
    const unsigned narrow = torn(a + 7077, 20000, MEMBUS_CACHE_NORMAL);
    struct membus_result r = move_up(&m, 77, 7000, 20000, &window, 0);

    (void)state;
    memmove(expected, a, SIZE);
    assert_int_equal(r.error, -ENOBUFS);
    fill_pattern();
    assert_memory_equal(a, expected, SIZE); /* nothing written */

    r = move_up(&m, 77, 7000, 20000, &window, MEMBUS_OVERLAP_TAIL);
    assert_int_equal(r.error, 0);
    assert_int_equal(r.delivered, MEMBUS_DELIVERED_TAIL | narrow);
    assert_memory_equal(a, expected, SIZE);

    r = move_up(&m, 77, 7000, 20000, NULL, MEMBUS_OVERLAP_TAIL | MEMBUS_ORDER_STRICT);
    assert_int_equal(r.delivered, MEMBUS_DELIVERED_TAIL | MEMBUS_DELIVERED_STRICT | narrow);
    assert_memory_equal(a, expected, SIZE);

    r = move_up(&m, 77, 3, 20000, &window, MEMBUS_OVERLAP_REFUSE);
    assert_int_equal(r.error, -ENOBUFS);
    fill_pattern();
    memcpy(expected, a, SIZE);
    assert_memory_equal(a, expected, SIZE);

    r = membus_transfer(&m, 100, &m, 200, 5000, NULL, MEMBUS_OVERLAP_REFUSE);
    assert_int_equal(r.error, 0); /* dst < src needs no window */
}

static void test_fill(void **state)
{
    (void)state;
    for (size_t k = 0; k < 5; k++) {
        const struct membus_mapping m = mapping(b, modes[k], any);

        for (size_t n = 0; reached(modes[k]) && n < 900; n += 1 + n / 30) {
            memset(b, 0xee, 2048);
            struct membus_result r = membus_mapping_fill(&m, 67, 0x1a5, n);

            assert_int_equal(r.error, 0);
            assert_int_equal(r.bytes, n);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(b[67 + i], 0xa5);
            assert_int_equal(b[66], 0xee);
            assert_int_equal(b[67 + n], 0xee);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_pair_of_modes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreached_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_elements_are_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_least_width_tears, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fill_of_elements, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlaps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_window_too_small, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
    };

    return RUN_TESTS(tests);
}
