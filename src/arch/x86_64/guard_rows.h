/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_GUARD_ROWS_H
#define MEMBUS_X86_64_GUARD_ROWS_H

/*
 * The rows of the guard's tables, for guard.c, and for the test that makes them wrong. Where an
 * instruction is, is relative to its row, so that the tables need no relocation.
 *
 * The linker names the bounds of a section whose name is a C identifier; each library has its own.
 * Hidden in assembly, because GCC 12 drops the attribute beside an assembler name.
 */

#include <stdint.h>

#define GUARD_TABLE(table, type)                                                      \
    extern const struct type table##_begin[] __asm__("__start_membus_guard_" #table); \
    extern const struct type table##_end[] __asm__("__stop_membus_guard_" #table);    \
    __asm__(".hidden __start_membus_guard_" #table "\n"                               \
            ".hidden __stop_membus_guard_" #table "\n")

/* Of guard.c: where to go on; the bytes stored before, and whether it is a store. */
struct row {
    int32_t pc;
    int32_t to;
    uint16_t stored;
    uint16_t store;
};

/* Of guard_avx2.S: dst is done up to base + (index & mask) + at, which are numbers of registers in
 * mcontext_t. `framed`: r11 has the stack pointer. */
struct row_avx2 {
    int32_t pc;
    uint8_t base, index, store, framed;
    int16_t mask, at;
};

/* Of guard_avx512.S (masks_avx512.h has the kinds). */
struct row_avx512 {
    int32_t pc;
    int32_t kind;
};

#endif
