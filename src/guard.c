/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* BUS_MCEERR_AO, sigorset */
#endif
#include <membus/guard.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "guard.h"
#include "kernel.h"

/* The copies. */

static size_t arrived(size_t done, size_t n, const struct membus_guard_trap *trap,
                      struct membus_fault *fault)
{
    if (__builtin_expect(done < n, 0) && fault)
        *fault = trap->fault;
    return done;
}

#ifndef MEMBUS_ARCH_ENTRIES
size_t membus_guard_copy(void *dst, const void *src, size_t n, struct membus_fault *fault)
{
    struct membus_guard_trap trap;

    return arrived(membus_arch_guard_copy(dst, src, n, false, &trap), n, &trap, fault);
}
#endif

size_t membus_guard_fill(void *dst, int value, size_t n, struct membus_fault *fault)
{
    struct membus_guard_trap trap;

    return arrived(membus_arch_guard_fill(dst, value, n, &trap), n, &trap, fault);
}

/* Single accesses. A host whose devices are not reached by load and store has no order of them. */

#if MEMBUS_ARCH_MMIO_WIDTH > 0
#define ORDER(when) membus_arch_mmio_##when()
#else
#define ORDER(when) ((void)0)
#endif

static int guarded_read(const void *p, unsigned width, uint64_t *value, struct membus_fault *fault)
{
    struct membus_guard_trap trap;

    if (width > MEMBUS_ARCH_MMIO_WIDTH) {
        *value = UINT64_MAX;
        return -EOPNOTSUPP;
    }
    ORDER(read_before);
    if (__builtin_expect(membus_arch_guard_load(p, width, value, &trap), 1)) {
        ORDER(read_after);
        return 0;
    }
    *value = UINT64_MAX; /* G3 */
    if (fault)
        *fault = trap.fault;
    return -EFAULT;
}

static int guarded_write(void *p, unsigned width, uint64_t value, struct membus_fault *fault)
{
    struct membus_guard_trap trap;

    if (width > MEMBUS_ARCH_MMIO_WIDTH)
        return -EOPNOTSUPP;
    ORDER(write_before);
    if (__builtin_expect(membus_arch_guard_store(p, width, value, &trap), 1)) {
        ORDER(write_after);
        return 0;
    }
    if (fault)
        *fault = trap.fault;
    return -EFAULT;
}

int membus_guard_read_8(const void *p, uint8_t *value, struct membus_fault *fault)
{
    uint64_t v;
    int error = guarded_read(p, 1, &v, fault);

    *value = (uint8_t)v;
    return error;
}

int membus_guard_read_16(const void *p, uint16_t *value, struct membus_fault *fault)
{
    uint64_t v;
    int error = guarded_read(p, 2, &v, fault);

    *value = (uint16_t)v;
    return error;
}

int membus_guard_read_32(const void *p, uint32_t *value, struct membus_fault *fault)
{
    uint64_t v;
    int error = guarded_read(p, 4, &v, fault);

    *value = (uint32_t)v;
    return error;
}

int membus_guard_read_64(const void *p, uint64_t *value, struct membus_fault *fault)
{
    return guarded_read(p, 8, value, fault);
}

int membus_guard_write_8(void *p, uint8_t value, struct membus_fault *fault)
{
    return guarded_write(p, 1, value, fault);
}

int membus_guard_write_16(void *p, uint16_t value, struct membus_fault *fault)
{
    return guarded_write(p, 2, value, fault);
}

int membus_guard_write_32(void *p, uint32_t value, struct membus_fault *fault)
{
    return guarded_write(p, 4, value, fault);
}

int membus_guard_write_64(void *p, uint64_t value, struct membus_fault *fault)
{
    return guarded_write(p, 8, value, fault);
}

/* The signals. */

static const int signals[] = {SIGBUS, SIGSEGV};
#define SIGNALS (sizeof(signals) / sizeof(*signals))

static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;
static unsigned installed;
static struct sigaction previous[SIGNALS]; /* read by the handler: complete before it is set */
static struct sigaction first[SIGNALS];    /* what was there at the first install */

/*
 * The chain that this thread is following. A handler that was set after ours, and below which we
 * were installed again, calls ours for what is not its own: seen from inside it, the chain ends
 * at what was there first. A chain left by siglongjmp() stays recorded; another signal may then
 * come with its context at the same place, but not to a frame below the recorded one.
 */
static _Thread_local struct {
    const void *context;
    uintptr_t frame;
} chaining __attribute__((tls_model("initial-exec")));

