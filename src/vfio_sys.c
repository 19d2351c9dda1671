/* SPDX-License-Identifier: MIT */
/* The system calls under membus/vfio.h, with -errno as their one channel for errors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio.h"

static int sys_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static int sys_close(int fd)
{
    return close(fd) ? -errno : 0;
}

static int sys_ioctl(int fd, unsigned long request, void *arg)
{
    int ret;

    do
        ret = ioctl(fd, request, arg);
    while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : ret;
}

/* VFIO's offsets go past LONG_MAX / 2 nowhere, so off_t takes them. */
static ssize_t sys_pread(int fd, void *buf, size_t n, uint64_t offset)
{
    ssize_t ret = pread(fd, buf, n, (off_t)offset);

    return ret < 0 ? -errno : ret;
}

static ssize_t sys_pwrite(int fd, const void *buf, size_t n, uint64_t offset)
{
    ssize_t ret = pwrite(fd, buf, n, (off_t)offset);

    return ret < 0 ? -errno : ret;
}

static void *sys_mmap(size_t size, int prot, int fd, uint64_t offset)
{
    void *addr = mmap(NULL, size, prot, MAP_SHARED, fd, (off_t)offset);

    return addr == MAP_FAILED ? NULL : addr;
}

static int sys_munmap(void *addr, size_t size)
{
    return munmap(addr, size) ? -errno : 0;
}

static ssize_t sys_readlink(const char *path, char *buf, size_t n)
{
    ssize_t len = readlink(path, buf, n);

    if (len < 0)
        return -errno;
    if ((size_t)len == n)
        return -ENAMETOOLONG;
    buf[len] = '\0';
    return len;
}

static int sys_first_entry(const char *path, char *buf, size_t n)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int ret = -ENOENT;

    if (!dir)
        return -errno;
    while (ret == -ENOENT && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        ret = strlen(entry->d_name) < n ? 0 : -ENAMETOOLONG;
        if (ret == 0)
            strcpy(buf, entry->d_name);
    }
    closedir(dir);
    return ret;
}

const struct vfio_sys vfio_sys_linux = {
    .open = sys_open,
    .close = sys_close,
    .ioctl = sys_ioctl,
    .pread = sys_pread,
    .pwrite = sys_pwrite,
    .mmap = sys_mmap,
    .munmap = sys_munmap,
    .readlink = sys_readlink,
    .first_entry = sys_first_entry,
};

const struct vfio_sys *vfio_sys = &vfio_sys_linux;
