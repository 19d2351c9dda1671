/* SPDX-License-Identifier: MIT */

/* Accesses: which callbacks are called, in which order, with which values (A1-A9). */

#include "space_machine.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define RW .read = traced_read, .write = traced_write

/* A1 */
static void test_any_address_any_length(void **state)
{
    struct membus_region *r = new_ram("ram", 4096);
    char buf[8] = "before";

    (void)state;
    put(r, UINT64_MAX - 4095, 0);
    assert_outcome(membus_space_read(m.space, buf, 0, UINT64_MAX, no_attrs), MEMBUS_STATUS_OK, 0,
                   0);
    assert_outcome(membus_space_read(m.space, buf, 2, UINT64_MAX, no_attrs), MEMBUS_STATUS_RANGE,
                   UINT64_MAX, 0);
    assert_string_equal(buf, "before");
    assert_outcome(membus_space_write(m.space, UINT64_MAX - 1, "xyz", 3, no_attrs),
                   MEMBUS_STATUS_RANGE, UINT64_MAX - 1, 0);
    assert_int_equal(memory_of(r)[4094], 0);
    assert_outcome(membus_space_write(m.space, UINT64_MAX - 1, "xy", 2, no_attrs), MEMBUS_STATUS_OK,
                   0, 2);
    assert_memory_equal(memory_of(r) + 4094, "xy", 2);
    assert_outcome(membus_space_fill(m.space, 1, 0, UINT64_MAX, no_attrs), MEMBUS_STATUS_DECODE, 1,
                   4096);
    assert_int_equal(memory_of(r)[4094], 0);
}

static void test_byte_orders(void **state)
{
    struct membus_region *r = new_ram("ram", 4096);
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;
    uint8_t v8;

    (void)state;
    put(r, 0, 0);
    membus_space_store_le64(m.space, 0, 0x0807060504030201, no_attrs);
    assert_memory_equal(memory_of(r), "\1\2\3\4\5\6\7\10", 8);
    membus_space_load_8(m.space, &v8, 1, no_attrs);
    assert_int_equal(v8, 2);
    membus_space_load_be16(m.space, &v16, 1, no_attrs);
    assert_int_equal(v16, 0x0203);
    membus_space_load_le32(m.space, &v32, 1, no_attrs);
    assert_int_equal(v32, 0x05040302);
    membus_space_load_be64(m.space, &v64, 0, no_attrs);
    assert_int_equal(v64, 0x0102030405060708);
    membus_space_store_be32(m.space, 8, 0x01020304, no_attrs);
    assert_memory_equal(memory_of(r) + 8, "\1\2\3\4", 4);
    membus_space_store_64(m.space, 16, 42, no_attrs);
    membus_space_load_64(m.space, &v64, 16, no_attrs);
    assert_int_equal(v64, 42);
}

