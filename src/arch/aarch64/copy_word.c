/* SPDX-License-Identifier: MIT */

/*
 * `word`: general registers only, for where vector state is not to be touched. Unaligned loads
 * are one instruction; DMB ISHST before the last store (W6).
 */

#include "kernels.h"
#include "words_kernel.h"

const struct membus_kernel membus_kernel_word =
    MEMBUS_WORDS_KERNEL("word", membus_words_kernel_usable, "nothing: general registers");
