/* SPDX-License-Identifier: MIT */

/*
 * membus_guard_copy() where the kernel `avx2` is chosen: the very copy of copy_avx2.S, with a row in
 * a table for each access.
 *
 * In: rdi dst, rsi src, rdx n, rcx the caller's struct membus_fault. Out: rax, bytes that arrived.
 *
 * The arguments wait in the red zone. After a fault the handler finds the row, works out how many
 * bytes had been stored, and goes on at membus_avx2_guard_fault with dst in rax and what it knows
 * of the fault in r8 and r9.
 */

#define BLOCK ymm
#define WIDTH 32
#define STORE vmovdqu
#include "straight.inc"

/* As in <sys/ucontext.h>. */
    .set REG_r8, 0
    .set REG_r9, 1
    .set REG_rdi, 8
    .set REG_rdx, 12
    .set REG_rax, 13
    .set REG_rcx, 14

/* struct row_avx2 of guard.c: where the access is, relative to the row, and base + (index & mask) +
 * at, how far dst is done. */
    .macro access is_store, base, index, mask, at, instruction:vararg
.Laccess_\@:
    \instruction
    .pushsection membus_guard_avx2, "a"
    .balign 4
    .long .Laccess_\@ - .
    .ifc \index, none
    .byte REG_\base, REG_\base, \is_store, framed
    .short 0, \at
    .else
    .byte REG_\base, REG_\index, \is_store, framed
    .short \mask, \at
    .endif
    .popsection
    .endm

    .macro get base, index, mask, at, instruction:vararg
    access 0, \base, \index, \mask, \at, \instruction
    .endm

    .macro put instruction, value, at, base, index=none
    .ifc \index, none
    access 1, \base, none, -1, \at, \instruction \value, \at(%\base)
    .else
    access 1, \base, \index, -1, \at, \instruction \value, \at(%\base,%\index)
    .endif
    .endm

    .macro outcome stack
    mov -16(%\stack), %rax
    .endm

    .text

/* From membus_guard_copy() (entries.h). */
    .p2align 6
    .skip 64 - 6, 0x90
function_here membus_guard_copy_avx2_entry
    jb membus_guard_copy_chosen
end_function membus_guard_copy_avx2_entry

/* size_t membus_avx2_guard_copy(void *dst, const void *src, size_t n, struct membus_fault *fault) */
function membus_avx2_guard_copy
    mov %rsi, -24(%rsp)
    mov %rdx, -16(%rsp)
    mov %rcx, -8(%rsp)
    copy_by_size

    .globl membus_avx2_guard_fault
    .hidden membus_avx2_guard_fault
membus_avx2_guard_fault:
    vzeroupper
    mov -24(%rsp), %rsi
    mov -16(%rsp), %rdx
    mov -8(%rsp), %rcx
    mov %rax, %rdi
    jmp membus_guard_copy_rest
end_function membus_avx2_guard_copy

    .section .note.GNU-stack, "", @progbits
