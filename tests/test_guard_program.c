/* SPDX-License-Identifier: MIT */

/*
 * A program with a SIGBUS handler of its own, and membus's guard beside it. Every public function
 * of the copy and of the memory core that touches memory is called on memory that has gone: what
 * faults is not guarded, so the program's handler must get it. The handler brings the memory back
 * and returns, so the call ends well, and the next one starts anew. The other functions are called
 * between, and leave the handler where it is.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>

#include "hostile_machine.h"

#define PAGE 4096u

static struct machine m;
static int ram_fd;
static char *memory; /* the machine's RAM, here */
static volatile sig_atomic_t calls;
static const void *volatile fault_at;

static void bring_back(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    calls++;
    fault_at = info->si_addr;
    if (ftruncate(ram_fd, RAM_SIZE) != 0)
        _exit(99);
}

static void take_away(void)
{
    assert_int_equal(ftruncate(ram_fd, PAGE), 0); /* all but the first page */
    calls = 0;
}

/* Since take_away(), the program's handler was called, for an address in the RAM. */
static void handler_got_it(const char *what)
{
    if (calls < 1)
        fail_msg("%s: the program's handler got nothing", what);
    if ((const char *)fault_at < memory + PAGE || (const char *)fault_at >= memory + RAM_SIZE)
        fail_msg("%s: fault at %p, not in the RAM", what, fault_at);
}

