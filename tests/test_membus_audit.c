/* SPDX-License-Identifier: MIT */

/*
 * What membus audit is made of: its case sets, its counting, its drawings. The engine here is a
 * mock: it records nothing, and replays traces written by hand.
 */

#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "../tools/membus/audit_tool.h"
#include "audit_trace.h"

/* The mock. Its routine is the script: a function from a case to a trace. */

struct membus_audit_engine {
    struct membus_audit_access access[64];
};

static struct {
    unsigned opened, closed, calls;
    int open_error, sweep_error;
    const char *(*script)(const struct membus_audit_case *c, struct membus_audit_trace *t);
    volatile sig_atomic_t stop;
    unsigned stop_after; /* 0: never */
} mock;

static int mock_open(struct membus_audit_engine **engine, const struct membus_audit_target *target,
                     char *error, size_t size)
{
    if (mock.open_error) {
        snprintf(error, size, "no such thing as %s", target->symbol);
        return mock.open_error;
    }
    *engine = calloc(1, sizeof(**engine));
    mock.opened++;
    return 0;
}

static int mock_run(struct membus_audit_engine *engine, const struct membus_audit_case *c,
                    struct membus_audit_trace *t)
{
    *t = (struct membus_audit_trace){
        .c = *c, .access = engine->access, .result_ok = true, .return_ok = true};
    t->count = audit_trace_read(mock.script(c, t), engine->access, 64);
    return 0;
}

static int mock_sweep(struct membus_audit_engine *engine, const struct membus_audit_case *cases,
                      size_t count, membus_audit_visit *visit, void *data)
{
    for (size_t i = 0; i < count; i++) {
        struct membus_audit_trace t;
        int result;

        if (mock.sweep_error)
            return mock.sweep_error;
        mock_run(engine, &cases[i], &t);
        if (++mock.calls == mock.stop_after)
            mock.stop = 1;
        result = visit(&t, data);
        if (result)
            return result;
    }
    return 0;
}

static void mock_close(struct membus_audit_engine *engine)
{
    mock.closed++;
    free(engine);
}

static const struct membus_audit_engine_ops mock_engine = {.name = "mock",
                                                           .arch = "x86_64",
                                                           .open = mock_open,
                                                           .run = mock_run,
                                                           .sweep = mock_sweep,
                                                           .close = mock_close};

static struct audit audit;

static int setup(void **state)
{
    (void)state;
    memset(&mock, 0, sizeof(mock));
    memset(&audit, 0, sizeof(audit));
    audit.engine = &mock_engine;
    audit.set = "given";
    audit.rules = (1u << MEMBUS_RULES) - 1;
    audit.stop = &mock.stop;
    audit.host.judged = (struct membus_audit_host){true, true, 16, false, 8};
    audit.routine[0].target =
        (struct membus_audit_target){"/some/where/lib.so.1", "copy", NULL, NULL, 0};
    audit.routine[1].target = (struct membus_audit_target){"lib.so.1", "move", "fast", NULL, 0};
    audit.routine[1].overlap = true;
    audit_routine_name(&audit.routine[0]);
    audit_routine_name(&audit.routine[1]);
    audit.routines = 2;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    audit_cases_free(&audit.given);
    for (size_t i = 0; i < audit.routines; i++) {
        free(audit.routine[i].drawings);
        free(audit.routine[i].glance);
    }
    return 0;
}

static void give(size_t n, unsigned dst, ptrdiff_t distance)
{
    struct membus_audit_case c = {n, dst, 3, distance != 0, distance};

    assert_int_equal(audit_cases_add(&audit.given, &c), 0);
}

/* Right for 16 bytes, a double store for 15, more for the rest. */
static const char *script(const struct membus_audit_case *c, struct membus_audit_trace *t)
{
    if (c->n == 16)
        return "L16+0 S8+0 S8+8";
    if (c->n == 15)
        return "L8+0 L8+7 S8+0 S8+7";
    if (c->n == 14) {
        t->end = MEMBUS_AUDIT_UNSUPPORTED;
        t->text = "an instruction <never> seen";
        return "";
    }
    t->end = MEMBUS_AUDIT_CRASHED;
    t->signal = SIGSEGV;
    return "S8+0";
}

