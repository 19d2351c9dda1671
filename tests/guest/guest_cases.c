/* SPDX-License-Identifier: MIT */
/* The cases. Sizes and layouts are those of the devices that check-guest.sh gives to QEMU. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* BUS_MCEERR_AR */
#endif
#include "guest_test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <membus/copy.h>
#include <membus/guard.h>

#define MIB (1u << 20)

/* The libc's, not what a compiler makes of it. */
static void *(*volatile libc_memcpy)(void *, const void *, size_t) = memcpy;

static const struct membus_vfio_info *region(int dev, unsigned bar)
{
    return membus_vfio_region_info(bed.dev[dev], bar);
}

static void check_region(int dev, unsigned bar, uint64_t size, unsigned areas)
{
    const struct membus_vfio_info *info = region(dev, bar);

    CHECK(info->error == 0, "%d", info->error);
    CHECK(info->size == size, "BAR%u has %llu", bar, (unsigned long long)info->size);
    CHECK(info->area_count == areas, "BAR%u has %u areas", bar, info->area_count);
    for (unsigned i = 0; i < areas; i++)
        CHECK(info->area[i].addr != NULL, "BAR%u area %u is not mapped", bar, i);
}

static void regions(void)
{
    const struct membus_vfio_info *info;

    /* Below a page: mapped only where the kernel gives such a BAR a page of its own. */
    check_region(COMBINED, 0, 256, region(COMBINED, 0)->flags & MEMBUS_VFIO_MAPPABLE ? 1 : 0);
    check_region(COMBINED, 2, MIB, 1);
    check_region(NONCACHED, 2, MIB, 1);
    check_region(CACHED, 2, MIB, 1);
    check_region(EDU, 0, MIB, 1);
    check_region(NVME, 2, MIB, 1);
    check_region(TESTDEV, 0, 4096, 1);
    check_region(TESTDEV, 2, MIB, 1);
    /* An I/O port BAR has no memory to map. */
    info = region(TESTDEV, 1);
    CHECK(info->size > 0 && info->area_count == 0 && !(info->flags & MEMBUS_VFIO_MAPPABLE));
    info = region(EDU, MEMBUS_VFIO_CONFIG);
    CHECK(info->size >= 256 && info->area_count == 0);
    CHECK(membus_vfio_region_info(bed.dev[EDU], 1)->size == 0);
}

/* QEMU's controller has its table and PBA in BAR 0, after the registers and doorbells. */
static void msix_table(void)
{
    const struct membus_vfio_info *info = region(NVME, 0);
    uint64_t value, table = 0;

    CHECK(info->msix_mappable && info->area_count >= 1);
    for (uint64_t at = 0x40; at < 0x100; at += 4) {
        CHECK(membus_vfio_read(bed.dev[NVME], MEMBUS_VFIO_CONFIG, at, 4, &value) == 0);
        if ((value & 0xff) != 0x11)
            continue;
        CHECK(membus_vfio_read(bed.dev[NVME], MEMBUS_VFIO_CONFIG, at + 4, 4, &table) == 0);
        break;
    }
    CHECK(table >= 0x1000, "table %#llx", (unsigned long long)table);
    CHECK(membus_vfio_mapping(bed.dev[NVME], 0, 0, 8).addr != NULL);
    CHECK(membus_vfio_mapping(bed.dev[NVME], 0, table & ~7u, 4).addr == NULL);
    /* The kernel answers for it. */
    CHECK(membus_vfio_read(bed.dev[NVME], 0, table & ~7u, 4, &value) == 0);
}

static enum membus_cache_mode expected_mode(int dev, unsigned bar)
{
    if (!bed.variant)
        return MEMBUS_CACHE_UNKNOWN;
    if ((dev == COMBINED || dev == NVME) && bar == 2)
        return MEMBUS_CACHE_WRITECOMBINE;
#if defined(__aarch64__)
    if (dev == CACHED && bar == 2)
        return MEMBUS_CACHE_NORMAL;
#endif
    return MEMBUS_CACHE_NONCACHED;
}

static void modes(void)
{
    for (int dev = 0; dev < DEVICES; dev++) {
        for (unsigned bar = 0; bar < 6; bar++) {
            const struct membus_vfio_info *info = region(dev, bar);

            if (!(info->flags & MEMBUS_VFIO_MAPPABLE))
                continue;
            CHECK(info->mode_reported == bed.variant, "%s BAR%u", bed.address[dev], bar);
            CHECK(info->mode == expected_mode(dev, bar), "%s BAR%u is %s", bed.address[dev], bar,
                  membus_cache_mode_name(info->mode));
            printf("# %s BAR%u %s\n", bed.address[dev], bar, membus_cache_mode_name(info->mode));
        }
    }
}

