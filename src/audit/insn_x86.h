/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_INSN_X86_H
#define MEMBUS_AUDIT_INSN_X86_H

/*
 * One x86-64 instruction as the engines need it: what memory it accesses, given the registers,
 * and how it is carried out. Decoded once by decode_x86.c, then kept by its address.
 */

#include <stdbool.h>
#include <stdint.h>

/* The registers, in the order of their numbers in the instruction set. */
enum { AUDIT_RAX, AUDIT_RCX, AUDIT_RDX, AUDIT_RBX, AUDIT_RSP, AUDIT_RBP, AUDIT_RSI, AUDIT_RDI };

struct audit_regs {
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t rip;
    uint64_t fs_base, gs_base;
    const unsigned char *xstate; /* XSAVE's standard format; valid when the instruction asks */
};

/* How many of an operand's bytes are accessed. */
enum audit_cover {
    AUDIT_COVER_ALL,
    AUDIT_COVER_OPMASK,    /* elements whose bit in an AVX-512 mask register is set */
    AUDIT_COVER_PACKED,    /* as many elements as there are bits, from the start (vpcompress) */
    AUDIT_COVER_SIGNS,     /* elements whose sign in a vector register is set (vmaskmov) */
    AUDIT_COVER_SIGNS_MMX, /* the same in an MMX register (maskmovq) */
    AUDIT_COVER_REPEATED,  /* rcx elements, upward or downward by the direction flag */
    AUDIT_COVER_LINE       /* the 64-byte line that holds the address (clzero) */
};

/* A memory operand. */
struct audit_mem {
    int8_t base, index; /* register, or -1; rip is resolved into disp */
    uint8_t shift;      /* of the index */
    uint8_t segment;    /* 0, or 4 = fs, 5 = gs */
    bool address32;     /* the address is truncated to 32 bits */
    uint8_t cover;      /* enum audit_cover */
    uint8_t element;    /* bytes, where the cover counts elements */
    uint8_t mask_reg;   /* the mask or vector register */
    uint16_t kind;      /* MEMBUS_AUDIT_LOAD and _STORE, or both, and the rest */
    uint32_t width;     /* bytes; for REPEATED those of one element */
    int64_t disp;
};

/* How it is carried out. */
enum audit_op {
    AUDIT_OP_RUN,  /* as it is, in a slot */
    AUDIT_OP_JUMP, /* the rest is emulated */
    AUDIT_OP_CALL,
    AUDIT_OP_RETURN,
    AUDIT_OP_JCC,
    AUDIT_OP_LOOP, /* loop, loope, loopne, jrcxz */
    AUDIT_OP_SYSCALL,
    AUDIT_OP_TRAP,        /* int3, int1: SIGTRAP */
    AUDIT_OP_UNSUPPORTED, /* cannot be recorded exactly: `why` */
};

#define AUDIT_INSN_MEMS 4

struct audit_insn {
    uint64_t address;
    uint64_t ip; /* as it is recorded */
    uint8_t length;
    uint8_t op;
    uint8_t mems;
    uint8_t opcode;    /* last byte, for the conditions */
    bool fence;        /* orders stores before all that follows, itself included */
    bool stack;        /* uses the stack: its pointer must not be in the arena */
    bool inexact;      /* unsupported when an operand lies in the arena */
    uint8_t xstate;    /* components of the extended state that its masks are in; 0 = none */
    int8_t disp_at;    /* offset of a rip-relative displacement in its bytes, or -1 */
    int8_t target_reg; /* of an indirect branch, or -1 */
    bool target_mem;   /* an indirect branch through `branch_mem` */
    uint16_t pop;      /* bytes that ret n drops */
    bool address32;    /* a loop counts in ecx */
    uint64_t target;   /* of a direct branch */
    struct audit_mem branch_mem;
    struct audit_mem mem[AUDIT_INSN_MEMS];
    unsigned char bytes[16];
    unsigned char *slot;
    const char *why;
    const char *mnemonic;
};

/* Where XSAVE keeps the mask registers and the upper halves of ymm; 0 when the CPU has none. */
struct audit_xstate_layout {
    uint32_t size;
    uint32_t opmask, ymm_high;
};

#endif
