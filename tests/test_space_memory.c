/* SPDX-License-Identifier: MIT */

/*
 * Out of memory: each operation is tried with its first allocation failing, then its second, and
 * so on until it succeeds. Before it does, it says so, readers see what they saw, and the next
 * commit brings the view and the tree together. (The linker hands this program the library's
 * allocations: --wrap.)
 */

#include "space_machine.h"

static long left = -1; /* allocations until one fails; -1: none does */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, n);
}

/* The machine: some devices, RAM, an alias, a listener who hears of doorbells. */

#define DEVICES 150

static struct {
    struct membus_region *io[DEVICES], *ram, *alias, *made;
    struct membus_space *space;
    struct membus_listener *listener, *other;
    struct membus_map map;
    uint64_t heard; /* ranges that came less ranges that went */
} w;

static const struct membus_region_ops ops = {.read = traced_read, .write = traced_write};

static void hear_add(void *data, const struct membus_range *range)
{
    (void)data, (void)range;
    w.heard++;
}

static void hear_del(void *data, const struct membus_range *range)
{
    (void)data, (void)range;
    w.heard--;
}

static void hear_bell(void *data, uint64_t addr, const struct membus_doorbell *d)
{
    (void)data, (void)addr, (void)d;
}

static const struct membus_listener_ops ears = {
    .add = hear_add, .del = hear_del, .doorbell_add = hear_bell, .doorbell_del = hear_bell};

static const struct membus_doorbell bell = {.offset = 8, .size = 4, .fd = -1};

static void build(void)
{
    memset(&w, 0, sizeof(w));
    set_up(NULL);
    membus_transaction_begin();
    for (uint64_t i = 0; i < DEVICES; i++) {
        w.io[i] = new_io("", 0x100, &ops);
        put(w.io[i], i * 0x1000, 0);
    }
    w.ram = new_ram("ram", 0x10000);
    put(w.ram, 0x1000000, 0);
    assert_int_equal(membus_region_new_alias(&w.alias, "alias", w.ram, 0, 0x1000), 0);
    put(w.alias, 0x2000000, 0);
    membus_region_doorbell_add(w.io[3], &bell);
    membus_transaction_commit();
    assert_int_equal(membus_listener_new(&w.listener, m.space, 0, &ears, NULL), 0);
}

static void take_down(void)
{
    if (w.other)
        assert_int_equal(membus_listener_delete(w.other), 0);
    assert_int_equal(membus_listener_delete(w.listener), 0);
    if (w.space)
        assert_int_equal(membus_space_delete(w.space), 0);
    if (w.made)
        assert_int_equal(membus_region_delete(w.made), 0);
    assert_int_equal(membus_region_delete(w.alias), 0);
    tear_down(NULL);
}

/* Operations: 0 or -errno. */

static int make_region(void)
{
    return membus_region_new_io(&w.made, "made", 16, &ops, NULL);
}

static int make_alias(void)
{
    return membus_region_new_alias(&w.made, "made", w.ram, 0, 16);
}

static int make_space(void)
{
    return membus_space_new(&w.space, "made", w.ram);
}

static int make_listener(void)
{
    return membus_listener_new(&w.other, m.space, 1, &ears, NULL);
}

static int move(void)
{
    return membus_region_set_offset(w.io[70], 0x700800);
}

static int move_many(void)
{
    int error;

    membus_transaction_begin();
    for (uint64_t i = 0; i < 20; i++)
        membus_region_set_offset(w.io[7 * i], 0x3000000 + i * 0x1000);
    error = membus_transaction_commit();
    return error;
}

static int take(void)
{
    return membus_region_remove(w.io[9]);
}

static int drop(void)
{
    struct membus_region *io = w.io[10];
    int error = membus_region_delete(io);

    return error;
}

static int point(void)
{
    return membus_region_set_alias(w.alias, w.io[5], 0);
}

static int ring(void)
{
    struct membus_doorbell other = {.offset = 16, .fd = -1};

    return membus_region_doorbell_add(w.io[3], &other);
}

static int hold(void)
{
    return membus_region_coalesce_add(w.io[4], 0, 16);
}

static int log_it(void)
{
    return membus_region_log_start(w.ram, 0);
}

