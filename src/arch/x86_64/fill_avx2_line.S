/* SPDX-License-Identifier: MIT */

/*
 * The fill of the kernel `avx2`: void *membus_avx2_fill(void *dst, int value, size_t n).
 *
 * From a word on up to 263 bytes are a straight line, in assembly for what straight.inc says: 128,
 * 64, 32, 16 and 8 bytes, each if it is there, a word, and 4, 2 and 1 bytes (W5). What is not there
 * is stored to the sink on the stack. Only dst off a word's boundary takes a branch, to the elements
 * up to it: mostly, what is filled is aligned. What has no word, or is longer, is
 * membus_avx2_fill_other's.
 */

#include "function.inc"

    .text

function membus_avx2_fill
    mov %edi, %ecx
    lea -8(%rdx), %r8
    neg %ecx
    mov %rdi, %rax
    and $7, %ecx
    sub %rcx, %r8               /* the bytes before a word that is the last, at least */
    cmp $255, %r8
    ja membus_avx2_fill_other
    vmovd %esi, %xmm0
    vpbroadcastb %xmm0, %ymm0
    vmovq %xmm0, %rsi
    mov %rsp, %r11
    .cfi_def_cfa_register %r11
    and $-32, %rsp
    sub $256, %rsp
    test %ecx, %ecx
    jz 1f
    mov %ecx, %r9d              /* 1, 2 and 4 bytes up to the word */
    mov %ecx, %r10d
    and $1, %r9d
    cmovz %rsp, %rdi
    mov %sil, (%rdi)
    and $3, %r10d
    mov %ecx, %edx
    mov %rax, %rdi
    shl $6, %dl
    mov %rax, %rdx
    cmovns %rsp, %rdi
    cmovnc %rsp, %rdx
    mov %si, (%rdi,%r9)
    mov %esi, (%rdx,%r10)
    lea (%rax,%rcx), %rdi
1:  mov %r8d, %edx              /* carry and sign: 128 and 64 */
    mov %r8d, %r9d
    and $128, %r9d
    mov %rdi, %rcx
    mov %rdi, %r10
    shl $1, %dl
    cmovnc %rsp, %rcx
    cmovns %rsp, %r10
    vmovdqu %ymm0, (%rcx)
    vmovdqu %ymm0, 32(%rcx)
    vmovdqu %ymm0, 64(%rcx)
    vmovdqu %ymm0, 96(%rcx)
    vmovdqu %ymm0, (%r10,%r9)
    vmovdqu %ymm0, 32(%r10,%r9)
    mov %r8d, %r9d
    mov %r8d, %edx
    mov %r8d, %ecx              /* 32 and 16 */
    and $192, %r9d
    and $224, %edx
    mov %rdi, %r10
    shl $3, %cl
    mov %rdi, %rcx
    cmovnc %rsp, %r10
    cmovns %rsp, %rcx
    vmovdqu %ymm0, (%r10,%r9)
    vmovdqu %xmm0, (%rcx,%rdx)
    mov %r8d, %edx
    mov %rdi, %rcx
    and $248, %edx
    test $8, %r8b
    cmovz %rsp, %rcx
    mov %rsi, -8(%rcx,%rdx)
    mov %rsi, (%rdi,%rdx)
    mov %r8d, %ecx
    mov %r8d, %edx
    mov %r8d, %r9d              /* 4 and 2 */
    and $-4, %ecx
    and $-2, %edx
    mov %rdi, %r10
    shl $6, %r9b
    mov %rdi, %r9
    cmovnc %rsp, %r10
    cmovns %rsp, %r9
    mov %esi, 4(%r10,%rcx)
    mov %si, 6(%r9,%rdx)
    test $1, %r8b
    cmovz %rsp, %rdi
    mov %sil, 7(%rdi,%r8)
    vzeroupper
    mov %r11, %rsp
    .cfi_remember_state
    .cfi_def_cfa_register %rsp
    ret
    .cfi_restore_state
end_function membus_avx2_fill

    .section .note.GNU-stack, "", @progbits
