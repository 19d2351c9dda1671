/* SPDX-License-Identifier: MIT */

/*
 * Readers and writers together: threads make accesses while another moves, adds, deletes and
 * resizes regions. A reader never sees a mixed view, freed memory or a lost write.
 *
 * Also under sanitizers, which is where freed memory and races would show:
 *
 *     meson setup build-tsan -Db_sanitize=thread -Db_lundef=false && meson test -C build-tsan
 *
 * MEMBUS_SECONDS is how long each test runs (1 if unset).
 */

#include "space_machine.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <membus/access.h>
#include <membus/copy.h>

#define READERS 3

static bool stop;

static bool stopped(void)
{
    return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(void)
{
    const char *text = getenv("MEMBUS_SECONDS");

    return text ? atof(text) : 1;
}

/* What a reader found. */
struct reader {
    pthread_t thread;
    unsigned long accesses, wrong, other;
};

static void run_readers(struct reader *reader, void *(*body)(void *), void (*change)(unsigned long))
{
    double end = now() + seconds();
    unsigned long changes = 0;

    __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
    for (int i = 0; i < READERS; i++) {
        memset(&reader[i], 0, sizeof(reader[i]));
        assert_int_equal(pthread_create(&reader[i].thread, NULL, body, &reader[i]), 0);
    }
    while (now() < end)
        change(changes++);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < READERS; i++) {
        pthread_join(reader[i].thread, NULL);
        assert_int_equal(reader[i].wrong, 0);
        assert_true(reader[i].accesses > 10);
    }
    assert_true(changes > 10);
    print_message("# %lu changes, %lu accesses by the first reader\n", changes, reader[0].accesses);
}

/*
 * Two pages swap their places, again and again, in one transaction each. Page A is full of
 * 0x0a, page B of 0x0b: a reader of both finds A and B or B and A, never one of them twice
 * or none.
 */
static struct membus_region *page[2];

static void swap_pages(unsigned long n)
{
    membus_transaction_begin();
    membus_region_set_offset(page[n & 1], 0x1000);
    membus_region_set_offset(page[~n & 1], 0x2000);
    membus_transaction_commit();
}

static void *read_both(void *data)
{
    struct reader *r = data;

    while (!stopped()) {
        uint8_t both[2] = {0, 0};
        struct membus_outcome o = membus_space_read(m.space, both, 2, 0x1fff, no_attrs);

        r->accesses++;
        if (o.status != MEMBUS_STATUS_OK || (both[0] ^ both[1]) != 1)
            r->wrong++;
    }
    return NULL;
}

static void test_never_a_mixed_view(void **state)
{
    struct reader reader[READERS];

    (void)state;
    for (int i = 0; i < 2; i++) {
        page[i] = new_ram("page", 0x1000);
        membus_fill(memory_of(page[i]), 0x0a + i, 0x1000);
        put(page[i], 0x1000 + (uint64_t)i * 0x1000, 0);
    }
    run_readers(reader, read_both, swap_pages);
}

/*
 * The reader that must be caught: it reads the two bytes in two accesses, so it may well see a
 * swap in between. If it never does, the test above proves nothing.
 */
static void *read_one_by_one(void *data)
{
    struct reader *r = data;

    while (!stopped()) {
        uint8_t a = 0, b = 0;

        membus_space_load_8(m.space, &a, 0x1fff, no_attrs);
        membus_space_load_8(m.space, &b, 0x2000, no_attrs);
        r->accesses++;
        if ((a ^ b) != 1)
            r->other++;
    }
    return NULL;
}

static void test_a_mixed_view_would_be_seen(void **state)
{
    struct reader reader[READERS];
    unsigned long mixed = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        page[i] = new_ram("page", 0x1000);
        membus_fill(memory_of(page[i]), 0x0a + i, 0x1000);
        put(page[i], 0x1000 + (uint64_t)i * 0x1000, 0);
    }
    run_readers(reader, read_one_by_one, swap_pages);
    for (int i = 0; i < READERS; i++)
        mixed += reader[i].other;
    assert_true(mixed > 0);
}

/*
 * Regions come and go for good; each carries its mark in its memory, and a device its mark in its
 * data, which `release` spoils. What a reader finds is a mark or nothing.
 */
#define MARK UINT64_C(0x600d600d600d600d)

struct device {
    uint64_t mark;
};

static enum membus_status mark_read(void *data, uint64_t *value, uint64_t offset, unsigned size,
                                    struct membus_attrs attrs)
{
    (void)offset, (void)size, (void)attrs;
    *value = ((struct device *)data)->mark;
    return MEMBUS_STATUS_OK;
}

static const struct membus_region_ops mark_ops = {
    .read = mark_read, .valid = {8, 8, 0}, .impl = {8, 8, 0}};

