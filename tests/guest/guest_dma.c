/* SPDX-License-Identifier: MIT */
/* Cases of DMA: into memory, and from one device into another's BAR, through the IOMMU. */
#include "guest_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE   4096
#define RAM    0x10000000ull /* where the test's memory is for DMA */
#define QUEUES 0x20000000ull
#define BAR    0x30000000ull
#define N      4000 /* bytes of a DMA by edu */

unsigned char *dma_memory(uint64_t iova, size_t size)
{
    unsigned char *ram =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int err;

    CHECK(ram != MAP_FAILED);
    err = membus_vfio_dma_map(bed.container, iova, ram, size,
                              MEMBUS_VFIO_DMA_READ | MEMBUS_VFIO_DMA_WRITE);
    CHECK(err == 0, "%d", err);
    return ram;
}

static void master(int dev)
{
    CHECK(membus_vfio_bus_master(bed.dev[dev], true) == 0);
}

static void pattern(unsigned char *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)(i * 31 + (i >> 8) + seed);
}

void dma_to_memory(void)
{
    unsigned char *ram = dma_memory(RAM, 2 * PAGE);

    master(EDU);
    pattern(ram, N, 1);
    edu_dma(RAM, N, false);
    edu_dma(RAM + PAGE, N, true);
    CHECK(memcmp(ram, ram + PAGE, N) == 0);
    CHECK(ram[PAGE + N] == 0);

    /* Without bus mastering nothing arrives, and after unmap neither. */
    CHECK(membus_vfio_bus_master(bed.dev[EDU], false) == 0);
    memset(ram + PAGE, 0, PAGE);
    edu_dma(RAM + PAGE, N, true);
    CHECK(ram[PAGE] == 0 && ram[PAGE + 100] == 0);
    master(EDU);
    CHECK(membus_vfio_dma_unmap(bed.container, RAM, 2 * PAGE) == 0);
    CHECK(membus_vfio_dma_unmap(bed.container, RAM, 2 * PAGE) == -ENOENT);
    edu_dma(RAM + PAGE, N, true);
    CHECK(ram[PAGE] == 0 && ram[PAGE + 100] == 0);
}

static void check_identify(const unsigned char *data)
{
    CHECK(data[0] == 0x36 && data[1] == 0x1b, "vendor %02x%02x", data[1], data[0]);
    CHECK(memcmp(data + 4, "membus", 6) == 0, "serial number");
}

void nvme_to_memory(void)
{
    unsigned char *ram = dma_memory(RAM, PAGE);

    master(NVME);
    nvme_start(dma_memory(QUEUES, 2 * PAGE), QUEUES);
    nvme_identify(RAM);
    check_identify(ram);
}

static void read_back(int dev, unsigned char *out, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        uint64_t value;

        CHECK(membus_vfio_pread(bed.dev[dev], 2, i, 4, &value) == 0);
        memcpy(out + i, &(uint32_t){(uint32_t)value}, 4);
    }
}

/* Maps a device's BAR 2 for the DMA of others: the BAR itself, no copy of it. */
static void map_bar(int dev)
{
    const struct membus_vfio_info *info = membus_vfio_region_info(bed.dev[dev], 2);
    int err = membus_vfio_dma_map(bed.container, BAR, info->area[0].addr, info->area[0].size,
                                  MEMBUS_VFIO_DMA_READ | MEMBUS_VFIO_DMA_WRITE);

    CHECK(err == 0, "BAR of %s: %d", bed.address[dev], err);
}

void edu_to_bar(void)
{
    unsigned char *ram = dma_memory(RAM, PAGE), seen[N];

    master(EDU);
    map_bar(NONCACHED);
    pattern(ram, N, 2);
    edu_dma(RAM, N, false);
    edu_dma(BAR, N, true);
    read_back(NONCACHED, seen, N);
    CHECK(memcmp(seen, ram, N) == 0);
}

void edu_to_nvme_buffer(void)
{
    unsigned char *ram = dma_memory(RAM, PAGE), seen[N];

    master(EDU);
    nvme_cmb_enable(bus_address(NVME, 2));
    map_bar(NVME);
    pattern(ram, N, 3);
    edu_dma(RAM, N, false);
    edu_dma(BAR, N, true);
    read_back(NVME, seen, N);
    CHECK(memcmp(seen, ram, N) == 0);
}

void nvme_to_bar(void)
{
    unsigned char seen[PAGE];

    master(NVME);
    map_bar(COMBINED);
    nvme_start(dma_memory(QUEUES, 2 * PAGE), QUEUES);
    nvme_identify(BAR);
    read_back(COMBINED, seen, PAGE);
    check_identify(seen);
}
