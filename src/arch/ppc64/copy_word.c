/* SPDX-License-Identifier: MIT */

/*
 * `word`: doublewords by ld and std, at any alignment of the source; lwsync before the last store
 * (W6). Vectors are left out: their stores tear doublewords that are not aligned to 16 bytes on
 * some processors, and the copies here are seldom bound by width.
 */

#include "kernels.h"
#include "words_kernel.h"

const struct membus_kernel membus_kernel_word =
    MEMBUS_WORDS_KERNEL("word", membus_words_kernel_usable, "nothing: general registers");