/* A3: sizes. Each case is one access, and the calls it becomes. */
static void test_pieces(void **state)
{
    static const struct membus_region_ops plain = {RW};
    static const struct membus_region_ops wide = {RW, .valid = {1, 8, 0}, .impl = {1, 8, 0}};
    static const struct membus_region_ops halves = {RW, .valid = {1, 8, 0}, .impl = {1, 4, 0}};
    static const struct membus_region_ops big = {RW, .valid = {1, 8, 0}, .impl = {1, 4, 0},
                                                 .endian = MEMBUS_ENDIAN_BIG};
    static const struct membus_region_ops loose = {RW, .valid = {1, 8, 1}, .impl = {1, 8, 1}};
    static const struct membus_region_ops narrow = {RW, .valid = {1, 8, 0}, .impl = {4, 4, 0}};
    static const struct membus_region_ops narrow_big = {RW, .valid = {1, 8, 0}, .impl = {4, 4, 0},
                                                        .endian = MEMBUS_ENDIAN_BIG};
    static const struct {
        const struct membus_region_ops *ops;
        uint64_t addr;
        size_t len;
        const char *writes, *reads;
    } cases[] = {
        {&plain, 0, 8, "w4@0=4030201 w4@4=8070605 ", "r4@0 r4@4 "},
        {&plain, 1, 7, "w1@1=1 w2@2=302 w4@4=7060504 ", "r1@1 r2@2 r4@4 "},
        {&wide, 0, 8, "w8@0=807060504030201 ", "r8@0 "},
        {&wide, 4, 8, "w4@4=4030201 w4@8=8070605 ", "r4@4 r4@8 "},
        {&wide, 2, 3, "w2@2=201 w1@4=3 ", "r2@2 r1@4 "},
        {&halves, 8, 8, "w4@8=4030201 w4@c=8070605 ", "r4@8 r4@c "},
        {&big, 8, 8, "w4@8=1020304 w4@c=5060708 ", "r4@8 r4@c "},
        {&big, 8, 2, "w2@8=102 ", "r2@8 "},
        {&loose, 3, 8, "w8@3=807060504030201 ", "r8@3 "},
        {&loose, 3, 7, "w4@3=4030201 w2@7=605 w1@9=7 ", "r4@3 r2@7 r1@9 "},
        /* A4: one wider write, placed by byte order, and no read before it */
        {&narrow, 5, 1, "w4@5=1 ", "r4@5 "},
        {&narrow, 4, 2, "w4@4=201 ", "r4@4 "},
        {&narrow_big, 5, 1, "w4@5=1000000 ", "r4@5 "},
        {&narrow_big, 4, 2, "w4@4=1020000 ", "r4@4 "},
        {&narrow, 8, 8, "w4@8=4030201 w4@c=8070605 ", "r4@8 r4@c "},
        /* a piece never crosses the end of its region */
        {&wide, 0xfc, 8, "w4@fc=4030201 ", "r4@fc "},
        {&loose, 0xfd, 8, "w2@fd=201 w1@ff=3 ", "r2@fd r1@ff "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct membus_region *r = new_io("", 0x100, cases[i].ops);
        uint8_t buf[8] = {1, 2, 3, 4, 5, 6, 7, 8};

        put(r, 0, 0);
        membus_space_write(m.space, cases[i].addr, buf, cases[i].len, no_attrs);
        assert_trace(cases[i].writes);
        membus_space_read(m.space, buf, cases[i].len, cases[i].addr, no_attrs);
        assert_trace(cases[i].reads);
        if (cases[i].ops->endian == MEMBUS_ENDIAN_LITTLE && cases[i].addr < 0xf0) {
            for (size_t k = 0; k < cases[i].len; k++)
                assert_int_equal(buf[k], 0x10 + cases[i].addr + k);
        }
        assert_int_equal(membus_region_delete(r), 0);
    }
}

/* Ports 0xcf8 and 0xcf9 of a PC: a 4-byte write to the first is not for the second. */
static void test_piece_reaches_below_an_overlay(void **state)
{
    static const struct membus_region_ops ops = {RW, .valid = {1, 4, 0}};
    uint32_t v;

    (void)state;
    put(new_io("address ", 4, &ops), 0xcf8, 0);
    put(new_io("reset ", 1, &ops), 0xcf9, 1);
    assert_outcome(membus_space_store_le32(m.space, 0xcf8, 0x80000000, no_attrs), MEMBUS_STATUS_OK,
                   0, 4);
    assert_trace("address w4@0=80000000 ");
    membus_space_load_le32(m.space, &v, 0xcf8, no_attrs);
    assert_trace("address r4@0 ");
    membus_space_store_8(m.space, 0xcf9, 6, no_attrs);
    assert_trace("reset w1@0=6 ");
}

/* R2: what an alias does not show cannot be reached through it. */
static void test_piece_stops_at_the_window(void **state)
{
    static const struct membus_region_ops ops = {RW, .valid = {1, 8, 0}, .impl = {1, 8, 0}};
    struct membus_region *io = new_io("", 16, &ops), *alias;
    uint64_t v;

    (void)state;
    assert_int_equal(membus_region_new_alias(&alias, "alias", io, 0, 4), 0);
    put(alias, 0, 0);
    assert_outcome(membus_space_load_le64(m.space, &v, 0, no_attrs), MEMBUS_STATUS_DECODE, 4, 4);
    assert_trace("r4@0 ");
    assert_int_equal(v, 0x13121110);
    assert_int_equal(membus_region_delete(alias), 0);
    assert_int_equal(membus_region_delete(io), 0);
}

static bool accepts_even(void *data, uint64_t offset, unsigned size, bool write,
                         struct membus_attrs attrs)
{
    (void)data, (void)size, (void)write, (void)attrs;
    return offset % 8 == 0;
}

/* As QEMU's: a call wider than its piece keeps the piece's offset, and reaches past the end. */
static void test_wide_call_at_the_end(void **state)
{
    static const struct membus_region_ops little = {RW, .impl = {4, 4, 0}};
    static const struct membus_region_ops big = {RW, .impl = {4, 4, 0},
                                                 .endian = MEMBUS_ENDIAN_BIG};
    uint8_t v;

    (void)state;
    put(new_io("", 4, &little), 0, 0);
    put(new_io("", 4, &big), 0x10, 0);
    assert_outcome(membus_space_load_8(m.space, &v, 3, no_attrs), MEMBUS_STATUS_OK, 0, 1);
    assert_int_equal(v, 0x13);
    assert_outcome(membus_space_load_8(m.space, &v, 0x13, no_attrs), MEMBUS_STATUS_OK, 0, 1);
    assert_int_equal(v, 0x16);
    membus_space_store_8(m.space, 3, 0xab, no_attrs);
    membus_space_store_8(m.space, 0x13, 0xab, no_attrs);
    assert_trace("r4@3 r4@3 w4@3=ab w4@3=ab000000 ");
}

static void test_invalid_pieces(void **state)
{
    static const struct membus_region_ops words = {RW, .valid = {2, 4, 0}};
    static const struct membus_region_ops odd = {RW, .valid = {1, 4, 0}, .impl = {1, 4, 1}};
    static const struct membus_region_ops picky = {RW, .accepts = accepts_even};
    static const struct membus_region_ops no_read = {.write = traced_write};
    uint8_t buf[8];

    (void)state;
    put(new_io("words ", 16, &words), 0, 0);
    put(new_io("odd ", 16, &odd), 16, 0);
    put(new_io("picky ", 16, &picky), 32, 0);
    put(new_io("mute ", 16, &no_read), 48, 0);
    memset(buf, 0xff, 8);
    assert_outcome(membus_space_read(m.space, buf, 3, 1, no_attrs), MEMBUS_STATUS_DECODE, 1, 2);
    assert_trace("words r2@2 ");
    assert_memory_equal(buf, "\0\x12\x13\xff", 4);
    assert_outcome(membus_space_write(m.space, 17, buf, 2, no_attrs), MEMBUS_STATUS_DECODE, 17, 0);
    assert_trace(""); /* one piece of 2, unaligned */
    assert_outcome(membus_space_read(m.space, buf, 8, 32, no_attrs), MEMBUS_STATUS_DECODE, 36, 4);
    assert_trace("picky r4@0 ");
    memset(buf, 0xff, 8);
    assert_outcome(membus_space_read(m.space, buf, 8, 48, no_attrs), MEMBUS_STATUS_DECODE, 48, 0);
    assert_memory_equal(buf, "\0\0\0\0\0\0\0\0", 8);
    assert_outcome(membus_space_write(m.space, 48, buf, 4, no_attrs), MEMBUS_STATUS_OK, 0, 4);
    assert_trace("mute w4@0=0 ");
}

/* A5 */
static void test_unassigned(void **state)
{
    size_t size = 1 << 20;
    uint8_t *buf = malloc(size), v;

    (void)state;
    assert_non_null(buf);
    memset(buf, 0xee, size);
    assert_outcome(membus_space_read(m.space, buf, size, 0x1000, no_attrs), MEMBUS_STATUS_DECODE,
                   0x1000, 0);
    assert_int_equal(buf[0] | buf[size / 2] | buf[size - 1], 0);
    membus_space_set_unassigned(m.space, 0xff);
    membus_space_load_8(m.space, &v, 0, no_attrs);
    assert_int_equal(v, 0xff);
    put(new_io("reserved", 0x100, NULL), 0, 0);
    assert_outcome(membus_space_load_8(m.space, &v, 0, no_attrs), MEMBUS_STATUS_DECODE, 0, 0);
    assert_int_equal(v, 0xff);
    assert_outcome(membus_space_write(m.space, 0, buf, size, no_attrs), MEMBUS_STATUS_DECODE, 0, 0);
    free(buf);
}

/* A6 */
static void test_errors_are_collected(void **state)
{
    static const struct membus_region_ops ops = {RW};
    uint8_t buf[32];

    (void)state;
    put(new_ram("ram", 0xe8), 0, 1);
    put(new_io("", 0x100, &ops), 0, 0);
    assert_outcome(membus_space_read(m.space, buf, 32, 0xe4, no_attrs), MEMBUS_STATUS_DECODE, 0x100,
                   28);
    assert_trace("r4@e8 r4@ec r4@f0 r4@f4 r4@f8 r4@fc ");
    assert_outcome(membus_space_read(m.space, buf, 20, 0xee, no_attrs), MEMBUS_STATUS_DEVICE, 0xee,
                   16);
    assert_trace("r2@ee r4@f0 r4@f4 r4@f8 r4@fc ");
}

static enum membus_status odd_status(void *data, uint64_t offset, uint64_t value, unsigned size,
                                     struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)size, (void)attrs;
    return (enum membus_status)value;
}

