/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_CALL_X86_H
#define MEMBUS_AUDIT_CALL_X86_H

/* What the two engines on the real CPU have in common: how a call begins and ends. */

#include <sys/types.h>

#include "audit/arena.h"
#include "audit/check.h"
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

/* A routine, what it works on, and one call of it. */
struct audit_call {
    struct audit_regs regs;
    struct audit_recorder recorder;
    struct audit_outcome outcome;
    uint64_t steps, limit;
    struct audit_check check;
    struct audit_code code;
    struct audit_arena *arena;
    const void *routine;
    bool wants_check;
    /* Runs the routine from regs until it returns to arena->base or ends, recording. */
    void (*run)(struct audit_call *call);
};

/* Prepares for calls of `routine` in process `pid`; run and wants_check are the caller's to set.
 * Returns 0 or -errno. */
int audit_call_open(struct audit_call *k, struct audit_arena *arena, pid_t pid,
                    const void *routine);
void audit_call_close(struct audit_call *k);

/*
 * One call that nobody sees: what the routine does only the first time, such as choosing a variant
 * for this CPU, is in no trace, or it would be in that of a case that happens to come first.
 */
void audit_call_warm_up(struct audit_call *k, struct membus_audit_access *access,
                        uint64_t capacity);

/*
 * Carries out a case and checks it if asked to. The accesses go to `access`; there is room for
 * `capacity`, and the check needs as much again. `text` (AUDIT_TEXT bytes) gets trace->text.
 *
 * Returns: 0; -ENOSPC when there was not room enough: the trace then says UNSUPPORTED.
 */
int audit_call_case(struct audit_call *k, const struct membus_audit_case *c,
                    struct membus_audit_access *access, uint64_t capacity,
                    struct membus_audit_trace *trace, char *text);

#endif
