/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AARCH64_KERNELS_H
#define MEMBUS_AARCH64_KERNELS_H

#include "kernel.h"

extern const struct membus_kernel membus_kernel_lse2;
extern const struct membus_kernel membus_kernel_neon;
extern const struct membus_kernel membus_kernel_word;

#endif