static void test_statuses(void **state)
{
    static const struct membus_region_ops ops = {.write = odd_status};

    (void)state;
    put(new_io("", 16, &ops), 0, 0);
    for (unsigned i = 0; i < 10; i++) {
        enum membus_status expected = i == 0                      ? MEMBUS_STATUS_OK
                                      : i == MEMBUS_STATUS_DECODE ? MEMBUS_STATUS_DECODE
                                      : i == MEMBUS_STATUS_DENIED ? MEMBUS_STATUS_DENIED
                                                                  : MEMBUS_STATUS_DEVICE;

        assert_int_equal(membus_space_store_8(m.space, 0, (uint8_t)i, no_attrs).status, expected);
    }
}

/* A7 */
static struct membus_attrs seen;

static enum membus_status see(void *data, uint64_t *value, uint64_t offset, unsigned size,
                              struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)size;
    *value = 1;
    seen = attrs;
    return MEMBUS_STATUS_OK;
}

static void test_attributes(void **state)
{
    static const struct membus_region_ops ops = {.read = see};
    struct membus_attrs attrs = {.requester = 0x1234, .secure = 1};
    uint8_t buf[4] = {9, 9, 9, 9};

    (void)state;
    put(new_ram("ram", 2), 0, 1);
    put(new_io("", 16, &ops), 0, 0);
    membus_space_read(m.space, buf, 4, 0, attrs);
    assert_int_equal(seen.requester, 0x1234);
    assert_true(seen.secure && !seen.user);
    attrs.memory_only = 1;
    memset(buf, 9, 4);
    assert_outcome(membus_space_read(m.space, buf, 4, 0, attrs), MEMBUS_STATUS_DENIED, 2, 2);
    assert_memory_equal(buf, "\0\0\11\11", 4);
}

