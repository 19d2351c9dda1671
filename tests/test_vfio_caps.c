/* SPDX-License-Identifier: MIT */
/*
 * The parser of region descriptions (membus/vfio.h), on answers that Linux gave (vfio_recorded.h)
 * and on hostile ones; and what of a region is mapped.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <membus/vfio.h>

#include "../src/vfio.h"
#include "vfio_recorded.h"

#define HEAD 32 /* sizeof(struct vfio_region_info) */
#define MMAP (MEMBUS_VFIO_READABLE | MEMBUS_VFIO_WRITABLE | MEMBUS_VFIO_MAPPABLE)
#define CAPS 8u

struct piece {
    uint64_t offset, size;
};

struct answer {
    unsigned char bytes[4096];
    uint32_t size; /* used */
    uint32_t last; /* offset of the last capability's `next`, 0: none yet */
};

static void put32(struct answer *a, uint32_t at, uint32_t v)
{
    memcpy(a->bytes + at, &v, 4);
}

static void put64(struct answer *a, uint32_t at, uint64_t v)
{
    memcpy(a->bytes + at, &v, 8);
}

static void start(struct answer *a, uint32_t flags, uint64_t size)
{
    memset(a, 0, sizeof *a);
    a->size = HEAD;
    put32(a, 0, HEAD);
    put32(a, 4, flags);
    put32(a, 8, 2);
    put64(a, 16, size);
    put64(a, 24, (uint64_t)2 << 40);
}

/* Appends a capability's header, linked; returns its offset. */
static uint32_t cap(struct answer *a, unsigned id, unsigned version, uint32_t body)
{
    uint32_t at = (a->size + 7) & ~7u;

    put32(a, a->last ? a->last : 12, at);
    put32(a, at, id | version << 16);
    put32(a, at + 4, 0);
    a->last = at + 4;
    a->size = at + 8 + body;
    put32(a, 0, a->size);
    return at;
}

static uint32_t cap_mode(struct answer *a, unsigned id, unsigned version, uint32_t mode)
{
    uint32_t at = cap(a, id, version, 8);

    put32(a, at + 8, mode);
    return at;
}

static uint32_t cap_sparse(struct answer *a, uint32_t count, const struct piece *areas)
{
    uint32_t at = cap(a, 1, 1, 8 + 16 * count);

    put32(a, at + 8, count);
    for (uint32_t i = 0; i < count; i++) {
        put64(a, at + 16 + 16 * i, areas[i].offset);
        put64(a, at + 24 + 16 * i, areas[i].size);
    }
    return at;
}

/* Parses a copy of exactly that size, so that a sanitizer sees a byte too far. */
static int parse(struct membus_vfio_info *info, const struct answer *a, size_t n)
{
    unsigned char *copy = malloc(n ? n : 1);
    int err;

    memcpy(copy, a->bytes, n);
    err = membus_vfio_info_parse(info, copy, n, MEMBUS_VFIO_CAP_ID);
    free(copy);
    assert_int_equal(info->error, err);
    if (err) {
        assert_int_equal(info->area_count, 0);
        assert_int_equal(info->mode, MEMBUS_CACHE_UNKNOWN);
    }
    return err;
}

static void plain_region(void **state)
{
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    start(&a, MMAP, 0x100000);
    assert_int_equal(parse(&info, &a, HEAD), 0);
    assert_int_equal(info.index, 2);
    assert_int_equal(info.flags, MMAP);
    assert_int_equal(info.size, 0x100000);
    assert_int_equal(info.offset, (uint64_t)2 << 40);
    assert_int_equal(info.mode, MEMBUS_CACHE_UNKNOWN);
    assert_false(info.mode_reported);
    assert_int_equal(info.area_count, 1);
    assert_int_equal(info.area[0].offset, 0);
    assert_int_equal(info.area[0].size, 0x100000);
    assert_null(info.area[0].addr);
}

