/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_VFIO_H
#define MEMBUS_VFIO_H

/*
 * VFIO devices: a PCI device's regions with the cache mode that its driver reports, their place
 * in a memory core, DMA, interrupts.
 *
 * A *device* is opened by its PCI address in a *container*, which is the IOMMU's address space
 * that it and others share. Underneath is either a VFIO container with the device's group, or
 * iommufd with the device's own character device; everything above is the same.
 *
 * Each of a device's *regions* (BARs, ROM, configuration space, a driver's own) is described by a
 * struct membus_vfio_info, read from the kernel with its chain of capabilities:
 *
 *   V1 mapped      what can be mapped is mapped when the device is opened: the areas of the sparse
 *                  capability, else the whole region; only whole pages; never the pages of the
 *                  MSI-X table, which is the kernel's
 *   V2 mode        the mapped areas have the cache mode that the driver reports
 *                  (docs/vfio-cache-mode.md), and MEMBUS_CACHE_UNKNOWN, the strictest, when it
 *                  reports none, or in a form not known here
 *   V3 the rest    is read and written by pread() and pwrite() of the access's own width. (For 8
 *                  bytes many kernels make two accesses of 4.)
 *   V4 all ones    a read that fails gives all ones, as PCI has it, and an error: with the guard
 *                  installed (membus/guard.h) this holds for a mapped area of a device that is
 *                  gone, asleep, in reset or has memory decoding off, where else SIGBUS is raised
 *   V5 malformed   a chain of capabilities that contradicts itself is not guessed at: nothing of
 *                  that region is mapped, and the rest of the device works
 *
 * Values are numbers: the byte at the lowest address is the least significant (PCI is
 * little-endian), on every host.
 *
 * Example, a register of BAR 0 and a doorbell, then DMA to the memory of a machine:
 *
 *     membus_guard_install();
 *     membus_vfio_container_new(&container, 0);
 *     membus_vfio_open(&dev, container, "0000:01:00.0", NULL);
 *     membus_vfio_read(dev, 0, 0x08, 4, &version);
 *     membus_vfio_space_attach(&dma, container, space);     // its RAM, and BARs in it, for DMA
 *     membus_vfio_bus_master(dev, true);
 *     membus_vfio_write(dev, 0, 0x1000, 4, tail);
 *
 * Who: the functions on one device or container are called by one thread at a time, but for
 * membus_vfio_read(), _write(), _pread() and _pwrite(): any thread while the device is open.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/export.h>
#include <membus/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

struct membus_region;
struct membus_space;
struct membus_vfio;
struct membus_vfio_container;
struct membus_vfio_dma;

#define MEMBUS_VFIO_CAPS_MAX    32         /* capabilities in a chain; more is malformed */
#define MEMBUS_VFIO_AREAS_MAX   64         /* areas of a region; more is malformed */
#define MEMBUS_VFIO_REGIONS_MAX 64         /* regions of a device; more are left out */
#define MEMBUS_VFIO_INFO_MAX    (64 << 10) /* bytes of one region's description */
#define MEMBUS_VFIO_CAP_ID      6          /* the cache mode capability, until one is reserved */

/* Indices of the regions that a PCI device has. A driver's own come after them. */
#define MEMBUS_VFIO_BAR0   0
#define MEMBUS_VFIO_ROM    6
#define MEMBUS_VFIO_CONFIG 7
#define MEMBUS_VFIO_VGA    8

/* membus_vfio_info.flags: the values of VFIO_REGION_INFO_FLAG_*. */
#define MEMBUS_VFIO_READABLE 1u
#define MEMBUS_VFIO_WRITABLE 2u
#define MEMBUS_VFIO_MAPPABLE 4u

/* A piece of a region that can be mapped. */
struct membus_vfio_area {
    uint64_t offset; /* in the region */
    uint64_t size;   /* bytes, not 0 */
    void *addr;      /* where it is mapped; NULL: it is not */
};

