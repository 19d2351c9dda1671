/* SPDX-License-Identifier: MIT */

/*
 * Overlapping moves with src < dst < src + n, ascending, by the kernel `avx2`: the window is a ring
 * of vector registers, one to 32 bytes of the destination, a *line* here.
 *
 * As move_avx512_ring.S, which says how such a ring turns and drains: a register is stored, and at
 * once takes the line of the source that is `lines` further on, so the ring must be d/32 lines,
 * rounded up, and one more. Without masks the ragged ends are elements:
 *
 *   head   1, 2, 4, 8, 16 bytes up to a line, each if it is there
 *   lines  32 bytes each, aligned
 *   tail   16 and 8 bytes, each if it is there, and a word
 *   last   4, 2, 1 bytes, each if it is there
 *
 * What is not there is stored to a sink, since a mispredicted branch costs more; but ends that are
 * aligned, as those of pages are, have a branch past these stores. Head, tail, last and all of the
 * ring's first lines are loaded before anything is stored. Nothing is loaded from outside the
 * source (L1).
 *
 * In: rdi dst, rsi src, rdx n, of which at least 71: a line between the longest ends. Out: rax dst.
 * On the way:
 *
 *   rdi    destination of the ring's first register    rdx  lines not loaded yet
 *   rsi    source of the line that is loaded next      rcx  lines to store once all are loaded
 *   rax    dst, moving up to the first line            ymm0 for what passes the ring
 *
 * and in the red zone, at offsets from rsp:
 */

#define DST       -8
#define END       -16  /* dst + n */
#define LAST      -24  /* the last 8 bytes */
#define WORDS     -64  /* the 32 bytes that end where the last aligned word of dst does */
#define SINK      -88  /* 16 bytes, at a 16-byte boundary where the caller aligns its stack */
#define SLOTS     -96  /* the arguments of membus_avx2_ring_more */
#define SLOTS_END -104
#define DIRECT    -112
#define OFFSET    -120 /* src - dst */

#include "function.inc"

    .text

/* Tail and last loaded. rax dst, rdi and rsi at the first line, rdx all lines, r8 -d. */
    .macro begin
    mov %rdi, %rax
    mov %rdi, DST(%rsp)
    lea (%rdi,%rdx), %r9
    mov %r9, END(%rsp)
    mov %rsi, %r8
    sub %rdi, %r8
    mov %r9, %rdx
    and $-8, %rdx
    vmovdqu -32(%rdx,%r8), %ymm0
    mov -8(%r9,%r8), %r10
    add $31, %rdi
    and $-32, %rdi
    lea (%rdi,%r8), %rsi
    sub $8, %rdx
    sub %rdi, %rdx
    shr $5, %rdx
    vmovdqu %ymm0, WORDS(%rsp)
    mov %r10, LAST(%rsp)
    .endm

/* r8, r10, r11, rcx, xmm0: the elements of 1, 2, 4, 8 and 16 bytes that there might be. */
    .macro load_head
    mov %eax, %ecx
    neg %ecx
    add %rax, %r8
    mov %ecx, %r9d
    and $15, %r9d
    vmovdqu (%r8,%r9), %xmm0
    mov %ecx, %r11d
    and $3, %r11d
    mov (%r8,%r11), %r11d
    mov %ecx, %r10d
    and $1, %r10d
    movzwl (%r8,%r10), %r10d
    and $7, %ecx
    mov (%r8,%rcx), %rcx
    movzbl (%r8), %r8d
    .endm

/* One element of a head. */
    .macro element width, store, register
    lea SINK(%rsp), %r9
    test $\width, %al
    cmovnz %rax, %r9
    \store %\register, (%r9)
    .if \width < 16
    mov %eax, %r9d
    and $\width, %r9d
    add %r9, %rax
    .endif
    .endm

    .macro store_head
    test $31, %al
    jz 9f
    element 1, movb, r8b
    element 2, movw, r10w
    element 4, movl, r11d
    element 8, movq, rcx
    element 16, vmovdqu, xmm0
