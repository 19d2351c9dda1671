/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu.h"

/*
 * riscv_hwprobe(2), Linux 6.4 and later; not in the headers of every C library. Key 5, CPUPERF_0,
 * bits 0 to 2: how misaligned scalar accesses do on all CPUs. Kernels before 6.4 say nothing, and
 * then they are not made.
 */
#define SYS_HWPROBE     258
#define KEY_CPUPERF_0   5
#define MISALIGNED_MASK 7u
#define MISALIGNED_FAST 3u

struct hwprobe {
    int64_t key;
    uint64_t value;
};

bool membus_riscv_misaligned_fast(void)
{
    struct hwprobe probe = {KEY_CPUPERF_0, 0};
    const char *said = getenv("MEMBUS_MISALIGNED");

    if (said && *said)
        return strcmp(said, "fast") == 0;
    return syscall(SYS_HWPROBE, &probe, 1, 0, NULL, 0) == 0 && probe.key == KEY_CPUPERF_0 &&
           (probe.value & MISALIGNED_MASK) == MISALIGNED_FAST;
}
