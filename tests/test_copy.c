/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <membus/copy.h>

#include "copy_checker.h"
#include "kernels.h"

static struct copy_checker *checker;

/* Every kernel this CPU has, against the byte loop. */
static void for_each_kernel(void (*test)(void))
{
    const char *name;

    for (unsigned i = 0; (name = membus_kernel_usable(i)); i++) {
        assert_int_equal(membus_kernel_select(name), 0);
        print_message("# kernel %s\n", name);
        test();
    }
    assert_int_equal(membus_kernel_select(membus_kernel_usable(0)), 0);
}

static void assert_right(const char *wrong)
{
    if (wrong)
        fail_msg("kernel %s: %s", membus_kernel_name(), wrong);
}

static void copy_is_right(void)
{
    assert_right(copy_checker_copies(checker, (membus_copy)));
}

static void move_is_right(void)
{
    assert_right(copy_checker_moves(checker, (membus_move)));
}

static void test_copy(void **state)
{
    (void)state;
    for_each_kernel(copy_is_right);
}

static void test_move(void **state)
{
    (void)state;
    for_each_kernel(move_is_right);
}

/* With windows set aside, and with one that is taken, the bytes are the same. */
static void test_move_reserved(void **state)
{
    (void)state;
    assert_int_equal(membus_move_reserve(1 << 20, 0), -EINVAL);
    assert_int_equal(membus_move_reserve(1 << 20, 65), -EINVAL);
    assert_int_equal(membus_move_reserve(1 << 20, 2), 0);
    for_each_kernel(move_is_right);
    assert_int_equal(membus_move_reserve(5000, 64), 0);
    for_each_kernel(move_is_right);
    assert_int_equal(membus_move_reserve(SIZE_MAX / 64, 64), -ENOMEM);
    for_each_kernel(move_is_right); /* with those of before */
    assert_int_equal(membus_move_reserve(0, 1), 0);
}

/* More than caches hold, to the ends of both sides, against pages that fault. */
#define FAR ((size_t)(16 << 20) + 3000)

#define FAR_PAGES ((FAR + 4095) & ~(size_t)4095)

static unsigned char *far_side(void)
{
    unsigned char *p = mmap(NULL, FAR_PAGES + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(p, MAP_FAILED);
    assert_int_equal(mprotect(p, FAR_PAGES, PROT_READ | PROT_WRITE), 0);
    return p + FAR_PAGES - FAR;
}

static void far_free(unsigned char *side)
{
    assert_int_equal(munmap(side + FAR - FAR_PAGES, FAR_PAGES + 4096), 0);
}

static unsigned char *far_dst, *far_src;

static void far_is_right(void)
{
    static const uint8_t offsets[][2] = {{0, 0}, {0, 5}, {13, 0}, {64, 64}, {16, 7}};

    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        unsigned char *dst = far_dst + offsets[i][0], *src = far_src + offsets[i][1];
        const size_t n = FAR - (offsets[i][0] > offsets[i][1] ? offsets[i][0] : offsets[i][1]);

        memset(far_dst, 0xee, FAR);
        (membus_copy)(dst, src, n);
        assert_memory_equal(dst, src, n);
        for (unsigned char *p = far_dst; p < dst; p++)
            assert_int_equal(*p, 0xee);
        for (unsigned char *p = dst + n; p < far_dst + FAR; p++)
            assert_int_equal(*p, 0xee);
    }
}

static void test_far(void **state)
{
    (void)state;
    if (copy_checker_thin())
        SKIP("MEMBUS_TESTS_QUICK: 16 MiB take long in an emulator");
    far_dst = far_side();
    far_src = far_side();
    for (size_t i = 0; i < FAR; i++)
        far_src[i] = (unsigned char)(i * 7 + (i >> 8) * 13 + 1);
    for_each_kernel(far_is_right);
    far_free(far_dst);
    far_free(far_src);
}

static void *transfer_strict(void *dst, const void *src, size_t n)
{
    const struct membus_mapping to = membus_mapping_ram(dst, n);
    const struct membus_mapping from = membus_mapping_ram((void *)(uintptr_t)src, n);
    const struct membus_result r = membus_transfer(&to, 0, &from, 0, n, NULL, MEMBUS_ORDER_STRICT);

    assert_int_equal(r.error, 0);
    assert_int_equal(r.bytes, n);
    assert_true(n == 0 || (r.delivered & MEMBUS_DELIVERED_STRICT));
    return dst;
}

static void strict_is_right(void)
{
    assert_right(copy_checker_copies(checker, membus_copy_strict));
    assert_right(copy_checker_copies(checker, transfer_strict));
}

static void test_strict(void **state)
{
    (void)state;
    for_each_kernel(strict_is_right);
}

/* A fill, seen as a copy from a source of equal bytes, has the same checker. */
static unsigned char fill_value;

static void *copy_by_fill(void *dst, const void *src, size_t n)
{
    unsigned char *p = dst;

    (membus_fill)(dst, fill_value + 0x300, n); /* converted to unsigned char */
    for (size_t i = 0; i < n; i++) {
        if (p[i] != fill_value)
            fail_msg("kernel %s: n=%zu byte %zu is %02x", membus_kernel_name(), n, i, p[i]);
    }
    memcpy(dst, src, n);
    return dst;
}

static void fill_is_right(void)
{
    fill_value = 0x5a;
    assert_right(copy_checker_copies(checker, copy_by_fill)); /* its slack: nothing outside */
}

static void test_fill(void **state)
{
    (void)state;
    for_each_kernel(fill_is_right);
}

