/* SPDX-License-Identifier: MIT */

/*
 * Strict order (W6), as recorded: beside every other rule, no store is wider than what the
 * architecture keeps whole, 16 bytes at a 16-byte boundary without a mask (SDM 9.1.1), or 8.
 *
 *   test_audit_strict [KERNEL]    that kernel alone: scripts/check-avx512.sh has no time for more
 */

#include "audit_engine.h"
#include "kernels.h"

#include <membus/copy.h>

#define CASES_MAX 16384

static const struct membus_audit_host x86 = {
    .total_store_order = true, .unaligned = true, .atomic_width = 16, .element = 8};

static size_t make_cases(struct membus_audit_case *cases)
{
    static const unsigned sizes[] = {257, 300, 383, 400, 511, 512, 1000, 1024, 1500, 4096};
    size_t count = 0;

    for (size_t i = 0; i < 272 + sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (unsigned dst = 0; dst < 64; dst += i < 80 ? 1 : 3)
            cases[count++] = (struct membus_audit_case){.n = i < 272 ? i : sizes[i - 272],
                                                        .dst_align = dst,
                                                        .src_align = (dst * 5 + 3) % 64};
    }
    return count;
}

struct tally {
    size_t wide, broken, traces;
    char why[160];
};

static bool is_wide(const struct membus_audit_trace *t, const struct membus_audit_access *a)
{
    const ptrdiff_t at = a->offset + (ptrdiff_t)t->c.dst_align;

    return (a->kind & MEMBUS_AUDIT_MASKED) || a->width > 16 || (a->width > 8 && at % 16 != 0);
}

static int visit(const struct membus_audit_trace *t, void *data)
{
    struct tally *tally = (struct tally *)data;
    struct membus_audit_verdict v;

    membus_audit_judge(t, &x86, &v);
    for (unsigned rule = 0; rule < MEMBUS_RULES; rule++) {
        if ((v.broken & (1u << rule)) && !tally->broken++)
            snprintf(tally->why, sizeof(tally->why), "%.140s", v.why[rule]);
    }
    for (size_t i = 0; i < t->count; i++)
        tally->wide += (t->access[i].kind & MEMBUS_AUDIT_STORE) && is_wide(t, &t->access[i]);
    tally->traces++;
    return 0;
}

static struct tally sweep(const char *symbol, const char *kernel)
{
    static struct membus_audit_case cases[CASES_MAX];
    const size_t count = make_cases(cases);
    const struct membus_audit_target target = {
        .object = object_of("MEMBUS_TEST_STRICT"), .symbol = symbol, .kernel = kernel};
    struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &target);
    struct tally tally = {.traces = 0};

    assert_true(count <= CASES_MAX);
    assert_int_equal(membus_audit_slots.sweep(engine, cases, count, visit, &tally), 0);
    assert_int_equal(tally.traces, count);
    membus_audit_slots.close(engine);
    return tally;
}

static const char *only; /* the kernel, if not all */

static void test_strict_is_narrow(void **state)
{
    static const char *const routines[] = {"strict_copy", "strict_transfer"};
    const char *kernel;

    (void)state;
    for (unsigned i = 0; (kernel = membus_kernel_usable(i)); i++) {
        if (only && strcmp(only, kernel) != 0)
            continue;
        print_message("# kernel %s\n", kernel);
        for (unsigned k = 0; k < sizeof(routines) / sizeof(routines[0]); k++) {
            const struct tally tally = sweep(routines[k], kernel);

            if (tally.broken)
                fail_msg("%s, kernel %s: %s", routines[k], kernel, tally.why);
            assert_int_equal(tally.wide, 0);
        }
    }
}

/* The checker's bad case: wide stores, where the kernel has any. */
static void test_wide_is_seen(void **state)
{
    (void)state;
    if (membus_kernel_select("avx2") != 0)
        SKIP("this CPU has no kernel with stores over 8 bytes");
    assert_true(sweep("loose_copy", "avx2").wide > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict_is_narrow),
        cmocka_unit_test(test_wide_is_seen),
    };

    only = argc > 1 ? argv[1] : NULL;
    skip_kernels();
    return RUN_TESTS(tests);
}
