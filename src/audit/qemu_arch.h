/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_QEMU_ARCH_H
#define MEMBUS_AUDIT_QEMU_ARCH_H

/*
 * The architectures that are audited in qemu-user, and the guest program for one routine.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/audit.h>

#define AUDIT_CPU_OPTION 40

struct audit_qemu_arch {
    const char *name;   /* Debian's */
    const char *triple; /* of its cross compiler */
    const char *qemu;   /* qemu-NAME */
    const char *cpu;    /* -cpu, for what the default lacks, or NULL */
    bool big_endian, narrow;
};

/* NULL: there is none of this name. */
const struct audit_qemu_arch *audit_qemu_arch_find(const char *name);

/*
 * Compiles the driver for target->symbol of target->object (archive, object file, shared library;
 * NULL or the file libc.a: the C library's own) to the file `program`. With symbol NULL: the
 * program that lists membus's kernels. Returns 0; -ENOENT: no compiler, file or symbol; -ENOEXEC:
 * it cannot be linked; another -errno. `error` gets one line of what went wrong and what to do.
 */
int audit_qemu_link(const struct audit_qemu_arch *arch, const struct membus_audit_target *target,
                    const char *program, char *error, size_t error_size);

/* Runs a command; its standard output goes to `out` (NULL: none) and the first line of its errors
 * to `error`. Returns its exit status, 127 when there is no such program, or -errno. */
int audit_qemu_run(const char *const *arguments, char *out, size_t out_size, char *error,
                   size_t error_size);

/* A folder for this process's files; remove it with audit_qemu_folder_remove(). */
int audit_qemu_folder_make(char *folder, size_t size);
void audit_qemu_folder_remove(const char *folder);

/* The plugin's file. Returns 0 or -ENOENT. */
int audit_qemu_plugin_find(char *path, size_t size);

#endif
