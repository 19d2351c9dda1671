/* SPDX-License-Identifier: MIT */

/*
 * Routines whose accesses are known are recorded exactly so, by both engines.
 *
 *   test_audit_engine [TEST]    that test alone: scripts/check-avx512.sh has no time for more
 */

#include "audit_engine.h"
#include "audit_trace.h"

#include <cpuid.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum need { ANY, AVX2, AVX512, CLZERO, MOVBE, PREFETCHW };

static bool cpu_has(enum need need)
{
    unsigned a, b, c, d;

    switch (need) {
    case AVX2:
        return __builtin_cpu_supports("avx2");
    case AVX512:
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    case CLZERO:
        return __get_cpuid(0x80000008, &a, &b, &c, &d) && (b & 1);
    case MOVBE:
        return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_MOVBE);
    case PREFETCHW:
        return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_PRFCHW);
    default:
        return true;
    }
}

struct expected {
    const char *symbol;
    struct membus_audit_case c;
    const char *trace;
    bool wrong; /* leaves something else than a copy */
    enum need need;
};

#define CASE(size, dst, src)                                \
    {                                                       \
        .n = (size), .dst_align = (dst), .src_align = (src) \
    }
#define MOVE(size, dst, d)                                                    \
    {                                                                         \
        .n = (size), .dst_align = (dst), .overlapping = true, .distance = (d) \
    }

static const struct expected general[] = {
    {"bytes", CASE(0, 0, 0), "", false, ANY},
    {"bytes", CASE(3, 5, 3), "L1+0 S1+0 L1+1 S1+1 L1+2 S1+2", false, ANY},
    {"bytes", MOVE(2, 9, -1), "L1+0 S1+0 L1+1 S1+1", false, ANY},
    {"bytes", MOVE(2, 9, 1), "L1+0 S1+0 L1+1 S1+1", true, ANY},
    {"scalars", CASE(15, 1, 7), "L8+0 L4+8 L2+12 L1+14 S8+0 S4+8 S2+12 S1+14", false, ANY},
    /* A load of dst + 0 is one of src + 64 here. */
    {"modifies", MOVE(8, 8, 64),
     "L8+0 S8+0 L4+64 S4+0 F L4+68 S4+4r L4+0 F L4+64 S4+0r F L1+71 S1+7r L4+4 S4+4", false, ANY},
    {"bswapped", CASE(8, 3, 0), "L8+0 S8+0", false, MOVBE},
    {"pushes", CASE(16, 0, 1), "L8+8 L8+0 S8+0 S8+8", false, ANY},
    {"calls", CASE(4, 2, 2), "L1+0 S1+0 L1+1 S1+1 L1+2 S1+2 L1+3 S1+3", false, ANY},
    {"table", CASE(0, 2, 2), "", false, ANY},
    {"table", CASE(1, 2, 2), "L1+0 S1+0", false, ANY},
    {"table", CASE(3, 2, 2), "L1+2 S1+2 L1+1 S1+1 L1+0 S1+0", false, ANY},
    {"loops", CASE(2, 63, 62), "L1+1 S1+1 L1+0 S1+0", false, ANY},
    {"hints", CASE(1, 0, 0), "L1+0 S1+0", false, PREFETCHW},
    {"returns_null", CASE(1, 0, 0), "L1+0 S1+0", false, ANY},
    {"swaps_bytes", CASE(2, 1, 0), "L2+0 S2+0", true, ANY},
    {"touches_neighbours", CASE(1, 9, 9), "L1-1 L1+0 S1+0 S1+1", true, ANY},
};