static void nothing_to_map(void **state)
{
    const struct piece areas[] = {{0, 4096}};
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    start(&a, MEMBUS_VFIO_READABLE | CAPS, 0x1000);
    cap_sparse(&a, 1, areas);
    cap_mode(&a, 6, 1, MEMBUS_CACHE_WRITECOMBINE);
    assert_int_equal(parse(&info, &a, a.size), 0);
    assert_int_equal(info.area_count, 0);
    assert_int_equal(info.mode, MEMBUS_CACHE_UNKNOWN);

    start(&a, 0, 0);
    assert_int_equal(parse(&info, &a, a.size), 0);
    assert_int_equal(info.area_count, 0);

    start(&a, MMAP | CAPS, 0x1000); /* sparse, and nothing in it */
    cap_sparse(&a, 0, NULL);
    assert_int_equal(parse(&info, &a, a.size), 0);
    assert_true(info.sparse);
    assert_int_equal(info.area_count, 0);
}

static void every_mode(void **state)
{
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    for (uint32_t mode = 0; mode < 8; mode++) {
        start(&a, MMAP | CAPS, 0x1000);
        cap(&a, 3, 1, 0);
        cap_mode(&a, 6, 1, mode);
        assert_int_equal(parse(&info, &a, a.size), 0);
        assert_true(info.mode_reported);
        assert_true(info.msix_mappable);
        assert_int_equal(info.mode, mode < MEMBUS_CACHE_MODES ? mode : MEMBUS_CACHE_UNKNOWN);
    }
    start(&a, MMAP | CAPS, 0x1000);
    cap_mode(&a, 6, 1, UINT32_MAX);
    assert_int_equal(parse(&info, &a, a.size), 0);
    assert_int_equal(info.mode, MEMBUS_CACHE_UNKNOWN);
}

static void unknown_version(void **state)
{
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    start(&a, MMAP | CAPS, 0x1000);
    cap_mode(&a, 6, 2, MEMBUS_CACHE_NORMAL);
    assert_int_equal(parse(&info, &a, a.size), 0);
    assert_true(info.mode_reported);
    assert_int_equal(info.mode, MEMBUS_CACHE_UNKNOWN);

    start(&a, MMAP | CAPS, 0x1000); /* and shorter than version 1 is */
    cap(&a, 6, 2, 0);
    assert_int_equal(parse(&info, &a, a.size), 0);
}

static void another_id(void **state)
{
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    start(&a, MMAP | CAPS, 0x1000);
    cap_mode(&a, 77, 1, MEMBUS_CACHE_WRITECOMBINE);
    assert_int_equal(membus_vfio_info_parse(&info, a.bytes, a.size, 77), 0);
    assert_int_equal(info.mode, MEMBUS_CACHE_WRITECOMBINE);
    assert_int_equal(membus_vfio_info_parse(&info, a.bytes, a.size, 6), 0);
    assert_int_equal(info.mode, MEMBUS_CACHE_UNKNOWN);
    assert_int_equal(info.caps_skipped, 1);
}

static void all_capabilities(void **state)
{
    const struct piece areas[] = {{0x8000, 0x1000}, {0, 0x1000}, {0x2000, 0}, {0x2000, 0x1000}};
    struct membus_vfio_info info;
    struct answer a;
    uint32_t at;

    (void)state;
    start(&a, MMAP | CAPS, 0x10000);
    cap_sparse(&a, 4, areas);
    cap(&a, 0x1234, 9, 3);
    at = cap(&a, 2, 1, 8);
    put32(&a, at + 8, 0x80008086);
    put32(&a, at + 12, 3);
    cap(&a, 3, 1, 0);
    cap_mode(&a, 6, 1, MEMBUS_CACHE_WRITECOMBINE);
    assert_int_equal(parse(&info, &a, a.size), 0);
    assert_int_equal(info.caps_skipped, 1);
    assert_true(info.typed && info.sparse && info.msix_mappable && info.mode_reported);
    assert_int_equal(info.type, 0x80008086);
    assert_int_equal(info.subtype, 3);
    assert_int_equal(info.area_count, 3); /* ascending, without the empty one */
    assert_int_equal(info.area[0].offset, 0);
    assert_int_equal(info.area[1].offset, 0x2000);
    assert_int_equal(info.area[2].offset, 0x8000);
}