/* Every mapped area: what is reported is what the page tables have. */
static void page_tables(void)
{
    unsigned seen = 0;

    for (int dev = 0; dev < DEVICES; dev++) {
        for (unsigned bar = 0; bar < 6; bar++) {
            const struct membus_vfio_info *info = region(dev, bar);

            for (unsigned i = 0; i < info->area_count; i++) {
                enum membus_cache_mode mode;
                uint64_t value;

                CHECK(membus_vfio_read(bed.dev[dev], bar, info->area[i].offset, 4, &value) == 0);
                mode = attribute_of(info->area[i].addr);
                CHECK(mode == (bed.variant ? info->mode : MEMBUS_CACHE_NONCACHED),
                      "%s BAR%u is said to be %s, and is %s", bed.address[dev], bar,
                      membus_cache_mode_name(info->mode), membus_cache_mode_name(mode));
                seen++;
            }
        }
    }
    CHECK(seen >= 9, "%u", seen);
}

/* The kernel's own list of memory types, on x86: write-combining just where it was asked for. */
static void memory_types(void)
{
#if defined(__x86_64__)
    FILE *list = fopen("/sys/kernel/debug/x86/pat_memtype_list", "r");
    unsigned combining = 0;
    char line[256];

    if (!list)
        skip_case("no pat_memtype_list in debugfs");
    while (fgets(line, sizeof line, list))
        if (strstr(line, "write-combining"))
            combining++;
    fclose(list);
    CHECK((combining >= 2) == bed.variant, "%u", combining);
#else
    skip_case("there is no list of memory types on this architecture");
#endif
}

/* A second answer for the variant's driver: the argsz negotiation, at every size. */
static void argsz(void)
{
    extern int ioctl(int, unsigned long, ...);
    struct membus_vfio_info info;
    uint32_t needed;

    for (uint32_t size = 0; size <= 128; size += 4) {
        _Alignas(8) unsigned char buf[256];
        const uint32_t head[3] = {size, 0, 0};
        int err;

        memset(buf, 0xa5, sizeof buf);
        memcpy(buf, head, sizeof head);
        err = ioctl(membus_vfio_fd(bed.dev[NVME]), 0x3b6c, buf);
        CHECK((err == 0) == (size >= 32), "argsz %u", size);
        for (unsigned i = size < 32 ? 32 : size; i < sizeof buf; i++)
            CHECK(buf[i] == 0xa5, "argsz %u: byte %u was written", size, i);
        if (err)
            continue;
        memcpy(&needed, buf, 4);
        err = membus_vfio_info_parse(&info, buf, size, MEMBUS_VFIO_CAP_ID);
        CHECK(err == (needed > size ? -ENOBUFS : 0), "argsz %u: %d", size, err);
        if (!err)
            CHECK(info.msix_mappable && info.mode_reported == bed.variant);
        CHECK(needed == (size < (bed.variant ? 56u : 40u) ? (bed.variant ? 56u : 40u) : size),
              "argsz %u: needs %u", size, needed);
    }
}

/* What is stored through the mapping is read by pread(), and the other way round, at all widths. */
static void check_paths(int dev, unsigned bar, uint64_t size)
{
    uint64_t value, step = size / 16;

    for (unsigned i = 0; i < 16; i++) {
        for (unsigned width = 1; width <= 8; width *= 2) {
            uint64_t offset = i * step + 8 * width, mask = UINT64_MAX >> (64 - 8 * width);
            uint64_t want = (0x1122334455667788 + i * 0x0101010101010101) & mask;

            CHECK(membus_vfio_write(bed.dev[dev], bar, offset, width, want) == 0);
            CHECK(membus_vfio_pread(bed.dev[dev], bar, offset, width, &value) == 0);
            CHECK(value == want, "%llx", (unsigned long long)value);
            CHECK(membus_vfio_pwrite(bed.dev[dev], bar, offset, width, ~want & mask) == 0);
            CHECK(membus_vfio_read(bed.dev[dev], bar, offset, width, &value) == 0);
            CHECK(value == (~want & mask), "%llx", (unsigned long long)value);
        }
    }
}

