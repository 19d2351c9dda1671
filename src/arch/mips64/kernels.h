/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_MIPS64_KERNELS_H
#define MEMBUS_MIPS64_KERNELS_H

#include "kernel.h"

extern const struct membus_kernel membus_kernel_word;

#endif
