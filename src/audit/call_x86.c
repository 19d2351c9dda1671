/* SPDX-License-Identifier: MIT */
#include "audit/call_x86.h"

#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Intel SDM volume 1, section 13.2: enumeration of the extended state by CPUID leaf 0dh. */
int audit_xstate_layout(struct audit_xstate_layout *layout)
{
    unsigned eax, ebx, ecx, edx;

    memset(layout, 0, sizeof(*layout));
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE) ||
        !__get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx))
        return -EOPNOTSUPP;
    layout->size = ebx;
    if (__get_cpuid_count(0xd, 2, &eax, &ebx, &ecx, &edx) && eax)
        layout->ymm_high = ebx;
    if (__get_cpuid_count(0xd, 5, &eax, &ebx, &ecx, &edx) && eax)
        layout->opmask = ebx;
    return 0;
}

void audit_call_registers(struct audit_regs *regs, const struct audit_arena *a, const void *routine)
{
    /* As at a function's entry: 16-byte aligned before the call pushed the return address. */
    uint64_t *top = (uint64_t *)(void *)(a->stack_top - 64) - 1;

    memset(regs->gpr, 0, sizeof(regs->gpr));
    *top = (uintptr_t)a->base;
    regs->gpr[AUDIT_RSP] = (uintptr_t)top;
    regs->gpr[AUDIT_RDI] = (uintptr_t)a->dst;
    regs->gpr[AUDIT_RSI] = (uintptr_t)a->src;
    regs->gpr[AUDIT_RDX] = a->n;
    regs->rflags = 0x202; /* interrupts on, as always in user mode */
    regs->rip = (uintptr_t)routine;
}

void audit_call_recorder(struct audit_recorder *r, const struct audit_arena *a)
{
    r->low = (uintptr_t)a->base;
    r->high = (uintptr_t)a->data_end;
    r->src = (uintptr_t)a->src;
    r->dst = (uintptr_t)a->dst;
    r->count = 0;
    r->fenced = false;
    r->stores = r->loads = 0;
}

static void explain(char *text, const struct audit_outcome *o, const struct audit_code *code,
                    const struct audit_regs *regs)
{
    const struct audit_insn *insn = audit_code_find(code, regs->rip);

    if (o->end < 0)
        snprintf(text, AUDIT_TEXT, "the trace is full");
    else if (o->error == -ENOSPC)
        snprintf(text, AUDIT_TEXT, "it runs more than %u different instructions", AUDIT_CODE_MAX);
    else if (o->error == -ENOMEM)
        snprintf(text, AUDIT_TEXT, "no executable memory for slots within 2 GiB of its code");
    else if (o->error || !insn)
        snprintf(text, AUDIT_TEXT, "no known instruction");
    else if (insn->why)
        snprintf(text, AUDIT_TEXT, "%s: %s", insn->mnemonic, insn->why);
    else
        snprintf(text, AUDIT_TEXT, "%s: the stack pointer is in source or destination",
                 insn->mnemonic);
}

void audit_call_finish(struct membus_audit_trace *t, struct audit_outcome *o,
                       const struct audit_arena *a, struct audit_code *code,
                       const struct audit_regs *regs, char *text)
{
    if (o->end == MEMBUS_AUDIT_UNSUPPORTED && o->error == -EFAULT) {
        o->end = MEMBUS_AUDIT_CRASHED;
        o->signal = SIGSEGV;
        o->fault_addr = regs->rip;
    } else if (o->end == MEMBUS_AUDIT_CRASHED && !o->signal) {
        o->signal = SIGTRAP; /* int3 was not run */
    }
    t->end = o->end < 0 ? MEMBUS_AUDIT_UNSUPPORTED : (enum membus_audit_end)o->end;
    t->text = NULL;
    switch (t->end) {
    case MEMBUS_AUDIT_RETURNED:
        t->result_ok = audit_arena_right(a);
        t->return_ok = regs->gpr[AUDIT_RAX] == (uintptr_t)a->dst;
        break;
    case MEMBUS_AUDIT_CRASHED:
        t->signal = o->signal;
        t->fault_ip = audit_code_ip(code, regs->rip);
        t->fault_addr = o->fault_addr;
        break;
    case MEMBUS_AUDIT_UNSUPPORTED:
        t->fault_ip = audit_code_ip(code, regs->rip);
        explain(text, o, code, regs);
        t->text = text;
        break;
    default:
        t->fault_ip = audit_code_ip(code, regs->rip);
        break;
    }
}

bool audit_call_same(const struct membus_audit_access *a, uint64_t a_count,
                     const struct membus_audit_access *b, uint64_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint64_t i = 0; i < a_count; i++)
        if (a[i].offset != b[i].offset || a[i].width != b[i].width || a[i].mask != b[i].mask ||
            a[i].operand_offset != b[i].operand_offset ||
            a[i].operand_width != b[i].operand_width || a[i].kind != b[i].kind ||
            a[i].ip != b[i].ip)
            return false;
    return true;
}
