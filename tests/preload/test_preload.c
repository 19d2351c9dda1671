/* SPDX-License-Identifier: MIT */

/* Run with LD_PRELOAD=libmembus-preload.so: its functions do what the C library's do. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define SIZE 6000u

int early_resolver_result(void);
int early_constructor_result(void);

void *__memcpy_chk(void *dst, const void *src, size_t n, size_t size);
void *__memmove_chk(void *dst, const void *src, size_t n, size_t size);
void *__mempcpy_chk(void *dst, const void *src, size_t n, size_t size);
void *__memset_chk(void *dst, int value, size_t n, size_t size);

/* Called through these, so that the compiler puts nothing of its own in their place. */
static struct {
    void *(*copy)(void *, const void *, size_t);
    void *(*move)(void *, const void *, size_t);
    void *(*pcopy)(void *, const void *, size_t);
    void *(*set)(void *, int, size_t);
    void (*bcopy)(const void *, void *, size_t);
} volatile libc = {memcpy, memmove, mempcpy, memset, bcopy};

static char area[SIZE], expected[SIZE], pattern[SIZE];

/* The reference, bytewise. */
static void reference_move(char *dst, const char *src, size_t n)
{
    char old[SIZE];

    for (size_t i = 0; i < n; i++)
        old[i] = src[i];
    for (size_t i = 0; i < n; i++)
        dst[i] = old[i];
}

static void start(void)
{
    for (size_t i = 0; i < SIZE; i++)
        area[i] = expected[i] = pattern[i];
}

static void same(size_t n, size_t dst, size_t src)
{
    for (size_t i = 0; i < SIZE; i++) {
        if (area[i] != expected[i])
            fail_msg("n %zu, dst %zu, src %zu: byte %zu differs", n, dst, src, i);
    }
}

/* Some of all sizes and places: all up to 130, then with growing steps. */
static size_t next(size_t n)
{
    return n < 130 ? n + 1 : n + n / 5;
}

static void test_interposed(void **state)
{
    static const char *const names[] = {
        "memcpy", "memmove",      "mempcpy",       "__mempcpy",     "memset",
        "bcopy",  "__memcpy_chk", "__memmove_chk", "__mempcpy_chk", "__memset_chk"};
    Dl_info info;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_true(dladdr(dlsym(RTLD_DEFAULT, names[i]), &info));
        if (!strstr(info.dli_fname, "libmembus-preload.so"))
            fail_msg("%s is %s's", names[i], info.dli_fname);
    }
    if (getenv("MEMBUS_KERNEL"))
        printf("# MEMBUS_KERNEL=%s\n", getenv("MEMBUS_KERNEL"));
}

static void test_early(void **state)
{
    (void)state;
    assert_int_equal(early_resolver_result(), 1);
    assert_int_equal(early_constructor_result(), 1);
}

static void test_disjoint(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2000; n = next(n)) {
        for (size_t at = 0; at < 70; at += 1 + at / 16) {
            start();
            reference_move(expected + at, pattern + 3000, n);
            assert_ptr_equal(libc.copy(area + at, area + 3000, n), area + at);
            same(n, at, 3000);
            start();
            reference_move(expected + at, pattern + 3000, n);
            assert_ptr_equal(libc.pcopy(area + at, area + 3000, n), area + at + n);
            same(n, at, 3000);
            start();
            for (size_t i = 0; i < n; i++)
                expected[at + i] = (char)0xc3;
            assert_ptr_equal(libc.set(area + at, 0x1c3, n), area + at);
            same(n, at, 0);
        }
    }
}

static void test_overlapping(void **state)
{
    (void)state;
    for (size_t n = 0; n < 3000; n = next(n)) {
        for (size_t d = 0; d < 2500; d += 1 + d / 4) {
            start();
            reference_move(expected + d, pattern, n);
            assert_ptr_equal(libc.move(area + d, area, n), area + d);
            same(n, d, 0);
            start();
            reference_move(expected, pattern + d, n);
            libc.bcopy(area + d, area, n);
            same(n, 0, d);
        }
    }
}

/* The fortified forms: at the bound, and one over it, which aborts. */

static int ends_by(void (*act)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        close(STDERR_FILENO);
        close(STDOUT_FILENO);
        signal(SIGABRT, SIG_DFL);
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void over_memcpy(void)
{
    __memcpy_chk(area, pattern, 33, 32);
}

static void over_memmove(void)
{
    __memmove_chk(area, pattern, 33, 32);
}

static void over_mempcpy(void)
{
    __mempcpy_chk(area, pattern, 33, 32);
}

static void over_memset(void)
{
    __memset_chk(area, 0, SIZE_MAX, SIZE_MAX - 1);
}

static void test_bounds(void **state)
{
    (void)state;
    start();
    reference_move(expected, pattern + 100, 32);
    assert_ptr_equal(__memcpy_chk(area, area + 100, 32, 32), area);
    same(32, 0, 100);
    assert_ptr_equal(__memmove_chk(area, area + 100, 32, 32), area);
    assert_ptr_equal(__mempcpy_chk(area, area + 100, 32, 32), area + 32);
    same(32, 0, 100);
    assert_ptr_equal(__memset_chk(area, 0, 32, 32), area);
    assert_int_equal(ends_by(over_memcpy), SIGABRT);
    assert_int_equal(ends_by(over_memmove), SIGABRT);
    assert_int_equal(ends_by(over_mempcpy), SIGABRT);
    assert_int_equal(ends_by(over_memset), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interposed), cmocka_unit_test(test_early),
        cmocka_unit_test(test_disjoint),   cmocka_unit_test(test_overlapping),
        cmocka_unit_test(test_bounds),
    };

    for (size_t i = 0; i < SIZE; i++)
        pattern[i] = (char)(i * 37 + i / 251);
    return RUN_TESTS(tests);
}