static void test_counting(void **state)
{
    const struct audit_routine *r = &audit.routine[0];
    char error[200] = "";

    (void)state;
    mock.script = script;
    give(16, 0, 0);
    give(15, 0, 0);
    give(15, 8, 0);
    give(14, 0, 0);
    give(13, 0, 0);
    give(16, 0, 5); /* for the move alone */
    assert_int_equal(audit_run(&audit, error, sizeof(error)), 0);
    assert_int_equal(mock.opened, 2);
    assert_int_equal(mock.closed, 2);
    assert_int_equal(r->calls, 5);
    assert_int_equal(audit.routine[1].calls, 6);
    assert_int_equal(r->rule[MEMBUS_RULE_W1].cases, 3);
    assert_int_equal(r->rule[MEMBUS_RULE_W1].violations, 2);
    assert_int_equal(r->rule[MEMBUS_RULE_W1].first.dst_align, 0);
    assert_string_equal(r->rule[MEMBUS_RULE_W1].why,
                        "n=15 dst+0 src+3: store 2 (8 bytes at +7) stores byte +7 again, first "
                        "stored by store 1 (8 bytes at +0)");
    assert_int_equal(r->rule[MEMBUS_RULE_W4].violations, 0);
    assert_int_equal(r->rule[MEMBUS_RULE_RUNS].cases, 4);
    assert_int_equal(r->rule[MEMBUS_RULE_RUNS].violations, 1);
    assert_int_equal(r->rule[MEMBUS_RULE_O1].cases, 0);
    assert_int_equal(audit.routine[1].rule[MEMBUS_RULE_O1].cases, 1);
    assert_int_equal(r->not_recorded, 1);
    assert_non_null(strstr(r->not_recorded_why, "<never> seen"));
    assert_true(audit_broken(&audit));
    assert_true(audit_incomplete(&audit));
    audit.rules = 1u << MEMBUS_RULE_W4;
    assert_false(audit_broken(&audit));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(audit.routine[0].name, "lib.so.1:copy");
    assert_string_equal(audit.routine[1].name, "lib.so.1:move fast");
}

static void test_failures(void **state)
{
    char error[200] = "";

    (void)state;
    mock.script = script;
    give(16, 0, 0);
    mock.open_error = -ENOENT;
    assert_int_equal(audit_run(&audit, error, sizeof(error)), -ENOENT);
    assert_string_equal(error, "lib.so.1:copy: no such thing as copy");
    mock.open_error = 0;
    mock.sweep_error = -EIO;
    assert_int_equal(audit_run(&audit, error, sizeof(error)), -EIO);
    assert_non_null(strstr(error, strerror(EIO)));
    assert_int_equal(mock.opened, mock.closed);
}

static void test_interrupt(void **state)
{
    char error[200] = "";

    (void)state;
    mock.script = script;
    mock.stop_after = 3;
    for (int i = 0; i < 10; i++)
        give(16, 0, 0);
    assert_int_equal(audit_run(&audit, error, sizeof(error)), -EINTR);
    assert_int_equal(audit.routine[0].calls, 2); /* the third was cut short */
    assert_int_equal(audit.routine[1].calls, 0);
    assert_int_equal(mock.opened, 1);
    assert_int_equal(mock.closed, 1);
}

/* The page for whatever the mock said: names and texts are escaped. */
static void test_page(void **state)
{
    char error[200] = "", *page = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&page, &size);

    (void)state;
    mock.script = script;
    audit.draw = true;
    audit.routine[0].target.symbol = "copy<&>";
    audit_routine_name(&audit.routine[0]);
    give(14, 0, 0);
    give(15, 0, 0);
    assert_int_equal(audit_run(&audit, error, sizeof(error)), 0);
    assert_int_equal(audit_html(&audit, out), 0);
    fclose(out);
    assert_null(strstr(page, "copy<&>"));
    assert_non_null(strstr(page, "copy&lt;&amp;&gt;"));
    assert_non_null(strstr(page, "&lt;never&gt; seen"));
    assert_non_null(strstr(page, "<figure>"));
    free(page);
}

static char *draw(const char *text, size_t n)
{
    struct membus_audit_access access[64];
    struct membus_audit_trace t = {
        .c = {n, 0, 1, false, 0}, .access = access, .result_ok = true, .return_ok = true};
    struct membus_audit_verdict v;
    char *svg = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&svg, &size);

    t.count = audit_trace_read(text, access, 64);
    membus_audit_judge(&t, &audit.host.judged, &v);
    audit_draw(out, NULL, &t, &v);
    fclose(out);
    return svg;
}

