/* SPDX-License-Identifier: MIT */

/*
 * Overlapping moves with src < dst < src + n, ascending, by the kernels `avx512` and
 * `avx512-halves`: the window is a ring of vector registers, one to a 64-byte line of the
 * destination.
 *
 * A register is stored, and at once takes the line of the source that is `lines` further on. The
 * store overwrites source bytes at least d further on, so the ring must be d/64 lines, rounded up,
 * and one more. In assembly, because the registers are the data structure: what is stored next is
 * told by where the program is. So each line of the loop has a way out of it, to the place in the
 * drain that goes on with the next register; nothing is computed, and nothing is copied aside.
 *
 * The ends are ragged and have accesses of their own. In the order of their stores:
 *
 *   head   from the aligned word that dst starts in, up to a line, masked; zmm0
 *   lines  64 bytes each, aligned
 *   tail   the 64 bytes before the last word, masked to what the lines have left over (8 to 64
 *          bytes, all of them words); zmm1
 *   word   the 1 to 8 bytes of the last word, masked (W5); r8
 *
 * All are issued from an aligned word, so none tears an element (W3). All of the ring's first
 * lines, head, tail and word are loaded before anything is stored. Nothing is loaded from outside
 * the source (L1), nor do idle lanes lie in a page where nothing is copied: that takes some 400 ns.
 *
 * In: rdi dst, rsi src, rdx n, of which at least 249. Out: rax dst. Stores nothing to the stack:
 * what goes there takes its turn among the stores of the move. On the way:
 *
 *   rdi    destination of the ring's first register    r8   src - dst, then the last word
 *   rsi    source of the line it takes next, less ring r9   the end of dst
 *   rdx    lines not loaded yet                        r10  the last word of dst
 *   ecx    lines to store once all are loaded          k1   mask of the head
 */

#include "function.inc"

    .text

/* A line of the source, as the kernel loads it. By halves where a load of 64 bytes that crosses a line
 * takes longer than two of 32, of which only one crosses it. */
    .macro load register, at, base=rsi
    .if BY_HALVES
    vmovdqu64 \at(%\base), %ymm\register
    vinserti64x4 $1, \at+32(%\base), %zmm\register, %zmm\register
    .else
    vmovdqu64 \at(%\base), %zmm\register
    .endif
    .endm

/* Everything but the lines themselves; the head is loaded. */
    .macro begin
    mov %rdi, %rax
    mov %edi, %r11d
    and $7, %r11d
    lea (%rdi,%rdx), %r9
    mov $-1, %rdx               /* the mask: from dst, up to the line, of 64 bytes from its word */
    mov %edi, %r10d
    and $56, %r10d
    shrx %r10, %rdx, %r10
    shlx %r11, %rdx, %rdx
    and %r10, %rdx
    kmovq %rdx, %k1
    mov %rsi, %r8
    sub %rdi, %r8
    mov %esi, %r10d
    and $4095, %r10d
    cmp %r11d, %r10d
    jb 8f                       /* lanes before src would lie in the page before */
    sub %r11, %rsi
    vmovdqu8 (%rsi), %zmm0{%k1}{z}
9:  or $63, %rdi
    inc %rdi
    lea (%rdi,%r8), %rsi
    lea -1(%r9), %r10
    and $-8, %r10
    mov %r10, %rdx
    sub %rdi, %rdx
    sub $8, %rdx
    shr $6, %rdx
    .endm

    .macro load_tail
    vmovdqu64 -64(%r10,%r8), %zmm1
    .endm

    .macro load_word            /* the last 8 bytes of src */
    add %r9, %r8
    mov -8(%r8), %r8
    .endm

    .macro store_head
    mov %rax, %r11
    and $-8, %r11
    vmovdqu8 %zmm0, (%r11){%k1}
    .endm

/* Tail and word. The word is stored from the word before, as lanes above it might lie in a page
 * beyond the end. Then, out of the way, what `begin` needs at the start of a page: the head's
 * first word at its place by shifts, where a load from before src would have put it. */
    .macro finish
    mov $-1, %rdx
    mov %r10d, %ecx
    neg %ecx
    shlx %rcx, %rdx, %rdx       /* the last r10 % 64 of 64, or all */
    kmovq %rdx, %k1
    neg %r9d
    and $7, %r9d                /* bytes that the last word lacks */
    mov $0xff, %ecx
    shrx %r9d, %ecx, %ecx
    shl $8, %ecx
    kmovd %ecx, %k2
    shl $3, %r9d
    shrx %r9, %r8, %r8
    vmovdqu8 %zmm1, -64(%r10){%k1}
    vpbroadcastq %r8, %xmm0
    vmovdqu8 %xmm0, -8(%r10){%k2}
    vzeroupper
    ret
8:  vmovdqu64 (%rsi), %zmm0
    shl $3, %r11d
    vmovd %r11d, %xmm16
    neg %r11d
    add $64, %r11d
    vmovd %r11d, %xmm17
    vpsllq %xmm16, %zmm0, %zmm16
    valignq $7, %zmm0, %zmm0, %zmm0
    vpsrlq %xmm17, %zmm0, %zmm0
    vporq %zmm16, %zmm0, %zmm0
    jmp 9b
    .endm

/* membus_KERNEL_ring_LINES(dst, src, n): d up to 64 * (LINES - 1), or at most LINES lines. */
    .macro ring kernel, lines, registers
    function membus_\kernel\()_ring_\lines
    begin
    mov %edx, %ecx
    .set at, 0
    .irp r, \registers
    load \r, at
    .set at, at + 64
    dec %rdx
    jz 1f
    .endr
    mov $\lines, %ecx