static void argsz_too_small(void **state)
{
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    start(&a, MMAP | CAPS, 0x1000);
    put32(&a, 0, 48);
    assert_int_equal(parse(&info, &a, HEAD), -ENOBUFS);
    assert_int_equal(parse(&info, &a, 48), -EBADMSG); /* it fits, and there is none */
}

static void truncated(void **state)
{
    const struct piece areas[] = {{0, 0x1000}, {0x2000, 0x1000}};
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    start(&a, MMAP | CAPS, 0x10000);
    cap_sparse(&a, 2, areas);
    cap(&a, 2, 1, 8);
    cap_mode(&a, 6, 1, MEMBUS_CACHE_NORMAL);
    assert_int_equal(parse(&info, &a, a.size), 0);
    for (uint32_t n = 0; n < a.size; n++)
        assert_int_equal(parse(&info, &a, n), -EBADMSG);
    /* The same by what the answer says of its size. */
    for (uint32_t n = 0; n < a.size; n++) {
        put32(&a, 0, n);
        assert_int_equal(parse(&info, &a, a.size), -EBADMSG);
    }
}

static void loops(void **state)
{
    struct membus_vfio_info info;
    struct answer a;
    uint32_t first, second;

    (void)state;
    start(&a, MMAP | CAPS, 0x1000);
    first = cap(&a, 0x100, 1, 0);
    put32(&a, first + 4, first); /* itself */
    assert_int_equal(parse(&info, &a, a.size), -E2BIG);

    start(&a, MMAP | CAPS, 0x1000);
    first = cap(&a, 0x100, 1, 0);
    second = cap(&a, 0x101, 1, 0);
    put32(&a, second + 4, first);
    assert_int_equal(parse(&info, &a, a.size), -E2BIG);

    start(&a, MMAP | CAPS, 0x1000);
    first = cap_mode(&a, 6, 1, MEMBUS_CACHE_NORMAL);
    put32(&a, first + 4, first);
    assert_int_equal(parse(&info, &a, a.size), -EBADMSG);
}

static void longest_chain(void **state)
{
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    start(&a, MMAP | CAPS, 0x1000);
    for (int i = 0; i < MEMBUS_VFIO_CAPS_MAX - 1; i++)
        cap(&a, 0x100, 1, 0);
    cap_mode(&a, 6, 1, MEMBUS_CACHE_DEVICE);
    assert_int_equal(parse(&info, &a, a.size), 0);
    assert_int_equal(info.mode, MEMBUS_CACHE_DEVICE);
    cap(&a, 0x100, 1, 0);
    assert_int_equal(parse(&info, &a, a.size), -E2BIG);
}

static void offsets_outside(void **state)
{
    const uint32_t bad[] = {1, 4, HEAD - 1, HEAD + 1000, 0x7fffffff, 0xfffffff8, 0xffffffff};
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        start(&a, MMAP | CAPS, 0x1000);
        cap_mode(&a, 6, 1, MEMBUS_CACHE_NORMAL);
        put32(&a, 12, bad[i]);
        assert_int_equal(parse(&info, &a, a.size), -EBADMSG);

        start(&a, MMAP | CAPS, 0x1000);
        put32(&a, cap_mode(&a, 6, 1, MEMBUS_CACHE_NORMAL) + 4, bad[i]);
        assert_int_equal(parse(&info, &a, a.size), -EBADMSG);
    }
}

static void huge_counts(void **state)
{
    const uint32_t counts[] = {2, 0x100, 0x0fffffff, 0x10000000, 0x10000001, 0xffffffff};
    const struct piece areas[] = {{0, 0x1000}};
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        start(&a, MMAP | CAPS, 0x1000);
        put32(&a, cap_sparse(&a, 1, areas) + 8, counts[i]);
        assert_int_equal(parse(&info, &a, a.size), -EBADMSG);
    }
}

