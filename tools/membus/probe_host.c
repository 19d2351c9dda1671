/* SPDX-License-Identifier: MIT */

/* What of KVM and VFIO is there, from /dev and sysfs. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "probe.h"

/* Opens it and asks for its version; `request` 0: it has none to ask for. */
static int open_device(struct probe_device *device, const char *root, const char *path,
                       unsigned long request)
{
    int fd;

    snprintf(device->path, sizeof(device->path), "%s%s", root, path);
    device->version = -1;
    fd = open(device->path, O_RDWR | O_CLOEXEC);
    device->error = fd < 0 ? errno : 0;
    if (fd >= 0 && request) {
        device->version = ioctl(fd, request, 0);
        if (device->version < 0)
            device->error = errno; /* a file that is no such device */
    }
    return fd;
}

/* Entries of a folder whose names begin with a digit, or with `prefix`. */
static unsigned count_entries(const char *root, const char *path, const char *prefix)
{
    char name[300];
    const struct dirent *entry;
    unsigned count = 0;
    DIR *dir;

    snprintf(name, sizeof(name), "%s%s", root, path);
    dir = opendir(name);
    while (dir && (entry = readdir(dir)))
        count += prefix ? strncmp(entry->d_name, prefix, strlen(prefix)) == 0
                        : entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
    if (dir)
        closedir(dir);
    return count;
}

static void find_modules(struct probe *p)
{
    static const char *const names[] = {"vfio",    "vfio_pci", "vfio_pci_core", "vfio_iommu_type1",
                                        "iommufd", "kvm"};
    char path[300];

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/sys/module/%s", p->root, names[i]);
        if (access(path, F_OK) == 0)
            strcpy(p->modules[p->module_count++], names[i]);
    }
}

void probe_host(struct probe *p, const char *root)
{
    int fd;

    memset(p, 0, sizeof(*p));
    p->root = root;
    fd = open_device(&p->kvm, root, "/dev/kvm", KVM_GET_API_VERSION);
    if (fd >= 0)
        close(fd);
    fd = open_device(&p->vfio, root, "/dev/vfio/vfio", VFIO_GET_API_VERSION);
    if (fd >= 0) {
        p->type1 = ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) == 1;
        close(fd);
    }
    fd = open_device(&p->iommufd, root, "/dev/iommu", 0);
    if (fd >= 0)
        close(fd);
    find_modules(p);
    p->groups = count_entries(root, "/sys/kernel/iommu_groups", NULL);
    p->group_files = count_entries(root, "/dev/vfio", NULL);
    p->devices = count_entries(root, "/dev/vfio/devices", "vfio");
}

void probe_describe(const struct probe_device *device, char *text, unsigned size)
{
    if (device->error == ENOENT)
        snprintf(text, size, "not there");
    else if (device->error)
        snprintf(text, size, "not usable: %s", strerror(device->error));
    else if (device->version >= 0)
        snprintf(text, size, "usable, version %d", device->version);
    else
        snprintf(text, size, "usable");
}
