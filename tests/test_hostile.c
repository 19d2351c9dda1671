/* SPDX-License-Identifier: MIT */

/*
 * Hostile guests. Each scenario has the attacker as a thread, runs for a bounded time (see
 * MEMBUS_HOSTILE_MS), and names the public class of vulnerability it stands for. They are meant
 * to be run under the address and thread sanitizers too.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "hostile_machine.h"

/*
 * Double fetch (CVE-2015-8550, XSA-155; CWE-367): the guest changes a descriptor between the
 * device's check and its use. A device that loads it once, whole, sees one of the guest's two
 * valid descriptors, never a mix; and what it has checked is what it uses.
 */

#define DESCRIPTOR_AT 0x8000u
#define SMALL         (UINT64_C(0x00020000) << 32 | 16) /* address, length */
#define LARGE         (UINT64_C(0x00040000) << 32 | 256)

static void flip_descriptor(void *data, unsigned turn)
{
    struct machine *m = data;

    membus_ram_store_le64(m->ram_memory + DESCRIPTOR_AT, turn & 1 ? SMALL : LARGE);
}

/* The rule that a device checks: the buffer at 0x20000 has 16 bytes, the one at 0x40000 256. */
static bool descriptor_valid(uint64_t d)
{
    return d == SMALL || d == LARGE;
}

static void test_double_fetch(void **state)
{
    static struct machine m;
    struct attacker attacker;
    uint64_t begin, fetched, twice = 0, count = 0;

    (void)state;
    machine_start(&m);
    flip_descriptor(&m, 0);
    attacker_start(&attacker, flip_descriptor, &m);
    for (begin = now_ms(); time_left(begin, twice > 0); count++) {
        assert_int_equal(membus_space_load_le64(m.space, &fetched, DESCRIPTOR_AT, no_attrs).status,
                         0);
        if (!descriptor_valid(fetched))
            fail_msg("a mix of two descriptors: %llx", (unsigned long long)fetched);
        /* What the careless device does, so that the race is known to be there: two fetches. */
        uint32_t length, address;

        membus_space_load_le32(m.space, &length, DESCRIPTOR_AT, no_attrs);
        if (count % 64 == 0)
            sched_yield();
        membus_space_load_le32(m.space, &address, DESCRIPTOR_AT + 4, no_attrs);
        twice += !descriptor_valid((uint64_t)address << 32 | length);
    }
    attacker_stop(&attacker);
    printf("# %llu descriptors whole; fetched in two parts, %llu were a mix\n",
           (unsigned long long)count, (unsigned long long)twice);
    assert_true(twice > 0);
    machine_stop(&m);
}

/*
 * A BAR moved, disabled and deleted under a running DMA: memory used after it was unmapped
 * (CVE-2021-3748 in QEMU's virtio-net; CWE-416). A reader sees the old view or the new one, whole;
 * memory lives until the last access is over.
 */

struct remap {
    struct machine *m;
    struct membus_region *extra;
};

static void remap(void *data, unsigned turn)
{
    struct remap *r = data;
    static const uint64_t places[] = {BAR_AT, BAR_AT + 0x8000, 0x1000, RAM_SIZE - 0x8000};

    switch (turn % 6) {
    case 0:
        membus_region_set_enabled(r->m->bar, false);
        break;
    case 1:
        membus_region_set_offset(r->m->bar, places[turn / 6 % 4]);
        break;
    case 2:
        membus_region_set_enabled(r->m->bar, true);
        break;
    case 3: /* a region that comes... */
        membus_region_new_ram(&r->extra, "extra", 0x4000);
        membus_region_add(r->m->root, BAR_AT + 0x4000, r->extra, 7);
        break;
    case 4:
        membus_region_set_priority(r->m->bar, turn / 6 % 2 ? 1 : -1);
        break;
    default: /* ... and goes for good */
        membus_region_delete(r->extra);
        r->extra = NULL;
    }
}

static void check_status(struct membus_outcome r, uint64_t n)
{
    if (r.status != MEMBUS_STATUS_OK && r.status != MEMBUS_STATUS_DECODE)
        fail_msg("status %s", membus_status_name(r.status));
    assert_true(r.status == MEMBUS_STATUS_OK ? r.bytes == n : r.bytes < n);
}

