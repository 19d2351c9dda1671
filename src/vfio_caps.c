/* SPDX-License-Identifier: MIT */
/*
 * A region's description and its chain of capabilities (linux/vfio.h, struct vfio_region_info and
 * vfio_info_cap_header). Offsets in the chain count from the start of the description. The kernel
 * is trusted little here: the buffer may come from a device process or a recording.
 */
#include <errno.h>
#include <string.h>

#include <linux/vfio.h>

#include "vfio.h"

/* Not in the headers of 6.1: docs/vfio-cache-mode.md. */
struct cache_mode_cap {
    struct vfio_info_cap_header header;
    uint32_t cache_mode;
    uint32_t reserved;
};

struct chain {
    const unsigned char *buf;
    size_t end;
};

/* Copies `n` bytes at `offset` out of the buffer; -EBADMSG where it does not have them. */
static int fetch(const struct chain *chain, size_t offset, void *out, size_t n)
{
    if (offset > chain->end || n > chain->end - offset)
        return -EBADMSG;
    memcpy(out, chain->buf + offset, n);
    return 0;
}

/* Keeps the areas ascending. */
static int insert_area(struct membus_vfio_info *info, uint64_t offset, uint64_t size)
{
    unsigned at = info->area_count;

    if (info->area_count == MEMBUS_VFIO_AREAS_MAX)
        return -E2BIG;
    for (; at > 0 && info->area[at - 1].offset > offset; at--)
        info->area[at] = info->area[at - 1];
    info->area[at] = (struct membus_vfio_area){.offset = offset, .size = size};
    info->area_count++;

    if (at > 0 && offset - info->area[at - 1].offset < info->area[at - 1].size)
        return -EBADMSG;
    if (at + 1 < info->area_count && info->area[at + 1].offset - offset < size)
        return -EBADMSG;
    return 0;
}

static int parse_sparse(struct membus_vfio_info *info, const struct chain *chain, size_t offset)
{
    struct vfio_region_info_cap_sparse_mmap cap;
    size_t at = offset + offsetof(struct vfio_region_info_cap_sparse_mmap, areas);
    int err = fetch(chain, offset, &cap, sizeof cap);

    if (err)
        return err;
    if (info->sparse)
        return -EBADMSG;
    info->sparse = true;
    /* Before the loop, so that a huge count costs nothing. */
    if (cap.nr_areas > (chain->end - at) / sizeof(struct vfio_region_sparse_mmap_area))
        return -EBADMSG;

    for (uint32_t i = 0; i < cap.nr_areas; i++) {
        struct vfio_region_sparse_mmap_area area;

        err = fetch(chain, at + i * sizeof area, &area, sizeof area);
        if (err)
            return err;
        if (area.offset > info->size || area.size > info->size - area.offset)
            return -EBADMSG;
        if (area.size == 0)
            continue;
        err = insert_area(info, area.offset, area.size);
        if (err)
            return err;
    }
    return 0;
}

static int parse_type(struct membus_vfio_info *info, const struct chain *chain, size_t offset)
{
    struct vfio_region_info_cap_type cap;
    int err = fetch(chain, offset, &cap, sizeof cap);

    if (err)
        return err;
    if (info->typed)
        return -EBADMSG;
    info->typed = true;
    info->type = cap.type;
    info->subtype = cap.subtype;
    return 0;
}

static int parse_mode(struct membus_vfio_info *info, const struct chain *chain, size_t offset)
{
    struct cache_mode_cap cap;
    int err;

    if (info->mode_reported)
        return -EBADMSG;
    info->mode_reported = true;
    err = fetch(chain, offset, &cap.header, sizeof cap.header);
    /* A version of the future may have another layout. */
    if (err || cap.header.version != 1)
        return err;
    err = fetch(chain, offset, &cap, sizeof cap);
    if (err)
        return err;
    if (cap.cache_mode < MEMBUS_CACHE_MODES)
        info->mode = (enum membus_cache_mode)cap.cache_mode;
    return 0;
}

