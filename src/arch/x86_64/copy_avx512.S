/* SPDX-License-Identifier: MIT */

/*
 * The copies of the kernels `avx512` and `avx512-halves`, which differ in what is over 256 bytes,
 * and the public functions that come to them where one of the two is chosen. In assembly, because
 * compilers save registers on the stack here that the copy can do without, which costs a tenth of a
 * large one; and because a jump less is 7 % of a short one, so each function has its own way for
 * what is short.
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

/* What no cache holds; what has idle lanes in another page, because the source, seen from dst's
 * line, begins in the page before. r10 is the source's end. */
    .macro far_or at_page
    cmp $MEMBUS_AVX512_FAR, %rdx
    jae membus_avx512_copy_far
    mov %esi, %r8d
    and $4095, %r8d
    lea (%rsi,%rdx), %r10
    cmp %ecx, %r8d
    jb \at_page
    .endm

/* Those; and what ends with a page and is seen as far as dst's line goes. */
    .macro otherwise_large
    far_or membus_avx512_copy_at_page
    test $4095, %r10d
    jz .Lsource_ends_page
.Lin_page:
    .endm

/* Those; and any end with a page: the two blocks of avx512-halves may lie behind it. */
    .macro otherwise_large_halves
    far_or membus_halves_copy_at_page
    test $4095, %r9d
    jz membus_halves_copy_at_page
    test $4095, %r10d
    jz membus_halves_copy_at_page
    .endm

/* To the moves that need a window, if this is one: 0 <= dst - src < n. */
    .macro if_overlapping other
    mov %rdi, %rax
    sub %rsi, %rax
    cmp %rdx, %rax
    jb \other
    .endm

/*
 * Over 256 bytes by avx512-halves: lines are loaded by halves, because where a line of dst crosses
 * one of src only one of them does; and two are a turn, for each store takes two cycles here, also
 * one with an empty mask.
 */
    .macro large_halves
    begin_large otherwise_large_halves
    cmp $192, %r9
    jbe 2f
    .p2align 6
1:  vmovdqu64 64(%rsi), %ymm16
    vinserti64x4 $1, 96(%rsi), %zmm16, %zmm16
    vmovdqu64 128(%rsi), %ymm17
    vinserti64x4 $1, 160(%rsi), %zmm17, %zmm17
    vmovdqu64 %zmm16, 64(%rdi)
    vmovdqu64 %zmm17, 128(%rdi)
    add $128, %rsi
    add $128, %rdi
    sub $128, %r9
    cmp $192, %r9
    ja 1b
2:  mov %r9d, %r10d
    shr $3, %r10d
    add %r10, %r11
    kmovw MASKS_WORDS-8(%r11), %k1
    kmovw MASKS_WORDS-16(%r11), %k2
    vmovdqu64 64(%rsi), %zmm16{%k1}{z}
    vmovdqu64 128(%rsi), %zmm17{%k2}{z}
    vmovdqu8 -8(%rsi,%r9), %xmm18{%k5}{z}
    vmovdqu64 %zmm16, 64(%rdi){%k1}
    vmovdqu64 %zmm17, 128(%rdi){%k2}
    vmovdqu8 %xmm18, -8(%rdi,%r9){%k5}
    finish
    .endm

/* Of the public functions, over 256: r11 has the kernel in use. */
    .macro large_in_use
    cmpb $ENTRY_AVX512_HALVES, (%r11)
    je .Lhalves
    .endm

/* void *membus_move(void *dst, const void *src, size_t n) */
function membus_move, public
    unless_in_use membus_move_avx2_entry
    if_overlapping membus_avx512_move_in_use
    short_or .Lmedium, .Lin_use
end_function membus_move

/* void *membus_copy(void *dst, const void *src, size_t n) */
function membus_copy, public
    unless_in_use membus_copy_avx2_entry
    short_or .Lmedium, .Lin_use
end_function membus_copy

function membus_avx512_move
    if_overlapping membus_avx512_move_overlapping
    short_or .Lmedium, .Llarge
end_function membus_avx512_move

function membus_halves_move
    if_overlapping membus_halves_move_overlapping
    short_or .Lmedium, .Lhalves
end_function membus_halves_move

function membus_halves_copy
    short_or .Lmedium, .Lhalves
    .p2align 5
.Lhalves:
    large_halves
end_function membus_halves_copy

function membus_avx512_copy
    short_or .Lmedium, .Llarge
    .p2align 5
.Lmedium:
    medium
    .p2align 6
.Lin_use:
    large_in_use
.Llarge:
    large
.Lsource_ends_page:
    test $63, %r9b
    jnz membus_avx512_copy_at_page
    jmp .Lin_page
end_function membus_avx512_copy

    .section .note.GNU-stack, "", @progbits
