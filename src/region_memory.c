/* SPDX-License-Identifier: MIT */

/* Regions with memory: where it comes from. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "region_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <membus/copy.h>

/* Maps `size` bytes for `region`: of its fd, or anonymous. */
static int map_memory(struct membus_region *region, uint64_t size)
{
    int flags = region->fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *addr;

    if (size > SIZE_MAX / 2)
        return -ENOMEM;
    addr = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, flags, region->fd,
                (off_t)region->fd_offset);
    if (addr == MAP_FAILED)
        return -errno;
    region->mapping = membus_mapping_ram(addr, (size_t)size);
    region->mapped = (size_t)size;
    return 0;
}

/* A region of `kind` with `size` bytes mapped, of `fd` (which it then owns) or anonymous. On error
 * the descriptor is closed. */
static int create(struct membus_region **region, const char *name, enum membus_region_kind kind,
                  uint64_t size, int fd, uint64_t fd_offset)
{
    struct membus_region *r;
    int error = membus_region_create(&r, name, kind, size);

    if (error) {
        if (fd >= 0)
            close(fd);
        return error;
    }
    r->fd = fd;
    r->fd_offset = fd_offset;
    error = map_memory(r, size);
    if (error)
        membus_region_discard(r);
    else
        *region = r;
    return error;
}

int membus_region_new_ram(struct membus_region **region, const char *name, uint64_t size)
{
    return create(region, name, MEMBUS_REGION_RAM, size, -1, 0);
}

int membus_region_new_ram_memfd(struct membus_region **region, const char *name, uint64_t size)
{
    int fd, error;

    if (size == 0)
        return -EINVAL;
    if (size > INT64_MAX)
        return -ENOMEM;
    fd = memfd_create("membus", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0) {
        error = -errno;
        close(fd);
        return error;
    }
    return create(region, name, MEMBUS_REGION_RAM, size, fd, 0);
}

/* Makes the file at least `size` bytes. */
static int grow_file(int fd, uint64_t size)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size >= size)
        return 0;
    return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

int membus_region_new_ram_file(struct membus_region **region, const char *name, uint64_t size,
                               const char *path)
{
    int fd, error;

    if (size == 0)
        return -EINVAL;
    if (size > INT64_MAX)
        return -ENOMEM;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    error = grow_file(fd, size);
    if (error) {
        close(fd);
        return error;
    }
    return create(region, name, MEMBUS_REGION_RAM, size, fd, 0);
}

/* Does a file reach to the end of [offset, offset + size)? What is no file, nobody knows. */
static int check_file(int fd, uint64_t offset, uint64_t size)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return 0;
    if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
        return -ERANGE;
    return 0;
}

int membus_region_new_ram_fd(struct membus_region **region, const char *name, uint64_t size, int fd,
                             uint64_t fd_offset)
{
    int own, error;

    if (size == 0 || fd_offset % (uint64_t)sysconf(_SC_PAGESIZE))
        return -EINVAL;
    error = check_file(fd, fd_offset, size);
    if (error)
        return error;
    own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return -errno;
    return create(region, name, MEMBUS_REGION_RAM, size, own, fd_offset);
}

int membus_region_new_ram_pointer(struct membus_region **region, const char *name, void *addr,
                                  uint64_t size)
{
    int error;

    if (addr && (size > SIZE_MAX || size - 1 > UINTPTR_MAX - (uintptr_t)addr))
        return -EINVAL;
    error = membus_region_create(region, name, MEMBUS_REGION_RAM, size);
    if (error)
        return error;
    (*region)->mapping = membus_mapping_ram(addr, addr ? (size_t)size : 0);
    return 0;
}

int membus_region_new_ram_resizable(struct membus_region **region, const char *name, uint64_t size,
                                    uint64_t size_max)
{
    int error;

    if (size == 0 || size > size_max)
        return -EINVAL;
    error = create(region, name, MEMBUS_REGION_RAM, size_max, -1, 0);
    if (error)
        return error;
    (*region)->resizable = true;
    (*region)->last = size - 1;
    return 0;
}

int membus_region_new_rom(struct membus_region **region, const char *name, uint64_t size,
                          const void *content, size_t n)
{
    int error;

    if (n > size)
        return -EINVAL;
    error = create(region, name, MEMBUS_REGION_RAM, size, -1, 0);
    if (error)
        return error;
    membus_copy((*region)->mapping.addr, content, n);
    (*region)->readonly = true;
    return 0;
}

int membus_region_new_rom_device(struct membus_region **region, const char *name, uint64_t size,
                                 const struct membus_region_ops *ops, void *data)
{
    struct membus_region *io;
    int error = membus_region_new_io(&io, name, size, ops, data);

    if (error)
        return error;
    error = map_memory(io, size);
    if (error) {
        membus_region_discard(io);
        return error;
    }
    io->kind = MEMBUS_REGION_ROM_DEVICE;
    *region = io;
    return 0;
}

int membus_region_new_device(struct membus_region **region, const char *name,
                             const struct membus_mapping *mapping)
{
    int error;

    if ((unsigned)mapping->mode >= MEMBUS_CACHE_MODES ||
        mapping->size > UINTPTR_MAX - (uintptr_t)mapping->addr)
        return -EINVAL;
    error = membus_region_create(region, name, MEMBUS_REGION_DEVICE, mapping->size);
    if (error)
        return error;
    (*region)->mapping = *mapping;
    return 0;
}