/* Each mischief has its mark, and a right trace has none of them. */
static void test_drawing(void **state)
{
    static const struct {
        const char *trace, *mark;
    } rows[] = {
        {"S8+0 S4+4 S8+8 S8+16", "class=\"x\""},
        {"S8+8 S8+0 S8+16", "class=\"s d\""},
        {"S8+0 S4+8 S4+12 S8+16", "class=\"t\""},
        {"S1-1 S8+0 S8+8 S8+16", "class=\"o\""},
        {"S8+0 S8+16", "class=\"m\""},
        {"S16+0s S8+16", "class=\"hs\""},
        {"S8+0n S8+8 S8+16", "class=\"hn\""},
        {"S8+0z S8+8 S8+16", "class=\"hz\""},
        {"S15+0m@0/64 S8+16", "class=\"k\""},
        {"S16+0mff7f S8+16", "class=\"i\""},
    };
    char *right = draw("S8+0 S8+8 S8+16", 24);

    (void)state;
    assert_non_null(strstr(right, "all rules kept"));
    assert_non_null(strstr(right, "store 2 of 3: 8 bytes at dst+8;"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *svg = draw(rows[i].trace, 24);

        if (!strstr(svg, rows[i].mark))
            fail_msg("no %s for %s", rows[i].mark, rows[i].trace);
        assert_null(strstr(right, rows[i].mark));
        free(svg);
    }
    free(right);
}

/* What the sets promise. */

static void check_case(const struct membus_audit_case *c)
{
    assert_true(c->n <= AUDIT_SIZE_MAX && c->dst_align < 64 && c->src_align < 64);
    if (!c->overlapping)
        return;
    assert_int_equal((unsigned)((ptrdiff_t)c->dst_align - c->distance) % 64, c->src_align);
    if (c->distance > 0 && c->distance < (ptrdiff_t)c->n) {
        size_t d = (size_t)c->distance;

        assert_true((d < c->n - d ? d : c->n - d) <= AUDIT_WINDOW_MAX);
    }
}

static void test_full_set(void **state)
{
    static bool met[257][16][16], near[2][65], quarters[4][4];
    struct audit_cases cases = {0};
    bool large = false, far = false;

    (void)state;
    assert_int_equal(audit_cases_full(&cases, true), 0);
    for (size_t i = 0; i < cases.count; i++) {
        const struct membus_audit_case *c = &cases.c[i];
        ptrdiff_t d = c->distance;

        check_case(c);
        if (c->overlapping && d >= -64 && d <= 64)
            near[d < 0][d < 0 ? -d : d] = true;
        large = large || c->n == (size_t)1 << 20;
        far = far || d == 8192;
        if (c->overlapping || c->n > 256)
            continue;
        met[c->n][c->dst_align % 16][c->src_align % 16] = true;
        quarters[c->dst_align / 16][c->src_align / 16] = true;
    }
    for (size_t n = 0; n <= 256; n++) {
        for (size_t a = 0; a < 256; a++)
            assert_true(met[n][a / 16][a % 16]);
    }
    for (size_t d = 1; d <= 64; d++)
        assert_true(near[0][d] && near[1][d]);
    for (size_t q = 0; q < 16; q++)
        assert_true(quarters[q / 4][q % 4]);
    assert_true(large && far);
    audit_cases_free(&cases);
}

static void test_quick_set(void **state)
{
    struct audit_cases cases = {0}, without = {0};
    bool size[97] = {false}, dst[64] = {false}, src[64] = {false};

    (void)state;
    assert_int_equal(audit_cases_quick(&cases, true), 0);
    assert_int_equal(audit_cases_quick(&without, false), 0);
    assert_true(without.count < cases.count && cases.count < 15000);
    for (size_t i = 0; i < cases.count; i++) {
        check_case(&cases.c[i]);
        if (cases.c[i].n <= 96)
            size[cases.c[i].n] = true;
        dst[cases.c[i].dst_align] = src[cases.c[i].src_align] = true;
    }
    for (size_t i = 0; i < without.count; i++)
        assert_false(without.c[i].overlapping);
    for (size_t i = 0; i <= 96; i++)
        assert_true(size[i]);
    for (size_t i = 0; i < 64; i++)
        assert_true(dst[i] && src[i]);
    audit_cases_free(&cases);
    audit_cases_free(&without);
}

static void test_case_parse(void **state)
{
    static const char *const bad[] = {
        "",
        "n",
        "n=",
        "n=1;dst=2",
        "n=1,dst=64",
        "n=1,dst=-1",
        "n=-1",
        "n=1,src=64",
        "n=1048577",
        "n=10,distance=11",
        "n=10,distance=2,src=0",
        "n=1,sro=2",
        "dst=3",
        "n=0x",
    };
    struct membus_audit_case c;
    char error[200];

    (void)state;
    assert_int_equal(audit_case_parse(&c, "n=15,dst=4,src=63", error, sizeof(error)), 0);
    assert_true(c.n == 15 && c.dst_align == 4 && c.src_align == 63 && !c.overlapping);
    assert_int_equal(audit_case_parse(&c, "distance=-9,dst=5,n=0x100", error, sizeof(error)), 0);
    assert_true(c.n == 256 && c.dst_align == 5 && c.src_align == 14 && c.overlapping);
    assert_int_equal(c.distance, -9);
    assert_int_equal(audit_case_parse(&c, "n=7,distance=0", error, sizeof(error)), 0);
    assert_true(c.overlapping && c.src_align == 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        *error = '\0';
        if (audit_case_parse(&c, bad[i], error, sizeof(error)) != -EINVAL)
            fail_msg("'%s' was taken", bad[i]);
        assert_true(*error);
    }
}

static void test_host(void **state)
{
    struct audit_host_facts host;

    (void)state;
    audit_host_find(&host, "arm64");
    assert_false(host.judged.total_store_order);
    audit_host_find(&host, "no such machine"); /* the least that any machine guarantees */
    assert_false(host.judged.total_store_order || host.judged.unaligned);
    assert_int_equal(host.judged.atomic_width, 8);
    audit_host_find(&host, "x86_64");
    assert_true(host.judged.total_store_order && host.judged.unaligned);
    assert_true(*host.cpu && *host.kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drawing, setup, teardown),
        cmocka_unit_test(test_full_set),
        cmocka_unit_test(test_quick_set),
        cmocka_unit_test(test_case_parse),
        cmocka_unit_test(test_host),
    };

    return RUN_TESTS(tests);
}
