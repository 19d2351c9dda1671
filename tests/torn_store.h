/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_TORN_STORE_H
#define MEMBUS_TESTS_TORN_STORE_H

/* A copy of exactly 64 bytes by one unaligned 64-byte store: what membus must never do. */

#include <stdbool.h>
#include <stddef.h>

bool torn_store_usable(void);
void *torn_store_copy(void *dst, const void *src, size_t n);

#endif