static void most_areas(void **state)
{
    struct piece areas[MEMBUS_VFIO_AREAS_MAX + 1];
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    for (uint64_t i = 0; i <= MEMBUS_VFIO_AREAS_MAX; i++) {
        areas[i].offset = (MEMBUS_VFIO_AREAS_MAX - i) * 0x2000;
        areas[i].size = 0x1000;
    }
    start(&a, MMAP | CAPS, 0x100000);
    cap_sparse(&a, MEMBUS_VFIO_AREAS_MAX, areas);
    assert_int_equal(parse(&info, &a, a.size), 0);
    assert_int_equal(info.area_count, MEMBUS_VFIO_AREAS_MAX);
    start(&a, MMAP | CAPS, 0x100000);
    cap_sparse(&a, MEMBUS_VFIO_AREAS_MAX + 1, areas);
    assert_int_equal(parse(&info, &a, a.size), -E2BIG);
}

static void bad_areas(void **state)
{
    const struct piece bad[][2] = {
        {{0, 0x1000}, {0x0fff, 2}},          /* overlap */
        {{0, 0x1000}, {0, 0x1000}},          /* twice */
        {{0x1000, 0x1000}, {0, 0x1001}},     /* overlap from below */
        {{0x1000, 0x1000}, {0, UINT64_MAX}}, /* past the region */
        {{0, 0x1000}, {0x8000, 0x8001}},     /* by a byte */
        {{0, 0x1000}, {0x10001, 0}},         /* starts outside */
        {{0, 0x1000}, {UINT64_MAX, 2}},      /* wraps */
    };
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        start(&a, MMAP | CAPS, 0x10000);
        cap_sparse(&a, 2, bad[i]);
        assert_int_equal(parse(&info, &a, a.size), -EBADMSG);
    }
}

static void twice(void **state)
{
    const struct piece areas[] = {{0, 0x1000}};
    struct membus_vfio_info info;
    struct answer a;

    (void)state;
    start(&a, MMAP | CAPS, 0x10000);
    cap_sparse(&a, 1, areas);
    cap_sparse(&a, 1, areas);
    assert_int_equal(parse(&info, &a, a.size), -EBADMSG);
    start(&a, MMAP | CAPS, 0x10000);
    cap_mode(&a, 6, 1, MEMBUS_CACHE_NORMAL);
    cap_mode(&a, 6, 1, MEMBUS_CACHE_NONCACHED);
    assert_int_equal(parse(&info, &a, a.size), -EBADMSG);
    start(&a, MMAP | CAPS, 0x10000);
    cap(&a, 2, 1, 8);
    cap(&a, 2, 1, 8);
    assert_int_equal(parse(&info, &a, a.size), -EBADMSG);
}

/* Every byte of a good answer replaced: whatever it says, what comes out is consistent. */
static void every_byte(void **state)
{
    const struct piece areas[] = {{0, 0x1000}, {0x2000, 0x1000}};
    struct membus_vfio_info info;
    struct answer good, a;

    (void)state;
    start(&good, MMAP | CAPS, 0x10000);
    cap_sparse(&good, 2, areas);
    cap(&good, 3, 1, 0);
    cap_mode(&good, 6, 1, MEMBUS_CACHE_WRITECOMBINE);
    for (uint32_t i = 0; i < good.size; i++) {
        for (unsigned v = 0; v < 256; v++) {
            a = good;
            a.bytes[i] = (unsigned char)v;
            parse(&info, &a, a.size);
            for (unsigned j = 0; j < info.area_count; j++) {
                assert_true(info.area[j].size > 0 && info.area[j].offset < info.size);
                assert_true(info.area[j].size <= info.size - info.area[j].offset);
                assert_true(j == 0 ||
                            info.area[j].offset >= info.area[j - 1].offset + info.area[j - 1].size);
            }
        }
    }
}

