/* SPDX-License-Identifier: MIT */

/*
 * `word`: doublewords by LD and SD, a misaligned source shifted together from aligned ones; SYNC
 * before the last store (W6).
 */

#include "kernels.h"
#include "words_kernel.h"

const struct membus_kernel membus_kernel_word =
    MEMBUS_WORDS_KERNEL("word", membus_words_kernel_usable, "nothing: general registers");
