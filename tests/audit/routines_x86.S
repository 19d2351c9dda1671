/* SPDX-License-Identifier: MIT */

/* Routines whose accesses are known exactly: test_audit_engine.c says which. All have memcpy's
 * signature (dst in rdi, src in rsi, n in rdx). */

    .macro routine name
    .globl \name
    .type \name, @function
    .p2align 4
\name:
    mov %rdi, %rax
    .endm

    .text

/* General registers. */

routine bytes
    xor %ecx, %ecx
1:  cmp %rdx, %rcx
    jae 2f
    movb (%rsi,%rcx), %r8b
    movb %r8b, (%rdi,%rcx)
    inc %rcx
    jmp 1b
2:  ret

/* 15 bytes, every addressing form */
routine scalars
    mov $2, %ecx
    movq (%rsi), %r8
    movl (%rsi,%rcx,4), %r9d
    movzwl 12(%rsi), %r10d
    movb 12(%rsi,%rcx,1), %r11b
    lea 7(%rdi), %rdx
    movq %r8, (%rdi)
    movl %r9d, 1(%rdx)
    movw %r10w, -4(%rdi,%rcx,8)
    movb %r11b, 14(%rdi)
    ret

/* 8 bytes: reads and writes in one instruction */
routine modifies
    movq (%rsi), %rcx
    movq $0, (%rdi)
    addl %ecx, (%rdi)
    shr $32, %rcx
    xchg %ecx, 4(%rdi)
    movl (%rsi), %ecx
    xchg %ecx, (%rdi)
    lock xaddb %cl, 7(%rdi)
    movl 4(%rsi), %ecx
    mov %ecx, 4(%rdi)
    ret

routine bswapped
    movbe (%rsi), %rcx
    bswap %rcx
    bswap %rcx
    movbe %rcx, (%rdi)
    ret

/* 16 bytes through the stack */
routine pushes
    push %rbx
    push %rbp
    mov %rsp, %rbp
    pushq 8(%rsi)
    pushq (%rsi)
    popq (%rdi)
    popq 8(%rdi)
    sub $64, %rsp
    movq %rax, 8(%rsp)
    movq 8(%rsp), %rbx
    mov %rbx, %rax
    leave
    pop %rbx
    ret

/* 4 bytes, one by each way to call */
routine calls
    push %rbx
    xor %ebx, %ebx
    call one_byte
    lea one_byte(%rip), %rcx
    call *%rcx
    push %rcx
    call *(%rsp)
    pop %rcx
    call *one_byte_pointer(%rip)
    pop %rbx
    ret
one_byte:
    push $7
    call 1f
    ret
1:  movb (%rsi,%rbx), %r8b
    movb %r8b, (%rdi,%rbx)
    inc %ebx
    ret $8

    .data
    .p2align 3
one_byte_pointer:
    .quad one_byte
    .text

/* n of 0 to 3 by a jump table */
routine table
    lea table_of_offsets(%rip), %rcx
    movslq (%rcx,%rdx,4), %r8
    add %rcx, %r8
    notrack jmp *%r8
t3: movb 2(%rsi), %cl
    movb %cl, 2(%rdi)
t2: movb 1(%rsi), %cl
    movb %cl, 1(%rdi)
t1: movb (%rsi), %cl
    movb %cl, (%rdi)
t0: repz ret

    .section .rodata
    .p2align 4
table_of_offsets:
    .long t0 - table_of_offsets
    .long t1 - table_of_offsets
    .long t2 - table_of_offsets
    .long t3 - table_of_offsets
constant:
    .byte 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0
    .text

/* 16 bytes, reversed twice: constants by rip, and thread-local storage */
routine rip_relative
    movdqu (%rsi), %xmm0
    pshufb constant(%rip), %xmm0
    movdqa constant(%rip), %xmm1
    pshufb %xmm1, %xmm0
    cmpl $0x0c0d0e0f, constant(%rip)
    jne 1f
    mov %fs:0, %rcx
    movdqu %xmm0, (%rdi)
1:  ret

/* Every jcc against its setcc, over the flags' combinations 64 * n - 64 up to 64 * n, of 512. */
routine conditions
    push %rbx
    mov %rax, %r11
    mov %edx, %r8d
    dec %edx
    shl $6, %edx /* bit 8: of; bits 0-7: ah for sahf */
