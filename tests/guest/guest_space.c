/* SPDX-License-Identifier: MIT */
/* Cases of the memory core: BARs in a space, and the space for DMA through the IOMMU. */
#include "guest_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <membus/copy.h>
#include <membus/dma.h>
#include <membus/region.h>
#include <membus/space.h>

#define MIB 0x100000ull
#define N   4000

/* Where things are in the machine of these cases. */
#define RAM      0x00100000ull /* 4 MiB */
#define QUEUES   0x00200000ull
#define BARS     0x40000000ull /* BAR 2 of COMBINED, NONCACHED, CACHED, NVME, 2 MiB apart */
#define BAR(dev) (BARS + 2 * MIB * (dev == NVME ? 3 : (unsigned)(dev)))
#define NVME0    0x50000000ull /* the controller's registers */

static const struct membus_attrs attrs;

static struct {
    struct membus_region *root, *ram;
    struct membus_space *space;
    struct membus_vfio_dma *dma;
    unsigned char *memory;
} machine;

static void place(int dev, unsigned bar, uint64_t addr)
{
    struct membus_region *region;

    CHECK(membus_vfio_region(bed.dev[dev], &region, bar, NULL) == 0);
    CHECK(membus_region_add(machine.root, addr, region, 0) == 0);
}

static void build_machine(void)
{
    int err;

    CHECK(membus_region_new_container(&machine.root, "system", MEMBUS_SIZE_ALL) == 0);
    CHECK(membus_region_new_ram_memfd(&machine.ram, "ram", 4 * MIB) == 0);
    machine.memory = membus_region_mapping(machine.ram).addr;
    CHECK(membus_region_add(machine.root, RAM, machine.ram, 0) == 0);
    place(COMBINED, 2, BAR(COMBINED));
    place(NONCACHED, 2, BAR(NONCACHED));
    place(CACHED, 2, BAR(CACHED));
    place(NVME, 2, BAR(NVME));
    place(NVME, 0, NVME0);
    CHECK(membus_space_new(&machine.space, "memory", machine.root) == 0);
    err = membus_vfio_space_attach(&machine.dma, bed.container, machine.space);
    CHECK(err == 0, "attach: %d", err);
    nvme_cmb_enable(bus_address(NVME, 2));
    CHECK(membus_vfio_bus_master(bed.dev[EDU], true) == 0);
    CHECK(membus_vfio_bus_master(bed.dev[NVME], true) == 0);
}

static void end_machine(void)
{
    CHECK(membus_vfio_space_detach(machine.dma) == 0);
    for (int i = 0; i < DEVICES; i++) {
        CHECK(membus_vfio_close(bed.dev[i]) == 0);
        bed.dev[i] = NULL;
    }
    CHECK(membus_space_delete(machine.space) == 0);
    CHECK(membus_region_delete(machine.root) == 0);
    CHECK(membus_region_delete(machine.ram) == 0);
    CHECK(membus_synchronize() == 0);
}

static void check_same(uint64_t addr, const unsigned char *want, size_t n)
{
    static unsigned char seen[4096];
    struct membus_outcome r = membus_space_read(machine.space, seen, n, addr, attrs);

    CHECK(r.status == MEMBUS_STATUS_OK, "%s", membus_status_name(r.status));
    CHECK(memcmp(seen, want, n) == 0, "at %#llx", (unsigned long long)addr);
}

/* The engines reach RAM and each BAR at their addresses in the space; no buffer is in between. */
void space_dma(void)
{
    static const int targets[] = {COMBINED, NONCACHED, CACHED, NVME};
    struct membus_vfio_dma_stats stats;

    build_machine();
    membus_vfio_dma_stats(machine.dma, &stats);
    CHECK(stats.error == 0 && stats.bytes - stats.device_bytes == 4 * MIB);
    /* The four BARs whole, and the controller's registers around the MSI-X table. */
    CHECK(stats.device_bytes >= 4 * MIB + 0x2000, "%#llx", (unsigned long long)stats.device_bytes);

    for (unsigned i = 0; i < N; i++)
        machine.memory[i] = (unsigned char)(i * 13 + (i >> 8));
    edu_dma(RAM, N, false);
    for (unsigned i = 0; i < 4; i++) {
        edu_dma(BAR(targets[i]) + 0x3000, N, true);
        check_same(BAR(targets[i]) + 0x3000, machine.memory, N);
    }
    edu_dma(BAR(COMBINED) + 0x3000, N, false); /* and out of a BAR, into RAM */
    edu_dma(RAM + 0x10000, N, true);
    CHECK(memcmp(machine.memory, machine.memory + 0x10000, N) == 0);

    nvme_start(machine.memory + (QUEUES - RAM), QUEUES);
    nvme_identify(RAM + 0x20000);
    nvme_identify(BAR(NONCACHED));
    check_same(BAR(NONCACHED), machine.memory + 0x20000, 4096);
    CHECK(machine.memory[0x20000] == 0x36 && machine.memory[0x20001] == 0x1b);
    CHECK(membus_space_budget_used(machine.space) == 0);
    printf("# DMA: %u bytes into BARs, 0 bounced\n", 4 * N + 4096);
    end_machine();
}

/*
 * A device model's own DMA: pointed to where the mapping allows what it declares, bounced where
 * not, from BAR to BAR without a buffer.
 */