/*
 * Raised by an instruction of this thread, now? Positive codes come from the kernel; but memory
 * that went bad somewhere (BUS_MCEERR_AO, "action optional") is news, not a fault, and may arrive
 * while a guarded instruction happens to be next.
 */
static bool is_fault(int signal, const siginfo_t *info)
{
    return info->si_code > 0 && !(signal == SIGBUS && info->si_code == BUS_MCEERR_AO);
}

bool membus_guard_handle(int signal, const void *info, void *context)
{
    return is_fault(signal, info) && membus_arch_guard_resume(signal, info, context);
}

/* As if no handler had been there: the instruction faults again and the process dies where it
 * would have; what was sent is sent again, and arrives when the handler has returned. */
static void die(int signal, const siginfo_t *info)
{
    struct sigaction none = {.sa_handler = SIG_DFL};

    sigaction(signal, &none, NULL);
    if (!is_fault(signal, info))
        raise(signal);
}

/* The mask that the kernel would have called this handler with. */
static void take_mask(const struct sigaction *old, int signal, const ucontext_t *context)
{
    sigset_t mask;

    sigorset(&mask, &context->uc_sigmask, &old->sa_mask);
    if (!(old->sa_flags & SA_NODEFER))
        sigaddset(&mask, signal);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* Calls the handler that was there before. Our own return restores the interrupted mask. */
static void chain(struct sigaction *old, int signal, siginfo_t *info, void *context)
{
    const struct sigaction was = *old;

    if (!(was.sa_flags & SA_SIGINFO)) {
        if (was.sa_handler == SIG_IGN && !is_fault(signal, info))
            return;
        /* The kernel lets nobody ignore a fault: signal(7), "undefined" in POSIX. */
        if (was.sa_handler == SIG_DFL || was.sa_handler == SIG_IGN) {
            die(signal, info);
            return;
        }
    }
    if (was.sa_flags & (int)SA_RESETHAND)
        *old = (struct sigaction){.sa_handler = SIG_DFL};
    take_mask(&was, signal, context);
    if (was.sa_flags & SA_SIGINFO)
        was.sa_sigaction(signal, info, context);
    else
        was.sa_handler(signal);
}

static void handler(int signal, siginfo_t *info, void *context)
{
    const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    const unsigned which = signal == signals[0] ? 0 : 1;
    const int saved = errno;

    if (!membus_guard_handle(signal, info, context)) {
        const bool again = chaining.context == context && frame < chaining.frame;

        chaining.context = context;
        chaining.frame = frame;
        chain(again ? &first[which] : &previous[which], signal, info, context);
        chaining.context = NULL;
    }
    errno = saved;
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == handler;
}

/* The old action is kept before ours is set: the handler may run, and chain, at once. */
static int install_one(int signal, struct sigaction *old)
{
    struct sigaction ours = {.sa_sigaction = handler}, now;

    if (sigaction(signal, NULL, &now) != 0)
        return -errno;
    if (is_ours(&now)) /* chaining to ourselves would never end */
        return 0;
    *old = now;
    /*
     * All signals wait while ours runs: the handler of another might make guarded accesses, and
     * the kernel kills a process whose fault finds its signal blocked. System calls restart as
     * before. On the alternate stack, where there is one: the old handler may need it.
     */
    sigfillset(&ours.sa_mask);
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (now.sa_flags & SA_RESTART);
    return sigaction(signal, &ours, NULL) == 0 ? 0 : -errno;
}

int membus_guard_install(void)
{
    int error = 0;

    pthread_mutex_lock(&installing);
    for (size_t i = 0; error == 0 && i < SIGNALS; i++) {
        error = install_one(signals[i], &previous[i]);
        if (installed == 0)
            first[i] = previous[i];
    }
    if (error == 0)
        installed++;
    pthread_mutex_unlock(&installing);
    return error;
}

bool membus_guard_installed(void)
{
    struct sigaction now;

    for (size_t i = 0; i < SIGNALS; i++) {
        if (sigaction(signals[i], NULL, &now) != 0 || !is_ours(&now))
            return false;
    }
    return true;
}

/* With the lock held, on the last uninstall. */
static int put_back(void)
{
    if (!membus_guard_installed())
        return -EBUSY;
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &previous[i], NULL);
    return 0;
}

int membus_guard_uninstall(void)
{
    int error = -EINVAL;

    pthread_mutex_lock(&installing);
    if (installed > 1)
        error = 0;
    else if (installed == 1)
        error = put_back();
    if (error == 0)
        installed--;
    pthread_mutex_unlock(&installing);
    return error;
}
