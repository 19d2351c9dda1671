/* SPDX-License-Identifier: MIT */

/*
 * A machine on membus: what its devices do, and who runs its CPU.
 *
 *     vmm [--emulate]
 *
 * Runs on /dev/kvm where that is usable, else on the Unicorn CPU emulator (and with --emulate), and
 * says which. Exit status 0 when the guest found all as it should be and the MMIO device saw
 * each access once, at its width.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <membus/access.h>

#include "vmm.h"

/* Both devices take any access of up to 8 bytes as it comes. */
#define ANY_ACCESS                            \
    {                                         \
        .min = 1, .max = 8, .unaligned = true \
    }

/* The MMIO device: registers that hold what is written, and counts. */
struct mmio {
    unsigned char bytes[4096];
    unsigned loads[9], stores[9], unaligned; /* by width */
};

/* The DMA device. The doorbell is a doorbell to membus too: it wakes the device's thread, and the
 * CPU goes on. */
struct dma {
    uint64_t source, destination;
    uint32_t length, reserved;
    uint64_t completion;
};

struct machine {
    struct vmm vmm;
    struct membus_region *memory, *ram, *mmio_region, *dma_region;
    struct membus_region *io, *serial, *end;
    struct mmio mmio;
    struct dma dma;
    int doorbell;
    volatile bool stop;
    unsigned rounds;
};

/* Values travel in the region's byte order: here little-endian, as an x86 guest stores them. */
static void put(unsigned char *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static enum membus_status mmio_read(void *data, uint64_t *value, uint64_t offset, unsigned size,
                                    struct membus_attrs attrs)
{
    struct mmio *m = data;

    (void)attrs;
    *value = get(m->bytes + offset, size);
    m->loads[size]++;
    m->unaligned += offset % size != 0;
    return MEMBUS_STATUS_OK;
}

static enum membus_status mmio_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                     struct membus_attrs attrs)
{
    struct mmio *m = data;

    (void)attrs;
    put(m->bytes + offset, value, size);
    m->stores[size]++;
    m->unaligned += offset % size != 0;
    return MEMBUS_STATUS_OK;
}

static const struct membus_region_ops mmio_ops = {
    .read = mmio_read, .write = mmio_write, .valid = ANY_ACCESS, .impl = ANY_ACCESS};

static enum membus_status dma_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                    struct membus_attrs attrs)
{
    struct dma *d = data;

    (void)attrs;
    switch (offset << 4 | size) {
    case 0x008:
        d->source = value;
        return MEMBUS_STATUS_OK;
    case 0x088:
        d->destination = value;
        return MEMBUS_STATUS_OK;
    case 0x104:
        d->length = (uint32_t)value;
        return MEMBUS_STATUS_OK;
    case 0x188:
        d->completion = value;
        return MEMBUS_STATUS_OK;
    }
    return MEMBUS_STATUS_DEVICE;
}

static const struct membus_region_ops dma_ops = {
    .write = dma_write, .valid = ANY_ACCESS, .impl = ANY_ACCESS};

/* A copy in guest memory, then its completion: 16 bytes, the word with the phase last. Both are
 * accesses to the space, as any other bus master's, and keep the contract. */
static void dma_transfer(struct machine *m)
{
    struct membus_attrs attrs = {.requester = 0x0100};
    const struct dma *d = &m->dma;
    struct membus_outcome r = membus_space_copy(m->vmm.memory, d->destination, m->vmm.memory,
                                                d->source, d->length, attrs);
    uint32_t done[4] = {membus_le32(m->rounds), membus_le32((uint32_t)r.bytes), 0,
                        membus_le32(0x5a00 | !(m->rounds & 1))};

    m->rounds++;
    r = membus_space_write(m->vmm.memory, d->completion, done, sizeof(done), attrs);
    if (r.status != MEMBUS_STATUS_OK)
        fprintf(stderr, "vmm: completion: %s\n", membus_status_name(r.status));
}

static void *dma_thread(void *arg)
{
    struct machine *m = arg;
    uint64_t rings;

    while (read(m->doorbell, &rings, sizeof(rings)) == sizeof(rings) && !m->stop)
        dma_transfer(m);
    return NULL;
}

static enum membus_status serial_read(void *data, uint64_t *value, uint64_t offset, unsigned size,
                                      struct membus_attrs attrs)
{
    (void)data, (void)size, (void)attrs;
    *value = offset == 5 ? 0x60 : 0; /* line status: ready to send */
    return MEMBUS_STATUS_OK;
}

static enum membus_status serial_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                       struct membus_attrs attrs)
{
    (void)data, (void)size, (void)attrs;
    if (offset == 0)
        putchar((int)(value & 0xff));
    return MEMBUS_STATUS_OK;
}

static const struct membus_region_ops serial_ops = {
    .read = serial_read, .write = serial_write, .valid = {.max = 1}, .impl = {.max = 1}};

static enum membus_status end_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                    struct membus_attrs attrs)
{
    struct vmm *vmm = data;

    (void)offset, (void)size, (void)attrs;
    vmm->status = (uint8_t)value;
    vmm->ended = true;
    return MEMBUS_STATUS_OK;
}

static const struct membus_region_ops end_ops = {
    .write = end_write, .valid = {.max = 1}, .impl = {.max = 1}};

/* The machine. */

static void must(int e, const char *what)
{
    if (!e)
        return;
    fprintf(stderr, "vmm: %s: %s\n", what, strerror(-e));
    exit(2);
}