void space_maps(void)
{
    static const int devs[] = {COMBINED, NONCACHED, CACHED};
    unsigned direct = 0, bounced = 0;
    struct membus_outcome r;

    build_machine();
    for (unsigned i = 0; i < 3; i++) {
        static const unsigned uses[] = {0, MEMBUS_MAP_ANY};

        for (unsigned use = 0; use < 2; use++) {
            enum membus_cache_mode mode = membus_vfio_region_info(bed.dev[devs[i]], 2)->mode;
            const struct membus_rule *rule = membus_mapping_rule(mode);
            bool any = rule->unaligned >= MEMBUS_WAY_INSTRUCTION && rule->width_vector &&
                       rule->width_vector_least == 0;
            struct membus_map map;

            r = membus_map_open(&map, machine.space, BAR(devs[i]) + 0x101, 1000,
                                MEMBUS_MAP_WRITE | uses[use], attrs);
            CHECK(r.status == MEMBUS_STATUS_OK && r.bytes == 1000);
            CHECK(map.bounced == (use == 1 && !any), "%s", membus_cache_mode_name(mode));
            CHECK((membus_space_budget_used(machine.space) != 0) == map.bounced);
            direct += !map.bounced;
            bounced += map.bounced;
            CHECK(membus_mapping_write(&map.mapping, 0, machine.memory + 7, 1000).error == 0);
            CHECK(membus_map_close(&map, 1000).status == MEMBUS_STATUS_OK);
            check_same(BAR(devs[i]) + 0x101, machine.memory + 7, 1000);
        }
    }
    printf("# maps of BARs: %u direct, %u bounced\n", direct, bounced);
    CHECK(direct >= 3);

    for (unsigned i = 0; i < N; i++)
        machine.memory[i] = (unsigned char)(i * 29 + 5);
    r = membus_space_write(machine.space, BAR(COMBINED), machine.memory, N, attrs);
    CHECK(r.status == MEMBUS_STATUS_OK);
    r = membus_space_copy(machine.space, BAR(NVME) + 1, machine.space, BAR(COMBINED), N, attrs);
    CHECK(r.status == MEMBUS_STATUS_OK && r.bytes == N);
    check_same(BAR(NVME) + 1, machine.memory, N);
    CHECK(membus_space_budget_used(machine.space) == 0);
    end_machine();
}

/* Through the mapped pages, over the MSI-X table's, which is read by system call, in one read. */
void space_mixed(void)
{
    static unsigned char seen[0x4000];
    struct membus_outcome r;
    uint64_t cap;

    build_machine();
    r = membus_space_read(machine.space, seen, sizeof seen, NVME0, attrs);
    CHECK(r.status == MEMBUS_STATUS_OK && r.bytes == sizeof seen, "%s after %llu",
          membus_status_name(r.status), (unsigned long long)r.bytes);
    CHECK(membus_vfio_pread(bed.dev[NVME], 0, 0, 8, &cap) == 0);
    CHECK(memcmp(seen, &cap, 8) == 0);
    end_machine();
}

/* A BAR that leaves the space is out of the devices' reach, before its mapping is gone. */
void space_bar_leaves(void)
{
    struct membus_vfio_dma_stats before, after;
    unsigned char *bar;

    build_machine();
    memset(machine.memory, 0x5a, N);
    edu_dma(RAM, N, false);
    membus_vfio_dma_stats(machine.dma, &before);
    bar = membus_vfio_mapping(bed.dev[CACHED], 2, 0, 1).addr;
    CHECK(membus_vfio_write(bed.dev[CACHED], 2, 0, 1, 0) == 0);
    CHECK(bar != NULL);
    CHECK(membus_vfio_close(bed.dev[CACHED]) == 0);
    CHECK(membus_synchronize() == 0);
    membus_vfio_dma_stats(machine.dma, &after);
    CHECK(before.device_bytes - after.device_bytes == MIB);
    edu_dma(BAR(CACHED), N, true);
    CHECK(membus_vfio_open(&bed.dev[CACHED], bed.container, bed.address[CACHED], NULL) == 0);
    end_machine();
}

/* Memory decoding off under the memory core: an error, all ones, and no signal. */
void space_decoding_off(void)
{
    struct membus_outcome r;
    unsigned char seen[64];
    uint32_t value;

    build_machine();
    CHECK(membus_vfio_memory(bed.dev[NONCACHED], false) == 0);
    memset(seen, 0, sizeof seen);
    r = membus_space_read(machine.space, seen, sizeof seen, BAR(NONCACHED), attrs);
    CHECK(r.status == MEMBUS_STATUS_DEVICE && r.addr == BAR(NONCACHED), "%s",
          membus_status_name(r.status));
    for (unsigned i = 0; i < sizeof seen; i++)
        CHECK(seen[i] == 0xff);
    r = membus_space_store_le32(machine.space, BAR(NONCACHED), 1, attrs);
    CHECK(r.status == MEMBUS_STATUS_DEVICE, "%s", membus_status_name(r.status));
    r = membus_space_fill(machine.space, BAR(NONCACHED), 1, 64, attrs);
    CHECK(r.status == MEMBUS_STATUS_DEVICE, "%s", membus_status_name(r.status));
    CHECK(membus_vfio_memory(bed.dev[NONCACHED], true) == 0);
    r = membus_space_load_le32(machine.space, &value, BAR(NONCACHED), attrs);
    CHECK(r.status == MEMBUS_STATUS_OK);
    end_machine();
}
