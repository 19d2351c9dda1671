/* SPDX-License-Identifier: MIT */
/* membus/vfio.h on a kernel that the test plays (vfio_fake.h): what it is asked, in which order. */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <membus/dma.h>
#include <membus/guard.h>
#include <membus/region.h>
#include <membus/space.h>
#include <membus/vfio.h>

#include "vfio_fake.h"

#define MIB ((size_t)1 << 20)

static struct membus_vfio_container *container;
static struct membus_vfio *dev;
static const struct membus_attrs attrs;

static void start(unsigned flags)
{
    fake_start();
    assert_int_equal(membus_vfio_container_new(&container, flags), 0);
    assert_int_equal(membus_vfio_open(&dev, container, "01:00.0", NULL), 0);
    fake_clear_log();
}

static void stop(void)
{
    assert_int_equal(membus_vfio_close(dev), 0);
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(membus_vfio_container_delete(container), 0);
    fake_stop();
}

static void open_by_group(void **state)
{
    (void)state;
    fake_start();
    assert_int_equal(membus_vfio_container_new(&container, 0), 0);
    assert_int_equal(membus_vfio_container_pages(container), 0);
    assert_int_equal(membus_vfio_dma_map(container, 0, NULL, 4096, 1), -ENXIO);
    assert_int_equal(membus_vfio_open(&dev, container, "0000:01:00.0", NULL), 0);
    assert_int_equal(membus_vfio_container_pages(container), 0x40201000);
    assert_int_equal(membus_vfio_container_delete(container), -EBUSY);
    assert_string_equal(membus_vfio_address(dev), "0000:01:00.0");
    assert_int_equal(membus_vfio_region_count(dev), 9);
    assert_string_equal(fake.log, "open /dev/vfio/vfio\nopen /dev/vfio/7\nset iommu 3\n");
    fake_clear_log();
    assert_int_equal(membus_vfio_close(dev), 0);
    assert_string_equal(fake.log, "close device\nclose group\n");
    assert_int_equal(membus_vfio_container_delete(container), 0);
    fake_stop();
}

static void open_by_iommufd(void **state)
{
    const unsigned flags[] = {0, MEMBUS_VFIO_IOMMUFD};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        fake_start();
        fake.no_group = i == 0;
        assert_int_equal(membus_vfio_container_new(&container, flags[i]), 0);
        assert_int_equal(membus_vfio_open(&dev, container, "0000:01:00.0", NULL), 0);
        assert_int_equal(membus_vfio_container_pages(container), 4096);
        assert_string_equal(fake.log, "open /dev/iommu\nopen /dev/vfio/devices/vfio3\n"
                                      "bind 1003\nattach 42\n");
        fake_clear_log();
        assert_int_equal(membus_vfio_dma_map(container, 0x5000, NULL, 0x2000,
                                             MEMBUS_VFIO_DMA_READ | MEMBUS_VFIO_DMA_WRITE),
                         0);
        assert_int_equal(membus_vfio_dma_unmap(container, 0x5000, 0x2000), 0);
        assert_string_equal(fake.log, "map 0x5000+0x2000 flags 7\nunmap 0x5000+0x2000\n");
        stop();
    }
}

static void two_opens_share_the_group(void **state)
{
    struct membus_vfio *second;

    (void)state;
    start(0);
    assert_int_equal(membus_vfio_open(&second, container, "0000:01:00.0", NULL), 0);
    assert_null(strstr(fake.log, "open /dev/vfio/7"));
    membus_vfio_close(second);
    assert_null(strstr(fake.log, "close group"));
    stop();
}

/* Domains of virtual controllers (VMD, Hyper-V) have more than 4 digits. */
static void long_domains(void **state)
{
    const char *const address[] = {"10000:01:00.0", "10000000:01:00.0", "ffffffff:ff:1f.7"};
    const unsigned flags[] = {MEMBUS_VFIO_GROUP, MEMBUS_VFIO_IOMMUFD};

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        fake_start();
        fake.address = address[i / 2];
        assert_int_equal(membus_vfio_container_new(&container, flags[i % 2]), 0);
        assert_int_equal(membus_vfio_open(&dev, container, address[i / 2], NULL), 0);
        assert_string_equal(membus_vfio_address(dev), address[i / 2]);
        stop();
    }
}

