/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_MASKS_AVX512_H
#define MEMBUS_X86_64_MASKS_AVX512_H

/*
 * The table of masks, membus_avx512_masks, of kernel_avx512.c, for copy_avx512.S.
 *
 * At the start are eight of 64 bits: the bytes of a block from 0 to 7 on. At MASKS_FIRST_WORDS less
 * bytes / 8 are those of blocks of which the first `bytes`, a multiple of 8, are meant. At
 * MASKS_LAST are nine of 16 bits: the first 0 to 8 bytes of a second word.
 */
#define MASKS_FIRST_WORDS 112
#define MASKS_LAST        144

/*
 * The kinds of accesses in sizes_avx512.inc: what had been stored when one of them faults. The body
 * ends at r9, seen from the word of dst; large: from the line at rdi. dst is in rax.
 */
#define GUARD_START   0 /* nothing */
#define GUARD_BLOCK_1 1 /* 64, 128 and 192 bytes from the word of dst, as far as the body goes */
#define GUARD_BLOCK_2 2
#define GUARD_BLOCK_3 3
#define GUARD_WORDS   4 /* the body */
#define GUARD_LINE    5 /* one and two lines from the one at rdi, as far as the body goes */
#define GUARD_LINE_2  6
#define GUARD_LAST    7  /* the body; large */
#define GUARD_STORE   16 /* or-ed with those: it is a store */

#endif
