/* SPDX-License-Identifier: MIT */

/* The way between host and guest: see slots.h. Nothing here but popfq changes a flag between the
 * guest's instruction and its context. */

#define SLOT      0
#define STEP_RSP  8
#define LEAVE_RSP 16
#define GPR(n)    (24 + 8 * (n))
#define RFLAGS    (24 + 128)

#define CONTEXT(offset) slots_context + (offset)(%rip)

    .hidden slots_context
    .hidden slots_enter
    .hidden slots_leave
    .hidden slots_step
    .hidden slots_after

    .macro save_host
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    .endm

    .macro restore_host
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    .endm

    .text
    .globl slots_enter
    .globl slots_leave
    .type slots_enter, @function
slots_enter:
    save_host
    sub $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov %rsp, CONTEXT(LEAVE_RSP)
    call *%rdi
slots_leave:
    mov CONTEXT(LEAVE_RSP), %rsp
    cld
    fninit
    fldcw 4(%rsp)
    ldmxcsr (%rsp)
    add $8, %rsp
    restore_host
    ret
    .size slots_enter, . - slots_enter

    .globl slots_step
    .globl slots_after
    .type slots_step, @function
slots_step:
    save_host
    mov %rsp, CONTEXT(STEP_RSP)
    pushq CONTEXT(RFLAGS)
    popfq
    mov CONTEXT(GPR(0)), %rax
    mov CONTEXT(GPR(1)), %rcx
    mov CONTEXT(GPR(2)), %rdx
    mov CONTEXT(GPR(3)), %rbx
    mov CONTEXT(GPR(4)), %rsp
    mov CONTEXT(GPR(5)), %rbp
    mov CONTEXT(GPR(6)), %rsi
    mov CONTEXT(GPR(7)), %rdi
    mov CONTEXT(GPR(8)), %r8
    mov CONTEXT(GPR(9)), %r9
    mov CONTEXT(GPR(10)), %r10
    mov CONTEXT(GPR(11)), %r11
    mov CONTEXT(GPR(12)), %r12
    mov CONTEXT(GPR(13)), %r13
    mov CONTEXT(GPR(14)), %r14
    mov CONTEXT(GPR(15)), %r15
    jmp *CONTEXT(SLOT)
slots_after:
    mov %rsp, CONTEXT(GPR(4))
    mov CONTEXT(STEP_RSP), %rsp
    pushfq
    popq CONTEXT(RFLAGS)
    cld
    mov %rax, CONTEXT(GPR(0))
    mov %rcx, CONTEXT(GPR(1))
    mov %rdx, CONTEXT(GPR(2))
    mov %rbx, CONTEXT(GPR(3))
    mov %rbp, CONTEXT(GPR(5))
    mov %rsi, CONTEXT(GPR(6))
    mov %rdi, CONTEXT(GPR(7))
    mov %r8, CONTEXT(GPR(8))
    mov %r9, CONTEXT(GPR(9))
    mov %r10, CONTEXT(GPR(10))
    mov %r11, CONTEXT(GPR(11))
    mov %r12, CONTEXT(GPR(12))
    mov %r13, CONTEXT(GPR(13))
    mov %r14, CONTEXT(GPR(14))
    mov %r15, CONTEXT(GPR(15))
    restore_host
    ret
    .size slots_step, . - slots_step

    .section .note.GNU-stack, "", @progbits
