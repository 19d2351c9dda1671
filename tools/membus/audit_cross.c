/* SPDX-License-Identifier: MIT */

/* What is audited of another architecture: its C library's copies, and membus in each kernel. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "audit_tool.h"

#define NAMES 512
#define PATH  4096

/*
 * glibc 2.36 (Debian 12) chooses memcpy and memmove by the CPU. These are its choices, by the
 * names of the implementations; an architecture that is not here has one of each. SVE's are left
 * out: see qemu_arch.c.
 */
static const struct {
    const char *arch;
    const char *symbol[14];
} variants[] = {
    {"arm64",
     {"__memcpy_generic", "__memcpy_simd", "__memcpy_thunderx", "__memcpy_thunderx2",
      "__memcpy_falkor", "__memmove_generic", "__memmove_simd", "__memmove_thunderx",
      "__memmove_thunderx2", "__memmove_falkor"}},
    {"armhf", {"__memcpy_neon", "__memcpy_vfp", "__memcpy_arm", "memmove"}},
    {"ppc64el",
     {"__memcpy_power10", "__memcpy_power8_cached", "__memcpy_power7", "__memcpy_power6",
      "__memcpy_power4", "__memcpy_a2", "__memcpy_cell", "__memmove_power10", "__memmove_power7",
      "__memmove_ppc"}},
};

static int add_libc(const char *arch, audit_cross_add *add, void *data)
{
    static const char *const plain[] = {"memcpy", "memmove", NULL};
    const char *const *symbol = plain;
    int error = 0;

    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
        if (strcmp(variants[i].arch, arch) == 0)
            symbol = variants[i].symbol;
    for (; *symbol && !error; symbol++)
        error = add(data, "libc.a", *symbol, NULL);
    return error;
}

/* Where scripts/check-cross.sh leaves it: in the tree, which the program may be in too. */
static int find_library(const char *arch, char *path, size_t size)
{
    static const char *const up[] = {"", "/..", "/../.."};
    char self[PATH / 2];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    snprintf(path, size, "build-cross/%s/libmembus.a", arch);
    if (access(path, R_OK) == 0)
        return 0;
    self[length > 0 ? length : 0] = '\0';
    slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof(up) / sizeof(up[0]); i++) {
        *slash = '\0';
        snprintf(path, size, "%s%s/build-cross/%s/libmembus.a", self, up[i], arch);
        if (access(path, R_OK) == 0)
            return 0;
    }
    return -ENOENT;
}

/*
 * `generic` is portable C, which takes only aligned accesses: where the architecture has kernels of
 * its own it is the oracle that the tests compare with, and does not run.
 */
static int add_membus(const char *library, char *names, bool generic, audit_cross_add *add,
                      void *data)
{
    char *name, *rest = NULL;
    int error = 0;

    generic = generic || strncmp(names, "generic", strlen("generic")) == 0;
    for (name = strtok_r(names, "\n", &rest); name && !error; name = strtok_r(NULL, "\n", &rest)) {
        if (strcmp(name, "generic") == 0 && !generic)
            continue;
        error = add(data, library, "membus_copy", name);
        if (!error)
            error = add(data, library, "membus_move", name);
    }
    return error;
}

int audit_cross_routines(const char *arch, const char *library, bool generic, audit_cross_add *add,
                         void *data, char *error, size_t size)
{
    static char path[PATH], names[NAMES]; /* the routines keep pointers to them */
    int result;

    if (!library && find_library(arch, path, sizeof(path)) != 0) {
        snprintf(error, size,
                 "no build-cross/%s/libmembus.a: run scripts/check-cross.sh %s, or say --library",
                 arch, arch);
        return -ENOENT;
    }
    library = library ? library : path;
    result = membus_audit_qemu_kernels(arch, library, names, sizeof(names), error, size);
    if (!result)
        result = add_libc(arch, add, data);
    return result ? result : add_membus(library, names, generic, add, data);
}
