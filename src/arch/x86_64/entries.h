/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_ENTRIES_H
#define MEMBUS_X86_64_ENTRIES_H

/*
 * The kernels that membus_copy(), membus_move() and membus_guard_copy() go to without a jump
 * through a pointer, which takes 5 % of a short copy. The public functions have the code of
 * avx512 behind a comparison with ENTRY_AVX2; what is not above it goes on to NAME_avx2_entry,
 * with the flags of that comparison, and what is below to NAME_chosen. Up to 256 bytes
 * avx512-halves is the same code.
 */
#define ENTRY_AVX2          1
#define ENTRY_AVX512        2
#define ENTRY_AVX512_HALVES 3

#endif
