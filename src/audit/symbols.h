/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_SYMBOLS_H
#define MEMBUS_AUDIT_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

/* What the file at `path` exports under `name`: its ELF symbol type, or -1. */
int audit_symbol_type(const char *path, const char *name);

/* Writes up to three names that the file exports and that look like `name`, as
 * "memcpy, mempcpy"; returns how many. */
unsigned audit_symbol_suggest(const char *path, const char *name, char *names, size_t size);

#endif
