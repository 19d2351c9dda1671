/* SPDX-License-Identifier: MIT */
/*
 * Drivers for QEMU's devices, as small as the tests need. edu: docs/specs/edu in QEMU's sources.
 * nvme: NVM Express Base Specification 1.4, sections 3.1 (registers), 4.2 and 4.6 (entries).
 */
#include "guest_test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <membus/access.h>

#define EDU_IRQ_RAISE   0x60
#define EDU_IRQ_ACK     0x64
#define EDU_DMA_SRC     0x80
#define EDU_DMA_DST     0x88
#define EDU_DMA_COUNT   0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_BUFFER      0x40000 /* where its own buffer is for its DMA engine */

static void put(int dev, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    int err = membus_vfio_write(bed.dev[dev], bar, offset, width, value);

    CHECK(err == 0, "write %#llx: %d", (unsigned long long)offset, err);
}

static uint64_t get(int dev, unsigned bar, uint64_t offset, unsigned width)
{
    uint64_t value;
    int err = membus_vfio_read(bed.dev[dev], bar, offset, width, &value);

    CHECK(err == 0, "read %#llx: %d", (unsigned long long)offset, err);
    return value;
}

uint64_t bus_address(int dev, unsigned bar)
{
    uint64_t low = get(dev, MEMBUS_VFIO_CONFIG, 0x10 + 4 * bar, 4);

    return (low & ~15ull) | get(dev, MEMBUS_VFIO_CONFIG, 0x14 + 4 * bar, 4) << 32;
}

void edu_dma(uint64_t iova, unsigned n, bool to_memory)
{
    int patience = 3000;

    put(EDU, 0, EDU_DMA_SRC, 8, to_memory ? EDU_BUFFER : iova);
    put(EDU, 0, EDU_DMA_DST, 8, to_memory ? iova : EDU_BUFFER);
    put(EDU, 0, EDU_DMA_COUNT, 8, n);
    put(EDU, 0, EDU_DMA_COMMAND, 8, to_memory ? 3 : 1);
    while (get(EDU, 0, EDU_DMA_COMMAND, 8) & 1) {
        CHECK(patience-- > 0, "edu's DMA does not end");
        usleep(1000);
    }
}

void edu_interrupt(uint32_t cause)
{
    put(EDU, 0, EDU_IRQ_RAISE, 4, cause);
}

void edu_acknowledge(uint32_t cause)
{
    put(EDU, 0, EDU_IRQ_ACK, 4, cause);
}

#define NVME_CC     0x14
#define NVME_CSTS   0x1c
#define NVME_AQA    0x24
#define NVME_ASQ    0x28
#define NVME_ACQ    0x30
#define NVME_CMBMSC 0x50
#define NVME_SQ0    0x1000
#define NVME_CQ0    0x1004
#define NVME_QUEUE  16 /* entries of each queue */

static struct {
    unsigned char *sq, *cq;
    unsigned tail, head, phase, id;
} nvme;

static void nvme_wait_ready(unsigned ready)
{
    int patience = 5000;

    while ((get(NVME, 0, NVME_CSTS, 4) & 1) != ready) {
        CHECK(patience-- > 0, "the controller does not become %s", ready ? "ready" : "idle");
        usleep(1000);
    }
}

/* The registers of 8 bytes are written in halves, as any controller takes them. */
static void put_halves(uint64_t offset, uint64_t value)
{
    put(NVME, 0, offset, 4, value & 0xffffffff);
    put(NVME, 0, offset + 4, 4, value >> 32);
}

void nvme_start(void *queue, uint64_t queue_iova)
{
    memset(queue, 0, 8192);
    nvme.sq = queue;
    nvme.cq = nvme.sq + 4096;
    nvme.tail = nvme.head = 0;
    nvme.phase = 1;

    put(NVME, 0, NVME_CC, 4, 0);
    nvme_wait_ready(0);
    put(NVME, 0, NVME_AQA, 4, (NVME_QUEUE - 1) | (NVME_QUEUE - 1) << 16);
    put_halves(NVME_ASQ, queue_iova);
    put_halves(NVME_ACQ, queue_iova + 4096);
    put(NVME, 0, NVME_CC, 4, 1 | 6 << 16 | 4 << 20); /* enable; entries of 64 and 16 bytes */
    nvme_wait_ready(1);
}

void nvme_identify(uint64_t iova)
{
    unsigned char *entry = nvme.sq + 64 * nvme.tail, *done = nvme.cq + 16 * nvme.head;
    unsigned id = ++nvme.id & 0xffff;
    int patience = 5000;

    membus_ram_store_le32(entry, 0x06 | id << 16);
    membus_ram_store_le64(entry + 24, iova);
    membus_ram_store_le32(entry + 40, 1); /* CNS: the controller */
    nvme.tail = (nvme.tail + 1) % NVME_QUEUE;
    membus_barrier_device_write(); /* the command before the doorbell */
    put(NVME, 0, NVME_SQ0, 4, nvme.tail);

    while ((membus_ram_load_le16(done + 14) & 1) != nvme.phase) {
        CHECK(patience-- > 0, "no completion");
        usleep(1000);
    }
    membus_barrier_device_read(); /* the phase bit before the rest */
    CHECK(membus_ram_load_le16(done + 12) == id);
    CHECK(membus_ram_load_le16(done + 14) >> 1 == 0, "status %#x",
          membus_ram_load_le16(done + 14) >> 1);
    nvme.head = (nvme.head + 1) % NVME_QUEUE;
    nvme.phase ^= nvme.head == 0;
    put(NVME, 0, NVME_CQ0, 4, nvme.head);
}

void nvme_cmb_enable(uint64_t bus_address)
{
    put_halves(NVME_CMBMSC, bus_address | 3); /* capabilities enabled, memory space enabled */
}
