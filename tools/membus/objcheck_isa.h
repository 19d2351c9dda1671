/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_OBJCHECK_ISA_H
#define MEMBUS_OBJCHECK_ISA_H

/* Instruction sets, for objcheck_decode.c: which mnemonics access memory, and how. */

#include <capstone/capstone.h>

#include "objcheck.h"

/* One mnemonic. Width 0: that of the first register operand (arm64's ldr and str). */
struct objcheck_mnemonic {
    const char *name;
    char direction; /* 'l' load, 's' store, 'b' both, '-' no access although it has an address */
    uint8_t width;
    enum objcheck_form form;
};

/* A memory operand: its base register, 0 for none. */
struct objcheck_operand {
    bool memory;
    unsigned base;
};

struct objcheck_isa {
    const char *name;
    unsigned machine; /* EM_* */
    bool wide;        /* ELFCLASS64 */
    int big_endian;   /* 1, 0, or -1 for either */
    cs_arch arch;
    int mode;
    const char *own[3];       /* registers that address the function's own stack or constants */
    const char *frame[2];     /* that may be the frame pointer */
    const char *set_frame[4]; /* beginnings of the instructions that make it one */
    const struct objcheck_mnemonic *table; /* sorted by name; NULL: x86's operands say it all */
    size_t count;
    struct objcheck_operand (*operand)(const cs_detail *detail);
    const char *const *calls; /* mnemonics that call; NULL-terminated */
};

extern const struct objcheck_isa objcheck_isas[];
extern const unsigned objcheck_isa_count;

/* RISC-V has a decoder of its own: Capstone 4 does not know it. `*pc_reg` and `*pc_value` carry
 * an AUIPC to the jump that follows it. */
struct objcheck_riscv {
    unsigned reg;
    uint64_t value;
};
void objcheck_riscv_decode(struct objcheck_riscv *state, const uint8_t *code, size_t size,
                           uint64_t address, struct objcheck_insn *insn);

#endif
