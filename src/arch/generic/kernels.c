/* SPDX-License-Identifier: MIT */
#include "kernel.h"

const struct membus_kernel *const membus_arch_kernels[] = {&membus_kernel_generic, NULL};