/* Constant sizes are inlined: every alignment still gives the bytes of the function. */
#define CONSTANT(n)                                                                \
    do {                                                                           \
        for (size_t a = 0; a < 16; a++) {                                          \
            memset(to, 0xee, sizeof(to));                                          \
            assert_ptr_equal(membus_copy(to + a, from + (3 * a) % 16, n), to + a); \
            assert_memory_equal(to + a, from + (3 * a) % 16, n);                   \
            assert_int_equal(to[a + n], 0xee);                                     \
            memcpy(to, from, sizeof(to));                                          \
            assert_ptr_equal(membus_move(to + a + 3, to + a, n), to + a + 3);      \
            assert_memory_equal(to + a + 3, from + a, n);                          \
        }                                                                          \
    } while (0)

static void test_constant(void **state)
{
    static unsigned char to[256] __attribute__((aligned(64)));
    static unsigned char from[256] __attribute__((aligned(64)));

    (void)state;
    for (size_t i = 0; i < sizeof(from); i++)
        from[i] = (unsigned char)(i + 1);
    CONSTANT(1);
    CONSTANT(2);
    CONSTANT(3);
    CONSTANT(4);
    CONSTANT(5);
    CONSTANT(7);
    CONSTANT(8);
    CONSTANT(12);
    CONSTANT(15);
    CONSTANT(16);
    CONSTANT(24);
    CONSTANT(31);
    CONSTANT(32);
    CONSTANT(40);
    CONSTANT(63);
    CONSTANT(64);
}

static void test_kernel_select(void **state)
{
    (void)state;
    assert_int_equal(membus_kernel_select("abacus"), -ENOENT);
    assert_string_equal(membus_kernel_name(), membus_kernel_usable(0));
    assert_int_equal(membus_kernel_select("generic"), 0);
    assert_string_equal(membus_kernel_name(), "generic");
    assert_int_equal(membus_kernel_select(membus_kernel_usable(0)), 0);
    assert_null(membus_kernel_usable(100));
}

/* Broken routines: the checker must reject each. */

static void *drops_last_block(void *dst, const void *src, size_t n)
{
    return memcpy(dst, src, n > 64 ? (n - 1) / 64 * 64 : n);
}

static void *wrong_at_one_alignment(void *dst, const void *src, size_t n)
{
    memcpy(dst, src, n);
    if (((uintptr_t)dst & 63) == 37 && n == 41)
        ((char *)dst)[40] ^= 1;
    return dst;
}

static void *writes_one_past(void *dst, const void *src, size_t n)
{
    volatile unsigned char *end = (unsigned char *)dst + n;

    memcpy(dst, src, n);
    if (n == 100 && ((uintptr_t)end & 4095))
        *end = 0;
    return dst;
}

static void *returns_end(void *dst, const void *src, size_t n)
{
    return (char *)memcpy(dst, src, n) + n;
}

static void *overlaps_wrong(void *dst, const void *src, size_t n)
{
    unsigned char *d = dst;
    const volatile unsigned char *s = src;

    for (size_t i = 0; i < n; i++)
        d[i] = s[i];
    return dst;
}

/* As a ring of 25 lines that loses a byte when its eighth register holds the last line. */
static void *wrong_after_one_line(void *dst, const void *src, size_t n)
{
    size_t d = (size_t)((unsigned char *)dst - (const unsigned char *)src);

    memmove(dst, src, n);
    if (d > 1088 && d <= 1536 && n / 64 % 25 == 7)
        ((unsigned char *)dst)[n - 65] ^= 1;
    return dst;
}

/* As a ring of 15 half lines whose sixth register takes a byte from one line further on. */
static void *wrong_in_one_register(void *dst, const void *src, size_t n)
{
    size_t d = (size_t)((unsigned char *)dst - (const unsigned char *)src);

    memmove(dst, src, n);
    if (d > 224 && d <= 448 && n / 32 % 15 == 5)
        ((unsigned char *)dst)[n - 40] ^= 1;
    return dst;
}

/* As a head of elements that leaves out 16 bytes before it can have them, in a short move. */
static void *wrong_in_a_short_head(void *dst, const void *src, size_t n)
{
    size_t d = (size_t)((unsigned char *)dst - (const unsigned char *)src);

    memmove(dst, src, n);
    if (d < 20 && n > 70 && n < 96 && ((uintptr_t)dst & 31) == 15)
        ((unsigned char *)dst)[2] ^= 1;
    return dst;
}

static void test_checker_rejects(void **state)
{
    (void)state;
    if (copy_checker_thin())
        SKIP("MEMBUS_TESTS_QUICK: a sample cannot catch what is wrong in one case");
    assert_null(copy_checker_copies(checker, memcpy));
    assert_null(copy_checker_moves(checker, memmove));
    assert_non_null(copy_checker_copies(checker, drops_last_block));
    assert_non_null(copy_checker_copies(checker, wrong_at_one_alignment));
    assert_non_null(copy_checker_copies(checker, writes_one_past));
    assert_non_null(copy_checker_copies(checker, returns_end));
    assert_null(copy_checker_copies(checker, overlaps_wrong));
    assert_non_null(copy_checker_moves(checker, overlaps_wrong));
    assert_non_null(copy_checker_moves(checker, wrong_after_one_line));
    assert_non_null(copy_checker_moves(checker, wrong_in_one_register));
    assert_non_null(copy_checker_moves(checker, wrong_in_a_short_head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checker_rejects),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_move_reserved),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_kernel_select),
    };

    checker = copy_checker_new();
    skip_kernels();
    int failed = RUN_TESTS(tests);
    copy_checker_free(checker);
    return failed;
}
