/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_PROBE_H
#define MEMBUS_PROBE_H

/* What membus probe finds, apart from the library's own tables, and how it is told. */

#include <stdbool.h>

/* A device file: is it there, and can this user open it? */
struct probe_device {
    char path[300];
    int error;   /* 0 or errno of the attempt */
    int version; /* of its interface, or -1 */
};

struct probe {
    const char *root; /* "" or a folder that stands for / */
    struct probe_device kvm, vfio, iommufd;
    bool type1;          /* VFIO's IOMMU driver is there */
    char modules[8][32]; /* VFIO's kernel modules that are loaded */
    unsigned module_count;
    unsigned groups;               /* IOMMU groups; 0: no IOMMU is in use */
    unsigned group_files, devices; /* of VFIO: by group, and by device */
};

/* Looks under `root`. Never fails: what is not there is said not to be. */
void probe_host(struct probe *probe, const char *root);

void probe_print(const struct probe *probe);

/* The same as JSON on stdout; 0 or -errno. */
int probe_print_json(const struct probe *probe);

/* "usable (version 12)" or why not, into `text`. */
void probe_describe(const struct probe_device *device, char *text, unsigned size);

#endif