/* What the kernel says of a region. */
struct membus_vfio_info {
    uint32_t index;
    uint32_t flags;              /* MEMBUS_VFIO_* */
    uint64_t size;               /* bytes; 0: the device has no such region */
    uint64_t offset;             /* in the device's file descriptor */
    int error;                   /* -EBADMSG, -E2BIG: its capabilities are malformed (V5) */
    enum membus_cache_mode mode; /* UNKNOWN when not reported */
    bool mode_reported;          /* there was a cache mode capability */
    bool sparse;                 /* there was a list of areas */
    bool msix_mappable;          /* the pages of the MSI-X table could be mapped */
    bool typed;                  /* a driver's own region, with the next two */
    uint32_t type;
    uint32_t subtype;
    unsigned caps_skipped; /* capabilities not known here */
    unsigned area_count;
    struct membus_vfio_area area[MEMBUS_VFIO_AREAS_MAX]; /* ascending, disjoint, in the region */
};

/*
 * Reads the struct vfio_region_info and its capabilities that a driver left in a buffer. Nothing
 * in the buffer is trusted. For VMMs with a VFIO layer of their own; membus_vfio_open() uses it.
 *
 * Args:    info    filled in any case; after an error without areas, and mode UNKNOWN
 *          buf, n  the buffer as VFIO_DEVICE_GET_REGION_INFO left it, and its size in bytes
 *          cap_id  of the cache mode capability: MEMBUS_VFIO_CAP_ID
 * Returns: 0. -ENOBUFS: the capabilities did not fit; the first 4 bytes of the buffer say how
 *          much is needed. -EBADMSG: truncated, an offset or area outside, areas that overlap, a
 *          capability twice. -E2BIG: over MEMBUS_VFIO_CAPS_MAX (a loop) or _AREAS_MAX.
 * Who:     any thread.
 */
MEMBUS_API int membus_vfio_info_parse(struct membus_vfio_info *info, const void *buf, size_t n,
                                      unsigned cap_id);

/* Flags of membus_vfio_container_new(): 0, the VFIO container where there is one (it can map BARs
 * for DMA, which iommufd cannot), else iommufd; or one of these. */
#define MEMBUS_VFIO_GROUP   1u
#define MEMBUS_VFIO_IOMMUFD 2u

/*
 * Makes a container. Errors: -ENOENT, -EACCES and whatever else opening /dev/vfio/vfio or
 * /dev/iommu says; -EPROTO (a VFIO version that is not known, no type 1 IOMMU), -EINVAL, -ENOMEM.
 */
MEMBUS_API int membus_vfio_container_new(struct membus_vfio_container **container, unsigned flags);

/* Takes it back. -EBUSY while a device or a space is attached to it. */
MEMBUS_API int membus_vfio_container_delete(struct membus_vfio_container *container);

/* Sizes in bytes of the pages that the IOMMU maps, or-ed; the least one is the granule of all DMA
 * mappings. 0 before the first device is open, and after the last is closed (not with iommufd). */
MEMBUS_API uint64_t membus_vfio_container_pages(const struct membus_vfio_container *container);

/* All zero, or NULL in place of it: the defaults. */
struct membus_vfio_options {
    unsigned cap_id; /* id of the cache mode capability; 0: MEMBUS_VFIO_CAP_ID */
    bool no_map;     /* map nothing: every access is a pread() or pwrite() */
};

/*
 * Opens a device that is bound to a VFIO driver, and maps its regions.
 *
 * Args:    address  "0000:01:00.0", the domain with up to 8 digits; without one it is domain 0
 * Returns: 0. -EINVAL (no address), -ENODEV (no such device, or it has no IOMMU or no VFIO
 *          driver), -EBUSY (somebody else has the group, or it is not viable: another device of
 *          the group has a driver that uses it), -EACCES, -ENOMEM, and what the kernel says. The
 *          error of RAM of a space that is attached, which could not be mapped for it.
 */
MEMBUS_API int membus_vfio_open(struct membus_vfio **dev, struct membus_vfio_container *container,
                                const char *address, const struct membus_vfio_options *options);

/*
 * Closes it. Its regions (membus_vfio_region()) leave the spaces they are in; their memory stays
 * mapped, and the kernel's device open, until the last reader and the last DMA mapping of them
 * are gone: membus_synchronize() waits for the readers.
 *
 * Returns: 0, or -EBUSY: a region of it is the root of a space or the target of an alias. Then
 *          nothing is changed; end that and close it again. -ENOMEM: it is still open, but its
 *          regions may be deleted (a commit that failed, see membus/region.h); close it again.
 */
