/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/call_x86.h"
#include "audit/target.h"
#include "audit/worker.h"

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

#define ACCESS ((uint64_t)4 << 20) /* in one trace */

struct membus_audit_engine {
    struct audit_call call; /* first: run() gets a pointer to it */
    struct audit_worker worker;
    struct audit_arena arena;
    struct membus_audit_target target;
    struct user_regs_struct idle; /* the child's, when it was first stopped */
    unsigned char *xstate;
    struct membus_audit_access *access;
    char text[AUDIT_TEXT];
};

/* The child waits to be told what to run. */
static void wait_traced(struct audit_worker *w, void *unused)
{
    (void)w;
    (void)unused;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        _exit(errno);
    raise(SIGSTOP);
    for (;;)
        pause();
}

static void get_registers(const struct user_regs_struct *from, struct audit_regs *to)
{
    const uint64_t gpr[16] = {from->rax, from->rcx, from->rdx, from->rbx, from->rsp, from->rbp,
                              from->rsi, from->rdi, from->r8,  from->r9,  from->r10, from->r11,
                              from->r12, from->r13, from->r14, from->r15};

    memcpy(to->gpr, gpr, sizeof(gpr));
    to->rflags = from->eflags;
    to->rip = from->rip;
    to->fs_base = from->fs_base;
    to->gs_base = from->gs_base;
}

static void put_registers(const struct audit_regs *from, struct user_regs_struct *to)
{
    to->rax = from->gpr[0];
    to->rcx = from->gpr[1];
    to->rdx = from->gpr[2];
    to->rbx = from->gpr[3];
    to->rsp = from->gpr[4];
    to->rbp = from->gpr[5];
    to->rsi = from->gpr[6];
    to->rdi = from->gpr[7];
    to->r8 = from->gpr[8];
    to->r9 = from->gpr[9];
    to->r10 = from->gpr[10];
    to->r11 = from->gpr[11];
    to->r12 = from->gpr[12];
    to->r13 = from->gpr[13];
    to->r14 = from->gpr[14];
    to->r15 = from->gpr[15];
    to->eflags = from->rflags;
    to->rip = from->rip;
    to->orig_rax = ~0ull; /* no system call to restart */
}

/* The child is gone: what its status says is how the call ended. */
static void set_dead(struct membus_audit_engine *e, int status)
{
    e->worker.pid = 0;
    e->call.outcome.end = MEMBUS_AUDIT_CRASHED;
    e->call.outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL;
}

/* Is it the instruction's own doing? Else somebody sent it, or the terminal. */
static bool is_fault(const siginfo_t *info)
{
    return info->si_code > 0 && (info->si_signo == SIGSEGV || info->si_signo == SIGBUS ||
                                 info->si_signo == SIGILL || info->si_signo == SIGFPE);
}

/* A single step; false when it was the call's last, and the outcome is set. */
static bool single_step(struct membus_audit_engine *e)
{
    pid_t pid = e->worker.pid;
    struct user_regs_struct regs;
    siginfo_t info;
    int status = 0;

    /* Another signal stops the child before the instruction, and is withheld from it. */
    do {
        info.si_signo = 0;
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid ||
            !WIFSTOPPED(status)) {
            set_dead(e, status);
            return false;
        }
        if (WSTOPSIG(status) != SIGTRAP)
            ptrace(PTRACE_GETSIGINFO, pid, NULL, &info);
    } while (info.si_signo && !is_fault(&info));
    ptrace(PTRACE_GETREGS, pid, NULL, &regs);
    get_registers(&regs, &e->call.regs);
    if (WSTOPSIG(status) == SIGTRAP)
        return true;
    e->call.outcome.end = MEMBUS_AUDIT_CRASHED;
    e->call.outcome.signal = WSTOPSIG(status);
    e->call.outcome.fault_addr = (uintptr_t)info.si_addr;
    return false;
}

static bool is_repeated(const struct audit_insn *insn)
{
    for (unsigned i = 0; i < insn->mems; i++)
        if (insn->mem[i].cover == AUDIT_COVER_REPEATED)
            return true;
    return false;
}

/* The trap flag stops a rep-prefixed instruction after each iteration. */
static bool execute(struct membus_audit_engine *e, const struct audit_insn *insn)
{
    do {
        if (!single_step(e))
            return false;
    } while (is_repeated(insn) && e->call.regs.rip == insn->address);
    return true;
}

static void read_xstate(struct membus_audit_engine *e)
{
    struct iovec v = {e->xstate, e->call.recorder.layout.size};

    ptrace(PTRACE_GETREGSET, e->worker.pid, (void *)NT_X86_XSTATE, &v);
}

