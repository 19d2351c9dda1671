/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_WORKER_H
#define MEMBUS_AUDIT_WORKER_H

/*
 * The process that a target is loaded and run in, a child of the auditor. Both sides see the
 * report, and whatever else was mapped shared before the start.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <membus/audit.h>

/* Loading may take this long, and a worker may go this long without a sign of life. */
#define AUDIT_LOAD_SECONDS 10
#define AUDIT_HANG_SECONDS 5
/* Those, but for the tests. */
extern unsigned audit_worker_load_seconds, audit_worker_hang_seconds;

struct audit_worker_report {
    int result;
    void *routine;
    char error[256];
};

struct audit_worker {
    pid_t pid;    /* 0: none */
    int to, from; /* pipes */
    struct audit_worker_report *report;
    void *routine;
};

/* What the child does after the target is loaded; never returns. */
typedef void audit_worker_body(struct audit_worker *w, void *data);

/* Once, before the first start; returns 0 or -errno. */
int audit_worker_open(struct audit_worker *w);
/* Starts the child and loads the target. Returns 0 or -errno with one line in `error`. */
int audit_worker_start(struct audit_worker *w, const struct membus_audit_target *target,
                       audit_worker_body *body, void *data, char *error, size_t error_size);
/* Ends the child, if any: kills it at once, or only if it does not end by itself (it has died of a
 * signal, say). Returns its wait status. */
int audit_worker_stop(struct audit_worker *w, bool kill_it);
void audit_worker_close(struct audit_worker *w);

/* One byte over the pipe; the parent's end gives up after the time: 0, -ETIMEDOUT or -EPIPE. */
int audit_worker_wait(struct audit_worker *w, unsigned seconds);
int audit_worker_wake(struct audit_worker *w);
/* The child's ends. */
int audit_worker_next(struct audit_worker *w);
int audit_worker_done(struct audit_worker *w);

#endif
