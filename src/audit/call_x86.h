/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_CALL_X86_H
#define MEMBUS_AUDIT_CALL_X86_H

/* What the two engines on the real CPU have in common: how a call begins and ends. */

#include "audit/arena.h"
#include "audit/code_x86.h"
#include "audit/record_x86.h"

#define AUDIT_TEXT 128

/* How a call ended, before it is put in words. */
struct audit_outcome {
    int end;   /* enum membus_audit_end, or -1: the trace is full */
    int error; /* of audit_code_add(), when UNSUPPORTED because of it */
    int signal;
    uint64_t fault_addr;
};

/* A routine that takes more instructions than this never returns. */
static inline uint64_t audit_call_limit(size_t n)
{
    return 50000 + 64 * (uint64_t)n;
}

/* Where the XSAVE area keeps what the recorder reads; returns 0, or -EOPNOTSUPP. */
int audit_xstate_layout(struct audit_xstate_layout *layout);

/* The registers and stack of a call routine(dst, src, n) that returns to a->base. */
void audit_call_registers(struct audit_regs *regs, const struct audit_arena *a,
                          const void *routine);
/* A recorder for the case that the arena is set to, without its buffer. */
void audit_call_recorder(struct audit_recorder *r, const struct audit_arena *a);

/*
 * Fills in how the call ended, from the outcome and the registers at that point: rip is the
 * instruction's that could not go on. `text` (AUDIT_TEXT bytes) gets the words.
 */
void audit_call_finish(struct membus_audit_trace *t, struct audit_outcome *o,
                       const struct audit_arena *a, struct audit_code *code,
                       const struct audit_regs *regs, char *text);

/* Are two recordings of one case the same? */
bool audit_call_same(const struct membus_audit_access *a, uint64_t a_count,
                     const struct membus_audit_access *b, uint64_t b_count);

#endif
