/* SPDX-License-Identifier: MIT */

/* DMA: maps, bounces and their budget, lists, rings (D1-D5). */

#include "space_machine.h"

#include <pthread.h>

#include <membus/copy.h>

static const struct membus_region_ops io_ops = {
    .read = traced_read, .write = traced_write, .valid = {1, 8, 0}, .impl = {1, 8, 0}};

/* D1 */
static void test_map_ram(void **state)
{
    struct membus_region *ram = new_ram("ram", 0x4000), *alias, *rom;
    struct membus_map map;

    (void)state;
    put(ram, 0, 0);
    assert_outcome(
        membus_map_open(&map, m.space, 0x10, 0x100, MEMBUS_MAP_WRITE | MEMBUS_MAP_ANY, no_attrs),
        MEMBUS_STATUS_OK, 0, 0x100);
    assert_ptr_equal(map.mapping.addr, memory_of(ram) + 0x10);
    assert_false(map.bounced);
    assert_outcome(membus_map_close(&map, 0x101), MEMBUS_STATUS_INVALID, 0x10, 0);
    assert_outcome(membus_map_close(&map, 0x100), MEMBUS_STATUS_OK, 0, 0x100);
    assert_outcome(membus_map_close(&map, 0), MEMBUS_STATUS_INVALID, 0x10, 0); /* twice */
    memset(&map, 0, sizeof(map));
    assert_int_equal(membus_map_close(&map, 0).status, MEMBUS_STATUS_INVALID); /* never mapped */

    /* contiguous ranges that differ in flags: as far as they allow the use */
    assert_int_equal(membus_region_new_alias(&alias, "pam", ram, 0x1000, 0x1000), 0);
    assert_int_equal(membus_region_set_readonly(alias, true), 0);
    put(alias, 0x1000, 1);
    assert_outcome(membus_map_open(&map, m.space, 0x800, 0x2000, MEMBUS_MAP_READ, no_attrs),
                   MEMBUS_STATUS_OK, 0, 0x2000);
    membus_map_close(&map, 0);
    assert_outcome(membus_map_open(&map, m.space, 0x800, 0x2000, MEMBUS_MAP_WRITE, no_attrs),
                   MEMBUS_STATUS_OK, 0, 0x800);
    membus_map_close(&map, 0);
    assert_outcome(membus_map_open(&map, m.space, 0x3ff0, 0x100, MEMBUS_MAP_READ, no_attrs),
                   MEMBUS_STATUS_OK, 0, 0x10); /* up to the end */
    membus_map_close(&map, 0);

    /* a ROM is pointed to for reading only */
    assert_int_equal(membus_region_new_rom(&rom, "rom", 0x1000, "rom", 3), 0);
    put(rom, 0x8000, 0);
    assert_outcome(membus_map_open(&map, m.space, 0x8000, 16, MEMBUS_MAP_READ, no_attrs),
                   MEMBUS_STATUS_OK, 0, 16);
    assert_false(map.bounced);
    assert_outcome(membus_map_close(&map, 1), MEMBUS_STATUS_INVALID, 0x8000, 0);
    assert_outcome(membus_map_close(&map, 0), MEMBUS_STATUS_OK, 0, 0);
    membus_region_delete(alias);
}

static void test_map_arguments(void **state)
{
    struct membus_map map;

    (void)state;
    assert_int_equal(membus_map_open(&map, m.space, 0, 0, MEMBUS_MAP_READ, no_attrs).status,
                     MEMBUS_STATUS_INVALID);
    assert_int_equal(membus_map_open(&map, m.space, 0, 1, MEMBUS_MAP_ANY, no_attrs).status,
                     MEMBUS_STATUS_INVALID);
    assert_int_equal(membus_map_open(&map, m.space, 0, 1, MEMBUS_MAP_READ | 64, no_attrs).status,
                     MEMBUS_STATUS_INVALID);
    assert_outcome(membus_map_open(&map, m.space, UINT64_MAX, 2, MEMBUS_MAP_READ, no_attrs),
                   MEMBUS_STATUS_RANGE, UINT64_MAX, 0);
    assert_int_equal(membus_map_close(&map, 0).status, MEMBUS_STATUS_INVALID);
    assert_outcome(membus_map_open(&map, m.space, 16, 2, MEMBUS_MAP_READ, no_attrs),
                   MEMBUS_STATUS_DECODE, 16, 0); /* nobody there */
    assert_int_equal(membus_space_budget_used(m.space), 0);
}