9:
    .endm

/* Lines from rdi on. */
    .macro lines_left to
    mov END(%rsp), \to
    and $-8, \to
    sub $8, \to
    sub %rdi, \to
    shr $5, \to
    .endm

/* Tail and last. */
    .macro finish
    mov END(%rsp), %r9
    mov DST(%rsp), %rax
    mov %r9, %r10
    and $-8, %r10
    sub $8, %r10                /* the last word */
    mov %r10, %rdi
    and $-32, %rdi
    mov %r10d, %ecx
    and $24, %ecx               /* bytes before it */
    lea SINK(%rsp), %r11
    test $16, %cl
    cmovz %r11, %rdi
    lea -8(%r10), %rdx
    test $8, %cl
    cmovz %r11, %rdx
    neg %rcx
    vmovdqu WORDS+24(%rsp,%rcx), %xmm0
    mov WORDS+16(%rsp), %rcx
    mov WORDS+24(%rsp), %r8
    vmovdqa %xmm0, (%rdi)
    mov %rcx, (%rdx)
    mov %r8, (%r10)
    test $7, %r9d
    jz 9f
    mov %r9d, %ecx
    and $3, %ecx
    neg %rcx
    lea -4(%r9,%rcx), %rdi
    test $4, %r9b
    cmovz %r11, %rdi
    mov LAST+4(%rsp,%rcx), %r8d
    mov %r9d, %ecx
    and $1, %ecx
    neg %rcx
    lea -2(%r9,%rcx), %rdx
    test $2, %r9b
    cmovz %r11, %rdx
    movzwl LAST+6(%rsp,%rcx), %r10d
    movzbl LAST+7(%rsp), %ecx
    test $1, %r9b
    lea -1(%r9), %r9
    cmovz %r11, %r9
    mov %r8d, (%rdi)
    mov %r10w, (%rdx)
    mov %cl, (%r9)
9:  vzeroupper
    ret
    .endm

/* membus_avx2_ring_LINES(dst, src, n): d up to 32 * (LINES - 1), or at most LINES lines. */
    .macro ring lines, registers
    function membus_avx2_ring_\lines
    begin
    load_head
    .set at, 0
    .irp r, \registers
    vmovdqu at(%rsi), %ymm\r
    .set at, at + 32
    dec %rdx
    jz 1f
    .endr
    add $32 * \lines, %rsi
1:  store_head
    test %rdx, %rdx
    jz 4f
    mov $\lines, %ecx
2:  .set at, 0
    .irp r, \registers
    vmovdqa %ymm\r, at(%rdi)
    vmovdqu at(%rsi), %ymm\r
    .set at, at + 32
    dec %rdx
    jz .Lring\lines\()_after_\r
    .endr
    add $32 * \lines, %rdi
    add $32 * \lines, %rsi
    jmp 2b
4:  lines_left %rcx             /* no more lines than registers */
3:  .set at, 0
    .irp r, \registers
    vmovdqa %ymm\r, at(%rdi)
    .set at, at + 32
    dec %ecx
    jz 5f
.Lring\lines\()_after_\r:
    .endr
    add $32 * \lines, %rdi
    jmp 3b
5:  finish
    end_function membus_avx2_ring_\lines
    .endm

/* Three lines at once, through the registers that the ring leaves. */
    .macro load_three move, from:vararg
    \move \from, %ymm0
    \move 32\from, %ymm14
    \move 64\from, %ymm15
    .endm

    .macro store_three to
    vmovdqa %ymm0, (\to)
    vmovdqa %ymm14, 32(\to)
    vmovdqa %ymm15, 64(\to)
    add $96, \to
    .endm

