/* SPDX-License-Identifier: MIT */

/*
 * Fills keep the rules of stores, W1 to W7, with every kernel: recorded store by store, at every
 * alignment, and in the last line of a page.
 *
 * The judge knows copies. So a fill is shown to it as a copy whose source was loaded at once.
 */

#include <stdlib.h>
#include <string.h>

#include <membus/copy.h>

#include "audit_engine.h"
#include "kernels.h"

#define STORES                                                                                   \
    (1u << MEMBUS_RULE_W1 | 1u << MEMBUS_RULE_W2 | 1u << MEMBUS_RULE_W3 | 1u << MEMBUS_RULE_W4 | \
     1u << MEMBUS_RULE_W5 | 1u << MEMBUS_RULE_W6 | 1u << MEMBUS_RULE_W7 | 1u << MEMBUS_RULE_RUNS)
#define LATER      960  /* of tests/audit/fills.c */
#define EVERY      200u /* sizes up to here, then those below */
#define ALIGNMENTS 64u
#define ACCESSES   2048u

static const size_t large[] = {255, 256, 257, 319, 320, 321, 511, 512, 513, 1000, 2048, 4095, 4097};
#define LARGE (sizeof(large) / sizeof(*large))
#define CASES ((EVERY + LARGE) * ALIGNMENTS)

static struct membus_audit_case cases[CASES];

static void make_cases(void)
{
    for (size_t i = 0; i < CASES; i++)
        cases[i] = (struct membus_audit_case){
            .n = i / ALIGNMENTS < EVERY ? i / ALIGNMENTS : large[i / ALIGNMENTS - EVERY],
            .dst_align = i % ALIGNMENTS,
        };
}

struct judging {
    bool later; /* the stores lie at dst + LATER */
    uint32_t broken;
    size_t calls, stores, strays;
    char first[256];
};

/*
 * The first byte of the first page that the fill does not reach, where it is known to begin: an
 * access whose idle lanes lie there is slow. From dst.
 */
static ptrdiff_t page_end(const struct membus_audit_case *c, bool later)
{
    if ((c->dst_align + c->n) % 64 == 0)
        return (ptrdiff_t)c->n; /* a guard page */
    return later && c->dst_align && c->dst_align + c->n < 64 ? 64 - (ptrdiff_t)c->dst_align
                                                             : PTRDIFF_MAX;
}

static int judge(const struct membus_audit_trace *trace, void *data)
{
    static const struct membus_audit_host host = {
        .total_store_order = true, .unaligned = true, .atomic_width = 16, .element = 8};
    static struct membus_audit_access access[ACCESSES + 1];
    struct judging *j = data;
    struct membus_audit_trace t = *trace;
    struct membus_audit_verdict verdict;
    const ptrdiff_t later = j->later && (t.c.dst_align + t.c.n) % 64 ? LATER : 0;
    uint32_t broken;

    assert_true(t.count <= ACCESSES);
    access[0] = (struct membus_audit_access){
        .width = t.c.n, .operand_width = (uint32_t)t.c.n, .kind = MEMBUS_AUDIT_LOAD};
    memcpy(access + 1, t.access, t.count * sizeof(*access));
    for (size_t i = 1; i <= t.count; i++) {
        access[i].offset -= later;
        access[i].operand_offset -= later;
        j->strays += access[i].operand_offset + (ptrdiff_t)access[i].operand_width >
                     page_end(&t.c, j->later);
    }
    t.access = access;
    t.count++;
    membus_audit_judge(&t, &host, &verdict);
    broken = verdict.broken & STORES;
    for (unsigned rule = 0; rule < MEMBUS_RULES && !j->broken && broken; rule++) {
        if (broken >> rule & 1)
            snprintf(j->first, sizeof(j->first), "n=%zu dst+%u: %s: %s", t.c.n, t.c.dst_align,
                     membus_audit_rule_id(rule), verdict.why[rule]);
    }
    j->broken |= broken;
    j->calls++;
    j->stores += t.count - 1;
    return 0;
}

static struct judging record(const char *symbol, const char *kernel)
{
    const struct membus_audit_target target = {
        .object = object_of("MEMBUS_TEST_FILLS"), .symbol = symbol, .kernel = kernel};
    struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &target);
    struct judging j = {.later = strcmp(symbol, "fill_later") == 0};

    assert_int_equal(membus_audit_slots.sweep(engine, cases, CASES, judge, &j), 0);
    membus_audit_slots.close(engine);
    return j;
}

static void keeps_the_rules(const char *symbol)
{
    const char *kernel;

    for (unsigned i = 0; (kernel = membus_kernel_usable(i)); i++) {
        const struct judging j = record(symbol, kernel);

        printf("# %s, %s: %zu calls, %zu stores\n", symbol, kernel, j.calls, j.stores);
        if (j.broken)
            fail_msg("%s, kernel %s: %s", symbol, kernel, j.first);
        assert_int_equal(j.calls, CASES);
        assert_int_equal(j.strays, 0);
        assert_true(j.stores >= CASES - ALIGNMENTS);
    }
}

static void test_fill(void **state)
{
    (void)state;
    keeps_the_rules("fill");
}

static void test_last_line(void **state)
{
    (void)state;
    keeps_the_rules("fill_later");
}

/* What stores twice is caught, so the test is not blind. */
static void test_twice(void **state)
{
    const struct judging j = record("fill_twice", NULL);

    (void)state;
    assert_true(j.broken & 1u << MEMBUS_RULE_W1);
    assert_true(j.broken & 1u << MEMBUS_RULE_W4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_last_line),
        cmocka_unit_test(test_twice),
    };

    make_cases();
    skip_kernels();
    return RUN_TESTS(tests);
}
