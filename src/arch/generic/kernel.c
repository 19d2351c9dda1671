/* SPDX-License-Identifier: MIT */

/*
 * `generic`: portable C, complete on its own, and the oracle the other kernels are compared with.
 * Built with MEMBUS_FORCE_GENERIC on every architecture, so what is tested on one is the code
 * that an architecture without a folder of its own gets.
 */

#include "words_kernel.h"

const struct membus_kernel membus_kernel_generic =
    MEMBUS_WORDS_KERNEL("generic", membus_words_kernel_usable, "nothing: portable C");
