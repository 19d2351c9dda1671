/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "../src/vfio.h"
#include "vfio_fake.h"

#define MIB ((size_t)1 << 20)

enum { FD_CONTAINER = 1000, FD_GROUP, FD_DEVICE, FD_IOMMU };

struct fake fake;
static int memory_fd = -1;
static unsigned mappings;

/* What is mapped for DMA: exactly that can be unmapped. */
static struct {
    uint64_t iova, size;
} dma[32];
static unsigned dma_count;
static bool iommu; /* the container has one, as long as a group is in it */

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    size_t used = strlen(fake.log);
    va_list ap;

    va_start(ap, format);
    vsnprintf(fake.log + used, sizeof fake.log - used, format, ap);
    va_end(ap);
}

void fake_clear_log(void)
{
    fake.log[0] = '\0';
}

static int fake_open(const char *path, int flags)
{
    int fd = strcmp(path, "/dev/vfio/vfio") == 0            ? FD_CONTAINER
             : strcmp(path, "/dev/vfio/7") == 0             ? FD_GROUP
             : strcmp(path, "/dev/iommu") == 0              ? FD_IOMMU
             : strcmp(path, "/dev/vfio/devices/vfio3") == 0 ? FD_DEVICE
                                                            : -ENOENT;

    (void)flags;
    if (fd == FD_CONTAINER && fake.no_group)
        return -ENOENT;
    if (fd > 0) {
        fake.open_fds++;
        note("open %s\n", path);
    }
    return fd;
}

static int fake_close(int fd)
{
    static const char *const names[] = {"container", "group", "device", "iommufd"};

    assert_true(fd >= FD_CONTAINER && fd <= FD_IOMMU);
    fake.open_fds--;
    if (fd == FD_GROUP || fd == FD_IOMMU) {
        iommu = false;
        dma_count = 0;
    }
    note("close %s\n", names[fd - FD_CONTAINER]);
    return 0;
}

/* Is that the device's file in sysfs? */
static bool in_sysfs(const char *path, const char *name)
{
    char own[128];

    snprintf(own, sizeof own, "/sys/bus/pci/devices/%s/%s", fake.address, name);
    return strcmp(path, own) == 0;
}

static ssize_t fake_readlink(const char *path, char *buf, size_t n)
{
    if (!in_sysfs(path, "iommu_group"))
        return -ENOENT;
    return snprintf(buf, n, "../../../kernel/iommu_groups/7");
}

static int fake_first_entry(const char *path, char *buf, size_t n)
{
    if (!in_sysfs(path, "vfio-dev"))
        return -ENOENT;
    snprintf(buf, n, "vfio3");
    return 0;
}

/* Region infos, with the kernel's contract of argsz. */

struct answer {
    uint32_t size;
    unsigned char bytes[1024];
};

static void add_cap(struct answer *a, uint32_t *link, unsigned id, const void *body, uint32_t n)
{
    struct vfio_info_cap_header header = {.id = (uint16_t)id, .version = 1};

    *link = a->size;
    memcpy(a->bytes + a->size, &header, sizeof header);
    memcpy(a->bytes + a->size + sizeof header, body, n);
    a->size += (uint32_t)sizeof header + n;
}

static uint32_t *next_of(struct answer *a, uint32_t at)
{
    return (uint32_t *)(void *)(a->bytes + at + offsetof(struct vfio_info_cap_header, next));
}

static void add_caps(struct answer *a, struct vfio_region_info *info)
{
    uint32_t sparse[2 + 4 * FAKE_AREAS] = {FAKE_AREAS}, mode[2] = {MEMBUS_CACHE_WRITECOMBINE};
    uint32_t first, *second;

    if (info->index == 0) {
        add_cap(a, &info->cap_offset, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, "", 0);
    } else if (info->index == 2) {
        for (unsigned i = 0; i < FAKE_AREAS; i++) {
            const uint64_t area[2] = {i * 0x4000, 0x1000};

            memcpy(&sparse[2 + 4 * i], area, sizeof area);
        }
        first = a->size;
        add_cap(a, &info->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP, sparse, sizeof sparse);
        second = next_of(a, first);
        add_cap(a, second, MEMBUS_VFIO_CAP_ID, mode, sizeof mode);
    } else if (info->index == 5 && fake.broken) {
        first = a->size;
        add_cap(a, &info->cap_offset, 99, "", 0);
        *next_of(a, first) = first;
    }
}

