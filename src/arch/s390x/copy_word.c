/* SPDX-License-Identifier: MIT */

/*
 * `word`: doublewords by LG and STG, at any alignment of the source. Stores are seen in program
 * order (PoP, "Sequence of Storage References"). MVC would be faster and promises no order.
 */

#include "kernels.h"
#include "words_kernel.h"

const struct membus_kernel membus_kernel_word =
    MEMBUS_WORDS_KERNEL("word", membus_words_kernel_usable, "nothing: general registers");
