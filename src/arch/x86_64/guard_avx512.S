/* SPDX-License-Identifier: MIT */

/*
 * membus_guard_copy() where the kernel `avx512` is chosen: the very copy of copy_avx512.S, so that
 * it costs what the plain one does, with a row in a table for each access. It serves `avx512-halves`
 * too.
 *
 * In: rdi dst, rsi src, rdx n, rcx the caller's struct membus_fault. Out: rax, bytes that arrived.
 *
 * After a fault the handler finds the row, works out how many bytes had been stored, and goes on at
 * membus_avx512_guard_fault with dst, src and n where they were at first, and what it knows of the
 * fault in r8 and r9.
 */

#include "sizes_avx512.inc"

    .text

    .set KIND_START, GUARD_START
    .set KIND_BLOCK_1, GUARD_BLOCK_1
    .set KIND_BLOCK_2, GUARD_BLOCK_2
    .set KIND_BLOCK_3, GUARD_BLOCK_3
    .set KIND_WORDS, GUARD_WORDS
    .set KIND_LINE, GUARD_LINE
    .set KIND_LINE_2, GUARD_LINE_2
    .set KIND_LINE_3, GUARD_LINE_3
    .set KIND_LINE_4, GUARD_LINE_4
    .set KIND_LAST_3, GUARD_LAST_3
    .set KIND_LAST_2, GUARD_LAST_2
    .set KIND_LAST_1, GUARD_LAST_1
    .set KIND_LAST, GUARD_LAST

/* Where the access is, relative to the row, and its kind. */
    .macro access what, kind, instruction:vararg
.Laccess_\@:
    \instruction
    .pushsection membus_guard_avx512, "a"
    .balign 4
    .long .Laccess_\@ - .
    .long KIND_\kind + \what
    .popsection
    .endm

    .macro load kind, instruction:vararg
    access 0, \kind, \instruction
    .endm

    .macro store kind, instruction:vararg
    access GUARD_STORE, \kind, \instruction
    .endm

    .macro finish
    mov %rdx, %rax
    ret
    .endm

/* Nothing; and 16 bytes at a 16-byte boundary, which are one access. */
    .macro otherwise_short
    test %rdx, %rdx
    jz .Lother
    cmp $16, %rdx
    jne 1f
    test $15, %dil
    jz .Lother
1:
    .endm

    .macro otherwise_large
    .endm

/* size_t membus_guard_copy(void *dst, const void *src, size_t n, struct membus_fault *fault) */
function membus_guard_copy, public
    unless_in_use membus_guard_copy_avx2_entry
end_function membus_guard_copy

function_here membus_avx512_guard_copy
    vmovq %rcx, %xmm31
    short_or .Lmedium, .Llarge
    .p2align 5
.Lmedium:
    medium
    .p2align 5
.Llarge:
    large
.Lother:
    vmovq %xmm31, %rcx
    jmp membus_avx2_guard_copy
    .globl membus_avx512_guard_fault
    .hidden membus_avx512_guard_fault
membus_avx512_guard_fault:
    vmovq %xmm31, %rcx
    jmp membus_guard_copy_rest
end_function membus_avx512_guard_copy

    .section .note.GNU-stack, "", @progbits