2:
    .irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
    mov $0x7f, %al
    mov %edx, %ecx
    shr $8, %ecx
    add %cl, %al
    mov %dl, %ah
    sahf
    set\cc %cl
    mov $0, %bl
    j\cc 3f
    jmp 4f
3:  mov $1, %bl
4:  cmp %bl, %cl
    jne 5f
    .endr
    inc %edx
    test $63, %edx
    jne 2b
    mov %r8d, %ecx
    rep movsb
    mov %r11, %rax
    pop %rbx
    ret
5:  ud2

/* n bytes (n > 1), backwards by loop; then loope, loopne and jrcxz must fall as they should. */
routine loops
    mov %rdx, %rcx
1:  movb -1(%rsi,%rcx), %r8b
    movb %r8b, -1(%rdi,%rcx)
    loop 1b
    jrcxz 2f
    ud2
2:  mov $3, %ecx
    cmp %ecx, %ecx
3:  loope 3b
    jecxz 4f
    ud2
4:  mov $3, %ecx
    cmp %ecx, %ecx
    loopne 5f
    cmp $2, %ecx
    jne 5f
    jrcxz 5f
    ret
5:  ud2

/* String instructions. */

routine rep_movsb
    mov %rdx, %rcx
    rep movsb
    ret

/* 8-byte units from the top, then none */
routine rep_movsq_down
    lea -8(%rsi,%rdx), %rsi
    lea -8(%rdi,%rdx), %rdi
    mov %rdx, %rcx
    shr $3, %rcx
    std
    rep movsq
    rep movsq
    cld
    ret

routine rep_stosb
    mov %rdi, %r8
    mov %rdx, %rcx
    mov $1, %al
    rep stosb
    mov %r8, %rax
    ret

/* 3 bytes: movsw, then lodsb and stosb */
routine single_strings
    mov %rdi, %r8
    movsw
    lodsb
    stosb
    mov %r8, %rax
    ret

/* SSE and AVX. */

/* 16 + 8 + 4 + 1 bytes */
routine sse
    movdqu (%rsi), %xmm0
    movq 16(%rsi), %xmm1
    movd 24(%rsi), %xmm2
    pinsrb $3, 28(%rsi), %xmm3
    movups %xmm0, (%rdi)
    movlps %xmm1, 16(%rdi)
    movss %xmm2, 24(%rdi)
    pextrb $3, %xmm3, 28(%rdi)
    ret

/* 64 bytes; dst aligned to 16 */
routine avx
    vmovdqu (%rsi), %ymm0
    vinsertf128 $0, 32(%rsi), %ymm1, %ymm1
    vbroadcastss 48(%rsi), %xmm2
    vmovups 48(%rsi), %xmm3
    vmovaps %xmm0, (%rdi)
    vextracti128 $1, %ymm0, 16(%rdi)
    vmovntdq %xmm1, 32(%rdi)
    vmovdqa %xmm3, 48(%rdi)
    vzeroupper
    ret

    .section .rodata
    .p2align 5
signs:
    .long 0, -1, -1, 0, 0x7fffffff, -1, 1, 0
signs_bytes:
    .byte 0, 0x80, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0
    .text

/* bytes 4-12 and 20-24 of 32, through the same mask; a qword mask of all zero */
routine vmaskmov
    vmovdqa signs(%rip), %ymm1
    vpmaskmovd (%rsi), %ymm1, %ymm0
    vmaskmovps %ymm0, %ymm1, (%rdi)
    vpxor %xmm1, %xmm1, %xmm1
    vpmaskmovq %ymm0, %ymm1, (%rdi)
    vmaskmovpd -4096(%rsi), %xmm1, %xmm2
    vzeroupper
    ret

/* bytes 1, 2 and 12 of 16 */
routine maskmov
    movdqu (%rsi), %xmm0
    movdqa signs_bytes(%rip), %xmm1
    maskmovdqu %xmm1, %xmm0
    ret

/* bytes 1 and 2 of 8 */
routine maskmov_mmx
    movq (%rsi), %mm0
    movq signs_bytes(%rip), %mm1
    maskmovq %mm1, %mm0
    emms
    ret