static void spoil(void *data)
{
    struct device *d = data;

    d->mark = 0xbadbadbad;
    free(d);
}

static struct membus_region *fleeting[16];

static struct membus_region *new_fleeting(unsigned long n)
{
    struct membus_region *r;

    if (n % 3) {
        struct device *d = malloc(sizeof(*d));

        assert_non_null(d);
        d->mark = MARK;
        assert_int_equal(membus_region_new_io(&r, "device", 0x100, &mark_ops, d), 0);
        assert_int_equal(membus_region_set_release(r, spoil, d), 0);
    } else {
        r = new_ram("ram", 0x1000);
        for (size_t i = 0; i < 0x1000; i += 8)
            membus_ram_store_64(memory_of(r) + i, MARK);
    }
    return r;
}

static void come_and_go(unsigned long n)
{
    struct membus_region **r = &fleeting[n * 7 % 16];

    if (*r)
        assert_int_equal(membus_region_delete(*r), 0);
    *r = new_fleeting(n);
    put(*r, n * 7 % 16 * 0x1000, (int)(n % 2));
    if (n % 5 == 0)
        membus_region_set_enabled(*r, false);
    if (n % 256 == 0) /* what was deleted does not pile up */
        membus_synchronize();
}

static void *read_marks(void *data)
{
    struct reader *r = data;
    uint64_t at = (uintptr_t)data;

    while (!stopped()) {
        struct membus_map map;
        uint64_t v = 0;

        at = at * UINT64_C(6364136223846793005) + 1;
        if (membus_space_load_64(m.space, &v, (at >> 33) % 0x10000 & ~UINT64_C(7), no_attrs)
                    .status == MEMBUS_STATUS_OK &&
            v != MARK)
            r->wrong++;
        if (membus_map_open(&map, m.space, (at >> 33) % 16 * 0x1000, 8, MEMBUS_MAP_READ, no_attrs)
                .status == MEMBUS_STATUS_OK) {
            if (membus_ram_load_64(map.mapping.addr) != MARK)
                r->wrong++;
            membus_map_close(&map, 0);
        }
        r->accesses++;
    }
    return NULL;
}

static void test_never_freed_memory(void **state)
{
    struct reader reader[READERS];

    (void)state;
    memset(fleeting, 0, sizeof(fleeting));
    run_readers(reader, read_marks, come_and_go);
}

/*
 * Each thread counts in a word of its own, while the RAM moves between two places and is logged
 * by a client who copies the dirty pages. In the end the copy is what the memory is: no write
 * was lost, neither in memory nor for the log.
 */
static struct membus_region *logged;
static uint8_t migrated[16 * MEMBUS_LOG_PAGE];

static void migrate_some(void)
{
    struct membus_log_snapshot *s;

    assert_int_equal(membus_region_log_snapshot(logged, &s, 0, 0, sizeof(migrated)), 0);
    for (uint64_t i = 0; i < sizeof(migrated); i += MEMBUS_LOG_PAGE) {
        if (membus_log_snapshot_dirty(s, i, 1))
            membus_copy(migrated + i, memory_of(logged) + i, MEMBUS_LOG_PAGE);
    }
    membus_log_snapshot_free(s);
}

static void move_and_migrate(unsigned long n)
{
    membus_region_set_offset(logged, n % 2 ? 0x100000 : 0x200000);
    migrate_some();
}

static void *count_up(void *data)
{
    struct reader *r = data;
    uint64_t offset = ((uintptr_t)data >> 3) % 16 * MEMBUS_LOG_PAGE, count = 0;

    while (!stopped()) {
        uint64_t at = 0x100000 + offset + (count & 1) * 0x100000, was = 0;

        if (membus_space_store_64(m.space, at, count + 1, no_attrs).status != MEMBUS_STATUS_OK) {
            at ^= 0x300000; /* it is at the other place */
            if (membus_space_store_64(m.space, at, count + 1, no_attrs).status != MEMBUS_STATUS_OK)
                continue; /* moved in between */
        }
        count++;
        was = membus_ram_load_64(memory_of(logged) + offset);
        if (was != count)
            r->wrong++;
        r->accesses++;
    }
    return NULL;
}

static void test_never_a_lost_write(void **state)
{
    static struct reader reader[READERS];

    (void)state;
    logged = new_ram("ram", sizeof(migrated));
    put(logged, 0x100000, 0);
    assert_int_equal(membus_region_log_start(logged, 0), 0);
    memset(migrated, 0, sizeof(migrated));
    run_readers(reader, count_up, move_and_migrate);
    migrate_some();
    assert_memory_equal(migrated, memory_of(logged), sizeof(migrated));
    assert_int_equal(membus_region_log_stop(logged, 0), 0);
}

