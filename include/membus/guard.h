/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_GUARD_H
#define MEMBUS_GUARD_H

/*
 * Guarded accesses: copies that survive the memory going away.
 *
 * Memory that two parties share can vanish under one of them: the owner of a memfd truncates it,
 * a guest turns memory decoding off while its BAR is mapped, a device is unplugged, a page is
 * poisoned. The touch then raises SIGBUS or SIGSEGV, and a process that does not expect it dies.
 * The functions here come back instead, and say how far they got.
 *
 *   G1 exact      the count returned is the number of bytes stored, from the start of dst: every
 *                 byte before it holds what the source held, no byte from it on was stored
 *   G2 same copy  all the rules of membus/copy.h hold for what was stored; nothing is stored a
 *                 second time to find out how far the first time got
 *   G3 ones       a device that is gone reads as all ones, as PCI has it
 *   G4 ours only  a fault is taken only if a load or store instruction of a guarded access raised
 *                 it. Every other one, and every such signal that somebody sent, goes to the
 *                 handler that was there before
 *   G5 free       where no fault happens a guard costs no system call, no saved context and no
 *                 per-thread state; `bench_guard` compares with the unguarded forms
 *
 * How: each load and store instruction of a guarded access is listed in a table with the place to
 * go on at and the bytes stored so far, as Linux's exception table does for copy_from_user(). The
 * handler looks the faulting instruction up, and resumes there. So guards nest, work in every
 * thread and in signal handlers, and need no registration per range. (Architectures without a
 * table of their own use a frame per call in thread-local memory and siglongjmp(); there a guard
 * costs a sigsetjmp() without the signal mask, and G4 goes by the fault's address.)
 *
 * Who handles the signals:
 *
 *   - membus_guard_install() sets a handler for SIGBUS and SIGSEGV, on the alternate stack where
 *     the thread has one, and chains to what was there before.
 *   - A program that sets its own handler afterwards calls the old one for what is not its own,
 *     as such handlers do, or calls membus_guard_handle() first.
 *   - A program with its own signal policy never calls install, and calls membus_guard_handle()
 *     from its handler, set with SA_SIGINFO.
 *
 * In every thread that makes guarded accesses the two signals must not be blocked: the kernel
 * kills a process whose fault finds its signal blocked (signal(7)). For a handler of the program's
 * own that means a full sa_mask, or SA_NODEFER, if other signals' handlers make guarded accesses.
 *
 * Without any handler the guarded functions copy the same, and a fault does what it always did.
 *
 * Example, a vhost-user back end whose front end may truncate guest memory:
 *
 *     membus_guard_install();
 *     ...
 *     struct membus_fault fault;
 *     size_t done = membus_guard_copy(guest_buffer, packet, n, &fault);
 *     if (done < n)
 *         disconnect(dev, "guest memory gone at %p after %zu bytes", fault.addr, done);
 *
 * All functions but install and uninstall: any thread, any context.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/copy.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A fault that was survived. */
struct membus_fault {
    const void *addr; /* the byte that could not be accessed, as the kernel reports it */
    int signal;       /* SIGBUS or SIGSEGV; 0: no fault */
    int code;         /* si_code: BUS_ADRERR (no such page), BUS_MCEERR_AR (poisoned), ... */
    bool store;       /* the access was a store to dst; else a load from src */
};

/*
 * Installs the handler for SIGBUS and SIGSEGV; again, if another was set over it since, which it
 * then chains to. Counted: each call is undone by one uninstall. Not while other threads change
 * the dispositions of the two signals.
 *
 * Returns: 0, or the -errno of sigaction(2).
 */
MEMBUS_API int membus_guard_install(void);

/*
 * Undoes one install; the last one puts back the handlers that were there before.
 *
 * Returns: 0, -EINVAL (not installed), -EBUSY: somebody set a handler over ours since, who may
 *          call ours; it stays, and works on.
 */
MEMBUS_API int membus_guard_uninstall(void);