static int root(void)
{
    return membus_space_set_root(m.space, w.ram);
}

static int bounce(void)
{
    struct membus_outcome o =
        membus_map_open(&w.map, m.space, 0x1000, 16, MEMBUS_MAP_WRITE, no_attrs);

    if (o.status == MEMBUS_STATUS_OK)
        membus_map_close(&w.map, 0);
    return o.status == MEMBUS_STATUS_MEMORY ? -ENOMEM : (int)o.status;
}

/* The view as a number, and whether it is what the tree comes to. */

static int mix_range(void *data, const struct membus_range *r)
{
    uint64_t *sum = data;

    *sum = (*sum ^ r->start ^ r->last << 1 ^ (uintptr_t)r->region ^ r->offset << 7 ^ r->log) *
           UINT64_C(0x9e3779b97f4a7c15);
    return 0;
}

static uint64_t view(void)
{
    uint64_t sum = 1;

    membus_space_ranges(m.space, mix_range, &sum);
    return sum;
}

static void check_view_is_the_tree(void)
{
    struct membus_region *now = membus_space_root(m.space);
    uint64_t by_change = view();

    assert_int_equal(membus_space_set_root(m.space, NULL), 0);
    assert_int_equal(membus_space_set_root(m.space, now), 0);
    assert_true(view() == by_change);
}

/* A change whose commit failed: the next one will try again. */
static void leave_pending(void)
{
    left = 0;
    assert_int_equal(membus_region_set_offset(w.io[71], 0x800800), -ENOMEM);
    left = -1;
}

/* The operation with allocation number `n` failing; true if it then succeeds. */
static bool try(int (*operation)(void), long n, bool pending)
{
    struct membus_view_stats stats;
    uint64_t before;
    int error;

    build();
    if (pending)
        leave_pending();
    before = view();
    left = n;
    error = operation();
    left = -1;
    if (error) {
        assert_int_equal(error, -ENOMEM);
        assert_true(pending || view() == before); /* pending: its commit may have come through */
        assert_true(!w.made && !w.space && !w.other);
    }
    assert_int_equal(membus_transaction_begin(), 0);
    assert_int_equal(membus_transaction_commit(), 0);
    check_view_is_the_tree();
    membus_space_stats(m.space, &stats);
    assert_int_equal(w.heard, stats.ranges * (w.other ? 2 : 1));
    take_down();
    return error == 0;
}

static void test_out_of_memory(void **state)
{
    static const struct {
        const char *name;
        int (*operation)(void);
    } all[] = {
        {"make a region", make_region},
        {"make an alias", make_alias},
        {"make a space", make_space},
        {"make a listener", make_listener},
        {"move", move},
        {"move many", move_many},
        {"remove", take},
        {"delete", drop},
        {"point an alias", point},
        {"add a doorbell", ring},
        {"coalesce", hold},
        {"log", log_it},
        {"set the root", root},
        {"bounce", bounce},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        long n = 0, again = 0;

        while (!try(all[i].operation, n, false))
            n++;
        while (!try(all[i].operation, again, true))
            again++;
        print_message("# %s: %ld allocations, %ld after a failed commit\n", all[i].name, n, again);
        assert_in_range(n, 1, 100);
    }
}

/* Taking back is done whatever becomes of another's change: a second try would be one too many. */
static void test_take_back_beside_a_failed_commit(void **state)
{
    struct membus_log_snapshot *snapshot = NULL;

    (void)state;
    build();
    assert_int_equal(make_listener(), 0);
    assert_int_equal(log_it(), 0);
    membus_region_log_mark(w.ram, 0, 1);
    leave_pending();
    left = 1; /* the snapshot itself, then the commit */
    assert_int_equal(membus_region_log_snapshot(w.ram, &snapshot, 0, 0, 1), 0);
    assert_int_equal(membus_log_snapshot_count(snapshot), 1);
    membus_log_snapshot_free(snapshot);
    left = 0;
    assert_int_equal(membus_listener_delete(w.other), 0);
    w.other = NULL;
    left = -1;
    assert_int_equal(membus_region_log_stop(w.ram, 0), 0);
    take_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_take_back_beside_a_failed_commit),
    };

    return RUN_TESTS(tests);
}