/* D1: device memory is pointed to where its mapping allows what is declared. */
static void test_map_device(void **state)
{
    static uint8_t bar[4096] __attribute__((aligned(64)));
    static const struct {
        enum membus_cache_mode mode;
        struct membus_policy policy;
        unsigned flags;
        int direct; /* -1: the host's table decides */
    } cases[] = {
        {MEMBUS_CACHE_NORMAL, {0, 0, false, false}, MEMBUS_MAP_ANY, 1},
        {MEMBUS_CACHE_NONCACHED, {0, 0, false, false}, 0, 1},
        {MEMBUS_CACHE_NONCACHED, {0, 0, false, false}, MEMBUS_MAP_UNALIGNED, -1},
        {MEMBUS_CACHE_NONCACHED, {0, 0, false, false}, MEMBUS_MAP_ANY, 0},
        {MEMBUS_CACHE_UNKNOWN, {0, 0, false, false}, 0, 1},
        {MEMBUS_CACHE_NORMAL, {4, 4, true, false}, 0, 1},
        {MEMBUS_CACHE_NORMAL, {4, 4, true, false}, MEMBUS_MAP_UNALIGNED, 0},
        {MEMBUS_CACHE_NORMAL, {0, 0, false, true}, MEMBUS_MAP_VECTOR, 0},
        {MEMBUS_CACHE_NORMAL, {0, 0, false, true}, MEMBUS_MAP_UNALIGNED, -1},
    };

    (void)state;
    if (!membus_mapping_rule(MEMBUS_CACHE_NONCACHED)->direct)
        SKIP("this host reaches device memory by no load or store");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct membus_mapping mapping = membus_mapping_device(bar, sizeof(bar), cases[i].mode);
        struct membus_region *r;
        struct membus_map map;
        int direct = cases[i].direct;

        if (direct < 0)
            direct = membus_mapping_rule(cases[i].mode)->unaligned >= MEMBUS_WAY_INSTRUCTION;
        mapping.policy = cases[i].policy;
        assert_int_equal(membus_region_new_device(&r, "bar", &mapping), 0);
        put(r, 0x1000, 0);
        assert_int_equal(membus_map_open(&map, m.space, 0x1040, 64,
                                         MEMBUS_MAP_READ | MEMBUS_MAP_WRITE | cases[i].flags,
                                         no_attrs)
                             .status,
                         MEMBUS_STATUS_OK);
        assert_int_equal(map.bounced, !direct);
        if (direct) {
            assert_ptr_equal(map.mapping.addr, bar + 64);
            assert_int_equal(map.mapping.mode, cases[i].mode);
            assert_memory_equal(&map.mapping.policy, &mapping.policy, sizeof(mapping.policy));
        }
        bar[64] = (uint8_t)i;
        bar[65] = 0;
        ((uint8_t *)map.mapping.addr)[1] = 0x5a; /* plain memory plays the BAR */
        assert_int_equal(membus_map_close(&map, 4).status, MEMBUS_STATUS_OK);
        assert_int_equal(bar[65], 0x5a);
        assert_int_equal(membus_region_delete(r), 0);
    }
}

