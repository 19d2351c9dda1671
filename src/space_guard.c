/* SPDX-License-Identifier: MIT */

/* Accesses to regions whose memory may vanish (membus_region_set_guarded). */

#include "space_internal.h"

#include <errno.h>

#include <membus/guard.h>

#include "side.h"

#define CHUNK 256u

static struct membus_result fill_ram(const struct membus_mapping *m, size_t offset, int value,
                                     size_t n)
{
    const size_t done = membus_guard_fill((char *)m->addr + offset, value, n, NULL);

    return (struct membus_result){done < n ? -EFAULT : 0, 0, done};
}

/* Bytes of the next chunk: to a multiple of their size in the device, if the address is a multiple
 * of the device's least width; else counted from the start. Either way that width divides them. */
static size_t chunk_at(const struct membus_side *side, uintptr_t at, size_t left)
{
    const size_t room = CHUNK - (membus_side_aligned(side, at) ? at % CHUNK : 0);

    return room < left ? room : left;
}

/* From a line of the value, in chunks. What a write of all of it could not do is refused before the
 * first: a part of it in the device and none in the result would be no outcome (A6). */
static struct membus_result fill_device(const struct membus_mapping *m, size_t offset,
                                        uint8_t value, size_t n)
{
    char line[CHUNK] __attribute__((aligned(8))); /* an element of it is one load */
    const struct membus_mapping ram = membus_mapping_ram(line, sizeof(line));
    const uintptr_t to = (uintptr_t)m->addr + offset;
    struct membus_result sum = {0, 0, 0};
    struct membus_side side;

    membus_side_init(&side, m, false);
    if (!membus_side_takes(&side, to, n))
        return (struct membus_result){-EOPNOTSUPP, 0, 0};
    membus_fill(line, value, sizeof(line));
    while (sum.error == 0 && sum.bytes < n) {
        const size_t chunk = chunk_at(&side, to + sum.bytes, n - sum.bytes);
        const struct membus_result r =
            membus_guard_transfer(m, offset + sum.bytes, &ram, 0, chunk, 0, NULL);

        sum.error = r.error;
        sum.bytes += r.bytes;
    }
    return sum;
}

struct membus_result membus_job_guarded(const struct membus_job *job,
                                        const struct membus_mapping *m, size_t offset, size_t n)
{
    const struct membus_mapping ram = membus_mapping_ram(job->buf, n);

    if (job->fill)
        return membus_mapping_is_ram(m) ? fill_ram(m, offset, job->value, n)
                                        : fill_device(m, offset, job->value, n);
    if (job->write)
        return membus_guard_transfer(m, offset, &ram, 0, n, 0, NULL);
    return membus_guard_transfer(&ram, 0, m, offset, n, 0, NULL);
}