/* A8 */
static enum membus_status dma_on_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                       struct membus_attrs attrs)
{
    (void)size, (void)attrs;
    trace("%s@%" PRIx64 " ", (const char *)data, offset);
    if (value) {
        struct membus_outcome o = membus_space_store_8(m.space, value, (uint8_t)offset, no_attrs);

        trace("%s ", membus_status_name(o.status));
        return o.status;
    }
    return MEMBUS_STATUS_OK;
}

static void test_reentrancy(void **state)
{
    static const struct membus_region_ops ops = {.write = dma_on_write};
    struct membus_region *a = new_io("a", 16, &ops), *a2 = new_io("a2", 16, &ops),
                         *b = new_io("b", 16, &ops);

    (void)state;
    put(a, 0x10, 0);
    put(a2, 0x20, 0);
    put(b, 0x30, 0);
    membus_space_store_8(m.space, 0x10, 0x12, no_attrs); /* into itself */
    assert_trace("a@0 access denied ");
    membus_space_store_8(m.space, 0x10, 0x20, no_attrs); /* into another region */
    assert_trace("a@0 a2@0 ok ");
    membus_region_set_device(a, &m);
    membus_region_set_device(a2, &m);
    membus_space_store_8(m.space, 0x10, 0x20, no_attrs); /* which is of the same device now */
    assert_trace("a@0 access denied ");
    membus_space_store_8(m.space, 0x10, 0x30, no_attrs);
    assert_trace("a@0 b@0 ok ");
    membus_region_set_reentrant(a2, true);
    membus_space_store_8(m.space, 0x10, 0x20, no_attrs);
    assert_trace("a@0 a2@0 ok ");
    /* without a guard, the depth is the limit */
    membus_region_set_reentrant(a, true);
    membus_space_store_8(m.space, 0x10 + 0, 0x11, no_attrs);
    assert_trace("a@0 a@1 ok ");
}

static enum membus_status dma_forever(void *data, uint64_t offset, uint64_t value, unsigned size,
                                      struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)size, (void)attrs;
    trace(".");
    return membus_space_store_8(m.space, 0x10, (uint8_t)value, no_attrs).status;
}

static void test_callback_depth(void **state)
{
    static const struct membus_region_ops ops = {.write = dma_forever};
    struct membus_region *a = new_io("a", 16, &ops);

    (void)state;
    put(a, 0x10, 0);
    membus_region_set_reentrant(a, true);
    assert_outcome(membus_space_store_8(m.space, 0x10, 0, no_attrs), MEMBUS_STATUS_DENIED, 0x10, 0);
    assert_int_equal(m.traced, MEMBUS_CALLBACKS_MAX);
}

/* `accepts` is a callback as any other. */
static bool accepts_after_dma(void *data, uint64_t offset, unsigned size, bool write,
                              struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)size, (void)write;
    trace("?");
    trace("%s ", membus_status_name(membus_space_store_8(m.space, 0x10, 1, attrs).status));
    return true;
}

static void test_accepts_is_guarded(void **state)
{
    static const struct membus_region_ops ops = {RW, .accepts = accepts_after_dma};
    struct membus_region *a = new_io("", 16, &ops);
    unsigned asked = 0;

    (void)state;
    put(a, 0x10, 0);
    assert_outcome(membus_space_store_8(m.space, 0x11, 2, no_attrs), MEMBUS_STATUS_OK, 0, 1);
    assert_trace("?access denied w1@1=2 ");
    membus_region_set_reentrant(a, true);
    membus_space_store_8(m.space, 0x11, 2, no_attrs);
    for (const char *c = m.trace; *c; c++)
        asked += *c == '?';
    assert_int_equal(asked, MEMBUS_CALLBACKS_MAX);
}

/* An IOMMU whose table is at an address that it translates itself: the walk is denied, once. */
static unsigned walks, walks_denied;

static void walk(void *data, struct membus_iommu_entry *entry, uint64_t offset, unsigned access,
                 struct membus_attrs attrs)
{
    struct membus_outcome o;
    uint64_t pte[512];

    (void)offset, (void)access;
    memset(pte, 0xff, sizeof(pte));
    walks++;
    o = membus_space_read(m.space, pte, sizeof(pte), 0x1000, attrs);
    walks_denied += o.status == MEMBUS_STATUS_DENIED && o.bytes == 0 && pte[511] == 0;
    entry->target = data;
    entry->permission = MEMBUS_IOMMU_READ;
    entry->mask = 0xfff;
}