static void test_remap_during_dma(void **state)
{
    static struct machine m;
    static char buf[BAR_SIZE + 0x2000];
    struct remap r = {&m, NULL};
    struct attacker attacker;
    uint64_t begin, count = 0, decode = 0;

    (void)state;
    machine_start(&m);
    attacker_start(&attacker, remap, &r);
    for (begin = now_ms(); time_left(begin, attacker.turns > 12); count++) {
        struct membus_outcome o;
        struct membus_map map;

        o = membus_space_write(m.space, BAR_AT - 0x1000, buf, sizeof(buf), no_attrs);
        check_status(o, sizeof(buf));
        decode += o.status == MEMBUS_STATUS_DECODE;
        check_status(membus_space_read(m.space, buf, sizeof(buf), BAR_AT - 0x1000, no_attrs),
                     sizeof(buf));
        check_status(membus_space_copy(m.space, 0x80, m.space, BAR_AT, BAR_SIZE, no_attrs),
                     BAR_SIZE);
        o = membus_map_open(&map, m.space, BAR_AT + 0x4000, 0x1000, MEMBUS_MAP_WRITE, no_attrs);
        if (o.status == MEMBUS_STATUS_OK) {
            /* pinned: its memory is there whatever the view says by now */
            membus_mapping_fill(&map.mapping, 0, 0x5a, o.bytes);
            membus_map_close(&map, o.bytes);
        }
    }
    attacker_stop(&attacker);
    if (r.extra)
        membus_region_delete(r.extra);
    printf("# %llu rounds of DMA under %u changes; %llu met a hole\n", (unsigned long long)count,
           attacker.turns, (unsigned long long)decode);
    assert_true(attacker.turns > 12);
    machine_stop(&m);
}

/*
 * DMA at the device's own registers (CVE-2021-3750, CVE-2021-3929, CVE-2022-2962: QEMU's EHCI, NVMe
 * and Tulip; CWE-674): the access from within the callback is denied, and the device goes on.
 */
static void test_reentrancy(void **state)
{
    static struct machine m;
    uint64_t begin;

    (void)state;
    machine_start(&m);
    for (begin = now_ms(); time_left(begin, true);) {
        const unsigned denied = m.engine_denied;

        /* its own start register; one that straddles into it; all of itself */
        for (uint64_t to = ENGINE_AT - 56; to <= ENGINE_AT + 8; to += 8) {
            membus_space_store_le64(m.space, ENGINE_AT, to, no_attrs);
            assert_int_equal(membus_space_store_le64(m.space, ENGINE_AT + 8, 1, no_attrs).status,
                             0);
        }
        assert_true(m.engine_denied > denied);
        /* and RAM, which is none of that */
        membus_space_store_le64(m.space, ENGINE_AT, 0x3000, no_attrs);
        membus_space_store_le64(m.space, ENGINE_AT + 8, 1, no_attrs);
        assert_int_equal(m.ram_memory[0x3000], 1);
        m.ram_memory[0x3000] = 0;
    }
    assert_int_equal(m.depth_most, 1);
    printf("# %u calls, %u denied, depth %u\n", m.engine_calls, m.engine_denied, m.depth_most);
    machine_stop(&m);
}

/* Two devices that point their DMA at each other: the second call of either is denied. */

struct pair {
    struct machine *m;
    struct membus_region *region[2];
    struct half {
        struct pair *pair;
        unsigned number, depth, most, calls;
    } half[2];
};

static enum membus_status pair_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                     struct membus_attrs attrs)
{
    struct half *h = data;

    (void)offset, (void)value, (void)size;
    h->calls++;
    h->depth++;
    h->most = h->depth > h->most ? h->depth : h->most;
    membus_space_store_le64(h->pair->m->space, 0x40000000u + 0x1000u * !h->number, 1, attrs);
    h->depth--;
    return MEMBUS_STATUS_OK;
}

static void test_ping_pong(void **state)
{
    static const struct membus_region_ops ops = {
        .write = pair_write, .valid = {.max = 8}, .impl = {.max = 8}};
    static struct machine m;
    struct pair p = {.m = &m};

    (void)state;
    machine_start(&m);
    for (unsigned i = 0; i < 2; i++) {
        p.half[i].pair = &p;
        p.half[i].number = i;
        membus_region_new_io(&p.region[i], "half", 0x1000, &ops, &p.half[i]);
        membus_region_add(m.root, 0x40000000u + 0x1000u * i, p.region[i], 0);
    }
    membus_space_store_le64(m.space, 0x40000000u, 1, no_attrs);
    assert_int_equal(p.half[0].calls, 1);
    assert_int_equal(p.half[1].calls, 1);
    assert_int_equal(p.half[0].most, 1);
    membus_region_delete(p.region[0]);
    membus_region_delete(p.region[1]);
    machine_stop(&m);
}

/*
 * A cached translation that points to registers (CVE-2020-27821 in QEMU; CWE-787): the guest
 * puts a BAR over its ring. The ring's accesses go where the space's would.
 */

static void cover_ring(void *data, unsigned turn)
{
    struct machine *m = data;

    membus_region_set_offset(m->slow, turn & 1 ? 0x6000 : SLOW_AT);
}

