/* SPDX-License-Identifier: MIT */

/* Calls that do not return, and targets that cannot be opened: what is said, and that the engine
 * goes on. */

#include "audit_engine.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "audit/worker.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct membus_audit_case small = {.n = 8, .dst_align = 1, .src_align = 1};

/* How a call of each of these ends. */
static const struct {
    const char *symbol;
    enum membus_audit_end end;
    int signal;
    bool has_address;
    uint64_t address;
    const char *text;
} ends[] = {
    {"writes_null", MEMBUS_AUDIT_CRASHED, SIGSEGV, true, 8, NULL},
    {"jumps_away", MEMBUS_AUDIT_CRASHED, SIGSEGV, true, 0x1230, NULL},
    {"overflows_stack", MEMBUS_AUDIT_CRASHED, SIGSEGV, false, 0, NULL},
    {"divides", MEMBUS_AUDIT_CRASHED, SIGFPE, false, 0, NULL},
    {"undefined", MEMBUS_AUDIT_CRASHED, SIGILL, false, 0, NULL},
    {"breakpoint", MEMBUS_AUDIT_CRASHED, SIGTRAP, false, 0, NULL},
    {"halts", MEMBUS_AUDIT_CRASHED, SIGSEGV, true, 0, NULL},
    {"misaligned", MEMBUS_AUDIT_CRASHED, SIGSEGV, true, 0, NULL},
    {"endless", MEMBUS_AUDIT_ENDLESS, 0, false, 0, NULL},
    {"system_call", MEMBUS_AUDIT_SYSCALL, 0, false, 0, NULL},
    {"system_call_32", MEMBUS_AUDIT_SYSCALL, 0, false, 0, NULL},
    {"changes_flags", MEMBUS_AUDIT_UNSUPPORTED, 0, false, 0, "popf"},
    {"gathers", MEMBUS_AUDIT_UNSUPPORTED, 0, false, 0, "vpgatherdd: gathers"},
    {"stack_in_destination", MEMBUS_AUDIT_UNSUPPORTED, 0, false, 0, "stack pointer"},
};

static void check_end(const struct membus_audit_engine_ops *ops, size_t i)
{
    struct membus_audit_target target = routine(ends[i].symbol, true);
    struct membus_audit_engine *engine = open_engine(ops, &target);
    struct membus_audit_trace t;

    /* Twice: the first end must not spoil the second call. (The engine has made one unseen.) */
    for (int again = ops == &membus_audit_ptrace; engine && again < 2; again++) {
        assert_int_equal(ops->run(engine, &small, &t), 0);
        if (t.end != ends[i].end || t.signal != ends[i].signal)
            fail_msg("%s: %s: end %d, signal %d", ops->name, ends[i].symbol, t.end, t.signal);
        assert_false(t.result_ok || t.return_ok || t.checked);
        if (ends[i].has_address)
            assert_int_equal(t.fault_addr, ends[i].address);
        if (ends[i].text && !(t.text && strstr(t.text, ends[i].text)))
            fail_msg("%s: %s: \"%s\"", ops->name, ends[i].symbol, t.text ? t.text : "");
        if (ends[i].address != 0x1230)
            assert_true(t.fault_ip > 0 && t.fault_ip < 1 << 20);
    }
    ops->close(engine);
}

static void test_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++)
        for (size_t e = 0; e < ENGINES; e++)
            check_end(engines[e], i);
}

/* A load under a mask that the engine does not know in detail, and only then. */
static void test_masked_arithmetic(void **state)
{
    struct membus_audit_target target = routine("masked_add", false);

    (void)state;
    if (!__builtin_cpu_supports("avx512bw"))
        SKIP("the CPU has no AVX-512BW");
    for (size_t e = 0; e < ENGINES; e++) {
        struct membus_audit_engine *engine = open_engine(engines[e], &target);
        struct membus_audit_trace t;

        if (!engine)
            continue;
        assert_int_equal(engines[e]->run(engine, &small, &t), 0);
        assert_int_equal(t.end, MEMBUS_AUDIT_UNSUPPORTED);
        assert_non_null(strstr(t.text, "vpaddd"));
        engines[e]->close(engine);
    }
}

/* A crash in the middle of a batch is that case's; the others are as ever. */
static int count_crashes(const struct membus_audit_trace *t, void *data)
{
    unsigned *crashes = data;

    /* reads_past faults where the source ends at its window's end. */
    assert_int_equal(t->end == MEMBUS_AUDIT_CRASHED, (t->c.src_align + t->c.n) % 64 == 0);
    *crashes += t->end == MEMBUS_AUDIT_CRASHED;
    return 0;
}

