/* SPDX-License-Identifier: MIT */

#include "rcu.h"

#include <pthread.h>
#include <signal.h>

#if MEMBUS_TSAN
char membus_rcu_epoch, membus_rcu_done;
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* liburcu's thread must not take signals that the VMM expects in threads of its own. */
static void start_thread(void)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    urcu_bp_get_default_call_rcu_data();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void run(struct rcu_head *head)
{
    struct membus_deferred *deferred = (struct membus_deferred *)head;

    MEMBUS_TSAN_ACQUIRE(head);
    MEMBUS_TSAN_ACQUIRE(&membus_rcu_epoch);
    deferred->free(deferred);
    MEMBUS_TSAN_RELEASE(&membus_rcu_done);
}

void membus_rcu_defer(struct membus_deferred *deferred,
                      void (*free_function)(struct membus_deferred *deferred))
{
    pthread_once(&once, start_thread);
    deferred->free = free_function;
    MEMBUS_TSAN_RELEASE(&deferred->head);
    urcu_bp_call_rcu(&deferred->head, run);
}

void membus_rcu_wait(void)
{
    urcu_bp_synchronize_rcu();
    urcu_bp_barrier();
    MEMBUS_TSAN_ACQUIRE(&membus_rcu_epoch);
    MEMBUS_TSAN_ACQUIRE(&membus_rcu_done);
}
