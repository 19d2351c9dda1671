/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <stdbool.h>

#include <membus/mapping.h>

static char memory[256] __attribute__((aligned(64)));

static struct membus_permit ask(enum membus_cache_mode mode, struct membus_policy policy,
                                size_t offset, unsigned width, unsigned access)
{
    struct membus_mapping m = membus_mapping_device(memory, sizeof(memory), mode);

    m.policy = policy;
    return membus_mapping_permit(&m, offset, width, access);
}

static const struct membus_policy any = {0, 0, false, false};

static void test_names(void **state)
{
    enum membus_cache_mode mode = MEMBUS_CACHE_UNKNOWN;

    (void)state;
    for (int i = 0; i < MEMBUS_CACHE_MODES; i++) {
        const char *name = membus_cache_mode_name((enum membus_cache_mode)i);

        assert_int_equal(membus_cache_mode_parse(&mode, name), 0);
        assert_int_equal(mode, i);
    }
    assert_int_equal(membus_cache_mode_parse(&mode, "writecombine"), 0);
    assert_int_equal(mode, MEMBUS_CACHE_WRITECOMBINE);
    assert_int_equal(membus_cache_mode_parse(&mode, "WC"), -EINVAL);
    assert_string_equal(membus_cache_mode_name((enum membus_cache_mode)77), "UNKNOWN");
}

static void test_every_row_has_a_source(void **state)
{
    (void)state;
    for (int i = 0; i < MEMBUS_CACHE_MODES; i++) {
        const struct membus_rule *rule = membus_mapping_rule((enum membus_cache_mode)i);

        assert_int_equal(rule->mode, i);
        assert_non_null(rule->source);
        assert_true(rule->source[0] != 0);
    }
    assert_ptr_equal(membus_mapping_rule((enum membus_cache_mode) - 1),
                     membus_mapping_rule(MEMBUS_CACHE_UNKNOWN));
}

static void test_aligned_is_whole(void **state)
{
    (void)state;
    for (int mode = 0; mode < MEMBUS_CACHE_MODES; mode++) {
        const struct membus_rule *rule = membus_mapping_rule((enum membus_cache_mode)mode);

        if (!rule->direct)
            continue;
        for (unsigned width = 1; width <= rule->width_scalar; width *= 2) {
            struct membus_permit p =
                ask((enum membus_cache_mode)mode, any, 2 * width, width, MEMBUS_ACCESS_STORE);

            assert_int_equal(p.way, MEMBUS_WAY_WHOLE);
            assert_int_equal(p.width, width);
            assert_int_equal(p.error, 0);
            assert_ptr_equal(p.rule, rule);
        }
    }
}

/* As the row says: one access, one instruction, or a split whose widest piece is named. */
static void test_unaligned_follows_the_row(void **state)
{
    (void)state;
    for (int mode = 0; mode < MEMBUS_CACHE_MODES; mode++) {
        const struct membus_rule *rule = membus_mapping_rule((enum membus_cache_mode)mode);

        if (!rule->direct)
            continue;
        for (unsigned width = 2; width <= rule->width_scalar; width *= 2) {
            struct membus_permit p =
                ask((enum membus_cache_mode)mode, any, 17, width, MEMBUS_ACCESS_LOAD);

            assert_int_equal(p.way, rule->unaligned);
            assert_int_equal(p.width, rule->unaligned == MEMBUS_WAY_SPLIT ? width / 2 : width);
        }
    }
}

static void test_policy_narrows(void **state)
{
    const struct membus_policy words = {4, 4, true, true};
    const struct membus_policy loose = {4, 8, false, true};
    struct membus_permit p;

    (void)state;
    p = ask(MEMBUS_CACHE_NORMAL, words, 8, 4, MEMBUS_ACCESS_STORE);
    assert_int_equal(p.way, MEMBUS_WAY_WHOLE);
    p = ask(MEMBUS_CACHE_NORMAL, words, 8, 8, MEMBUS_ACCESS_STORE);
    assert_int_equal(p.way, MEMBUS_WAY_SPLIT);
    assert_int_equal(p.width, 4);
    p = ask(MEMBUS_CACHE_NORMAL, words, 8, 2, MEMBUS_ACCESS_STORE);
    assert_int_equal(p.way, MEMBUS_WAY_REFUSED);
    assert_int_equal(p.error, -EOPNOTSUPP);
    assert_int_equal(p.width, 0);
    p = ask(MEMBUS_CACHE_NORMAL, words, 10, 4, MEMBUS_ACCESS_STORE);
    assert_int_equal(p.error, -EOPNOTSUPP);
    p = ask(MEMBUS_CACHE_NORMAL, words, 0, 32, MEMBUS_ACCESS_STORE | MEMBUS_ACCESS_VECTOR);
    assert_int_equal(p.error, -EOPNOTSUPP);
    p = ask(MEMBUS_CACHE_NORMAL, loose, 12, 8, MEMBUS_ACCESS_STORE);
    assert_true(p.way == MEMBUS_WAY_INSTRUCTION || p.way == MEMBUS_WAY_SPLIT);
}

static void test_wrong_questions(void **state)
{
    (void)state;
    assert_int_equal(ask(MEMBUS_CACHE_NORMAL, any, 0, 0, MEMBUS_ACCESS_LOAD).error, -EINVAL);
    assert_int_equal(ask(MEMBUS_CACHE_NORMAL, any, 0, 3, MEMBUS_ACCESS_LOAD).error, -EINVAL);
    assert_int_equal(ask(MEMBUS_CACHE_NORMAL, any, 0, 16, MEMBUS_ACCESS_LOAD).error, -EINVAL);
    assert_int_equal(ask(MEMBUS_CACHE_NORMAL, any, 0, 128, MEMBUS_ACCESS_VECTOR).error, -EINVAL);
    assert_int_equal(ask(MEMBUS_CACHE_NORMAL, any, 0, 4, 77).error, -EINVAL);
    assert_int_equal(ask(MEMBUS_CACHE_NORMAL, any, 256, 1, MEMBUS_ACCESS_LOAD).error, -ERANGE);
    assert_int_equal(ask(MEMBUS_CACHE_NORMAL, any, 253, 4, MEMBUS_ACCESS_LOAD).error, -ERANGE);
    assert_int_equal(ask(MEMBUS_CACHE_NORMAL, any, SIZE_MAX, 4, MEMBUS_ACCESS_LOAD).error, -ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_every_row_has_a_source),
        cmocka_unit_test(test_aligned_is_whole),
        cmocka_unit_test(test_unaligned_follows_the_row),
        cmocka_unit_test(test_policy_narrows),
        cmocka_unit_test(test_wrong_questions),
    };

    return RUN_TESTS(tests);
}