static void paths_agree(void)
{
    uint64_t mapped, read;

    check_paths(COMBINED, 2, MIB);
    check_paths(NONCACHED, 2, MIB);
    check_paths(CACHED, 2, MIB);
    nvme_cmb_enable(bus_address(NVME, 2));
    check_paths(NVME, 2, MIB);

    /* edu's liveness register answers with the complement, whichever way it is reached. */
    CHECK(membus_vfio_write(bed.dev[EDU], 0, 4, 4, 0x12345678) == 0);
    CHECK(membus_vfio_read(bed.dev[EDU], 0, 4, 4, &mapped) == 0);
    CHECK(membus_vfio_pread(bed.dev[EDU], 0, 4, 4, &read) == 0);
    CHECK(mapped == 0xedcba987 && read == mapped);
    for (uint64_t at = 0; at < 0x14; at += 4) {
        CHECK(membus_vfio_read(bed.dev[NVME], 0, at, 4, &mapped) == 0);
        CHECK(membus_vfio_pread(bed.dev[NVME], 0, at, 4, &read) == 0);
        CHECK(mapped == read);
    }
}

static void bad_arguments(void)
{
    uint64_t value = 0;

    CHECK(membus_vfio_read(bed.dev[NONCACHED], 2, 1, 2, &value) == -EINVAL && ~value == 0);
    CHECK(membus_vfio_read(bed.dev[NONCACHED], 2, 0, 3, &value) == -EINVAL);
    CHECK(membus_vfio_read(bed.dev[NONCACHED], 2, MIB, 1, &value) == -ERANGE);
    CHECK(membus_vfio_read(bed.dev[NONCACHED], 2, UINT64_MAX - 7, 8, &value) == -ERANGE);
    CHECK(membus_vfio_write(bed.dev[NONCACHED], 99, 0, 4, 0) == -EINVAL);
    CHECK(membus_vfio_dma_map(bed.container, 1, NULL, 4096, MEMBUS_VFIO_DMA_READ) == -EINVAL);
    CHECK(membus_vfio_dma_map(bed.container, 0, NULL, 4095, MEMBUS_VFIO_DMA_READ) == -EINVAL);
    CHECK(membus_vfio_dma_map(bed.container, UINT64_MAX - 4095, NULL, 8192, MEMBUS_VFIO_DMA_READ) ==
          -EINVAL);
}

/*
 * membus copies between RAM and every BAR that is memory, at odd offsets and sizes; pread() says
 * whether they arrived.
 */
static void copies(void)
{
    static const int devs[] = {COMBINED, NONCACHED, CACHED};
    unsigned char in[300], out[300];

    for (unsigned i = 0; i < sizeof in; i++)
        in[i] = (unsigned char)(i * 7 + 1);
    for (unsigned d = 0; d < 3; d++) {
        for (unsigned at = 0x1000; at < 0x1000 + 17; at++) {
            for (unsigned n = 1; n <= sizeof in; n = n * 2 + 1) {
                struct membus_mapping m = membus_vfio_mapping(bed.dev[devs[d]], 2, at, n);
                struct membus_result r = membus_mapping_write(&m, 0, in, n);
                uint64_t value;

                CHECK(m.addr && r.error == 0 && r.bytes == n, "%d", r.error);
                CHECK(membus_vfio_pread(bed.dev[devs[d]], 2, at + n - 1, 1, &value) == 0);
                CHECK(value == in[n - 1]);
                r = membus_mapping_read(&m, 0, out, n);
                CHECK(r.error == 0 && memcmp(in, out, n) == 0);
            }
        }
    }
}

static void copy_with_libc(void *bar)
{
    char line[64];

    libc_memcpy(line, (char *)bar + 1, 31);
}

static void load_unaligned(void *bar)
{
#if defined(__aarch64__)
    uint64_t value;

    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"((char *)bar + 1) : "memory");
#else
    (void)membus_ram_load_64((char *)bar + 1);
#endif
}

static void copy_with_membus(void *bar)
{
    struct membus_mapping m = membus_mapping_device(bar, 4096, MEMBUS_CACHE_NONCACHED);
    char line[64];

    CHECK(membus_mapping_read(&m, 1, line, 31).error == 0);
    CHECK(membus_mapping_write(&m, 3, line, 31).error == 0);
}

/* What memcpy() dies of on arm64, membus does not. x86 has no alignment faults there. */
static void noncached_alignment(void)
{
    void *bar = membus_vfio_mapping(bed.dev[NONCACHED], 2, 0, 4096).addr;
#if defined(__aarch64__)
    const int expected = SIGBUS;
#else
    const int expected = 0;
#endif

    CHECK(signal_of(copy_with_libc, bar) == expected);
    CHECK(signal_of(load_unaligned, bar) == expected);
    CHECK(signal_of(copy_with_membus, bar) == 0);
}

