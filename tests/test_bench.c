/* SPDX-License-Identifier: MIT */

/* The benchmark's own workings: what it measures is what it says. No test looks at a time. */

#include "harness.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <groups.h>
#include <targets.h>

#define KIB 1024u

static struct bench_suite suite;

static void quartiles_of_known_values(void **state)
{
    double values[] = {9, 1, 5, 3, 7, 2, 8, 4, 6};
    struct bench_quartiles q = bench_quartiles_of(values, 9);

    (void)state;
    assert_true(q.q1 == 3 && q.median == 5 && q.q3 == 7);
}

static void mix_stays_in_range(void **state)
{
    static const struct {
        enum bench_mix mix;
        uint32_t least, most;
    } mixes[] = {{MIX_1_16, 1, 16},
                 {MIX_1_64, 1, 64},
                 {MIX_1_256, 1, 256},
                 {MIX_64_1500, 64, 1500},
                 {MIX_PARSE, 12, 64}};

    (void)state;
    for (size_t m = 0; m < sizeof(mixes) / sizeof(mixes[0]); m++) {
        const struct bench_case *c = bench_add_mix(&suite, mixes[m].mix, 1);
        uint32_t least = UINT32_MAX, most = 0;

        assert_true(c->mask + 1 >= 32768); /* fewer, and the branch predictor knows them */
        for (size_t i = 0; i <= c->mask; i++) {
            least = c->ops[i].n < least ? c->ops[i].n : least;
            most = c->ops[i].n > most ? c->ops[i].n : most;
            assert_true(c->ops[i].dst + c->ops[i].n <= suite.arena.mapped);
            assert_true(c->ops[i].src + c->ops[i].n <= suite.arena.mapped);
        }
        assert_int_equal(least, mixes[m].least);
        assert_int_equal(most, mixes[m].most);
    }
    bench_suite_free(&suite);
}

static void dma_mix_has_its_shares(void **state)
{
    const struct bench_case *c = bench_add_mix(&suite, MIX_DMA, 8);
    unsigned small = 0, middle = 0, page = 0;

    (void)state;
    for (size_t i = 0; i <= c->mask; i++) {
        uint32_t n = c->ops[i].n;

        small += n >= 1 && n <= 16;
        middle += n >= 64 && n <= 1500;
        page += n == 4096;
        assert_int_equal(c->ops[i].dst % 8, 0);
        assert_int_equal(c->ops[i].src % 8, 0);
    }
    double ops = (double)(c->mask + 1);

    assert_int_equal(small + middle + page, c->mask + 1);
    assert_true(fabs(small / ops - 0.60) < 0.01);
    assert_true(fabs(middle / ops - 0.25) < 0.01);
    assert_true(fabs(page / ops - 0.15) < 0.01);
    bench_suite_free(&suite);
}

static void offsets_are_what_the_name_says(void **state)
{
    const struct bench_case *c = bench_add_aliasing(&suite, 8 * KIB, 15);
    uintptr_t d = (uintptr_t)(c->dst + c->ops[0].dst) - (uintptr_t)(c->src + c->ops[0].src);

    (void)state;
    assert_int_equal(d % 4096, 15);
    c = bench_add_move(&suite, 8 * KIB, 100);
    assert_ptr_equal(c->src, c->dst);
    assert_int_equal(c->ops[0].dst - c->ops[0].src, 100);
    assert_true(c->overlaps);
    bench_suite_free(&suite);
}

/* Every case of every group and target lies inside the buffers. */
static void cases_fit_the_arena(void **state)
{
    (void)state;
    for (const struct bench_group *group = bench_groups; group->name; group++)
        group->cases(&suite, true);
    for (const struct bench_target *target = bench_targets; target->work; target++)
        target->cases(&suite);
    assert_true(suite.count > 100);
    for (unsigned i = 0; i < suite.count; i++) {
        const struct bench_case *c = &suite.cases[i];

        for (size_t k = 0; k <= c->mask; k++) {
            assert_true(c->ops[k].dst + c->ops[k].n <= suite.arena.mapped);
            assert_true(c->ops[k].src + c->ops[k].n <= suite.arena.mapped);
        }
    }
    bench_suite_free(&suite);
}

