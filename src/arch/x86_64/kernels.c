/* SPDX-License-Identifier: MIT */
#include "kernels.h"

const struct membus_kernel *const membus_arch_kernels[] = {
    &membus_kernel_avx512, &membus_kernel_avx512_halves, &membus_kernel_avx2,
    &membus_kernel_scalar, &membus_kernel_generic,       NULL,
};