1:  load_tail
    load_word
    store_head
    test %rdx, %rdx
    jz 3f
2:  .set at, 0
    .irp r, \registers
    vmovdqa64 %zmm\r, at(%rdi)
    load \r, at+64*\lines
    .set at, at + 64
    dec %rdx
    jz .Lring_\kernel\()_\lines\()_after_\r
    .endr
    add $64 * \lines, %rdi
    add $64 * \lines, %rsi
    jmp 2b
3:  .set at, 0
    .irp r, \registers
    vmovdqa64 %zmm\r, at(%rdi)
    .set at, at + 64
    dec %ecx
    jz 4f
.Lring_\kernel\()_\lines\()_after_\r:
    .endr
    add $64 * \lines, %rdi
    jmp 3b
4:  finish
    end_function membus_\kernel\()_ring_\lines
    .endm

/* A line past the ring. */
    .macro pass
    load 0, 0, r11
    vmovdqa64 %zmm0, (%rdi)
    add $64, %r11
    add $64, %rdi
    .endm

/*
 * membus_KERNEL_ring_more(dst, src, n, slots, count, direct): the first `direct` lines, d / 64 - 1,
 * are copied past the ring, while it fills. It starts with `count` slots in memory, 64 bytes each, at
 * least 2, and goes on in LINES registers. What goes through a slot is stored and loaded twice. The
 * tail waits in one too, slots[count]. Either the ring has room for all the other lines, or d is up
 * to 64 * (count + LINES - 1). There must be more lines for it than slots.
 *
 * Of the source lines from `direct` on, head and first line overwrite the first two or three, and
 * each line after that one more; so two are loaded before the head is stored, and one more before
 * each line. Loaded all at once, before the first store, they took longer.
 *
 *   rax    the slots; dst meanwhile in k4      r11  the next slot
 *   r9     their end; that of dst in k3        k2   direct
 *   k5     lines for the ring                  k6   source of the first line
 */
    .macro ring_more kernel, lines, registers
    function membus_\kernel\()_ring_more
    shl $6, %r8
    add %rcx, %r8
    kmovq %r8, %k3
    kmovq %r9, %k2
    begin
    load_tail
    kmovq %k3, %r11
    vmovdqa64 %zmm1, (%r11)
    kmovq %rcx, %k4
    kmovq %rsi, %k6
    kmovq %k2, %r11
    sub %r11, %rdx
    shl $6, %r11
    add %r11, %rsi
    kmovq %rdx, %k5
    kmovq %k3, %r11
1:  load 1, 0
    vmovdqa64 %zmm1, (%rcx)
    add $64, %rcx
    add $64, %rsi
    dec %rdx
    cmp %r11, %rcx
    jne 1b
    load_word
    store_head
    kmovq %k6, %r11
    kmovq %k2, %rcx
    .set at, 0
    .irp r, \registers
    load \r, at
    pass
    .set at, at + 64
    dec %rcx
    jz .Lmore_\kernel\()_alone_\r
    dec %rdx
    jz 2f
    .endr
    jmp 2f
    .set at, 0
    .irp r, \registers
    load \r, at
    .set at, at + 64
.Lmore_\kernel\()_alone_\r:
    dec %rdx
    jz 3f
    .endr
    jmp 3f
2:  pass
    dec %rcx
    jnz 2b
3:  kmovq %k5, %rcx
    sub %rdx, %rcx
    kmovq %k3, %r11
    kmovq %r9, %k3
    mov %r11, %r9
    kmovq %k4, %r11
    kmovq %rax, %k4
    mov %r11, %rax
    test %rdx, %rdx
    jz 4f
2:  mov %rax, %r11
3:  vmovdqa64 (%r11), %zmm0
    vmovdqa64 %zmm0, (%rdi)
    load 0, 64*\lines
    vmovdqa64 %zmm0, (%r11)
    add $64, %r11
    add $64, %rdi
    add $64, %rsi
    dec %rdx
    jz 5f
    cmp %r9, %r11
    jne 3b
    .set at, 0
    .irp r, \registers
    vmovdqa64 %zmm\r, at(%rdi)
    load \r, at+64*\lines
    .set at, at + 64
    dec %rdx
    jz .Lmore_\kernel\()_after_\r
    .endr
    add $64 * \lines, %rdi
    add $64 * \lines, %rsi
    jmp 2b
4:  mov %rax, %r11
5:  cmp %r9, %r11
    je 6f
    vmovdqa64 (%r11), %zmm0
    vmovdqa64 %zmm0, (%rdi)
    add $64, %r11
    add $64, %rdi
    dec %ecx
    jnz 5b
    jmp 7f
6:  .set at, 0
    .irp r, \registers
    vmovdqa64 %zmm\r, at(%rdi)
    .set at, at + 64
    dec %ecx
    jz 7f
.Lmore_\kernel\()_after_\r:
    .endr
    add $64 * \lines, %rdi
    jmp 4b
7:  vmovdqa64 (%r9), %zmm1
    kmovq %k3, %r9
    kmovq %k4, %rax
    finish
    end_function membus_\kernel\()_ring_more
    .endm

    .macro moves kernel, by_halves
    .set BY_HALVES, \by_halves
    ring \kernel, 5, "27, 28, 29, 30, 31"
    ring \kernel, 9, "23, 24, 25, 26, 27, 28, 29, 30, 31"
    ring \kernel, 17, "15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31"
    ring \kernel, 25, "7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, \
        29, 30, 31"
    ring_more \kernel, 31, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, \
        23, 24, 25, 26, 27, 28, 29, 30, 31"
    .endm

    moves avx512, 0
    moves halves, 1

    .section .note.GNU-stack, "", @progbits
