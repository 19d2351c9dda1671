/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "audit/target.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/symbols.h"

static int fail(int code, char *error, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(int code, char *error, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return code;
}

const char *audit_target_name(const struct membus_audit_target *target)
{
    static _Thread_local char name[256];

    snprintf(name, sizeof(name), "%s%s%s", target->object ? target->object : "",
             target->object ? ":" : "", target->symbol);
    return name;
}

int audit_target_copy(struct membus_audit_target *to, const struct membus_audit_target *from)
{
    *to = *from;
    to->object = from->object ? strdup(from->object) : NULL;
    to->symbol = strdup(from->symbol);
    to->kernel = from->kernel ? strdup(from->kernel) : NULL;
    if (!to->symbol || !to->object != !from->object || !to->kernel != !from->kernel)
        return -ENOMEM;
    return 0;
}

void audit_target_free(struct membus_audit_target *target)
{
    free((void *)(uintptr_t)target->object);
    free((void *)(uintptr_t)target->symbol);
    free((void *)(uintptr_t)target->kernel);
}

/* The --arch that audits a machine's objects, and what people call it. */
static const struct {
    unsigned machine;
    const char *arch;
} machines[] = {
    {EM_X86_64, "x86_64"},
    {EM_386, "i386"},
    {EM_AARCH64, "arm64"},
    {EM_ARM, "armhf"},
    {EM_RISCV, "riscv64"},
    {EM_S390, "s390x"},
    {EM_PPC64, "ppc64"},
    {EM_PPC, "ppc"},
    {EM_MIPS, "mips"},
    {EM_SPARCV9, "sparc64"},
    {EM_LOONGARCH, "loongarch64"},
};

static const char *machine_name(unsigned machine)
{
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        if (machines[i].machine == machine)
            return machines[i].arch;
    return NULL;
}

static int check_machine(const char *path, const GElf_Ehdr *header, char *error, size_t size)
{
    const char *arch = machine_name(header->e_machine);

    if (header->e_machine == EM_X86_64 && header->e_ident[EI_CLASS] == ELFCLASS64)
        return 0;
    if (header->e_machine == EM_X86_64)
        arch = "x32";
    if (arch)
        return fail(-ENOEXEC, error, size,
                    "%s is for %s, not for x86_64: this engine runs on the CPU at hand; "
                    "try --arch %s",
                    path, arch, arch);
    return fail(-ENOEXEC, error, size,
                "%s is for machine %u (ELF e_machine), not for x86_64: see --arch for those that "
                "can be audited",
                path, header->e_machine);
}

static int check_elf(const char *path, Elf *elf, char *error, size_t size)
{
    GElf_Ehdr header;
    int e;

    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        return fail(-ENOEXEC, error, size, "%s is not an ELF file: give a shared object (.so)",
                    path);
    e = check_machine(path, &header, error, size);
    if (e)
        return e;
    if (header.e_type == ET_REL)
        return fail(-ENOEXEC, error, size,
                    "%s is a relocatable object: link it first (cc -shared -o x.so %s)", path,
                    path);
    if (header.e_type != ET_DYN)
        return fail(-ENOEXEC, error, size,
                    "%s is an executable: only shared objects (.so) can be loaded", path);
    return 0;
}

int audit_target_check(const struct membus_audit_target *target, char *error, size_t size)
{
    const char *path = target->object;
    Elf *elf;
    int fd, e;

    if (!target->symbol || !*target->symbol)
        return fail(-EINVAL, error, size, "no symbol given: name one as OBJECT:SYMBOL");
    if (!path || !strchr(path, '/')) /* dlopen's search decides which file it is */
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(-errno, error, size, "%s: %s", path, strerror(errno));
    elf_version(EV_CURRENT);
    elf = elf_begin(fd, ELF_C_READ, NULL);
    e = check_elf(path, elf, error, size);
    elf_end(elf);
    close(fd);
    return e;
}

static int explain_dlopen(const struct membus_audit_target *target, char *error, size_t size)
{
    const char *object = target->object, *message = dlerror();

    if (!strchr(object, '/') && access(object, R_OK) == 0)
        return fail(-ENOENT, error, size,
                    "%s: not in the loader's search path; for the file in this directory say ./%s",
                    object, object);
    if (message && strstr(message, "No such file"))
        return fail(-ENOENT, error, size, "cannot load %s", message);
    return fail(-ENOEXEC, error, size, "cannot load %s", message ? message : object);
}

/* The file behind a handle; NULL for this program itself. */
static const char *path_of(void *handle)
{
    struct link_map *map;

    if (!handle || dlinfo(handle, RTLD_DI_LINKMAP, &map) || !map->l_name || !*map->l_name)
        return "/proc/self/exe";
    return map->l_name;
}

static int explain_dlsym(const struct membus_audit_target *target, const char *path, char *error,
                         size_t size)
{
    char names[3 * 66];

    if (audit_symbol_suggest(path, target->symbol, names, sizeof(names)))
        return fail(-ENOENT, error, size, "%s has no symbol %s; did you mean %s?",
                    target->object ? target->object : "this program", target->symbol, names);
    return fail(-ENOENT, error, size, "%s has no symbol %s; nm -D lists those that it has",
                target->object ? target->object : "this program", target->symbol);
}

/* "name" or "name@VERSION". */
static void *find_symbol(void *handle, const char *symbol)
{
    const char *at = strchr(symbol, '@');
    void *address;
    char *name;

    if (!at)
        return dlsym(handle ? handle : RTLD_DEFAULT, symbol);
    name = strndup(symbol, (size_t)(at - symbol));
    address = name ? dlvsym(handle ? handle : RTLD_DEFAULT, name, at + 1 + (at[1] == '@')) : NULL;
    free(name);
    return address;
}

/* dlsym also searches what the object depends on; what was asked for is the object's own. */
static int check_owner(const struct membus_audit_target *target, void *handle, void *address,
                       char *error, size_t size)
{
    struct link_map *map;
    Dl_info info;

    if (!handle || dlinfo(handle, RTLD_DI_LINKMAP, &map) || !dladdr(address, &info))
        return 0;
    if ((uintptr_t)info.dli_fbase == map->l_addr ||
        audit_symbol_type(map->l_name, target->symbol) >= 0)
        return 0;
    return fail(-ENOENT, error, size, "%s does not define %s, it comes from %s: audit it there",
                target->object, target->symbol, info.dli_fname);
}

static int check_function(const struct membus_audit_target *target, const char *path, char *error,
                          size_t size)
{
    int type = audit_symbol_type(path, target->symbol);

    if (type != STT_OBJECT && type != STT_COMMON && type != STT_TLS)
        return 0;
    return fail(-EINVAL, error, size, "%s is data, not a function", audit_target_name(target));
}

int audit_target_load(const struct membus_audit_target *target, void **routine, char *error,
                      size_t size)
{
    void *handle = NULL;
    int e;

    if (target->kernel)
        setenv("MEMBUS_KERNEL", target->kernel, 1);
    if (target->object) {
        handle = dlopen(target->object, RTLD_NOW | RTLD_LOCAL);
        if (!handle)
            return explain_dlopen(target, error, size);
    }
    *routine = find_symbol(handle, target->symbol);
    if (!*routine)
        return explain_dlsym(target, path_of(handle), error, size);
    e = check_owner(target, handle, *routine, error, size);
    return e ? e : check_function(target, path_of(handle), error, size);
}
