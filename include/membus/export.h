/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_EXPORT_H
#define MEMBUS_EXPORT_H

/*
 * MEMBUS_API marks what the shared library exports; everything else is hidden. The exported
 * names are listed in src/membus.syms, and `make check` compares the list with the library.
 */
#define MEMBUS_API __attribute__((visibility("default")))

/* Inlined at every optimisation level, so that a single access never becomes a call. */
#define MEMBUS_INLINE static inline __attribute__((always_inline))

#endif
