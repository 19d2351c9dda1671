/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_MASKS_AVX512_H
#define MEMBUS_X86_64_MASKS_AVX512_H

/*
 * The table of masks, membus_avx512_masks, of kernel_avx512.c, for sizes_avx512.inc.
 *
 * At the start are eight of 64 bits: the bytes of a block from 0 to 7 on. At MASKS_WORDS and a
 * number of words, -16 to 24, are those of a block of which that many words are meant, at most all,
 * at least none; of 8 bits, but the 16 from there may be read. At MASKS_LAST are nine of 16 bits:
 * the first 0 to 8 bytes of a second word.
 */
#define MASKS_WORDS 80
#define MASKS_LAST  106

/* `large`: a line, and the four blocks before the last word. */
#define MASKED_LARGE 320

/*
 * The kinds of accesses in sizes_avx512.inc: what had been stored when one of them faults. The body
 * ends at r9, seen from the word of dst; large: MASKED_LARGE behind r9, seen from the line at rdi.
 * dst is in rax.
 */
#define GUARD_START   0 /* nothing */
#define GUARD_BLOCK_1 1 /* 64, 128 and 192 bytes from the word of dst, as far as the body goes */
#define GUARD_BLOCK_2 2
#define GUARD_BLOCK_3 3
#define GUARD_WORDS   4 /* the body */
#define GUARD_LINE    5 /* one to four lines from the one at rdi */
#define GUARD_LINE_2  6
#define GUARD_LINE_3  7
#define GUARD_LINE_4  8
#define GUARD_LAST_3  9 /* up to 64, 128 and 192 bytes from r8, or a line from the one at rdi */
#define GUARD_LAST_2  10
#define GUARD_LAST_1  11
#define GUARD_LAST    12 /* the body; large */
#define GUARD_STORE   16 /* or-ed with those: it is a store */

#endif