/* Devices whose callbacks change regions, in several threads, with a lock of their own. */
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static struct membus_region *window, *control;

static void lock_device(void *data)
{
    pthread_mutex_lock(data);
}

static void unlock_device(void *data)
{
    pthread_mutex_unlock(data);
}

static enum membus_status set_window(void *data, uint64_t offset, uint64_t value, unsigned size,
                                     struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)size, (void)attrs;
    return membus_region_set_offset(window, 0x10000 + value % 16 * 0x1000) ? MEMBUS_STATUS_DEVICE
                                                                           : MEMBUS_STATUS_OK;
}

static void *program_window(void *data)
{
    struct reader *r = data;

    while (!stopped()) {
        if (membus_space_store_32(m.space, 0, (uint32_t)r->accesses++, no_attrs).status !=
            MEMBUS_STATUS_OK)
            r->wrong++;
    }
    return NULL;
}

static void toggle_window(unsigned long n)
{
    membus_region_set_enabled(window, n % 2);
}

static void test_changes_from_callbacks(void **state)
{
    static const struct membus_region_ops ops = {.write = set_window};
    struct reader reader[READERS];

    (void)state;
    control = new_io("control", 16, &ops);
    window = new_ram("window", 0x1000);
    membus_region_set_lock(control, lock_device, unlock_device, &device_lock);
    put(control, 0, 0);
    put(window, 0x10000, 0);
    run_readers(reader, program_window, toggle_window);
}

/*
 * Coalesced writes. The mutex of the queue is not held while a callback runs, so it forms no ring
 * with the locks that callbacks take; a ring would hang here, until the alarm.
 */
static pthread_mutex_t big;
static pthread_barrier_t both_in;

static void lock_big(void *data)
{
    pthread_mutex_lock(data);
}

static void unlock_big(void *data)
{
    pthread_mutex_unlock(data);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

static enum membus_status write_quick(void *data, uint64_t offset, uint64_t value, unsigned size,
                                      struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)value, (void)size, (void)attrs;
    return MEMBUS_STATUS_OK;
}

/* Device B, under the lock, writes into the window of A while A's writes are being delivered. */
static enum membus_status write_then_dma(void *data, uint64_t offset, uint64_t value, unsigned size,
                                         struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)value, (void)size;
    pthread_barrier_wait(&both_in);
    sleep_ms(100);
    return membus_space_store_le32(m.space, 0x10, 7, attrs).status;
}

static void *access_b(void *data)
{
    (void)data;
    membus_space_store_le32(m.space, 0x1000, 1, no_attrs);
    return NULL;
}

static void test_coalesced_and_a_shared_lock(void **state)
{
    static const struct membus_region_ops ops_a = {.write = write_quick};
    static const struct membus_region_ops ops_b = {.write = write_then_dma};
    struct membus_region *a = new_io("a", 0x100, &ops_a), *b = new_io("b", 0x100, &ops_b);
    pthread_t thread;

    (void)state;
    pthread_mutex_init(&big, NULL); /* no recursive one: a write into the window takes none */
    pthread_barrier_init(&both_in, NULL, 2);
    membus_region_set_lock(a, lock_big, unlock_big, &big);
    membus_region_set_lock(b, lock_big, unlock_big, &big);
    put(a, 0, 0);
    put(b, 0x1000, 0);
    assert_int_equal(membus_region_coalesce_add(a, 0, 0x20), 0);
    membus_space_store_le32(m.space, 0, 5, no_attrs);
    alarm(60);
    assert_int_equal(pthread_create(&thread, NULL, access_b, NULL), 0);
    pthread_barrier_wait(&both_in);
    membus_space_store_le32(m.space, 0x40, 1, no_attrs); /* flushes: wants the lock */
    pthread_join(thread, NULL);
    alarm(0);
    pthread_barrier_destroy(&both_in);
    pthread_mutex_destroy(&big);
}

/* A's callback changes a region, while another thread flushes A within a transaction. */
static unsigned delivered;

static enum membus_status write_then_change(void *data, uint64_t offset, uint64_t value,
                                            unsigned size, struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)size, (void)attrs;
    if (value == 5) {
        pthread_barrier_wait(&both_in);
        sleep_ms(100);
        membus_region_set_enabled(m.root, true);
    }
    __atomic_fetch_add(&delivered, 1, __ATOMIC_RELAXED);
    return MEMBUS_STATUS_OK;
}

static void *flush_a(void *data)
{
    assert_int_equal(membus_region_coalesce_flush(data), 0);
    return NULL;
}