#define GONE(call)             \
    do {                       \
        take_away();           \
        call;                  \
        handler_got_it(#call); \
    } while (0)

static void start(void)
{
    struct sigaction action = {.sa_sigaction = bring_back, .sa_flags = SA_SIGINFO};
    uint64_t offset;

    assert_int_equal(sigaction(SIGBUS, &action, NULL), 0);
    machine_start(&m); /* its guarded BAR installs ours over it */
    assert_true(membus_guard_installed());
    memory = m.ram_memory;
    ram_fd = membus_region_fd(m.ram, &offset);
    assert_true(ram_fd >= 0);
}

static void test_copy(void **state)
{
    static char buf[2 * PAGE];
    struct membus_mapping ram, plain;
    struct membus_result r;

    (void)state;
    start();
    ram = membus_region_mapping(m.ram);
    plain = membus_mapping_ram(buf, sizeof(buf));
    GONE(membus_copy(memory + PAGE + 8, buf, 300));
    GONE(membus_copy(buf, memory + PAGE + 8, 300));
    GONE((membus_copy)(memory + 2 * PAGE, buf, 8));
    GONE(membus_move(memory + PAGE + 8, memory + PAGE, 300));
    GONE(membus_move(memory + PAGE + 3, memory + PAGE, 6000));
    GONE(membus_fill(memory + PAGE, 3, 70));
    GONE(r = membus_transfer(&ram, PAGE, &plain, 0, 1000, NULL, MEMBUS_ORDER_STRICT));
    assert_int_equal(r.bytes, 1000);
    GONE(membus_mapping_write(&ram, PAGE, buf, 100));
    GONE(membus_mapping_read(&ram, PAGE, buf, 100));
    GONE(membus_mapping_fill(&ram, PAGE, 1, 100));
    ram.mode = MEMBUS_CACHE_DEVICE;
    GONE(membus_mapping_write(&ram, PAGE, buf, 100));
    GONE(membus_mapping_read(&ram, PAGE, buf, 100));
    GONE(membus_mapping_fill(&ram, PAGE, 1, 100));
#if MEMBUS_ARCH_MMIO_WIDTH >= 4
    GONE(membus_mmio_write_32(memory + PAGE, 1));
    GONE(membus_mmio_read_32(memory + PAGE));
#endif
    GONE(membus_ram_store_64(memory + PAGE, 1));

    /* what touches no memory */
    assert_non_null(membus_kernel_name());
    assert_int_equal(membus_kernel_select(membus_kernel_usable(0)), 0);
    assert_int_equal(membus_move_reserve(1 << 16, 1), 0);
    assert_int_equal(membus_move_reserve(0, 1), 0);
    assert_int_equal(membus_mapping_permit(&ram, 0, 4, MEMBUS_ACCESS_LOAD).error, 0);
    assert_int_equal(membus_mapping_check(&ram, 0, 4), 0);
    assert_non_null(membus_mapping_rule(MEMBUS_CACHE_NORMAL));
    GONE(membus_fill(memory + PAGE, 3, 70));
    machine_stop(&m);
}

#define LOAD(mark, width)                                                                \
    do {                                                                                 \
        uint##width##_t value;                                                           \
        GONE(membus_space_load_##mark##width(m.space, &value, PAGE + 16, no_attrs));     \
        GONE(membus_space_store_##mark##width(m.space, PAGE + 16, (uint##width##_t)0x5a, \
                                              no_attrs));                                \
        membus_space_load_##mark##width(m.space, &value, PAGE + 16, no_attrs);           \
        assert_int_equal(value, 0x5a);                                                   \
    } while (0)

static void test_space(void **state)
{
    static char buf[2 * PAGE];
    struct membus_outcome o;

    (void)state;
    start();
    memset(buf, 9, sizeof(buf));
    GONE(o = membus_space_write(m.space, PAGE - 8, buf, PAGE, no_attrs));
    assert_int_equal(o.status, MEMBUS_STATUS_OK);
    assert_int_equal(o.bytes, PAGE);
    GONE(o = membus_space_read(m.space, buf, PAGE, PAGE + 8, no_attrs));
    assert_int_equal(o.bytes, PAGE);
    GONE(membus_space_fill(m.space, PAGE, 7, PAGE, no_attrs));
    GONE(membus_space_copy(m.space, 3 * PAGE, m.space, 5 * PAGE, 100, no_attrs));
    take_away(); /* the BAR is guarded, and with it both sides of the copy */
    o = membus_space_copy(m.space, BAR_AT, m.space, PAGE, 100, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_DEVICE);
    assert_int_equal(calls, 0);
    GONE(membus_space_copy(m.space, SLOW_AT, m.space, PAGE, 100, no_attrs));
    LOAD(, 8);
    LOAD(, 16);
    LOAD(, 32);
    LOAD(, 64);
    LOAD(le, 16);
    LOAD(le, 32);
    LOAD(le, 64);
    LOAD(be, 16);
    LOAD(be, 32);
    LOAD(be, 64);
    machine_stop(&m);
}

static void test_dma(void **state)
{
    static char buf[PAGE];
    struct membus_map map, maps[2];
    struct membus_ring *ring;
    struct membus_sglist *list;
    uint64_t v64;
    uint32_t v32;
    uint16_t v16;
    size_t count;

    (void)state;
    start();
    assert_int_equal(membus_ring_new(&ring, m.space, PAGE, PAGE, no_attrs), 0);
    GONE(membus_ring_write(ring, 0, buf, 100));
    GONE(membus_ring_read(ring, buf, 100, 0));
    GONE(membus_ring_store_le16(ring, 0, 1));
    GONE(membus_ring_store_le32(ring, 0, 1));
    GONE(membus_ring_store_le64(ring, 0, 1));
    GONE(membus_ring_load_le16(ring, &v16, 0));
    GONE(membus_ring_load_le32(ring, &v32, 0));
    GONE(membus_ring_load_le64(ring, &v64, 0));
    membus_ring_delete(ring);

    assert_int_equal(membus_sglist_new(&list, m.space, no_attrs), 0);
    assert_int_equal(membus_sglist_add(list, PAGE, 64), 0);
    assert_int_equal(membus_sglist_add(list, 3 * PAGE, 64), 0);
    GONE(membus_sglist_write(list, 0, buf, 128));
    GONE(membus_sglist_read(list, buf, 128, 0));
    assert_int_equal(membus_sglist_map(list, maps, 2, &count, MEMBUS_MAP_WRITE).status, 0);
    GONE(membus_copy(maps[1].mapping.addr, buf, 64));
    membus_sglist_unmap(list, maps, count, 128);
    membus_sglist_delete(list);

    assert_int_equal(membus_map_open(&map, m.space, PAGE, PAGE, MEMBUS_MAP_WRITE, no_attrs).status,
                     0);
    GONE(membus_mapping_write(&map.mapping, 0, buf, PAGE));
    membus_map_close(&map, PAGE);
    machine_stop(&m);
}

/* The tree, transactions, logs, listeners, views: then a fault still finds the program's handler.
 */

static int see_range(void *data, const struct membus_range *range)
{
    (void)data, (void)range;
    return 0;
}

static int see_region(void *data, struct membus_region *region)
{
    (void)data, (void)region;
    return 0;
}

static void test_tree(void **state)
{
    static const struct membus_listener_ops ops = {0};
    struct membus_region *r, *alias;
    struct membus_listener *listener;
    struct membus_log_snapshot *snapshot;
    struct membus_view_stats stats;
    struct membus_range range;

    (void)state;
    start();
    assert_int_equal(membus_listener_new(&listener, m.space, 0, &ops, NULL), 0);
    assert_int_equal(membus_region_log_start(m.ram, 0), 0);
    GONE(membus_space_fill(m.space, PAGE, 7, PAGE, no_attrs));
    assert_int_equal(membus_region_log_snapshot(m.ram, &snapshot, 0, 0, RAM_SIZE), 0);
    assert_int_equal(membus_log_snapshot_count(snapshot), 1);
    membus_log_snapshot_free(snapshot);
    assert_int_equal(membus_region_log_stop(m.ram, 0), 0);
    assert_int_equal(membus_region_new_ram_resizable(&r, "r", PAGE, 4 * PAGE), 0);
    assert_int_equal(membus_region_add(m.root, 0x50000000, r, 1), 0);
    assert_int_equal(membus_region_set_size(r, 2 * PAGE), 0);
    assert_int_equal(membus_region_new_alias(&alias, "alias", m.ram, PAGE, PAGE), 0);
    assert_int_equal(membus_region_add(m.root, 0x60000000, alias, 1), 0);
    GONE(membus_space_fill(m.space, 0x60000000, 7, PAGE, no_attrs));
    assert_int_equal(membus_region_set_alias(alias, m.ram, 2 * PAGE), 0);
    assert_int_equal(membus_region_set_readonly(r, true), 0);
    assert_int_equal(membus_region_set_enabled(r, false), 0);
    membus_region_children(m.root, see_region, NULL);
    membus_space_ranges(m.space, see_range, NULL);
    membus_space_stats(m.space, &stats);
    assert_int_equal(membus_space_find(m.space, &range, 0), 0);
    assert_int_equal(membus_listener_delete(listener), 0);
    assert_int_equal(membus_region_delete(alias), 0);
    assert_int_equal(membus_region_delete(r), 0);
    assert_int_equal(membus_synchronize(), 0);
    GONE(membus_space_fill(m.space, PAGE, 7, PAGE, no_attrs));
    machine_stop(&m);
}

/* And the other way round: what is guarded does not reach the program. */
static void test_guarded(void **state)
{
    static char buf[PAGE];

    (void)state;
    start();
    take_away();
    assert_int_equal(membus_guard_copy(memory + 2 * PAGE, buf, PAGE, NULL), 0);
    assert_int_equal(ftruncate(m.bar_fd, 0), 0);
    assert_int_equal(membus_space_read(m.space, buf, PAGE, BAR_AT, no_attrs).status,
                     MEMBUS_STATUS_DEVICE);
    assert_int_equal(calls, 0);
    assert_int_equal(ftruncate(ram_fd, RAM_SIZE), 0);
    machine_stop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy), cmocka_unit_test(test_space),   cmocka_unit_test(test_dma),
        cmocka_unit_test(test_tree), cmocka_unit_test(test_guarded),
    };

    return RUN_TESTS(tests);
}
