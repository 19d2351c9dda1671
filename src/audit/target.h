/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_TARGET_H
#define MEMBUS_AUDIT_TARGET_H

#include <stddef.h>

#include <membus/audit.h>

/*
 * Both return 0 or -errno (as membus_audit_engine_ops.open), with one line in `error`.
 *
 * audit_target_check() reads the file without running anything of it: is there such a file, and
 * is it a shared object for this machine? audit_target_load() loads it, which runs its
 * constructors, and finds the routine; call it in a process that may die of it.
 */
int audit_target_check(const struct membus_audit_target *target, char *error, size_t error_size);
int audit_target_load(const struct membus_audit_target *target, void **routine, char *error,
                      size_t error_size);

/* A copy that outlives what it was made from; returns 0 or -ENOMEM. Free it in either case. */
int audit_target_copy(struct membus_audit_target *to, const struct membus_audit_target *from);
void audit_target_free(struct membus_audit_target *target);

/* "libc.so.6:memcpy", as messages name it; in a static buffer of the calling thread. */
const char *audit_target_name(const struct membus_audit_target *target);

#endif