static void test_translate_is_guarded(void **state)
{
    static const struct membus_iommu_ops ops = {.translate = walk};
    struct membus_region *iommu;
    struct membus_space *target;
    uint64_t v = 1;

    (void)state;
    walks = walks_denied = 0;
    assert_int_equal(membus_space_new(&target, "target", NULL), 0);
    assert_int_equal(membus_region_new_iommu(&iommu, "iommu", 0x10000, &ops, target), 0);
    put(iommu, 0, 0);
    assert_outcome(membus_space_load_64(m.space, &v, 0x10, no_attrs), MEMBUS_STATUS_DECODE, 0x10,
                   0);
    assert_int_equal(walks, 1);
    assert_int_equal(walks_denied, 1);
    membus_region_set_reentrant(iommu, true);
    walks = 0;
    membus_space_load_64(m.space, &v, 0x10, no_attrs);
    assert_int_equal(walks, MEMBUS_CALLBACKS_MAX);
    assert_int_equal(membus_space_delete(target), 0);
}

/* A9 */
static void trace_lock(void *data)
{
    trace("%s", (const char *)data);
}

static void trace_unlock(void *data)
{
    (void)data;
    trace(") ");
}

static void test_lock(void **state)
{
    static const struct membus_region_ops ops = {RW, .valid = {1, 8, 0}, .impl = {1, 4, 0}};
    struct membus_region *io = new_io("", 16, &ops);
    uint8_t buf[16];

    (void)state;
    membus_region_set_lock(io, trace_lock, trace_unlock, (void *)(uintptr_t) "(");
    put(io, 0, 0);
    membus_space_read(m.space, buf, 12, 0, no_attrs);
    assert_trace("(r4@0 r4@4 ) (r4@8 ) "); /* once for each piece */
}

static bool accepts_traced(void *data, uint64_t offset, unsigned size, bool write,
                           struct membus_attrs attrs)
{
    (void)data, (void)offset, (void)size, (void)write, (void)attrs;
    trace("? ");
    return true;
}

static void translate_nowhere(void *data, struct membus_iommu_entry *entry, uint64_t offset,
                              unsigned access, struct membus_attrs attrs)
{
    (void)data, (void)entry, (void)offset, (void)access, (void)attrs;
    trace("translate ");
}

static void test_lock_of_other_callbacks(void **state)
{
    static const struct membus_region_ops ops = {RW, .accepts = accepts_traced};
    static const struct membus_iommu_ops iommu_ops = {.translate = translate_nowhere};
    struct membus_region *io = new_io("", 16, &ops), *iommu;
    uint8_t v;

    (void)state;
    assert_int_equal(membus_region_new_iommu(&iommu, "iommu", 16, &iommu_ops, NULL), 0);
    membus_region_set_lock(io, trace_lock, trace_unlock, (void *)(uintptr_t) "(");
    membus_region_set_lock(iommu, trace_lock, trace_unlock, (void *)(uintptr_t) "[");
    put(io, 0, 0);
    put(iommu, 0x10, 0);
    membus_space_load_8(m.space, &v, 0, no_attrs);
    assert_trace("(? ) (r1@0 ) ");
    membus_space_load_8(m.space, &v, 0x10, no_attrs);
    assert_trace("[translate ) ");
}

static void test_rom_device(void **state)
{
    static const struct membus_region_ops ops = {RW};
    struct membus_region *r;
    uint32_t v;

    (void)state;
    assert_int_equal(membus_region_new_rom_device(&r, "flash", 4096, &ops, (void *)(uintptr_t) ""),
                     0);
    memory_of(r)[0] = 0x5a;
    put(r, 0, 0);
    membus_space_load_le32(m.space, &v, 0, no_attrs);
    assert_int_equal(v, 0x5a);
    membus_space_store_le32(m.space, 0, 1, no_attrs);
    assert_trace("w4@0=1 ");
    membus_region_set_direct(r, false);
    membus_space_load_le32(m.space, &v, 0, no_attrs);
    assert_int_equal(v, 0x13121110);
    assert_trace("r4@0 ");
}

static void test_readonly_window(void **state)
{
    static const struct membus_region_ops ops = {RW};
    struct membus_region *ram = new_ram("ram", 4096), *alias;
    uint8_t v = 1;

    (void)state;
    assert_int_equal(membus_region_new_alias(&alias, "pam", ram, 0, 4096), 0);
    assert_int_equal(membus_region_set_readonly(alias, true), 0);
    put(alias, 0, 0);
    put(ram, 0x1000, 0);
    put(new_io("", 16, &ops), 0x4000, 0);
    assert_outcome(membus_space_store_8(m.space, 0, 7, no_attrs), MEMBUS_STATUS_DECODE, 0, 0);
    assert_outcome(membus_space_store_8(m.space, 0x1000, 7, no_attrs), MEMBUS_STATUS_OK, 0, 1);
    membus_space_load_8(m.space, &v, 0, no_attrs);
    assert_int_equal(v, 7);
    membus_region_set_readonly(m.root, true);
    assert_outcome(membus_space_store_8(m.space, 0x4000, 7, no_attrs), MEMBUS_STATUS_DECODE, 0x4000,
                   0);
    assert_trace("");
    membus_region_set_readonly(alias, false);
    membus_region_delete(alias); /* before its target */
}

