/* SPDX-License-Identifier: MIT */

/* A program prints its own spaces: text as QEMU's monitor has it, and JSON. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <membus/space.h>

#include "harness.h"

static struct membus_region *root, *ram, *rom, *uart, *window, *off;
static struct membus_space *memory, *device, *nothing;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(membus_region_new_container(&root, "system", MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_new_ram(&ram, "ram", 0x2000), 0);
    assert_int_equal(membus_region_new_ram_pointer(&rom, "rom \"1\"\t\xff\xc3\xa4", NULL, 0x1000),
                     0);
    assert_int_equal(membus_region_set_readonly(rom, true), 0);
    assert_int_equal(membus_region_new_io(&uart, "uart", 8, NULL, NULL), 0);
    assert_int_equal(membus_region_new_alias(&window, "high", ram, 0x1000, 0x800), 0);
    assert_int_equal(membus_region_set_nonvolatile(window, true), 0);
    assert_int_equal(membus_region_new_io(&off, "off", 16, NULL, NULL), 0);
    assert_int_equal(membus_region_set_enabled(off, false), 0);
    assert_int_equal(membus_region_add(root, 0, ram, 0), 0);
    assert_int_equal(membus_region_add(root, 0x1ff8, uart, 2), 0);
    assert_int_equal(membus_region_add(root, 0x8000, rom, -3), 0);
    assert_int_equal(membus_region_add(root, 0x10000, window, 0), 0);
    assert_int_equal(membus_region_add(root, 0x4000, off, 0), 0);
    assert_int_equal(membus_space_new(&memory, "memory", root), 0);
    assert_int_equal(membus_space_new(&device, "nic", root), 0);
    assert_int_equal(membus_space_new(&nothing, "nothing", NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    struct membus_region *regions[] = {window, ram, rom, uart, off, root};

    (void)state;
    assert_int_equal(membus_space_delete(memory), 0);
    assert_int_equal(membus_space_delete(device), 0);
    assert_int_equal(membus_space_delete(nothing), 0);
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
        assert_int_equal(membus_region_delete(regions[i]), 0);
    return 0;
}

/* What `print` writes, for the caller to free. */
static char *printed(struct membus_space *space, unsigned flags)
{
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    assert_non_null(out);
    assert_int_equal(
        space ? membus_space_print(space, out, flags) : membus_spaces_print(out, flags), 0);
    fclose(out);
    return text;
}

static void expect(struct membus_space *space, unsigned flags, const char *want)
{
    char *text = printed(space, flags);

    assert_string_equal(text, want);
    free(text);
}

#define RANGES                                                                      \
    "  0000000000000000-0000000000001ff7 (prio 0, ram): ram\n"                      \
    "  0000000000001ff8-0000000000001fff (prio 2, i/o): uart\n"                     \
    "  0000000000008000-0000000000008fff (prio -3, rom): rom \"1\"\t\xff\xc3\xa4\n" \
    "  0000000000010000-00000000000107ff (prio 0, nv-ram): ram @0000000000001000\n\n"

static void test_views(void **state)
{
    (void)state;
    expect(NULL, 0,
           "FlatView #0\n AS \"memory\", root: system\n AS \"nic\", root: system\n"
           " Root memory region: system\n" RANGES
           "FlatView #1\n AS \"nothing\", root: (none)\n Root memory region: (none)\n"
           "  No rendered FlatView\n\n");
    expect(device, 0,
           "FlatView #0\n AS \"nic\", root: system\n Root memory region: system\n" RANGES);
}

#define TREE                                                      \
    "  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n" \
    "    0000000000000000-0000000000001fff (prio 0, ram): ram\n"  \
    "    0000000000001ff8-0000000000001fff (prio 2, i/o): uart\n"
#define TREE_END                                                                      \
    "    0000000000008000-0000000000008fff (prio -3, rom): rom \"1\"\t\xff\xc3\xa4\n" \
    "    0000000000010000-00000000000107ff (prio 0, nv-ram): alias high @ram "        \
    "0000000000001000-00000000000017ff\n\n"                                           \
    "memory-region: ram\n"                                                            \
    "  0000000000000000-0000000000001fff (prio 0, ram): ram\n\n"

static void test_trees(void **state)
{
    (void)state;
    expect(memory, MEMBUS_PRINT_TREE, "address-space: memory\n" TREE TREE_END);
    expect(memory, MEMBUS_PRINT_TREE | MEMBUS_PRINT_DISABLED,
           "address-space: memory\n" TREE
           "    0000000000004000-000000000000400f (prio 0, i/o): off [disabled]\n" TREE_END);
}

static void test_json(void **state)
{
    (void)state;
    expect(
        nothing, MEMBUS_PRINT_JSON,
        "{\"views\": [\n    {\"spaces\": [\n      {\"name\": \"nothing\", \"root\": \"(none)\"}],\n"
        "     \"root\": null, \"ranges\": []}]}\n");
    char *text = printed(memory, MEMBUS_PRINT_JSON);

    assert_non_null(strstr(text, "{\"start\": \"0x8000\", \"last\": \"0x8fff\", \"priority\": -3, "
                                 "\"kind\": \"rom\", \"type\": \"ram\", "
                                 "\"name\": \"rom \\\"1\\\"\\u0009\\ufffd\xc3\xa4\", "
                                 "\"offset\": \"0x0\"}"));
    free(text);
    text = printed(memory, MEMBUS_PRINT_JSON | MEMBUS_PRINT_TREE);
    assert_non_null(strstr(text, "\"type\": \"alias\", \"name\": \"high\", \"target\": \"ram\", "
                                 "\"window\": \"0x1000\""));
    assert_null(strstr(text, "\"off\""));
    free(text);
}

static void test_region(void **state)
{
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    (void)state;
    assert_int_equal(membus_region_print(uart, out, 0x40000000, 0), 0);
    fclose(out);
    assert_string_equal(text, "  0000000040000000-0000000040000007 (prio 2, i/o): uart\n");
    free(text);
}

static void try_print(void *data)
{
    *(int *)data = membus_spaces_print(stdout, 0);
}

static void test_errors(void **state)
{
    static const struct membus_listener_ops ops = {.begin = try_print};
    struct membus_listener *listener;
    FILE *full = fopen("/dev/full", "w");
    int e = 0;

    (void)state;
    assert_int_equal(membus_spaces_print(stdout, 0x80), -EINVAL);
    assert_int_equal(membus_space_print(memory, stdout, 0x80), -EINVAL);
    assert_int_equal(membus_region_print(ram, stdout, 0, 0x80), -EINVAL);
    assert_non_null(full);
    assert_int_equal(membus_spaces_print(full, 0), -EIO);
    fclose(full);
    assert_int_equal(membus_listener_new(&listener, memory, 0, &ops, &e), 0);
    assert_int_equal(membus_listener_delete(listener), 0);
    assert_int_equal(e, -EBUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),  cmocka_unit_test(test_trees),  cmocka_unit_test(test_json),
        cmocka_unit_test(test_region), cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