static const struct expected strings[] = {
    {"rep_movsb", CASE(0, 1, 0), "", false, ANY},
    {"rep_movsb", CASE(1, 1, 0), "L1+0s S1+0s", false, ANY},
    {"rep_movsb", CASE(1000, 1, 0), "L1000+0s S1000+0s", false, ANY},
    {"rep_movsb", MOVE(40, 0, -8), "L40+0s S40+0s", false, ANY},
    {"rep_movsb", MOVE(40, 0, 8), "L40+0s S40+0s", true, ANY},
    {"rep_movsq_down", CASE(64, 1, 0), "L64+0s S64+0s", false, ANY},
    {"rep_movsq_down", MOVE(64, 0, 8), "L64+0s S64+0s", false, ANY},
    {"rep_movsq_down", CASE(0, 0, 0), "", false, ANY},
    {"rep_stosb", CASE(77, 3, 0), "S77+0s", true, ANY},
    {"single_strings", CASE(3, 1, 1), "L2+0 S2+0 L1+2 S1+2", false, ANY},
};

static const struct expected vectors[] = {
    {"rip_relative", CASE(16, 1, 5), "L16+0v S16+0v", false, ANY},
    {"sse", CASE(29, 7, 3), "L16+0v L8+16v L4+24v L1+28v S16+0v S8+16v S4+24v S1+28v", false, ANY},
    {"avx", CASE(64, 16, 1), "L32+0v L16+32v L4+48v L16+48v S16+0v S16+16v S16+32vn S16+48v", false,
     AVX2},
    {"vmaskmov", CASE(32, 1, 0), "L20+4mf00ff@0/32 S20+4mf00ff@0/32", true, AVX2},
    {"maskmov", CASE(16, 1, 0), "L16+0v S12+1nm803@0/16", true, ANY},
    {"maskmov_mmx", CASE(8, 1, 0), "L8+0v S2+1nm3@0/8", true, ANY},
    {"nontemporal", CASE(28, 8, 0), "L8+0 L16+8v L4+24 S8+0n S16+8vn F S4+24r F F", false, ANY},
    {"cleared_line", CASE(64, 0, 0), "S64+0z", true, CLZERO},
};

static const struct expected masks[] = {
    {"masked", CASE(0, 5, 0), "", false, AVX512},
    {"masked", CASE(1, 5, 0), "L1+0m@-5/64 S1+0m@-5/64", false, AVX512},
    {"masked", CASE(58, 5, 9), "L58+0m@-5/64 S58+0m@-5/64", false, AVX512},
    {"masked_elements", CASE(32, 1, 2),
     "L24+0mff00ff@0/32 S24+0mff00ff@0/32 L24+8mff00ff@0/32 S24+8mff00ff@0/32", false, AVX512},
    {"compressed", CASE(12, 0, 3), "L32+0v S12+0m@0/32 L12+0m@0/32", true, AVX512},
};

static const char *text_of(const struct membus_audit_access *a)
{
    static char text[256];

    snprintf(text, sizeof(text), "%c%zu%+td kind %#x mask %#llx@%td/%u",
             a->kind & MEMBUS_AUDIT_FENCE  ? 'F'
             : a->kind & MEMBUS_AUDIT_LOAD ? 'L'
                                           : 'S',
             a->width, a->offset, a->kind, (unsigned long long)a->mask, a->operand_offset,
             a->operand_width);
    return text;
}

static void assert_same(const char *who, const struct membus_audit_access *a,
                        const struct membus_audit_access *b)
{
    char text[256];

    if (a->offset == b->offset && a->width == b->width && a->kind == b->kind &&
        a->mask == b->mask && a->operand_offset == b->operand_offset &&
        a->operand_width == b->operand_width)
        return;
    snprintf(text, sizeof(text), "%s", text_of(a));
    fail_msg("%s: recorded %s instead of %s", who, text, text_of(b));
}

static void assert_returned(const char *who, const struct membus_audit_trace *t)
{
    if (t->end != MEMBUS_AUDIT_RETURNED)
        fail_msg("%s: end %d, signal %d at %#llx for %#llx, %s", who, t->end, t->signal,
                 (unsigned long long)t->fault_ip, (unsigned long long)t->fault_addr,
                 t->text ? t->text : "");
}

