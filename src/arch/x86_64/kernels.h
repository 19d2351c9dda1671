/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_KERNELS_H
#define MEMBUS_X86_64_KERNELS_H

#include "kernel.h"

extern const struct membus_kernel membus_kernel_scalar;
extern const struct membus_kernel membus_kernel_avx2;
extern const struct membus_kernel membus_kernel_avx512;
extern const struct membus_kernel membus_kernel_avx512_halves;

/* MEMBUS_ORDER_STRICT where AVX is enumerated (copy_strict.S). */
void *membus_strict_copy(void *dst, const void *src, size_t n);

#endif
