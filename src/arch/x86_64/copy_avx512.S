/* SPDX-License-Identifier: MIT */

/*
 * The copy of the kernel `avx512`, and the public functions that come to it where that kernel is
 * chosen. In assembly, because compilers save registers on the stack here that the copy can do
 * without, which costs a tenth of a large one; and because a jump less is 7 % of a short one, so
 * each of the four functions has its own way for what is short.
 *
 * In: rdi dst, rsi src, rdx n. Out: rax dst.
 */

#include "far_avx512.h"
#include "sizes_avx512.inc"

    .text

    .macro load kind, instruction:vararg
    \instruction
    .endm

    .macro store kind, instruction:vararg
    \instruction
    .endm

    .macro finish
    ret
    .endm

/* Descriptors: multiples of 4 bytes at a word boundary. */
    .macro otherwise_short
    mov %edx, %r8d
    and $3, %r8d
    or %ecx, %r8d
    jz membus_avx512_descriptor
    .endm

/* What no cache holds; what has idle lanes in other pages, because the source, seen from dst's
 * line, begins in the page before, or because an end is a page's. */
    .macro otherwise_large
    cmp $MEMBUS_AVX512_FAR, %rdx
    jae membus_avx512_copy_far
    mov %esi, %r8d
    and $4095, %r8d
    lea (%rsi,%rdx), %r10
    cmp %ecx, %r8d
    jb membus_avx512_copy_at_page
    test $4095, %r9d
    jz membus_avx512_copy_at_page
    test $4095, %r10d
    jz membus_avx512_copy_at_page
    .endm

/* To the moves that need a window, if this is one: 0 <= dst - src < n. */
    .macro if_overlapping other
    mov %rdi, %rax
    sub %rsi, %rax
    cmp %rdx, %rax
    jb \other
    .endm

/* void *membus_move(void *dst, const void *src, size_t n) */
function membus_move, public
    unless_in_use membus_move_avx2_entry
    if_overlapping membus_avx512_move_overlapping
    short_or .Lmedium, .Llarge
end_function membus_move

/* void *membus_copy(void *dst, const void *src, size_t n) */
function membus_copy, public
    unless_in_use membus_copy_avx2_entry
    short_or .Lmedium, .Llarge
end_function membus_copy

function membus_avx512_move
    if_overlapping membus_avx512_move_overlapping
    short_or .Lmedium, .Llarge
end_function membus_avx512_move

function membus_avx512_copy
    short_or .Lmedium, .Llarge
    medium_and_large .Lmedium, .Llarge
end_function membus_avx512_copy

    .section .note.GNU-stack, "", @progbits
