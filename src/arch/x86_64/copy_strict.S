/* SPDX-License-Identifier: MIT */

/*
 * MEMBUS_ORDER_STRICT, where AVX is enumerated: membus_strict_copy(), declared in kernels.h. Stores
 * of 16 bytes to 16-byte boundaries are the widest that the architecture keeps whole, by the
 * instructions named there (SDM 9.1.1: VMOVDQA with VEX.128; neither VMOVDQU nor a masked store is
 * among them). x86 stores are seen in program order (SDM 9.2.2), so strict order costs width and
 * nothing else.
 */

#define BLOCK xmm
#define WIDTH 16
#define STORE vmovdqa
#include "straight_plain.inc"

    .text

function membus_strict_copy
    copy_by_size
end_function membus_strict_copy

    .section .note.GNU-stack, "", @progbits
