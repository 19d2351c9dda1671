/* SPDX-License-Identifier: MIT */
/* The PCI devices that are bound to a VFIO driver, from sysfs. */

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio_tool.h"

#define DEVICES "/sys/bus/pci/devices"

/* The last part of where a link of the device points; "" if there is none. */
static void link_name(const char *address, const char *link, char *out, size_t n)
{
    char path[512], target[512];
    const char *name;
    ssize_t len;

    out[0] = '\0';
    snprintf(path, sizeof path, DEVICES "/%s/%s", address, link);
    len = readlink(path, target, sizeof target - 1);
    if (len < 0)
        return;
    target[len] = '\0';
    name = strrchr(target, '/');
    snprintf(out, n, "%.*s", (int)n - 1, name ? name + 1 : target);
}

/* An attribute's hexadecimal number. */
static unsigned attribute(const char *address, const char *name)
{
    char path[512];
    unsigned value = 0;
    FILE *file;

    snprintf(path, sizeof path, DEVICES "/%s/%s", address, name);
    file = fopen(path, "r");
    if (!file)
        return 0;
    if (fscanf(file, "%x", &value) != 1)
        value = 0;
    fclose(file);
    return value;
}

/* VFIO's drivers are those whose devices have one of these: by cdev, or by name before Linux 6.6.
 */
static bool has_vfio(const char *address, const char *driver)
{
    char path[512];

    snprintf(path, sizeof path, DEVICES "/%s/vfio-dev", address);
    return access(path, F_OK) == 0 || strstr(driver, "vfio") != NULL;
}

static int skip_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void add(json_t *list, bool json, const char *address)
{
    char driver[64], group[64];
    unsigned vendor = attribute(address, "vendor"), device = attribute(address, "device");

    link_name(address, "driver", driver, sizeof driver);
    link_name(address, "iommu_group", group, sizeof group);
    if (!driver[0] || !has_vfio(address, driver))
        return;
    if (json)
        json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s, s:s}", "address", address,
                                              "vendor", (int)vendor, "device", (int)device,
                                              "driver", driver, "group", group));
    else
        printf("%-14s %04x:%04x  %-20s group %s\n", address, vendor, device, driver, group);
}

int vfio_list(bool json)
{
    struct dirent **entries;
    int count = scandir(DEVICES, &entries, skip_dots, alphasort);
    json_t *list = json_array();

    if (count < 0) {
        perror("membus vfio: " DEVICES);
        json_decref(list);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        add(list, json, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (json) {
        json_t *root = json_pack("{s:i, s:O}", "schema", 1, "devices", list);

        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(root);
    }
    json_decref(list);
    return 0;
}
