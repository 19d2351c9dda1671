/* SPDX-License-Identifier: MIT */
#include "kernels.h"

const struct membus_kernel *const membus_arch_kernels[] = {
    &membus_kernel_word,
    &membus_kernel_generic,
    NULL,
};
