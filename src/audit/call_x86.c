/* SPDX-License-Identifier: MIT */
#include "audit/call_x86.h"

#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A routine that takes more instructions than this never returns. */
#define LIMIT_LEAST    50000
#define LIMIT_PER_BYTE 64

/* Intel SDM volume 1, section 13.2: enumeration of the extended state by CPUID leaf 0dh. */
static int xstate_layout(struct audit_xstate_layout *layout)
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

int audit_call_open(struct audit_call *k, struct audit_arena *arena, pid_t pid, const void *routine)
{
    int e;

    memset(k, 0, sizeof(*k));
    k->arena = arena;
    k->routine = routine;
    e = xstate_layout(&k->recorder.layout);
    if (!e)
        e = audit_code_open(&k->code, pid, (uintptr_t)routine);
    if (!e)
        e = audit_check_open(&k->check);
    if (e)
        audit_call_close(k);
    return e;
}

void audit_call_close(struct audit_call *k)
{
    audit_check_close(&k->check);
    audit_code_close(&k->code);
}

static void set_registers(struct audit_regs *regs, const struct audit_arena *a, const void *routine)
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

static void set_recorder(struct audit_recorder *r, const struct audit_arena *a,
                         struct membus_audit_access *access, uint64_t capacity)
{
    r->low = (uintptr_t)a->base;
    r->high = (uintptr_t)a->data_end;
    r->src = (uintptr_t)a->src;
    r->dst = (uintptr_t)a->dst;
    r->access = access;
    r->capacity = capacity;
    r->count = 0;
    r->fenced = false;
    r->stores = r->loads = 0;
}

static void call(struct audit_call *k, struct membus_audit_access *access, uint64_t capacity)
{
    set_registers(&k->regs, k->arena, k->routine);
    set_recorder(&k->recorder, k->arena, access, capacity);
    memset(&k->outcome, 0, sizeof(k->outcome));
    k->steps = 0;
    k->limit = LIMIT_LEAST + LIMIT_PER_BYTE * (uint64_t)k->arena->n;
    k->run(k);
}

void audit_call_warm_up(struct audit_call *k, struct membus_audit_access *access, uint64_t capacity)
{
    struct membus_audit_case c = {.n = 64, .dst_align = 1, .src_align = 1};

    audit_arena_place(k->arena, &c);
    audit_arena_fill(k->arena);
    call(k, access, capacity);
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

/* From the outcome and the registers at that point to the trace: rip is that of the instruction
 * that could not go on. */
static void finish(struct audit_call *k, struct membus_audit_trace *t, char *text)
{
    const struct audit_regs *regs = &k->regs;
    struct audit_outcome *o = &k->outcome;

    if (o->end == MEMBUS_AUDIT_UNSUPPORTED && o->error == -EFAULT) {
        o->end = MEMBUS_AUDIT_CRASHED;
        o->signal = SIGSEGV;
        o->fault_addr = regs->rip;
    } else if (o->end == MEMBUS_AUDIT_CRASHED && !o->signal) {
        o->signal = SIGTRAP; /* int3 was not run */
    }
    t->end = o->end < 0 ? MEMBUS_AUDIT_UNSUPPORTED : (enum membus_audit_end)o->end;
    switch (t->end) {
    case MEMBUS_AUDIT_RETURNED:
        t->result_ok = audit_arena_right(k->arena);
        t->return_ok = regs->gpr[AUDIT_RAX] == (uintptr_t)k->arena->dst;
        break;
    case MEMBUS_AUDIT_CRASHED:
        t->signal = o->signal;
        t->fault_ip = audit_code_ip(&k->code, regs->rip);
        t->fault_addr = o->fault_addr;
        break;
    case MEMBUS_AUDIT_UNSUPPORTED:
        t->fault_ip = audit_code_ip(&k->code, regs->rip);
        explain(text, o, &k->code, regs);
        t->text = text;
        break;
    default:
        t->fault_ip = audit_code_ip(&k->code, regs->rip);
        break;
    }
}

/* Are two recordings of one case the same? */
static bool same(const struct membus_audit_access *a, uint64_t a_count,
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

/* Is the recording of a call that returned exact? See check.h. */
static bool check(struct audit_call *k, const struct membus_audit_trace *t,
                  struct membus_audit_access *scratch, uint64_t capacity)
{
    audit_check_note_plain(&k->check, k->arena);
    for (unsigned poison = 0; poison < AUDIT_POISONS; poison++) {
        bool right;

        audit_check_begin(&k->check, k->arena, poison);
        call(k, scratch, capacity);
        right = audit_check_end(&k->check);
        if (right && k->outcome.end == MEMBUS_AUDIT_RETURNED &&
            same(t->access, t->count, scratch, k->recorder.count))
            return true;
    }
    return false;
}

/* A trace that failed the check: the plain recording stays, for who wants to look. */
static void set_inexact(struct audit_call *k, struct membus_audit_trace *t, char *text)
{
    const struct audit_insn *insn = audit_code_find(&k->code, k->regs.rip);

    t->end = MEMBUS_AUDIT_INEXACT;
    t->text = text;
    if (k->outcome.end == MEMBUS_AUDIT_INEXACT && insn) {
        t->fault_ip = insn->ip;
        snprintf(text, AUDIT_TEXT, "%s: what it stored is not what was recorded", insn->mnemonic);
    } else {
        snprintf(text, AUDIT_TEXT, "a load was not recorded, or it does not do the same twice");
    }
}

int audit_call_case(struct audit_call *k, const struct membus_audit_case *c,
                    struct membus_audit_access *access, uint64_t capacity,
                    struct membus_audit_trace *t, char *text)
{
    memset(t, 0, sizeof(*t));
    t->c = *c;
    audit_arena_place(k->arena, &t->c);
    audit_arena_fill(k->arena);
    call(k, access, capacity);
    t->access = access;
    t->count = k->recorder.count;
    t->instructions = k->steps;
    finish(k, t, text);
    if (k->outcome.end < 0)
        return -ENOSPC;
    if (!k->wants_check || t->end != MEMBUS_AUDIT_RETURNED || !audit_check_fits(k->arena))
        return 0;
    if (capacity - t->count < t->count)
        return -ENOSPC;
    t->checked = true;
    if (!check(k, t, access + t->count, capacity - t->count))
        set_inexact(k, t, text);
    return 0;
}
