/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_RCU_H
#define MEMBUS_RCU_H

/*
 * Readers and reclaim, on liburcu's "bp" flavour: threads register themselves at their first
 * section, so nothing is asked of a VMM's threads. Its read side is a handful of instructions,
 * meant by its authors to be inlined by code of any licence (urcu/static/urcu-bp.h).
 *
 * Pointers are published and read with the compiler's atomics rather than liburcu's macros: same
 * instructions, and the thread sanitizer understands them. What it cannot see is liburcu's own
 * synchronisation; membus_rcu_defer() and the end of a section tell it.
 */

#if defined(__SANITIZE_THREAD__)
#define MEMBUS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MEMBUS_TSAN 1
#endif
#endif
#ifndef MEMBUS_TSAN
#define MEMBUS_TSAN 0
#endif

/* Sanitizers find fault with the inline code (it believes in an alignment that its own arena does
 * not give): they get the functions. */
#if !MEMBUS_TSAN && !defined(__SANITIZE_ADDRESS__) && !defined(_LGPL_SOURCE)
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-bp.h>

#ifdef _LGPL_SOURCE
/* liburcu is loaded with us, so its thread-local pointer is at a fixed distance: no call to find
 * it, which would cost more than the section. */
extern DECLARE_URCU_TLS(struct urcu_bp_reader *, urcu_bp_reader)
    __attribute__((tls_model("initial-exec")));
#endif

#include <stdbool.h>
#include <stddef.h>

#include <membus/export.h>

#if MEMBUS_TSAN
extern void __tsan_acquire(void *addr);
extern void __tsan_release(void *addr);
extern char membus_rcu_epoch, membus_rcu_done;
#define MEMBUS_TSAN_ACQUIRE(p) __tsan_acquire(p)
#define MEMBUS_TSAN_RELEASE(p) __tsan_release(p)
#else
#define MEMBUS_TSAN_ACQUIRE(p) ((void)0)
#define MEMBUS_TSAN_RELEASE(p) ((void)0)
#endif

MEMBUS_INLINE void membus_rcu_lock(void)
{
    urcu_bp_read_lock();
}

MEMBUS_INLINE void membus_rcu_unlock(void)
{
    MEMBUS_TSAN_RELEASE(&membus_rcu_epoch);
    urcu_bp_read_unlock();
}

/* The same begun by a thread that liburcu knows already, without the call that registers it: the
 * caller needs no stack frame. False, and no section, if it does not. */
MEMBUS_INLINE bool membus_rcu_lock_known(void)
{
#ifdef _LGPL_SOURCE
    if (caa_unlikely(!URCU_TLS(urcu_bp_reader)))
        return false;
    cmm_barrier(); /* as _urcu_bp_read_lock() does */
    _urcu_bp_read_lock_update(URCU_TLS(urcu_bp_reader)->ctr);
#else
    membus_rcu_lock();
#endif
    return true;
}

MEMBUS_INLINE bool membus_rcu_reading(void)
{
    return urcu_bp_read_ongoing() != 0;
}

/* What was stored through `v` before is visible to a reader that gets it by membus_rcu_get(). */
#define membus_rcu_set(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#define membus_rcu_get(p)    __atomic_load_n(&(p), __ATOMIC_ACQUIRE)

/* Something to be freed when all readers of now have ended. Embed it. */
struct membus_deferred {
    struct rcu_head head;
    void (*free)(struct membus_deferred *deferred);
};

/* Calls deferred->free(deferred) after a grace period, in liburcu's thread. Never blocks. */
void membus_rcu_defer(struct membus_deferred *deferred,
                      void (*free_function)(struct membus_deferred *deferred));

/* Waits for all readers and all that was deferred. Not within a section. */
void membus_rcu_wait(void);

#endif