static int region_info(struct vfio_region_info *arg)
{
    static const uint64_t sizes[9] = {0x4000, 0, MIB, 0, 0x100, 0x1000, 0, 0x100, 0};
    _Alignas(8) struct answer a = {.size = sizeof *arg};
    struct vfio_region_info info = *arg;

    if (arg->argsz < sizeof *arg || arg->index == VFIO_PCI_VGA_REGION_INDEX || arg->index > 8)
        return -EINVAL;
    info.size = sizes[arg->index];
    info.offset = (uint64_t)arg->index << 40;
    info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
    if (arg->index == 0 || arg->index == 2 || arg->index == 5)
        info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
    add_caps(&a, &info);
    if (a.size > sizeof info) {
        info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
        if (info.argsz < a.size) {
            info.argsz = a.size;
            info.cap_offset = 0;
            a.size = sizeof info;
        }
    }
    memcpy(a.bytes, &info, sizeof info);
    memcpy(arg, a.bytes, a.size);
    return 0;
}

static int device_ioctl(unsigned long request, void *arg)
{
    struct vfio_device_info *info = arg;
    struct vfio_irq_set *set = arg;

    switch (request) {
    case VFIO_DEVICE_GET_INFO:
        info->flags = VFIO_DEVICE_FLAGS_PCI;
        info->num_regions = 9;
        info->num_irqs = 5;
        return 0;
    case VFIO_DEVICE_GET_REGION_INFO:
        return region_info(arg);
    case VFIO_DEVICE_GET_IRQ_INFO:
        ((struct vfio_irq_info *)arg)->count = 3;
        return 0;
    case VFIO_DEVICE_SET_IRQS:
        note("irqs index %u start %u count %u flags %#x size %u", set->index, set->start,
             set->count, set->flags, set->argsz);
        for (unsigned i = 0; set->flags & VFIO_IRQ_SET_DATA_EVENTFD && i < set->count; i++)
            note(" %d", ((int32_t *)(void *)set->data)[i]);
        note("\n");
        return 0;
    case VFIO_DEVICE_RESET:
        note("reset\n");
        return 0;
    case _IO(VFIO_TYPE, VFIO_BASE + 18):
        note("bind %d\n", ((int32_t *)arg)[2]);
        return 0;
    case _IO(VFIO_TYPE, VFIO_BASE + 19):
        note("attach %u\n", ((uint32_t *)arg)[2]);
        return 0;
    }
    return -ENOTTY;
}

static unsigned find_dma(uint64_t iova)
{
    unsigned i = 0;

    while (i < dma_count && dma[i].iova != iova)
        i++;
    return i;
}

static int map_dma(uint64_t iova, uint64_t size, unsigned flags)
{
    if (fake.refuse && iova == fake.refuse)
        return -ENOMEM;
    if (find_dma(iova) < dma_count)
        return -EEXIST;
    assert_true(dma_count < sizeof dma / sizeof *dma);
    dma[dma_count].iova = iova;
    dma[dma_count++].size = size;
    note("map %#llx+%#llx flags %u\n", (unsigned long long)iova, (unsigned long long)size, flags);
    return 0;
}

static int unmap_dma(uint64_t iova, uint64_t size)
{
    unsigned i = find_dma(iova);

    if (i == dma_count || dma[i].size != size)
        return -ENOENT;
    dma[i] = dma[--dma_count];
    note("unmap %#llx+%#llx\n", (unsigned long long)iova, (unsigned long long)size);
    return 0;
}

static int container_ioctl(unsigned long request, void *arg)
{
    const struct vfio_iommu_type1_dma_map *map = arg;
    struct vfio_iommu_type1_dma_unmap *unmap = arg;
    struct vfio_iommu_type1_info *info = arg;

    switch (request) {
    case VFIO_GET_API_VERSION:
        return VFIO_API_VERSION;
    case VFIO_CHECK_EXTENSION:
        return (uintptr_t)arg == VFIO_TYPE1v2_IOMMU;
    case VFIO_SET_IOMMU:
        if (iommu)
            return -EINVAL;
        iommu = true;
        note("set iommu %u\n", (unsigned)(uintptr_t)arg);
        return 0;
    case VFIO_IOMMU_GET_INFO:
        info->flags = VFIO_IOMMU_INFO_PGSIZES;
        info->iova_pgsizes = 0x40201000;
        return 0;
    case VFIO_IOMMU_MAP_DMA:
        return iommu ? map_dma(map->iova, map->size, map->flags) : -EINVAL;
    case VFIO_IOMMU_UNMAP_DMA:
        if (!iommu)
            return -EINVAL;
        if (unmap_dma(unmap->iova, unmap->size) != 0)
            unmap->size = 0;
        return 0;
    }
    return -ENOTTY;
}

