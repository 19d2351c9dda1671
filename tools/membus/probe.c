/* SPDX-License-Identifier: MIT */

/* membus probe: what this host may do to memory, and what of KVM and VFIO it has. */

#include "probe.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <membus/arch.h>
#include <membus/copy.h>

#include "command.h"
#include "kernel.h"

static const char *way_name(enum membus_way way)
{
    static const char *const names[] = {
        [MEMBUS_WAY_REFUSED] = "refused",
        [MEMBUS_WAY_SPLIT] = "split",
        [MEMBUS_WAY_INSTRUCTION] = "one instruction",
        [MEMBUS_WAY_WHOLE] = "one access",
    };

    return names[way];
}

static void vector_text(const struct membus_rule *rule, char *text, size_t size)
{
    if (rule->width_vector == 0)
        snprintf(text, size, "no");
    else if (rule->width_vector_least)
        snprintf(text, size, "%u to %u", 2u * rule->width_vector_least, rule->width_vector);
    else
        snprintf(text, size, "to %u", rule->width_vector);
}

static void print_rules(void)
{
    printf("Accesses, bytes           unaligned        scalar  whole  vector    stores\n");
    for (int i = 0; i < MEMBUS_CACHE_MODES; i++) {
        const struct membus_rule *rule = membus_mapping_rule((enum membus_cache_mode)i);
        char vector[32];

        vector_text(rule, vector, sizeof(vector));
        if (!rule->direct)
            printf("  %-22s  no loads and stores\n", membus_cache_mode_name(rule->mode));
        else
            printf("  %-22s  %-15s  %6u  %5u  %-8s  %s\n", membus_cache_mode_name(rule->mode),
                   way_name(rule->unaligned), rule->width_scalar, rule->width_atomic, vector,
                   rule->weak ? "may merge and pass each other" : "in order");
        printf("    %s\n", rule->source);
    }
}

static const char *device_text(void)
{
    const struct membus_host *host = membus_arch_host();

    if (!membus_mapping_rule(MEMBUS_CACHE_DEVICE)->direct)
        return host->device_load ? "by system calls"
                                 : "not reached: this kernel has no call for it";
    return host->device_order ? "by loads and stores, a barrier before each"
                              : "by loads and stores";
}

/* Who chose the kernel: the environment, if it names the one in use. */
static bool chosen_by_environment(void)
{
    const char *name = getenv("MEMBUS_KERNEL");

    return name && strcmp(name, membus_kernel_name()) == 0;
}

static void print_kernels(void)
{
    printf("\nKernel: %s, %s\n", membus_kernel_name(),
           chosen_by_environment() ? "which MEMBUS_KERNEL names" : "the best that this host runs");
    for (unsigned i = 0; membus_arch_kernels[i]; i++)
        printf("  %-13s  %-10s  needs %s\n", membus_arch_kernels[i]->name,
               membus_arch_kernels[i]->usable() ? "usable" : "not usable",
               membus_arch_kernels[i]->needs);
    printf("Devices: %s\n", device_text());
}

void probe_print(const struct probe *p)
{
    char text[200];

    printf("membus %s on %s\n\n", MEMBUS_VERSION, MEMBUS_ARCH_NAME);
    print_rules();
    print_kernels();
    probe_describe(&p->kvm, text, sizeof(text));
    printf("\nKVM: %s %s\n", p->kvm.path, text);
    probe_describe(&p->vfio, text, sizeof(text));
    printf("VFIO: %s %s%s\n", p->vfio.path, text, p->type1 ? ", with the type 1 IOMMU" : "");
    probe_describe(&p->iommufd, text, sizeof(text));
    printf("  %s %s\n", p->iommufd.path, text);
    printf("  modules loaded:");
    for (unsigned i = 0; i < p->module_count; i++)
        printf(" %s", p->modules[i]);
    printf("%s\n", p->module_count ? "" : " none");
    if (p->groups)
        printf("  IOMMU groups: %u; bound to VFIO: %u groups, %u devices\n", p->groups,
               p->group_files, p->devices);
    else
        printf("  IOMMU groups: none, so no device can be given to user space safely\n");
}

