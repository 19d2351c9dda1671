/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_RECORD_X86_H
#define MEMBUS_AUDIT_RECORD_X86_H

/*
 * From an instruction about to run and the registers, to accesses. record_x86.c, check.c and
 * dispatch_x86.c are compiled for general registers only and call nothing outside themselves:
 * between two instructions of the routine its vector and mask registers are live in the CPU.
 */

#include <membus/audit.h>

#include "audit/insn_x86.h"

struct audit_recorder {
    uint64_t low, high; /* accesses that touch [low, high) are recorded */
    uint64_t src, dst;
    struct membus_audit_access *access;
    uint64_t count, capacity;
    bool fenced; /* a fence since the last store */
    struct audit_xstate_layout layout;
    uint64_t stores, loads; /* for the mutants */
};

/* A recorder that is wrong, for the tests of the engine's check: what it does wrong. */
enum audit_mutant {
    AUDIT_MUTANT_NONE,
    AUDIT_MUTANT_DROP_STORE,  /* the second store is not recorded */
    AUDIT_MUTANT_EXTRA_STORE, /* the first store is recorded again one byte further */
    AUDIT_MUTANT_STORE_SHORT, /* stores are a byte too narrow */
    AUDIT_MUTANT_STORE_WIDE,
    AUDIT_MUTANT_STORE_OFF, /* stores are a byte too high */
    AUDIT_MUTANT_MASK_INVERTED,
    AUDIT_MUTANT_DROP_LOAD,
    AUDIT_MUTANT_LOAD_SHORT,
    AUDIT_MUTANT_LOAD_OFF,
    AUDIT_MUTANTS
};
extern int membus_audit_mutant;

/*
 * Records what `insn` is about to access.
 *
 * Returns: 0, or the end of the call: UNSUPPORTED or SYSCALL, or CRASHED for a trap instruction;
 *          -1 when the trace is full.
 */
int audit_record(struct audit_recorder *r, const struct audit_insn *insn,
                 const struct audit_regs *regs);

/* The address of an operand. */
uint64_t audit_effective_address(const struct audit_mem *m, const struct audit_regs *regs);

#endif
