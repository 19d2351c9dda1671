/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: the parser of region descriptions, and the cutting of areas. The first byte
 * chooses the capability's id and where the MSI-X table is; the rest is the buffer.
 * scripts/fuzz.sh builds and runs it.
 */
#include <stdlib.h>
#include <string.h>

#include "vfio.h"

static void check(const struct membus_vfio_info *info)
{
    uint64_t end = 0;

    if (info->area_count > MEMBUS_VFIO_AREAS_MAX || (unsigned)info->mode >= MEMBUS_CACHE_MODES)
        abort();
    if (info->error && (info->area_count || info->mode != MEMBUS_CACHE_UNKNOWN))
        abort();
    for (unsigned i = 0; i < info->area_count; i++) {
        const struct membus_vfio_area *area = &info->area[i];

        if (area->size == 0 || area->offset < end || area->offset > info->size ||
            area->size > info->size - area->offset)
            abort();
        end = area->offset + area->size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct membus_vfio_info info;
    uint64_t table;

    if (n == 0)
        return 0;
    table = (uint64_t)(data[0] >> 1) * 0x800;
    membus_vfio_info_parse(&info, data + 1, n - 1, data[0] & 1 ? 1 : MEMBUS_VFIO_CAP_ID);
    check(&info);
    vfio_areas_trim(&info, 4096, table, data[0] & 2 ? 0x1010 : 0);
    check(&info);
    for (unsigned i = 0; i < info.area_count; i++)
        if (info.area[i].offset & 4095)
            abort();
    return 0;
}