/* Device memory: the policy of the region, on memory that plays the BAR. */
static void test_device_memory(void **state)
{
    static uint64_t bar[16];
    struct membus_mapping mapping = membus_mapping_device(bar, sizeof(bar), MEMBUS_CACHE_NONCACHED);
    struct membus_region *r;
    uint32_t v;

    (void)state;
    mapping.policy = (struct membus_policy){.width_min = 4, .width_max = 4, .aligned = true};
    assert_int_equal(membus_region_new_device(&r, "bar", &mapping), 0);
    put(r, 0x1000, 0);
    assert_outcome(membus_space_store_le32(m.space, 0x1004, 0x11223344, no_attrs), MEMBUS_STATUS_OK,
                   0, 4);
    assert_outcome(membus_space_load_le32(m.space, &v, 0x1004, no_attrs), MEMBUS_STATUS_OK, 0, 4);
    assert_int_equal(v, 0x11223344);
    assert_outcome(membus_space_store_le16(m.space, 0x1008, 1, no_attrs), MEMBUS_STATUS_DENIED,
                   0x1008, 0); /* the device has no such access */
    assert_int_equal(bar[1], 0);
    assert_outcome(membus_space_fill(m.space, 0x1010, 0xaa, 8, no_attrs), MEMBUS_STATUS_OK, 0, 8);
    assert_int_equal(bar[2], 0xaaaaaaaaaaaaaaaa);
}

/* A fill of device memory is what a write of the same bytes is: refused whole, or made whole. */
static void test_device_fill(void **state)
{
    static uint8_t bar[1024] __attribute__((aligned(64)));
    struct membus_mapping mapping = membus_mapping_device(bar, sizeof(bar), MEMBUS_CACHE_NONCACHED);
    struct membus_region *r;
    uint8_t buf[258];

    (void)state;
    memset(bar, 0, sizeof(bar));
    memset(buf, 0xcd, sizeof(buf));
    mapping.policy = (struct membus_policy){.width_min = 4};
    assert_int_equal(membus_region_new_device(&r, "bar", &mapping), 0);
    put(r, 0, 0);
    assert_outcome(membus_space_write(m.space, 0, buf, 258, no_attrs), MEMBUS_STATUS_DENIED, 0, 0);
    assert_outcome(membus_space_fill(m.space, 0, 0xab, 258, no_attrs), MEMBUS_STATUS_DENIED, 0, 0);
    for (size_t i = 0; i < sizeof(bar); i++)
        assert_int_equal(bar[i], 0);
    for (uint64_t at = 0; at < 4; at++) {
        struct membus_outcome w = membus_space_write(m.space, at, buf, 256, no_attrs);
        struct membus_outcome f = membus_space_fill(m.space, at, 0xab, 256, no_attrs);

        assert_int_equal(f.status, w.status);
        assert_int_equal(f.bytes, w.bytes);
        assert_int_equal(bar[at + 255], w.status == MEMBUS_STATUS_OK ? 0xab : 0);
        memset(bar, 0, sizeof(bar));
    }
    assert_outcome(membus_space_fill(m.space, 4, 0xab, 1020, no_attrs), MEMBUS_STATUS_OK, 0, 1020);
    for (size_t i = 0; i < sizeof(bar); i++)
        assert_int_equal(bar[i], i < 4 ? 0 : 0xab);
}

