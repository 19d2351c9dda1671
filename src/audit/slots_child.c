/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "audit/slots.h"

#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/*
 * Slots: each pool serves the code within reach of a 32-bit displacement of it.
 */
#define SLOT_SIZE  32 /* 15 of the instruction, 6 of the jump, 8 of its target */
#define POOL_SIZE  ((size_t)1 << 20)
#define POOLS      16
#define POOL_REACH ((int64_t)1 << 30)
#define POOL_STEP  ((int64_t)1 << 21)

static struct {
    unsigned char *start;
    size_t used;
} pool[POOLS];

static unsigned char *map_near(uint64_t address)
{
    uint64_t middle = address & ~(uint64_t)(POOL_STEP - 1);

    for (int64_t d = POOL_STEP; d < POOL_REACH; d += POOL_STEP) {
        for (int up = 0; up < 2; up++) {
            void *at = (void *)(uintptr_t)(middle + (uint64_t)(up ? d : -d));
            void *p = mmap(at, POOL_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

            if (p == at)
                return p;
            if (p != MAP_FAILED)
                munmap(p, POOL_SIZE);
        }
    }
    return NULL;
}

static bool reaches(const unsigned char *slot, uint64_t address)
{
    int64_t d = (int64_t)((uintptr_t)slot - address);

    return d > -POOL_REACH && d < POOL_REACH;
}

static unsigned char *new_slot(uint64_t address)
{
    unsigned i;

    for (i = 0; i < POOLS && pool[i].start; i++)
        if (reaches(pool[i].start, address) && pool[i].used < POOL_SIZE)
            break;
    if (i == POOLS)
        return NULL;
    if (!pool[i].start) {
        pool[i].start = map_near(address);
        if (!pool[i].start)
            return NULL;
    }
    pool[i].used += SLOT_SIZE;
    return pool[i].start + pool[i].used - SLOT_SIZE;
}

/* Makes the displacement at `field` reach from the slot what it reached from the code. */
static bool move_displacement(unsigned char *field, uint64_t from, uint64_t to)
{
    int32_t old;
    int64_t d;

    memcpy(&old, field, 4);
    d = (int64_t)(from + (uint64_t)(int64_t)old - to);
    old = (int32_t)d;
    memcpy(field, &old, 4);
    return old == d;
}

static bool make_slot(struct audit_insn *insn)
{
    static const unsigned char jump[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip) */
    const void *after = slots_after;
    unsigned char *slot = new_slot(insn->address);

    if (!slot)
        return false;
    memcpy(slot, insn->bytes, insn->length);
    if (insn->disp_at >= 0 &&
        !move_displacement(slot + insn->disp_at, insn->address, (uintptr_t)slot))
        return false;
    memcpy(slot + insn->length, jump, sizeof(jump));
    memcpy(slot + insn->length + sizeof(jump), &after, sizeof(after));
    insn->slot = slot;
    return true;
}

struct audit_insn *slots_miss(uint64_t address)
{
    struct audit_call *k = &slots_context.call;
    struct audit_insn *insn;

    k->outcome.error = audit_code_add(&k->code, address, &insn);
    if (k->outcome.error)
        return NULL;
    if (insn->op == AUDIT_OP_RUN && !make_slot(insn)) {
        k->outcome.error = -ENOMEM;
        return NULL;
    }
    return insn;
}

/* A fault of the guest's ends the call; one of our own kills the child, which the parent reports.
 * The guest may have set the direction flag. */
static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    struct slots_context *c = &slots_context;
    ucontext_t *u = context;

    if (!c->active) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        return;
    }
    c->active = 0;
    c->call.outcome.end = MEMBUS_AUDIT_CRASHED;
    c->call.outcome.signal = signal_number;
    c->call.outcome.fault_addr = (uintptr_t)info->si_addr;
    u->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)slots_leave;
    u->uc_mcontext.gregs[REG_EFL] = 0x202;
}

static void catch_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    static unsigned char stack[65536] __attribute__((aligned(64)));
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

    sigemptyset(&action.sa_mask);
    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigaction(faults[i], &action, NULL);
}

static void run(struct audit_call *k)
{
    (void)k; /* the context's own: the dispatcher knows no other */
    slots_context.active = 1;
    slots_enter(slots_loop);
    slots_context.active = 0;
}

static void run_batch(struct slots_shared *s)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        struct slots_result *r = &s->result[i];
        int e;

        if (used >= SLOTS_BATCH_ACCESS)
            return;
        e = audit_call_case(&slots_context.call, &s->cases[i], s->access + used,
                            (used ? SLOTS_BATCH_ACCESS : SLOTS_ACCESS) - used, &r->trace, r->text);

        if (e && used) /* first in the next batch, with all the room */
            return;
        used += r->trace.count;
        __atomic_store_n(&s->done, i + 1, __ATOMIC_RELEASE);
        __atomic_fetch_add(&s->beat, 1, __ATOMIC_RELAXED);
    }
}

static int prepare(struct slots_shared *s, const void *routine)
{
    struct slots_context *c = &slots_context;
    int e = audit_call_open(&c->call, &s->arena, getpid(), routine);
    size_t size = (c->call.recorder.layout.size + 63u) / 64 * 64;

    if (e)
        return e;
    c->xsave = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c->xsave == MAP_FAILED)
        return -errno;
    c->xsave_miss = c->xsave + size;
    c->call.run = run;
    c->call.wants_check = s->check;
    c->call.regs.xstate = c->xsave;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &c->call.regs.fs_base);
    syscall(SYS_arch_prctl, ARCH_GET_GS, &c->call.regs.gs_base);
    c->return_address = (uintptr_t)s->arena.base;
    c->beat = &s->beat;
    catch_faults();
    return 0;
}

void slots_serve(struct audit_worker *w, void *shared)
{
    struct slots_shared *s = shared;

    if (prepare(s, w->routine))
        abort();
    audit_call_warm_up(&slots_context.call, s->access, SLOTS_ACCESS);
    while (!audit_worker_next(w)) {
        run_batch(s);
        if (audit_worker_done(w))
            break;
    }
}
