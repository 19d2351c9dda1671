/* SPDX-License-Identifier: MIT */

/* Views: what a commit renders, who shares it, what listeners hear (V1-V5), logs, IOMMUs. */

#include "space_machine.h"

/* V3: rendered by change, a view is what rendering all of it gives. */

#define MANY 3000
#define STEP UINT64_C(0x1000)

struct ranges {
    struct membus_range *at;
    size_t count;
};

static int keep_range(void *data, const struct membus_range *range)
{
    struct ranges *r = data;

    r->at[r->count++] = *range;
    return 0;
}

static void read_ranges(struct ranges *r, struct membus_space *space)
{
    r->count = 0;
    membus_space_ranges(space, keep_range, r);
}

/* All that the root comes to, rendered at once: in a view of its own, for its root has an alias and
 * something beside it. */
static void read_full(struct ranges *full)
{
    struct membus_region *container, *alias, *beside;
    struct membus_space *space;

    assert_int_equal(membus_region_new_container(&container, "all", MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_new_container(&beside, "beside", 1), 0);
    assert_int_equal(membus_region_new_alias(&alias, "alias", m.root, 0, MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_add(container, 0, alias, 0), 0);
    assert_int_equal(membus_region_add(container, 0, beside, 0), 0);
    assert_int_equal(membus_space_new(&space, "all", container), 0);
    assert_ptr_not_equal(membus_space_view(space), membus_space_view(m.space));
    read_ranges(full, space);
    assert_int_equal(membus_space_delete(space), 0);
    assert_int_equal(membus_region_delete(container), 0);
    assert_int_equal(membus_region_delete(alias), 0);
    assert_int_equal(membus_region_delete(beside), 0);
}

static void compare_with_full(struct ranges *now, struct ranges *full)
{
    read_ranges(now, m.space);
    read_full(full);
    for (size_t i = 0; i < now->count && i < full->count; i++) {
        if (memcmp(&now->at[i], &full->at[i], sizeof(*now->at)))
            fail_msg("range %zu: %" PRIx64 "-%" PRIx64 ", not %" PRIx64 "-%" PRIx64, i,
                     now->at[i].start, now->at[i].last, full->at[i].start, full->at[i].last);
    }
    assert_int_equal(now->count, full->count);
}

static void test_by_change_is_like_all(void **state)
{
    static struct membus_region *r[MANY];
    struct ranges a = {malloc(4 * MANY * sizeof(struct membus_range)), 0};
    struct ranges b = {malloc(4 * MANY * sizeof(struct membus_range)), 0};
    struct membus_view_stats stats;

    (void)state;
    srand(1);
    membus_transaction_begin();
    for (int i = 0; i < MANY; i++) {
        r[i] = new_io("", STEP / 2 + (uint64_t)(rand() % 4) * STEP / 2, NULL);
        put(r[i], (uint64_t)i * STEP, rand() % 3);
    }
    membus_transaction_commit();
    for (int i = 0; i < 2000; i++) {
        struct membus_region *x = r[rand() % MANY];
        int changes = i % 100 == 0 ? 200 : 1 + rand() % 3;

        membus_transaction_begin();
        for (int k = 0; k < changes; k++, x = r[rand() % MANY]) {
            switch (rand() % 4) {
            case 0:
                membus_region_set_enabled(x, rand() % 4);
                break;
            case 1:
                membus_region_set_size(x, STEP / 4 * (1 + (uint64_t)(rand() % 12)));
                break;
            default:
                membus_region_set_offset(x, (uint64_t)(rand() % (2 * MANY)) * STEP / 2);
            }
        }
        membus_transaction_commit();
        if (i % 20 == 0)
            compare_with_full(&a, &b);
    }
    compare_with_full(&a, &b);
    membus_space_stats(m.space, &stats);
    assert_int_equal(stats.ranges, b.count);
    /* Chunks stay of a reasonable size, however they came about. */
    assert_in_range(stats.chunks, stats.ranges / 64, stats.ranges / 8);
    free(a.at);
    free(b.at);
}

/* One by one in ascending order, then away again: no chunk is left with a range or two. */
static void test_chunks_do_not_degenerate(void **state)
{
    static struct membus_region *r[1000];
    struct membus_view_stats stats;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        r[i] = new_io("", 16, NULL);
        put(r[i], (uint64_t)i * STEP, 0);
    }
    membus_space_stats(m.space, &stats);
    assert_int_equal(stats.ranges, 1000);
    assert_in_range(stats.chunks, 1000 / 64, 1000 / 16);
    for (int i = 0; i < 1000; i++) {
        if (i % 50)
            assert_int_equal(membus_region_delete(r[i]), 0);
    }
    membus_space_stats(m.space, &stats);
    assert_int_equal(stats.ranges, 20);
    assert_in_range(stats.chunks, 1, 5);
}

static int count_range(void *data, const struct membus_range *range)
{
    (void)range;
    ++*(int *)data;
    return 0;
}

/* V1 */
static void test_neighbours_merge(void **state)
{
    struct membus_region *ram = new_ram("ram", 0x4000), *a, *b;
    int count = 0;

    (void)state;
    assert_int_equal(membus_region_new_alias(&a, "a", ram, 0, 0x1000), 0);
    assert_int_equal(membus_region_new_alias(&b, "b", ram, 0x1000, 0x1000), 0);
    put(a, 0, 0);
    put(b, 0x1000, 0);
    membus_space_ranges(m.space, count_range, &count);
    assert_int_equal(count, 1);
    membus_region_set_alias(b, ram, 0x2000);
    count = 0;
    membus_space_ranges(m.space, count_range, &count);
    assert_int_equal(count, 2);
    membus_region_set_alias(b, ram, 0x1000);
    membus_region_set_readonly(b, true);
    count = 0;
    membus_space_ranges(m.space, count_range, &count);
    assert_int_equal(count, 2);
    membus_region_delete(a);
    membus_region_delete(b);
    membus_region_delete(ram);
}

/* V3: bus masters whose window is all of memory share its view; others do not. */
static void test_sharing(void **state)
{
    struct membus_region *container, *alias;
    struct membus_space *master, *same;
    uint8_t v;

    (void)state;
    put(new_ram("ram", 4096), 0x1000, 0);
    put(new_io("io", 16, NULL), 0x8000, 0);
    assert_int_equal(membus_region_new_container(&container, "master", MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_new_alias(&alias, "window", m.root, 0, MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_add(container, 0, alias, 0), 0);
    assert_int_equal(membus_space_new(&master, "master", container), 0);
    assert_int_equal(membus_space_new(&same, "same", m.root), 0);
    assert_ptr_equal(membus_space_view(master), membus_space_view(m.space));
    assert_ptr_equal(membus_space_view(same), membus_space_view(m.space));
    assert_ptr_equal(membus_space_view_root(master), m.root);
    /* bus mastering off, and on */
    assert_int_equal(membus_region_set_enabled(alias, false), 0);
    assert_null(membus_space_view(master));
    assert_int_equal(membus_space_load_8(master, &v, 0x1000, no_attrs).status,
                     MEMBUS_STATUS_DECODE);
    assert_int_equal(membus_region_set_enabled(alias, true), 0);
    assert_ptr_equal(membus_space_view(master), membus_space_view(m.space));
    /* a smaller window is another view */
    assert_int_equal(membus_region_set_size(alias, 0x8000), 0);
    assert_ptr_not_equal(membus_space_view(master), membus_space_view(m.space));
    assert_int_equal(membus_space_load_8(master, &v, 0x1000, no_attrs).status, MEMBUS_STATUS_OK);
    assert_int_equal(membus_space_delete(same), 0);
    assert_int_equal(membus_space_delete(master), 0);
    assert_int_equal(membus_region_delete(container), 0);
    assert_int_equal(membus_region_delete(alias), 0);
}

/* R3 */
static void test_transactions_nest(void **state)
{
    uint8_t v;

    (void)state;
    membus_transaction_begin();
    put(new_ram("ram", 4096), 0, 0);
    membus_transaction_begin();
    put(new_ram("ram", 4096), 4096, 0);
    assert_int_equal(membus_transaction_commit(), 0);
    assert_int_equal(membus_space_load_8(m.space, &v, 0, no_attrs).status, MEMBUS_STATUS_DECODE);
    assert_int_equal(membus_transaction_commit(), 0);
    assert_int_equal(membus_space_load_8(m.space, &v, 0, no_attrs).status, MEMBUS_STATUS_OK);
    assert_int_equal(membus_space_load_8(m.space, &v, 4096, no_attrs).status, MEMBUS_STATUS_OK);
}

/* V5: listeners write down what they hear. */

static void hear(void *data, const char *what, const struct membus_range *r)
{
    trace("%s%s", (const char *)data, what);
    if (r)
        trace("(%" PRIx64 "-%" PRIx64 " %s@%" PRIx64 ")", r->start, r->last,
              membus_region_name(r->region), r->offset);
    trace(" ");
}

static void hear_begin(void *data)
{
    hear(data, "begin", NULL);
}

static void hear_commit(void *data)
{
    hear(data, "commit", NULL);
}

static void hear_add(void *data, const struct membus_range *r)
{
    hear(data, "+", r);
}

static void hear_del(void *data, const struct membus_range *r)
{
    hear(data, "-", r);
}

static void hear_keep(void *data, const struct membus_range *r)
{
    hear(data, "=", r);
}

static void hear_log_start(void *data, const struct membus_range *r, uint32_t old)
{
    trace("%slog%x>%x ", (const char *)data, old, r->log);
}

static void hear_log_stop(void *data, const struct membus_range *r, uint32_t old)
{
    trace("%snolog%x>%x ", (const char *)data, old, r->log);
}

static void hear_log_sync(void *data, const struct membus_range *r)
{
    (void)data;
    membus_region_log_mark(r->region, 3 * MEMBUS_LOG_PAGE, 1); /* as KVM would */
}

static void hear_bell(void *data, uint64_t addr, const struct membus_doorbell *d)
{
    trace("%sbell+%" PRIx64 "/%u ", (const char *)data, addr, d->size);
}

static void hear_no_bell(void *data, uint64_t addr, const struct membus_doorbell *d)
{
    trace("%sbell-%" PRIx64 "/%u ", (const char *)data, addr, d->size);
}

static void hear_window(void *data, uint64_t addr, uint64_t size)
{
    trace("%swindow+%" PRIx64 "/%" PRIx64 " ", (const char *)data, addr, size);
}

static void hear_no_window(void *data, uint64_t addr, uint64_t size)
{
    trace("%swindow-%" PRIx64 "/%" PRIx64 " ", (const char *)data, addr, size);
}

static const struct membus_listener_ops all_ears = {
    .begin = hear_begin,
    .commit = hear_commit,
    .add = hear_add,
    .del = hear_del,
    .keep = hear_keep,
    .log_start = hear_log_start,
    .log_stop = hear_log_stop,
    .log_sync = hear_log_sync,
    .doorbell_add = hear_bell,
    .doorbell_del = hear_no_bell,
    .coalesce_add = hear_window,
    .coalesce_del = hear_no_window,
};

static void test_listeners(void **state)
{
    struct membus_region *a = new_io("a", 16, NULL), *b = new_io("b", 16, NULL), *c;
    struct membus_listener *high, *low;

    (void)state;
    put(a, 0, 0);
    put(b, 0x20, 0);
    assert_int_equal(membus_listener_new(&low, m.space, 0, &all_ears, (void *)(uintptr_t) "L"), 0);
    assert_trace("Lbegin L+(0-f a@0) L+(20-2f b@0) Lcommit ");
    assert_int_equal(membus_listener_new(&high, m.space, 9, &all_ears, (void *)(uintptr_t) "H"), 0);
    assert_trace("Hbegin H+(0-f a@0) H+(20-2f b@0) Hcommit ");
    membus_transaction_begin();
    c = new_io("c", 8, NULL);
    put(c, 4, 1);
    membus_region_set_offset(b, 0x30);
    membus_transaction_commit();
    assert_trace("Hbegin Lbegin "
                 "L-(0-f a@0) H-(0-f a@0) L-(20-2f b@0) H-(20-2f b@0) "
                 "H+(0-3 a@0) L+(0-3 a@0) H+(4-b c@0) L+(4-b c@0) H+(c-f a@c) L+(c-f a@c) "
                 "H+(30-3f b@0) L+(30-3f b@0) Hcommit Lcommit ");
    membus_region_set_enabled(c, false);
    assert_trace("Hbegin Lbegin "
                 "L-(0-3 a@0) H-(0-3 a@0) L-(4-b c@0) H-(4-b c@0) L-(c-f a@c) H-(c-f a@c) "
                 "H+(0-f a@0) L+(0-f a@0) H=(30-3f b@0) L=(30-3f b@0) Hcommit Lcommit ");
    membus_region_set_priority(c, 7); /* hidden: nobody hears */
    membus_region_set_offset(a, 0);
    assert_trace("");
    assert_int_equal(membus_listener_delete(low), 0);
    assert_trace("Lbegin L-(0-f a@0) L-(30-3f b@0) Lcommit ");
    assert_int_equal(membus_space_set_root(m.space, NULL), 0);
    assert_trace("Hbegin H-(0-f a@0) H-(30-3f b@0) Hcommit ");
    assert_int_equal(membus_space_set_root(m.space, m.root), 0);
    m.traced = 0;
    assert_int_equal(membus_listener_delete(high), 0);
}

static void test_listeners_hear_attachments(void **state)
{
    static const struct membus_region_ops ops = {.write = traced_write};
    struct membus_region *io = new_io("io", 0x100, &ops), *over = new_io("over", 0x10, NULL);
    struct membus_doorbell d = {.offset = 0x18, .size = 4, .fd = -1},
                           e = {.offset = 0x40, .fd = -1};
    struct membus_listener_ops ears = {.doorbell_add = hear_bell,
                                       .doorbell_del = hear_no_bell,
                                       .coalesce_add = hear_window,
                                       .coalesce_del = hear_no_window};
    struct membus_listener *l;

    (void)state;
    put(io, 0x1000, 0);
    put(over, 0x2000, 1);
    assert_int_equal(membus_region_doorbell_add(io, &d), 0);
    assert_int_equal(membus_listener_new(&l, m.space, 0, &ears, (void *)(uintptr_t) ""), 0);
    assert_trace("bell+1018/4 ");
    assert_int_equal(membus_region_doorbell_add(io, &e), 0);
    assert_int_equal(membus_region_coalesce_add(io, 0x10, 0x20), 0);
    assert_trace("bell+1040/0 window+1010/20 ");
    /* something lies over a part */
    assert_int_equal(membus_region_set_offset(over, 0x1010), 0);
    assert_trace("window-1010/20 bell-1018/4 window+1020/10 ");
    assert_int_equal(membus_region_set_offset(io, 0x3000), 0);
    assert_trace("window-1020/10 bell-1040/0 window+3010/20 bell+3018/4 bell+3040/0 ");
    assert_int_equal(membus_region_doorbell_remove(io, &d), 0);
    assert_trace("bell-3018/4 ");
    assert_int_equal(membus_listener_delete(l), 0);
    assert_trace("window-3010/20 bell-3040/0 ");
}

static void try_to_change(void *data)
{
    struct membus_region *r = NULL;

    assert_int_equal(membus_region_set_enabled(data, false), -EBUSY);
    assert_int_equal(membus_region_new_container(&r, "r", 1), -EBUSY);
    assert_int_equal(membus_transaction_begin(), -EBUSY);
    trace("refused ");
}

static void test_listeners_change_nothing(void **state)
{
    static const struct membus_listener_ops ops = {.commit = try_to_change};
    struct membus_region *a = new_io("a", 16, NULL);
    struct membus_listener *l;

    (void)state;
    assert_int_equal(membus_listener_new(&l, m.space, 0, &ops, a), 0);
    put(a, 0, 0);
    assert_trace("refused refused ");
    assert_true(membus_region_enabled(a));
    assert_int_equal(membus_listener_delete(l), 0);
}

/* Dirty logs. */

static uint64_t dirty(struct membus_region *r, unsigned client)
{
    struct membus_log_snapshot *s;
    uint64_t pages = 0;

    assert_int_equal(membus_region_log_snapshot(r, &s, client, 0, 64 * MEMBUS_LOG_PAGE), 0);
    for (uint64_t i = 0; i < 64; i++)
        pages |= (uint64_t)membus_log_snapshot_dirty(s, i * MEMBUS_LOG_PAGE, 1) << i;
    assert_int_equal(membus_log_snapshot_count(s), __builtin_popcountll(pages));
    membus_log_snapshot_free(s);
    return pages;
}

static void test_log(void **state)
{
    struct membus_region *ram = new_ram("ram", 64 * MEMBUS_LOG_PAGE);
    struct membus_log_snapshot *s;
    struct membus_listener *l;
    uint64_t page = MEMBUS_LOG_PAGE;
    uint8_t v;

    (void)state;
    put(ram, 0, 0);
    membus_space_store_8(m.space, 0, 1, no_attrs); /* remembered as not logged */
    assert_int_equal(membus_region_log_start(ram, 1), 0);
    membus_space_store_8(m.space, 0, 1, no_attrs);
    membus_space_load_8(m.space, &v, 5 * page, no_attrs);
    membus_space_fill(m.space, 2 * page - 1, 7, 2, no_attrs);
    assert_int_equal(dirty(ram, 1), 1 | 2 | 4);
    assert_int_equal(dirty(ram, 1), 0);
    assert_int_equal(membus_region_log_start(ram, 2), 0);
    assert_int_equal(membus_region_log_start(ram, 2), 0);
    membus_space_copy(m.space, 63 * page, m.space, 0, 8, no_attrs);
    assert_int_equal(dirty(ram, 1), UINT64_C(1) << 63);
    assert_int_equal(dirty(ram, 2), UINT64_C(1) << 63);
    /* only the pages asked for are cleared */
    membus_space_fill(m.space, 0, 1, 8 * page, no_attrs);
    assert_int_equal(membus_region_log_snapshot(ram, &s, 2, 2 * page + 5, page), 0);
    assert_int_equal(membus_log_snapshot_count(s), 2);
    assert_false(membus_log_snapshot_dirty(s, 0, 2 * page));
    assert_true(membus_log_snapshot_dirty(s, 0, 2 * page + 1));
    assert_false(membus_log_snapshot_dirty(s, 4 * page, UINT64_MAX));
    membus_log_snapshot_free(s);
    assert_int_equal(dirty(ram, 2), 0xff & ~0xcu);
    assert_int_equal(membus_region_log_snapshot(ram, &s, 2, 64 * page, 1), -ERANGE);
    /* listeners know of pages that nobody else saw */
    assert_int_equal(membus_listener_new(&l, m.space, 0, &all_ears, (void *)(uintptr_t) ""), 0);
    assert_trace("begin +(0-3ffff ram@0) log0>6 commit ");
    dirty(ram, 1);
    assert_int_equal(dirty(ram, 2), 8);
    assert_int_equal(membus_region_log_stop(ram, 2), 0);
    assert_trace(""); /* it was started twice */
    assert_int_equal(membus_region_log_stop(ram, 2), 0);
    assert_trace("begin =(0-3ffff ram@0) nolog6>2 commit ");
    assert_int_equal(membus_region_log_stop(ram, 2), -EINVAL);
    assert_int_equal(membus_listener_delete(l), 0);
    assert_int_equal(membus_region_log_stop(ram, 1), 0);
}

/* IOMMUs. */

static struct membus_space *behind;
static unsigned permission;
static uint64_t mask;

static void translate(void *data, struct membus_iommu_entry *entry, uint64_t offset,
                      unsigned access, struct membus_attrs attrs)
{
    (void)data, (void)access, (void)attrs;
    entry->target = offset < 0x10000 ? behind : NULL;
    entry->addr = offset & ~mask;
    entry->translated = (offset & ~mask) ^ 0x1000;
    entry->mask = mask;
    entry->permission = permission;
}

static const struct membus_iommu_ops iommu_ops = {.translate = translate};

static void hear_event(void *data, unsigned event, const struct membus_iommu_entry *entry)
{
    (void)data;
    trace("%s %" PRIx64 "+%" PRIx64 ">%" PRIx64 " ",
          event == MEMBUS_IOMMU_EVENT_MAP ? "map" : "unmap", entry->addr, entry->mask,
          entry->translated);
}

static void test_iommu(void **state)
{
    struct membus_region *ram = new_ram("ram", 0x4000), *iommu;
    struct membus_iommu_notifier *n;
    struct membus_iommu_entry entry = {.addr = 0x1000, .mask = 0xfff};
    uint32_t v;
    struct membus_map map;

    (void)state;
    assert_int_equal(membus_space_new(&behind, "behind", ram), 0);
    assert_int_equal(membus_region_new_iommu(&iommu, "iommu", 0x100000, &iommu_ops, NULL), 0);
    put(iommu, 0x100000, 0);
    mask = 0xfff;
    permission = MEMBUS_IOMMU_READ | MEMBUS_IOMMU_WRITE;
    assert_outcome(membus_space_store_le32(m.space, 0x100ffe, 0x04030201, no_attrs),
                   MEMBUS_STATUS_OK, 0, 4);
    assert_memory_equal(memory_of(ram) + 0x1ffe, "\1\2", 2);
    assert_memory_equal(memory_of(ram), "\3\4", 2);
    /* mapped, across two translations that lie apart: only the first */
    assert_outcome(membus_map_open(&map, m.space, 0x100ffe, 4, MEMBUS_MAP_READ, no_attrs),
                   MEMBUS_STATUS_OK, 0, 2);
    assert_ptr_equal(map.mapping.addr, memory_of(ram) + 0x1ffe);
    membus_map_close(&map, 0);
    permission = MEMBUS_IOMMU_READ;
    assert_outcome(membus_space_store_le32(m.space, 0x100000, 1, no_attrs), MEMBUS_STATUS_DENIED,
                   0x100000, 0);
    assert_outcome(membus_space_load_le32(m.space, &v, 0x100ffe, no_attrs), MEMBUS_STATUS_OK, 0, 4);
    assert_int_equal(v, 0x04030201);
    assert_outcome(
        membus_map_open(&map, m.space, 0x100000, 4, MEMBUS_MAP_READ | MEMBUS_MAP_WRITE, no_attrs),
        MEMBUS_STATUS_OK, 0, 4); /* bounced: writing may be permitted by then */
    assert_true(map.bounced);
    assert_outcome(membus_map_close(&map, 4), MEMBUS_STATUS_DENIED, 0x100000, 0);
    assert_outcome(membus_space_load_le32(m.space, &v, 0x110000, no_attrs), MEMBUS_STATUS_DENIED,
                   0x110000, 0);
    assert_int_equal(v, 0);
    /* a loop ends */
    assert_int_equal(membus_space_set_root(behind, iommu), 0);
    assert_outcome(membus_space_load_le32(m.space, &v, 0x100000, no_attrs), MEMBUS_STATUS_DENIED,
                   0x100000, 0);
    assert_int_equal(membus_space_set_root(behind, ram), 0);
    /* notifiers */
    assert_int_equal(membus_iommu_notifier_new(&n, iommu, 0x1000, 0x1fff, MEMBUS_IOMMU_EVENT_UNMAP,
                                               hear_event, NULL),
                     0);
    assert_int_equal(membus_region_iommu_notify(iommu, MEMBUS_IOMMU_EVENT_UNMAP, &entry), 0);
    entry.addr = 0x2000;
    assert_int_equal(membus_region_iommu_notify(iommu, MEMBUS_IOMMU_EVENT_UNMAP, &entry), 0);
    entry.mask = 0x3fff;
    assert_int_equal(membus_region_iommu_notify(iommu, MEMBUS_IOMMU_EVENT_MAP, &entry), 0);
    assert_int_equal(membus_region_iommu_notify(iommu, MEMBUS_IOMMU_EVENT_UNMAP, &entry), 0);
    assert_trace("unmap 1000+fff>0 unmap 2000+3fff>0 ");
    entry.mask = 0x1234;
    assert_int_equal(membus_region_iommu_notify(iommu, MEMBUS_IOMMU_EVENT_UNMAP, &entry), -EINVAL);
    assert_int_equal(membus_iommu_notifier_delete(n), 0);
    assert_int_equal(membus_iommu_notifier_new(&n, iommu, 0xe000, 0x11fff, MEMBUS_IOMMU_EVENT_MAP,
                                               hear_event, NULL),
                     0);
    assert_int_equal(membus_iommu_notifier_replay(n), 0);
    assert_trace("map e000+fff>f000 map f000+fff>e000 ");
    assert_int_equal(membus_iommu_notifier_delete(n), 0);
    membus_space_delete(behind);
    membus_region_delete(ram);
}

static void test_find(void **state)
{
    struct membus_range r;

    (void)state;
    put(new_ram("ram", 4096), 0x1000, 0);
    assert_int_equal(membus_space_find(m.space, &r, 0), -ENOENT);
    membus_reader_begin();
    assert_int_equal(membus_space_find(m.space, &r, 0x1fff), 0);
    assert_string_equal(membus_region_name(r.region), "ram");
    membus_reader_end();
    assert_int_equal(r.start, 0x1000);
    assert_int_equal(r.last, 0x1fff);
    assert_int_equal(r.flags, MEMBUS_RANGE_MEMORY | MEMBUS_RANGE_DIRECT | MEMBUS_RANGE_WRITABLE |
                                  MEMBUS_RANGE_PLAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_by_change_is_like_all),
        CASE(test_chunks_do_not_degenerate),
        CASE(test_neighbours_merge),
        CASE(test_sharing),
        CASE(test_transactions_nest),
        CASE(test_listeners),
        CASE(test_listeners_hear_attachments),
        CASE(test_listeners_change_nothing),
        CASE(test_log),
        CASE(test_iommu),
        CASE(test_find),
    };

    return RUN_TESTS(tests);
}