/* Doorbells. */
static uint64_t rings(int fd)
{
    uint64_t n = 0;

    return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void test_doorbells(void **state)
{
    static const struct membus_region_ops ops = {RW};
    struct membus_region *io = new_io("", 0x100, &ops);
    int any = eventfd(0, EFD_NONBLOCK), seven = eventfd(0, EFD_NONBLOCK);
    struct membus_doorbell a = {.offset = 0x10, .fd = any};
    struct membus_doorbell b = {.offset = 0x20, .size = 2, .match = true, .value = 7, .fd = seven};

    (void)state;
    put(io, 0x1000, 0);
    assert_int_equal(membus_region_doorbell_add(io, &a), 0);
    assert_int_equal(membus_region_doorbell_add(io, &b), 0);
    membus_space_store_8(m.space, 0x1010, 1, no_attrs);
    membus_space_store_le32(m.space, 0x1010, 1, no_attrs);
    assert_outcome(membus_space_store_le16(m.space, 0x1020, 7, no_attrs), MEMBUS_STATUS_OK, 0, 2);
    assert_trace("");
    assert_int_equal(rings(any), 2);
    assert_int_equal(rings(seven), 1);
    membus_space_store_le16(m.space, 0x1020, 8, no_attrs);
    membus_space_store_8(m.space, 0x1020, 7, no_attrs);
    assert_trace("w2@20=8 w1@20=7 ");
    assert_int_equal(membus_region_doorbell_remove(io, &a), 0);
    membus_space_store_8(m.space, 0x1010, 1, no_attrs);
    assert_trace("w1@10=1 ");
    assert_int_equal(rings(any) + rings(seven), 0);
    membus_synchronize();
    close(any);
    close(seven);
}

static void test_coalesced_writes(void **state)
{
    static const struct membus_region_ops ops = {RW};
    struct membus_region *io = new_io("", 0x100, &ops);
    uint8_t v;

    (void)state;
    put(io, 0, 0);
    assert_int_equal(membus_region_coalesce_add(io, 0x10, 0x10), 0);
    membus_space_store_8(m.space, 0x10, 1, no_attrs);
    membus_space_store_8(m.space, 0x11, 2, no_attrs);
    assert_trace("");
    membus_space_store_8(m.space, 0x40, 3, no_attrs); /* everything before it, in order */
    assert_trace("w1@10=1 w1@11=2 w1@40=3 ");
    membus_space_store_8(m.space, 0x12, 4, no_attrs);
    membus_space_load_8(m.space, &v, 0x10, no_attrs);
    assert_trace("w1@12=4 r1@10 ");
    membus_space_store_8(m.space, 0x12, 5, no_attrs);
    assert_int_equal(membus_region_coalesce_flush(io), 0);
    assert_trace("w1@12=5 ");
    for (int i = 0; i <= MEMBUS_COALESCED_MAX; i++)
        membus_space_store_8(m.space, 0x10, (uint8_t)i, no_attrs);
    assert_int_equal(strncmp(m.trace, "w1@10=0 w1@10=1 ", 16), 0);
    assert_null(strstr(m.trace, "w1@10=40 ")); /* the last is held back */
    m.traced = 0;
    assert_int_equal(membus_region_coalesce_remove(io, 0x10, 0x10), 0);
    assert_trace("w1@10=40 ");
    /* within a transaction no callback runs */
    assert_int_equal(membus_region_coalesce_add(io, 0x10, 0x10), 0);
    membus_space_store_8(m.space, 0x10, 6, no_attrs);
    membus_transaction_begin();
    assert_int_equal(membus_region_coalesce_remove(io, 0x10, 0x10), 0);
    assert_int_equal(membus_region_coalesce_flush(io), 0);
    assert_trace("");
    assert_int_equal(membus_transaction_commit(), 0);
    assert_trace("w1@10=6 ");
}

/* A callback that moves its own region: the access at hand ends in the view it began in. */
static struct membus_region *mover;

static enum membus_status move_on_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                        struct membus_attrs attrs)
{
    (void)size, (void)attrs;
    if (offset == 0)
        assert_int_equal(membus_region_set_offset(mover, value), 0);
    trace("%sw@%" PRIx64 " ", (const char *)data, offset);
    return MEMBUS_STATUS_OK;
}

static void test_change_from_a_callback(void **state)
{
    static const struct membus_region_ops ops = {.write = move_on_write};
    uint64_t where = 0x2000;

    (void)state;
    mover = new_io("", 16, &ops);
    put(mover, 0x1000, 0);
    assert_outcome(membus_space_write(m.space, 0x1000, &where, 8, no_attrs), MEMBUS_STATUS_OK, 0,
                   8);
    assert_trace("w@0 w@4 ");
    assert_outcome(membus_space_store_8(m.space, 0x1008, 1, no_attrs), MEMBUS_STATUS_DECODE, 0x1008,
                   0);
    assert_outcome(membus_space_store_8(m.space, 0x2008, 1, no_attrs), MEMBUS_STATUS_OK, 0, 1);
}

/* Copies between spaces. */
static void test_copy(void **state)
{
    static const struct membus_region_ops ops = {RW, .valid = {1, 8, 0}, .impl = {1, 8, 0}};
    static uint8_t bar[256] __attribute__((aligned(64)));
    struct membus_mapping mapping = membus_mapping_device(bar, 256, MEMBUS_CACHE_DEVICE);
    struct membus_region *ram = new_ram("ram", 4096), *r;
    struct membus_space *other;

    (void)state;
    assert_int_equal(membus_region_new_device(&r, "bar", &mapping), 0);
    put(r, 0x1000, 0);
    put(new_io("", 0x10, &ops), 0x2000, 0);
    assert_int_equal(membus_space_new(&other, "other", ram), 0);
    for (int i = 0; i < 256; i++)
        memory_of(ram)[i] = (uint8_t)i;
    assert_outcome(membus_space_copy(m.space, 0x1000, other, 0, 256, no_attrs), MEMBUS_STATUS_OK, 0,
                   256);
    assert_memory_equal(bar, memory_of(ram), 256);
    /* device to device, overlapping */
    assert_outcome(membus_space_copy(m.space, 0x1001, m.space, 0x1000, 100, no_attrs),
                   MEMBUS_STATUS_OK, 0, 100);
    assert_int_equal(bar[100], 99);
    /* callbacks to RAM */
    assert_outcome(membus_space_copy(other, 8, m.space, 0x2000, 16, no_attrs), MEMBUS_STATUS_OK, 0,
                   16);
    assert_trace("r8@0 r8@8 ");
    assert_int_equal(memory_of(ram)[9], 0x11);
    assert_outcome(membus_space_copy(other, 0, m.space, 0x200c, 8, no_attrs), MEMBUS_STATUS_DECODE,
                   0x2010, 4);
    assert_outcome(membus_space_copy(other, 0, m.space, UINT64_MAX, 8, no_attrs),
                   MEMBUS_STATUS_RANGE, UINT64_MAX, 0);
    assert_int_equal(membus_space_delete(other), 0);
    assert_int_equal(membus_region_delete(ram), 0);
}