static void check_one(const struct membus_audit_engine_ops *ops, const struct expected *x)
{
    struct membus_audit_target target = routine(x->symbol, true);
    struct membus_audit_engine *engine = open_engine(ops, &target);
    struct membus_audit_access access[64];
    size_t count = audit_trace_read(x->trace, access, 64);
    struct membus_audit_trace t;
    char who[64];

    if (!engine)
        return;
    snprintf(who, sizeof(who), "%s: %s(%zu)", ops->name, x->symbol, x->c.n);
    assert_int_equal(ops->run(engine, &x->c, &t), 0);
    assert_returned(who, &t);
    assert_true(t.checked);
    assert_int_equal(t.result_ok, !x->wrong);
    assert_int_equal(t.return_ok, strcmp(x->symbol, "returns_null") != 0);
    for (size_t i = 0; i < count && i < t.count; i++)
        assert_same(who, &t.access[i], &access[i]);
    if (t.count != count)
        fail_msg("%s: %zu accesses, not %zu", who, t.count, count);
    ops->close(engine);
}

static void check_all(const struct expected *x, size_t count)
{
    size_t left_out = 0;

    for (size_t i = 0; i < count; i++)
        left_out += !cpu_has(x[i].need);
    if (left_out == count)
        SKIP("the CPU has none of these instructions");
    for (size_t i = 0; i < count; i++) {
        if (!cpu_has(x[i].need)) {
            SKIP_PART("", x[i].symbol, "the CPU has not its instructions");
            continue;
        }
        for (size_t e = 0; e < ENGINES; e++)
            check_one(engines[e], &x[i]);
    }
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_general(void **state)
{
    (void)state;
    check_all(general, COUNT(general));
}

static void test_strings(void **state)
{
    (void)state;
    check_all(strings, COUNT(strings));
}

static void test_vectors(void **state)
{
    (void)state;
    check_all(vectors, COUNT(vectors));
}

static void test_masks(void **state)
{
    (void)state;
    check_all(masks, COUNT(masks));
}

/* Every jcc is emulated by the slots engine; the routine compares it with setcc. */
static void test_conditions(void **state)
{
    struct membus_audit_target target = routine("conditions", true);
    struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &target);
    struct membus_audit_trace t;

    (void)state;
    for (unsigned n = 1; n <= 8; n++) {
        const struct membus_audit_case c = CASE(n, 1, 1);

        assert_int_equal(membus_audit_slots.run(engine, &c, &t), 0);
        assert_returned("conditions", &t);
        assert_true(t.result_ok && t.return_ok);
        assert_true(t.instructions > 64 * 16 * 8);
    }
    membus_audit_slots.close(engine);
}

/* Where a case lies: at a window's end or start where it can, so that a stray access is a fault. */
static void test_guard_pages(void **state)
{
    static const struct {
        struct membus_audit_case c;
        bool faults; /* when it loads src[n] */
    } at[] = {
        {CASE(64, 0, 0), true},   {CASE(0, 3, 0), true},    {CASE(10, 3, 54), true},
        {CASE(10, 3, 53), false}, {CASE(11, 54, 0), false}, {CASE(63, 5, 1), true},
    };
    struct membus_audit_target target = routine("reads_past", false);

    (void)state;
    for (size_t e = 0; e < ENGINES; e++) {
        struct membus_audit_engine *engine = open_engine(engines[e], &target);
        struct membus_audit_trace t;

        for (size_t i = 0; engine && i < COUNT(at); i++) {
            assert_int_equal(engines[e]->run(engine, &at[i].c, &t), 0);
            assert_int_equal(t.end, at[i].faults ? MEMBUS_AUDIT_CRASHED : MEMBUS_AUDIT_RETURNED);
            assert_int_equal(t.signal, at[i].faults ? 11 : 0);
            assert_int_equal(t.count, 1);
            assert_int_equal(t.access[0].offset, at[i].c.n);
            if (at[i].faults)
                assert_int_equal(t.fault_addr % 4096, 0);
            assert_int_equal(t.fault_ip, at[i].faults ? t.access[0].ip : 0);
        }
        engines[e]->close(engine);
    }
}

