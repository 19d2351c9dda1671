/* SPDX-License-Identifier: MIT */

/* Regions: every kind, the tree, and bad input: an error that names it, and nothing changed. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <membus/copy.h>
#include <membus/dma.h>
#include <membus/space.h>

static const struct membus_attrs no_attrs;

static enum membus_status io_read(void *data, uint64_t *value, uint64_t offset, unsigned size,
                                  struct membus_attrs attrs)
{
    (void)data, (void)size, (void)attrs;
    *value = offset;
    return MEMBUS_STATUS_OK;
}

static const struct membus_region_ops io_ops = {.read = io_read};

/* The view as text, for "nothing changed". */
struct text {
    char at[4096];
    size_t n;
};

static int print_range(void *data, const struct membus_range *r)
{
    struct text *t = data;

    t->n +=
        (size_t)snprintf(t->at + t->n, sizeof(t->at) - t->n, "%llx-%llx %s@%llx %x\n",
                         (unsigned long long)r->start, (unsigned long long)r->last,
                         membus_region_name(r->region), (unsigned long long)r->offset, r->flags);
    return 0;
}

static const char *view_text(struct membus_space *space)
{
    static struct text text;

    text.n = 0;
    text.at[0] = 0;
    membus_space_ranges(space, print_range, &text);
    return text.at;
}

