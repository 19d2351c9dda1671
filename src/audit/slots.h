/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_SLOTS_H
#define MEMBUS_AUDIT_SLOTS_H

/*
 * The inside of the slots engine.
 *
 * Two contexts share one thread of the child: the guest (the routine, on a stack of its own) and
 * the host (the dispatcher). Before each guest instruction the dispatcher looks at the guest's
 * general registers; then slots_step() loads them all into the CPU, jumps to the slot, and what
 * follows the instruction there brings it back. Vector and mask registers are never saved: the
 * dispatcher does not use them.
 *
 *     slot:   <the instruction, a rip-relative displacement adjusted>
 *             jmp *0f(%rip)
 *         0:  .quad slots_after
 *
 * Branches, calls and returns do not run in a slot; the dispatcher carries them out on the saved
 * registers and the guest's stack.
 */

#include <stdint.h>

#include "audit/call_x86.h"
#include "audit/worker.h"

/* Known to trampoline_x86.S by offset. */
struct slots_context {
    const void *slot;       /* 0: of the instruction to run */
    uint64_t step_rsp;      /* 8: the dispatcher's, while the guest runs */
    uint64_t leave_rsp;     /* 16: of slots_enter() */
    struct audit_call call; /* 24: the guest's registers come first */

    uint64_t return_address;
    uint32_t *beat;            /* shared: a sign of life for the parent */
    volatile int active;       /* a fault now is the guest's */
    unsigned char *xsave;      /* for the masks */
    unsigned char *xsave_miss; /* while the dispatcher calls ordinary code */
};

extern struct slots_context slots_context;

/* Calls `loop` so that slots_leave can end it at any instruction. */
void slots_enter(void (*loop)(void));
/* Not a function: jump here (from a signal handler, too) to return from slots_enter(). */
extern const char slots_leave[];
/* Runs one guest instruction, at slots_context.slot. */
void slots_step(void);
extern const char slots_after[];

/* Runs the guest from its registers until it returns or ends. For slots_enter(). */
void slots_loop(void);

/* Ordinary code: decodes the instruction at `address` and makes its slot. Returns it, or NULL
 * with the outcome's error set. */
struct audit_insn *slots_miss(uint64_t address);

/* What parent and child share. The parent writes cases and count, wakes the child, and reads
 * `done` results when the child is done with some or all of them. */
#define SLOTS_BATCH 256
/* Accesses in all traces of a batch; a batch of one case may have more: the greatest case, loaded
 * and stored by 16 bytes, and its ends. */
#define SLOTS_BATCH_ACCESS ((uint64_t)4 << 20)
#define SLOTS_ACCESS       ((uint64_t)2 * (MEMBUS_AUDIT_N_MAX / 16) + ((uint64_t)1 << 20))

struct slots_result {
    struct membus_audit_trace trace;
    char text[AUDIT_TEXT];
};

struct slots_shared {
    uint32_t count;
    uint32_t done;
    uint32_t beat;
    bool check;
    struct membus_audit_case cases[SLOTS_BATCH];
    struct slots_result result[SLOTS_BATCH];
    struct audit_arena arena;
    struct membus_audit_access *access;
};

/* The child's body: serves batches until the parent goes away. */
void slots_serve(struct audit_worker *w, void *shared);

#endif