static void test_crashes_in_a_sweep(void **state)
{
    struct membus_audit_target target = routine("reads_past", true);
    struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &target);
    static struct membus_audit_case cases[1000];
    unsigned crashes = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cases[i].n = i;
        cases[i].src_align = i % 5;
    }
    assert_int_equal(membus_audit_slots.sweep(engine, cases, COUNT(cases), count_crashes, &crashes),
                     0);
    assert_true(crashes > 10 && crashes < 100);
    membus_audit_slots.close(engine);
}

/* What open says. */
static void check_refused(const struct membus_audit_target *target, int code, const char *says)
{
    for (size_t e = 0; e < ENGINES; e++) {
        struct membus_audit_engine *engine = (void *)1;
        char error[256] = "";
        int got = engines[e]->open(&engine, target, error, sizeof(error));

        if (got != code || !strstr(error, says))
            fail_msg("%s: open %s:%s: %d \"%s\"", engines[e]->name,
                     target->object ? target->object : "", target->symbol, got, error);
        assert_null(engine);
        assert_null(strchr(error, '\n'));
    }
}

static void test_refused_objects(void **state)
{
    static const struct {
        const char *object, *symbol;
        int code;
        const char *says;
    } refused[] = {
        {"/nonexistent/x.so", "memcpy", -ENOENT, "No such file"},
        {"nonexistent.so", "memcpy", -ENOENT, "nonexistent.so"},
        {"/etc/passwd", "memcpy", -ENOEXEC, "not an ELF file"},
        {"/dev", "memcpy", -ENOEXEC, "not an ELF file"},
        {"libc.so.6", "memcpyy", -ENOENT, "did you mean memcpy"},
        {"libc.so.6", "qqqqqqqqqqqqqqqq", -ENOENT, "nm -D"},
        {"libc.so.6", "environ", -EINVAL, "data, not a function"},
        {"libc.so.6", "", -EINVAL, "no symbol"},
        {"libelf.so.1", "memcpy", -ENOENT, "libc.so.6: audit it there"},
        {NULL, "no_such_symbol_here", -ENOENT, "this program has no symbol"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct membus_audit_target target = {.object = refused[i].object,
                                             .symbol = refused[i].symbol};

        check_refused(&target, refused[i].code, refused[i].says);
    }
}

static void test_refused_data(void **state)
{
    struct membus_audit_target target = routine("data", false);

    (void)state;
    check_refused(&target, -EINVAL, "data, not a function");
}

/* A copy of the routines' file with one field of its ELF header changed. */
static void check_header(long offset, int value, int code, const char *says)
{
    char path[] = "/tmp/membus-audit-XXXXXX", buffer[65536];
    struct membus_audit_target target = {.object = path, .symbol = "bytes"};
    FILE *from = fopen(object_of("MEMBUS_TEST_ROUTINES"), "rb");
    int fd = mkstemp(path);
    size_t n;

    assert_non_null(from);
    assert_true(fd >= 0);
    n = fread(buffer, 1, sizeof(buffer), from);
    fclose(from);
    assert_true(n > 64);
    buffer[offset] = (char)value;
    assert_int_equal(write(fd, buffer, n), n);
    close(fd);
    check_refused(&target, code, says);
    unlink(path);
}

static void test_refused_machines(void **state)
{
    (void)state;
    check_header(18, 183, -ENOEXEC, "--arch arm64"); /* e_machine */
    check_header(18, 243, -ENOEXEC, "--arch riscv64");
    check_header(18, 77, -ENOEXEC, "machine 77");
    check_header(16, 1, -ENOEXEC, "relocatable"); /* e_type */
    check_header(16, 2, -ENOEXEC, "executable");
}

/* Objects that misbehave while they are loaded, and after. */

static struct membus_audit_target awkward(const char *variable)
{
    struct membus_audit_target t = {.object = object_of(variable), .symbol = "routine"};

    return t;
}

static void test_constructors(void **state)
{
    struct membus_audit_target crash = awkward("MEMBUS_TEST_CRASH");
    struct membus_audit_target hang = awkward("MEMBUS_TEST_HANG");
    struct membus_audit_target leave = awkward("MEMBUS_TEST_LEAVE");

    (void)state;
    check_refused(&crash, -EFAULT, "crashed (Segmentation fault)");
    check_refused(&leave, -EFAULT, "status 3");
    audit_worker_load_seconds = 1;
    check_refused(&hang, -ETIMEDOUT, "hangs");
    audit_worker_load_seconds = AUDIT_LOAD_SECONDS;
}

/* It prints to our stdout (and must not), ignores SIGSEGV, clears the environment. */
static void test_noise(void **state)
{
    struct membus_audit_target noise = awkward("MEMBUS_TEST_NOISE");
    int before = dup(STDOUT_FILENO), ends_of[2];
    char seen[16];

    (void)state;
    assert_int_equal(pipe(ends_of), 0);
    fflush(stdout);
    dup2(ends_of[1], STDOUT_FILENO);
    close(ends_of[1]);
    for (size_t e = 0; e < ENGINES; e++) {
        struct membus_audit_engine *engine = NULL;
        char error[256];
        struct membus_audit_trace t = {.end = MEMBUS_AUDIT_CRASHED};

        if (engines[e]->open(&engine, &noise, error, sizeof(error)) == 0)
            engines[e]->run(engine, &small, &t);
        engines[e]->close(engine);
        assert_true(t.end == MEMBUS_AUDIT_RETURNED || !engine);
    }
    dup2(before, STDOUT_FILENO);
    close(before);
    assert_int_equal(read(ends_of[0], seen, sizeof(seen)), 0);
    close(ends_of[0]);
}

/* A process that dies or hangs by itself takes one case with it. */
struct survey {
    unsigned returned, crashed, endless;
    const char *says;
};

static int survey(const struct membus_audit_trace *t, void *data)
{
    struct survey *s = data;

    s->returned += t->end == MEMBUS_AUDIT_RETURNED;
    s->crashed += t->end == MEMBUS_AUDIT_CRASHED;
    s->endless += t->end == MEMBUS_AUDIT_ENDLESS;
    if (t->end != MEMBUS_AUDIT_RETURNED && !(t->text && strstr(t->text, s->says)))
        fail_msg("\"%s\" does not say \"%s\"", t->text ? t->text : "", s->says);
    return s->crashed + s->endless == 2 ? 1 : 0;
}

static void check_death(const char *variable, struct survey *s)
{
    struct membus_audit_target target = awkward(variable);
    struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &target);
    static struct membus_audit_case cases[10000];
    int stopped = 0;

    for (size_t i = 0; i < COUNT(cases); i++)
        cases[i].n = 1000;
    for (int i = 0; i < 100 && !stopped; i++)
        stopped = membus_audit_slots.sweep(engine, cases, COUNT(cases), survey, s);
    assert_int_equal(stopped, 1);
    assert_true(s->returned > 0);
    membus_audit_slots.close(engine);
}