/* A machine with one of everything, in a root of 2^64 bytes. */
static struct {
    struct membus_region *root, *bus, *io, *ram, *alias;
    struct membus_space *space;
    char before[4096];
} m;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(membus_region_new_container(&m.root, "root", MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_new_container(&m.bus, "bus", 0x10000), 0);
    assert_int_equal(membus_region_new_io(&m.io, "io", 0x100, &io_ops, NULL), 0);
    assert_int_equal(membus_region_new_ram(&m.ram, "ram", 0x4000), 0);
    assert_int_equal(membus_region_new_alias(&m.alias, "alias", m.ram, 0x1000, 0x1000), 0);
    assert_int_equal(membus_region_add(m.bus, 0x8000, m.io, 0), 0);
    assert_int_equal(membus_region_add(m.bus, 0, m.ram, 0), 0);
    assert_int_equal(membus_region_add(m.root, 0x10000, m.bus, 0), 0);
    assert_int_equal(membus_region_add(m.root, UINT64_MAX - 0xfff, m.alias, 0), 0);
    assert_int_equal(membus_space_new(&m.space, "space", m.root), 0);
    strcpy(m.before, view_text(m.space));
    assert_string_equal(m.before, "10000-13fff ram@0 39\n18000-180ff io@0 0\n"
                                  "fffffffffffff000-ffffffffffffffff ram@1000 39\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(membus_space_delete(m.space), 0);
    assert_int_equal(membus_region_delete(m.alias), 0);
    assert_int_equal(membus_region_delete(m.ram), 0);
    assert_int_equal(membus_region_delete(m.io), 0);
    assert_int_equal(membus_region_delete(m.bus), 0);
    assert_int_equal(membus_region_delete(m.root), 0);
    assert_int_equal(membus_synchronize(), 0);
    return 0;
}

/* `call` fails with `error`, and the view is what it was. */
#define assert_refused(call, error)                        \
    do {                                                   \
        assert_int_equal(call, error);                     \
        assert_string_equal(view_text(m.space), m.before); \
    } while (0)

static void test_sizes(void **state)
{
    struct membus_region *r = NULL;
    struct membus_region_ops bad = io_ops;
    char name[MEMBUS_NAME_MAX + 2];
    struct membus_mapping none = membus_mapping_device(NULL, 0, MEMBUS_CACHE_DEVICE);

    (void)state;
    assert_refused(membus_region_new_container(&r, "r", 0), -EINVAL);
    assert_refused(membus_region_new_io(&r, "r", 0, &io_ops, NULL), -EINVAL);
    assert_refused(membus_region_new_ram(&r, "r", 0), -EINVAL);
    assert_refused(membus_region_new_ram_memfd(&r, "r", 0), -EINVAL);
    assert_refused(membus_region_new_ram_file(&r, "r", 0, "/dev/null"), -EINVAL);
    assert_refused(membus_region_new_ram_fd(&r, "r", 0, 0, 0), -EINVAL);
    assert_refused(membus_region_new_ram_pointer(&r, "r", name, 0), -EINVAL);
    assert_refused(membus_region_new_ram_resizable(&r, "r", 0, 4096), -EINVAL);
    assert_refused(membus_region_new_ram_resizable(&r, "r", 8192, 4096), -EINVAL);
    assert_refused(membus_region_new_rom(&r, "r", 0, "", 0), -EINVAL);
    assert_refused(membus_region_new_rom(&r, "r", 4, "12345", 5), -EINVAL);
    assert_refused(membus_region_new_rom_device(&r, "r", 0, &io_ops, NULL), -EINVAL);
    assert_refused(membus_region_new_device(&r, "r", &none), -EINVAL);
    assert_refused(membus_region_new_alias(&r, "r", m.ram, 0, 0), -EINVAL);
    assert_refused(membus_region_new_iommu(&r, "r", 4096, NULL, NULL), -EINVAL);
    assert_refused(membus_region_set_size(m.bus, 0), -EINVAL);
    assert_refused(membus_region_new_ram(&r, "r", MEMBUS_SIZE_ALL), -ENOMEM);
    bad.valid = (struct membus_region_sizes){.min = 4, .max = 2};
    assert_refused(membus_region_new_io(&r, "r", 1, &bad, NULL), -EINVAL);
    bad.valid = (struct membus_region_sizes){.min = 0, .max = 3};
    assert_refused(membus_region_new_io(&r, "r", 1, &bad, NULL), -EINVAL);
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = 0;
    assert_refused(membus_region_new_container(&r, name, 1), -EINVAL);
    assert_null(r);
}

static void test_past_the_end(void **state)
{
    struct membus_region *r;

    (void)state;
    assert_int_equal(membus_region_new_container(&r, "r", 0x1001), 0);
    assert_refused(membus_region_add(m.root, UINT64_MAX - 0xfff, r, 1), -EOVERFLOW);
    assert_refused(membus_region_new_alias(&r, "a", m.ram, UINT64_MAX, 2), -EOVERFLOW);
    assert_refused(membus_region_set_alias(m.alias, m.ram, UINT64_MAX), -EOVERFLOW);
    assert_refused(membus_region_set_offset(m.alias, UINT64_MAX), -EOVERFLOW);
    assert_refused(membus_region_set_size(m.alias, 0x1001), -EOVERFLOW);
    assert_refused(membus_region_set_size(m.bus, MEMBUS_SIZE_ALL), -EOVERFLOW);
    assert_int_equal(membus_region_last(m.alias), 0xfff);
    assert_int_equal(membus_region_delete(r), 0);
}

static void test_cycles(void **state)
{
    struct membus_region *a, *b;

    (void)state;
    assert_refused(membus_region_add(m.root, 0, m.root, 0), -ELOOP);
    assert_refused(membus_region_add(m.bus, 0, m.root, 0), -ELOOP);
    assert_refused(membus_region_add(m.io, 0, m.root, 0), -ELOOP);
    assert_refused(membus_region_set_alias(m.alias, m.root, 0), -ELOOP);
    assert_refused(membus_region_set_alias(m.alias, m.alias, 0), -ELOOP);
    assert_int_equal(membus_region_new_alias(&a, "a", m.ram, 0, 16), 0);
    assert_int_equal(membus_region_new_alias(&b, "b", a, 0, 16), 0);
    assert_refused(membus_region_set_alias(a, b, 0), -ELOOP);
    assert_ptr_equal(membus_region_alias(a), m.ram);
    assert_int_equal(membus_region_delete(b), 0);
    assert_int_equal(membus_region_delete(a), 0);
}

/* A chain of containers: MEMBUS_DEPTH_MAX steps from top to bottom, and not one more. */
static void test_depth(void **state)
{
    struct membus_region *chain[MEMBUS_DEPTH_MAX + 2];

    (void)state;
    for (int i = 0; i < MEMBUS_DEPTH_MAX + 2; i++)
        assert_int_equal(membus_region_new_container(&chain[i], "c", 16), 0);
    for (int i = MEMBUS_DEPTH_MAX; i > 0; i--) /* from the bottom up */
        assert_int_equal(membus_region_add(chain[i - 1], 0, chain[i], 0), 0);
    assert_int_equal(membus_region_add(chain[MEMBUS_DEPTH_MAX], 0, chain[MEMBUS_DEPTH_MAX + 1], 0),
                     -E2BIG);
    assert_int_equal(membus_region_add(m.root, 0, chain[0], 0), -E2BIG);
    /* What was deep once is no obstacle when it no longer is. */
    assert_int_equal(membus_region_remove(chain[2]), 0);
    assert_int_equal(membus_region_add(m.root, 0, chain[0], 0), 0);
    for (int i = 0; i < MEMBUS_DEPTH_MAX + 2; i++)
        assert_int_equal(membus_region_delete(chain[i]), 0);
}

/* Aliases of aliases, twice each: every level doubles what the root comes to. */
static void test_alias_bomb(void **state)
{
    struct membus_region *level[MEMBUS_DEPTH_MAX], *alias[MEMBUS_DEPTH_MAX][2] = {{NULL}};
    int depth = 0, error = 0;

    (void)state;
    assert_int_equal(membus_region_new_container(&level[0], "level", 1), 0);
    while (!error && ++depth < MEMBUS_DEPTH_MAX) {
        uint64_t half = 1ull << (depth - 1);

        assert_int_equal(membus_region_new_container(&level[depth], "level", 2 * half), 0);
        for (unsigned i = 0; i < 2 && !error; i++) {
            error = membus_region_new_alias(&alias[depth][i], "alias", level[depth - 1], 0, half);
            if (!error)
                error = membus_region_add(level[depth], i * half, alias[depth][i], 0);
        }
    }
    assert_int_equal(error, -E2BIG);
    assert_in_range(depth, 10, MEMBUS_DEPTH_MAX / 2 + 8); /* by weight, before the depth is over */
    for (; depth >= 0; depth--) {
        for (int i = 0; i < 2; i++) {
            if (alias[depth][i])
                assert_int_equal(membus_region_delete(alias[depth][i]), 0);
        }
        assert_int_equal(membus_region_delete(level[depth]), 0);
    }
}

#define MANY 2100u /* times itself over MEMBUS_WEIGHT_MAX; half of it is not */

/* `count` regions more in the container. */
static void add_many(struct membus_region *container, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct membus_region *r;

        assert_int_equal(membus_region_new_container(&r, "", 1), 0);
        assert_int_equal(membus_region_add(container, i, r, 0), 0);
    }
}