/* D2 */
static void test_bounce(void **state)
{
    struct membus_map map;

    (void)state;
    put(new_io("", 0x100, &io_ops), 0x1000, 0);
    assert_outcome(membus_map_open(&map, m.space, 0x1000, 16, MEMBUS_MAP_READ, no_attrs),
                   MEMBUS_STATUS_OK, 0, 16);
    assert_true(map.bounced);
    assert_trace("r8@0 r8@8 ");
    assert_int_equal(((uint8_t *)map.mapping.addr)[15], 0x1f);
    assert_int_equal(membus_space_budget_used(m.space), 16);
    assert_outcome(membus_map_close(&map, 0), MEMBUS_STATUS_OK, 0, 0);
    assert_trace("");
    assert_outcome(membus_map_open(&map, m.space, 0x10e8, 64, MEMBUS_MAP_WRITE, no_attrs),
                   MEMBUS_STATUS_OK, 0, 0x18); /* up to the end */
    assert_trace("");
    membus_mapping_write(&map.mapping, 0, "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
    assert_outcome(membus_map_close(&map, 12), MEMBUS_STATUS_OK, 0, 12);
    assert_trace("w8@e8=1 w4@f0=2 ");
    /* errors are reported: of filling, of writing back */
    assert_outcome(membus_map_open(&map, m.space, 0x10ee, 2, MEMBUS_MAP_READ, no_attrs),
                   MEMBUS_STATUS_DEVICE, 0x10ee, 0);
    assert_int_equal(membus_map_close(&map, 0).status, MEMBUS_STATUS_INVALID);
    assert_outcome(membus_map_open(&map, m.space, 0x10ec, 4, MEMBUS_MAP_WRITE, no_attrs),
                   MEMBUS_STATUS_OK, 0, 4);
    membus_region_set_enabled(membus_space_root(m.space), false);
    assert_outcome(membus_map_close(&map, 4), MEMBUS_STATUS_DECODE, 0x10ec, 0);
    membus_region_set_enabled(membus_space_root(m.space), true);
    assert_int_equal(membus_space_budget_used(m.space), 0);
}

static void wake(void *data)
{
    trace("wake%s ", (const char *)data);
}

static struct membus_map taken;

static void wake_and_take(void *data)
{
    wake(data);
    assert_int_equal(
        membus_map_open(&taken, m.space, 0x1000, 64, MEMBUS_MAP_WRITE, no_attrs).status,
        MEMBUS_STATUS_OK);
}

static void test_budget(void **state)
{
    struct membus_map a, b;
    struct membus_waiter *w[3];

    (void)state;
    put(new_io("", 0x1000, &io_ops), 0x1000, 0);
    assert_int_equal(MEMBUS_BOUNCE_BUDGET, 4 << 20);
    membus_space_set_budget(m.space, 100);
    assert_outcome(membus_map_open(&a, m.space, 0x1000, 0x1000, MEMBUS_MAP_WRITE, no_attrs),
                   MEMBUS_STATUS_OK, 0, 100); /* a part of what is over the budget */
    assert_outcome(membus_map_open(&b, m.space, 0x1000, 1, MEMBUS_MAP_WRITE, no_attrs),
                   MEMBUS_STATUS_BUDGET, 0x1000, 0);
    assert_int_equal(membus_map_close(&b, 0).status, MEMBUS_STATUS_INVALID);
    assert_int_equal(membus_waiter_new(&w[0], m.space, 64, wake_and_take, (void *)(uintptr_t) "A"),
                     0);
    assert_int_equal(membus_waiter_new(&w[1], m.space, 50, wake, (void *)(uintptr_t) "B"), 0);
    assert_int_equal(membus_waiter_new(&w[2], m.space, 1, wake, (void *)(uintptr_t) "C"), 0);
    assert_trace("");
    assert_int_equal(membus_waiter_delete(w[2], m.space), 0);
    assert_int_equal(membus_waiter_delete(w[2], m.space), -ENOENT);
    assert_int_equal(membus_map_close(&a, 0).status, MEMBUS_STATUS_OK);
    assert_trace("wakeA "); /* B needs more than A left */
    assert_int_equal(membus_waiter_new(&w[2], m.space, 1, wake, (void *)(uintptr_t) "D"), 0);
    assert_trace(""); /* D would have enough, but B is before it */
    assert_int_equal(membus_map_close(&taken, 0).status, MEMBUS_STATUS_OK);
    assert_trace("wakeB wakeD ");
    assert_int_equal(membus_waiter_new(&w[0], m.space, 1000, wake, (void *)(uintptr_t) "E"), 0);
    assert_null(w[0]);
    assert_trace("wakeE "); /* at once */
    membus_space_set_budget(m.space, 0);
    assert_outcome(membus_map_open(&a, m.space, 0x1000, 1, MEMBUS_MAP_WRITE, no_attrs),
                   MEMBUS_STATUS_BUDGET, 0x1000, 0);
    assert_int_equal(membus_waiter_new(&w[0], m.space, 1, wake, (void *)(uintptr_t) "F"), 0);
    membus_space_set_budget(m.space, 1);
    assert_trace("wakeF ");
    assert_int_equal(membus_space_budget_used(m.space), 0);
}

/* D5 */
/* The handle of a waiter that was woken cancels nobody, wherever the next one's memory is. */
static void test_late_waiter_delete(void **state)
{
    struct membus_waiter *late[64], *w = NULL;
    struct membus_map map;

    (void)state;
    put(new_io("", 0x1000, &io_ops), 0x1000, 0);
    membus_space_set_budget(m.space, 16);
    for (int i = 0; i < 64; i++) {
        membus_map_open(&map, m.space, 0x1000, 16, MEMBUS_MAP_WRITE, no_attrs);
        assert_int_equal(membus_waiter_new(&late[i], m.space, 16, wake, (void *)(uintptr_t) ""), 0);
        assert_int_equal(membus_map_close(&map, 0).status, MEMBUS_STATUS_OK);
        assert_trace("wake ");
    }
    membus_map_open(&map, m.space, 0x1000, 16, MEMBUS_MAP_WRITE, no_attrs);
    assert_int_equal(membus_waiter_new(&w, m.space, 16, wake, (void *)(uintptr_t) "W"), 0);
    for (int i = 0; i < 64; i++)
        assert_int_equal(membus_waiter_delete(late[i], m.space), -ENOENT);
    assert_int_equal(membus_waiter_delete(NULL, m.space), -ENOENT);
    assert_int_equal(membus_map_close(&map, 0).status, MEMBUS_STATUS_OK);
    assert_trace("wakeW ");
    assert_int_equal(membus_waiter_delete(w, m.space), -ENOENT);
}

/* A waiter that gives up lets those behind it go on. */
static void test_first_waiter_gives_up(void **state)
{
    struct membus_waiter *w[3];
    struct membus_map map;

    (void)state;
    put(new_io("", 0x1000, &io_ops), 0x1000, 0);
    membus_space_set_budget(m.space, 100);
    membus_map_open(&map, m.space, 0x1000, 60, MEMBUS_MAP_WRITE, no_attrs);
    assert_int_equal(membus_waiter_new(&w[0], m.space, 100, wake, (void *)(uintptr_t) "A"), 0);
    assert_int_equal(membus_waiter_new(&w[1], m.space, 40, wake, (void *)(uintptr_t) "B"), 0);
    assert_int_equal(membus_waiter_new(&w[2], m.space, 41, wake, (void *)(uintptr_t) "C"), 0);
    assert_int_equal(membus_waiter_delete(w[0], m.space), 0);
    assert_trace("wakeB ");
    assert_int_equal(membus_map_close(&map, 0).status, MEMBUS_STATUS_OK);
    assert_trace("wakeC ");
}

static void *change_budget(void *data)
{
    for (unsigned i = 0; i < 20000; i++)
        membus_space_set_budget(m.space, i & 1 ? 0 : 16);
    membus_space_set_budget(m.space, 16);
    __atomic_store_n((bool *)data, true, __ATOMIC_RELEASE);
    return NULL;
}

/* An open map has a byte at least, also while the budget changes. */
static void test_budget_changes(void **state)
{
    bool done = false;
    pthread_t thread;

    (void)state;
    put(new_io("", 0x1000, &io_ops), 0x1000, 0);
    membus_space_set_budget(m.space, 16);
    assert_int_equal(pthread_create(&thread, NULL, change_budget, &done), 0);
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        struct membus_map map;
        struct membus_outcome o =
            membus_map_open(&map, m.space, 0x1000, 32, MEMBUS_MAP_WRITE, no_attrs);

        if (o.status != MEMBUS_STATUS_OK)
            continue;
        assert_int_equal(o.bytes, 16);
        assert_int_equal(membus_map_close(&map, 0).status, MEMBUS_STATUS_OK);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(membus_space_budget_used(m.space), 0);
}

static void test_log_on_unmap(void **state)
{
    struct membus_region *ram = new_ram("ram", 0x4000);
    struct membus_log_snapshot *s;
    struct membus_map map;

    (void)state;
    put(ram, 0, 0);
    membus_map_open(&map, m.space, 0xff8, 0x1010, MEMBUS_MAP_READ | MEMBUS_MAP_WRITE, no_attrs);
    assert_int_equal(membus_region_log_start(ram, 0), 0); /* mapped before, written after */
    assert_int_equal(membus_map_close(&map, 9).status, MEMBUS_STATUS_OK);
    assert_int_equal(membus_region_log_snapshot(ram, &s, 0, 0, 0x4000), 0);
    assert_int_equal(membus_log_snapshot_count(s), 2);
    assert_true(membus_log_snapshot_dirty(s, 0, 1));
    assert_true(membus_log_snapshot_dirty(s, 0x1000, 1));
    membus_log_snapshot_free(s);
    assert_int_equal(membus_region_log_stop(ram, 0), 0);
}

/* D4 */
static void test_sglist(void **state)
{
    struct membus_region *ram = new_ram("ram", 0x4000);
    struct membus_sglist *list;
    struct membus_map maps[4];
    char buf[16] = {0};
    size_t count;

    (void)state;
    put(ram, 0, 0);
    put(new_io("", 0x100, &io_ops), 0x8000, 0);
    assert_int_equal(membus_sglist_new(&list, m.space, no_attrs), 0);
    assert_int_equal(membus_sglist_add(list, 0x3000, 3), 0);
    assert_int_equal(membus_sglist_add(list, 0x3003, 1), 0);
    assert_int_equal(membus_sglist_add(list, 0x1000, 4), 0);
    assert_int_equal(membus_sglist_add(list, 0x8000, 4), 0);
    assert_int_equal(membus_sglist_add(list, 0x9000, 0), 0);
    assert_int_equal(membus_sglist_add(list, UINT64_MAX, 2), -EOVERFLOW);
    assert_int_equal(membus_sglist_add(list, 0, UINT64_MAX), -EOVERFLOW);
    assert_int_equal(membus_sglist_count(list), 3);
    assert_int_equal(membus_sglist_size(list), 12);
    assert_outcome(membus_sglist_write(list, 2, "abcdefgh", 8), MEMBUS_STATUS_OK, 0, 8);
    assert_trace("w2@0=6867 ");
    assert_memory_equal(memory_of(ram) + 0x3000, "\0\0ab", 4);
    assert_memory_equal(memory_of(ram) + 0x1000, "cdef", 4);
    assert_outcome(membus_sglist_read(list, buf, 5, 3), MEMBUS_STATUS_OK, 0, 5);
    assert_string_equal(buf, "bcdef");
    assert_outcome(membus_sglist_read(list, buf, 5, 8), MEMBUS_STATUS_RANGE, 0, 0);
    assert_outcome(membus_sglist_read(list, buf, 0, 12), MEMBUS_STATUS_OK, 0, 0);
    assert_trace("");
    /* mapped: all of it, or nothing */
    assert_outcome(membus_sglist_map(list, maps, 2, &count, MEMBUS_MAP_WRITE), MEMBUS_STATUS_RANGE,
                   0x8000, 0);
    assert_int_equal(count, 0);
    assert_outcome(membus_sglist_map(list, maps, 4, &count, MEMBUS_MAP_WRITE), MEMBUS_STATUS_OK, 0,
                   12);
    assert_int_equal(count, 3);
    assert_ptr_equal(maps[1].mapping.addr, memory_of(ram) + 0x1000);
    membus_fill(maps[2].mapping.addr, 0x77, 4);
    assert_outcome(membus_sglist_unmap(list, maps, count, 10), MEMBUS_STATUS_OK, 0, 10);
    assert_trace("w2@0=7777 ");
    membus_space_set_budget(m.space, 0);
    assert_outcome(membus_sglist_map(list, maps, 4, &count, MEMBUS_MAP_WRITE), MEMBUS_STATUS_BUDGET,
                   0x8000, 0);
    assert_int_equal(membus_map_close(&maps[0], 0).status, MEMBUS_STATUS_INVALID);
    membus_sglist_delete(list);
}

/* A list that needs more than the budget will never have it: that is no reason to wait. */
static void test_sglist_over_budget(void **state)
{
    struct membus_sglist *list;
    struct membus_map maps[4], other;
    size_t count;

    (void)state;
    put(new_io("", 0x1000, &io_ops), 0x1000, 0);
    membus_space_set_budget(m.space, 64);
    assert_int_equal(membus_sglist_new(&list, m.space, no_attrs), 0);
    assert_int_equal(membus_sglist_add(list, 0x1000, 40), 0);
    assert_int_equal(membus_sglist_add(list, 0x1100, 24), 0);
    /* while others hold some: wait */
    assert_int_equal(membus_map_open(&other, m.space, 0x1200, 1, MEMBUS_MAP_WRITE, no_attrs).status,
                     MEMBUS_STATUS_OK);
    assert_outcome(membus_sglist_map(list, maps, 4, &count, MEMBUS_MAP_WRITE), MEMBUS_STATUS_BUDGET,
                   0x1100, 0);
    assert_int_equal(membus_map_close(&other, 0).status, MEMBUS_STATUS_OK);
    assert_outcome(membus_sglist_map(list, maps, 4, &count, MEMBUS_MAP_WRITE), MEMBUS_STATUS_OK, 0,
                   64);
    assert_outcome(membus_sglist_unmap(list, maps, count, 0), MEMBUS_STATUS_OK, 0, 0);
    /* one byte too many, in a piece of its own, and in one piece that is larger by itself */
    assert_int_equal(membus_sglist_add(list, 0x1200, 1), 0);
    assert_outcome(membus_sglist_map(list, maps, 4, &count, MEMBUS_MAP_WRITE),
                   MEMBUS_STATUS_INVALID, 0x1200, 0);
    assert_int_equal(count, 0);
    membus_space_set_budget(m.space, 39);
    assert_outcome(membus_sglist_map(list, maps, 4, &count, MEMBUS_MAP_WRITE),
                   MEMBUS_STATUS_INVALID, 0x1027, 0);
    assert_int_equal(membus_space_budget_used(m.space), 0);
    membus_space_set_budget(m.space, 65);
    assert_outcome(membus_sglist_map(list, maps, 4, &count, MEMBUS_MAP_WRITE), MEMBUS_STATUS_OK, 0,
                   65);
    assert_outcome(membus_sglist_unmap(list, maps, count, 0), MEMBUS_STATUS_OK, 0, 0);
    membus_sglist_delete(list);
}

static void test_sglist_limit(void **state)
{
    struct membus_sglist *list;

    (void)state;
    assert_int_equal(membus_sglist_new(&list, m.space, no_attrs), 0);
    for (uint64_t i = 0; i < MEMBUS_SGLIST_MAX; i++)
        assert_int_equal(membus_sglist_add(list, i * 16, 8), 0);
    assert_int_equal(membus_sglist_add(list, 1 << 30, 8), -E2BIG);
    assert_int_equal(membus_sglist_add(list, MEMBUS_SGLIST_MAX * 16ull - 8, 8), 0); /* goes on */
    assert_int_equal(membus_sglist_size(list), MEMBUS_SGLIST_MAX * 8ull + 8);
    membus_sglist_delete(list);
}

/* D4: a ring goes where the space goes, before and after a change. */
static void test_ring(void **state)
{
    struct membus_region *a = new_ram("a", 0x1000), *b = new_ram("b", 0x1000);
    struct membus_ring *ring;
    uint16_t v16;
    uint32_t v;
    char buf[4];

    (void)state;
    put(a, 0x1000, 0);
    assert_int_equal(membus_ring_new(&ring, m.space, 0x1100, 0, no_attrs), -EINVAL);
    assert_int_equal(membus_ring_new(&ring, m.space, UINT64_MAX, 2, no_attrs), -EOVERFLOW);
    assert_int_equal(membus_ring_new(&ring, m.space, 0x1100, 0x100, no_attrs), 0);
    assert_false(membus_ring_changed(ring));
    assert_outcome(membus_ring_store_le32(ring, 4, 0x01020304), MEMBUS_STATUS_OK, 0, 4);
    assert_memory_equal(memory_of(a) + 0x104, "\4\3\2\1", 4);
    assert_outcome(membus_ring_load_le16(ring, &v16, 6), MEMBUS_STATUS_OK, 0, 2);
    assert_int_equal(v16, 0x0102);
    assert_outcome(membus_ring_load_le32(ring, &v, 0xfd), MEMBUS_STATUS_RANGE, 0x1100, 0);
    assert_outcome(membus_ring_write(ring, 0xff, "xy", 2), MEMBUS_STATUS_RANGE, 0x1100, 0);
    put(b, 0x1000, 1);
    assert_true(membus_ring_changed(ring));
    assert_outcome(membus_ring_write(ring, 0, "new", 4), MEMBUS_STATUS_OK, 0, 4);
    assert_false(membus_ring_changed(ring));
    assert_string_equal((char *)memory_of(b) + 0x100, "new");
    assert_int_equal(membus_region_delete(b), 0);
    assert_outcome(membus_ring_read(ring, buf, 4, 4), MEMBUS_STATUS_OK, 0, 4);
    assert_memory_equal(buf, "\4\3\2\1", 4);
    /* logged, read-only, gone */
    assert_int_equal(membus_region_log_start(a, 0), 0);
    assert_outcome(membus_ring_write(ring, 0, "log", 4), MEMBUS_STATUS_OK, 0, 4);
    struct membus_log_snapshot *s;
    assert_int_equal(membus_region_log_snapshot(a, &s, 0, 0, 1), 0);
    assert_int_equal(membus_log_snapshot_count(s), 1);
    membus_log_snapshot_free(s);
    membus_region_set_readonly(a, true);
    assert_outcome(membus_ring_write(ring, 0, "rom", 4), MEMBUS_STATUS_DECODE, 0x1100, 0);
    assert_outcome(membus_ring_read(ring, buf, 4, 0), MEMBUS_STATUS_OK, 0, 4);
    assert_string_equal(buf, "log");
    membus_region_set_enabled(a, false);
    assert_outcome(membus_ring_read(ring, buf, 4, 0), MEMBUS_STATUS_DECODE, 0x1100, 0);
    membus_ring_delete(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_map_ram),
        CASE(test_map_arguments),
        CASE(test_map_device),
        CASE(test_bounce),
        CASE(test_budget),
        CASE(test_late_waiter_delete),
        CASE(test_first_waiter_gives_up),
        CASE(test_budget_changes),
        CASE(test_log_on_unmap),
        CASE(test_sglist),
        CASE(test_sglist_limit),
        CASE(test_sglist_over_budget),
        CASE(test_ring),
    };

    return RUN_TESTS(tests);
}