/*
 * membus_avx2_ring_more(dst, src, n, slots, count, direct): the first `direct` lines are copied past
 * the ring once it is full. It starts with `count` slots in memory, a multiple of 3, and goes on in
 * LINES registers; what goes through a slot is stored and loaded twice, three at a time: one at a
 * time took up to 1.6 times as long, in runs in which memmove took a third longer, too. So the ring
 * must be two lines more: d is up to 32 * (count + LINES - 3), or there are no more lines for it than
 * it has room for, and `count` may be 0.
 *
 *   r8     the slots                r10  the next slot
 *   r9     their end                r11  src - dst
 */
    .macro ring_more lines, registers
    function membus_avx2_ring_more
    mov %rcx, SLOTS(%rsp)
    shl $5, %r8
    add %rcx, %r8
    mov %r8, SLOTS_END(%rsp)
    mov %r9, DIRECT(%rsp)
    begin
    mov %r8, OFFSET(%rsp)
    mov SLOTS(%rsp), %rcx
    mov SLOTS_END(%rsp), %r11
    mov DIRECT(%rsp), %r9
    sub %r9, %rdx
    shl $5, %r9
    add %r9, %rsi
    jmp 2f
1:  load_three vmovdqu, (%rsi)
    store_three %rcx
    add $96, %rsi
    sub $3, %rdx
2:  cmp %r11, %rcx
    jne 1b
    load_head
    .set at, 0
    .irp r, \registers
    vmovdqu at(%rsi), %ymm\r
    .set at, at + 32
    dec %rdx
    jz 1f
    .endr
    add $32 * \lines, %rsi
1:  store_head
    mov SLOTS(%rsp), %r8
    mov SLOTS_END(%rsp), %r9
    mov OFFSET(%rsp), %r11
    mov DIRECT(%rsp), %rcx
    sub $3, %rcx
    jb 2f
1:  load_three vmovdqu, (%rdi,%r11)
    store_three %rdi
    sub $3, %rcx
    jae 1b
2:  add $3, %rcx
    jz 2f
1:  vmovdqu (%rdi,%r11), %ymm0
    vmovdqa %ymm0, (%rdi)
    add $32, %rdi
    dec %rcx
    jnz 1b
2:  test %rdx, %rdx
    jz 5f
    mov %r9, %rcx
    sub %r8, %rcx
    shr $5, %rcx
    add $\lines, %rcx           /* what the ring holds */
2:  mov %r8, %r10
3:  cmp $3, %rdx
    jb 4f
    load_three vmovdqa, (%r10)
    store_three %rdi
    load_three vmovdqu, (%rsi)
    store_three %r10
    add $96, %rsi
    sub $3, %rdx
    jz 6f
    cmp %r9, %r10
    jne 3b
    .set at, 0
    .irp r, \registers
    vmovdqa %ymm\r, at(%rdi)
    vmovdqu at(%rsi), %ymm\r
    .set at, at + 32
    dec %rdx
    jz .Lmore_after_\r
    .endr
    add $32 * \lines, %rdi
    add $32 * \lines, %rsi
    jmp 2b
4:  vmovdqa (%r10), %ymm0       /* the last one or two */
    vmovdqa %ymm0, (%rdi)
    vmovdqu (%rsi), %ymm0
    vmovdqa %ymm0, (%r10)
    add $32, %r10
    add $32, %rdi
    add $32, %rsi
    dec %rdx
    jnz 4b
    jmp 6f
5:  lines_left %rcx             /* the ring holds all that are left */
1:  mov %r8, %r10
6:  cmp %r9, %r10
    je 7f
    vmovdqa (%r10), %ymm0
    vmovdqa %ymm0, (%rdi)
    add $32, %r10
    add $32, %rdi
    dec %rcx
    jnz 6b
    jmp 8f
7:  .set at, 0
    .irp r, \registers
    vmovdqa %ymm\r, at(%rdi)
    .set at, at + 32
    dec %rcx
    jz 8f
.Lmore_after_\r:
    .endr
    add $32 * \lines, %rdi
    jmp 1b
8:  finish
    end_function membus_avx2_ring_more
    .endm

    ring 4, "1, 2, 3, 4"
    ring 8, "1, 2, 3, 4, 5, 6, 7, 8"
    ring 15, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"
    ring_more 13, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13"

    .section .note.GNU-stack, "", @progbits
