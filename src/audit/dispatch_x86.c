/* SPDX-License-Identifier: MIT */
#include "audit/slots.h"

/* Compiled for general registers only: see record_x86.h. */

_Static_assert(__builtin_offsetof(struct slots_context, slot) == 0, "trampoline_x86.S");
_Static_assert(__builtin_offsetof(struct slots_context, step_rsp) == 8, "trampoline_x86.S");
_Static_assert(__builtin_offsetof(struct slots_context, leave_rsp) == 16, "trampoline_x86.S");
_Static_assert(__builtin_offsetof(struct slots_context, call.regs.gpr) == 24, "trampoline_x86.S");
_Static_assert(__builtin_offsetof(struct audit_regs, rflags) == 128, "trampoline_x86.S");

#define FLAG_CF 0x001u
#define FLAG_PF 0x004u
#define FLAG_ZF 0x040u
#define FLAG_SF 0x080u
#define FLAG_OF 0x800u

#define BEAT_EVERY 4096

struct slots_context slots_context;

static void xsave(unsigned char *area, uint32_t components)
{
    /* The upper half of the component bitmap is of no interest (XCR0 bit 62 is AMD's LWP). */
    __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(components), "d"(0) : "memory");
}

static void xrstor(const unsigned char *area, uint32_t components)
{
    __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(components), "d"(0) : "memory");
}

/* slots_miss() is ordinary code and may use any register. */
static struct audit_insn *miss(struct slots_context *c)
{
    struct audit_insn *insn;

    xsave(c->xsave_miss, ~0u);
    c->active = 0;
    insn = slots_miss(c->call.regs.rip);
    c->active = 1;
    xrstor(c->xsave_miss, ~0u);
    return insn;
}

/* The condition of jcc (SDM volume 1, appendix B): bit 0 of the opcode inverts. */
static bool condition(unsigned opcode, uint64_t f)
{
    bool sf = f & FLAG_SF, of = f & FLAG_OF, zf = f & FLAG_ZF, yes = false;

    switch (opcode >> 1 & 7) {
    case 0:
        yes = of;
        break;
    case 1:
        yes = f & FLAG_CF;
        break;
    case 2:
        yes = zf;
        break;
    case 3:
        yes = (f & FLAG_CF) || zf;
        break;
    case 4:
        yes = sf;
        break;
    case 5:
        yes = f & FLAG_PF;
        break;
    case 6:
        yes = sf != of;
        break;
    case 7:
        yes = zf || sf != of;
        break;
    }
    return yes != (opcode & 1);
}

/* loopne e0, loope e1, loop e2, jrcxz e3; with an address prefix they count in ecx. */
static bool loop_taken(const struct audit_insn *insn, struct audit_regs *r)
{
    bool zf = r->rflags & FLAG_ZF;
    uint64_t rcx = r->gpr[AUDIT_RCX];

    if (insn->opcode != 0xe3)
        rcx--;
    if (insn->address32)
        rcx = (uint32_t)rcx;
    if (insn->opcode == 0xe3)
        return rcx == 0;
    r->gpr[AUDIT_RCX] = rcx;
    return rcx != 0 && (insn->opcode == 0xe2 || zf == (insn->opcode == 0xe1));
}

static uint64_t target(const struct audit_insn *insn, const struct audit_regs *r)
{
    if (insn->target_reg >= 0)
        return r->gpr[insn->target_reg];
    if (insn->target_mem)
        return *(const uint64_t *)(uintptr_t)audit_effective_address(&insn->branch_mem, r);
    return insn->target;
}

static void execute(struct slots_context *c, const struct audit_insn *insn)
{
    struct audit_regs *r = &c->call.regs;
    uint64_t next = insn->address + insn->length;
    uint64_t *top = (uint64_t *)(uintptr_t)r->gpr[AUDIT_RSP];

    switch (insn->op) {
    case AUDIT_OP_JUMP:
        next = target(insn, r);
        break;
    case AUDIT_OP_CALL: {
        uint64_t to = target(insn, r);

        top[-1] = next;
        r->gpr[AUDIT_RSP] -= 8;
        next = to;
        break;
    }
    case AUDIT_OP_RETURN:
        next = *top;
        r->gpr[AUDIT_RSP] += 8 + (uint64_t)insn->pop;
        break;
    case AUDIT_OP_JCC:
        if (condition(insn->opcode, r->rflags))
            next = insn->target;
        break;
    case AUDIT_OP_LOOP:
        if (loop_taken(insn, r))
            next = insn->target;
        break;
    default:
        c->slot = insn->slot;
        slots_step();
        break;
    }
    r->rip = next;
}

/* One instruction; false at the end of the call. */
static bool step(struct slots_context *c)
{
    struct audit_call *k = &c->call;
    const struct audit_insn *insn = audit_code_find(&k->code, k->regs.rip);
    uint64_t first = k->recorder.count;

    if (!insn)
        insn = miss(c);
    if (!insn) {
        k->outcome.end = MEMBUS_AUDIT_UNSUPPORTED;
        return false;
    }
    if (insn->xstate)
        xsave(c->xsave, insn->xstate);
    k->outcome.end = audit_record(&k->recorder, insn, &k->regs);
    if (k->outcome.end)
        return false;
    if (k->check.active)
        audit_check_before(&k->check, &k->recorder, first);
    execute(c, insn);
    if (k->check.active && !audit_check_after(&k->check, &k->recorder, first)) {
        k->regs.rip = insn->address;
        k->outcome.end = MEMBUS_AUDIT_INEXACT;
        return false;
    }
    return true;
}

void slots_loop(void)
{
    struct slots_context *c = &slots_context;
    struct audit_call *k = &c->call;

    while (k->regs.rip != c->return_address) {
        if (k->steps == k->limit) {
            k->outcome.end = MEMBUS_AUDIT_ENDLESS;
            return;
        }
        k->steps++;
        if (k->steps % BEAT_EVERY == 0)
            __atomic_fetch_add(c->beat, 1, __ATOMIC_RELAXED);
        if (!step(c))
            return;
    }
    k->outcome.end = MEMBUS_AUDIT_RETURNED;
}