static void cannot_open(void **state)
{
    const char *const bad[] = {"",
                               "01:00",
                               "1:2:3:4",
                               "0000:01:00.0x",
                               "0000:01:00.9",
                               "0000:01:20.0",
                               "../../etc/passwd",
                               " 01:00.0",
                               "-1:00.0",
                               "123456789:01:00.0"};

    (void)state;
    fake_start();
    assert_int_equal(membus_vfio_container_new(&container, 7), -EINVAL);
    assert_int_equal(membus_vfio_container_new(&container, MEMBUS_VFIO_GROUP), 0);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(membus_vfio_open(&dev, container, bad[i], NULL), -EINVAL);
    assert_int_equal(membus_vfio_open(&dev, container, "0000:02:00.0", NULL), -ENODEV);
    fake.not_viable = true;
    assert_int_equal(membus_vfio_open(&dev, container, "0000:01:00.0", NULL), -EBUSY);
    assert_int_equal(membus_vfio_container_delete(container), 0);
    fake_stop();
}

static void regions(void **state)
{
    const struct membus_vfio_info *info;

    (void)state;
    start(0);
    info = membus_vfio_region_info(dev, 0); /* the MSI-X table's page is cut out */
    assert_true(info->msix_mappable);
    assert_int_equal(info->area_count, 2);
    assert_int_equal(info->area[0].size, 0x2000);
    assert_int_equal(info->area[1].offset, 0x3000);
    info = membus_vfio_region_info(dev, 2); /* its capabilities took a second try */
    assert_int_equal(info->mode, MEMBUS_CACHE_WRITECOMBINE);
    assert_int_equal(info->area_count, FAKE_AREAS);
    assert_int_equal(info->area[FAKE_AREAS - 1].offset, (FAKE_AREAS - 1) * 0x4000);
    assert_int_equal(membus_vfio_region_info(dev, 4)->area_count, 0);
    assert_int_equal(membus_vfio_region_info(dev, 5)->area_count, 1);
    assert_int_equal(membus_vfio_region_info(dev, 8)->size, 0); /* no VGA */
    assert_null(membus_vfio_region_info(dev, 9));
    stop();
}

static void malformed_region(void **state)
{
    uint64_t value;

    (void)state;
    fake_start();
    fake.broken = true;
    assert_int_equal(membus_vfio_container_new(&container, 0), 0);
    assert_int_equal(membus_vfio_open(&dev, container, "01:00.0", NULL), 0);
    assert_int_equal(membus_vfio_region_info(dev, 5)->error, -E2BIG);
    assert_int_equal(membus_vfio_region_info(dev, 5)->area_count, 0);
    assert_int_equal(membus_vfio_region_info(dev, 0)->area_count, 2);
    fake.memory[5 * MIB] = 0x77;
    fake_clear_log();
    assert_int_equal(membus_vfio_read(dev, 5, 0, 1, &value), 0);
    assert_int_equal(value, 0x77);
    assert_string_equal(fake.log, "pread 5 0+1\n");
    stop();
}

static void nothing_mapped_on_request(void **state)
{
    const struct membus_vfio_options options = {.no_map = true, .cap_id = 77};

    (void)state;
    fake_start();
    assert_int_equal(membus_vfio_container_new(&container, 0), 0);
    assert_int_equal(membus_vfio_open(&dev, container, "01:00.0", &options), 0);
    assert_null(membus_vfio_mapping(dev, 0, 0, 4).addr);
    assert_false(membus_vfio_region_info(dev, 2)->mode_reported);
    stop();
}

static void accesses(void **state)
{
    uint64_t value;

    (void)state;
    start(0);
    for (unsigned width = 1; width <= 8; width *= 2) {
        uint64_t want = 0x8877665544332211 & (UINT64_MAX >> (64 - 8 * width));
        char expected[64];

        fake_clear_log(); /* mapped: no call at all */
        assert_int_equal(membus_vfio_write(dev, 2, 0x4008, width, want), 0);
        assert_int_equal(membus_vfio_read(dev, 2, 0x4008, width, &value), 0);
        assert_int_equal(value, want);
        assert_int_equal(fake.memory[2 * MIB + 0x4008], 0x11); /* little-endian */
        assert_string_equal(fake.log, "");

        /* Between the areas: one call of that width. */
        assert_int_equal(membus_vfio_write(dev, 2, 0x2008, width, want), 0);
        assert_int_equal(membus_vfio_read(dev, 2, 0x2008, width, &value), 0);
        assert_int_equal(value, want);
        snprintf(expected, sizeof expected, "pwrite 2 0x2008+%u\npread 2 0x2008+%u\n", width,
                 width);
        assert_string_equal(fake.log, expected);
    }
    fake_clear_log();
    assert_int_equal(membus_vfio_pread(dev, 2, 0x4008, 4, &value), 0);
    assert_int_equal(value, 0x44332211);
    assert_string_equal(fake.log, "pread 2 0x4008+4\n");
    stop();
}