static int parse_cap(struct membus_vfio_info *info, const struct chain *chain, size_t offset,
                     unsigned id, unsigned cap_id)
{
    if (id == cap_id)
        return parse_mode(info, chain, offset);

    switch (id) {
    case VFIO_REGION_INFO_CAP_SPARSE_MMAP:
        return parse_sparse(info, chain, offset);
    case VFIO_REGION_INFO_CAP_TYPE:
        return parse_type(info, chain, offset);
    case VFIO_REGION_INFO_CAP_MSIX_MAPPABLE:
        info->msix_mappable = true;
        return 0;
    default:
        info->caps_skipped++;
        return 0;
    }
}

static int parse_chain(struct membus_vfio_info *info, const struct chain *chain, size_t offset,
                       unsigned cap_id)
{
    for (unsigned i = 0; offset != 0; i++) {
        struct vfio_info_cap_header header;
        int err;

        if (i == MEMBUS_VFIO_CAPS_MAX) /* a loop, surely */
            return -E2BIG;
        if (offset < sizeof(struct vfio_region_info))
            return -EBADMSG;
        err = fetch(chain, offset, &header, sizeof header);
        if (!err)
            err = parse_cap(info, chain, offset, header.id, cap_id);
        if (err)
            return err;
        offset = header.next;
    }
    return 0;
}

static int parse(struct membus_vfio_info *info, const void *buf, size_t n, unsigned cap_id)
{
    struct vfio_region_info raw;
    struct chain chain = {.buf = buf, .end = n};
    int err = fetch(&chain, 0, &raw, sizeof raw);

    if (err)
        return err;
    info->index = raw.index;
    info->flags = raw.flags & (MEMBUS_VFIO_READABLE | MEMBUS_VFIO_WRITABLE | MEMBUS_VFIO_MAPPABLE);
    info->size = raw.size;
    info->offset = raw.offset;

    if (raw.flags & VFIO_REGION_INFO_FLAG_CAPS) {
        if (raw.cap_offset == 0)
            return raw.argsz > n ? -ENOBUFS : -EBADMSG;
        if (raw.argsz < sizeof raw)
            return -EBADMSG;
        if (raw.argsz < n)
            chain.end = raw.argsz;
        err = parse_chain(info, &chain, raw.cap_offset, cap_id);
        if (err)
            return err;
    }

    if (!(info->flags & MEMBUS_VFIO_MAPPABLE)) {
        info->area_count = 0;
        info->mode = MEMBUS_CACHE_UNKNOWN;
    } else if (!info->sparse && info->size) {
        return insert_area(info, 0, info->size);
    }
    return 0;
}

int membus_vfio_info_parse(struct membus_vfio_info *info, const void *buf, size_t n,
                           unsigned cap_id)
{
    memset(info, 0, sizeof *info);
    info->error = parse(info, buf, n, cap_id);
    if (info->error) {
        info->area_count = 0;
        info->mode = MEMBUS_CACHE_UNKNOWN;
    }
    return info->error;
}

/* Appends [from, to) trimmed to whole pages; the region's last page need not be whole. */
static void keep(struct membus_vfio_info *info, uint64_t from, uint64_t to, uint64_t page)
{
    if (from > UINT64_MAX - (page - 1) || info->area_count == MEMBUS_VFIO_AREAS_MAX)
        return;
    from = (from + page - 1) & ~(page - 1);
    if (to != info->size)
        to &= ~(page - 1);
    if (from < to)
        info->area[info->area_count++] =
            (struct membus_vfio_area){.offset = from, .size = to - from};
}

void vfio_areas_trim(struct membus_vfio_info *info, uint64_t page, uint64_t cut, uint64_t cut_size)
{
    uint64_t cut_from = cut & ~(page - 1);
    uint64_t cut_to = ((cut + cut_size - 1) | (page - 1)) + 1;
    struct membus_vfio_area in[MEMBUS_VFIO_AREAS_MAX];
    unsigned count = info->area_count;

    memcpy(in, info->area, count * sizeof *in);
    info->area_count = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t from = in[i].offset, to = from + in[i].size;

        if (cut_size == 0 || cut_from >= to || cut_to <= from) {
            keep(info, from, to, page);
            continue;
        }
        if (from < cut_from)
            keep(info, from, cut_from, page);
        if (cut_to < to)
            keep(info, cut_to, to, page);
    }
}
