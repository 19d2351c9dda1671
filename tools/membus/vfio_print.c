/* SPDX-License-Identifier: MIT */
/* A device's regions as a table and as JSON. The schema is described in membus-vfio(1). */

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "vfio_tool.h"

#define SCHEMA 1

static bool is_mapped(const struct membus_vfio_info *info)
{
    for (unsigned i = 0; i < info->area_count; i++)
        if (info->area[i].addr)
            return true;
    return false;
}

/* "1 MiB", "16 KiB", "256" */
static const char *size_text(uint64_t size, char *buf, size_t n)
{
    static const char *const units[] = {"", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    unsigned unit = 0;

    while (size && size % 1024 == 0 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1024;
        unit++;
    }
    snprintf(buf, n, "%" PRIu64 "%s", size, units[unit]);
    return buf;
}

/* "all", or the areas; "-" for none. */
static const char *mapped_text(const struct membus_vfio_info *info, char *buf, size_t n)
{
    size_t used = 0;

    if (!is_mapped(info))
        return "-";
    if (info->area_count == 1 && info->area[0].size == info->size)
        return "all";
    buf[0] = '\0';
    for (unsigned i = 0; i < info->area_count && used < n; i++)
        if (info->area[i].addr)
            used += (size_t)snprintf(buf + used, n - used, "%s%#" PRIx64 "+%#" PRIx64,
                                     used ? "," : "", info->area[i].offset, info->area[i].size);
    return buf;
}

static void print_row(const struct membus_vfio_info *info, unsigned index)
{
    const struct membus_rule *rule = membus_mapping_rule(info->mode);
    char size[32], mapped[1024], vectors[8] = "no";

    printf("%-9s %8s  %c%c      ", membus_vfio_region_name(index),
           size_text(info->size, size, sizeof size), info->flags & MEMBUS_VFIO_READABLE ? 'r' : '-',
           info->flags & MEMBUS_VFIO_WRITABLE ? 'w' : '-');
    if (!is_mapped(info) || !rule->direct) {
        printf("%-13s %s\n", "-",
               info->error ? "by system calls: its capabilities are malformed" : "by system calls");
        return;
    }
    if (rule->width_vector)
        snprintf(vectors, sizeof vectors, "%u", rule->width_vector);
    printf("%-13s %-6u  %-9s  %-7s  %s\n", membus_cache_mode_name(info->mode), rule->width_scalar,
           rule->unaligned >= MEMBUS_WAY_INSTRUCTION ? "yes" : "no", vectors,
           mapped_text(info, mapped, sizeof mapped));
}

/* Of what is mapped: the mode, and the accesses that it allows here. */
void vfio_print_table(const struct membus_vfio *dev)
{
    printf("%s\n%-9s %8s  %-6s  %-13s %-6s  %-9s  %-7s  %s\n", membus_vfio_address(dev), "region",
           "size", "access", "cache mode", "widest", "unaligned", "vectors", "mapped");
    for (unsigned i = 0; i < membus_vfio_region_count(dev); i++) {
        const struct membus_vfio_info *info = membus_vfio_region_info(dev, i);

        if (info->size)
            print_row(info, i);
    }
}

static json_t *json_areas(const struct membus_vfio_info *info)
{
    json_t *areas = json_array();

    for (unsigned i = 0; i < info->area_count; i++)
        if (info->area[i].addr)
            json_array_append_new(areas, json_pack("{s:I, s:I}", "offset",
                                                   (json_int_t)info->area[i].offset, "size",
                                                   (json_int_t)info->area[i].size));
    return areas;
}

/* The rule for its mapping; null where it is reached by system calls. */
static json_t *json_allowed(const struct membus_vfio_info *info)
{
    const struct membus_rule *rule = membus_mapping_rule(info->mode);

    if (!is_mapped(info) || !rule->direct)
        return json_null();
    return json_pack("{s:i, s:b, s:i, s:s}", "width", (int)rule->width_scalar, "unaligned",
                     rule->unaligned >= MEMBUS_WAY_INSTRUCTION, "vector_width",
                     (int)rule->width_vector, "source", rule->source);
}

static json_t *json_region(const struct membus_vfio_info *info, unsigned index)
{
    return json_pack("{s:s, s:i, s:I, s:b, s:b, s:s, s:b, s:b, s:b, s:o, s:o}", "name",
                     membus_vfio_region_name(index), "index", (int)index, "size",
                     (json_int_t)info->size, "readable", (info->flags & MEMBUS_VFIO_READABLE) != 0,
                     "writable", (info->flags & MEMBUS_VFIO_WRITABLE) != 0, "cache_mode",
                     membus_cache_mode_name(info->mode), "cache_mode_reported", info->mode_reported,
                     "msix_mappable", info->msix_mappable, "malformed", info->error != 0, "mapped",
                     json_areas(info), "allowed", json_allowed(info));
}

static void print(json_t *root)
{
    if (!root || json_dumpf(root, stdout, JSON_INDENT(2)))
        fputs("membus vfio: no memory for the result\n", stderr);
    else
        putchar('\n');
    json_decref(root);
}

void vfio_print_json(const struct membus_vfio *dev)
{
    json_t *regions = json_array();

    for (unsigned i = 0; i < membus_vfio_region_count(dev); i++) {
        const struct membus_vfio_info *info = membus_vfio_region_info(dev, i);

        if (info->size)
            json_array_append_new(regions, json_region(info, i));
    }
    print(json_pack("{s:i, s:s, s:o}", "schema", SCHEMA, "address", membus_vfio_address(dev),
                    "regions", regions));
}

/* The value as text: JSON's numbers are exact to 53 bits only. */
void vfio_print_access_json(const struct membus_vfio *dev, const struct vfio_access *access,
                            int err)
{
    char value[24];

    snprintf(value, sizeof value, "0x%0*" PRIx64, 2 * (int)access->width, access->value);
    print(json_pack("{s:i, s:s, s:s, s:s, s:I, s:i, s:s, s:i}", "schema", SCHEMA, "address",
                    membus_vfio_address(dev), "access", access->write ? "write" : "read", "region",
                    membus_vfio_region_name(access->index), "offset", (json_int_t)access->offset,
                    "width", (int)access->width, "value", value, "error", -err));
}