static int stop_at_first(void *data, struct membus_region *sub)
{
    *(struct membus_region **)data = sub;
    return 1;
}

static void delete_all_in(struct membus_region *container)
{
    struct membus_region *sub;

    while (membus_region_children(container, stop_at_first, &sub))
        assert_int_equal(membus_region_delete(sub), 0);
}

/* Many aliases of one region, each of which shows all that is added to it. */
static void test_wide_alias_bomb(void **state)
{
    struct membus_region *top, *shown, *big, *small, *other, *a;

    (void)state;
    assert_int_equal(membus_region_new_container(&top, "top", MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_new_container(&shown, "shown", 0x10000), 0);
    assert_int_equal(membus_region_new_container(&big, "big", 0x10000), 0);
    assert_int_equal(membus_region_new_container(&small, "small", 0x10000), 0);
    assert_int_equal(membus_region_new_container(&other, "other", 0x10000), 0);
    for (uint64_t i = 0; i < MANY; i++) {
        assert_int_equal(membus_region_new_alias(&a, "a", shown, 0, 0x10000), 0);
        assert_int_equal(membus_region_add(top, i << 16, a, 0), 0);
    }
    add_many(big, MANY);
    add_many(small, MANY / 2);
    add_many(other, MANY / 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(membus_region_add(shown, 0, big, 0), -E2BIG);
    assert_null(membus_region_container(big));
    assert_int_equal(membus_region_new_alias(&a, "through", small, 0, 0x10000), 0);
    assert_int_equal(membus_region_add(shown, 0, a, 0), 0);
    assert_int_equal(membus_region_set_alias(a, big, 0), -E2BIG);
    assert_ptr_equal(membus_region_alias(a), small);
    assert_int_equal(membus_region_set_alias(a, other, 0), 0); /* in place of the small one */
    assert_int_equal(membus_region_add(shown, 0, small, 0), -E2BIG);
    delete_all_in(top);
    assert_int_equal(membus_region_add(shown, 0, big, 0), 0); /* nobody shows it any more */
    delete_all_in(shown);
    delete_all_in(small);
    delete_all_in(other);
    assert_int_equal(membus_region_delete(small), 0);
    assert_int_equal(membus_region_delete(other), 0);
    assert_int_equal(membus_region_delete(shown), 0);
    assert_int_equal(membus_region_delete(top), 0);
}

static void test_misplaced(void **state)
{
    struct membus_region *r;

    (void)state;
    assert_int_equal(membus_region_new_container(&r, "r", 16), 0);
    assert_refused(membus_region_add(m.root, 0, m.io, 0), -EEXIST);
    assert_refused(membus_region_add(m.alias, 0, r, 0), -EINVAL);
    assert_refused(membus_region_remove(r), -EINVAL);
    assert_refused(membus_region_remove(m.root), -EINVAL);
    assert_refused(membus_region_set_alias(m.io, m.ram, 0), -EINVAL);
    assert_refused(membus_region_set_direct(m.io, false), -EINVAL);
    assert_refused(membus_region_set_size(m.ram, 4096), -EOPNOTSUPP);
    assert_int_equal(membus_region_set_lock(m.io, NULL, (void (*)(void *))abort, NULL), -EINVAL);
    assert_int_equal(membus_region_delete(r), 0);
}

/* Deletion. */

static void count_release(void *data)
{
    __atomic_fetch_add((int *)data, 1, __ATOMIC_SEQ_CST);
}

static void test_delete(void **state)
{
    struct membus_region *r;
    int released = 0;

    (void)state;
    assert_refused(membus_region_delete(m.root), -EBUSY); /* root of a space */
    assert_refused(membus_region_delete(m.ram), -EBUSY);  /* an alias shows it */
    assert_int_equal(membus_region_new_io(&r, "r", 16, &io_ops, NULL), 0);
    assert_int_equal(membus_region_set_release(r, count_release, &released), 0);
    assert_int_equal(membus_region_add(m.root, 0, r, 0), 0);
    assert_string_not_equal(view_text(m.space), m.before);
    assert_int_equal(membus_region_delete(r), 0);
    assert_string_equal(view_text(m.space), m.before);
    assert_int_equal(membus_region_delete(r), -ENOENT); /* twice */
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(released, 1);
    assert_int_equal(membus_region_delete(r), -ENOENT);
}

/* A deleted region lives on while a reader or a mapping uses it. */
static void test_delete_in_use(void **state)
{
    struct membus_region *r;
    struct membus_map map;
    int released = 0;

    (void)state;
    assert_int_equal(membus_region_new_ram(&r, "r", 4096), 0);
    assert_int_equal(membus_region_set_release(r, count_release, &released), 0);
    assert_int_equal(membus_region_add(m.root, 0, r, 0), 0);
    assert_int_equal(membus_map_open(&map, m.space, 16, 64, MEMBUS_MAP_WRITE, no_attrs).status, 0);
    assert_int_equal(membus_region_delete(r), 0);
    assert_int_equal(membus_region_add(m.root, 0, r, 0), -ENOENT);
    assert_int_equal(membus_region_set_enabled(r, false), -ENOENT);
    assert_int_equal(membus_region_delete(r), -ENOENT);
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(released, 0);
    membus_copy(map.mapping.addr, "still there", 12);
    assert_int_equal(membus_map_close(&map, 12).status, MEMBUS_STATUS_OK);
    assert_int_equal(released, 1);
    assert_int_equal(membus_map_close(&map, 0).status, MEMBUS_STATUS_INVALID);
}

static void test_delete_container(void **state)
{
    struct membus_region *c, *sub;

    (void)state;
    assert_int_equal(membus_region_new_container(&c, "c", 4096), 0);
    assert_int_equal(membus_region_new_io(&sub, "sub", 16, NULL, NULL), 0);
    assert_int_equal(membus_region_add(c, 0, sub, 0), 0);
    assert_int_equal(membus_region_add(m.root, 0, c, 0), 0);
    assert_int_equal(membus_region_delete(c), 0);
    assert_null(membus_region_container(sub));
    assert_string_equal(view_text(m.space), m.before);
    assert_int_equal(membus_region_delete(sub), 0);
}

static void test_space_delete(void **state)
{
    struct membus_space *s;
    struct membus_map map;
    struct membus_waiter *w;
    struct membus_region *root;
    static const struct membus_listener_ops ops;
    struct membus_listener *l;

    (void)state;
    assert_int_equal(membus_space_new(&s, "s", m.root), 0);
    assert_int_equal(membus_listener_new(&l, s, 0, &ops, NULL), 0);
    assert_int_equal(membus_space_delete(s), -EBUSY);
    assert_int_equal(membus_listener_delete(l), 0);
    assert_int_equal(membus_map_open(&map, s, 0x10000, 1, MEMBUS_MAP_READ, no_attrs).status, 0);
    assert_int_equal(membus_space_delete(s), -EBUSY);
    assert_int_equal(membus_map_close(&map, 0).status, 0);
    membus_space_set_budget(s, 0);
    assert_int_equal(membus_waiter_new(&w, s, 1, count_release, NULL), 0);
    assert_int_equal(membus_space_delete(s), -EBUSY);
    assert_int_equal(membus_waiter_delete(w, s), 0);
    assert_int_equal(membus_region_new_container(&root, "root of none", 1), 0);
    membus_reader_begin(); /* so that it is still there to be asked */
    assert_int_equal(membus_space_delete(s), 0);
    assert_int_equal(membus_space_delete(s), -ENOENT);
    assert_int_equal(membus_space_set_root(s, root), -ENOENT);
    assert_int_equal(membus_space_set_root(s, NULL), -ENOENT);
    assert_int_equal(membus_listener_new(&l, s, 0, &ops, NULL), -ENOENT);
    membus_reader_end();
    assert_int_equal(membus_region_delete(root), 0);
    assert_string_equal(view_text(m.space), m.before);
}

/* Kinds of RAM. */

static void check_ram(struct membus_region *r, const char *expected)
{
    char buf[16] = {0};

    assert_int_equal(membus_region_add(m.root, 0, r, 0), 0);
    assert_int_equal(membus_space_write(m.space, 8, "content", 8, no_attrs).bytes, 8);
    assert_int_equal(membus_space_read(m.space, buf, 8, 8, no_attrs).bytes, 8);
    assert_string_equal(buf, "content");
    assert_string_equal((char *)membus_region_mapping(r).addr + 8, expected);
    assert_int_equal(membus_region_delete(r), 0);
}

static void test_ram_memfd(void **state)
{
    struct membus_region *r;
    uint64_t offset = 1;
    char *other;
    int fd;

    (void)state;
    assert_int_equal(membus_region_new_ram_memfd(&r, "r", 8192), 0);
    fd = membus_region_fd(r, &offset);
    assert_true(fd >= 0);
    assert_int_equal(offset, 0);
    other = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0); /* another process, say */
    assert_ptr_not_equal(other, MAP_FAILED);
    check_ram(r, "content");
    assert_string_equal(other + 8, "content");
    munmap(other, 8192);
    assert_int_equal(membus_region_fd(m.ram, &offset), -ENOENT);
}

static void test_ram_file(void **state)
{
    char path[] = "/tmp/membus-region-XXXXXX", buf[8];
    int fd = mkstemp(path);
    struct membus_region *r;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(membus_region_new_ram_file(&r, "r", 4096, path), 0); /* grown */
    check_ram(r, "content");
    assert_int_equal(pread(fd, buf, 8, 8), 8);
    assert_string_equal(buf, "content");
    assert_int_equal(membus_region_new_ram_fd(&r, "r", 4096, fd, 0), 0);
    check_ram(r, "content");
    assert_refused(membus_region_new_ram_fd(&r, "r", 4096, fd, 4096), -ERANGE);
    assert_refused(membus_region_new_ram_fd(&r, "r", 4097, fd, 0), -ERANGE);
    assert_refused(membus_region_new_ram_fd(&r, "r", 4096, fd, 1), -EINVAL);
    assert_refused(membus_region_new_ram_fd(&r, "r", 4096, -1, 0), -EBADF);
    assert_refused(membus_region_new_ram_file(&r, "r", 4096, "/nonexistent/x"), -ENOENT);
    close(fd);
    unlink(path);
}

static void test_ram_resizable(void **state)
{
    struct membus_region *r;
    uint8_t v;

    (void)state;
    assert_int_equal(membus_region_new_ram_resizable(&r, "r", 4096, 16384), 0);
    assert_int_equal(membus_region_add(m.root, 0, r, 0), 0);
    assert_int_equal(membus_space_load_8(m.space, &v, 4096, no_attrs).status, MEMBUS_STATUS_DECODE);
    assert_int_equal(membus_region_set_size(r, 16385), -ERANGE);
    assert_int_equal(membus_region_last(r), 4095);
    assert_int_equal(membus_region_set_size(r, 16384), 0);
    assert_int_equal(membus_space_load_8(m.space, &v, 16383, no_attrs).status, 0);
    assert_int_equal(membus_region_mapping(r).size, 16384);
    assert_int_equal(membus_region_delete(r), 0);
}

static void test_ram_pointer(void **state)
{
    static uint64_t memory[16];
    struct membus_region *r;
    uint8_t v = 1;

    (void)state;
    assert_int_equal(membus_region_new_ram_pointer(&r, "r", memory, sizeof(memory)), 0);
    check_ram(r, "content");
    assert_refused(membus_region_new_ram_pointer(&r, "r", memory, MEMBUS_SIZE_ALL), -EINVAL);
    /* To be looked at only. */
    assert_int_equal(membus_region_new_ram_pointer(&r, "r", NULL, MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_add(m.root, 0, r, -1), 0);
    assert_int_equal(membus_space_load_8(m.space, &v, 0, no_attrs).status, MEMBUS_STATUS_DECODE);
    assert_int_equal(v, 0);
    assert_int_equal(membus_space_store_8(m.space, 0, 1, no_attrs).status, MEMBUS_STATUS_DECODE);
    assert_int_equal(membus_region_delete(r), 0);
}

static void test_rom(void **state)
{
    struct membus_region *r;
    char buf[8] = {0};

    (void)state;
    assert_int_equal(membus_region_new_rom(&r, "r", 4096, "firmware", 8), 0);
    assert_true(membus_region_readonly(r));
    assert_int_equal(membus_region_add(m.root, 0, r, 0), 0);
    assert_int_equal(membus_space_write(m.space, 0, "attack!!", 8, no_attrs).status,
                     MEMBUS_STATUS_DECODE);
    assert_int_equal(membus_space_read(m.space, buf, 8, 0, no_attrs).status, 0);
    assert_memory_equal(buf, "firmware", 8);
    assert_int_equal(membus_region_delete(r), 0);
}

/* Doorbells, windows, logs, notifiers: arguments. */

static void test_attachments(void **state)
{
    struct membus_doorbell d = {.offset = 0xfe, .size = 2, .fd = -1};
    struct membus_log_snapshot *s = NULL;
    struct membus_iommu_notifier *n = NULL;
    struct membus_region *reservation;

    (void)state;
    assert_int_equal(membus_region_doorbell_add(m.io, &d), 0);
    assert_int_equal(membus_region_doorbell_add(m.io, &d), -EEXIST);
    assert_int_equal(membus_region_doorbell_remove(m.io, &d), 0);
    assert_int_equal(membus_region_doorbell_remove(m.io, &d), -ENOENT);
    d.size = 4;
    assert_int_equal(membus_region_doorbell_add(m.io, &d), -ERANGE);
    d.size = 3;
    assert_int_equal(membus_region_doorbell_add(m.io, &d), -EINVAL);
    d = (struct membus_doorbell){.offset = 0, .match = true};
    assert_int_equal(membus_region_doorbell_add(m.io, &d), -EINVAL);
    d = (struct membus_doorbell){.offset = 0, .size = 4};
    assert_int_equal(membus_region_doorbell_add(m.ram, &d), -EINVAL);

    assert_int_equal(membus_region_coalesce_add(m.io, 0, 0), -EINVAL);
    assert_int_equal(membus_region_coalesce_add(m.io, 0xff, 2), -ERANGE);
    assert_int_equal(membus_region_coalesce_add(m.ram, 0, 2), -EINVAL);
    assert_int_equal(membus_region_new_io(&reservation, "reservation", 0x100, NULL, NULL), 0);
    assert_int_equal(membus_region_doorbell_add(reservation, &d), -EINVAL);
    assert_int_equal(membus_region_coalesce_add(reservation, 0, 2), -EINVAL);
    assert_int_equal(membus_region_delete(reservation), 0);
    assert_int_equal(membus_region_coalesce_add(m.io, 8, 8), 0);
    assert_int_equal(membus_region_coalesce_add(m.io, 15, 2), -EEXIST);
    assert_int_equal(membus_region_coalesce_remove(m.io, 8, 4), -ENOENT);
    assert_int_equal(membus_region_coalesce_remove(m.io, 8, 8), 0);

    assert_int_equal(membus_region_log_start(m.io, 0), -EINVAL);
    assert_int_equal(membus_region_log_start(m.ram, MEMBUS_LOG_CLIENTS), -EINVAL);
    assert_int_equal(membus_region_log_stop(m.ram, 0), -EINVAL);
    assert_int_equal(membus_region_log_snapshot(m.ram, &s, 0, 0, 1), -EINVAL);
    membus_reader_begin();
    assert_int_equal(membus_region_log_start(m.ram, 0), -EDEADLK);
    assert_int_equal(membus_synchronize(), -EDEADLK);
    membus_reader_end();
    assert_int_equal(membus_transaction_begin(), 0);
    assert_int_equal(membus_region_log_start(m.ram, 0), -EDEADLK);
    assert_int_equal(membus_synchronize(), -EDEADLK);
    assert_int_equal(membus_transaction_commit(), 0);

    assert_int_equal(membus_iommu_notifier_new(
                         &n, m.io, 0, 1, MEMBUS_IOMMU_EVENT_MAP,
                         (void (*)(void *, unsigned, const struct membus_iommu_entry *))abort,
                         NULL),
                     -EINVAL);
    assert_null(s);
    assert_null(n);
    assert_string_equal(view_text(m.space), m.before);
}

static void test_many_doorbells(void **state)
{
    struct membus_region *r;
    struct membus_doorbell d = {.size = 4, .fd = -1, .match = true};

    (void)state;
    assert_int_equal(membus_region_new_io(&r, "r", 16, &io_ops, NULL), 0);
    membus_transaction_begin();
    for (d.value = 0; d.value < MEMBUS_DOORBELLS_MAX; d.value++)
        assert_int_equal(membus_region_doorbell_add(r, &d), 0);
    assert_int_equal(membus_region_doorbell_add(r, &d), -ENOSPC);
    membus_transaction_commit();
    assert_int_equal(membus_region_delete(r), 0);
}

static int record_name(void *data, struct membus_region *sub)
{
    strcat(strcat(data, membus_region_name(sub)), " ");
    return 0;
}

static void test_looking(void **state)
{
    struct membus_region *r[4];
    char names[64] = "";
    static const int priority[] = {0, 1, 1, -1};

    (void)state;
    for (int i = 0; i < 4; i++) {
        char name[2] = {(char)('a' + i), 0};

        assert_int_equal(membus_region_new_container(&r[i], name, 16), 0);
        assert_int_equal(membus_region_add(m.bus, 0x100, r[i], priority[i]), 0);
    }
    assert_int_equal(membus_region_children(m.bus, record_name, names), 0);
    assert_string_equal(names, "c b a ram io d "); /* ram was added after io, a after both */
    assert_int_equal(membus_region_kind(m.alias), MEMBUS_REGION_ALIAS);
    assert_int_equal(membus_region_alias_offset(m.alias), 0x1000);
    assert_int_equal(membus_region_offset(m.bus), 0x10000);
    assert_int_equal(membus_region_priority(r[3]), -1);
    assert_ptr_equal(membus_region_container(m.bus), m.root);
    assert_true(membus_region_enabled(m.bus));
    for (int i = 0; i < 4; i++)
        assert_int_equal(membus_region_delete(r[i]), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_sizes),         CASE(test_past_the_end),
        CASE(test_cycles),        CASE(test_depth),
        CASE(test_alias_bomb),    CASE(test_wide_alias_bomb),
        CASE(test_misplaced),     CASE(test_delete),
        CASE(test_delete_in_use), CASE(test_delete_container),
        CASE(test_space_delete),  CASE(test_ram_memfd),
        CASE(test_ram_file),      CASE(test_ram_resizable),
        CASE(test_ram_pointer),   CASE(test_rom),
        CASE(test_attachments),   CASE(test_many_doorbells),
        CASE(test_looking),
    };

    return RUN_TESTS(tests);
}