MEMBUS_API int membus_vfio_close(struct membus_vfio *dev);

MEMBUS_API const char *membus_vfio_address(const struct membus_vfio *dev);
/* The device's file descriptor, which stays the device's: for ioctls that membus has not. */
MEMBUS_API int membus_vfio_fd(const struct membus_vfio *dev);
/* How many regions it has; indices go from 0. Never more than MEMBUS_VFIO_REGIONS_MAX. */
MEMBUS_API unsigned membus_vfio_region_count(const struct membus_vfio *dev);
/* A region's description, with what is mapped; NULL for an index past the last. */
MEMBUS_API const struct membus_vfio_info *membus_vfio_region_info(const struct membus_vfio *dev,
                                                                  unsigned index);
/* "BAR0" to "BAR5", "ROM", "CONFIG", "VGA", or "REGION9" and up; never NULL. */
MEMBUS_API const char *membus_vfio_region_name(unsigned index);

/*
 * One access of `width` bytes (1, 2, 4, 8) at `offset`, a multiple of `width`: by load or store
 * where the region is mapped (V1), else by pread() or pwrite() (V3).
 *
 * Args:    value  of a read: all ones after an error (V4)
 * Returns: 0. -EINVAL (width or alignment, no such region), -ERANGE (past the region's end),
 *          -EACCES (the region cannot be read or written), -EFAULT (the mapping is gone: memory
 *          decoding off, device unplugged; with the guard installed), -EIO (the kernel
 *          transferred less), and what the kernel says.
 */
MEMBUS_API int membus_vfio_read(struct membus_vfio *dev, unsigned index, uint64_t offset,
                                unsigned width, uint64_t *value);
MEMBUS_API int membus_vfio_write(struct membus_vfio *dev, unsigned index, uint64_t offset,
                                 unsigned width, uint64_t value);

/* The same by system call, also where the region is mapped. */
MEMBUS_API int membus_vfio_pread(struct membus_vfio *dev, unsigned index, uint64_t offset,
                                 unsigned width, uint64_t *value);
MEMBUS_API int membus_vfio_pwrite(struct membus_vfio *dev, unsigned index, uint64_t offset,
                                  unsigned width, uint64_t value);

/* The mapping that holds `n` bytes at `offset` of the region: addr NULL, size 0 if there is no
 * one area that does. Valid until the device is closed. */
MEMBUS_API struct membus_mapping membus_vfio_mapping(const struct membus_vfio *dev, unsigned index,
                                                     uint64_t offset, uint64_t n);

/*
 * A region of the memory core for BAR (or other region) `index`: put it into a container, and
 * membus_space_read() and all others reach the device. The mapped areas are device memory with
 * their cache mode (V1, V2), between them it calls pread() and pwrite() (V3). A read that fails
 * there gives all ones with MEMBUS_STATUS_DEVICE.
 *
 * The region is the device's: it goes when the device is closed. Call it again for the same.
 *
 * Args:    policy  limits of the device's own for the mapped areas, taken the first time; or NULL
 * Returns: 0. -EINVAL (no such region, or it has size 0), -ENOMEM.
 */
MEMBUS_API int membus_vfio_region(struct membus_vfio *dev, struct membus_region **region,
                                  unsigned index, const struct membus_policy *policy);

/*
 * The command register's bits for bus mastering (off when a device is opened: no DMA before it
 * is turned on) and for memory decoding (on).
 */
MEMBUS_API int membus_vfio_bus_master(struct membus_vfio *dev, bool on);
MEMBUS_API int membus_vfio_memory(struct membus_vfio *dev, bool on);

/* Resets the function. What is mapped stays mapped. -ENOTTY: it has no way to be reset alone. */
MEMBUS_API int membus_vfio_reset(struct membus_vfio *dev);

/* Interrupts, by the numbers of VFIO_PCI_*_IRQ_INDEX. */
enum membus_vfio_irq {
    MEMBUS_VFIO_INTX = 0,
    MEMBUS_VFIO_MSI = 1,
    MEMBUS_VFIO_MSIX = 2,
    MEMBUS_VFIO_ERR = 3, /* an uncorrectable error was reported by the device */
    MEMBUS_VFIO_REQ = 4  /* the kernel asks for the device back: unplug, unbind */
};