static void create_regions(struct machine *m)
{
    must(membus_region_new_container(&m->memory, "memory", MEMBUS_SIZE_ALL), "memory");
    must(membus_region_new_ram(&m->ram, "ram", VMM_RAM), "ram");
    must(membus_region_new_io(&m->mmio_region, "mmio", 4096, &mmio_ops, &m->mmio), "mmio");
    must(membus_region_new_io(&m->dma_region, "dma", 4096, &dma_ops, &m->dma), "dma");
    must(membus_region_new_container(&m->io, "io", 0x10000), "io");
    must(membus_region_new_io(&m->serial, "serial", 8, &serial_ops, NULL), "serial");
    must(membus_region_new_io(&m->end, "end", 1, &end_ops, &m->vmm), "end");
}

static void build(struct machine *m)
{
    struct membus_doorbell bell = {.offset = 32, .size = 4};

    create_regions(m);
    m->doorbell = eventfd(0, 0);
    must(m->doorbell < 0 ? -errno : 0, "eventfd");
    bell.fd = m->doorbell;
    must(membus_transaction_begin(), "transaction");
    must(membus_region_add(m->memory, 0, m->ram, 0), "ram");
    must(membus_region_add(m->memory, VMM_MMIO, m->mmio_region, 0), "mmio");
    must(membus_region_add(m->memory, VMM_DMA, m->dma_region, 0), "dma");
    must(membus_region_doorbell_add(m->dma_region, &bell), "doorbell");
    must(membus_region_add(m->io, VMM_SERIAL, m->serial, 0), "serial");
    must(membus_region_add(m->io, VMM_END, m->end, 0), "end");
    must(membus_transaction_commit(), "commit");
    must(membus_space_new(&m->vmm.memory, "memory", m->memory), "memory");
    must(membus_space_new(&m->vmm.io, "I/O", m->io), "I/O");
}

static void destroy(struct machine *m)
{
    struct membus_region *regions[] = {m->ram,    m->mmio_region, m->dma_region, m->memory,
                                       m->serial, m->end,         m->io};

    must(membus_space_delete(m->vmm.memory), "memory");
    must(membus_space_delete(m->vmm.io), "I/O");
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
        must(membus_region_delete(regions[i]), "delete");
    close(m->doorbell);
}

/* Code, and page tables that map the lower 4 GiB to themselves in pages of 2 MiB: a root, one
 * table of the second level, four of the third. (Unicorn runs without them.) */
static void load(struct machine *m)
{
    unsigned char *ram = membus_region_mapping(m->ram).addr;
    uint64_t *tables = (uint64_t *)(void *)(ram + VMM_PAGE_TABLES);

    tables[0] = (VMM_PAGE_TABLES + 0x1000) | 3; /* present, writable */
    for (unsigned i = 0; i < 4; i++)
        tables[512 + i] = (VMM_PAGE_TABLES + 0x2000 + i * 0x1000) | 3;
    for (uint64_t i = 0; i < 2048; i++)
        tables[1024 + i] = i << 21 | 0x83; /* a page of 2 MiB */
    memcpy(ram + VMM_CODE, vmm_guest, vmm_guest_size);
}

static int run(struct machine *m, bool emulate)
{
    const char *why = "";
    int e = emulate ? -ENODEV : vmm_run_kvm(&m->vmm, &why);

    if (e == -ENODEV) {
        if (!emulate)
            printf("vmm: no KVM (%s)\n", why);
        e = vmm_run_unicorn(&m->vmm, &why);
    }
    if (e)
        fprintf(stderr, "vmm: %s: %s\n", why, strerror(-e));
    return e;
}

/* Did the device see what the guest did: once, and whole? */
static bool as_it_should_be(const struct machine *m)
{
    bool ok = m->mmio.unaligned == 6 && m->rounds == VMM_ROUNDS;

    for (unsigned width = 1; width <= 8; width *= 2)
        ok = ok && m->mmio.loads[width] == 2 && m->mmio.stores[width] == 2;
    return ok;
}

int main(int argc, char **argv)
{
    static struct machine m;
    bool emulate = argc > 1 && !strcmp(argv[1], "--emulate");
    pthread_t thread;
    uint64_t ring = 1;
    int e;

    if (argc > 1 + emulate) {
        fprintf(stderr, "usage: vmm [--emulate]\n");
        return 2;
    }
    build(&m);
    load(&m);
    must(-pthread_create(&thread, NULL, dma_thread, &m), "thread");
    alarm(60); /* a guest that polls for ever */
    e = run(&m, emulate);
    m.stop = true;
    if (write(m.doorbell, &ring, sizeof(ring)) != sizeof(ring))
        return 2;
    pthread_join(thread, NULL);
    printf("mmio: stores of 1, 2, 4, 8 bytes: %u %u %u %u; loads: %u %u %u %u; unaligned: %u\n",
           m.mmio.stores[1], m.mmio.stores[2], m.mmio.stores[4], m.mmio.stores[8], m.mmio.loads[1],
           m.mmio.loads[2], m.mmio.loads[4], m.mmio.loads[8], m.mmio.unaligned);
    printf("dma: %u rounds; the guest ended with %u\n", m.rounds, m.vmm.status);
    destroy(&m);
    if (e)
        return e == -ENODEV ? 77 : 2;
    return m.vmm.status || !as_it_should_be(&m);
}