static void test_cached_ring(void **state)
{
    static struct machine m;
    struct attacker attacker;
    struct membus_ring *ring;
    uint64_t begin, count = 0, changed = 0;

    (void)state;
    machine_start(&m);
    assert_int_equal(membus_region_set_priority(m.slow, 9), 0);
    assert_int_equal(membus_ring_new(&ring, m.space, 0x8000, 0x1000, no_attrs), 0);
    attacker_start(&attacker, cover_ring, &m);
    for (begin = now_ms(); time_left(begin, changed > 0); count++) {
        uint64_t value = 0;

        changed += membus_ring_changed(ring);
        assert_int_equal(membus_ring_store_le64(ring, 0x10, 0x1122334455667788).status, 0);
        assert_int_equal(membus_ring_load_le64(ring, &value, 0x10).status, 0);
        assert_true(value == 0x1122334455667788 || value == 0);
    }
    attacker_stop(&attacker);
    membus_ring_delete(ring);
    printf("# %llu accesses, the view changed %llu times between\n", (unsigned long long)count,
           (unsigned long long)changed);
    assert_true(changed > 0);
    machine_stop(&m);
}

/*
 * Addresses near 2^64, lengths that wrap, holes, and accesses across the end of a region
 * (CVE-2020-13754 in QEMU's MSI-X; CWE-190, CWE-125). An error or a hole, never a wrap; and a hole
 * of a gigabyte is no loop over words.
 */
static void test_unassigned_and_wrap(void **state)
{
    static struct machine m;
    static char buf[4096];
    struct membus_outcome o;
    uint64_t value = 1, begin;

    (void)state;
    machine_start(&m);
    memset(buf, 0x77, sizeof(buf));
    o = membus_space_read(m.space, buf, 2, UINT64_MAX, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_RANGE);
    assert_int_equal(o.bytes, 0);
    assert_int_equal(buf[0], 0x77);
    o = membus_space_read(m.space, buf, 1, UINT64_MAX, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_DECODE);
    assert_int_equal(buf[0], 0);
    o = membus_space_write(m.space, UINT64_MAX - 4094, buf, 4096, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_RANGE);
    o = membus_space_load_le64(m.space, &value, UINT64_MAX - 6, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_RANGE);
    o = membus_space_copy(m.space, UINT64_MAX - 7, m.space, 0, 16, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_RANGE);
    o = membus_space_copy(m.space, 0, m.space, UINT64_MAX - 7, 16, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_RANGE);
    /* across the end of RAM: what is there arrives, the rest is a hole */
    o = membus_space_write(m.space, RAM_SIZE - 3, buf, 16, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_DECODE);
    assert_int_equal(o.addr, RAM_SIZE);
    assert_int_equal(o.bytes, 3);
    /* across the end of the callbacks: no piece of it reaches past them */
    o = membus_space_load_le64(m.space, &value, SLOW_AT + SLOW_SIZE - 4, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_DECODE);
    assert_int_equal(o.addr, SLOW_AT + SLOW_SIZE);

    begin = now_ms();
    o = membus_space_fill(m.space, UINT64_C(1) << 40, 0, UINT64_C(1) << 62, no_attrs);
    assert_int_equal(o.status, MEMBUS_STATUS_DECODE);
    assert_true(now_ms() - begin < 1000);
    machine_stop(&m);
}

/*
 * The bounce budget flooded (CWE-770), and a bounce buffer's rest written back to the guest
 * (CVE-2024-8612, CWE-200). Others get BUDGET and are woken, nothing leaks, and all of it is
 * given back.
 */

static void flood(void *data, unsigned turn)
{
    struct machine *m = data;
    struct membus_map map[40];
    unsigned open = 0;

    (void)turn;
    for (unsigned i = 0; i < 40; i++) {
        const uint64_t len = 1 + turn * 977 % SLOW_SIZE;

        if (membus_map_open(&map[open], m->space, SLOW_AT, len, MEMBUS_MAP_READ, no_attrs).status ==
            MEMBUS_STATUS_OK)
            open++;
    }
    sched_yield();
    while (open)
        membus_map_close(&map[--open], 0);
}

static void woken(void *data)
{
    atomic_store((atomic_bool *)data, true);
}

