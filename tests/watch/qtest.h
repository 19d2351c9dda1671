/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_QTEST_H
#define MEMBUS_TESTS_QTEST_H

/*
 * A QEMU whose devices are driven from outside, over its qtest socket, beside a processor that
 * halts at once; and whose RAM is a file that other processes map.
 */

#include <stdint.h>
#include <sys/types.h>

#define RAM_SIZE (32u << 20)

struct qtest {
    pid_t pid;
    int fd;
    char *ram; /* the guest's RAM, mapped here */
    int net;   /* a UDP socket whose datagrams are the frames that arrive at the e1000 */
    char directory[64];
};

/* Starts `qemu` with an edu, an nvme and an e1000, LD_PRELOAD set to `preload` if that is not
 * NULL. Exits with a message when that fails. */
void qtest_start(struct qtest *q, const char *qemu, const char *preload);
void qtest_stop(struct qtest *q);

uint32_t qtest_read32(struct qtest *q, uint64_t addr);
void qtest_write32(struct qtest *q, uint64_t addr, uint32_t value);
void qtest_write64(struct qtest *q, uint64_t addr, uint64_t value);

/* Maps BAR 0 of the device in that slot of bus 0 at `base`, with memory and bus mastering on. */
void qtest_enable(struct qtest *q, unsigned slot, uint32_t base);

/* One frame to the e1000. */
void qtest_frame(struct qtest *q, const void *frame, size_t n);

/* The slots. */
#define SLOT_EDU   4
#define SLOT_NVME  5
#define SLOT_E1000 6

#endif
