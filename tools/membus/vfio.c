/* SPDX-License-Identifier: MIT */
/* membus vfio: what a device's regions are and how they are mapped; single accesses. */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <membus/guard.h>

#include "command.h"
#include "vfio_tool.h"

static const struct option long_options[] = {
    {"json", no_argument, NULL, 'j'},   {"cap-id", required_argument, NULL, 'c'},
    {"no-map", no_argument, NULL, 'n'}, {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},   {NULL, 0, NULL, 0},
};

static void help(void)
{
    puts("usage: membus vfio [--json]\n"
         "       membus vfio [OPTION]... ADDRESS\n"
         "       membus vfio [OPTION]... ADDRESS read REGION OFFSET WIDTH\n"
         "       membus vfio [OPTION]... ADDRESS write REGION OFFSET WIDTH VALUE\n"
         "\n"
         "Without ADDRESS: the devices that are bound to a VFIO driver. With it: the device's\n"
         "regions, what of them is mapped and with which cache mode, and which accesses that\n"
         "allows. read and write make one access, exactly as given.\n"
         "\n"
         "Opening a device resets it. A read of a register can change the device, and a write\n"
         "can make it do anything that it can do: do not try registers that you do not know.\n"
         "\n"
         "  ADDRESS     of a PCI device: 0000:01:00.0\n"
         "  REGION      BAR0 to BAR5, ROM, CONFIG, VGA, or a number\n"
         "  WIDTH       bytes: 1, 2, 4, 8; OFFSET is a multiple of it\n"
         "  --json      the result as JSON\n"
         "  --cap-id N  id of the cache mode capability (6)\n"
         "  --no-map    map nothing: every access is a system call\n"
         "  --quiet     without the warning of read and write\n"
         "\n"
         "Exit status: 0 done, 1 the access failed, 2 it could not be tried. See membus-vfio(1).");
}

static int refuse(const char *format, const char *what)
{
    fputs("membus vfio: ", stderr);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return -EINVAL;
}

static int parse_number(uint64_t *value, const char *text, const char *what)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 0);
    if (errno || end == text || *end || text[0] == '-') {
        fprintf(stderr, "membus vfio: %s: '%s' is not a number\n", what, text);
        return -EINVAL;
    }
    return 0;
}

static int parse_region(unsigned *index, const char *text)
{
    uint64_t number;

    for (unsigned i = 0; i <= MEMBUS_VFIO_VGA; i++) {
        if (strcasecmp(text, membus_vfio_region_name(i)) == 0) {
            *index = i;
            return 0;
        }
    }
    if (parse_number(&number, text, "region"))
        return -EINVAL;
    if (number >= MEMBUS_VFIO_REGIONS_MAX)
        return refuse("no region %s", text);
    *index = (unsigned)number;
    return 0;
}

static int parse_access(struct vfio_access *access, int argc, char **argv)
{
    uint64_t width;

    access->write = strcmp(argv[0], "write") == 0;
    if (!access->write && strcmp(argv[0], "read") != 0)
        return refuse("'%s' is neither read nor write", argv[0]);
    if (argc != (access->write ? 5 : 4))
        return refuse("%s takes REGION OFFSET WIDTH, and write a VALUE", argv[0]);
    if (parse_region(&access->index, argv[1]) || parse_number(&access->offset, argv[2], "offset") ||
        parse_number(&width, argv[3], "width") ||
        (access->write && parse_number(&access->value, argv[4], "value")))
        return -EINVAL;
    if (width != 1 && width != 2 && width != 4 && width != 8)
        return refuse("a width of %s bytes: there are 1, 2, 4 and 8", argv[3]);
    if (access->offset % width)
        return refuse("offset %s is not a multiple of the width", argv[2]);
    access->width = (unsigned)width;
    if (access->value > UINT64_MAX >> (64 - 8 * access->width))
        return refuse("value %s is wider than the access", argv[4]);
    return 0;
}

static int take_option(struct vfio_tool *tool, int option, const char *value)
{
    uint64_t number;

    switch (option) {
    case 'j':
        tool->json = true;
        return 0;
    case 'c':
        if (parse_number(&number, value, "--cap-id"))
            return -EINVAL;
        if (number == 0 || number > UINT16_MAX)
            return refuse("--cap-id %s: ids are 1 to 65535", value);
        tool->options.cap_id = (unsigned)number;
        return 0;
    case 'n':
        tool->options.no_map = true;
        return 0;
    case 'q':
        tool->quiet = true;
        return 0;
    default:
        command_misused("membus vfio");
        return -EINVAL;
    }
}

/* What the errors of opening mean to who ran the program. */
static const char *advice(int err)
{
    switch (err) {
    case -ENODEV:
        return "no such device, or it has no IOMMU group, or no VFIO driver is bound to it";
    case -EBUSY:
        return "its group is in use, or another device of the group has a driver of its own";
    case -ENOENT:
        return "this kernel has no VFIO: is the module vfio-pci loaded?";
    case -EACCES:
    case -EPERM:
        return "not permitted: run as root, or own /dev/vfio/GROUP";
    default:
        return strerror(-err);
    }
}

static int make_access(struct membus_vfio *dev, const struct vfio_tool *tool,
                       struct vfio_access *access)
{
    int err;

    if (!tool->quiet)
        fprintf(stderr, "membus vfio: warning: %s\n",
                access->write ? "a write can make the device do anything, DMA included"
                              : "a read can change the device's state");
    if (access->write)
        err = membus_vfio_write(dev, access->index, access->offset, access->width, access->value);
    else
        err = membus_vfio_read(dev, access->index, access->offset, access->width, &access->value);
    if (err)
        fprintf(stderr, "membus vfio: %s+%#" PRIx64 ": %s\n",
                membus_vfio_region_name(access->index), access->offset, strerror(-err));
    if (tool->json)
        vfio_print_access_json(dev, access, err);
    else if (!access->write)
        printf("0x%0*" PRIx64 "\n", 2 * (int)access->width, access->value);
    return err ? 1 : 0;
}

static int with_device(struct vfio_tool *tool, const char *address, struct vfio_access *access)
{
    struct membus_vfio_container *container;
    struct membus_vfio *dev;
    int err = membus_vfio_container_new(&container, 0), status = 0;

    if (err) {
        refuse("%s", advice(err));
        return 2;
    }
    err = membus_vfio_open(&dev, container, address, &tool->options);
    if (err) {
        fprintf(stderr, "membus vfio: %s: %s\n", address,
                err == -EINVAL ? "not a PCI address" : advice(err));
        membus_vfio_container_delete(container);
        return 2;
    }
    membus_guard_install();
    if (access)
        status = make_access(dev, tool, access);
    else if (tool->json)
        vfio_print_json(dev);
    else
        vfio_print_table(dev);
    membus_guard_uninstall();
    membus_vfio_close(dev);
    membus_vfio_container_delete(container);
    if (fflush(stdout) || ferror(stdout)) {
        refuse("%s", "cannot write the result");
        return 2;
    }
    return status;
}

int command_vfio(int argc, char **argv)
{
    struct vfio_tool tool = {.quiet = false};
    struct vfio_access access = {.write = false};
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            help();
            return 0;
        }
        if (take_option(&tool, option, optarg))
            return 2;
    }
    argc -= optind;
    argv += optind;
    if (argc == 0)
        return vfio_list(tool.json) ? 2 : 0;
    if (argc == 1)
        return with_device(&tool, argv[0], NULL);
    if (parse_access(&access, argc - 1, argv + 1))
        return command_misused("membus vfio");
    return with_device(&tool, argv[0], &access);
}
