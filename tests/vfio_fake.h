/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_VFIO_FAKE_H
#define MEMBUS_TESTS_VFIO_FAKE_H

/*
 * A kernel with one VFIO device, 0000:01:00.0 in group 7, for tests of membus/vfio.h without one:
 *
 *   BAR 0   16 KiB, mappable, MSI-X table at 0x2000
 *   BAR 2   1 MiB, write-combining, FAKE_AREAS sparse areas: more than a first answer holds
 *   BAR 4   256 bytes, I/O ports
 *   BAR 5   4 KiB, mappable, capabilities as `broken` says
 *   CONFIG  256 bytes
 *
 * What it is asked to do is in `log`, a line for each call that a test may want to see.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_AREAS 20

struct fake {
    char log[8192];
    const char *address; /* the device's, if not 0000:01:00.0 */
    bool not_viable;     /* the group */
    bool no_group;       /* no /dev/vfio/vfio: iommufd only */
    bool broken;         /* BAR 5's capabilities are a loop */
    int pread_error;     /* instead of reading */
    bool short_read;     /* one byte less */
    uint64_t granule;    /* iommufd's least page */
    uint64_t refuse;     /* mapping this iova for DMA fails, with -ENOMEM */
    unsigned open_fds;
    unsigned char *memory; /* 8 MiB: region i at i MiB */
};
extern struct fake fake;

void fake_start(void);
void fake_stop(void); /* asserts that everything is closed and unmapped */
void fake_clear_log(void);

/* From BAR 2 on, mapped areas raise SIGBUS, as with memory decoding off; and no more, zeroed. Safe
 * in a signal handler. */
void fake_decode_off(void);
void fake_decode_on(void);

#endif
