/* SPDX-License-Identifier: MIT */

/* What this machine is, and where libmembus.so lies. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "audit_tool.h"

#define PATH 4096

/* What an architecture guarantees of plain loads and stores to RAM, whatever the CPU. */
static const struct {
    const char *arch;
    bool total_store_order, unaligned;
    unsigned atomic_width, element;
} guarantees[] = {
    {"x86_64", true, true, 8, 8},     {"i386", true, true, 8, 8},
    {"s390x", true, true, 16, 8},     {"arm64", false, true, 8, 8},
    {"ppc64el", false, true, 8, 8},   {"ppc64", false, true, 8, 8},
    {"armhf", false, false, 8, 8},    {"riscv64", false, false, 8, 8},
    {"mips64el", false, false, 8, 8}, {"mips", false, false, 4, 4},
};

/* The value of the first line "name : value" of /proc/cpuinfo. */
static bool cpuinfo(const char *name, char *value, size_t size)
{
    FILE *in = fopen("/proc/cpuinfo", "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (in && !found && getline(&line, &room, in) > 0) {
        size_t length = strlen(name);
        char *at = strchr(line, ':');

        if (!at || strncmp(line, name, length) != 0 || !isspace((unsigned char)line[length]))
            continue;
        at += 1 + strspn(at + 1, " \t");
        at[strcspn(at, "\n")] = '\0';
        snprintf(value, size, "%s", at);
        found = true;
    }
    free(line);
    if (in)
        fclose(in);
    return found;
}

void audit_host_find(struct audit_host_facts *host, const char *arch)
{
    struct utsname system;
    char flags[8192];

    memset(host, 0, sizeof(*host));
    host->judged.atomic_width = 8;
    for (size_t i = 0; i < sizeof(guarantees) / sizeof(guarantees[0]); i++) {
        if (strcmp(guarantees[i].arch, arch) != 0)
            continue;
        host->judged.total_store_order = guarantees[i].total_store_order;
        host->judged.unaligned = guarantees[i].unaligned;
        host->judged.atomic_width = guarantees[i].atomic_width;
        host->judged.element = guarantees[i].element;
    }
    /* A CPU with AVX keeps aligned 16-byte accesses whole: SDM 9.1.1, APM 7.3.2. */
    if (strcmp(arch, "x86_64") == 0 && cpuinfo("flags", flags, sizeof(flags)) &&
        strstr(flags, " avx "))
        host->judged.atomic_width = 16;
    if (!cpuinfo("model name", host->cpu, sizeof(host->cpu)))
        snprintf(host->cpu, sizeof(host->cpu), "%s", arch);
    if (uname(&system) == 0)
        snprintf(host->kernel, sizeof(host->kernel), "%.20s %.50s", system.sysname, system.release);
}

void audit_find_library(char *path, size_t size)
{
    /* In the build tree the program is beside the library or in tools/; installed, in bin/. */
    static const char *const places[] = {"libmembus.so.0", "libmembus.so", "../libmembus.so.0"};
    char self[PATH];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    self[length > 0 ? length : 0] = '\0';
    slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
        slash[1] = '\0';
        if (snprintf(path, size, "%s%s", self, places[i]) < (int)size && access(path, R_OK) == 0)
            return;
    }
    snprintf(path, size, "%s", MEMBUS_SONAME);
    if (snprintf(self, sizeof(self), "%s/%s", MEMBUS_LIBDIR, MEMBUS_SONAME) < (int)sizeof(self) &&
        access(self, R_OK) == 0)
        snprintf(path, size, "%s", self);
}