/* The two engines agree, access for access. */

static void compare(struct membus_audit_engine *a, struct membus_audit_engine *b,
                    const struct membus_audit_case *c)
{
    struct membus_audit_trace ta, tb;

    assert_int_equal(membus_audit_slots.run(a, c, &ta), 0);
    assert_int_equal(membus_audit_ptrace.run(b, c, &tb), 0);
    assert_returned("slots", &ta);
    assert_returned("ptrace", &tb);
    assert_int_equal(ta.instructions, tb.instructions);
    assert_int_equal(ta.c.src_align, tb.c.src_align);
    assert_int_equal(ta.count, tb.count);
    assert_int_equal(ta.result_ok, tb.result_ok);
    assert_true(ta.return_ok && tb.return_ok);
    for (size_t i = 0; i < ta.count; i++) {
        assert_same("slots (instead of ptrace)", &ta.access[i], &tb.access[i]);
        assert_int_equal(ta.access[i].ip, tb.access[i].ip);
    }
}

/* Returns how many cases were compared. */
static size_t compare_engines(const struct membus_audit_target *target, bool overlaps,
                              unsigned step)
{
    static const ptrdiff_t distances[] = {-100, -7, 1, 16, 33};
    struct membus_audit_engine *a = open_engine(&membus_audit_slots, target);
    struct membus_audit_engine *b = open_engine(&membus_audit_ptrace, target);
    size_t count = 0;

    if (!b) {
        membus_audit_slots.close(a);
        SKIP("ptrace is not permitted here");
    }
    for (unsigned n = 0; n <= 300; n += step) {
        for (unsigned align = 0; align < 64; align += 21) {
            const struct membus_audit_case c = CASE(n, align, (align * 5 + 3) % 64);

            compare(a, b, &c);
            count++;
        }
        for (size_t d = 0; overlaps && d < COUNT(distances); d++) {
            const struct membus_audit_case c = MOVE(n, n % 64, distances[d]);

            compare(a, b, &c);
            count++;
        }
    }
    membus_audit_slots.close(a);
    membus_audit_ptrace.close(b);
    return count;
}

static void test_engines_agree_memcpy(void **state)
{
    const struct membus_audit_target target = {.object = "libc.so.6", .symbol = "memcpy"};

    (void)state;
    assert_int_equal(compare_engines(&target, false, 1), 301 * 4);
}

static void test_engines_agree_memmove(void **state)
{
    const struct membus_audit_target target = {.object = "libc.so.6", .symbol = "memmove"};

    (void)state;
    assert_int_equal(compare_engines(&target, true, 2), 151 * 9);
}

static void test_engines_agree_membus(void **state)
{
    static const struct {
        const char *name;
        enum need need;
    } kernels[] = {{"generic", ANY},
                   {"scalar", ANY},
                   {"avx2", AVX2},
                   {"avx512", AVX512},
                   {"avx512-halves", AVX512}};

    (void)state;
    for (size_t k = 0; k < COUNT(kernels); k++) {
        const struct membus_audit_target target = {.object = object_of("MEMBUS_TEST_LIBRARY"),
                                                   .symbol = "membus_move",
                                                   .kernel = kernels[k].name};

        if (cpu_has(kernels[k].need))
            assert_int_equal(compare_engines(&target, true, 60), 6 * 9);
        else
            SKIP_PART("kernel ", kernels[k].name, "the CPU has not its instructions");
    }
}

/* Signals that somebody sends, to a shell's whole job or about a window's size, are not the
 * routine's. */
