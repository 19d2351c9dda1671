/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "audit/slots.h"
#include "audit/target.h"

/* The auditor's side: sends batches of cases to the child and starts it again when it died. */

struct membus_audit_engine {
    struct audit_worker worker;
    struct membus_audit_target target;
    struct slots_shared *shared;
};

static void *map_shared(size_t size)
{
    void *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void slots_close(struct membus_audit_engine *e)
{
    if (!e)
        return;
    audit_worker_close(&e->worker);
    if (e->shared) {
        audit_arena_close(&e->shared->arena);
        if (e->shared->access)
            munmap(e->shared->access, SLOTS_ACCESS * sizeof(struct membus_audit_access));
        munmap(e->shared, sizeof(*e->shared));
    }
    audit_target_free(&e->target);
    free(e);
}

static int allocate(struct membus_audit_engine *e, const struct membus_audit_target *target)
{
    int r = audit_worker_open(&e->worker);

    if (!r)
        r = audit_target_copy(&e->target, target);
    if (r)
        return r;
    e->shared = map_shared(sizeof(*e->shared));
    if (!e->shared)
        return -ENOMEM;
    e->shared->check = e->target.check;
    e->shared->access = map_shared(SLOTS_ACCESS * sizeof(struct membus_audit_access));
    return e->shared->access ? audit_arena_open(&e->shared->arena, -1) : -ENOMEM;
}

static int start(struct membus_audit_engine *e, char *error, size_t error_size)
{
    return audit_worker_start(&e->worker, &e->target, slots_serve, e->shared, error, error_size);
}

static int slots_open(struct membus_audit_engine **out, const struct membus_audit_target *target,
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
        slots_close(e);
    else
        *out = e;
    return r;
}

/* Waits for the child as long as it shows signs of life. */
static int wait_for_child(struct membus_audit_engine *e)
{
    uint32_t beat;
    int r;

    do {
        beat = __atomic_load_n(&e->shared->beat, __ATOMIC_RELAXED);
        r = audit_worker_wait(&e->worker, audit_worker_hang_seconds);
    } while (r == -ETIMEDOUT && beat != __atomic_load_n(&e->shared->beat, __ATOMIC_RELAXED));
    return r;
}

/* The child died or hung in the case after the last that is done; says so in that one's trace. */
static void report_death(struct membus_audit_engine *e, int how)
{
    struct slots_shared *s = e->shared;
    struct slots_result *r = &s->result[s->done];
    int status = audit_worker_stop(&e->worker, how == -ETIMEDOUT);

    memset(&r->trace, 0, sizeof(r->trace));
    r->trace.c = s->cases[s->done++];
    r->trace.text = r->text;
    r->trace.end = MEMBUS_AUDIT_CRASHED;
    if (how == -ETIMEDOUT) {
        r->trace.end = MEMBUS_AUDIT_ENDLESS;
        snprintf(r->text, sizeof(r->text), "one instruction took more than %u s",
                 audit_worker_hang_seconds);
    } else if (WIFSIGNALED(status)) {
        r->trace.signal = WTERMSIG(status);
        snprintf(r->text, sizeof(r->text), "took its process with it (%s)",
                 strsignal(r->trace.signal));
    } else {
        snprintf(r->text, sizeof(r->text), "ended its process with status %d", WEXITSTATUS(status));
    }
}

/* Has a batch carried out; afterwards results [0, shared->done) hold, at least one. */
static int exchange(struct membus_audit_engine *e, const struct membus_audit_case *cases,
                    size_t count)
{
    struct slots_shared *s = e->shared;
    char error[256];
    int r;

    if (!e->worker.pid) {
        r = start(e, error, sizeof(error));
        if (r)
            return r;
    }
    memcpy(s->cases, cases, count * sizeof(*cases));
    s->count = (uint32_t)count;
    s->done = 0;
    r = audit_worker_wake(&e->worker);
    if (!r)
        r = wait_for_child(e);
    if (r)
        report_death(e, r);
    return 0;
}

static int slots_sweep(struct membus_audit_engine *e, const struct membus_audit_case *cases,
                       size_t count, membus_audit_visit *visit, void *data)
{
    for (size_t i = 0; i < count; i++)
        if (audit_arena_check_case(&cases[i]))
            return -EINVAL;
    while (count) {
        int r = exchange(e, cases, count < SLOTS_BATCH ? count : SLOTS_BATCH);

        for (uint32_t i = 0; !r && i < e->shared->done; i++)
            r = visit(&e->shared->result[i].trace, data);
        if (r)
            return r;
        cases += e->shared->done;
        count -= e->shared->done;
    }
    return 0;
}

static int keep(const struct membus_audit_trace *trace, void *data)
{
    *(struct membus_audit_trace *)data = *trace;
    return 0;
}

static int slots_run(struct membus_audit_engine *e, const struct membus_audit_case *c,
                     struct membus_audit_trace *trace)
{
    return slots_sweep(e, c, 1, keep, trace);
}

const struct membus_audit_engine_ops membus_audit_slots = {
    .name = "slots",
    .arch = "x86_64",
    .open = slots_open,
    .run = slots_run,
    .sweep = slots_sweep,
    .close = slots_close,
};