/* One instruction; false at the end of the call. */
static bool step(struct membus_audit_engine *e)
{
    struct audit_call *k = &e->call;
    struct audit_insn *insn = audit_code_find(&k->code, k->regs.rip);
    uint64_t first = k->recorder.count;

    if (!insn)
        k->outcome.error = audit_code_add(&k->code, k->regs.rip, &insn);
    if (!insn) {
        k->outcome.end = MEMBUS_AUDIT_UNSUPPORTED;
        return false;
    }
    if (insn->xstate)
        read_xstate(e);
    k->outcome.end = audit_record(&k->recorder, insn, &k->regs);
    if (k->outcome.end)
        return false;
    if (k->check.active)
        audit_check_before(&k->check, &k->recorder, first);
    if (!execute(e, insn))
        return false;
    if (k->check.active && !audit_check_after(&k->check, &k->recorder, first)) {
        k->regs.rip = insn->address;
        k->outcome.end = MEMBUS_AUDIT_INEXACT;
        return false;
    }
    return true;
}

static void run(struct audit_call *k)
{
    struct membus_audit_engine *e = (struct membus_audit_engine *)k;
    struct user_regs_struct regs = e->idle;

    put_registers(&k->regs, &regs);
    if (ptrace(PTRACE_SETREGS, e->worker.pid, NULL, &regs)) {
        set_dead(e, 0);
        return;
    }
    while (k->regs.rip != (uintptr_t)e->arena.base) {
        if (k->steps == k->limit) {
            k->outcome.end = MEMBUS_AUDIT_ENDLESS;
            return;
        }
        k->steps++;
        if (!step(e))
            return;
    }
    k->outcome.end = MEMBUS_AUDIT_RETURNED;
}

static void ptrace_close(struct membus_audit_engine *e)
{
    if (!e)
        return;
    audit_worker_close(&e->worker);
    audit_call_close(&e->call);
    audit_arena_close(&e->arena);
    if (e->access)
        munmap(e->access, ACCESS * sizeof(*e->access));
    free(e->xstate);
    audit_target_free(&e->target);
    free(e);
}

static int attach(struct membus_audit_engine *e, char *error, size_t error_size)
{
    pid_t pid = e->worker.pid;
    int status;

    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        e->worker.pid = 0;
        snprintf(error, error_size,
                 "ptrace is not permitted here (seccomp, or kernel.yama.ptrace_scope)");
        return -EPERM;
    }
    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_EXITKILL);
    if (ptrace(PTRACE_GETREGS, pid, NULL, &e->idle))
        return -errno;
    return 0;
}

/* Loads the target in a new child. */
static int start(struct membus_audit_engine *e, char *error, size_t error_size)
{
    int r;

    audit_worker_stop(&e->worker, true); /* what is left of the last one */
    r = audit_worker_start(&e->worker, &e->target, wait_traced, NULL, error, error_size);
    if (r)
        return r;
    r = attach(e, error, error_size);
    if (r)
        return r;
    audit_call_close(&e->call);
    r = audit_call_open(&e->call, &e->arena, e->worker.pid, e->worker.routine);
    if (r)
        return r;
    free(e->xstate);
    e->xstate = calloc(1, e->call.recorder.layout.size);
    if (!e->xstate)
        return -ENOMEM;
    e->call.regs.xstate = e->xstate;
    e->call.run = run;
    e->call.wants_check = e->target.check;
    audit_call_warm_up(&e->call, e->access, ACCESS);
    return 0;
}

static int allocate(struct membus_audit_engine *e, const struct membus_audit_target *target)
{
    int r = audit_worker_open(&e->worker);

    if (!r)
        r = audit_target_copy(&e->target, target);
    if (r)
        return r;
    e->access = mmap(NULL, ACCESS * sizeof(*e->access), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (e->access == MAP_FAILED) {
        e->access = NULL;
        return -ENOMEM;
    }
    return audit_arena_open(&e->arena, -1);
}

static int ptrace_open(struct membus_audit_engine **out, const struct membus_audit_target *target,
                       char *error, size_t error_size)
{
    struct membus_audit_engine *e;
    int r = audit_target_check(target, error, error_size);

    *out = NULL;
    if (r)
        return r;
    e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    r = allocate(e, target);
    if (r)
        snprintf(error, error_size, "no memory for source and destination: %s", strerror(-r));
    else
        r = start(e, error, error_size);
    if (r)
        ptrace_close(e);
    else
        *out = e;
    return r;
}

static int ptrace_run(struct membus_audit_engine *e, const struct membus_audit_case *c,
                      struct membus_audit_trace *trace)
{
    char error[256];
    int r = audit_arena_check_case(c);

    if (!r && !e->worker.pid)
        r = start(e, error, sizeof(error));
    if (r)
        return r;
    audit_call_case(&e->call, c, e->access, ACCESS, trace, e->text);
    return 0;
}

static int ptrace_sweep(struct membus_audit_engine *e, const struct membus_audit_case *cases,
                        size_t count, membus_audit_visit *visit, void *data)
{
    struct membus_audit_trace trace;

    for (size_t i = 0; i < count; i++) {
        int r = ptrace_run(e, &cases[i], &trace);

        if (!r)
            r = visit(&trace, data);
        if (r)
            return r;
    }
    return 0;
}

const struct membus_audit_engine_ops membus_audit_ptrace = {
    .name = "ptrace",
    .arch = "x86_64",
    .open = ptrace_open,
    .run = ptrace_run,
    .sweep = ptrace_sweep,
    .close = ptrace_close,
};
