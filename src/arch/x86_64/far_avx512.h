/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_FAR_AVX512_H
#define MEMBUS_X86_64_FAR_AVX512_H

/* Bytes from which on no cache is likely to hold source and destination. */
#define MEMBUS_AVX512_FAR (16 << 20)

#ifndef __ASSEMBLER__
#include <stddef.h>

/* A copy of so much, or a part of one, of any size. */
void *membus_avx512_copy_far(void *dst, const void *src, size_t n);
#endif

#endif