/* What each row is held to where "membus" is a kernel; -1: no such row there. */
static const struct {
    const char *work;
    double avx512, avx2, generic, scalar;
} held[] = {
    {"constant sizes 1-32, inlined", 0.25, 0, 0, 0},
    {"random 1-16", 0.65, 1.30, 0, 0},
    {"random 64-1500", 0.95, 1.30, 2.00, 0},
    {"DMA mix", 0.75, 1.30, 2.00, 0},
    {"DMA mix, 8-aligned", 0, 0, 0, 0},
    {"move, d <= 2 KiB, n >= 4 KiB", 1.00, 0, 0, 0},
    {"L3", 1.00, 0, 0, 0},
    {"DMA mix, over vm-memory", 0.50, 0.50, 0, 0},
    {"strict order, DMA mix", 1.10, 1.10, 0, 0},
    {"avx2, DMA mix", 1.30, -1, 1.30, 1.30},
    {"generic, DMA mix", 2.00, 2.00, -1, 2.00},
};

/* As bench_routines_init() does where that kernel is chosen. */
static void choose(const char *kernel)
{
    static const char *const routines[] = {"membus", "membus move", "membus strict"};

    for (size_t i = 0; i < sizeof(routines) / sizeof(routines[0]); i++)
        bench_routine(routines[i])->kernel = kernel;
}

/* The limit of the row, and how many rows there are and how many of them are held to something. */
static double at_most(const char *work, unsigned *rows, unsigned *limits)
{
    double limit = -1;

    *rows = *limits = 0;
    for (const struct bench_target *t = bench_targets; t->work; t++) {
        if (bench_target_repeats(t))
            continue;
        if (strcmp(t->work, work) == 0)
            limit = bench_target_at_most(t);
        ++*rows;
        *limits += bench_target_at_most(t) > 0;
    }
    return limit;
}

static void limits_are_the_kernels(void **state)
{
    unsigned rows, limits;

    (void)state;
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        choose("avx512");
        assert_true(at_most(held[i].work, &rows, &limits) == held[i].avx512);
        assert_true(rows == 34 && limits == 29);
        choose("avx512-halves");
        assert_true(at_most(held[i].work, &rows, &limits) == held[i].avx512);
        choose("avx2");
        assert_true(at_most(held[i].work, &rows, &limits) == held[i].avx2);
        assert_true(rows == 29 && limits == 12);
        choose("generic");
        assert_true(at_most(held[i].work, &rows, &limits) == held[i].generic);
        assert_true(rows == 31 && limits == 8);
        choose("scalar");
        assert_true(at_most(held[i].work, &rows, &limits) == held[i].scalar);
        assert_true(rows == 34 && limits == 8);
    }
    choose(NULL);
}

/* Fake routines that write down who was called, with which ops. */
static char calls[1 << 16];
static size_t first_op[1 << 16], op_count[1 << 16];
static unsigned called;

static void record(char who, const struct bench_batch *batch)
{
    if (called < sizeof(calls)) {
        calls[called] = who;
        op_count[called] = batch->count;
        first_op[called++] = batch->first;
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct bench_op *op = &batch->ops[(batch->first + i) & batch->mask];

        memmove(batch->dst + op->dst, batch->src + op->src, op->n);
    }
}

static void loop_a(const struct bench_batch *batch)
{
    record('a', batch);
}

static void loop_b(const struct bench_batch *batch)
{
    record('b', batch);
}

static void loop_lazy(const struct bench_batch *batch)
{
    (void)batch;
}

static const struct bench_routine a = {.name = "a", .loop = {loop_a, loop_a, loop_a, NULL}};
static const struct bench_routine b = {.name = "b", .loop = {loop_b, loop_b, loop_b, NULL}};
static const struct bench_routine lazy = {.name = "lazy",
                                          .loop = {loop_lazy, loop_lazy, loop_lazy, NULL}};

/*
 * The gauge is a mock: by the rounds' turns it says whose the core is ('a': alone, 's': shared), at
 * the end again from the start. The program may wait so many times for it to be alone from then on.
 */
static const char *core = "a";
static unsigned gauged, waits;

double bench_gauge(void)
{
    return core[gauged++ / 3 % strlen(core)] == 's' ? 2 : 1; /* before and after two batches */
}

bool bench_gauge_shared(double gauge)
{
    return gauge > 1;
}

bool bench_gauge_wait(unsigned patience_ms)
{
    (void)patience_ms;
    if (!waits)
        return false;
    waits--;
    core = "a";
    return true;
}

static struct bench_result measured_on(const char *turns, unsigned may_wait)
{
    const struct bench_settings settings = {1, 4, 8, 0, -1, 0};
    const struct bench_routine *both[] = {&a, &b};
    struct bench_result results[2];

    core = turns;
    gauged = 0;
    waits = may_wait;
    bench_measure(bench_add_fixed(&suite, "test", 4096, 0, 0), &settings, both, 2, results);
    bench_suite_free(&suite);
    core = "a";
    return results[1];
}

