/* SPDX-License-Identifier: MIT */

/*
 * `word`: elements of 8 bytes by FILD and FISTP, narrower ones by general registers. Stores are
 * seen in program order (SDM 9.2.2).
 */

#include "kernels.h"
#include "words_kernel.h"

const struct membus_kernel membus_kernel_word =
    MEMBUS_WORDS_KERNEL("word", membus_words_kernel_usable, "nothing: the x87 unit");