static int group_ioctl(unsigned long request, void *arg)
{
    switch (request) {
    case VFIO_GROUP_GET_STATUS:
        ((struct vfio_group_status *)arg)->flags = fake.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
        return 0;
    case VFIO_GROUP_SET_CONTAINER:
        return 0;
    case VFIO_GROUP_UNSET_CONTAINER:
        return 0;
    case VFIO_GROUP_GET_DEVICE_FD:
        if (strcmp(arg, fake.address) != 0)
            return -ENODEV;
        fake.open_fds++;
        return FD_DEVICE;
    }
    return -ENOTTY;
}

static int iommufd_ioctl(unsigned long request, void *arg)
{
    const uint64_t *wide = arg;
    uint32_t *narrow = arg;

    switch (request) {
    case _IO(';', 0x81):
        narrow[2] = 42;
        return 0;
    case _IO(';', 0x84):
        ((uint64_t *)arg)[3] = fake.granule;
        return -EMSGSIZE;
    case _IO(';', 0x85):
        assert_int_equal(narrow[0], 40);
        assert_int_equal(narrow[2], 42);
        return map_dma(wide[4], wide[3], narrow[1]);
    case _IO(';', 0x86):
        assert_int_equal(narrow[1], 42);
        return unmap_dma(wide[1], wide[2]);
    }
    return -ENOTTY;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
    return fd == FD_DEVICE      ? device_ioctl(request, arg)
           : fd == FD_CONTAINER ? container_ioctl(request, arg)
           : fd == FD_GROUP     ? group_ioctl(request, arg)
           : fd == FD_IOMMU     ? iommufd_ioctl(request, arg)
                                : -EBADF;
}

static unsigned char *place(uint64_t offset)
{
    return fake.memory + (offset >> 40) * MIB + (offset & (MIB - 1));
}

static ssize_t fake_pread(int fd, void *buf, size_t n, uint64_t offset)
{
    assert_int_equal(fd, FD_DEVICE);
    if (offset >> 40 != MEMBUS_VFIO_CONFIG)
        note("pread %u %#x+%zu\n", (unsigned)(offset >> 40), (unsigned)offset, n);
    if (fake.pread_error)
        return fake.pread_error;
    memcpy(buf, place(offset), n);
    return (ssize_t)n - fake.short_read;
}

static ssize_t fake_pwrite(int fd, const void *buf, size_t n, uint64_t offset)
{
    assert_int_equal(fd, FD_DEVICE);
    note("pwrite %u %#x+%zu\n", (unsigned)(offset >> 40), (unsigned)offset, n);
    memcpy(place(offset), buf, n);
    return (ssize_t)n;
}

static void *fake_mmap(size_t size, int prot, int fd, uint64_t offset)
{
    void *addr = mmap(NULL, size, prot, MAP_SHARED, memory_fd, place(offset) - fake.memory);

    assert_int_equal(fd, FD_DEVICE);
    assert_true(addr != MAP_FAILED);
    mappings++;
    return addr;
}

static int fake_munmap(void *addr, size_t size)
{
    mappings--;
    return munmap(addr, size);
}

static const struct vfio_sys fake_sys = {
    .open = fake_open,
    .close = fake_close,
    .ioctl = fake_ioctl,
    .pread = fake_pread,
    .pwrite = fake_pwrite,
    .mmap = fake_mmap,
    .munmap = fake_munmap,
    .readlink = fake_readlink,
    .first_entry = fake_first_entry,
};

/* Status: there are capabilities; the first at 0x40 is power management, then MSI-X. */
static void make_config(unsigned char *config)
{
    config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
    config[PCI_CAPABILITY_LIST] = 0x40;
    config[0x40] = PCI_CAP_ID_PM;
    config[0x41] = 0x50;
    config[0x50] = PCI_CAP_ID_MSIX;
    config[0x52] = 16;   /* 17 vectors */
    config[0x55] = 0x20; /* table at 0x2000 of BAR 0 */
}

void fake_start(void)
{
    memset(&fake, 0, sizeof fake);
    fake.address = "0000:01:00.0";
    fake.granule = 4096;
    memory_fd = memfd_create("fake", MFD_CLOEXEC);
    assert_true(memory_fd >= 0 && ftruncate(memory_fd, 8 * (off_t)MIB) == 0);
    fake.memory = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
    assert_true(fake.memory != MAP_FAILED);
    make_config(fake.memory + MEMBUS_VFIO_CONFIG * MIB);
    vfio_sys = &fake_sys;
}

void fake_stop(void)
{
    assert_int_equal(fake.open_fds, 0);
    assert_int_equal(mappings, 0);
    munmap(fake.memory, 8 * MIB);
    close(memory_fd);
    vfio_sys = &vfio_sys_linux;
}

void fake_decode_off(void)
{
    if (ftruncate(memory_fd, 2 * (off_t)MIB) != 0)
        abort();
}

void fake_decode_on(void)
{
    if (ftruncate(memory_fd, 8 * (off_t)MIB) != 0)
        abort();
}
