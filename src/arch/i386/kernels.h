/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_I386_KERNELS_H
#define MEMBUS_I386_KERNELS_H

#include "kernel.h"

extern const struct membus_kernel membus_kernel_word;

#endif