static void failed_accesses(void **state)
{
    uint64_t value = 0;

    (void)state;
    start(0);
    fake.pread_error = -EIO;
    assert_int_equal(membus_vfio_read(dev, 4, 8, 2, &value), -EIO);
    assert_int_equal(value, 0xffff);
    fake.pread_error = 0;
    fake.short_read = true;
    assert_int_equal(membus_vfio_read(dev, 4, 8, 4, &value), -EIO);
    assert_int_equal(value, 0xffffffff);
    fake.short_read = false;
    fake_clear_log();
    assert_int_equal(membus_vfio_read(dev, 4, 8, 3, &value), -EINVAL);
    assert_int_equal(value, UINT64_MAX);
    assert_int_equal(membus_vfio_read(dev, 4, 2, 4, &value), -EINVAL);
    assert_int_equal(membus_vfio_read(dev, 4, 0x100, 1, &value), -ERANGE);
    assert_int_equal(membus_vfio_read(dev, 4, UINT64_MAX - 7, 8, &value), -ERANGE);
    assert_int_equal(membus_vfio_write(dev, 1, 0, 4, 0), -ERANGE);
    assert_int_equal(membus_vfio_write(dev, 9, 0, 4, 0), -EINVAL);
    assert_string_equal(fake.log, "");
    stop();
}

static void command_register(void **state)
{
    unsigned char *command = NULL;

    (void)state;
    start(0);
    command = fake.memory + MEMBUS_VFIO_CONFIG * MIB + 4;
    command[0] = 0x42;
    command[1] = 0x05;
    assert_int_equal(membus_vfio_bus_master(dev, true), 0);
    assert_int_equal(command[0], 0x46);
    assert_int_equal(membus_vfio_memory(dev, false), 0);
    assert_int_equal(command[0], 0x44);
    assert_int_equal(membus_vfio_bus_master(dev, false), 0);
    assert_int_equal(command[0], 0x40);
    assert_int_equal(command[1], 0x05);
    assert_string_equal(fake.log, "pwrite 7 0x4+2\npwrite 7 0x4+2\npwrite 7 0x4+2\n");
    assert_int_equal(membus_vfio_reset(dev), 0);
    stop();
}

static void interrupts(void **state)
{
    const int fds[3] = {10, -1, 12};

    (void)state;
    start(0);
    assert_int_equal(membus_vfio_irq_count(dev, MEMBUS_VFIO_MSIX), 3);
    assert_int_equal(membus_vfio_irq_set(dev, MEMBUS_VFIO_MSIX, 1, 3, fds), 0);
    assert_int_equal(membus_vfio_irq_unmask(dev), 0);
    assert_int_equal(membus_vfio_irq_disable(dev, MEMBUS_VFIO_MSI), 0);
    assert_string_equal(fake.log, "irqs index 2 start 1 count 3 flags 0x24 size 32 10 -1 12\n"
                                  "irqs index 0 start 0 count 1 flags 0x11 size 20\n"
                                  "irqs index 1 start 0 count 0 flags 0x21 size 20\n");
    assert_int_equal(membus_vfio_irq_set(dev, MEMBUS_VFIO_MSI, 0, 0, fds), -EINVAL);
    assert_int_equal(membus_vfio_irq_set(dev, MEMBUS_VFIO_MSI, 0, 2049, fds), -EINVAL);
    stop();
}

