/* SPDX-License-Identifier: MIT */

/*
 * The guest: position-independent x86-64 code without a stack frame of C. It makes MMIO accesses of
 * 1, 2, 4 and 8 bytes, aligned and not, reads them back, lets the DMA device copy, polls the last
 * word of its completion, and compares. It ends with its status: where it failed, or 0.
 */

#include "vmm.h"

/* clang-format off */
__asm__(
    ".pushsection .rodata\n"
    ".globl vmm_guest\n"
    "vmm_guest:\n"
    "    lea hello(%rip), %rsi\n"
    "    call puts\n"

    /* Stores: aligned, then not. */
    "    mov $0xd0000000, %ebx\n"
    "    mov $0x8899aabbccddeeff, %rax\n"
    "    movb $0x11, (%rbx)\n"
    "    movw $0x2233, 2(%rbx)\n"
    "    movl $0x44556677, 4(%rbx)\n"
    "    mov %rax, 8(%rbx)\n"
    "    movb $0x12, 17(%rbx)\n"
    "    movw $0x2334, 19(%rbx)\n"
    "    movl $0x45566778, 22(%rbx)\n"
    "    mov %rax, 29(%rbx)\n"

    /* Loads of the same. */
    "    mov $1, %ebp\n"
    "    movzbl (%rbx), %ecx\n"
    "    cmp $0x11, %ecx\n"
    "    jne failed\n"
    "    movzwl 2(%rbx), %ecx\n"
    "    cmp $0x2233, %ecx\n"
    "    jne failed\n"
    "    movl 4(%rbx), %ecx\n"
    "    cmp $0x44556677, %ecx\n"
    "    jne failed\n"
    "    mov 8(%rbx), %rcx\n"
    "    cmp %rax, %rcx\n"
    "    jne failed\n"
    "    inc %ebp\n" /* 2: unaligned */
    "    movzbl 17(%rbx), %ecx\n"
    "    cmp $0x12, %ecx\n"
    "    jne failed\n"
    "    movzwl 19(%rbx), %ecx\n"
    "    cmp $0x2334, %ecx\n"
    "    jne failed\n"
    "    movl 22(%rbx), %ecx\n"
    "    cmp $0x45566778, %ecx\n"
    "    jne failed\n"
    "    mov 29(%rbx), %rcx\n"
    "    cmp %rax, %rcx\n"
    "    jne failed\n"
    "    lea mmio(%rip), %rsi\n"
    "    call puts\n"

    /* DMA: rounds in r12; the phase of a round is 1, 0, 1, ... */
    "    mov $0xd0001000, %ebx\n"
    "    xor %r12d, %r12d\n"
    "round:\n"
    "    mov $0x100000, %edi\n" /* a pattern of this round */
    "    lea 1(%r12), %eax\n"
    "    mov $1000, %ecx\n"
    "fill:\n"
    "    movb %al, (%rdi)\n"
    "    add $7, %al\n"
    "    inc %rdi\n"
    "    dec %ecx\n"
    "    jnz fill\n"
    "    mov $0x100000, %eax\n"
    "    mov %rax, (%rbx)\n" /* source */
    "    mov $0x200003, %eax\n"
    "    mov %rax, 8(%rbx)\n" /* destination, unaligned */
    "    mov $0x300000, %eax\n"
    "    mov %rax, 24(%rbx)\n" /* completion */
    "    movl $1000, 16(%rbx)\n" /* length */
    "    movl $1, 32(%rbx)\n" /* doorbell */
    "    mov %r12d, %edx\n"
    "    not %edx\n"
    "    and $1, %edx\n"
    "    mov $0x300000, %edi\n"
    "poll:\n"
    "    pause\n"
    "    mov 12(%rdi), %eax\n"
    "    and $1, %eax\n"
    "    cmp %edx, %eax\n"
    "    jne poll\n"
    "    mov $3, %ebp\n" /* 3: the completion's other words, seen with its last one */
    "    cmpl %r12d, (%rdi)\n"
    "    jne failed\n"
    "    cmpl $1000, 4(%rdi)\n"
    "    jne failed\n"
    "    inc %ebp\n" /* 4: the data */
    "    mov $0x100000, %esi\n"
    "    mov $0x200003, %edi\n"
    "    mov $1000, %ecx\n"
    "compare:\n"
    "    mov (%rsi), %al\n"
    "    cmp (%rdi), %al\n"
    "    jne failed\n"
    "    inc %rsi\n"
    "    inc %rdi\n"
    "    dec %ecx\n"
    "    jnz compare\n"
    "    inc %r12d\n"
    "    cmp $8, %r12d\n" /* VMM_ROUNDS */
    "    jne round\n"
    "    lea dma(%rip), %rsi\n"
    "    call puts\n"
    "    xor %ebp, %ebp\n"
    "failed:\n"
    "    mov %ebp, %eax\n"
    "    out %al, $0xf4\n"
    "halt:\n"
    "    hlt\n"
    "    jmp halt\n"

    /* rsi: a string, to the serial port, when that is ready to send. */
    "puts:\n"
    "    mov $0x3fd, %edx\n"
    "    in %dx, %al\n"
    "    test $0x20, %al\n"
    "    jz puts\n"
    "    mov (%rsi), %al\n"
    "    test %al, %al\n"
    "    jz done\n"
    "    mov $0x3f8, %edx\n"
    "    out %al, %dx\n"
    "    inc %rsi\n"
    "    jmp puts\n"
    "done:\n"
    "    ret\n"
    "hello: .asciz \"guest: hello\\n\"\n"
    "mmio:  .asciz \"guest: MMIO of 1, 2, 4, 8 bytes, aligned and not: as written\\n\"\n"
    "dma:   .asciz \"guest: DMA in 8 rounds: whole and in order\\n\"\n"
    "vmm_guest_end:\n"
    "    .balign 8\n"
    ".globl vmm_guest_size\n"
    "vmm_guest_size:\n"
    "    .quad vmm_guest_end - vmm_guest\n"
    ".popsection\n");
/* clang-format on */