/* AVX-512: n up to 58 bytes by one access each, whose operand starts 5 bytes before. */
routine masked
    mov $-1, %rcx
    bzhi %rdx, %rcx, %rcx
    shl $5, %rcx
    kmovq %rcx, %k1
    vmovdqu8 -5(%rsi), %zmm16{%k1}{z}
    vmovdqu8 %zmm16, -5(%rdi){%k1}
    ret

/* 32 bytes: elements of 8, 4 and 2 bytes, with holes, and an empty mask */
routine masked_elements
    mov $0x5, %ecx
    kmovd %ecx, %k1
    vmovdqu64 (%rsi), %ymm17{%k1}{z}
    vmovdqu64 %ymm17, (%rdi){%k1}
    mov $0xcc, %ecx
    kmovd %ecx, %k2
    vmovups (%rsi), %ymm18{%k2}{z}
    vmovups %ymm18, (%rdi){%k2}
    kxord %k3, %k3, %k3
    vmovdqu16 %zmm17, 64(%rdi){%k3}
    vmovdqu16 -64(%rsi), %zmm17{%k3}
    ret

/* elements 1, 2 and 4 of 8, packed at dst: 12 bytes; then expanded from 12 bytes */
routine compressed
    mov $0x16, %ecx
    kmovd %ecx, %k1
    vmovdqu32 (%rsi), %ymm16
    vpcompressd %ymm16, (%rdi){%k1}
    vpexpandd (%rsi), %ymm17{%k1}{z}
    ret

/* Non-temporal stores and fences. 8 + 16 + 4 bytes; dst aligned to 16 from 8 on. */
routine nontemporal
    movq (%rsi), %rcx
    movdqu 8(%rsi), %xmm0
    movl 24(%rsi), %edx
    movnti %rcx, (%rdi)
    movntdq %xmm0, 8(%rdi)
    sfence
    movl %edx, 24(%rdi)
    lfence
    mfence
    lock orl $0, (%rsp)
    ret

/* dst aligned to 64 */
routine cleared_line
    lea 13(%rdi), %rax
    clzero
    mov %rdi, %rax
    ret

/* Hints that access nothing. 1 byte. */
routine hints
    prefetcht0 (%rsi)
    prefetchnta -1(%rsi)
    prefetchw (%rdi)
    clflush (%rdi)
    nopw 64(%rdi,%rax)
    lea 1(%rdi), %rcx
    endbr64
    movb (%rsi), %cl
    movb %cl, (%rdi)
    ret

/* Wrong ones. */

routine swaps_bytes
    movw (%rsi), %cx
    xchg %cl, %ch
    movw %cx, (%rdi)
    ret

routine returns_null
    movb (%rsi), %cl
    movb %cl, (%rdi)
    xor %eax, %eax
    ret

routine touches_neighbours
    movb -1(%rsi), %cl
    movb (%rsi), %cl
    movb %cl, (%rdi)
    movb %cl, 1(%rdi)
    ret

routine reads_past
    movb (%rsi,%rdx), %cl
    ret

routine writes_null
    movb (%rsi), %cl
    movb %cl, 8
    ret

routine jumps_away
    mov $0x1230, %ecx
    jmp *%rcx

routine overflows_stack
1:  sub $2040, %rsp
    call 1b
    ret

routine divides
    xor %ecx, %ecx
    div %rcx
    ret

routine undefined
    ud2

routine breakpoint
    int3
    ret

routine halts
    hlt
    ret

routine misaligned
    movaps 1(%rsp), %xmm0
    ret

routine endless
1:  jmp 1b

routine system_call
    mov $39, %eax
    syscall
    ret

routine system_call_32
    mov $20, %eax
    int $0x80
    ret

routine changes_flags
    pushf
    popf
    ret

routine gathers
    vpxor %xmm1, %xmm1, %xmm1
    vpcmpeqd %xmm2, %xmm2, %xmm2
    vpgatherdd %xmm2, (%rsi,%xmm1), %xmm0
    ret

routine stack_in_destination
    mov %rsp, %rcx
    lea 8(%rdi), %rsp
    push (%rsi)
    mov %rcx, %rsp
    ret

routine masked_add
    kxnord %k1, %k1, %k1
    vpaddd (%rsi), %zmm0, %zmm0{%k1}
    ret

    .data
    .globl data
    .type data, @object
    .size data, 8
data:
    .quad 1
    .section .note.GNU-stack, "", @progbits
