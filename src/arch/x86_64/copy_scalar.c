/* SPDX-License-Identifier: MIT */

/*
 * `scalar`: general registers only. For a CPU without AVX2, and where vector state is not to be
 * touched. Stores are seen in program order (SDM 9.2.2): strict order costs nothing but width.
 */

#include "branchless.h"
#include "kernels.h"
#include "words_kernel.h"

const struct membus_kernel membus_kernel_scalar =
    MEMBUS_WORDS_KERNEL("scalar", membus_words_kernel_usable, "nothing: general registers");