static void meet_in_a_transaction(struct membus_region *a)
{
    pthread_t thread;

    delivered = 0;
    pthread_barrier_init(&both_in, NULL, 2);
    put(a, 0, 0);
    assert_int_equal(membus_region_coalesce_add(a, 0, 0x10), 0);
    membus_space_store_le32(m.space, 0, 5, no_attrs);
    membus_space_store_le32(m.space, 0, 6, no_attrs);
    alarm(60);
    membus_transaction_begin();
    assert_int_equal(pthread_create(&thread, NULL, flush_a, a), 0);
    pthread_barrier_wait(&both_in);
    assert_int_equal(membus_region_coalesce_flush(a), 0);
    assert_int_equal(membus_region_coalesce_remove(a, 0, 0x10), 0);
    sleep_ms(200);
    assert_int_equal(__atomic_load_n(&delivered, __ATOMIC_RELAXED), 0);
    membus_transaction_commit(); /* delivers, and so waits for the other */
    assert_int_equal(__atomic_load_n(&delivered, __ATOMIC_RELAXED), 2);
    pthread_join(thread, NULL);
    alarm(0);
    pthread_barrier_destroy(&both_in);
}

static const struct membus_region_ops changing_ops = {.write = write_then_change};

static void test_coalesced_and_a_transaction(void **state)
{
    (void)state;
    meet_in_a_transaction(new_io("a", 0x100, &changing_ops));
}

static void test_coalesced_and_a_transaction_locked(void **state)
{
    struct membus_region *a = new_io("a", 0x100, &changing_ops);

    (void)state;
    pthread_mutex_init(&big, NULL);
    membus_region_set_lock(a, lock_big, unlock_big, &big);
    meet_in_a_transaction(a);
    pthread_mutex_destroy(&big);
}

/*
 * One thread writes ascending numbers into the window, others make the queue move. They arrive in
 * order, each once; and who reads after its writes finds them all made.
 */
static struct {
    uint64_t last;
    unsigned long wrong;
} order;

static enum membus_status order_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                      struct membus_attrs attrs)
{
    (void)data, (void)size, (void)attrs;
    if (offset >= 0x10)
        return MEMBUS_STATUS_OK;
    if (__atomic_exchange_n(&order.last, value, __ATOMIC_RELAXED) + 1 != value)
        __atomic_fetch_add(&order.wrong, 1, __ATOMIC_RELAXED);
    return MEMBUS_STATUS_OK;
}

static enum membus_status order_read(void *data, uint64_t *value, uint64_t offset, unsigned size,
                                     struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)size, (void)attrs;
    *value = __atomic_load_n(&order.last, __ATOMIC_RELAXED);
    return MEMBUS_STATUS_OK;
}

static struct membus_region *ordered;

static void write_in_order(unsigned long n)
{
    uint32_t last;

    membus_space_store_le32(m.space, 0, (uint32_t)n + 1, no_attrs);
    if (n % 7)
        return;
    membus_space_load_le32(m.space, &last, 0x20, no_attrs);
    if (last != (uint32_t)n + 1)
        order.wrong++;
}

static void *move_queue(void *data)
{
    struct reader *r = data;
    uint32_t v;

    while (!stopped()) {
        switch (r->accesses++ % 3) {
        case 0:
            membus_space_load_le32(m.space, &v, 0x20, no_attrs);
            break;
        case 1:
            membus_space_store_le32(m.space, 0x20, 0, no_attrs);
            break;
        default:
            membus_region_coalesce_flush(ordered);
        }
    }
    return NULL;
}

static void keep_order(bool locked)
{
    static const struct membus_region_ops ops = {.read = order_read, .write = order_write};
    struct reader reader[READERS];

    memset(&order, 0, sizeof(order));
    ordered = new_io("ordered", 0x100, &ops);
    pthread_mutex_init(&big, NULL);
    if (locked)
        membus_region_set_lock(ordered, lock_big, unlock_big, &big);
    put(ordered, 0, 0);
    assert_int_equal(membus_region_coalesce_add(ordered, 0, 0x10), 0);
    run_readers(reader, move_queue, write_in_order);
    assert_true(order.last > 10);
    assert_int_equal(order.wrong, 0);
    pthread_mutex_destroy(&big);
}

static void test_coalesced_order(void **state)
{
    (void)state;
    keep_order(false);
}

static void test_coalesced_order_locked(void **state)
{
    (void)state;
    keep_order(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_never_a_mixed_view),
        CASE(test_a_mixed_view_would_be_seen),
        CASE(test_never_freed_memory),
        CASE(test_never_a_lost_write),
        CASE(test_changes_from_callbacks),
        CASE(test_coalesced_and_a_shared_lock),
        CASE(test_coalesced_and_a_transaction),
        CASE(test_coalesced_and_a_transaction_locked),
        CASE(test_coalesced_order),
        CASE(test_coalesced_order_locked),
    };

    return RUN_TESTS(tests);
}
