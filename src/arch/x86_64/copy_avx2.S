/* SPDX-License-Identifier: MIT */

/*
 * The copy of the kernel `avx2`: void *membus_avx2_copy(void *dst, const void *src, size_t n), and
 * its move, which has the same arguments.
 * Stores of 16 and 32 bytes are issued from 8-byte boundaries, so they tear no element (vector.h);
 * the last word is in none of them (W5).
 */

#define BLOCK ymm
#define WIDTH 32
#define STORE vmovdqu
#include "straight_plain.inc"

    .text

/*
 * From membus_move() and membus_copy() (entries.h), each into the next one: a move that overlaps
 * nothing arrives at the second jump with the carry clear.
 */
    .p2align 6
    .skip 64 - 27, 0x90         /* membus_avx2_copy begins a line */
function_here membus_move_avx2_entry
    jb membus_move_chosen
end_function membus_move_avx2_entry

function_here membus_avx2_move
    mov %rdi, %rax
    sub %rsi, %rax
    cmp %rdx, %rax
    jb membus_avx2_move_overlapping
end_function membus_avx2_move

function_here membus_copy_avx2_entry
    jb membus_copy_chosen
end_function membus_copy_avx2_entry

function membus_avx2_copy
    copy_by_size
end_function membus_avx2_copy

/* What is not there is loaded from here. */
    .section .rodata
    .p2align 6
    .zero 64
    .globl membus_nowhere
    .hidden membus_nowhere
    .type membus_nowhere, @object
membus_nowhere:
    .zero UPWARDS
/* For each size to 15 and each place of dst in its word, the way upwards. */
    .set size, 0
    .rept 16
    .set place, 0
    .rept 8
    .set gap, -place & 7
    .if (0x117 >> size) & 1
    .byte 0                     /* nothing, or one access */
    .elseif gap < 4 || size - (gap & 3) >= 4
    .byte gap
    .else
    .byte gap & 3
    .endif
    .set place, place + 1
    .endr
    .set size, size + 1
    .endr
    .size membus_nowhere, . - membus_nowhere

    .section .note.GNU-stack, "", @progbits
