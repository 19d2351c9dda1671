/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_SRC_VFIO_H
#define MEMBUS_SRC_VFIO_H

/* What the parts of membus/vfio.h share: src/vfio_*.c. */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include <membus/vfio.h>

#define VFIO_ADDRESS_MAX sizeof "00000000:00:00.0" /* domains have 4 to 8 digits */

/* The system calls, so that tests can be the kernel. They return -errno, never -1. */
struct vfio_sys {
    int (*open)(const char *path, int flags);
    int (*close)(int fd);
    int (*ioctl)(int fd, unsigned long request, void *arg);
    ssize_t (*pread)(int fd, void *buf, size_t n, uint64_t offset);
    ssize_t (*pwrite)(int fd, const void *buf, size_t n, uint64_t offset);
    void *(*mmap)(size_t size, int prot, int fd, uint64_t offset); /* NULL when it fails */
    int (*munmap)(void *addr, size_t size);
    ssize_t (*readlink)(const char *path, char *buf, size_t n); /* terminates; -ENAMETOOLONG */
    int (*first_entry)(const char *path, char *buf, size_t n);  /* a folder's first entry */
};
extern const struct vfio_sys vfio_sys_linux;
extern const struct vfio_sys *vfio_sys;

/* A group that is attached to a container; it can be opened only once. */
struct vfio_group {
    struct vfio_group *next;
    int number, fd;
    unsigned users;
};

struct vfio_backend;
struct vfio_tree;

struct membus_vfio_container {
    const struct vfio_backend *backend;
    int fd;
    uint64_t pages;       /* 0: no device, no IOMMU */
    uint64_t iommu;       /* counts those that went with their mappings */
    pthread_mutex_t lock; /* of these: a region's release may come in any thread */
    unsigned users;       /* devices and spaces */
    struct vfio_group *groups;
    struct membus_vfio_dma *spaces;
    uint32_t ioas; /* iommufd's address space */
};

struct membus_vfio {
    struct membus_vfio_container *container;
    struct vfio_group *group; /* NULL with iommufd */
    int fd;
    atomic_uint refs; /* the opener's, and one for each region that uses the mappings */
    char address[VFIO_ADDRESS_MAX];
    unsigned region_count;
    struct membus_vfio_info *info;
    struct vfio_tree **tree; /* of each region: made when asked for */
};

/* Group and container, or iommufd and cdev. */
struct vfio_backend {
    const char *path; /* of the container's device */
    int (*setup)(struct membus_vfio_container *container);
    int (*attach)(struct membus_vfio_container *container, struct membus_vfio *dev);
    void (*detach)(struct membus_vfio *dev);
    int (*map)(struct membus_vfio_container *container, uint64_t iova, void *addr, uint64_t size,
               unsigned access);
    int (*unmap)(struct membus_vfio_container *container, uint64_t iova, uint64_t size);
};
extern const struct vfio_backend vfio_backend_group;
extern const struct vfio_backend vfio_backend_iommufd;

/* vfio_regions.c: reads all regions' descriptions and maps them; unmaps. */
int vfio_regions_open(struct membus_vfio *dev, const struct membus_vfio_options *options);
void vfio_regions_close(struct membus_vfio *dev);

/* Leaves of the areas only whole pages, and none of [cut, cut + cut_size). */
void vfio_areas_trim(struct membus_vfio_info *info, uint64_t page, uint64_t cut, uint64_t cut_size);

/* vfio_tree.c: takes the regions of the memory core back; -EBUSY, and none, while one is in use. */
int vfio_tree_close(struct membus_vfio *dev);

/* vfio_dma.c: there is an IOMMU again; maps the attached spaces. The error of RAM. */
int vfio_dma_map_spaces(struct membus_vfio_container *container);

/* vfio.c */
void vfio_device_unref(struct membus_vfio *dev);

#endif
