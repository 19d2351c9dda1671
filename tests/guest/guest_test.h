/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_GUEST_TEST_H
#define MEMBUS_GUEST_TEST_H

/* The guest's test program: its cases, and small drivers for the devices that QEMU emulates. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/vfio.h>

/* Three ivshmem devices: the variant maps the first write-combining, the second noncached, the
 * third cacheable where the architecture has that. */
enum { COMBINED, NONCACHED, CACHED, EDU, NVME, TESTDEV, DEVICES };

struct bed {
    bool variant; /* bound to membus-vfio-pci; else to vfio-pci */
    char address[DEVICES][20];
    struct membus_vfio_container *container;
    struct membus_vfio *dev[DEVICES];
};
extern struct bed bed;

/* Ends the case as failed, with the reason; in a helper too. */
#define CHECK(condition, ...)                                           \
    do {                                                                \
        if (!(condition))                                               \
            fail_case(__FILE__, __LINE__, #condition, " " __VA_ARGS__); \
    } while (0)
void fail_case(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
/* Ends the case as skipped. */
void skip_case(const char *reason) __attribute__((noreturn));

/* The cases. `stock` and `variant`: whether it runs with that driver. */
struct guest_case {
    const char *name;
    void (*run)(void);
    bool stock, variant;
};
extern const struct guest_case guest_cases[];

void dma_to_memory(void);
void nvme_to_memory(void);
void edu_to_bar(void);
void edu_to_nvme_buffer(void);
void nvme_to_bar(void);
void interrupts(void);
void decoding_off(void);
void decoding_toggled(void);
void reset(void);
void removed(void);
void space_dma(void);
void space_maps(void);
void space_mixed(void);
void space_bar_leaves(void);
void space_decoding_off(void);

/* What the page tables say of `addr`, which was touched before, as a cache mode; or UNKNOWN for a
 * memory type that has none. */
enum membus_cache_mode attribute_of(const void *addr);

/* Runs `body` in a process of its own; returns the signal that ended it, or 0. */
int signal_of(void (*body)(void *data), void *data);

/* New memory of this process, mapped at `iova` for DMA both ways. */
unsigned char *dma_memory(uint64_t iova, size_t size);

/* Where a 64-bit BAR is on the bus. */
uint64_t bus_address(int dev, unsigned bar);

/* edu: DMA between its buffer of 4096 bytes and `iova`, n < 4096 (QEMU 7.2 dies of 4096). */
void edu_dma(uint64_t iova, unsigned n, bool to_memory);
void edu_interrupt(uint32_t cause);
void edu_acknowledge(uint32_t cause);

/*
 * nvme: the admin queue, in `queue` (2 pages, mapped at queue_iova). Identify writes 4096 bytes to
 * `iova`. cmb_enable makes the controller memory buffer accessible at its BAR.
 */
void nvme_start(void *queue, uint64_t queue_iova);
void nvme_identify(uint64_t iova);
void nvme_cmb_enable(uint64_t bus_address);

#endif