static void test_signals_from_outside(void **state)
{
    const struct membus_audit_target target = {.object = "libc.so.6", .symbol = "memmove"};
    const pid_t parent = getpid(), sender = fork();
    size_t count;

    (void)state;
    for (; sender == 0 && getppid() == parent; usleep(200)) {
        kill(0, SIGCONT);
        kill(0, SIGWINCH);
    }
    if (sender == 0)
        _exit(0);
    assert_true(sender > 0);
    count = compare_engines(&target, true, 30);
    kill(sender, SIGKILL);
    waitpid(sender, NULL, 0);
    assert_int_equal(count, 11 * 9);
}

/* A sweep and single runs give the same, in order; and a visitor ends it. */
struct sweep {
    struct membus_audit_engine *single;
    const struct membus_audit_case *cases;
    size_t count, stop_at;
};

static int visit(const struct membus_audit_trace *t, void *data)
{
    struct sweep *s = data;
    struct membus_audit_trace one;

    assert_int_equal(t->c.n, s->cases[s->count].n);
    assert_int_equal(membus_audit_slots.run(s->single, &s->cases[s->count], &one), 0);
    assert_int_equal(one.count, t->count);
    for (size_t i = 0; i < t->count; i++)
        assert_same("sweep", &t->access[i], &one.access[i]);
    return ++s->count == s->stop_at ? 77 : 0;
}

static void test_sweep(void **state)
{
    const struct membus_audit_target target = {.object = "libc.so.6", .symbol = "memcpy"};
    static struct membus_audit_case cases[1000];
    struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &target);
    struct sweep s = {open_engine(&membus_audit_slots, &target), cases, 0, 0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cases[i].n = i % 300;
        cases[i].dst_align = i % 64;
    }
    assert_int_equal(membus_audit_slots.sweep(engine, cases, COUNT(cases), visit, &s), 0);
    assert_int_equal(s.count, COUNT(cases));
    s.count = 0;
    s.stop_at = 300;
    assert_int_equal(membus_audit_slots.sweep(engine, cases, COUNT(cases), visit, &s), 77);
    assert_int_equal(s.count, 300);
    membus_audit_slots.close(engine);
    membus_audit_slots.close(s.single);
}

/* Large cases: the most that is allowed, and a trace that does not fit. */
static void test_large(void **state)
{
    const struct membus_audit_target target = {
        .object = "libc.so.6", .symbol = "memcpy", .check = true};
    const struct membus_audit_target slow = routine("bytes", false);
    const struct membus_audit_case most = CASE(MEMBUS_AUDIT_N_MAX, 1, 2);
    const struct membus_audit_case bytes = CASE((size_t)8 << 20, 1, 2);
    const struct membus_audit_case over = CASE(MEMBUS_AUDIT_N_MAX + 1, 1, 2);
    const struct membus_audit_case aligned_over = CASE(1, 64, 0);
    struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &target);
    struct membus_audit_trace t;

    (void)state;
    assert_int_equal(membus_audit_slots.run(engine, &most, &t), 0);
    assert_returned("memcpy", &t);
    assert_true(t.result_ok && t.return_ok);
    assert_false(t.checked);
    assert_int_equal(membus_audit_slots.run(engine, &over, &t), -EINVAL);
    assert_int_equal(membus_audit_slots.run(engine, &aligned_over, &t), -EINVAL);
    membus_audit_slots.close(engine);

    engine = open_engine(&membus_audit_slots, &slow);
    assert_int_equal(membus_audit_slots.run(engine, &bytes, &t), 0);
    assert_int_equal(t.end, MEMBUS_AUDIT_UNSUPPORTED);
    assert_string_equal(t.text, "the trace is full");
    membus_audit_slots.close(engine);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_general),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_guard_pages),
        cmocka_unit_test(test_engines_agree_memcpy),
        cmocka_unit_test(test_engines_agree_memmove),
        cmocka_unit_test(test_engines_agree_membus),
        cmocka_unit_test(test_signals_from_outside),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_large),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return RUN_TESTS(tests);
}