#define GUARDED 0x10000u

/* A byte tells its place from those some KiB away. */
static uint8_t guarded_byte(size_t i)
{
    return (uint8_t)(i * 37 ^ (i >> 8) * 11);
}

static struct membus_region *new_guarded(bool device)
{
    struct membus_region *r;
    struct membus_mapping mapping;

    assert_int_equal(membus_region_new_ram_memfd(&r, "memfd", GUARDED), 0);
    put(r, 0, 0);
    if (device) {
        mapping = membus_mapping_device(memory_of(r), GUARDED, MEMBUS_CACHE_NONCACHED);
        assert_int_equal(membus_region_new_device(&r, "bar", &mapping), 0);
        put(r, GUARDED, 0);
    }
    assert_int_equal(membus_region_set_guarded(r, true), 0);
    for (size_t i = 0; i < GUARDED; i++)
        memory_of(r)[i] = guarded_byte(i);
    return r;
}

/* Overlaps of any size are exact, also those that need more window than a guard has. */
static void test_copy_guarded(void **state)
{
    static const struct {
        uint64_t from, to, n;
    } all[] = {
        {0, 8, 5000},        {3, 5011, 20001},    {0x40, 0x2040, 0xc000}, {1, 0x1001, 0x1001},
        {5, 0x1006, 0x2002}, {0, 0x1008, 0x9000}, {8, 0x4000, 0xb007},    {7, 0x5003, 0x4000},
        {0, 0x8000, 0x8000}, {0x2000, 0, 0xe000}, {0, 4, 0xfff8},
    };
    static uint8_t expected[GUARDED];

    for (unsigned i = 0; i < 2 * sizeof(all) / sizeof(all[0]); i++) {
        uint64_t base = i % 2 ? GUARDED : 0, from = all[i / 2].from, to = all[i / 2].to;
        struct membus_region *r = new_guarded(i % 2);

        memcpy(expected, memory_of(r), GUARDED);
        memmove(expected + to, expected + from, all[i / 2].n);
        assert_outcome(
            membus_space_copy(m.space, base + to, m.space, base + from, all[i / 2].n, no_attrs),
            MEMBUS_STATUS_OK, 0, all[i / 2].n);
        assert_memory_equal(memory_of(r), expected, GUARDED);
        tear_down(state);
        set_up(state);
    }
}

/* Pages that are gone end what touches them, and the result is what the memory holds. */
static void test_copy_of_what_is_gone(void **state)
{
    const uint64_t to = 0x2803, n = 0xc000, hole = 0x5000;
    struct membus_region *r = new_guarded(false);
    uint8_t *memory = memory_of(r);
    struct membus_outcome o;
    uint64_t arrived = 0, first = 0;

    (void)state;
    assert_int_equal(mprotect(memory + hole, 0x1000, PROT_NONE), 0);
    o = membus_space_copy(m.space, to, m.space, 0, n, no_attrs);
    assert_int_equal(mprotect(memory + hole, 0x1000, PROT_READ | PROT_WRITE), 0);
    for (uint64_t i = to; i < to + n; i++) {
        bool is_new = memory[i] == guarded_byte(i - to);

        assert_true(is_new || memory[i] == guarded_byte(i));
        arrived += is_new;
        first = first || is_new ? first : i;
    }
    assert_int_equal(o.status, MEMBUS_STATUS_DEVICE);
    assert_int_equal(o.addr, hole);
    assert_int_equal(first, hole);
    assert_int_equal(o.bytes, arrived);
    assert_in_range(arrived, hole - to, n - 0x1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_copy_guarded),
        CASE(test_copy_of_what_is_gone),
        CASE(test_any_address_any_length),
        CASE(test_byte_orders),
        CASE(test_pieces),
        CASE(test_piece_reaches_below_an_overlay),
        CASE(test_piece_stops_at_the_window),
        CASE(test_wide_call_at_the_end),
        CASE(test_invalid_pieces),
        CASE(test_unassigned),
        CASE(test_errors_are_collected),
        CASE(test_statuses),
        CASE(test_attributes),
        CASE(test_reentrancy),
        CASE(test_callback_depth),
        CASE(test_accepts_is_guarded),
        CASE(test_translate_is_guarded),
        CASE(test_lock),
        CASE(test_lock_of_other_callbacks),
        CASE(test_rom_device),
        CASE(test_readonly_window),
        CASE(test_device_memory),
        CASE(test_device_fill),
        CASE(test_doorbells),
        CASE(test_coalesced_writes),
        CASE(test_change_from_a_callback),
        CASE(test_copy),
    };

    return RUN_TESTS(tests);
}