/* Is our handler the one that the kernel calls for both signals at this moment? */
MEMBUS_API bool membus_guard_installed(void);

/*
 * For a program's own SA_SIGINFO handler: is this fault that of a guarded access?
 *
 * Args:    the three that the handler was called with
 * Returns: true: it was, and `context` now resumes behind it: return from the handler at once.
 *          false: not ours, and nothing was changed.
 *          On architectures without a table it may not return where the fault is ours; so hold
 *          no lock when calling.
 * Who:     signal handlers.
 */
MEMBUS_API bool membus_guard_handle(int signal, const void *info, void *context);

/*
 * Copies `n` bytes of RAM from `src` to `dst`, which must not overlap unless dst <= src.
 *
 * Args:    fault  gets what happened when the count is short; else it is not touched. May be NULL
 * Keeps:   the rules of membus_copy(), and G1.
 * Returns: the bytes that arrived: n, or fewer after a fault.
 * Align:   any.
 */
MEMBUS_API size_t membus_guard_copy(void *dst, const void *src, size_t n,
                                    struct membus_fault *fault);

/*
 * The same for any overlap whose window, min(d, n - d) bytes with d = dst - src, is at most
 * MEMBUS_MOVE_EXACT bytes. A larger one stores nothing, and gives a fault with signal 0.
 */
MEMBUS_API size_t membus_guard_move(void *dst, const void *src, size_t n,
                                    struct membus_fault *fault);

/* Stores the byte `value` into `n` bytes at `dst`; the rest as membus_guard_copy(). */
MEMBUS_API size_t membus_guard_fill(void *dst, int value, size_t n, struct membus_fault *fault);

/*
 * Copies `n` bytes between two mappings: membus_transfer(), guarded.
 *
 * Args:    as membus_transfer(), without a window. An overlap whose window is larger than
 *          MEMBUS_MOVE_EXACT bytes (between devices: whose n is) is refused, and
 *          MEMBUS_OVERLAP_TAIL is taken as MEMBUS_OVERLAP_EXACT
 *          fault  gets what happened when the error is -EFAULT; may be NULL
 * Keeps:   the rules of membus_transfer(), and G1.
 * Returns: as membus_transfer(), and -EFAULT after a fault: `bytes` arrived. Where the source is
 *          a device that faulted, dst is stored to its end: from `bytes` on, with all ones (G3).
 */
MEMBUS_API struct membus_result membus_guard_transfer(const struct membus_mapping *dst,
                                                      size_t dst_offset,
                                                      const struct membus_mapping *src,
                                                      size_t src_offset, size_t n, unsigned flags,
                                                      struct membus_fault *fault);

/*
 * One access to device memory, with the ordering of membus_mmio_read_*() and _write_*().
 *
 * Args:    p      the register; aligned as membus_mmio_* wants it
 *          value  gets what was read, in native byte order; all ones after a fault (G3)
 *          fault  gets what happened after a fault, or NULL
 * Returns: 0, or -EFAULT after a fault. A write then had no effect. -EOPNOTSUPP, and all ones,
 *          where the host has no such access (MEMBUS_ARCH_MMIO_WIDTH).
 */
MEMBUS_API int membus_guard_read_8(const void *p, uint8_t *value, struct membus_fault *fault);
MEMBUS_API int membus_guard_read_16(const void *p, uint16_t *value, struct membus_fault *fault);
MEMBUS_API int membus_guard_read_32(const void *p, uint32_t *value, struct membus_fault *fault);
MEMBUS_API int membus_guard_read_64(const void *p, uint64_t *value, struct membus_fault *fault);
MEMBUS_API int membus_guard_write_8(void *p, uint8_t value, struct membus_fault *fault);
MEMBUS_API int membus_guard_write_16(void *p, uint16_t value, struct membus_fault *fault);
MEMBUS_API int membus_guard_write_32(void *p, uint32_t value, struct membus_fault *fault);
MEMBUS_API int membus_guard_write_64(void *p, uint64_t value, struct membus_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