static void dma_arguments(void **state)
{
    (void)state;
    start(0);
    assert_int_equal(membus_vfio_dma_map(container, 0x800, NULL, 4096, 1), -EINVAL);
    assert_int_equal(membus_vfio_dma_map(container, 0, (void *)8, 4096, 1), -EINVAL);
    assert_int_equal(membus_vfio_dma_map(container, 0, NULL, 0, 1), -EINVAL);
    assert_int_equal(membus_vfio_dma_map(container, 0, NULL, 4096, 0), -EINVAL);
    assert_int_equal(membus_vfio_dma_map(container, 0, NULL, 4096, 4), -EINVAL);
    assert_int_equal(membus_vfio_dma_map(container, -4096ull, NULL, 8192, 1), -EINVAL);
    assert_string_equal(fake.log, "");
    assert_int_equal(membus_vfio_dma_map(container, -4096ull, NULL, 4096, 2), 0);
    assert_string_equal(fake.log, "map 0xfffffffffffff000+0x1000 flags 2\n");
    stop();
}

/* The memory core. */

static struct membus_region *root;
static struct membus_space *space;

static void make_space(void)
{
    assert_int_equal(membus_region_new_container(&root, "system", MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_space_new(&space, "memory", root), 0);
}

static void free_space(void)
{
    assert_int_equal(membus_space_delete(space), 0);
    assert_int_equal(membus_region_delete(root), 0);
}

static void region_in_a_space(void **state)
{
    struct membus_region *bar, *again;
    struct membus_outcome r;
    unsigned char buf[16];
    uint32_t v32 = 0;

    (void)state;
    start(0);
    make_space();
    assert_int_equal(membus_vfio_region(dev, &bar, 2, NULL), 0);
    assert_int_equal(membus_vfio_region(dev, &again, 2, NULL), 0);
    assert_ptr_equal(bar, again);
    assert_int_equal(membus_vfio_region(dev, &again, 1, NULL), -EINVAL);
    assert_int_equal(membus_region_last(bar), MIB - 1);
    assert_int_equal(membus_region_add(root, 0x10000000, bar, 0), 0);

    memcpy(fake.memory + 2 * MIB + 0xff8, "0123456789abcdef", 16);
    r = membus_space_read(space, buf, 16, 0x10000ff8, attrs); /* mapped, then not */
    assert_int_equal(r.status, MEMBUS_STATUS_OK);
    assert_memory_equal(buf, "0123456789abcdef", 16);
    assert_string_equal(fake.log, "pread 2 0x1000+8\n");

    fake.pread_error = -EIO;
    r = membus_space_load_le32(space, &v32, 0x10001000, attrs);
    assert_int_equal(r.status, MEMBUS_STATUS_DEVICE);
    assert_int_equal(r.addr, 0x10001000);
    fake.pread_error = 0;

    r = membus_space_store_le32(space, 0x10004004, 0xaabbccdd, attrs);
    assert_int_equal(r.status, MEMBUS_STATUS_OK);
    assert_int_equal(fake.memory[2 * MIB + 0x4004], 0xdd);

    /* Closing takes it out of the space. */
    assert_int_equal(membus_vfio_close(dev), 0);
    r = membus_space_load_le32(space, &v32, 0x10004004, attrs);
    assert_int_equal(r.status, MEMBUS_STATUS_DECODE);
    free_space();
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(membus_vfio_container_delete(container), 0);
    fake_stop();
}

static void policy_of_a_region(void **state)
{
    const struct membus_policy policy = {.width_min = 4, .width_max = 4, .aligned = true};
    struct membus_region *bar;
    uint64_t value;

    (void)state;
    start(0);
    make_space();
    assert_int_equal(membus_vfio_region(dev, &bar, 2, &policy), 0);
    assert_int_equal(membus_region_add(root, 0, bar, 0), 0);
    assert_int_equal(membus_space_load_le64(space, &value, 0, attrs).status, MEMBUS_STATUS_OK);
    assert_int_not_equal(membus_space_load_16(space, &(uint16_t){0}, 0, attrs).status,
                         MEMBUS_STATUS_OK);
    assert_int_equal(membus_vfio_close(dev), 0);
    free_space();
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(membus_vfio_container_delete(container), 0);
    fake_stop();
}

static int first_area(void *data, struct membus_region *area)
{
    *(struct membus_region **)data = area;
    return 1;
}

/* A refused close changes nothing, whatever is in use. */
static void close_while_in_use(void **state)
{
    struct membus_region *bar[2], *used[3] = {NULL}, *alias, *again;
    struct membus_range range;

    (void)state;
    start(0);
    make_space();
    assert_int_equal(membus_vfio_region(dev, &bar[0], 0, NULL), 0);
    assert_int_equal(membus_vfio_region(dev, &bar[1], 2, NULL), 0);
    assert_int_equal(membus_region_add(root, 0, bar[0], 0), 0);
    used[0] = bar[0];
    used[1] = bar[1];
    assert_int_equal(membus_region_children(bar[1], first_area, &used[2]), 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(membus_region_new_alias(&alias, "window", used[i], 0, 0x1000), 0);
        assert_int_equal(membus_vfio_close(dev), -EBUSY);
        for (unsigned j = 0; j < 2; j++) {
            assert_int_equal(membus_vfio_region(dev, &again, 2 * j, NULL), 0);
            assert_ptr_equal(again, bar[j]);
        }
        assert_int_equal(membus_space_find(space, &range, 0), 0);
        assert_int_equal(membus_region_delete(alias), 0);
    }
    assert_int_equal(membus_vfio_close(dev), 0);
    assert_int_equal(membus_space_find(space, &range, 0), -ENOENT);
    free_space();
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(membus_vfio_container_delete(container), 0);
    fake_stop();
}

static void space_for_dma(void **state)
{
    struct membus_region *ram, *rom, *odd, *io, *bar;
    struct membus_vfio_dma_stats stats;
    struct membus_vfio_dma *dma;

    (void)state;
    start(0);
    make_space();
    assert_int_equal(membus_region_new_ram(&ram, "ram", 0x4000), 0);
    assert_int_equal(membus_region_new_rom(&rom, "rom", 0x1000, "", 0), 0);
    assert_int_equal(membus_region_new_ram(&odd, "odd", 0x3000), 0);
    assert_int_equal(membus_region_new_io(&io, "io", 0x1000, NULL, NULL), 0);
    assert_int_equal(membus_vfio_region(dev, &bar, 5, NULL), 0);
    assert_int_equal(membus_region_add(root, 0, ram, 0), 0);
    assert_int_equal(membus_region_add(root, 0x10000, rom, 0), 0);
    assert_int_equal(membus_region_add(root, 0x20800, odd, 0), 0); /* never in its page */
    assert_int_equal(membus_region_add(root, 0x40000, bar, 0), 0);
    assert_int_equal(membus_vfio_space_attach(&dma, container, space), 0);
    assert_string_equal(fake.log, "map 0+0x4000 flags 3\nmap 0x10000+0x1000 flags 1\n"
                                  "map 0x40000+0x1000 flags 3\n");
    membus_vfio_dma_stats(dma, &stats);
    assert_int_equal(stats.ranges, 3);
    assert_int_equal(stats.bytes, 0x6000);
    assert_int_equal(stats.device_bytes, 0x1000);
    assert_int_equal(stats.skipped, 1);
    assert_int_equal(stats.error, 0);
    assert_int_equal(membus_vfio_container_delete(container), -EBUSY);

    /* A hole of half a page in the RAM: whole pages around it; unmapped before mapped. */
    fake_clear_log();
    assert_int_equal(membus_region_set_size(io, 0x800), 0);
    assert_int_equal(membus_region_add(root, 0x1000, io, 1), 0);
    assert_string_equal(fake.log, "unmap 0+0x4000\nmap 0+0x1000 flags 3\n"
                                  "map 0x2000+0x2000 flags 3\n");

    fake_clear_log();
    assert_int_equal(membus_region_set_readonly(ram, true), 0);
    assert_non_null(strstr(fake.log, "map 0x2000+0x2000 flags 1\n"));

    fake_clear_log();
    assert_int_equal(membus_vfio_space_detach(dma), 0);
    assert_string_equal(fake.log, "unmap 0+0x1000\nunmap 0x2000+0x2000\n"
                                  "unmap 0x10000+0x1000\nunmap 0x40000+0x1000\n");
    membus_region_remove(bar);
    free_space();
    membus_region_delete(ram);
    membus_region_delete(rom);
    membus_region_delete(odd);
    membus_region_delete(io);
    stop();
}

static void space_that_does_not_fit(void **state)
{
    struct membus_region *low, *high;
    struct membus_vfio_dma_stats stats;
    struct membus_vfio_dma *dma;

    (void)state;
    start(0);
    make_space();
    assert_int_equal(membus_region_new_ram(&low, "low", 0x1000), 0);
    assert_int_equal(membus_region_new_ram(&high, "high", 0x1000), 0);
    assert_int_equal(membus_region_add(root, 0x1000, low, 0), 0);
    assert_int_equal(membus_region_add(root, 0x8000, high, 0), 0);
    fake.refuse = 0x8000;
    assert_int_equal(membus_vfio_space_attach(&dma, container, space), -ENOMEM);
    assert_string_equal(fake.log, "map 0x1000+0x1000 flags 3\nunmap 0x1000+0x1000\n");

    /* RAM that comes later and does not fit is told of. */
    assert_int_equal(membus_region_set_enabled(high, false), 0);
    assert_int_equal(membus_vfio_space_attach(&dma, container, space), 0);
    assert_int_equal(membus_region_set_enabled(high, true), 0);
    membus_vfio_dma_stats(dma, &stats);
    assert_int_equal(stats.ranges, 1);
    assert_int_equal(stats.skipped, 1);
    assert_int_equal(stats.error, -ENOMEM);
    assert_int_equal(stats.error_addr, 0x8000);
    assert_int_equal(membus_vfio_space_detach(dma), 0);
    free_space();
    membus_region_delete(low);
    membus_region_delete(high);
    stop();
}

static struct membus_region *ram;
static struct membus_vfio_dma *dma;

/* 16 KiB of RAM at 0, and the log of client 0. */
static void start_logging(void)
{
    start(0);
    make_space();
    assert_int_equal(membus_region_new_ram(&ram, "ram", 0x4000), 0);
    assert_int_equal(membus_region_add(root, 0, ram, 0), 0);
    assert_int_equal(membus_region_log_start(ram, 0), 0);
    assert_int_equal(membus_vfio_space_attach(&dma, container, space), 0);
}

static void stop_logging(void)
{
    assert_int_equal(membus_region_log_stop(ram, 0), 0);
    free_space();
    assert_int_equal(membus_region_delete(ram), 0);
    stop();
}

static uint64_t dirty_pages(void)
{
    struct membus_log_snapshot *snapshot;
    uint64_t count;

    assert_int_equal(membus_region_log_snapshot(ram, &snapshot, 0, 0, 0x4000), 0);
    count = membus_log_snapshot_count(snapshot);
    membus_log_snapshot_free(snapshot);
    return count;
}

static void dirty_log_has_all_of_it(void **state)
{
    (void)state;
    start_logging();
    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(membus_vfio_space_detach(dma), 0);
    stop_logging();
}

/* What a device wrote before the memory was unmapped is in a snapshot after that. */
static void dirty_log_has_what_was_unmapped(void **state)
{
    struct membus_region *hole;

    (void)state;
    start_logging();
    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(membus_region_remove(ram), 0);
    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(dirty_pages(), 0);

    assert_int_equal(membus_region_add(root, 0, ram, 0), 0);
    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(membus_region_new_io(&hole, "hole", 0x1800, NULL, NULL), 0);
    assert_int_equal(membus_region_add(root, 0, hole, 1), 0);
    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(dirty_pages(), 2);
    assert_int_equal(membus_region_delete(hole), 0);

    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(membus_vfio_space_detach(dma), 0);
    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(dirty_pages(), 0);
    stop_logging();
}

/* Devices cannot write what is mapped for reading. */
static void dirty_log_without_rom(void **state)
{
    (void)state;
    start_logging();
    assert_int_equal(membus_region_set_readonly(ram, true), 0);
    assert_int_equal(dirty_pages(), 4);
    assert_int_equal(dirty_pages(), 0);
    assert_int_equal(membus_vfio_space_detach(dma), 0);
    assert_int_equal(dirty_pages(), 0);
    stop_logging();
}

static void close_last(void)
{
    assert_int_equal(membus_vfio_close(dev), 0);
    assert_int_equal(membus_synchronize(), 0);
    fake_clear_log();
}

static int open_again(void)
{
    return membus_vfio_open(&dev, container, "01:00.0", NULL);
}

static void count_release(void *data)
{
    ++*(int *)data;
}

static struct membus_vfio_dma_stats stats_now(void)
{
    struct membus_vfio_dma_stats stats;

    membus_vfio_dma_stats(dma, &stats);
    return stats;
}

/* The kernel drops all mappings with the container's last group. */
static void last_device_closed_and_opened_again(void **state)
{
    struct membus_region *more;
    int released = 0;

    (void)state;
    start_logging();
    membus_region_set_release(ram, count_release, &released);
    assert_int_equal(dirty_pages(), 4);
    close_last();
    assert_int_equal(dirty_pages(), 4); /* written before it was closed */
    assert_int_equal(dirty_pages(), 0);
    assert_int_equal(stats_now().ranges, 0);
    assert_int_equal(stats_now().skipped, 1);
    assert_int_equal(membus_region_new_ram(&more, "more", 0x1000), 0);
    assert_int_equal(membus_region_add(root, 0x8000, more, 0), 0);
    assert_int_equal(stats_now().skipped, 2);
    assert_int_equal(stats_now().error, 0);
    assert_string_equal(fake.log, "");

    assert_int_equal(open_again(), 0);
    assert_non_null(strstr(fake.log, "set iommu 3\nmap 0+0x4000 flags 3\n"
                                     "map 0x8000+0x1000 flags 3\n"));
    assert_int_equal(stats_now().ranges, 2);
    assert_int_equal(stats_now().skipped, 0);
    fake_clear_log();
    assert_int_equal(membus_region_remove(ram), 0);
    assert_string_equal(fake.log, "unmap 0+0x4000\n");

    /* What goes without a device is released, too. */
    assert_int_equal(membus_region_add(root, 0, ram, 0), 0);
    close_last();
    assert_int_equal(membus_region_delete(ram), 0);
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(released, 1);
    assert_int_equal(stats_now().skipped, 1);
    assert_int_equal(membus_vfio_space_detach(dma), 0);
    assert_string_equal(fake.log, "");
    assert_int_equal(membus_region_delete(more), 0);
    free_space();
    assert_int_equal(open_again(), 0);
    stop();
}

static void cannot_be_mapped_again(void **state)
{
    (void)state;
    start_logging();
    assert_int_equal(membus_region_remove(ram), 0);
    assert_int_equal(membus_region_add(root, 0x8000, ram, 0), 0);
    close_last();
    fake.refuse = 0x8000;
    assert_int_equal(open_again(), -ENOMEM);
    assert_int_equal(stats_now().ranges, 0);
    assert_int_equal(stats_now().error, -ENOMEM);
    assert_int_equal(stats_now().error_addr, 0x8000);
    fake.refuse = 0;
    assert_int_equal(open_again(), 0);
    assert_int_equal(stats_now().ranges, 1);
    assert_int_equal(membus_vfio_space_detach(dma), 0);
    assert_non_null(strstr(fake.log, "unmap 0x8000+0x4000\n"));
    stop_logging();
}

/* Unmapped as it was mapped, though a second device's IOMMU has larger pages. */
static void granule_that_grows(void **state)
{
    struct membus_vfio *second;
    int released = 0;

    (void)state;
    start(MEMBUS_VFIO_IOMMUFD);
    make_space();
    assert_int_equal(membus_region_new_ram(&ram, "ram", 0x41000), 0);
    membus_region_set_release(ram, count_release, &released);
    assert_int_equal(membus_region_add(root, 0x1000, ram, 0), 0);
    assert_int_equal(membus_region_log_start(ram, 0), 0);
    assert_int_equal(membus_vfio_space_attach(&dma, container, space), 0);
    fake.granule = 0x10000;
    assert_int_equal(membus_vfio_open(&second, container, "01:00.0", NULL), 0);
    fake_clear_log();
    assert_int_equal(dirty_pages(), 4); /* of the first four */
    assert_int_equal(membus_region_delete(ram), 0);
    assert_string_equal(fake.log, "unmap 0x1000+0x41000\n");
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(released, 1);
    assert_int_equal(stats_now().skipped, 0);
    assert_int_equal(membus_vfio_space_detach(dma), 0);
    free_space();
    assert_int_equal(membus_vfio_close(second), 0);
    stop();
}

/* A program with a SIGBUS handler of its own: without the guard it gets all faults, beside it those
 * of plain accesses. The handler turns memory decoding on, so the access ends well. */
static volatile sig_atomic_t handler_calls;

static void decode_on(int signal)
{
    (void)signal;
    handler_calls++;
    fake_decode_on();
}

#define HANDLER_GETS(call)                  \
    do {                                    \
        fake_decode_off();                  \
        handler_calls = 0;                  \
        call;                               \
        assert_int_equal(handler_calls, 1); \
    } while (0)

#define GUARD_GETS(call)                    \
    do {                                    \
        fake_decode_off();                  \
        handler_calls = 0;                  \
        call;                               \
        assert_int_equal(handler_calls, 0); \
        fake_decode_on();                   \
    } while (0)

static const struct membus_mapping *area;
static char bytes[64];
static uint32_t word;

static void plain(void)
{
    HANDLER_GETS(membus_mapping_write(area, 8, bytes, sizeof bytes));
    HANDLER_GETS(membus_mapping_read(area, 8, bytes, sizeof bytes));
    HANDLER_GETS(membus_mapping_fill(area, 8, 3, sizeof bytes));
}

/* Accesses to device memory, by a space or by themselves, are guarded ones. */
#define GUARDED(HOW, access_error, space_status)                                          \
    do {                                                                                  \
        HOW(assert_int_equal(membus_vfio_read(dev, 2, 0x4008, 4, &value), access_error)); \
        HOW(assert_int_equal(membus_vfio_write(dev, 2, 0x4008, 4, 7), access_error));     \
        HOW(r = membus_space_read(space, bytes, sizeof bytes, 0x10000008, attrs));        \
        assert_int_equal(r.status, space_status);                                         \
        HOW(r = membus_space_write(space, 0x10000008, bytes, sizeof bytes, attrs));       \
        assert_int_equal(r.status, space_status);                                         \
        HOW(r = membus_space_store_le32(space, 0x10004004, 1, attrs));                    \
        assert_int_equal(r.status, space_status);                                         \
        HOW(r = membus_space_load_le32(space, &word, 0x10004004, attrs));                 \
        assert_int_equal(r.status, space_status);                                         \
    } while (0)

static void handler_of_the_program(void **state)
{
    struct sigaction action = {.sa_handler = decode_on}, old;
    struct membus_mapping mapping;
    struct membus_outcome r;
    struct membus_region *bar;
    uint64_t value;

    (void)state;
    start(0);
    make_space();
    assert_int_equal(membus_vfio_region(dev, &bar, 2, NULL), 0);
    assert_int_equal(membus_region_add(root, 0x10000000, bar, 0), 0);
    mapping = membus_vfio_mapping(dev, 2, 0, 0x1000);
    area = &mapping;
    assert_int_equal(sigaction(SIGBUS, &action, &old), 0);

    plain();
    GUARDED(HANDLER_GETS, 0, MEMBUS_STATUS_OK);
    assert_int_equal(membus_guard_install(), 0);
    plain();
    GUARDED(GUARD_GETS, -EFAULT, MEMBUS_STATUS_DEVICE);
    assert_int_equal((uint32_t)value, UINT32_MAX);
    assert_int_equal(word, UINT32_MAX);
    assert_int_equal(membus_guard_uninstall(), 0);

    sigaction(SIGBUS, &old, NULL);
    assert_int_equal(membus_vfio_close(dev), 0);
    free_space();
    assert_int_equal(membus_synchronize(), 0);
    assert_int_equal(membus_vfio_container_delete(container), 0);
    fake_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_by_group),
        cmocka_unit_test(open_by_iommufd),
        cmocka_unit_test(two_opens_share_the_group),
        cmocka_unit_test(long_domains),
        cmocka_unit_test(cannot_open),
        cmocka_unit_test(regions),
        cmocka_unit_test(malformed_region),
        cmocka_unit_test(nothing_mapped_on_request),
        cmocka_unit_test(accesses),
        cmocka_unit_test(failed_accesses),
        cmocka_unit_test(command_register),
        cmocka_unit_test(interrupts),
        cmocka_unit_test(dma_arguments),
        cmocka_unit_test(region_in_a_space),
        cmocka_unit_test(policy_of_a_region),
        cmocka_unit_test(close_while_in_use),
        cmocka_unit_test(space_for_dma),
        cmocka_unit_test(space_that_does_not_fit),
        cmocka_unit_test(dirty_log_has_all_of_it),
        cmocka_unit_test(dirty_log_has_what_was_unmapped),
        cmocka_unit_test(dirty_log_without_rom),
        cmocka_unit_test(last_device_closed_and_opened_again),
        cmocka_unit_test(cannot_be_mapped_again),
        cmocka_unit_test(granule_that_grows),
        cmocka_unit_test(handler_of_the_program),
    };

    return RUN_TESTS(tests);
}
