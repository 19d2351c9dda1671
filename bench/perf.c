/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The group: cycles leads, instructions follows; user mode alone. */
static int leader = -1;

static int event(uint64_t config, int group)
{
    struct perf_event_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.type = PERF_TYPE_HARDWARE;
    attr.size = sizeof(attr);
    attr.config = config;
    attr.disabled = group < 0;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    attr.read_format = PERF_FORMAT_GROUP;

    long fd = syscall(SYS_perf_event_open, &attr, 0, -1, group, 0);

    return fd < 0 ? -errno : (int)fd;
}

int bench_perf_open(void)
{
    int first = event(PERF_COUNT_HW_CPU_CYCLES, -1);

    if (first < 0)
        return first;

    int second = event(PERF_COUNT_HW_INSTRUCTIONS, first);

    if (second < 0) {
        close(first);
        return second;
    }
    leader = first;
    return 0;
}

bool bench_perf_on(void)
{
    return leader >= 0;
}

void bench_perf_start(void)
{
    ioctl(leader, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
    ioctl(leader, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

void bench_perf_stop(uint64_t *cycles, uint64_t *instructions)
{
    struct {
        uint64_t count, value[2];
    } group = {0, {0, 0}};

    ioctl(leader, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
    if (read(leader, &group, sizeof(group)) != (ssize_t)sizeof(group))
        group.value[0] = group.value[1] = 0;
    *cycles = group.value[0];
    *instructions = group.value[1];
}