#define MEMBUS_VFIO_VECTORS_MAX 2048 /* as many as MSI-X has */

/* How many vectors it has, 0 for none; or -errno. */
MEMBUS_API int membus_vfio_irq_count(struct membus_vfio *dev, enum membus_vfio_irq irq);

/*
 * Has `count` vectors from `first` signal these eventfds, which stay the caller's; -1 leaves a
 * vector without one. MSI and MSI-X are enabled with as many vectors as the first call names.
 * After an INTx, membus_vfio_irq_unmask() lets the next one come.
 *
 * Errors: -EINVAL (no such vector, count 0 or over MEMBUS_VFIO_VECTORS_MAX), and the kernel's.
 */
MEMBUS_API int membus_vfio_irq_set(struct membus_vfio *dev, enum membus_vfio_irq irq,
                                   unsigned first, unsigned count, const int *eventfds);
MEMBUS_API int membus_vfio_irq_unmask(struct membus_vfio *dev);
/* Disables all vectors of the kind. */
MEMBUS_API int membus_vfio_irq_disable(struct membus_vfio *dev, enum membus_vfio_irq irq);

/* For membus_vfio_dma_map(): what the devices may do, as they see it. */
#define MEMBUS_VFIO_DMA_READ  1u
#define MEMBUS_VFIO_DMA_WRITE 2u

/*
 * Maps `size` bytes of this process at `addr` for DMA at `iova`, and takes that back. All three
 * are multiples of the least page (membus_vfio_container_pages()). Memory of a VFIO mapping, a
 * BAR, can be mapped too (not with iommufd): device to device, without a bounce buffer. With the
 * VFIO container all this is unmapped when its last device is closed.
 *
 * Errors: -ENXIO (no device is open in the container), -EINVAL (alignment, size 0, wrap, no
 *         permission asked for, unmap of a part), -EEXIST (something is mapped there), -ENOENT
 *         (unmap of nothing), -ENOMEM (RLIMIT_MEMLOCK), -ENOSPC (too many), and the kernel's.
 */
MEMBUS_API int membus_vfio_dma_map(struct membus_vfio_container *container, uint64_t iova,
                                   void *addr, uint64_t size, unsigned access);
MEMBUS_API int membus_vfio_dma_unmap(struct membus_vfio_container *container, uint64_t iova,
                                     uint64_t size);

/*
 * Keeps the IOMMU like a space: its RAM, its ROM (for reading) and its device memory are mapped for
 * DMA at their addresses there, and follow each commit: what goes is unmapped before what comes is
 * mapped, and before the memory is released. Device memory is another device's BAR, or its own:
 * DMA goes there directly. The space stays attached when the last device is closed, with nothing
 * mapped; the next one that is opened finds all of it mapped again.
 *
 * Of a range that does not begin or end at a page of the IOMMU only the whole pages are mapped;
 * one that lies in its page otherwise than its memory does cannot be mapped at all. Such ranges,
 * ranges of callbacks, and device memory that the IOMMU does not take (iommufd) are skipped and
 * counted. What a device writes is not seen: a snapshot of a dirty log has every page that is, or
 * since the last one was, mapped for writing.
 *
 * Returns: 0. -ENXIO (no device is open in the container), -ENOMEM, or the error of the first RAM
 *          that could not be mapped; then nothing is.
 * Who:     any thread, outside transactions and listeners.
 */
MEMBUS_API int membus_vfio_space_attach(struct membus_vfio_dma **dma,
                                        struct membus_vfio_container *container,
                                        struct membus_space *space);
/* Unmaps everything. Errors: those of membus_listener_delete(). */
MEMBUS_API int membus_vfio_space_detach(struct membus_vfio_dma *dma);

struct membus_vfio_dma_stats {
    uint64_t ranges;       /* mapped now */
    uint64_t bytes;        /* of them */
    uint64_t device_bytes; /* of those, device memory: reached without a bounce buffer */
    uint64_t skipped;      /* ranges of the space that are not mapped */
    int error;             /* of the last RAM that could not be mapped since the attach, or 0; or
                              could not be unmapped: then it is never released */
    uint64_t error_addr;
};
MEMBUS_API void membus_vfio_dma_stats(struct membus_vfio_dma *dma,
                                      struct membus_vfio_dma_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