static void test_bounce_flood(void **state)
{
    static struct machine m;
    struct attacker attacker[2];
    uint64_t begin, served = 0, waited = 0;

    (void)state;
    machine_start(&m);
    membus_space_set_budget(m.space, 0x40000);
    for (unsigned i = 0; i < 2; i++)
        attacker_start(&attacker[i], flood, &m);
    for (begin = now_ms(); time_left(begin, served > 0);) {
        struct membus_map map;
        struct membus_outcome o =
            membus_map_open(&map, m.space, SLOW_AT + 0x100, 0x1000, MEMBUS_MAP_WRITE, no_attrs);

        assert_true(membus_space_budget_used(m.space) <= 0x40000);
        if (o.status == MEMBUS_STATUS_BUDGET) {
            atomic_bool now = false;
            struct membus_waiter *waiter;

            assert_int_equal(membus_waiter_new(&waiter, m.space, 0x1000, woken, &now), 0);
            while (!atomic_load(&now))
                sched_yield();
            waited++;
            continue;
        }
        assert_int_equal(o.status, MEMBUS_STATUS_OK);
        assert_true(map.bounced);
        /* the device wrote 16 bytes of the 4096 it had asked for */
        for (unsigned i = 0; i < SLOW_SIZE; i++) /* the attackers read them meanwhile */
            __atomic_store_n(&m.slow_bytes[i], 0x33, __ATOMIC_RELAXED);
        memset(map.mapping.addr, 0x44, 16);
        assert_int_equal(membus_map_close(&map, 16).status, MEMBUS_STATUS_OK);
        for (unsigned i = 0x100; i < 0x1100; i++)
            assert_int_equal(m.slow_bytes[i], i < 0x110 ? 0x44 : 0x33);
        served++;
    }
    for (unsigned i = 0; i < 2; i++)
        attacker_stop(&attacker[i]);
    printf("# served %llu times, waited %llu times\n", (unsigned long long)served,
           (unsigned long long)waited);
    assert_true(served > 0);
    assert_int_equal(membus_space_budget_used(m.space), 0);
    machine_stop(&m);
}

/*
 * Memory decoding turned off while the VMM touches the BAR (CVE-2020-12888, which crashed hosts;
 * since its fix the VMM gets SIGBUS, here by a truncated file; CWE-248). Accesses end with an
 * error, reads give all ones, the count is exact, and the process lives.
 */

static void decode_off_and_on(void *data, unsigned turn)
{
    struct machine *m = data;

    if (ftruncate(m->bar_fd, (off_t)(turn & 1 ? BAR_SIZE : turn * 4096 % BAR_SIZE)) != 0)
        abort();
    sched_yield(); /* where both share a CPU, the other is to see either state */
}

static void test_decode_off(void **state)
{
    static struct machine m;
    static char buf[BAR_SIZE], ones[BAR_SIZE];
    struct attacker attacker;
    uint64_t begin, count = 0, gone = 0;

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    machine_start(&m);
    attacker_start(&attacker, decode_off_and_on, &m);
    for (begin = now_ms(); time_left(begin, gone > 0); count++) {
        const size_t n = 1 + (count * 7919) % (BAR_SIZE - 1);
        struct membus_outcome o;
        uint32_t value = 0;

        o = membus_space_read(m.space, buf, n, BAR_AT, no_attrs);
        assert_true(o.status == MEMBUS_STATUS_OK ? o.bytes == n : o.bytes < n);
        if (o.status != MEMBUS_STATUS_OK) {
            assert_int_equal(o.status, MEMBUS_STATUS_DEVICE);
            assert_int_equal(o.addr, BAR_AT + o.bytes);
            assert_memory_equal(buf + o.bytes, ones, n - o.bytes);
            gone++;
        }
        memset(buf, 0x21, sizeof(buf));
        o = membus_space_write(m.space, BAR_AT, buf, n, no_attrs);
        assert_true(o.status == MEMBUS_STATUS_OK || o.status == MEMBUS_STATUS_DEVICE);
        o = membus_space_load_le32(m.space, &value, BAR_AT + 0xf000, no_attrs);
        assert_true(o.status == MEMBUS_STATUS_OK ? value != UINT32_MAX : value == UINT32_MAX);
        o = membus_space_store_le32(m.space, BAR_AT + 0xf000, 0x21212121, no_attrs);
        assert_true(o.status == MEMBUS_STATUS_OK || o.status == MEMBUS_STATUS_DEVICE);
        o = membus_space_fill(m.space, BAR_AT + 3, 0x21, n, no_attrs);
        assert_true(o.status == MEMBUS_STATUS_OK || o.status == MEMBUS_STATUS_DEVICE ||
                    o.status == MEMBUS_STATUS_DECODE);
        o = membus_space_copy(m.space, 0x100, m.space, BAR_AT, n, no_attrs);
        assert_true(o.status == MEMBUS_STATUS_OK || o.status == MEMBUS_STATUS_DEVICE);
    }
    attacker_stop(&attacker);
    printf("# %llu rounds, %llu of which found the BAR gone\n", (unsigned long long)count,
           (unsigned long long)gone);
    assert_true(gone > 0);
    machine_stop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double_fetch), cmocka_unit_test(test_remap_during_dma),
        cmocka_unit_test(test_reentrancy),   cmocka_unit_test(test_ping_pong),
        cmocka_unit_test(test_cached_ring),  cmocka_unit_test(test_unassigned_and_wrap),
        cmocka_unit_test(test_bounce_flood), cmocka_unit_test(test_decode_off),
    };

    return RUN_TESTS(tests);
}