static void recorded(void **state)
{
    struct membus_vfio_info info;

    (void)state;
    for (unsigned i = 0; i < sizeof vfio_recorded / sizeof *vfio_recorded; i++) {
        const struct vfio_recorded *r = &vfio_recorded[i];

        assert_int_equal(membus_vfio_info_parse(&info, r->bytes, r->n, MEMBUS_VFIO_CAP_ID), 0);
        assert_int_equal(info.index, r->index);
        assert_int_equal(info.size, r->size);
        assert_int_equal(info.mode, r->mode);
        assert_int_equal(info.mode_reported, r->mode_reported);
        assert_int_equal(info.msix_mappable, r->msix_mappable);
        assert_int_equal(info.caps_skipped, 0);
        assert_int_equal(info.area_count, r->flags & MEMBUS_VFIO_MAPPABLE ? 1 : 0);
        assert_int_equal(info.flags, r->flags);
    }
}

static void trim(uint64_t size, const struct piece *areas, unsigned count, uint64_t cut,
                 uint64_t cut_size, const struct piece *want, unsigned want_count)
{
    struct membus_vfio_info info = {.size = size, .area_count = count};

    for (unsigned i = 0; i < count; i++)
        info.area[i] = (struct membus_vfio_area){.offset = areas[i].offset, .size = areas[i].size};
    vfio_areas_trim(&info, 4096, cut, cut_size);
    assert_int_equal(info.area_count, want_count);
    for (unsigned i = 0; i < want_count; i++) {
        assert_int_equal(info.area[i].offset, want[i].offset);
        assert_int_equal(info.area[i].size, want[i].size);
    }
}

static void whole_pages(void **state)
{
    const struct piece odd[] = {{0x10, 0x1ff0}, {0x2100, 0x800}, {0x3800, 0x1000}};
    const struct piece even[] = {{0x1000, 0x1000}};
    const struct piece small[] = {{0, 0x100}};
    const struct piece end[] = {{UINT64_MAX - 16, 16}};

    (void)state;
    trim(0x10000, odd, 3, 0, 0, even, 1);
    trim(0x100, small, 1, 0, 0, small, 1); /* a BAR below a page is its own last page */
    trim(UINT64_MAX, end, 1, 0, 0, NULL, 0);
}

static void msix_table_cut_out(void **state)
{
    const struct piece bar[] = {{0, 0x4000}};
    const struct piece around[] = {{0, 0x2000}, {0x3000, 0x1000}};
    const struct piece before[] = {{0, 0x3000}};
    const struct piece after[] = {{0x1000, 0x3000}};
    const struct piece two[] = {{0, 0x1000}, {0x3000, 0x1000}};

    (void)state;
    trim(0x4000, bar, 1, 0x2000, 0x410, around, 2);
    trim(0x4000, bar, 1, 0x2800, 16, around, 2);
    trim(0x4000, bar, 1, 0x3000, 16, before, 1);
    trim(0x4000, bar, 1, 0, 0x1000, after, 1);
    trim(0x4000, bar, 1, 0x1ff0, 32, two, 2);
    trim(0x4000, bar, 1, 0x8000, 32, bar, 1);
    trim(0x4000, bar, 1, 0, 0x4000, NULL, 0);
    trim(0x4000, bar, 1, 0x2000, 0, bar, 1); /* the table is in another BAR */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_region),
        cmocka_unit_test(nothing_to_map),
        cmocka_unit_test(every_mode),
        cmocka_unit_test(unknown_version),
        cmocka_unit_test(another_id),
        cmocka_unit_test(all_capabilities),
        cmocka_unit_test(argsz_too_small),
        cmocka_unit_test(truncated),
        cmocka_unit_test(loops),
        cmocka_unit_test(longest_chain),
        cmocka_unit_test(offsets_outside),
        cmocka_unit_test(huge_counts),
        cmocka_unit_test(most_areas),
        cmocka_unit_test(bad_areas),
        cmocka_unit_test(twice),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(recorded),
        cmocka_unit_test(whole_pages),
        cmocka_unit_test(msix_table_cut_out),
    };

    return RUN_TESTS(tests);
}
