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

#endif