static json_t *rule_to_json(const struct membus_rule *rule)
{
    return json_pack("{s:s, s:b, s:s, s:i, s:i, s:i, s:i, s:b, s:s}", "mode",
                     membus_cache_mode_name(rule->mode), "direct", (int)rule->direct, "unaligned",
                     way_name(rule->unaligned), "scalar", (int)rule->width_scalar, "whole",
                     (int)rule->width_atomic, "vector", (int)rule->width_vector, "vector_over",
                     (int)rule->width_vector_least, "weak", (int)rule->weak, "source",
                     rule->source);
}

static json_t *kernel_to_json(const struct membus_kernel *kernel)
{
    return json_pack("{s:s, s:b, s:s}", "name", kernel->name, "usable", (int)kernel->usable(),
                     "needs", kernel->needs);
}

static json_t *device_to_json(const struct probe_device *device)
{
    char text[200];

    probe_describe(device, text, sizeof(text));
    return json_pack("{s:s, s:b, s:s}", "path", device->path, "usable", device->error == 0, "state",
                     text);
}

int probe_print_json(const struct probe *p)
{
    json_t *rules = json_array(), *kernels = json_array(), *modules = json_array();
    json_t *all;
    int err;

    for (int i = 0; i < MEMBUS_CACHE_MODES; i++)
        json_array_append_new(rules, rule_to_json(membus_mapping_rule((enum membus_cache_mode)i)));
    for (unsigned i = 0; membus_arch_kernels[i]; i++)
        json_array_append_new(kernels, kernel_to_json(membus_arch_kernels[i]));
    for (unsigned i = 0; i < p->module_count; i++)
        json_array_append_new(modules, json_string(p->modules[i]));
    all = json_pack("{s:s, s:s, s:o, s:s, s:b, s:o, s:s, s:o, s:o, s:o, s:b, s:o, s:i, s:i, s:i}",
                    "version", MEMBUS_VERSION, "architecture", MEMBUS_ARCH_NAME, "rules", rules,
                    "kernel", membus_kernel_name(), "kernel_from_environment",
                    (int)chosen_by_environment(), "kernels", kernels, "devices", device_text(),
                    "kvm", device_to_json(&p->kvm), "vfio", device_to_json(&p->vfio), "iommufd",
                    device_to_json(&p->iommufd), "type1", (int)p->type1, "modules", modules,
                    "iommu_groups", (int)p->groups, "vfio_groups", (int)p->group_files,
                    "vfio_devices", (int)p->devices);
    err = all && json_dumpf(all, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF ? 0 : -EIO;
    json_decref(all);
    return err;
}

static void help(FILE *out)
{
    fputs("usage: membus probe [--json] [--root FOLDER]\n\n"
          "What this host may do to memory in each cache mode, and which manual says so; which\n"
          "kernel carries out the copies, and why; what of KVM and VFIO is there.\n\n"
          "  -j, --json         the result as JSON\n"
          "  -r, --root FOLDER  where /dev and /sys are looked for\n"
          "  -h, --help         this text\n",
          out);
}

int command_probe(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"json", no_argument, NULL, 'j'},
        {"root", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *root = "";
    struct probe probe;
    bool json = false;
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "jr:h", long_options, NULL)) != -1) {
        if (c == 'h') {
            help(stdout);
            return 0;
        }
        if (c == '?')
            return command_misused(argv[0]);
        json |= c == 'j';
        root = c == 'r' ? optarg : root;
    }
    if (optind < argc || strlen(root) > 200) {
        fprintf(stderr, "membus probe: unexpected '%.200s'\n", optind < argc ? argv[optind] : root);
        return command_misused(argv[0]);
    }
    probe_host(&probe, root);
    if (json)
        c = probe_print_json(&probe);
    else
        probe_print(&probe), c = 0;
    if (c != 0 || fflush(stdout) != 0 || ferror(stdout)) {
        fputs("membus probe: cannot write\n", stderr);
        return 2;
    }
    return 0;
}
