/* SPDX-License-Identifier: MIT */

/*
 * What an unaligned access of 2, 4 and 8 bytes is on each mapping: the answer that is expected of
 * each architecture, written down here a second time, and what a transfer then delivers. RAM
 * stands in for devices; whether an instruction is one is objcheck's matter.
 */

#include "harness.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <membus/arch.h>
#include <membus/copy.h>

/* A letter for 2, 4 and 8 bytes each: I one instruction, S a split, R refused; and the widest
 * aligned access. */
struct row {
    const char *ways;
    unsigned widest;
};

#define GENERIC (MEMBUS_HOST_UNALIGNED ? "III" : "SSS")

static const struct expected {
    const char *arch;
    struct row normal, combine, device;
} table[] = {
    {"x86_64", {"III", 8}, {"III", 8}, {"III", 8}},
    {"i386", {"III", 8}, {"IIS", 4}, {"IIS", 4}},
    {"aarch64", {"III", 8}, {"III", 8}, {"SSS", 8}},
    {"arm", {"SSS", 8}, {"SSS", 4}, {"SSS", 4}},
    {"ppc64", {"III", 8}, {"SSS", 8}, {"SSS", 8}},
    {"riscv64", {"SSS", 8}, {"SSS", 8}, {"SSS", 8}},
    {"s390x", {"III", 8}, {"RRR", 0}, {"RRR", 0}},
    {"mips64", {"SSS", 8}, {"SSS", 8}, {"SSS", 8}},
    {"generic",
     {GENERIC, MEMBUS_ARCH_WORD},
     {GENERIC, MEMBUS_ARCH_WORD},
     {GENERIC, MEMBUS_ARCH_WORD}},
};

static char memory[256] __attribute__((aligned(64))), ram[8] __attribute__((aligned(8)));

/* Two answers depend on the CPU, and the host's table names it in its source. */
static struct row row_of(const struct expected *e, enum membus_cache_mode mode)
{
    const char *source = membus_mapping_rule(mode)->source;
    struct row row = mode == MEMBUS_CACHE_NORMAL         ? e->normal
                     : mode == MEMBUS_CACHE_WRITECOMBINE ? e->combine
                                                         : e->device;

    if (strcmp(e->arch, "riscv64") == 0 && strstr(source, "is fast"))
        row.ways = "III";
    if (strcmp(e->arch, "arm") == 0 && strstr(source, "without LPAE"))
        row.widest = 4;
    return row;
}

static const struct expected *expected(void)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].arch, MEMBUS_ARCH_NAME) == 0)
            return &table[i];
    }
    fail_msg("no row for %s", MEMBUS_ARCH_NAME);
    return NULL;
}

static enum membus_way way_of(char letter)
{
    return letter == 'I'   ? MEMBUS_WAY_INSTRUCTION
           : letter == 'S' ? MEMBUS_WAY_SPLIT
                           : MEMBUS_WAY_REFUSED;
}

static void test_permit(void **state)
{
    (void)state;
    for (int mode = 0; mode < MEMBUS_CACHE_MODES; mode++) {
        struct row row = row_of(expected(), (enum membus_cache_mode)mode);
        const struct membus_mapping m =
            membus_mapping_device(memory, sizeof(memory), (enum membus_cache_mode)mode);

        for (unsigned i = 0; i < 3; i++) {
            const unsigned width = 2u << i;

            for (unsigned access = 0; access < 2; access++) {
                struct membus_permit p = membus_mapping_permit(&m, 17, width, access);

                assert_int_equal(p.way, way_of(row.ways[i]));
                assert_int_equal(p.error, p.way == MEMBUS_WAY_REFUSED ? -EOPNOTSUPP : 0);
                p = membus_mapping_permit(&m, 16, width, access);
                assert_int_equal(p.way, width <= row.widest ? MEMBUS_WAY_WHOLE
                                        : row.widest        ? MEMBUS_WAY_SPLIT
                                                            : MEMBUS_WAY_REFUSED);
            }
        }
    }
}

/* One transfer of n bytes to and from the mapping at `at`: what was delivered, or the error. */
static int delivered(const struct membus_mapping *m, size_t at, size_t n)
{
    static const char bytes[8] __attribute__((aligned(8))) = {1, 2, 3, 4, 5, 6, 7, 8};
    struct membus_result to, from;

    memset(memory, 0x55, sizeof(memory));
    to = membus_mapping_write(m, at, bytes, n);
    from = membus_mapping_read(m, at, ram, n);
    assert_int_equal(to.error, from.error);
    assert_int_equal(memory[at - 1], 0x55);
    assert_int_equal(memory[at + n], 0x55);
    if (to.error) {
        assert_int_equal(memory[at], 0x55);
        return to.error;
    }
    assert_memory_equal(memory + at, bytes, n);
    assert_memory_equal(ram, bytes, n);
    return (int)to.delivered;
}

static void test_transfer(void **state)
{
    (void)state;
    for (int mode = 0; mode < MEMBUS_CACHE_MODES; mode++) {
        struct row row = row_of(expected(), (enum membus_cache_mode)mode);
        const struct membus_mapping m =
            membus_mapping_device(memory, sizeof(memory), (enum membus_cache_mode)mode);

        for (unsigned i = 0; i < 3; i++) {
            const unsigned n = 2u << i;
            int got = delivered(&m, 17, n), aligned = delivered(&m, 16, n);

            if (row.ways[i] == 'R') {
                assert_int_equal(got, -EOPNOTSUPP);
                assert_int_equal(aligned, -EOPNOTSUPP);
                continue;
            }
            assert_int_equal(got & (MEMBUS_DELIVERED_WHOLE | MEMBUS_DELIVERED_SPLIT),
                             row.ways[i] == 'I' ? MEMBUS_DELIVERED_WHOLE : MEMBUS_DELIVERED_SPLIT);
            assert_int_equal(aligned, n <= row.widest
                                          ? MEMBUS_DELIVERED_WHOLE
                                          : MEMBUS_DELIVERED_SPLIT | MEMBUS_DELIVERED_TORN);
        }
    }
}

/* The accessors of RAM say the same at compile time. */
static void test_accessors_agree(void **state)
{
    const struct membus_rule *rule = membus_mapping_rule(MEMBUS_CACHE_NORMAL);

    (void)state;
    if (MEMBUS_ARCH_RAM_UNALIGNED)
        assert_int_equal(rule->unaligned, MEMBUS_WAY_INSTRUCTION);
    assert_true(rule->width_scalar <= MEMBUS_ARCH_WORD);
    if (MEMBUS_ARCH_MMIO_WIDTH == 0)
        assert_false(membus_mapping_rule(MEMBUS_CACHE_DEVICE)->direct);
    else
        assert_int_equal(membus_mapping_rule(MEMBUS_CACHE_DEVICE)->width_scalar,
                         MEMBUS_ARCH_MMIO_WIDTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permit),
        cmocka_unit_test(test_transfer),
        cmocka_unit_test(test_accessors_agree),
    };

    return RUN_TESTS(tests);
}
