/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <string.h>

#include <membus/access.h>

/* Bytes in memory, least significant first for _le, most significant first for _be. */
static const unsigned char bytes[8] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};

static unsigned char room[64] __attribute__((aligned(64)));

static uint64_t little(unsigned n)
{
    uint64_t v = 0;

    while (n--)
        v = v << 8 | bytes[n];
    return v;
}

static uint64_t big(unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v = v << 8 | bytes[i];
    return v;
}

static uint64_t native(unsigned n)
{
    return MEMBUS_BIG_ENDIAN ? big(n) : little(n);
}

/* A load returns `value` from the bytes at p, a store of it puts them there and nothing else. */
#define CHECK(load, store, value, n)      \
    do {                                  \
        memset(room, 0xee, sizeof(room)); \
        memcpy(p, bytes, n);              \
        assert_int_equal(load(p), value); \
        memset(room, 0xee, sizeof(room)); \
        store(p, value);                  \
        assert_memory_equal(p, bytes, n); \
        assert_int_equal(p[-1], 0xee);    \
        assert_int_equal(p[n], 0xee);     \
    } while (0)

static void test_ram(void **state)
{
    (void)state;
    for (unsigned char *p = room + 16; p < room + 32; p++) {
        CHECK(membus_ram_load_8, membus_ram_store_8, 0x11, 1);
        CHECK(membus_ram_load_16, membus_ram_store_16, (uint16_t)native(2), 2);
        CHECK(membus_ram_load_le16, membus_ram_store_le16, (uint16_t)little(2), 2);
        CHECK(membus_ram_load_be16, membus_ram_store_be16, (uint16_t)big(2), 2);
        CHECK(membus_ram_load_32, membus_ram_store_32, (uint32_t)native(4), 4);
        CHECK(membus_ram_load_le32, membus_ram_store_le32, (uint32_t)little(4), 4);
        CHECK(membus_ram_load_be32, membus_ram_store_be32, (uint32_t)big(4), 4);
        CHECK(membus_ram_load_64, membus_ram_store_64, (uint64_t)native(8), 8);
        CHECK(membus_ram_load_le64, membus_ram_store_le64, (uint64_t)little(8), 8);
        CHECK(membus_ram_load_be64, membus_ram_store_be64, (uint64_t)big(8), 8);
    }
}

static void test_mmio(void **state)
{
    (void)state;
#if MEMBUS_ARCH_MMIO_WIDTH == 0
    SKIP("loads and stores do not reach devices here");
#else
    unsigned char *p = room + 16;

    CHECK(membus_mmio_read_8, membus_mmio_write_8, 0x11, 1);
    CHECK(membus_mmio_read_8_relaxed, membus_mmio_write_8_relaxed, 0x11, 1);
    CHECK(membus_mmio_read_16, membus_mmio_write_16, (uint16_t)native(2), 2);
    CHECK(membus_mmio_read_le16, membus_mmio_write_le16, (uint16_t)little(2), 2);
    CHECK(membus_mmio_read_be16, membus_mmio_write_be16, (uint16_t)big(2), 2);
    CHECK(membus_mmio_read_16_relaxed, membus_mmio_write_16_relaxed, (uint16_t)native(2), 2);
    CHECK(membus_mmio_read_le16_relaxed, membus_mmio_write_le16_relaxed, (uint16_t)little(2), 2);
    CHECK(membus_mmio_read_be16_relaxed, membus_mmio_write_be16_relaxed, (uint16_t)big(2), 2);
    CHECK(membus_mmio_read_32, membus_mmio_write_32, (uint32_t)native(4), 4);
    CHECK(membus_mmio_read_le32, membus_mmio_write_le32, (uint32_t)little(4), 4);
    CHECK(membus_mmio_read_be32, membus_mmio_write_be32, (uint32_t)big(4), 4);
    CHECK(membus_mmio_read_32_relaxed, membus_mmio_write_32_relaxed, (uint32_t)native(4), 4);
    CHECK(membus_mmio_read_le32_relaxed, membus_mmio_write_le32_relaxed, (uint32_t)little(4), 4);
    CHECK(membus_mmio_read_be32_relaxed, membus_mmio_write_be32_relaxed, (uint32_t)big(4), 4);
#endif
#if MEMBUS_ARCH_MMIO_WIDTH >= 8
    CHECK(membus_mmio_read_64, membus_mmio_write_64, (uint64_t)native(8), 8);
    CHECK(membus_mmio_read_le64, membus_mmio_write_le64, (uint64_t)little(8), 8);
    CHECK(membus_mmio_read_be64, membus_mmio_write_be64, (uint64_t)big(8), 8);
    CHECK(membus_mmio_read_64_relaxed, membus_mmio_write_64_relaxed, (uint64_t)native(8), 8);
    CHECK(membus_mmio_read_le64_relaxed, membus_mmio_write_le64_relaxed, (uint64_t)little(8), 8);
    CHECK(membus_mmio_read_be64_relaxed, membus_mmio_write_be64_relaxed, (uint64_t)big(8), 8);
#endif
}

/* The split that hosts without unaligned accesses use, at every address and width. */
static void test_split(void **state)
{
    (void)state;
    for (unsigned char *p = room + 16; p < room + 32; p++) {
        for (unsigned n = 1; n <= 8; n++) {
            memset(room, 0xee, sizeof(room));
            memcpy(p, bytes, n);
            assert_int_equal(membus_split_load(p, n), native(n));
            memset(room, 0xee, sizeof(room));
            membus_split_store(p, native(n), n);
            assert_memory_equal(p, bytes, n);
            assert_int_equal(p[-1], 0xee);
            assert_int_equal(p[n], 0xee);
        }
    }
}

/* They compile to something and return; what they order, no single thread can see. */
static void test_barriers_do_not_disturb(void **state)
{
    (void)state;
    room[0] = 1;
    membus_barrier_compiler();
    membus_barrier_publish();
    membus_barrier_consume();
    membus_barrier_device_write();
    membus_barrier_device_read();
    membus_barrier_flush_wc();
    membus_barrier_full();
    assert_int_equal(room[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ram),
        cmocka_unit_test(test_mmio),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_barriers_do_not_disturb),
    };

    return RUN_TESTS(tests);
}
