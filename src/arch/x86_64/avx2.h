/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_AVX2_H
#define MEMBUS_X86_64_AVX2_H

/* What the files of the kernel `avx2` share. */

#include <stddef.h>

void *membus_avx2_copy(void *dst, const void *src, size_t n);
void *membus_avx2_move(void *dst, const void *src, size_t n);

/* Overlaps with src <= dst < src + n. */
void *membus_avx2_move_overlapping(void *dst, const void *src, size_t n);

void *membus_avx2_fill(void *dst, int value, size_t n);

/* Of less than a word from where one starts, or over 256 bytes from there. */
void *membus_avx2_fill_other(void *dst, int value, size_t n);
#endif
