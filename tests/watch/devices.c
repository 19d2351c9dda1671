/* SPDX-License-Identifier: MIT */
#include "devices.h"

#include <string.h>
#include <unistd.h>

#define EDU   0xe0000000u
#define NVME  0xe0200000u
#define E1000 0xe0300000u

/* Guest RAM that the devices use; DMA goes to 8 MiB and above. */
#define EDU_SOURCE 0x100000u
#define NVME_SQ    0x110000u
#define NVME_CQ    0x111000u
#define E1000_RING 0x120000u

/*
 * edu (QEMU docs/specs/edu): DMA between RAM and a buffer of its own, started by a register, a
 * tenth of a second later.
 */

#define EDU_BUFFER 0x40000u

static void edu_dma(struct qtest *q, uint64_t from, uint64_t to, size_t n, uint64_t how)
{
    qtest_write64(q, EDU + 0x80, from);
    qtest_write64(q, EDU + 0x88, to);
    qtest_write64(q, EDU + 0x90, n);
    qtest_write64(q, EDU + 0x98, how);
}

static int edu_over(struct qtest *q)
{
    return (qtest_read32(q, EDU + 0x98) & 1) == 0;
}

static void edu_setup(struct qtest *q)
{
    qtest_enable(q, SLOT_EDU, EDU);
    for (unsigned i = 0; i < 4095; i++)
        q->ram[EDU_SOURCE + i] = (char)(1 + i % 200);
    edu_dma(q, EDU_SOURCE, EDU_BUFFER, 4095, 1);
    while (!edu_over(q))
        usleep(1000);
}

static void edu_start(struct qtest *q, uint32_t to, size_t n)
{
    edu_dma(q, EDU_BUFFER, to, n, 3);
}

const struct device device_edu = {"edu", 50, edu_setup, edu_start, edu_over};

/* NVMe (NVM Express Base Specification 1.4, 3.1 registers, 4.2 and 4.6 queue entries): the admin
 * queue alone, of 64 entries. */

#define NVME_ENTRIES 64u

static unsigned nvme_tail, nvme_issued;

static void nvme_setup(struct qtest *q)
{
    qtest_enable(q, SLOT_NVME, NVME);
    memset(q->ram + NVME_CQ, 0, 16 * NVME_ENTRIES);
    qtest_write32(q, NVME + 0x14, 0);                                             /* CC: disabled */
    qtest_write32(q, NVME + 0x24, (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1)); /* AQA */
    qtest_write64(q, NVME + 0x28, NVME_SQ);
    qtest_write64(q, NVME + 0x30, NVME_CQ);
    qtest_write32(q, NVME + 0x14, 4u << 20 | 6u << 16 | 1); /* CC: entry sizes, enable */
    while ((qtest_read32(q, NVME + 0x1c) & 1) == 0)         /* CSTS.RDY */
        usleep(1000);
    nvme_tail = nvme_issued = 0;
}

uint32_t cqe_next(void)
{
    return NVME_CQ + 16 * (nvme_issued % NVME_ENTRIES);
}

/* Get Log Page, SMART / Health Information: n bytes to `to`. */
static void nvme_start(struct qtest *q, uint32_t to, size_t n)
{
    /* The identifier comes back in the completion: its bytes stay below OLD_BYTE. */
    uint32_t command[16] = {0x02 | (nvme_issued % 128) << 16, 0xffffffff};
    const uint32_t room = 4096 - (to & 4095);

    command[6] = to;                                  /* PRP1 */
    command[8] = n > room ? (to & ~4095u) + 4096 : 0; /* PRP2 */
    command[10] = 0x02 | (uint32_t)(n / 4 - 1) << 16;
    memcpy(q->ram + NVME_SQ + 64 * nvme_tail, command, sizeof(command));
    nvme_tail = (nvme_tail + 1) % NVME_ENTRIES;
    nvme_issued++;
    qtest_write32(q, NVME + 0x1000, nvme_tail);
}

/* The entry's phase tag has turned; its doorbell then gives it back. */
static int nvme_over(struct qtest *q)
{
    const unsigned entry = (nvme_issued - 1) % NVME_ENTRIES;
    const unsigned phase = 1 - (nvme_issued - 1) / NVME_ENTRIES % 2;
    const volatile uint8_t *status = (uint8_t *)q->ram + NVME_CQ + 16 * entry + 14;

    if (*status == OLD_BYTE || (*status & 1) != phase)
        return 0;
    qtest_write32(q, NVME + 0x1004, nvme_issued % NVME_ENTRIES);
    return 1;
}

const struct device device_nvme = {"nvme", 1, nvme_setup, nvme_start, nvme_over};

static void cqe_start(struct qtest *q, uint32_t to, size_t n)
{
    (void)to;
    (void)n;
    nvme_start(q, 0x200000, 64);
}

const struct device device_cqe = {"nvme completion", 1, nvme_setup, cqe_start, nvme_over};

/* e1000 (82540EM manual, 3.2 packet reception, 13.4 registers): a ring of eight descriptors, of
 * which one is given to the device for each frame. */

#define RING 8u

static unsigned e1000_next;

static void e1000_setup(struct qtest *q)
{
    qtest_enable(q, SLOT_E1000, E1000);
    memset(q->ram + E1000_RING, 0, 16 * RING);
    qtest_write32(q, E1000 + 0x2800, E1000_RING); /* RDBAL */
    qtest_write32(q, E1000 + 0x2804, 0);
    qtest_write32(q, E1000 + 0x2808, 16 * RING); /* RDLEN */
    qtest_write32(q, E1000 + 0x2810, 0);         /* RDH */
    qtest_write32(q, E1000 + 0x2818, 0);         /* RDT */
    qtest_write32(q, E1000 + 0x0100, 0x801a);    /* RCTL: enable, promiscuous, broadcast */
    e1000_next = 0;
}

static void e1000_start(struct qtest *q, uint32_t to, size_t n)
{
    const uint64_t descriptor[2] = {to, 0};
    unsigned char frame[1514];

    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = (unsigned char)(1 + i % 200);
    memset(frame, 0x52, 12);
    memcpy(frame + 12, "\x08\x01", 2);
    memcpy(q->ram + E1000_RING + 16 * e1000_next, descriptor, 16);
    e1000_next = (e1000_next + 1) % RING;
    qtest_write32(q, E1000 + 0x2818, e1000_next);
    qtest_frame(q, frame, n);
}

static int e1000_over(struct qtest *q)
{
    const unsigned last = (e1000_next + RING - 1) % RING;
    const volatile uint8_t *status = (uint8_t *)q->ram + E1000_RING + 16 * last + 12;

    return *status & 1;
}

const struct device device_e1000 = {"e1000", 1, e1000_setup, e1000_start, e1000_over};