/* Rounds on a shared core are counted apart, and it goes on until there are enough others. */
static void shared_rounds_are_apart(void **state)
{
    struct bench_result r = measured_on("a", 0);

    (void)state;
    assert_true(r.rounds == 4 && r.rounds_shared == 0 && r.shared == 0 && !r.disturbed);
    r = measured_on("sa", 1); /* the fifth is shared, too: it waits */
    assert_true(r.rounds == 4 && r.rounds_shared == 3 && r.shared > 0 && !r.disturbed);
    r = measured_on("s", 1);
    assert_true(r.rounds == 4 && r.rounds_shared == 4 && !r.disturbed);
    r = measured_on("sa", 0); /* no more waiting: all of them have to do */
    assert_true(r.rounds == 5 && r.rounds_shared == 3 && r.disturbed);
    r = measured_on("s", 0);
    assert_true(r.rounds == 4 && r.rounds_shared == 4 && r.shared == r.ratio.median && r.disturbed);
}

/* a and b, then b and a, on the same ops: the last four batches show one of each order. */
static void rounds_turn_around(void **state)
{
    const struct bench_settings settings = {1, 4, 4, 0, -1, 0};
    const struct bench_routine *both[] = {&a, &b};
    struct bench_result results[2];
    const struct bench_case *c = bench_add_fixed(&suite, "test", 4096, 0, 0);

    (void)state;
    called = 0;
    bench_measure(c, &settings, both, 2, results);
    assert_int_equal(results[0].rounds, 4);
    assert_true(called >= 10 && called < sizeof(calls));

    char order[9] = "";
    unsigned n = 0;

    for (unsigned i = called; i > 0 && n < 8; i--) { /* without the warm-ups */
        if (op_count[i - 1] == op_count[called - 1])
            order[n++] = calls[i - 1];
    }
    assert_true(strstr(order, "abba") || strstr(order, "baab"));
    assert_true(results[0].ratio.median == 1);
    assert_true(results[1].ratio.median > 0 && isfinite(results[1].ratio.median));
    assert_true(results[1].ns.median > 0);
    bench_suite_free(&suite);
}

/* A mix gives no ops twice in a row, whoever runs them. */
static void fresh_ops_for_every_batch(void **state)
{
    const struct bench_settings settings = {1, 4, 4, 0, -1, 0};
    const struct bench_routine *both[] = {&a, &b};
    struct bench_result results[2];
    const struct bench_case *c = bench_add_mix(&suite, MIX_1_64, 1);

    (void)state;
    bench_measure(c, &settings, both, 2, results);
    called = 0;
    bench_measure(c, &settings, both, 2, results);
    for (unsigned i = called - 8; i < called; i++)
        assert_true(first_op[i] > first_op[i - 1] || first_op[i] == 0);
    bench_suite_free(&suite);
}

/* A routine that copies nothing would win: it is refused. */
static void a_routine_must_copy(void **state)
{
    const struct bench_settings settings = {1, 1, 1, 0, -1, 0};
    const struct bench_routine *both[] = {&a, &lazy};
    struct bench_result results[2];
    const struct bench_case *c = bench_add_fixed(&suite, "test", 100, 0, 0);
    int status;

    (void)state;
    fflush(stdout);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        freopen("/dev/null", "w", stderr);
        signal(SIGABRT, SIG_DFL);
        bench_measure(c, &settings, both, 2, results);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    bench_suite_free(&suite);
}

static void names_in_lists(void **state)
{
    (void)state;
    assert_true(bench_listed(NULL, "anything"));
    assert_true(bench_listed("mix,sizes", "sizes"));
    assert_true(bench_listed("glibc again,membus", "glibc again"));
    assert_false(bench_listed("mix,sizes", "size"));
    assert_false(bench_listed("mixes", "mix"));
    assert_false(bench_listed("", "mix"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quartiles_of_known_values),
        cmocka_unit_test(mix_stays_in_range),
        cmocka_unit_test(dma_mix_has_its_shares),
        cmocka_unit_test(offsets_are_what_the_name_says),
        cmocka_unit_test(cases_fit_the_arena),
        cmocka_unit_test(limits_are_the_kernels),
        cmocka_unit_test(rounds_turn_around),
        cmocka_unit_test(shared_rounds_are_apart),
        cmocka_unit_test(fresh_ops_for_every_batch),
        cmocka_unit_test(a_routine_must_copy),
        cmocka_unit_test(names_in_lists),
    };

    if (bench_arena_init(&suite.arena, 1024 * KIB))
        return 1;
    return RUN_TESTS(tests);
}
