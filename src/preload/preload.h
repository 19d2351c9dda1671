/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_PRELOAD_H
#define MEMBUS_PRELOAD_H

/* What the preload library's two files share: which function was called, and who counts it. */

#include <stddef.h>
#include <stdint.h>

enum preload_function {
    PRELOAD_MEMCPY,
    PRELOAD_MEMMOVE,
    PRELOAD_MEMPCPY,
    PRELOAD_MEMSET,
    PRELOAD_BCOPY,
    PRELOAD_FUNCTIONS
};

/* Counts one call of n bytes from the code at `caller`. Any thread, any time; no lock, no
 * allocation, no call of anything. */
void preload_count(enum preload_function function, size_t n, const void *caller);

/* Prints what was counted to the file descriptor. */
void preload_print(int fd);

#endif