/* Through a write-combining or cacheable mapping unaligned accesses work, and membus makes them. */
static void combining_alignment(void)
{
    static const int devs[] = {COMBINED, CACHED};

    for (unsigned d = 0; d < 2; d++) {
        struct membus_mapping m = membus_vfio_mapping(bed.dev[devs[d]], 2, 0, 4096);
        struct membus_permit permit;

        if (m.mode == MEMBUS_CACHE_NONCACHED)
            continue; /* cacheable is not to be had on x86 */
        CHECK(signal_of(copy_with_libc, m.addr) == 0);
        CHECK(signal_of(load_unaligned, m.addr) == 0);
        permit = membus_mapping_permit(&m, 1, 8, MEMBUS_ACCESS_STORE);
        CHECK(permit.way >= MEMBUS_WAY_INSTRUCTION && permit.width == 8, "%d", permit.way);
    }
    CHECK(membus_vfio_mapping(bed.dev[COMBINED], 2, 0, 8).mode == MEMBUS_CACHE_WRITECOMBINE);
}

#define PAGE 4096u

/* The program's own handler. Newer kernels tell of the page at once, which is no fault of ours. */
static void news(int signal)
{
    (void)signal;
}

/* A page that the kernel takes for bad memory: what lies before it arrives, and the fault says why.
 * (Debian's kernels have MADV_HWPOISON, which those of many build machines do not.) */
static void poisoned(void)
{
    char *area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char to[512] = {0};
    struct membus_fault fault = {0};
    uint32_t value = 0;

    CHECK(area != MAP_FAILED);
    CHECK(signal(SIGBUS, news) != SIG_ERR);
    CHECK(membus_guard_install() == 0);
    memset(area, 0x5a, 2 * PAGE);
    if (madvise(area + PAGE, PAGE, MADV_HWPOISON) != 0)
        skip_case("the kernel has no MADV_HWPOISON");

    const size_t done = membus_guard_copy(to, area + PAGE - 100, 300, &fault);

    CHECK(done <= 100, "%zu bytes", done);
    for (size_t i = 0; i < sizeof(to); i++)
        CHECK(to[i] == (i < done ? 0x5a : 0), "byte %zu of %zu", i, done);
    CHECK(fault.signal == SIGBUS && fault.code == BUS_MCEERR_AR, "signal %d, code %d", fault.signal,
          fault.code);
    CHECK(!fault.store && (char *)fault.addr == area + PAGE);
    CHECK(membus_guard_read_32(area + PAGE, &value, NULL) == -EFAULT && value == UINT32_MAX);
    CHECK(membus_guard_copy(area + PAGE - 8, to, 16, &fault) == 8 && fault.store);
}

const struct guest_case guest_cases[] = {
    {"regions", regions, true, true},
    {"the MSI-X table is not mapped", msix_table, true, true},
    {"cache modes", modes, true, true},
    {"page tables have the modes reported", page_tables, true, true},
    {"list of memory types", memory_types, true, true},
    {"argsz at every size", argsz, true, true},
    {"mapped and read by system call agree", paths_agree, true, true},
    {"copies of odd sizes at odd offsets", copies, true, true},
    {"noncached: memcpy faults on arm64, membus does not", noncached_alignment, true, true},
    {"write-combining: unaligned works, membus uses it", combining_alignment, false, true},
    {"bad arguments are refused", bad_arguments, true, true},
    {"edu's DMA reaches memory, and only when it may", dma_to_memory, true, true},
    {"nvme's DMA reaches memory", nvme_to_memory, true, true},
    {"edu's DMA reaches another device's BAR", edu_to_bar, true, true},
    {"edu's DMA reaches nvme's memory buffer", edu_to_nvme_buffer, true, true},
    {"nvme's DMA reaches another device's BAR", nvme_to_bar, true, true},
    {"a space for DMA: RAM and BARs, nothing bounced", space_dma, true, true},
    {"maps of BARs are direct where the mapping allows", space_maps, true, true},
    {"one read over mapped pages and the MSI-X table", space_mixed, true, true},
    {"a BAR that leaves the space leaves the IOMMU", space_bar_leaves, true, true},
    {"a space with memory decoding off: an error and all ones", space_decoding_off, true, true},
    {"interrupts", interrupts, true, true},
    {"a poisoned page: what is before it arrives", poisoned, true, false},
    {"memory decoding off: an error and all ones", decoding_off, true, true},
    {"memory decoding turned on and off during access", decoding_toggled, true, true},
    {"reset", reset, true, true},
    {"removed while it is open", removed, false, true},
    {0},
};
