/* SPDX-License-Identifier: MIT */

/*
 * `word`: doublewords by LDRD and STRD, where those are single-copy atomic; elsewhere `generic`, by
 * words. A misaligned source is shifted together from aligned doublewords; DMB before the last
 * store (W6).
 */

#include "cpu.h"
#include "kernels.h"
#include "words_kernel.h"

const struct membus_kernel membus_kernel_word =
    MEMBUS_WORDS_KERNEL("word", membus_arm_has_lpae, "LPAE, for LDRD and STRD that are one access");