static void test_deaths(void **state)
{
    struct survey alarm_survey = {.says = "Profiling timer expired"};
    struct survey sleep_survey = {.says = "more than 1 s"};

    (void)state;
    check_death("MEMBUS_TEST_ALARM", &alarm_survey);
    assert_int_equal(alarm_survey.crashed, 2);
    audit_worker_hang_seconds = 1;
    check_death("MEMBUS_TEST_SLEEP", &sleep_survey);
    assert_int_equal(sleep_survey.endless, 2);
    audit_worker_hang_seconds = AUDIT_HANG_SECONDS;
}

/* A symbol version, an IFUNC, and this program's own. */
static void test_symbols(void **state)
{
    static const struct membus_audit_target targets[] = {
        {.object = "libc.so.6", .symbol = "memcpy"},
        {.object = "libc.so.6", .symbol = "memcpy@@GLIBC_2.14"},
        {.object = "libc.so.6", .symbol = "memcpy@GLIBC_2.2.5"},
        {.symbol = "memmove"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct membus_audit_engine *engine = open_engine(&membus_audit_slots, &targets[i]);
        struct membus_audit_trace t;

        assert_int_equal(membus_audit_slots.run(engine, &small, &t), 0);
        assert_int_equal(t.end, MEMBUS_AUDIT_RETURNED);
        assert_true(t.result_ok && t.return_ok && t.count > 0);
        assert_true(t.access[0].ip < MEMBUS_AUDIT_IP_OTHER);
        membus_audit_slots.close(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_masked_arithmetic),
        cmocka_unit_test(test_crashes_in_a_sweep),
        cmocka_unit_test(test_refused_objects),
        cmocka_unit_test(test_refused_data),
        cmocka_unit_test(test_refused_machines),
        cmocka_unit_test(test_constructors),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_deaths),
        cmocka_unit_test(test_symbols),
    };

    return RUN_TESTS(tests);
}
