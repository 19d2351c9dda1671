/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_WATCH_DEVICES_H
#define MEMBUS_TESTS_WATCH_DEVICES_H

/* Devices that write to the guest's RAM when told to. */

#include <stddef.h>

#include "qtest.h"

/* No byte of what the devices write has this value: the destination holds it beforehand. */
#define OLD_BYTE 0xee

struct device {
    const char *name;
    unsigned slow; /* a DMA takes this many times a usual one */
    void (*setup)(struct qtest *q);
    /* Starts a DMA of n bytes to `to`; and is it over? */
    void (*start)(struct qtest *q, uint32_t to, size_t n);
    int (*over)(struct qtest *q);
};

extern const struct device device_edu;   /* any n up to 4095, any address */
extern const struct device device_nvme;  /* a log page: n up to 512, multiple of 4 */
extern const struct device device_e1000; /* a frame: n from 60 to 1500 */
extern const struct device device_cqe;   /* an NVMe completion: 16 bytes where cqe_next() says */

/* Where the next completion will be written. */
uint32_t cqe_next(void);

#endif
