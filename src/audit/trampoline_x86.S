/* SPDX-License-Identifier: MIT */

/* The way between host and guest: see slots.h. Nothing here but popfq changes a flag between the
 * guest's instruction and its context. */

#define RFLAGS    128
#define SLOT      168
#define STEP_RSP  176
#define LEAVE_RSP 184

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
    mov CONTEXT(0), %rax
    mov CONTEXT(8), %rcx
    mov CONTEXT(16), %rdx
    mov CONTEXT(24), %rbx
    mov CONTEXT(32), %rsp
    mov CONTEXT(40), %rbp
    mov CONTEXT(48), %rsi
    mov CONTEXT(56), %rdi
    mov CONTEXT(64), %r8
    mov CONTEXT(72), %r9
    mov CONTEXT(80), %r10
    mov CONTEXT(88), %r11
    mov CONTEXT(96), %r12
    mov CONTEXT(104), %r13
    mov CONTEXT(112), %r14
    mov CONTEXT(120), %r15
    jmp *CONTEXT(SLOT)
slots_after:
    mov %rsp, CONTEXT(32)
    mov CONTEXT(STEP_RSP), %rsp
    pushfq
    popq CONTEXT(RFLAGS)
    cld
    mov %rax, CONTEXT(0)
    mov %rcx, CONTEXT(8)
    mov %rdx, CONTEXT(16)
    mov %rbx, CONTEXT(24)
    mov %rbp, CONTEXT(40)
    mov %rsi, CONTEXT(48)
    mov %rdi, CONTEXT(56)
    mov %r8, CONTEXT(64)
    mov %r9, CONTEXT(72)
    mov %r10, CONTEXT(80)
    mov %r11, CONTEXT(88)
    mov %r12, CONTEXT(96)
    mov %r13, CONTEXT(104)
    mov %r14, CONTEXT(112)
    mov %r15, CONTEXT(120)
    restore_host
    ret
    .size slots_step, . - slots_step

    .section .note.GNU-stack, "", @progbits
