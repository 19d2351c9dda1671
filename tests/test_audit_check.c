/* SPDX-License-Identifier: MIT */

/* A recorder that is wrong is caught by the engine's own check, in both engines; the routines that
 * it must not suspect are those of test_audit_engine.c, which runs them all with the check. */

#include "audit_engine.h"

#include <string.h>

#include "audit/record_x86.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    enum audit_mutant mutant;
    const char *symbol;
    struct membus_audit_case c;
    bool avx512;
} mutants[] = {
    {AUDIT_MUTANT_DROP_STORE, "bytes", {.n = 4}, false},
    {AUDIT_MUTANT_DROP_STORE, "sse", {.n = 29, .dst_align = 3}, false},
    {AUDIT_MUTANT_DROP_STORE, "bytes", {.n = 4, .overlapping = true, .distance = -1}, false},
    {AUDIT_MUTANT_EXTRA_STORE, "scalars", {.n = 15}, false},
    {AUDIT_MUTANT_EXTRA_STORE, "rep_movsb", {.n = 100}, false},
    {AUDIT_MUTANT_STORE_SHORT, "scalars", {.n = 15}, false},
    {AUDIT_MUTANT_STORE_SHORT, "rep_movsb", {.n = 100}, false},
    {AUDIT_MUTANT_STORE_SHORT, "rep_movsb", {.n = 9, .overlapping = true, .distance = -4}, false},
    {AUDIT_MUTANT_STORE_WIDE, "bytes", {.n = 3}, false},
    {AUDIT_MUTANT_STORE_WIDE, "rep_stosb", {.n = 30}, false},
    {AUDIT_MUTANT_STORE_OFF, "pushes", {.n = 16}, false},
    {AUDIT_MUTANT_STORE_OFF, "bytes", {.n = 1, .overlapping = true, .distance = 1}, false},
    {AUDIT_MUTANT_MASK_INVERTED, "maskmov", {.n = 16}, false},
    {AUDIT_MUTANT_MASK_INVERTED, "masked", {.n = 20, .dst_align = 9}, true},
    {AUDIT_MUTANT_MASK_INVERTED, "masked_elements", {.n = 32}, true},
    {AUDIT_MUTANT_DROP_LOAD, "bytes", {.n = 4}, false},
    {AUDIT_MUTANT_DROP_LOAD, "calls", {.n = 4, .overlapping = true, .distance = 2}, false},
    {AUDIT_MUTANT_LOAD_SHORT, "scalars", {.n = 15}, false},
    {AUDIT_MUTANT_LOAD_SHORT, "rep_movsb", {.n = 100}, false},
    {AUDIT_MUTANT_LOAD_OFF, "sse", {.n = 29}, false},
};

static enum membus_audit_end end_of(const struct membus_audit_engine_ops *ops, size_t i,
                                    enum audit_mutant mutant, bool check)
{
    struct membus_audit_target target = routine(mutants[i].symbol, check);
    struct membus_audit_engine *engine;
    struct membus_audit_trace t = {.end = MEMBUS_AUDIT_UNSUPPORTED};

    membus_audit_mutant = mutant;
    engine = open_engine(ops, &target);
    if (engine) {
        assert_int_equal(ops->run(engine, &mutants[i].c, &t), 0);
        assert_int_equal(t.checked, check);
        assert_true(t.end != MEMBUS_AUDIT_INEXACT || (t.text && *t.text));
        ops->close(engine);
    }
    membus_audit_mutant = AUDIT_MUTANT_NONE;
    return t.end;
}

static void check_mutants(const struct membus_audit_engine_ops *ops)
{
    for (size_t i = 0; i < COUNT(mutants); i++) {
        enum membus_audit_end end;

        if (mutants[i].avx512 && !__builtin_cpu_supports("avx512vl")) {
            SKIP_PART(ops->name == membus_audit_slots.name ? "slots: mutant of "
                                                           : "ptrace: mutant of ",
                      mutants[i].symbol, "the CPU has no AVX-512VL");
            continue;
        }
        end = end_of(ops, i, mutants[i].mutant, true);
        if (end == MEMBUS_AUDIT_UNSUPPORTED)
            SKIP("ptrace is not permitted here");
        if (end != MEMBUS_AUDIT_INEXACT)
            fail_msg("%s: mutant %d of the recorder survived %s", ops->name, mutants[i].mutant,
                     mutants[i].symbol);
        /* It is the mutant that was caught, not the routine, and it is the check that caught it. */
        assert_int_equal(end_of(ops, i, AUDIT_MUTANT_NONE, true), MEMBUS_AUDIT_RETURNED);
        assert_int_equal(end_of(ops, i, mutants[i].mutant, false), MEMBUS_AUDIT_RETURNED);
    }
}

static void test_mutants_slots(void **state)
{
    (void)state;
    check_mutants(&membus_audit_slots);
}

static void test_mutants_ptrace(void **state)
{
    (void)state;
    check_mutants(&membus_audit_ptrace);
}

/* Every mutant is in the table above. */
static void test_all_mutants(void **state)
{
    unsigned seen = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(mutants); i++)
        seen |= 1u << mutants[i].mutant;
    assert_int_equal(seen, (1u << AUDIT_MUTANTS) - 2);
}

static int count(const struct membus_audit_trace *t, void *data)
{
    if (t->end != MEMBUS_AUDIT_RETURNED || !t->checked || !t->result_ok || !t->return_ok)
        fail_msg("n %zu, dst %u, src %u, distance %td: end %d, %s", t->c.n, t->c.dst_align,
                 t->c.src_align, t->c.distance, t->end, t->text ? t->text : "");
    ++*(size_t *)data;
    return 0;
}

/* This machine's memcpy and memmove, with overlaps, under the check: the recording is exact. */
static void test_libc_is_exact(void **state)
{
    static struct membus_audit_case cases[129 * 64];
    static const char *const symbols[] = {"memcpy", "memmove"};

    (void)state;
    for (size_t s = 0; s < COUNT(symbols); s++) {
        struct membus_audit_target target = {
            .object = "libc.so.6", .symbol = symbols[s], .check = true};
        struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &target);
        size_t done = 0;

        for (size_t i = 0; i < COUNT(cases); i++) {
            struct membus_audit_case *c = &cases[i];

            c->n = i / 64 * 5;
            c->dst_align = i % 16;
            c->src_align = i / 16 % 4 * 5;
            c->overlapping = s == 1 && i % 2;
            c->distance = (ptrdiff_t)(i * 7 % 129) - 64;
        }
        assert_int_equal(membus_audit_slots.sweep(engine, cases, COUNT(cases), count, &done), 0);
        assert_int_equal(done, COUNT(cases));
        membus_audit_slots.close(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutants_slots),
        cmocka_unit_test(test_mutants_ptrace),
        cmocka_unit_test(test_all_mutants),
        cmocka_unit_test(test_libc_is_exact),
    };

    return RUN_TESTS(tests);
}
