/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_FILL_AVX2_H
#define MEMBUS_X86_64_FILL_AVX2_H

#include <stddef.h>

/* Fills of the kernel `avx2`. */
void *membus_avx2_fill(void *to, int value, size_t n);

/* Of less than a word from where one starts, or over 256 bytes from there. */
void *membus_avx2_fill_other(void *to, int value, size_t n);

#endif
