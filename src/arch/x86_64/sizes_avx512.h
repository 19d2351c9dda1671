/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_SIZES_AVX512_H
#define MEMBUS_X86_64_SIZES_AVX512_H

/*
 * The copy of the kernel `avx512`, by its size: macros for copy_avx512.S, and for guard_avx512.S,
 * where each access has a row in a table that tells what had been stored before it. Who includes
 * this defines
 *
 *   load, store    KIND, INSTRUCTION: the access; the kinds are in masks_avx512.h
 *   finish         returns
 *   otherwise_short, otherwise_large
 *                  go elsewhere with what is better done there; rcx is the place of dst in its
 *                  word, or its line, and r9 (large) the end of dst
 *
 * rdi dst, rsi src, rdx n, which stays; dst stays in rax, and rsi - rdi is what it was.
 */

#include "masks_avx512.h"

    .macro function name
    .globl \name
    .type \name, @function
    .p2align 6
\name:
    .cfi_startproc
    .endm

    .macro end_function name
    .cfi_endproc
    .size \name, . - \name
    .endm

/* To the function of the kernel chosen, if that is another. */
    .macro unless_chosen other
    lea membus_kernel_avx512(%rip), %rax
    cmp %rax, membus_kernel_active(%rip)
    jne \other
    .endm

/*
 * Up to 64 bytes: the body, then the last word, or an element that is whole where it lies (W2).
 * Either may be empty: a masked store of no bytes stores nothing, and costs less than a branch that
 * is hard to predict. The loads come first, so any overlap is fine.
 */
    .macro short_or medium, large
    mov %edi, %ecx
    mov %rdi, %rax
    and $7, %ecx                /* dst's place in its word */
    cmp $256, %rdx
    ja \large
    cmp $64, %rdx
    ja \medium
    otherwise_short
    lea (%rcx,%rdx), %r8        /* the end, from that word */
    sub %rcx, %rsi
    sub %rcx, %rdi
    lea -1(%r8), %r9
    mov $0x116, %r11d           /* 1, 2, 4, 8: elements */
    xor %r10d, %r10d
    and $-8, %r9                /* the body's end, from there */
    bt %rdx, %r11
    cmovc %r10, %r9             /* none */
    dec %r10
    shlx %rcx, %r10, %r11       /* all from dst on */
    sub %r9d, %r8d
    bzhi %r9, %r11, %rcx
    test %r9, %r9
    kmovq %rcx, %k1
    cmovz %r11, %r10
    bzhi %r8, %r10, %r10
    kmovd %r10d, %k2
    load START, vmovdqu8 (%rsi), %zmm16{%k1}{z}
    load START, vmovdqu8 (%rsi,%r9), %xmm17{%k2}{z}
    store START, vmovdqu8 %zmm16, (%rdi){%k1}
    store WORDS, vmovdqu8 %xmm17, (%rdi,%r9){%k2}
    finish
    .endm

    .macro medium_and_large medium, large
/* 65 to 256 bytes: four blocks, those beyond the body with empty masks, and the last word. No
 * branch, and the loads come first. */
    .p2align 5
\medium:
    lea membus_avx512_masks(%rip), %r8
    sub %rcx, %rdi
    sub %rcx, %rsi
    lea -1(%rcx,%rdx), %r9
    kmovq (%r8,%rcx,8), %k1
    mov %r9d, %r10d
    and $-8, %r9d               /* the body's end, from the word of dst */
    and $7, %r10d
    mov %r9d, %ecx
    shr $3, %ecx
    kmovw MASKS_LAST+2(%r8,%r10,2), %k5
    sub %rcx, %r8
    kmovq MASKS_FIRST_WORDS+8(%r8), %k2
    kmovq MASKS_FIRST_WORDS+16(%r8), %k3
    kmovq MASKS_FIRST_WORDS+24(%r8), %k4
    load START, vmovdqu8 (%rsi), %zmm16{%k1}{z}
    load START, vmovdqu8 64(%rsi), %zmm17{%k2}{z}
    load START, vmovdqu8 128(%rsi), %zmm18{%k3}{z}
    load START, vmovdqu8 192(%rsi), %zmm19{%k4}{z}
    load START, vmovdqu8 -8(%rsi,%r9), %xmm20{%k5}{z}
    store START, vmovdqu8 %zmm16, (%rdi){%k1}
    store BLOCK_1, vmovdqu8 %zmm17, 64(%rdi){%k2}
    store BLOCK_2, vmovdqu8 %zmm18, 128(%rdi){%k3}
    store BLOCK_3, vmovdqu8 %zmm19, 192(%rdi){%k4}
    store WORDS, vmovdqu8 %xmm20, -8(%rdi,%r9){%k5}
    finish

/*
 * Over 256: up to a line of the destination, masked; two lines a turn; then two blocks with masks,
 * and the last word. For sizes at random the last turn is what the processor fails to predict: the
 * longer a turn the fewer there are, and the more blocks have empty masks. Lines are loaded by
 * halves, because where a line of dst crosses one of src only one of them does.
 */
    .p2align 5
\large:
    mov %edi, %ecx
    lea (%rdi,%rdx), %r9
    and $63, %ecx               /* dst's place in its line */
    otherwise_large
    mov $-1, %r8
    lea membus_avx512_masks(%rip), %r11
    shlx %rcx, %r8, %r8
    sub %rcx, %rdi
    sub %rcx, %rsi
    kmovq %r8, %k1
    dec %r9
    mov %r9d, %r10d
    load START, vmovdqu8 (%rsi), %zmm16{%k1}{z}
    and $-8, %r9                /* the last word */
    and $7, %r10d
    store START, vmovdqu8 %zmm16, (%rdi){%k1}
    kmovw MASKS_LAST+2(%r11,%r10,2), %k5
    sub %rdi, %r9               /* what there is before it, this line included */
    cmp $192, %r9
    jbe 2f
    .p2align 6
1:  load LINE, vmovdqu64 64(%rsi), %ymm16
    load LINE, vinserti64x4 $1, 96(%rsi), %zmm16, %zmm16
    load LINE, vmovdqu64 128(%rsi), %ymm17
    load LINE, vinserti64x4 $1, 160(%rsi), %zmm17, %zmm17
    store LINE, vmovdqu64 %zmm16, 64(%rdi)
    store LINE_2, vmovdqu64 %zmm17, 128(%rdi)
    add $128, %rsi
    add $128, %rdi
    sub $128, %r9
    cmp $192, %r9
    ja 1b
2:  mov %r9d, %r10d
    shr $3, %r10d
    sub %r10, %r11
    kmovq MASKS_FIRST_WORDS+8(%r11), %k1
    kmovq MASKS_FIRST_WORDS+16(%r11), %k2
    load LINE, vmovdqu8 64(%rsi), %zmm16{%k1}{z}
    load LINE, vmovdqu8 128(%rsi), %zmm17{%k2}{z}
    load LINE, vmovdqu8 -8(%rsi,%r9), %xmm18{%k5}{z}
    store LINE, vmovdqu8 %zmm16, 64(%rdi){%k1}
    store LINE_2, vmovdqu8 %zmm17, 128(%rdi){%k2}
    store LAST, vmovdqu8 %xmm18, -8(%rdi,%r9){%k5}
    finish
    .endm

#endif
