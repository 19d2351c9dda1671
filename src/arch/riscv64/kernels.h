/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_RISCV64_KERNELS_H
#define MEMBUS_RISCV64_KERNELS_H

#include "kernel.h"

extern const struct membus_kernel membus_kernel_word;
extern const struct membus_kernel membus_kernel_misaligned;

#endif
